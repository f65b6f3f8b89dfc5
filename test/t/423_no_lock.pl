# terminate_blockers of a session that waits for no lock reports the wait event, the sessions that block it, and what ends
# it if it blocks others.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use SessionctlTest;
use Test::More;

my $node = new_lock_server('no_lock', init => { allows_streaming => 1 },
	conf => "synchronous_standby_names = 'nobody'\nsynchronous_commit = local\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE operator LOGIN; GRANT pg_signal_backend TO operator; CREATE TABLE t (a int); GRANT ALL ON t TO app');

sub said
{
	my ($session, $by) = @_;
	return ($by || $admin)->run('SELECT sessionctl.terminate_blockers(' . $session->pid . ')');
}

# Of what is only shown, nothing that acts by itself takes notice.
sub is_blocked_by_nobody
{
	my ($session) = @_;
	return is(shown($admin, $session, 'blocked_by::text || waiting::text'), '{}false', 'session_activity knows of locks alone');
}

subtest 'a blocker that waits for nobody' => sub {
	my ($blocker, $waiter) = map { session($node) } 1 .. 2;
	my $pid = $blocker->pid;
	$blocker->run('BEGIN; LOCK TABLE t');
	waits($admin, $waiter, 'TABLE t');
	is(said($blocker), "NOTICE:  session $pid waits for no lock, and 1 session waits for it\n"
		  . "HINT:  To end the session itself, SELECT sessionctl.terminate_session($pid).\n0", 'is told how to be ended');
	is($admin->run("SELECT sessionctl.terminate_session($pid)"), '1', 'which does it');
	is($waiter->answer, '', 'and the waiter goes on');
	all_end($admin);
};

subtest 'the caller itself' => sub {
	my $waiter = session($node);
	$admin->run('BEGIN; LOCK TABLE t');
	waits($admin, $waiter, 'TABLE t');
	like(said($admin), qr/and 1 session waits for it\nHINT:  End your transaction with COMMIT or ROLLBACK/, 'is told to end its transaction');
	$admin->run('ROLLBACK');
	all_end($admin);
};

subtest 'a deferrable transaction' => sub {
	my ($writer, $reader) = map { session($node) } 1 .. 2;
	$writer->run('BEGIN ISOLATION LEVEL SERIALIZABLE; TABLE t; INSERT INTO t VALUES (1)');
	$reader->send('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; TABLE t');
	wait_for('it to wait', sub { shown($admin, $reader, 'wait_event') eq 'SafeSnapshot' });
	my ($from, $by) = ($reader->pid, $writer->pid);
	like(said($reader), qr{\ANOTICE:  session $from waits for no lock but in IPC/SafeSnapshot, and 0 sessions wait for it\nDETAIL:  It waits for the transactions of pid $by\.\nHINT:  .*DEFERRABLE},
		'waits for one that writes, which is named');
	my $tree = tree($admin, writer => $writer, reader => $reader);
	is(follow($tree), 'writer .reader', 'the tree has it under that one');
	like($tree, qr/, 1 waits behind it; last: .*\n  reader app\@\S+.*, waits in SafeSnapshot for serializable transactions that write: /, 'with what it waits in');
	is_blocked_by_nobody($reader);
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	like(said($reader, $operator), qr/\ANOTICE:  session $from waits for no lock, and 0 sessions wait for it\nHINT:  Name /, 'a role that may not see it learns no more');
	is($operator->run('SELECT sessionctl.blocking_tree()'), '', 'nor shown');
	$operator->quit;
	$writer->run('COMMIT');
	is($reader->answer, '', 'it goes on when that one has ended');
	all_end($admin);
};

subtest 'a synchronous standby that is not there' => sub {
	my ($writer) = session($node);
	$writer->run('SET synchronous_commit = on');
	$writer->send('INSERT INTO t VALUES (2)');
	wait_for('it to wait', sub { shown($admin, $writer, 'wait_event') eq 'SyncRep' });
	like(said($writer), qr{waits for no lock but in IPC/SyncRep, .*\nHINT:  Its transaction is committed here and waits for a synchronous standby: }, 'is told');
	wait_for('it to have waited for a second',
		sub { tree($admin, writer => $writer) =~ /\Awriter .*, waits in SyncRep for a synchronous standby \(pg_stat_replication\): INSERT INTO t VALUES \(2\);\z/ });
	is_blocked_by_nobody($writer);
	$admin->run(q{ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()});
	is($writer->answer, '', 'it goes on without');
	all_end($admin);
};

subtest 'a page that a cursor has pinned' => sub {
	my ($cursor, $vacuum) = (session($node), SessionctlTest::Session->new($node));
	$admin->run('CREATE TABLE pinned AS SELECT 1 AS a; GRANT ALL ON pinned TO app');
	$cursor->run('BEGIN; DECLARE c CURSOR FOR TABLE pinned; FETCH c');
	$vacuum->send('VACUUM FREEZE pinned');
	wait_for('it to wait', sub { shown($admin, $vacuum, 'wait_event') =~ /^Buffer(Pin|Cleanup)$/ });
	my $by = $cursor->pid;
	like(said($vacuum), qr{waits for no lock but in Buffer\w*/Buffer\w+, .*\nDETAIL:  The pin may be held by a session that has a lock on the same table: pid $by\.\nHINT:  .* pinned, mostly by an open cursor},
		'is told, and who may have pinned it');
	wait_for('it to have waited for a second',
		sub { tree($admin, vacuum => $vacuum, cursor => $cursor) =~ /\Avacuum .*, waits in Buffer\w+ for a page that another session has pinned \(maybe cursor\): VACUUM FREEZE pinned;\z/ });
	is_blocked_by_nobody($vacuum);
	$cursor->run('COMMIT');
	is($vacuum->answer, '', 'it goes on without the cursor');
	$vacuum->quit;
	all_end($admin);
};

subtest 'a process that does not absorb a barrier' => sub {
	plan skip_all => 'from 15 on' if $admin->run('SHOW server_version_num') < 150000;
	my ($stopped, $dropping) = (session($node), SessionctlTest::Session->new($node));
	my $by = $stopped->pid;
	$admin->run('CREATE DATABASE unused');
	stop_process($by);
	$dropping->send('DROP DATABASE unused');
	wait_for('it to wait for nobody else', sub { said($dropping) =~ /It waits for pid $by to/ });
	like(said($dropping), qr{waits for no lock but in IPC/ProcSignalBarrier, .*\nDETAIL:  It waits for pid $by to accept a ProcSignalBarrier\.\nHINT:  A server process }, 'is named');
	my %name = (stopped => $stopped, dropping => $dropping);
	is(follow(tree($admin, %name)), 'stopped .dropping', 'the tree has the waiter under it');
	like(tree($admin, %name), qr/\n  dropping .*, waits in ProcSignalBarrier for a process to accept a ProcSignalBarrier: DROP DATABASE unused;\z/, 'with what it waits in');
	is_blocked_by_nobody($dropping);
	continue_process($by);
	is($dropping->answer, '', 'it goes on when that one does');
	is($stopped->run('SELECT 1'), '1', 'which nobody has ended');
	$dropping->quit;
	all_end($admin);
};

$admin->quit;
done_testing();
