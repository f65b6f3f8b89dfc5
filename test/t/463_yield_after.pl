# A session that waits for the lock of a table gives up by its own pg_sessionctl.yield_after, where others could go on at
# once without its request; and nobody else ever does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use PriorityTest;
use SessionctlTest;
use Test::More;

my ($node, $admin) = new_priority_server('yield_after');
my $query = 'SELECT count(*) FROM t';
my $cancelled = qr/\AERROR:  canceling statement due to user request/;

sub yields
{
	my (%with) = @_;
	my $session = session($node, user => 'shop', %with);
	$session->run(q{SET pg_sessionctl.yield_after = '} . ($with{after} || '100 ms') . q{'});
	return $session;
}

sub reader { my $session = session($node); $session->run('BEGIN; TABLE t'); return $session }
sub behind { my $session = session($node); waits($admin, $session, $_[0] || $query); return $session }

# What the audit has of this session.
sub given_up
{
	my ($position, $session) = @_;
	my $pid = $session->pid;
	return map { /action=(\w+) result="([^"]+)"/ ? "$1 $2" : () } grep { / pid=$pid .* rule="yield_after"/ } audit_lines($node, $position);
}

# Another wait, which began later with the same time, is given up on: the first was due.
sub another_yields
{
	my $holder = session($node);
	$holder->run('BEGIN; TABLE u');
	my $other = yields();
	waits($admin, $other, 'BEGIN\; LOCK TABLE u');
	my $last = session($node);
	is($last->run('SELECT count(*) FROM u'), '0', 'another query goes on');
	return like($other->answer, $cancelled, 'since another request has given up');
}

subtest 'a request in whose wake others queue' => sub {
	my ($position, $reader, $alter) = (log_position($node), reader(), yields());
	waits($admin, $alter, 'ALTER TABLE t ADD c int');
	my $behind = session($node);
	is($behind->run($query), '9', 'the query behind it goes on');
	like($alter->answer, qr/$cancelled\nDETAIL:  This session's wait for a lock kept others waiting for \d.* \(pg_sessionctl\.yield_after is 100 ms\)\.\nHINT:  What the transaction did before is undone: repeat it, when the table is less in use\./,
		'the request is cancelled, and told why');
	ok($_->lives, 'lives') for $reader, $alter, $behind;
	wait_for('the audit', sub { given_up($position, $alter) });
	is(join(',', given_up($position, $alter)), 'cancel cancelled', 'the audit');
	like((grep { /rule="yield_after"/ } audit_lines($node, $position))[0], qr/usename="shop" .* reason="This session's wait for a lock kept others waiting/, 'the server log');
	is($admin->run(q{SELECT count(*) FROM sessionctl.session_audit WHERE rule = 'yield_after'}), '0', 'session_audit has no place for what any role may ask for');
	is($admin->run(q{SELECT action, acted_on, ended FROM sessionctl.session_stats WHERE rule = 'yield_after' AND acted_on > 0}),
		'cancel|1|1', 'session_stats');
	all_end($admin);
};

subtest 'while nobody is behind it' => sub {
	my ($position, $reader, $alter) = (log_position($node), reader(), yields());
	waits($admin, $alter, 'ALTER TABLE t ADD c int');
	another_yields();
	is(shown($admin, $alter, 'waiting'), 't', 'it waits on');
	$reader->run('COMMIT');
	is($alter->answer, '', 'until it has its lock');
	is(join(',', given_up($position, $alter)), '', 'and nothing is said of it');
	$admin->run('ALTER TABLE t DROP c');
	all_end($admin);
};

subtest 'those behind it wait for the holder as well' => sub {
	my $writer = session($node);
	$writer->run('BEGIN; LOCK TABLE t');
	my $alter = yields();
	waits($admin, $alter, 'BEGIN\; LOCK TABLE t');
	my $behind = behind();
	another_yields();
	is(shown($admin, $alter, 'waiting'), 't', 'it waits on: without it they would wait as long');
	$writer->run('COMMIT');
	$alter->answer;
	$alter->run('COMMIT');
	is($behind->answer, '9', 'and all go on in their turn');
	all_end($admin);
};

subtest 'only for the locks of tables' => sub {
	my $holder = session($node);
	$holder->run('BEGIN; SELECT pg_advisory_xact_lock_shared(7)');
	my $waiter = yields();
	waits($admin, $waiter, 'BEGIN\; SELECT pg_advisory_xact_lock(7)');
	my $behind = session($node);
	waits($admin, $behind, 'SELECT pg_advisory_xact_lock_shared(7)');
	another_yields();
	is(shown($admin, $waiter, 'waiting'), 't', 'one for an advisory lock is not given up');
	all_end($admin);
};

subtest 'in a transaction' => sub {
	my ($reader, $alter) = (reader(), yields());
	$alter->run('BEGIN; INSERT INTO u VALUES (1)');
	$alter->send('ALTER TABLE t ADD c int');
	wait_for('it to wait', sub { shown($admin, $alter, 'waiting') eq 't' });
	is(session($node)->run($query), '9', 'the query behind it goes on');
	like($alter->answer, $cancelled, 'the request is cancelled');
	like($alter->run('SELECT 1'), qr/current transaction is aborted/, 'and with it all of its transaction');
	$alter->run('ROLLBACK');
	is($admin->run('SELECT count(*) FROM u'), '0', 'what it did before is lost');
	all_end($admin);
};

subtest 'who goes on waiting' => sub {
	my ($position, $reader, $stubborn) = (log_position($node), reader(), yields(after => '20 ms'));
	$stubborn->run(q{CREATE FUNCTION pg_temp.insist(attempts int) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			FOR i IN 1 .. attempts LOOP
				BEGIN LOCK TABLE t; EXCEPTION WHEN query_canceled THEN NULL; END;
			END LOOP;
			RETURN 'gives up'; END $$});
	# Each attempt has its time. If it were 5 s, this would take longer than the test may.
	$stubborn->send('SELECT pg_temp.insist(50)');
	wait_for('it to wait', sub { shown($admin, $stubborn, 'waiting') eq 't' });
	my $behind = session($node);
	is($behind->run($query), '9', 'who is behind goes on');
	$behind->run($query) until shown($admin, $stubborn, 'state') eq 'idle';
	is($stubborn->answer, 'gives up', 'a function that swallows the cancel, and asks again, is cancelled each time');
	ok($stubborn->lives, 'it lives');
	all_end($admin);
};

subtest 'whose setting it is' => sub {
	my $app = session($node, user => 'app');
	is($app->run('SHOW pg_sessionctl.yield_after'), '0', 'off by default');
	is($app->run(q{SET pg_sessionctl.yield_after = '2 s'; SHOW pg_sessionctl.yield_after}), '2s', 'it is its own');
	like($app->complaint('SET pg_sessionctl.yield_after = -1'), qr/22023: -1 .*is outside the valid range/, 'and a time');
	like($app->complaint(q{ALTER ROLE batch SET pg_sessionctl.yield_after = '1 ms'}), qr/42501: /, "nobody sets another's");
	all_end($admin);

	my ($reader, $alter) = (reader(), session($node, user => 'postgres'));
	waits($admin, $alter, 'ALTER TABLE t ADD c int');
	my $behind = behind();
	$admin->run(q{ALTER SYSTEM SET pg_sessionctl.yield_after = '50 ms'; SELECT pg_reload_conf()});
	like($alter->answer, $cancelled, 'all have it by the configuration, superusers too, set while they wait');
	is($behind->answer, '9', 'and who is behind goes on');
	$admin->run('ALTER SYSTEM RESET pg_sessionctl.yield_after; SELECT pg_reload_conf()');
	all_end($admin);
};

subtest 'reaper_action = log' => sub {
	reconfigure($node, 'pg_sessionctl.reaper_action' => 'log');
	my ($position, $reader, $alter) = (log_position($node), reader(), yields());
	waits($admin, $alter, 'ALTER TABLE t ADD c int');
	my $behind = behind();
	wait_for('the log', sub { given_up($position, $alter) });
	is(join(',', given_up($position, $alter)), 'log spared', 'is only logged');
	is(shown($admin, $alter, 'waiting'), 't', 'it waits on');
	is($admin->run(q{SELECT acted_on FROM sessionctl.session_stats WHERE rule = 'yield_after' AND action = 'log'}), '1', 'once for the wait');
	reconfigure($node, 'pg_sessionctl.reaper_action' => undef);
	is($behind->answer, '9', 'until it is reset');
	like($alter->answer, $cancelled, 'and then it yields');
	all_end($admin);
};

subtest 'what is shown' => sub {
	my ($reader, $alter) = (reader(), yields(after => '1 h'));
	waits($admin, $alter, 'ALTER TABLE t ADD c int');
	$_ = $admin->run('SELECT sessionctl.blocking_tree()');
	like($_, qr/ on public\.t, yields after 1 h: ALTER/, 'blocking_tree');
	unlike(session($node, user => 'stranger')->run('SELECT sessionctl.blocking_tree()'), qr/yields/, 'not to who may not see the session');
	all_end($admin);
};

$admin->quit;
done_testing();
