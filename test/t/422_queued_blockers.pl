# An ALTER TABLE that waits behind a long reader blocks all others. blocking_tree() marks it, cancel_queued_blockers
# cancels it, and terminate_blockers of a session behind it ends no session further up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use SessionctlTest;
use Test::More;

my $node = new_lock_server('queued_blockers');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE low LOGIN; CREATE ROLE operator LOGIN; GRANT pg_signal_backend TO operator;
	CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t SELECT g, 'x' FROM generate_series(1, 9) AS g; CREATE TABLE u (a int);
	GRANT ALL ON ALL TABLES IN SCHEMA public TO app; ALTER TABLE t OWNER TO app});
my $cancelled = qr/^ERROR:  canceling statement due to user request/m;

# A reader, a request for all of the table behind it, and others behind that one.
sub queue
{
	my ($others, %with) = @_;
	my ($reader, @others) = map { session($node, app => $_) } 'reader', ('other') x $others;
	my $request = $with{request} || session($node, app => 'request');
	$reader->run('BEGIN; TABLE t');
	waits($admin, $request, 'ALTER TABLE t ADD c int');
	waits($admin, $_, 'SELECT count(*) FROM t') for @others;
	return ($reader, $request, @others);
}

sub cancel_queued { return ($_[1] || $admin)->run("SELECT sessionctl.cancel_queued_blockers($_[0])") }
sub states { return join ' ', map { shown($admin, $_, q{CASE WHEN waiting THEN 'waits' ELSE state END}) || 'gone' } @_ }

subtest 'the request is cancelled, and nobody else' => sub {
	my ($reader, $request, @others) = queue(2);
	like(tree($admin, request => $request, reader => $reader),
		qr/\Areader .*, 3 wait behind it; last: .*\n  request .* waits for AccessExclusiveLock on public\.t, 2 wait behind it, 2 of them only for its request: ALTER/,
		'the tree marks it');
	is(cancel_queued(q{'1 h'}), "NOTICE:  1 session makes others wait by its request, but has not waited for longer than older_than\n"
		. "HINT:  A smaller older_than includes more of them.\n0", 'not before it has waited so long, which is told');
	is(states($reader, $request), 'idle in transaction waits', 'and it waits on');
	my $position = log_position($node);
	is(cancel_queued(q{'0', reason => 'too long'}), '1', 'one');
	like((audit_lines($node, $position))[0], qr/ action=cancel result="cancelled" .* pid=@{[ $request->pid ]} .* reason="too long"\z/, 'the audit');
	like($request->answer, $cancelled, 'it hears so');
	is($_->answer, '9', 'the session that waited for it goes on') for @others;
	ok($_->lives, 'lives') for $reader, $request, @others;
	is(cancel_queued(q{'0'}), '0', 'nobody is left');
	is(cancel_queued(q{'1 h'}), '0', 'nor is anybody told of');
	all_end($admin);
};

subtest 'a request that blocks nobody is left alone' => sub {
	my ($writer, $request, $other) = map { session($node, app => $_) } qw(writer request other);
	$writer->run('BEGIN; LOCK TABLE t');
	waits($admin, $request, 'BEGIN; LOCK TABLE t');
	waits($admin, $other, 'TABLE t');
	unlike(tree($admin), qr/only for its request/, 'whoever stands behind it waits for the holder as well');
	is(cancel_queued(q{'0'}), '0', 'so nobody is cancelled');
	all_end($admin);
	my @s = map { session($node) } 0 .. 3;
	$s[0]->run('BEGIN; UPDATE t SET b = 0 WHERE a = 1');
	waits($admin, $s[$_], "UPDATE t SET b = $_ WHERE a = 1") for 1 .. 3;
	is(cancel_queued(q{'0'}), '0', 'nor in a queue for one row');
	is($admin->run('SELECT sessionctl.terminate_blockers(' . $s[3]->pid . ')'), '1', 'of which terminate_blockers ends the head alone');
	is(shown($admin, $s[0], 'true'), '', 'that one');
	is($_->answer, '', 'and the others have the row, one after the other') for @s[1 .. 3];
	all_end($admin);
};

subtest 'terminate_blockers of one behind the request' => sub {
	my ($reader, $request, $other) = queue(1);
	is($admin->run('SELECT sessionctl.terminate_blockers(' . $other->pid . ')'), '1', 'ends one');
	is($other->answer, '9', 'it goes on');
	is(states($reader, $request), 'idle in transaction gone', 'without the request; the reader was in nobody\'s way');
	all_end($admin);
	($reader, $request, $other) = queue(1);
	is($admin->run('SELECT sessionctl.terminate_blockers(' . $request->pid . ')'), '1', 'of the request itself');
	is(shown($admin, $reader, 'true'), '', 'the reader');
	like($_->answer, qr/^9?$/, 'both go on') for $request, $other;
	all_end($admin);
};

subtest 'guard rails and rights' => sub {
	# Before 14 a wait is as old as its statement, and when that began is not for everybody to see.
	my $tells_since = $admin->run('SHOW server_version_num') >= 140000;
	my $boss = SessionctlTest::Session->new($node, user => 'boss');
	my ($reader, $request, $other) = queue(1, request => $boss);
	my ($low, $operator) = map { SessionctlTest::Session->new($node, user => $_) } qw(low operator);
	like(cancel_queued(q{'0'}, $operator), qr/\ANOTICE:  the state of \d+ sessions is hidden from you/, 'which is told') if !$tells_since;
	$admin->run('GRANT pg_read_all_stats TO operator') if !$tells_since;
	is(cancel_queued(q{'0'}, $operator), "NOTICE:  matched 1: 1 spared (superuser)\n0", 'a superuser is spared');
	is(cancel_queued(q{'0'}), "NOTICE:  matched 1: 1 spared (superuser)\n" . hint_to_include('superusers') . '0',
		'who may cancel it is told how');
	like(cancel_queued(q{'0'}, $low), qr/permission denied for function cancel_queued_blockers/, 'it is not for everybody');
	is(cancel_queued(q{'0', include_superusers => true, keep => 1}), "NOTICE:  matched 1: 1 spared (kept)\n0", 'keep');
	is(cancel_queued(q{'0', include_superusers => true}), '1', 'unless included');
	like($boss->answer, $cancelled, 'cancelled');
	$_->quit for $boss, $low;
	all_end($admin);
	my (undef, $one) = queue(1);
	my @two = map { session($node) } 1 .. 3;
	$two[0]->run('BEGIN; TABLE u');
	waits($admin, $two[1], 'BEGIN; LOCK TABLE u');
	waits($admin, $two[2], 'TABLE u');
	like($admin->complaint(q{SELECT sessionctl.cancel_queued_blockers('0', refuse_above => 1)}), qr/\AERROR:  54000: 2 sessions would be acted on/, 'refuse_above');
	is(states($one, $two[1]), 'waits waits', 'and nobody was cancelled');
	is(cancel_queued(q{'0'}, $operator), '2', 'all of them at once');
	like($_->answer, $cancelled, 'cancelled') for $one, $two[1];
	$operator->quit;
	all_end($admin);
};

# A call that is held up where it reads the view: it has seen sessions and waits, and nobody is signalled yet.
my ($watcher, $caller) = map { SessionctlTest::Session->new($node) } 1 .. 2;

sub held_up
{
	my ($meanwhile) = @_;
	my $view = SessionctlTest::Session->new($node);
	$view->run('BEGIN; LOCK TABLE sessionctl.session_activity');
	$caller->send(q{SELECT sessionctl.cancel_queued_blockers('0')});
	wait_for('the call to wait for the view', sub { $watcher->run(
		"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sessionctl.session_activity'::regclass AND pid = " . $caller->pid) eq '1' });
	$meanwhile->();
	$view->quit;
	return $caller->answer;
}

sub waits_now { return $watcher->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $_[0]->pid) eq '1' }

subtest 'looked at again at the signal' => sub {
	my ($reader, $request, $other) = queue(1);
	is(held_up(sub { $reader->run('COMMIT'); $_->answer for $request, $other }), "NOTICE:  matched 1: 1 not running\n0", 'it has had its lock');
	all_end($admin);

	($reader, $request, $other) = queue(1);
	is(held_up(sub { $watcher->run('SELECT pg_terminate_backend(' . $other->pid . ')'); wait_for('its end', sub { !waits_now($other) }) }),
		"NOTICE:  matched 1: 1 no longer matches\n0", 'it waits, but nobody stands behind it');
	ok(waits_now($request), 'it waits on');
	all_end($admin);

	# In one statement, so that only the lock tells the two waits apart.
	($reader, $other) = map { session($node) } 1 .. 2;
	$request = session($node);
	my @second = map { session($node) } 1 .. 2;
	$_->run('BEGIN; TABLE t') for $reader;
	$second[0]->run('BEGIN; TABLE u');
	waits($admin, $request, 'DO $$BEGIN LOCK TABLE t; LOCK TABLE u; END$$');
	waits($admin, $other, 'SELECT count(*) FROM t');
	is(held_up(sub {
			$reader->run('COMMIT');
			# Who comes before its request would not wait for it.
			wait_for('its wait for the second table', sub {
				$watcher->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $$u$$::regclass AND pid = ' . $request->pid) eq '1';
			});
			$second[1]->send('SELECT count(*) FROM u');
			wait_for('one behind it', sub { waits_now($second[1]) });
		}), "NOTICE:  matched 1: 1 no longer matches\n0", 'it waits for another lock, and others behind it');
	ok(waits_now($request), 'it waits on');
	all_end($admin);
};

$_->quit for $watcher, $caller, $admin;
done_testing();
