# A session that has waited for a lock for as long as its blocker_patience lasts ends those in its way that have a lower
# lock_priority: what it does to whom, and what they and the account are told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use PriorityTest;
use SessionctlTest;
use Test::More;

my ($node, $admin) = new_priority_server('lock_priority');
my $update = 'UPDATE t SET b = b + 1 WHERE a = 1';

# Holds a row and is idle in its transaction.
sub holder
{
	my ($user) = @_;
	my $session = session($node, user => $user);
	$session->run("BEGIN; $update");
	return $session;
}

# Runs a statement while it holds the row.
sub busy_holder
{
	my ($user, $before) = @_;
	my $session = session($node, user => $user);
	$session->run('BEGIN; ' . ($before || '') . $update);
	$session->send('SELECT pg_sleep(1000)');
	return $session;
}

sub still_waits { return shown($admin, $_[0], 'waiting') }

subtest 'one that is idle in its transaction' => sub {
	my ($position, $holder, $waiter) = (log_position($node), holder('batch'), patient($node, 'terminate'));
	is($waiter->run($update), '', 'the waiter has its row');
	like($holder->run('SELECT 1'), qr/terminating connection due to administrator command\nDETAIL:  A session of high lock priority waited for this one for \d.* \(pg_sessionctl\.blocker_patience is 100 ms\)\.\nHINT:  Hold locks for a shorter time; connect again/,
		'its client is told why');
	wait_for('the audit', sub { gives_way($node, $position, $holder) });
	is(join(',', gives_way($node, $position, $holder)), 'terminate terminated', 'the audit');
	like((audit_lines($node, $position))[0],
		qr/usename="batch" .* by_session_user="shop" .* rule="blocker_patience" reason="A session of high lock priority waited/, 'in whose name');
	is($admin->run(q{SELECT action, result, usename, by_session_user FROM sessionctl.session_audit WHERE rule = 'blocker_patience'}),
		'terminate|terminated|batch|shop', 'session_audit');
	is($admin->run(q{SELECT action, acted_on, ended FROM sessionctl.session_stats WHERE rule = 'blocker_patience' AND acted_on > 0}),
		'terminate|1|1', 'session_stats');
	all_end($admin);
};

subtest 'one that runs a statement' => sub {
	my ($position, $holder, $waiter) = (log_position($node), busy_holder('batch'), patient($node, 'cancel'));
	is($waiter->run($update), '', 'the waiter has its row');
	like($holder->answer, qr/canceling statement due to user request\nDETAIL:  A session of high lock priority .*\nHINT:  Hold locks for a shorter time; repeat the transaction/,
		'cancelled, and told why');
	$holder->run('ROLLBACK');
	ok($holder->lives, 'it stays');
	wait_for('the audit', sub { gives_way($node, $position, $holder) });
	is(join(',', gives_way($node, $position, $holder)), 'cancel cancelled', 'the audit');
	all_end($admin);
};

subtest 'cancel never terminates' => sub {
	my ($position, $holder, $waiter) = (log_position($node), holder('batch'), patient($node, 'cancel'));
	$waiter->send($update);
	wait_for('the report', sub { reports_since($node, $position) });
	is(join(',', reports_since($node, $position)), 'LOG: it runs no statement that could be cancelled', 'one that is idle is only reported');
	is(still_waits($waiter), 't', 'the wait goes on');
	ok($holder->lives, 'and so does it');
	all_end($admin);

	# What was done before the savepoint stays locked.
	($position, $holder, $waiter) = (log_position($node), session($node, user => 'batch'), patient($node, 'cancel'));
	$holder->run("BEGIN; $update; SAVEPOINT s");
	$holder->send('SELECT pg_sleep(1000)');
	$waiter->send($update);
	like($holder->answer, qr/canceling statement/, 'under a savepoint it is cancelled');
	$holder->run('ROLLBACK TO s');
	wait_for('the report', sub { reports_since($node, $position) });
	is(still_waits($waiter), 't', 'which frees nothing');
	ok($holder->lives, 'and it is not terminated');
	$holder->run('COMMIT');
	is($waiter->answer, '', 'until it goes on by itself');
	all_end($admin);
};

subtest 'escalate' => sub {
	my ($position, $holder, $waiter) = (log_position($node), session($node, user => 'batch'), patient($node, 'escalate'));
	$holder->run("BEGIN; $update; SAVEPOINT s");
	$holder->send('SELECT pg_sleep(1000)');
	is($waiter->run($update), '', 'the waiter has its row');
	wait_for('the audit', sub { gives_way($node, $position, $holder) == 2 });
	is(join(',', gives_way($node, $position, $holder)), 'cancel cancelled,terminate terminated', 'cancelled first, then terminated');
	all_end($admin);

	# Whoever waits, too, gives it the same time after the cancel.
	($position, $holder) = (log_position($node), session($node, user => 'batch'));
	my @waiters = map { patient($node, 'escalate', patience => "${_}00 ms") } 1 .. 3;
	$holder->run("BEGIN; $update; SAVEPOINT s");
	$holder->send('SELECT pg_sleep(1000)');
	$_->send($update) for @waiters;
	is($_->answer, '', 'each of three has its row') for @waiters;
	wait_for('the audit', sub { gives_way($node, $position, $holder) == 2 });
	is(join(',', gives_way($node, $position, $holder)), 'cancel cancelled,terminate terminated', 'after one cancel, and one signal more');
	like((grep { /action=terminate .*rule="blocker_patience"/ } audit_lines($node, $position))[0], qr/state="idle in transaction \(aborted\)" .*state_age="[\d.]+ s"/,
		'and not at once');
	all_end($admin);

	($position, $holder, $waiter) = (log_position($node), busy_holder('batch'), patient($node, 'escalate'));
	is($waiter->run($update), '', 'the waiter has its row');
	wait_for('the audit', sub { gives_way($node, $position, $holder) });
	is(join(',', gives_way($node, $position, $holder)), 'cancel cancelled', 'what the cancel frees is not terminated');
	$holder->answer;
	$holder->run('ROLLBACK');
	ok($holder->lives, 'it lives');
	all_end($admin);

	($position, $holder, $waiter) = (log_position($node), holder('batch'), patient($node, 'escalate'));
	is($waiter->run($update), '', 'the waiter has its row');
	wait_for('the audit', sub { gives_way($node, $position, $holder) });
	is(join(',', gives_way($node, $position, $holder)), 'terminate terminated', 'one that runs nothing is terminated at once');
	all_end($admin);
};

subtest 'log is the default' => sub {
	my ($position, $holder, $waiter) = (log_position($node), holder('batch'), session($node, user => 'shop'));
	is($waiter->run('SHOW pg_sessionctl.blocker_action'), 'log', 'by default nobody is ended');
	is($waiter->run('SHOW pg_sessionctl.blocker_patience'), '0', 'and nobody has a patience');
	my $kept = $admin->run('SELECT count(*) FROM sessionctl.session_audit');
	$waiter->run(q{SET pg_sessionctl.blocker_patience = '50 ms'});
	$waiter->send($update);
	wait_for('the log', sub { gives_way($node, $position, $holder) });
	# Others are looked at meanwhile, again and again.
	my ($other_position, $other, $second) = (log_position($node), session($node, user => 'batch'), patient($node, 'terminate'));
	$other->run('BEGIN; UPDATE t SET b = 0 WHERE a = 2');
	is($second->run('UPDATE t SET b = 1 WHERE a = 2'), '', 'another wait ends');
	is(join(',', gives_way($node, $position, $holder)), 'log spared', 'the server log has it once for the wait');
	ok($holder->lives, 'nobody was ended');
	is($admin->run('SELECT count(*) FROM sessionctl.session_audit WHERE action = $$log$$'), '0', 'and session_audit has no place for it');
	$holder->run('COMMIT');
	$waiter->answer;
	all_end($admin);
};

subtest 'all pairs' => sub {
	my %priority = (batch => 0, app => 1, shop => 2);
	for my $waiting (sort keys %priority)
	{
		for my $holding (sort keys %priority)
		{
			my ($position, $holder, $waiter) = (log_position($node), holder($holding), patient($node, 'terminate', user => $waiting));
			$admin->run("GRANT $holding TO $waiting") if $waiting eq 'app' && $holding eq 'batch';
			$waiter->send($update);
			if ($priority{$holding} < $priority{$waiting})
			{
				is($waiter->answer, '', "$waiting has $holding ended");
			}
			else
			{
				wait_for('the report', sub { reports_since($node, $position) });
				is(join(',', reports_since($node, $position)), 'LOG: it has no lower lock priority', "$waiting waits for $holding");
				ok($holder->lives, 'which lives');
			}
			all_end($admin);
		}
	}
};

subtest 'priorities changed while they wait' => sub {
	$admin->run('ALTER SYSTEM SET pg_sessionctl.lock_priority = high; SELECT pg_reload_conf()');
	wait_for('the new value', sub { session($node)->run('SHOW pg_sessionctl.lock_priority') eq 'high' });
	my ($position, $holder, $waiter) = (log_position($node), holder('app'), patient($node, 'terminate'));
	$waiter->send($update);
	wait_for('the report', sub { reports_since($node, $position) });
	is(join(',', reports_since($node, $position)), 'LOG: it has no lower lock priority', 'equals, by the configuration');
	ok($holder->lives, 'nobody is ended');
	$admin->run('ALTER SYSTEM RESET pg_sessionctl.lock_priority; SELECT pg_reload_conf()');
	is($waiter->answer, '', 'until the configuration says otherwise');
	all_end($admin);

	($holder, $waiter) = (holder('app'), session($node, user => 'shop'));
	waits($admin, $waiter, $update);
	$admin->run(q{ALTER SYSTEM SET pg_sessionctl.blocker_patience = '50 ms'; ALTER SYSTEM SET pg_sessionctl.blocker_action = terminate; SELECT pg_reload_conf()});
	is($waiter->answer, '', 'a patience for all, set while it waits');
	$admin->run('ALTER SYSTEM RESET pg_sessionctl.blocker_patience; ALTER SYSTEM RESET pg_sessionctl.blocker_action; SELECT pg_reload_conf()');
	all_end($admin);
};

subtest 'settings' => sub {
	my $app = session($node, user => 'app');
	like($app->complaint('SET pg_sessionctl.lock_priority = high'), qr/42501: permission denied to set parameter "pg_sessionctl\.lock_priority"/,
		'nobody raises his own priority');
	like($admin->complaint('SET pg_sessionctl.lock_priority = urgent'), qr/22023: invalid value .*\nHINT:  Available values: low, normal, high/, 'the priorities');
	like($app->complaint('SET pg_sessionctl.blocker_action = kill'), qr/Available values: log, cancel, terminate, escalate/, 'the actions');
	is($app->run(q{SET pg_sessionctl.blocker_patience = '2 s'; SHOW pg_sessionctl.blocker_patience}), '2s', 'the patience is its own');
	all_end($admin);
};

$admin->quit;
done_testing();
