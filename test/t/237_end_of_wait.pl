# A session tells of its commit from before the record until after the wait for the standby. Here it is stopped between the
# two, where nothing else shows what it is about: a signal of the reaper would end the wait.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('end_of_wait', q{shared_preload_libraries = 'pg_sessionctl'}, 'wal_level = logical', 'max_wal_senders = 2',
	'max_prepared_transactions = 2', 'track_commit_timestamp = on', 'autovacuum = off');
my ($admin, $holder) = map { SessionctlTest::Session->new($node) } 1 .. 2;
plan skip_all => 'nothing tells what a commit waits for' if $admin->run('SHOW server_version_num') < 100000;
$admin->run('CREATE EXTENSION pg_sessionctl; CREATE ROLE app LOGIN; CREATE TABLE orders (a text); GRANT ALL ON orders TO PUBLIC');
my $held = $node->data_dir . '/held';
my $limit = 'pg_sessionctl.transaction_timeout';

sub stop_before_its_wait
{
	my ($session, $end) = @_;
	write_file($held, '');
	$holder->send("SELECT sessionctl_test.hold_lock('SyncRepLock', '$held')");
	wait_for('the lock to be held', sub { read_file($held) eq 'x' });
	$session->send($end);
	return wait_for('it to come before its wait', sub { wait_event($admin, $session) =~ /^LWLock:SyncRep/ });
}

# The reaper alone learns of the limit: a session that reads the configuration first waits there already.
sub let_the_reaper_look
{
	my @controls = map { SessionctlTest::Session->new($node, user => 'app') } 1 .. 2;
	$admin->run("ALTER SYSTEM SET $limit = '300 ms'");
	kill 'HUP', $admin->run('SELECT pid FROM sessionctl.reaper_status') or die 'no reaper';
	for my $control (@controls)
	{
		$control->send('BEGIN\; SELECT pg_sleep(600)');
		is(reaped($control), 'transaction_timeout', 'who began later is ended');
		$control->quit;
	}
	return;
}

# The next number of a transaction begins a page of commit timestamps, which is written to WAL.
sub come_to_the_end_of_a_page
{
	$admin->run('SET synchronous_commit = local');
	1 while $admin->run('SELECT txid_current() % 819') != 818;
	return $admin->run('RESET synchronous_commit');
}

# What the session did before any standby was asked for, what happens afterwards, and what it ends.
sub is_left_alone
{
	my ($name, @statements) = @_;
	return subtest $name => sub {
		my $session = SessionctlTest::Session->new($node, user => 'app');
		my $end = pop @statements;
		my $afterwards = ref $statements[-1] ? pop @statements : sub { };
		$session->run($_) for 'SET synchronous_commit = local', @statements;
		$session->run($end eq 'COMMIT' ? 'SET LOCAL synchronous_commit = on' : 'SET synchronous_commit = on');
		ask_for_standby($node);
		$afterwards->();
		my $position = log_position($node);
		stop_before_its_wait($session, $end);
		let_the_reaper_look();
		unlink $held or die $!;
		wait_for('it to go on', sub { wait_event($admin, $session) !~ /^LWLock/ });
		is(wait_event($admin, $session), 'IPC:SyncRep', 'it waits for its standby');
		is(join("\n", grep { / pid=${\ $session->pid} / } audit_lines($node, $position)), '', 'it was not signalled');
		reconfigure($node, synchronous_standby_names => undef, $limit => undef);
		unlike($session->answer, qr/FATAL|WARNING/, 'and ends well');
		$session->quit;
		$holder->answer;
	};
}

my @prepare = ('BEGIN', q{INSERT INTO orders VALUES ('a')}, q{PREPARE TRANSACTION 'a'});
is_left_alone('a commit', 'BEGIN', q{INSERT INTO orders VALUES ('a')}, 'COMMIT');
is_left_alone('COMMIT PREPARED', @prepare, q{COMMIT PREPARED 'a'});
is_left_alone('ROLLBACK PREPARED', @prepare, q{ROLLBACK PREPARED 'a'});
is_left_alone('PREPARE TRANSACTION', 'BEGIN', 'SELECT 1', q{SET LOCAL synchronous_commit = on\; PREPARE TRANSACTION 'b'});
$admin->run(q{ROLLBACK PREPARED 'b'});
is_left_alone('a notification', 'BEGIN', q{SELECT 1 FROM pg_logical_emit_message(false, 'a', 'b')}, 'NOTIFY news', 'COMMIT');
is_left_alone('a notification alone', 'BEGIN', 'NOTIFY news', \&come_to_the_end_of_a_page, 'COMMIT');
is_left_alone('a temporary table that is emptied', 'CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS', 'BEGIN', 'SELECT count(*) FROM t', 'COMMIT');

$_->quit for $admin, $holder;
$node->stop;
done_testing();
