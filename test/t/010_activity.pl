# session_activity on a live server: what it shows of others, always as it is at this statement.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('activity');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE leaver LOGIN; CREATE ROLE dropped LOGIN');

sub shown
{
	my ($session, $columns) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.session_activity WHERE pid = " . $session->pid);
}

subtest 'states and ages' => sub {
	my %session = map { $_ => SessionctlTest::Session->new($node, user => 'app', app => $_) } qw(idle open aborted busy);
	$session{open}->run('BEGIN; SELECT 1');
	$session{aborted}->run('BEGIN; SELECT 1/0');
	$session{busy}->send('SELECT pg_sleep(600)');
	wait_for('pg_sleep', sub { shown($session{busy}, 'wait_event') eq 'PgSleep' });

	my $which_ages = q{state, idle_for IS NOT NULL, idle_in_transaction_for IS NOT NULL, xact_age IS NOT NULL,
		query_age IS NOT NULL, session_age IS NOT NULL};
	is(shown($session{idle}, $which_ages), 'idle|t|f|f|f|t', 'idle');
	is(shown($session{open}, $which_ages), 'idle in transaction|t|t|t|f|t', 'idle in a transaction');
	is(shown($session{aborted}, $which_ages), 'idle in transaction (aborted)|t|t|f|f|t', 'aborted: as in core it has no xact_start any more');
	is(shown($session{busy}, $which_ages), 'active|f|f|t|t|t', 'active');

	# The statement before the wait began long before the session went idle: query_start would give a longer time.
	$session{open}->run('SELECT pg_sleep(0.2)');
	is(shown($session{open}, "clock_timestamp() - state_change >= idle_in_transaction_for
			AND clock_timestamp() - query_start >= idle_in_transaction_for + '0.2 s'"),
		't', 'idle_in_transaction_for counts from state_change, not from query_start');

	is(shown($session{idle}, 'usename, application_name, is_self, is_superuser, can_login, protection'),
		'app|idle|f|f|t|', 'the columns that identify it');
	is($admin->run("SELECT protection FROM sessionctl.session_activity WHERE is_self"), 'self', 'oneself');
	$admin->run('SELECT pg_terminate_backend(' . $session{busy}->pid . ')');
	$_->quit for values %session;
};

subtest 'agrees with pg_stat_activity' => sub {
	my @sessions = map { SessionctlTest::Session->new($node, user => 'app') } 1 .. 3;
	$sessions[0]->run('BEGIN; CREATE TEMP TABLE t (a int)');
	$sessions[1]->run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'what'");
	my $list = $admin->run(q{SELECT string_agg(attname || '::text', ', ' ORDER BY attnum) FROM pg_attribute AS a
		WHERE attrelid = 'pg_stat_activity'::regclass AND attname IN (SELECT attname FROM pg_attribute
			WHERE attrelid = 'sessionctl.session_activity'::regclass AND attnum > 0)});
	like($list, qr/^datid::text, .*state_change::text, .*query::text/, 'the columns that core has');
	# Background processes change what they wait for at any time.
	my $who = "WHERE application_name <> '' AND pid <> pg_backend_pid()";
	is( $admin->run("SELECT count(*) FROM (SELECT $list FROM sessionctl.session_activity $who
				EXCEPT SELECT $list FROM pg_stat_activity $who) AS other"),
		'0', 'the same rows in every column that core has');
	my $processes = 'SELECT pid, backend_start, backend_type FROM';
	is( $admin->run("SELECT count(*) FROM ($processes sessionctl.session_activity WHERE backend_type <> 'autovacuum worker'
				EXCEPT $processes pg_stat_activity) AS other"),
		'0', 'no process that core does not show');
	is( $admin->run("SELECT count(*) FROM ($processes pg_stat_activity WHERE backend_type <> 'autovacuum worker'
				EXCEPT $processes sessionctl.session_activity) AS other"),
		'0', 'none that core shows is missing');
	$_->quit for @sessions;
};

subtest 'session_id' => sub {
	my $position = log_position($node);
	my $session = SessionctlTest::Session->new($node, user => 'app');
	$session->run("DO \$\$BEGIN RAISE LOG 'here I am'; END\$\$");
	my ($line) = log_lines($node, $position, qr/here I am/);
	my ($logged) = $line =~ / (\S+) \[\d+\] LOG:/;
	is(shown($session, 'session_id'), $logged, 'is what %c prints in the server log');
	$session->quit;
};

subtest 'fresh inside a transaction' => sub {
	$admin->run('BEGIN; SELECT count(*) FROM pg_stat_activity');
	my $late = SessionctlTest::Session->new($node, user => 'app', app => 'late');
	my $core = q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'late'};
	my $ours = q{SELECT count(*) FROM sessionctl.session_activity WHERE application_name = 'late'};
	is($admin->run($core), '0', "core's view is frozen");
	is($admin->run($ours), '1', 'session_activity is not');
	is($admin->run(q{SELECT sessionctl.safe_count($$application_name = 'late'$$)}), '1', 'nor is safe_count');
	is($admin->run(q{SELECT outcome FROM sessionctl.preview_where($$application_name = 'late'$$)}),
		'chosen', 'nor preview_where');
	$late->run("SET application_name = 'later'");
	is($admin->run($ours), '0', 'a later statement sees what changed');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'later'$$)}),
		'1', 'terminate_where ends a session that the transaction never saw');
	is($admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE application_name = 'later'}),
		'0', 'and it is gone from the view');
	# The clock runs on, too, while now() stands still.
	is($admin->run(q{SELECT query_start = now(), xact_age > '0' FROM sessionctl.session_activity WHERE is_self}),
		'f|t', "ages do not come from the transaction's start");
	$admin->run('ROLLBACK');
	$late->quit;
};

subtest 'locks' => sub {
	my ($first, $second, $third) = map { SessionctlTest::Session->new($node, app => $_) } qw(first second third);
	$admin->run('CREATE TABLE one (a int); CREATE TABLE two (a int)');
	$first->run('BEGIN; LOCK TABLE one');
	$second->run('BEGIN; LOCK TABLE two');
	$second->send('LOCK TABLE one');
	wait_for('the second to wait', sub { shown($second, 'waiting') eq 't' });
	$third->send('BEGIN; LOCK TABLE two; COMMIT');
	wait_for('the third to wait', sub { shown($third, 'waiting') eq 't' });

	my $chain = 'waiting, blocked_by, blocking_count';
	is(shown($first, $chain), 'f|{}|2', 'the first blocks both, one of them indirectly');
	is(shown($second, $chain), sprintf('t|{%d}|1', $first->pid), 'the second waits for the first');
	is(shown($third, $chain), sprintf('t|{%d}|0', $second->pid), 'the third for the second, and nobody for it');
	is(shown($third, 'blocked_by <@ pg_blocking_pids(pid) AND pg_blocking_pids(pid) <@ blocked_by'),
		't', 'blocked_by is what pg_blocking_pids() says');
	my ($root) = $admin->run(q{SELECT sessionctl.terminate_where($$blocking_count > 0 and blocked_by = '{}'$$, include_superusers => true)});
	is($root, '1', 'the root of the chain can be chosen: it blocks, and waits for nobody');
	is($second->answer, '', 'and the second goes on');
	$second->run('COMMIT');
	is($third->answer, '', 'and the third');
	$_->quit for $first, $second, $third;
};

subtest 'roles that may not log in any more' => sub {
	my $leaver = SessionctlTest::Session->new($node, user => 'leaver');
	my $dropped = SessionctlTest::Session->new($node, user => 'dropped');
	$admin->run('ALTER ROLE leaver NOLOGIN; DROP ROLE dropped');
	is(shown($leaver, 'usename, can_login'), 'leaver|f', 'NOLOGIN');
	is(shown($dropped, 'usename IS NULL, usesysid IS NOT NULL, can_login, is_superuser, protection IS NULL'),
		't|t|f|f|t', 'dropped while connected');
	$_->quit for $leaver, $dropped;
};

subtest 'background processes and parallel workers' => sub {
	is( $admin->run(q{SELECT DISTINCT protection FROM sessionctl.session_activity
			WHERE backend_type IN ('checkpointer', 'walwriter', 'autovacuum launcher', 'logical replication launcher')}),
		'not a client', 'background processes are protected');
	$admin->run('CREATE TABLE wide AS SELECT generate_series(1, 20000) AS a');
	my $leader = SessionctlTest::Session->new($node, user => 'app', options => join ' ',
		map { "-c $_" } 'max_parallel_workers_per_gather=2', 'parallel_setup_cost=0', 'parallel_tuple_cost=0',
		'min_parallel_table_scan_size=0');
	$admin->run('GRANT SELECT ON wide TO app');
	$leader->send(q{SELECT count(*) FROM wide WHERE pg_sleep(600)::text = 'never'});
	my $workers = 'FROM sessionctl.session_activity WHERE leader_pid = ' . $leader->pid;
	wait_for('parallel workers', sub { $admin->run("SELECT count(usename) $workers") >= 1 });    # each shows its process first
	is($admin->run("SELECT DISTINCT usename, protection $workers AND usename IS NOT NULL"), 'app|parallel worker', 'parallel workers are protected');
	is(shown($leader, 'leader_pid IS NULL, protection IS NULL'), 't|t', 'their leader is not');
	$admin->run('SELECT pg_terminate_backend(' . $leader->pid . ')');
	$leader->quit;
};

done_testing();
