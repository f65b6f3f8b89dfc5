# Lock priority among processes that are no plain session: the parallel workers of one that waits or blocks, autovacuum, and
# the startup process of a standby.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use PriorityTest;
use SessionctlTest;
use Test::More;

my ($node, $admin) = new_priority_server('lock_priority_processes', init => { allows_streaming => 1 }, conf => "hot_standby = on\nmax_standby_streaming_delay = -1\n");
my $version = $admin->run('SHOW server_version_num');

# What the server log says about a wait, on this server.
sub reports
{
	my ($server, $waiter, $sql) = @_;
	my $position = log_position($server);
	$waiter->send($sql);
	wait_for('the report', sub { reports_since($server, $position) });
	return join ',', reports_since($server, $position);
}

subtest 'parallel workers' => sub {
	plan skip_all => 'the server has none' if $version < 100000;
	my $force = $version >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
	my $count = q{CREATE FUNCTION count_u() RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN (SELECT count(*) FROM u); END'};
	$admin->run($count);
	my $parallel = sub { $_[0]->run("SET $force = on; SET max_parallel_workers_per_gather = 1"); return $_[0] };
	my $by_worker = sub {
		my ($session) = @_;
		my $workers = q{SELECT count(*) FROM sessionctl.session_activity WHERE waiting AND leader_pid = } . $session->pid;
		return wait_for('its worker to wait', sub { $admin->run($workers) eq '1' });
	};
	# The priorities of a worker are its leader's.
	my $holder = session($node, user => 'batch');
	$holder->run('BEGIN; LOCK TABLE u');
	my $waiter = $parallel->(patient($node, 'terminate', patience => '1 h'));
	$waiter->send('SELECT count_u() FROM t WHERE a = 1');
	$by_worker->($waiter);
	is($admin->run(q{SELECT DISTINCT waiter_priority, blocker_priority, waiter_pid = } . $waiter->pid . q{ FROM sessionctl.session_blocking}),
		'high|low|t', 'session_blocking shows the leader');
	all_end($admin);

	my $position = log_position($node);
	$holder = session($node, user => 'batch');
	$holder->run('BEGIN; LOCK TABLE u');
	$waiter = $parallel->(patient($node, 'terminate'));
	is($waiter->run('SELECT count_u() FROM t WHERE a = 1'), '0', 'the patience of a worker that waits is its leader\'s');
	wait_for('the audit', sub { gives_way($node, $position, $holder) });
	is(join(',', gives_way($node, $position, $holder)), 'terminate terminated', 'and its blocker has given way');
	all_end($admin);

	# One of low priority whose worker holds what is wanted.
	my $busy = session($node, user => 'batch');
	$admin->run(q{CREATE FUNCTION sleep_with_u() RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN PERFORM count(*) FROM u; PERFORM pg_sleep(1000); RETURN 1; END'});
	$parallel->($busy)->send('SELECT sleep_with_u() FROM t WHERE a = 1');
	wait_for('its worker to sleep', sub {
		$admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE wait_event = 'PgSleep' AND leader_pid = } . $busy->pid) eq '1';
	});
	$waiter = patient($node, 'cancel');
	is($waiter->run('BEGIN; LOCK TABLE u; COMMIT'), '', 'the waiter has its lock');
	like($busy->answer, qr/canceling statement due to user request/, 'the leader\'s statement is cancelled');
	ok($busy->lives, 'it lives');
	all_end($admin);
};

subtest 'autovacuum' => sub {
	reconfigure($node, 'autovacuum' => 'on', 'autovacuum_naptime' => '1s');
	keep_autovacuum_busy($admin);
	$admin->run('ALTER TABLE dirty OWNER TO owner');
	my $worker;
	wait_for('an autovacuum worker', sub {
		($worker) = $admin->run(q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'autovacuum: VACUUM%public.dirty%'}) =~ /\A(\d+)\z/;
	});
	my $shop = patient($node, 'terminate');
	is(reports($node, $shop, 'ALTER TABLE dirty ADD c int'), 'LOG: it is no client\'s session', 'reported only');
	ok(is_running($worker), 'it goes on');
	all_end($admin);
	reconfigure($node, 'autovacuum' => undef, 'autovacuum_naptime' => undef);
};

subtest 'the startup process of a standby' => sub {
	my $standby = new_standby($node);
	my $there = SessionctlTest::Session->new($standby);
	my $locker = session($node);
	$locker->run('BEGIN; LOCK TABLE u');
	wait_for('the lock to be replayed', sub { $there->run(q{SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted}) ne '0' });
	my $shop = patient($standby, 'terminate');
	is(reports($standby, $shop, 'TABLE u'), 'LOG: it is no client\'s session', 'reported only');
	$locker->run('COMMIT');
	is($shop->answer, '', 'the query goes on when it is over');
	all_end($admin);
	$there->quit;
	$standby->stop;
};

$admin->quit;
done_testing();
