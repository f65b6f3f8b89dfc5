# The reaper looks at a session in somebody's way, and then signals it. What the session begins in between waits for the
# signal, which is held there: its commit, which would wait for a standby. And the same for one that gives up its own wait.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest qw(with_held_signal);
use LockTest;
use PriorityTest;
use SessionctlTest;
use Test::More;

plan skip_all => 'signals are held with a library for Linux' if $^O ne 'linux';

my ($wanted, $node, $admin) = with_held_signal(sub { new_priority_server('lock_priority_held_signal', conf => "wal_level = logical\nmax_wal_senders = 2\n") });
plan skip_all => 'nothing tells what a commit waits for' if $admin->run('SHOW server_version_num') < 100000;
$admin->run('CREATE TABLE orders (a text); GRANT ALL ON orders TO PUBLIC');
$admin->run(q{CREATE FUNCTION raise_priority() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT set_config('pg_sessionctl.lock_priority', 'high', false) $$});
reconfigure($node, 'synchronous_standby_names' => 'nobody');
my $update = 'UPDATE t SET b = b + 1 WHERE a = 1';

sub wait_event
{
	my ($session) = @_;
	$admin->run('SELECT pg_stat_clear_snapshot()');
	return $admin->run(q{SELECT coalesce(wait_event_type || ':' || wait_event, '') FROM pg_stat_activity WHERE pid = } . $session->pid);
}

# While the signal of a request is held, so is a part of the lock table: whoever looks needs nothing of it that it does not
# have already.
sub look_from_one_transaction
{
	my ($session) = @_;
	$admin->run('BEGIN');
	return wait_event($session);
}

sub hold_signal { return write_file($wanted, '') }
sub is_held { return wait_for('the reaper to signal it', sub { -e "$wanted.held" }) }
sub let_go { return unlink "$wanted.held" }

# What the blocker did before, the action, what it does once the signal is held, and what it is told.
sub is_hit_before_its_commit
{
	my ($name, %with) = @_;
	subtest $name => sub {
		my $position = log_position($node);
		my $blocker = session($node, user => 'batch');
		$with{before}->($blocker);
		hold_signal();
		my $waiter = patient($node, $with{action});
		$waiter->run('BEGIN');
		$waiter->send($update);
		is_held();
		$with{then}->($blocker);
		wait_for('it to wait', sub { wait_event($blocker) =~ /^(?:LWLock:|IPC:SyncRep)/ });
		unlike(wait_event($blocker), qr/SyncRep/, 'it has not committed');
		ok(let_go(), 'the signal is sent');
		like($blocker->answer, $with{told}, 'it is signalled before it does');
		is($waiter->answer, '', 'the waiter has its row');
		$waiter->run('ROLLBACK');
		is(join("\n", log_lines($node, $position, qr/canceling the wait/)), '', 'no wait for a standby is given up');
		is($admin->run('SELECT count(*) FROM orders'), '0', 'and nothing is written');
		all_end($admin);
	};
	return;
}

is_hit_before_its_commit('a commit', action => 'terminate', told => qr/^FATAL:  terminating connection due to administrator command/m,
	before => sub { $_[0]->run(qq{BEGIN; INSERT INTO orders VALUES ('late'); $update}) },
	then => sub { $_[0]->send('COMMIT') });

$admin->run('SELECT pg_advisory_lock(1)');
is_hit_before_its_commit('the commit of a statement that is to be cancelled', action => 'cancel', told => qr/^ERROR:  canceling statement due to user request/m,
	before => sub {
		my ($session) = @_;
		$session->send(q{WITH held AS (UPDATE t SET b = b + 1 WHERE a = 1 RETURNING a)
			INSERT INTO orders SELECT 'late' FROM held, pg_advisory_xact_lock(1 + 0 * held.a)});
		wait_for('it to wait', sub { wait_event($session) eq 'Lock:advisory' });
	},
	then => sub { $admin->run('SELECT pg_advisory_unlock(1)') });

# While the first of two is signalled, the other is given a priority: what it was chosen for is no longer so.
subtest 'one that is no longer lower when its turn comes' => sub {
	my $position = log_position($node);
	my @readers = map { session($node, user => 'batch') } 1 .. 2;
	$_->run('BEGIN; TABLE u') for @readers;
	hold_signal();
	my $waiter = patient($node, 'terminate');
	$waiter->run('BEGIN');
	$waiter->send('LOCK TABLE u');
	is_held();
	# The one that is signalled has to wait to look anything up.
	$_->send('SELECT raise_priority()') for @readers;
	wait_for('the other one to go on', sub { grep { $_->has_answered } @readers });
	my ($second) = grep { $_->has_answered } @readers;
	my ($first) = grep { $_ != $second } @readers;
	is($second->answer, 'high', 'one of them has another priority');
	ok(let_go(), 'the signal is sent');
	like($first->answer, qr/^FATAL:  terminating connection/m, 'the first is ended');
	wait_for('the report', sub { reports_since($node, $position) });
	is(join(',', reports_since($node, $position)), 'LOG: it has no lower lock priority', 'the other one stays');
	ok($second->lives, 'and lives');
	$second->run('COMMIT');
	is($waiter->answer, '', 'until it goes by itself');
	$waiter->run('ROLLBACK');
	all_end($admin);
};

subtest 'one of many is no longer lower' => sub {
	my $position = log_position($node);
	my @readers = map { session($node, user => 'batch') } 1 .. 8;
	$_->run('BEGIN; TABLE u') for @readers;
	hold_signal();
	my $waiter = patient($node, 'terminate');
	$waiter->run('BEGIN');
	$waiter->send('LOCK TABLE u');
	is_held();
	# They are signalled in about the order in which they came, or in the opposite one: one of the two may be the first.
	my @raised = @readers[0, 7];
	$_->send('SELECT raise_priority()') for @raised;
	wait_for('one to go on', sub { grep { $_->has_answered } @raised });
	ok(let_go(), 'the signal is sent');
	wait_for('the report', sub { reports_since($node, $position) });
	is(join(',', reports_since($node, $position)), 'LOG: it has no lower lock priority', 'it stays');
	wait_for('the first to end', sub { grep { !is_running($_->pid) } @readers });
	is(scalar(grep { is_running($_->pid) } @readers), 7, 'and nobody but the first has ended for nothing');
	all_end($admin);
};

# Whoever holds the table lets go of it meanwhile: the request is cancelled while it waits, and does not get its lock first.
subtest 'a wait that is given up' => sub {
	my $reader = session($node);
	$reader->run('BEGIN; TABLE u');
	my $alter = session($node, user => 'shop');
	$alter->run(q{SET pg_sessionctl.yield_after = '100 ms'; BEGIN; INSERT INTO orders VALUES ('late')});
	waits($admin, $alter, 'LOCK TABLE u');
	my $behind = session($node);
	look_from_one_transaction($reader);
	hold_signal();
	$behind->send('SELECT count(*) FROM u');
	is_held();
	$reader->send('ROLLBACK');
	wait_for('it to wait for the queue', sub { wait_event($reader) =~ /^LWLock:/ });
	ok(let_go(), 'the signal is sent');
	$admin->run('COMMIT');
	like($alter->answer, qr/\AERROR:  canceling statement due to user request\nDETAIL:  This session's wait for a lock kept others waiting/, 'the request is cancelled');
	is($behind->answer, '0', 'who stood behind it goes on');
	is($reader->answer, '', 'and so does who held the table');
	$alter->run('ROLLBACK');
	all_end($admin);
};

$admin->quit;
$node->stop;
done_testing();
