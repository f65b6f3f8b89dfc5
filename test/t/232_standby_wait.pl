# The reaper never ends a commit that waits for its synchronous standby, or is about to: after a signal it would report a
# commit that no standby has. Nor does it take anything else for one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('standby_wait', conf => "wal_level = logical\nmax_wal_senders = 2\nmax_prepared_transactions = 2\nfsync = on\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE TABLE orders (a text); GRANT ALL ON orders TO PUBLIC');
plan skip_all => 'nothing tells what a commit waits for' if $admin->run('SHOW server_version_num') < 100000;
my $is_linux = $^O eq 'linux';
ask_for_standby($node);

sub waits_for_standby
{
	my ($session) = @_;
	return wait_event($admin, $session) eq 'IPC:SyncRep';
}

sub wait_until_it_waits
{
	my ($session) = @_;
	return wait_for('it to wait for a standby', sub { waits_for_standby($session) });
}

sub lines_about
{
	my ($session) = @_;
	return grep { /pid=${\ $session->pid} / } audit_lines($node, $session->{log_position});
}

# They wait before there is any limit; then all limits are short.
my @settings = ('pg_sessionctl.statement_timeout', 'pg_sessionctl.transaction_timeout', $is_linux ? 'pg_sessionctl.client_gone_timeout' : ());
my $orphan = RawSession->new($node, user => 'app');
$orphan->query("INSERT INTO orders VALUES ('orphan')");
wait_until_it_waits($orphan);
my $committer = SessionctlTest::Session->new($node, user => 'app');
$committer->send("INSERT INTO orders VALUES ('patient')");
wait_until_it_waits($committer);
close $orphan->{socket};

for my $action (qw(log terminate))
{
	subtest "over its limit for long, $action" => sub {
		# Whoever began later, with the same limit, is past it.
		my @controls = map { SessionctlTest::Session->new($node, user => 'app') } 1 .. 2;
		reconfigure($node, 'pg_sessionctl.reaper_action' => $action, map { $_ => '300 ms' } @settings);
		for my $control (@controls)
		{
			$control->send('BEGIN\; SELECT pg_sleep(600)');
			wait_for("the reaper to $action", sub { grep { /action=$action .* rule="transaction_timeout"/ } lines_about($control) });
			$admin->run('SELECT pg_terminate_backend(' . $control->pid . ')');
			$control->quit;
		}
		ok(waits_for_standby($_), 'it waits') for $committer, $orphan;
		is_deeply([ map { lines_about($_) } $committer, $orphan ], [], 'and nothing is told of it');
	};
}

subtest 'the wait is over' => sub {
	reconfigure($node, 'synchronous_standby_names' => undef, map { $_ => undef } @settings);
	is($committer->answer, '', 'the client hears that it is committed, and no warning');
	ok($committer->lives, 'and goes on');
	wait_for('the other to notice that its client is gone', sub { !is_running($orphan->pid) });
	is($admin->run('SELECT string_agg(DISTINCT a, \' \' ORDER BY a) FROM orders'), 'orphan patient', 'both are committed');
	is_deeply([ map { lines_about($_) } $committer, $orphan ], [], 'by nobody\'s doing');
};

# It looks for a signal when it begins to wait. Flushed slowly, most of these commits are under way at their limit.
subtest 'a commit that is being flushed' => sub {
	ask_for_standby($node);
	my $position = log_position($node);
	reconfigure($node, 'commit_delay' => 100000, 'commit_siblings' => 0, 'pg_sessionctl.transaction_timeout' => '200 ms');
	my @sessions = map { SessionctlTest::Session->new($node, user => 'app') } 1 .. 12;
	$sessions[$_]->send(sprintf q{BEGIN\; INSERT INTO orders VALUES ('flushed')\; SELECT pg_sleep(%.3f)\; COMMIT}, 0.13 + 0.01 * $_)
	  for 0 .. $#sessions;
	for my $session (@sessions)
	{
		wait_for('each to wait or to end', sub { !is_running($session->pid) || waits_for_standby($session) });
	}
	reconfigure($node, map { $_ => undef } qw(synchronous_standby_names commit_delay commit_siblings pg_sessionctl.transaction_timeout));
	is(join("\n", log_lines($node, $position, qr/canceling the wait for synchronous replication/)), '', 'is not signalled');
	$_->quit for @sessions;
};

subtest 'a commit that is refused' => sub {
	my $session = SessionctlTest::Session->new($node, user => 'app');
	$session->run('BEGIN; SAVEPOINT s');
	like($session->run(q{COMMIT PREPARED 'nothing'}), qr/ERROR:/, 'in a subtransaction');
	is($session->run('ROLLBACK TO s'), '', 'which alone is rolled back');
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => '300 ms');
	is(reaped($session), 'idle_in_transaction_timeout', 'exempts nobody');
	$session->quit;
};

$node->stop;
done_testing();
