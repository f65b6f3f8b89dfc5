# Lock priority in detail: whom a wait names, what counts as the same wait, and what the log may hold.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use PriorityTest;
use RawSession;
use SessionctlTest;
use Test::More;

my ($node, $admin) = new_priority_server('lock_priority_details');
my $update = 'UPDATE t SET b = b + 1 WHERE a = 1';

subtest 'names' => sub {
	my $name = qq{the "shop"\n action=x};
	(my $quoted = $name) =~ s/"/""/g;
	$admin->run(qq{CREATE ROLE "$quoted" LOGIN; ALTER ROLE "$quoted" SET pg_sessionctl.lock_priority = high; GRANT batch TO "$quoted"});
	my ($position, $holder) = (log_position($node), session($node, user => 'batch', app => qq{a "b"\tc}));
	$holder->run("BEGIN; $update");
	my $named = SessionctlTest::Session->new($node, user => $name);
	$named->run(q{SET pg_sessionctl.blocker_patience = '50 ms'; SET pg_sessionctl.blocker_action = terminate});
	is($named->run($update), '', 'the waiter has its row');
	wait_for('the audit', sub { gives_way($node, $position, $holder) });
	my @lines = grep { /rule="blocker_patience"/ } audit_lines($node, $position);
	is(scalar(@lines), 1, 'one line');
	like($lines[0], qr/ action=terminate .* usename="batch" .*by_session_user="the \\"shop\\"\\x0a action=x" by_current_user=/, 'with the name quoted');
	$named->quit;
	all_end($admin);
	$admin->run(qq{DROP OWNED BY "$quoted"; DROP ROLE "$quoted"});
};

subtest 'who comes later' => sub {
	my @holders = map { session($node, user => 'batch') } 1 .. 2;
	$holders[0]->run("BEGIN; $update");
	my $waiter = patient($node, 'terminate', patience => '1 h');
	waits($admin, $waiter, $update);
	# One that comes later stands behind it, and blocks it no more than others do.
	waits($admin, $holders[1], $update);
	is($admin->run('SELECT count(*) FROM sessionctl.session_blocking WHERE waiter_pid = ' . $waiter->pid), '1', 'one is in its way');
	is($admin->run('SELECT blocker_priority FROM sessionctl.session_blocking WHERE waiter_pid = ' . $holders[1]->pid . ' ORDER BY 1 LIMIT 1'), 'high',
		'and it is in the way of the other');
	all_end($admin);
};

subtest 'a session that sets its patience again and again' => sub {
	my $wakeups = sub { return $admin->run('SELECT wakeups FROM sessionctl.reaper_status') };
	my ($session, $before) = (session($node), $wakeups->());
	my ($count, $took) = split /\|/, $session->run(q{SELECT count(set_config('pg_sessionctl.blocker_patience', CASE g % 2 WHEN 0 THEN '1 ms' ELSE '0' END, false)),
		ceil(extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000) FROM generate_series(1, 50000) AS g});
	is($count, '50000', 'it is set');
	# Each time it looks at the limits and at the waits.
	cmp_ok($wakeups->() - $before, '<=', $took / 10 + 20, 'the reaper is woken for it no more often than it looks');
	all_end($admin);
	$session = session($node);
	$session->run(q{SET pg_sessionctl.blocker_patience = '40 ms'});
	$before = $wakeups->();
	wait_for('looks for a session that has one', sub { $wakeups->() > $before + 20 });
	all_end($admin);
	wait_for('no looks any more', sub { $before = $wakeups->(); $admin->run('SELECT pg_sleep(1.2)'); $wakeups->() == $before });
	pass('when nobody has a patience, it sleeps');
};

subtest 'a wait that has ended' => sub {
	my ($position, $holder) = (log_position($node), session($node, user => 'batch'));
	$holder->run("BEGIN; $update");
	my $waiter = patient($node, 'terminate', patience => '2 s');
	$waiter->run(q{SET statement_timeout = '700 ms'});
	like($waiter->run($update), qr/statement timeout/, 'one that gives up before') for 1 .. 3;
	is(join(',', gives_way($node, $position, $holder)), '', 'has ended nobody');
	$waiter->run('SET statement_timeout = 0; SET pg_sessionctl.blocker_patience = 0');
	waits($admin, $waiter, $update);
	$holder->run('ROLLBACK');
	is($waiter->answer, '', 'and its next wait is another one');
	all_end($admin);
};

subtest 'many waits for one lock of another kind' => sub {
	my ($position, $holder) = (log_position($node), session($node, user => 'batch'));
	$holder->run('SELECT pg_advisory_lock(9)');
	my @waiting = map { patient($node, 'terminate', patience => '1 ms') } 1 .. 12;
	waits($admin, $_, 'SELECT pg_advisory_lock(9)') for @waiting;
	wait_for('all reports', sub { reports_since($node, $position) >= @waiting });
	my $other = session($node, user => 'batch');
	$other->run("BEGIN; $update");
	is(patient($node, 'terminate')->run($update), '', 'whoever waits for a row beside them has it');
	is(join(',', reports_since($node, $position)), join(',', ('LOG: it holds a lock of a kind that nobody is ended for') x @waiting),
		'each of them is reported once');
	ok($holder->lives, 'and ends nobody');
	all_end($admin);
};

subtest 'a statement that tries again and again' => sub {
	my ($position, $holder) = (log_position($node), session($node, user => 'batch'));
	$holder->run("BEGIN; $update");
	# Together they last longer than the patience, each of them does not.
	my $waiter = patient($node, 'terminate', patience => '3 s');
	$waiter->run(q{SET lock_timeout = '20 ms'; CREATE FUNCTION pg_temp.retries(attempts int) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			FOR i IN 1 .. attempts LOOP
				BEGIN UPDATE t SET b = b + 1 WHERE a = 1; RETURN 'got it'; EXCEPTION WHEN lock_not_available THEN NULL; END;
			END LOOP;
			RETURN 'gave up';
		END $$});
	is($waiter->run('SELECT pg_temp.retries(200)'), 'gave up', 'each attempt is a wait of its own');
	ok($holder->lives, 'and none is long enough');
	is(join(',', gives_way($node, $position, $holder)), '', 'nothing was done');
	all_end($admin);
};

subtest 'patience and yield_after together' => sub {
	my ($position, $low, $equal) = (log_position($node), session($node, user => 'batch'), session($node, user => 'shop'));
	$_->run('BEGIN; TABLE t') for $low, $equal;
	my $alter = patient($node, 'terminate', patience => '20 ms');
	$alter->run(q{SET pg_sessionctl.yield_after = '200 ms'});
	waits($admin, $alter, 'ALTER TABLE t ADD c int');
	my $behind = session($node);
	is($behind->run('SELECT count(*) FROM t'), '9', 'where one stays, the request yields');
	like($alter->answer, qr/yield_after/, 'and is told so');
	ok($_->lives, 'lives') for $low, $equal;
	$equal->run('COMMIT');
	$alter->run(q{SET pg_sessionctl.yield_after = '1 h'});
	is($alter->run('ALTER TABLE t ADD c int; ALTER TABLE t DROP c'), '', 'where all give way, it goes on');
	wait_for('the audit', sub { gives_way($node, $position, $low) });
	is(join(',', gives_way($node, $position, $low)), 'terminate terminated', 'after the one of low priority');
	all_end($admin);
};

subtest 'several requests in the queue' => sub {
	my $reader = session($node);
	$reader->run('BEGIN; TABLE t');
	my @alters = map { session($node, user => 'shop') } 1 .. 3;
	$_->run(q{SET pg_sessionctl.yield_after = '100 ms'}) for @alters[0, 2];
	waits($admin, $_, 'BEGIN\; LOCK TABLE t') for @alters;
	my $behind = session($node);
	waits($admin, $behind, 'SELECT count(*) FROM t');
	# Without two of them the third would still be there.
	my ($other, $fourth) = (session($node), session($node, user => 'shop'));
	$other->run('BEGIN; TABLE u');
	$fourth->run(q{SET pg_sessionctl.yield_after = '100 ms'});
	waits($admin, $fourth, 'BEGIN\; LOCK TABLE u');
	is(session($node)->run('SELECT count(*) FROM u'), '0', 'one request alone yields');
	is(join(' ', map { shown($admin, $_, 'waiting') } @alters), 't t t', 'where one of three does not, nobody does');
	$admin->run('SELECT pg_cancel_backend(' . $alters[1]->pid . ')');
	is($behind->answer, '9', 'when that one is gone, the others yield');
	like($_->answer, qr/yield_after/, 'and are told so') for @alters[0, 2];
	all_end($admin);
};

subtest 'a statement in the middle of which the client sends nothing' => sub {
	my ($position, $holder) = (log_position($node), RawSession->new($node, user => 'batch'));
	$holder->query("BEGIN; $update")->expect('Z');
	$holder->extended('SELECT 1')->expect('C');
	wait_for('it to wait', sub { $admin->run(q{SELECT state || wait_event FROM pg_stat_activity WHERE pid = } . $holder->pid) eq 'activeClientRead' });
	my $waiter = patient($node, 'cancel');
	$waiter->send($update);
	wait_for('the report', sub { reports_since($node, $position) });
	is(join(',', reports_since($node, $position)), 'LOG: it runs no statement that could be cancelled', 'has none to be cancelled');
	is(join(',', gives_way($node, $position, $holder)), '', 'and no signal is sent');
	all_end($admin);
	$waiter = patient($node, 'escalate');
	is($waiter->run($update), '', 'escalate has its row');
	wait_for('the audit', sub { gives_way($node, $position, $holder) });
	is(join(',', gives_way($node, $position, $holder)), 'terminate terminated', 'since it terminates at once');
	$holder->quit;
	all_end($admin);
};

subtest 'a command of several transactions' => sub {
	plan skip_all => 'the server has none that waits for its table' if $admin->run('SHOW server_version_num') < 140000;
	$admin->run(q{CREATE TABLE parted (a int) PARTITION BY RANGE (a); CREATE TABLE part PARTITION OF parted FOR VALUES FROM (1) TO (9); GRANT ALL ON parted, part TO PUBLIC;
		ALTER TABLE parted OWNER TO owner; ALTER TABLE part OWNER TO owner});
	my $reader = session($node);
	$reader->run('BEGIN; TABLE part');
	my $detach = session($node, user => 'shop');
	$detach->run(q{SET pg_sessionctl.yield_after = '100 ms'});
	waits($admin, $detach, 'ALTER TABLE parted DETACH PARTITION part CONCURRENTLY');
	is(session($node)->run('SELECT count(*) FROM part'), '0', 'yields as well');
	like($detach->answer, qr/yield_after/, 'and is told so');
	$reader->run('COMMIT');
	like($detach->run('ALTER TABLE parted DETACH PARTITION part CONCURRENTLY'), qr/already pending detach/, 'what it did before is done');
	is($detach->run('ALTER TABLE parted DETACH PARTITION part FINALIZE'), '', 'and can be finished');
	all_end($admin);
};

# Those that wait behind somebody else as well have waited for long when that one goes.
subtest 'a holder that was in the way of all' => sub {
	my ($position, $reader, $writer) = (log_position($node), session($node), session($node));
	$reader->run('BEGIN; TABLE t');
	$writer->run('BEGIN; LOCK TABLE t IN SHARE MODE');
	my $alter = session($node, user => 'shop');
	$alter->run(q{SET pg_sessionctl.yield_after = '2 s'});
	waits($admin, $alter, 'BEGIN\; LOCK TABLE t');
	my $behind = session($node);
	waits($admin, $behind, $update);
	# The same time, from later on: when it is over, so was the other's, if it had been counted.
	my ($other, $second) = (session($node), session($node, user => 'shop'));
	$other->run('BEGIN; TABLE u');
	$second->run(q{SET pg_sessionctl.yield_after = '2 s'});
	waits($admin, $second, 'BEGIN\; LOCK TABLE u');
	is(session($node)->run('SELECT count(*) FROM u'), '0', 'another request yields');
	$writer->run('COMMIT');
	is($behind->answer, '', 'so does this one when only it is in the way');
	like($alter->answer, qr/kept others waiting for 2(?:\.\d+)? s /, 'but not for what others did before');
	all_end($admin);
};

$admin->quit;
done_testing();
