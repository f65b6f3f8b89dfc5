# A hot standby supports everything that needs no write.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $primary = new_server('primary', init => { allows_streaming => 1 });
$primary->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE operator LOGIN; GRANT pg_signal_backend TO operator;
	CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO app});
my $standby = new_standby($primary);
my $admin = SessionctlTest::Session->new($standby);
is($admin->run('SELECT pg_is_in_recovery()'), 't', 'a hot standby');

sub victims
{
	my ($number, %with) = @_;
	return map { SessionctlTest::Session->new($standby, user => 'app', app => 'victim', %with) } 1 .. $number;
}

my $condition = q{$$application_name = 'victim'$$};
my ($idle, $open) = victims(2);
$open->run('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE t');

is($admin->run("SELECT state, idle_in_transaction_for IS NOT NULL, protection IS NULL, blocked_by, blocking_count
		FROM sessionctl.session_activity WHERE application_name = 'victim' ORDER BY 1"),
	"idle|f|t|{}|0\nidle in transaction|t|t|{}|0", 'session_activity');
is($admin->run(q{SELECT protection FROM sessionctl.session_activity WHERE backend_type = 'startup'}),
	'not a client', 'the startup process is protected');
is($admin->run("SELECT sessionctl.safe_count($condition)"), '2', 'safe_count');
is($admin->run("SELECT outcome, count(*) FROM sessionctl.preview_where($condition) GROUP BY 1"), 'chosen|2', 'preview_where');
is($admin->run(q{SELECT sessionctl.safe_count('usename = $1 AND s.pid IN (SELECT pid FROM pg_locks)', '{app}')}),
	'1', 'a condition with args and a subquery');
like($admin->run_verbose(q{SELECT sessionctl.terminate_where($$pg_terminate_backend(pid)$$)}),
	qr/ERROR:  0A000: volatile function/, 'a refusal');
is($admin->run(q{SELECT sessionctl.terminate_idle_in_transaction('0')}), '1', 'terminate_idle_in_transaction');
is($admin->run("SELECT outcome FROM sessionctl.terminate_report($condition)"), 'terminated', 'terminate_report');
$_->quit for $idle, $open;

my ($busy) = victims(1);
$busy->send('SELECT pg_sleep(600)');
wait_for('pg_sleep', sub {
	$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $busy->pid) eq 'PgSleep';
});
my $position = log_position($standby);
is($admin->run("SELECT sessionctl.cancel_where($condition)"), '1', 'cancel_where');
like($busy->answer, qr/canceling statement due to user request/, 'is what the client is told');
is($admin->run("SELECT sessionctl.terminate_where($condition, reason => 'on a standby')"), '1', 'terminate_where');
my @audit = audit_lines($standby, $position);
is(scalar @audit, 2, 'both are in the log of the standby');
like($audit[1], qr/result="terminated" .* reason="on a standby"\z/, 'with the reason');
$busy->quit;

for my $recipe (q{terminate_role_sessions('app')}, q{terminate_application_sessions('victim')})
{
	my @victims = victims(2);
	is($admin->run("SELECT sessionctl.$recipe"), '2', $recipe);
	$_->quit for @victims;
}
my @victims = victims(2, database => 'template1');
is($admin->run(q{SELECT sessionctl.terminate_database_sessions('template1')}), '2', 'terminate_database_sessions');
$_->quit for @victims;

@victims = victims(2);
$primary->safe_psql('postgres', 'ALTER ROLE app NOLOGIN');
wait_for('replay', sub { $admin->run(q{SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app'}) eq 'f' });
is($admin->run('SELECT sessionctl.terminate_nologin_sessions()'), '2', 'terminate_nologin_sessions');
$_->quit for @victims;

my $operator = SessionctlTest::Session->new($standby, user => 'operator');
is( $operator->run('SELECT sessionctl.terminate_where($$pid = $1::integer$$, ARRAY[\'' . $admin->pid
		  . '\'], include_superusers => true)'),
	"NOTICE:  matched 1: 1 denied\n0", 'rights are those of the standby');
ok($admin->lives, 'the superuser is well');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_wal_receiver'), '1', 'the standby streams on');
$_->quit for $operator, $admin;
$standby->stop;

done_testing();
