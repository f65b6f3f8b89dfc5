# Whom a session's patience reaches in queues and chains of waiters, and whom it never reaches.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use PriorityTest;
use SessionctlTest;
use Test::More;

my ($node, $admin) = new_priority_server('lock_priority_paths');
my $update = 'UPDATE t SET b = b + 1 WHERE a = 1';

sub alive { return join ' ', map { is_running($_->pid) ? 'lives' : 'gone' } @_ }

# A process ends a little later than it releases its locks.
sub become
{
	my ($expected, $what, @sessions) = @_;
	return ok(wait_for($what, sub { alive(@sessions) eq $expected }), $what);
}

sub batch { my ($sql) = @_; my $session = session($node, user => 'batch'); $session->run($sql); return $session }

# The one report of a wait of this session for these.
sub reports
{
	my ($waiter, $sql) = @_;
	my $position = log_position($node);
	$waiter->send($sql);
	wait_for('the report', sub { reports_since($node, $position) });
	return join ',', reports_since($node, $position);
}

subtest 'a reader before a waiting ALTER TABLE is in nobody\'s way' => sub {
	my $reader = batch('BEGIN; TABLE t');
	my ($alter, $shop) = (session($node, user => 'batch'), patient($node, 'terminate'));
	waits($admin, $alter, 'ALTER TABLE t ADD c int');
	is($shop->run('SELECT count(*) FROM t'), '9', 'a query goes on');
	become('lives gone', 'without ALTER TABLE', $reader, $alter);
	all_end($admin);

	$reader = batch('BEGIN; TABLE t');
	($alter, $shop) = (session($node, user => 'shop'), patient($node, 'terminate'));
	$alter->run('BEGIN');
	waits($admin, $alter, 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
	is(reports($shop, 'SELECT count(*) FROM t'), 'LOG: it has no lower lock priority', 'where the request is no lower');
	is(alive($reader, $alter), 'lives lives', 'the reader is not ended for it');
	all_end($admin);
};

subtest 'all who hold what is wanted' => sub {
	my @readers = map { batch('BEGIN; TABLE t') } 1 .. 3;
	my $app = session($node, user => 'app');
	$app->run('BEGIN; TABLE t');
	my $alter = patient($node, 'terminate', user => 'app');
	$admin->run('GRANT batch TO app');
	my $position = log_position($node);
	$alter->send('ALTER TABLE t ADD c int');
	wait_for('the report', sub { reports_since($node, $position) });
	is(alive(@readers, $app), 'lives lives lives lives', 'none, while one of them stays');
	$app->run('COMMIT');
	is($alter->answer, '', 'when it has gone, the wait ends');
	become('gone gone gone', 'and all the others have given way', @readers);
	$admin->run('ALTER TABLE t DROP c; REVOKE batch FROM app');
	all_end($admin);
};

subtest 'a chain' => sub {
	my $head = batch('BEGIN; LOCK TABLE u');
	my $middle = batch("BEGIN; $update");
	waits($admin, $middle, 'TABLE u');
	my $shop = patient($node, 'terminate');
	is($shop->run($update), '', 'low, low, high');
	become('lives gone', 'the nearest gave way', $head, $middle);
	all_end($admin);

	$head = batch('BEGIN; LOCK TABLE u');
	$middle = session($node, user => 'shop');
	$middle->run("BEGIN; $update");
	waits($admin, $middle, 'TABLE u');
	$shop = patient($node, 'terminate');
	$shop->send($update);
	is($middle->answer, '', 'low, high, high: the one between goes on');
	become('gone lives', 'the head gave way', $head, $middle);
	$middle->run('COMMIT');
	is($shop->answer, '', 'and then the waiter');
	all_end($admin);
};

subtest 'a key that changes hands' => sub {
	plan skip_all => 'the server does not tell since when it waits' if $admin->run('SHOW server_version_num') < 140000;
	my $shop = patient($node, 'terminate', patience => '1 h');
	my $due = sub {
		my ($blocker) = @_;
		my $at;
		wait_for('it to wait for the other', sub {
			$at = $admin->run('SELECT due_at FROM sessionctl.session_blocking WHERE waiter_pid = ' . $shop->pid . ' AND blocker_pid = ' . $blocker->pid);
			return $at ne '';
		});
		return $at;
	};
	# Whoever of the two is first when the key is free, the other waits for it: until that is the waiter with the patience.
	my ($before, $second);
	wait_for('the other one to be first', sub {
		my $first = batch('BEGIN; INSERT INTO t VALUES (100, 0)');
		$second = session($node, user => 'batch');
		waits($admin, $second, 'BEGIN\; INSERT INTO t VALUES (100, 0)');
		waits($admin, $shop, 'BEGIN\; INSERT INTO t VALUES (100, 1)');
		$before = $due->($first);
		$first->run('ROLLBACK');
		wait_for('one to have it', sub { shown($admin, $second, 'waiting') ne 't' || shown($admin, $shop, 'waiting') ne 't' });
		return 1 if shown($admin, $second, 'state') eq 'idle in transaction';
		$shop->answer;
		$shop->run('ROLLBACK');
		$second->answer;
		$second->run('ROLLBACK');
		return 0;
	});
	is($admin->run(qq{SELECT '@{[ $due->($second) ]}' > '$before'::timestamptz}), 't', 'patience begins anew with the next one');
	all_end($admin);
};

subtest 'advisory locks' => sub {
	my $holder = batch('BEGIN; SELECT pg_advisory_xact_lock(7)');
	my $shop = patient($node, 'terminate');
	is(reports($shop, 'SELECT pg_advisory_xact_lock(7)'), 'LOG: it holds a lock of a kind that nobody is ended for', 'reported only');
	is(alive($holder), 'lives', 'it lives');
	is($admin->run('SELECT count(*), count(due_at) FROM sessionctl.session_blocking'), '1|0', 'it is never due');
	unlike($admin->run('SELECT sessionctl.blocking_tree()'), qr/patien/, 'nor does the tree say so');
	all_end($admin);
};

subtest 'CREATE INDEX CONCURRENTLY' => sub {
	my $holder = batch('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE u');
	my $owner = patient($node, 'terminate', user => 'shop');
	like(reports($owner, 'CREATE INDEX CONCURRENTLY late ON t (b)'), qr/^LOG: it holds a lock of a kind that nobody is ended for/,
		'a wait for old transactions is reported only');
	is(alive($holder), 'lives', 'it lives');
	all_end($admin);
	$admin->run('DROP INDEX IF EXISTS late');
};

subtest 'a prepared transaction' => sub {
	my $app = batch("BEGIN; $update; PREPARE TRANSACTION 'stays'");
	my $shop = patient($node, 'terminate');
	is(reports($shop, $update), 'LOG: it is a prepared transaction', 'reported only');
	$admin->run(q{ROLLBACK PREPARED 'stays'});
	is($shop->answer, '', 'until somebody ends it');
	all_end($admin);
};

subtest 'sessions idle outside a transaction' => sub {
	my $holder = batch('SELECT pg_advisory_lock(8)');
	my $middle = session($node, user => 'shop');
	$middle->run("BEGIN; $update");
	waits($admin, $middle, 'SELECT pg_advisory_lock(8)');
	is(reports(patient($node, 'terminate'), $update), 'LOG: it holds a lock of a kind that nobody is ended for', 'reported only');
	is(alive($holder, $middle), 'lives lives', 'both live');
	all_end($admin);
};

subtest 'what is shown' => sub {
	my $holder = batch("BEGIN; $update");
	my $shop = patient($node, 'log', patience => '1 h');
	waits($admin, $shop, $update);
	# Before 14 the reaper has to see it first.
	wait_for('the end of its patience to be known', sub { $admin->run('SELECT due_at FROM sessionctl.session_blocking') ne '' });
	is($admin->run(q{SELECT waiter_priority, blocker_priority, due_at - interval '1 h' = since FROM sessionctl.session_blocking}),
		'high|low|' . ($admin->run('SHOW server_version_num') >= 140000 ? 't' : ''), 'session_blocking');
	is($admin->run(q{SELECT due_at - interval '1 h' BETWEEN query_start AND clock_timestamp()
		FROM sessionctl.session_blocking JOIN sessionctl.session_activity ON pid = waiter_pid}), 't', 'since it waits, or was seen to');
	my $patience = ', patient for another TIME';
	$_ = tree($admin, holder => $holder, shop => $shop);
	s/ 1 h / TIME /; s/\d+(\.\d)? (min|h)\b/TIME/g;
	like($_, qr/\Aholder batch\@postgres .*, low priority, idle in transaction .*\n  shop shop\@postgres .*, high priority, waits for ShareLock on transaction N\Q$patience\E: UPDATE/, 'blocking_tree');
	my $stranger = session($node, user => 'stranger');
	is($stranger->run('SELECT waiter_priority IS NULL, blocker_priority IS NULL, due_at IS NULL FROM sessionctl.session_blocking'),
		't|t|t', 'not to those who may not see the sessions');
	unlike($stranger->run('SELECT sessionctl.blocking_tree()'), qr/ priority,|patien/, 'nor in the tree');
	all_end($admin);
};

subtest 'the server log has each wait once' => sub {
	my $holder = session($node, user => 'shop');
	$holder->run("BEGIN; $update");
	my ($position, $waiter) = (log_position($node), patient($node, 'terminate', patience => '20 ms'));
	waits($admin, $waiter, $update);
	wait_for('the report', sub { reports_since($node, $position) });
	for (1 .. 3)    # others make the reaper look again
	{
		my $other = batch('BEGIN; UPDATE t SET b = 0 WHERE a = 5');
		is(patient($node, 'terminate', patience => '20 ms')->run('UPDATE t SET b = 1 WHERE a = 5'), '', 'another wait');
	}
	is(scalar(reports_since($node, $position)), 1, 'one line');
	all_end($admin);
};

$admin->quit;
done_testing();
