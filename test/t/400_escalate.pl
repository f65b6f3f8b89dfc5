# escalate_report: a session that ends at one step gets no later one, all sessions take the steps together, and each step
# is reported.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('escalate', conf => "max_connections = 250\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN; CREATE ROLE nobody LOGIN; CREATE ROLE operator LOGIN;
	GRANT pg_signal_backend, pg_read_all_stats TO operator});
my $condition = q{$$application_name = 'victim'$$};
my $steps = q{concat_ws(' ', CASE WHEN cancel_at IS NOT NULL THEN 'cancel' END,
	CASE WHEN terminate_at IS NOT NULL THEN 'terminate' END, CASE WHEN close_at IS NOT NULL THEN 'close' END)};
my $cancelled = qr/^ERROR:  canceling statement due to user request/m;

sub victim { return SessionctlTest::Session->new($node, app => 'victim', user => 'app', @_) }

sub shown
{
	my ($session, $columns) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.session_activity WHERE pid = " . $session->pid);
}

sub begins
{
	my ($session, $sql) = @_;
	$session->send($sql);
	return wait_for($sql, sub { shown($session, 'wait_event') eq 'PgSleep' });
}

# The lines of one report: pid, outcome, steps and more, without notices.
sub escalate
{
	my ($options, $columns) = @_;
	my $answer = $admin->run("SELECT pid, outcome, $steps" . ($columns ? ", $columns" : '')
		  . " FROM sessionctl.escalate_report($condition$options)");
	return map { /^(\d+)\|(.*)/ ? ($1 => $2) : () } split /\n/, $answer;
}

subtest 'a session that ends at one step gets no later one' => sub {
	my ($busy, $inside, $open, $idle) = map { victim() } 1 .. 4;
	begins($busy, 'SELECT pg_sleep(600)');
	begins($inside, 'BEGIN; SELECT pg_sleep(600)');
	$open->run('BEGIN; CREATE TEMP TABLE t (a int)');
	my $boss = SessionctlTest::Session->new($node, app => 'victim', user => 'postgres');
	my $position = log_position($node);
	my %said = escalate(q{, step => '4 s', reason => 'runaway'}, 'detail');
	is($said{ $busy->pid }, 'cancelled|cancel|', 'a statement outside of a transaction is cancelled, and no more');
	is($said{ $inside->pid }, 'terminated|cancel terminate|', 'one that leaves its session idle in transaction: terminated');
	is($said{ $open->pid }, 'terminated|terminate|', 'idle in transaction from the beginning: terminated');
	is($said{ $idle->pid }, 'not running||', 'idle: left alone');
	is($said{ $boss->pid }, 'spared||superuser', 'a superuser: spared');
	like($busy->answer, $cancelled, 'the client is told');
	$busy->run('SELECT 1');
	ok($_->lives, 'lives') for $busy, $idle, $boss;
	like($inside->answer, qr/DETAIL:  Reason given by role "postgres": runaway/, 'the reason, at the cancel');
	like($inside->run('SELECT 1'), qr/FATAL: .*DETAIL:  Reason given by role "postgres": runaway/s, 'and at the end');
	is_deeply([ sort map { /action=(\S+) result="([^"]*)" .*pid=(\d+) .*condition="[^"]*" reason="runaway"/ ? "$3 $1 $2" : $_ } audit_lines($node, $position) ],
		[ sort map { $_->[0]->pid . " $_->[1]" } [ $busy, 'cancel cancelled' ], [ $inside, 'cancel cancelled' ], [ $inside, 'terminate terminated' ],
			[ $open, 'terminate terminated' ] ], 'a line in the log for each step');
	is($admin->run(q{SELECT string_agg(action || ' ' || acted_on || ' ' || ended, ', ' ORDER BY action) FROM sessionctl.session_stats WHERE rule IS NULL}),
		'cancel 2 2, close_socket 0 0, drain 0 0, terminate 2 2', 'and the counters');
	$_->quit for $busy, $inside, $open, $idle, $boss;
};

subtest 'a step that all obey costs no later one' => sub {
	my @victims = map { victim() } 1 .. 3;
	begins($_, 'SELECT pg_sleep(600)') for @victims;
	is($admin->run("SELECT count(*), bool_and(outcome = 'cancelled'), count(cancel_at), count(terminate_at), count(close_at), max(elapsed) < '10 min'
				FROM sessionctl.escalate_report($condition, step => '1 h')"),
		'3|t|3|0|0|t', 'no second step, and no wait for it, and no notice');
	$_->quit for @victims;
	@victims = map { victim() } 1 .. 3;
	$_->run('BEGIN') for @victims;
	is($admin->run("SELECT count(*), bool_and(outcome = 'terminated'), count(cancel_at), count(terminate_at), max(elapsed) < '10 min'
				FROM sessionctl.escalate_report($condition, step => '1 h')"),
		'3|t|0|3|t', 'nobody to cancel: terminated at once');
	$_->quit for @victims;
};

subtest 'a client that rolls back in time keeps its session' => sub {
	my $victim = victim();
	begins($victim, 'BEGIN; SELECT pg_sleep(600)');
	my $caller = SessionctlTest::Session->new($node);
	$caller->send("SELECT outcome, $steps FROM sessionctl.escalate_report($condition, step => '1 h')");
	like($victim->answer, $cancelled, 'it is cancelled');
	$victim->run('ROLLBACK');
	is($caller->answer, 'cancelled|cancel', 'and has obeyed when it has rolled back');
	ok($victim->lives, 'lives');
	$_->quit for $victim, $caller;
};

subtest 'many take the steps together' => sub {
	my $many = 200;
	my @victims = map { RawSession->new($node, user => 'app') } 1 .. $many;
	$_->query('BEGIN; SELECT pg_sleep(600)') for @victims;
	wait_for('all at work', sub {
		$admin->run(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'raw' AND wait_event = 'PgSleep'}) eq $many;
	});
	$admin->run(q{CREATE TEMP TABLE report AS SELECT * FROM sessionctl.escalate_report($$application_name = 'raw'$$, step => '6 s')});
	is($admin->run('SELECT outcome, count(*), count(cancel_at), count(terminate_at) FROM report GROUP BY 1'),
		"terminated|$many|$many|$many", 'all take two steps');
	is($admin->run('SELECT max(cancel_at) < min(terminate_at), min(terminate_at - cancel_at) > interval \'5 s\' FROM report'),
		't|t', 'each step is one for all');
	$_->quit for @victims;
};

subtest 'a session that does not end' => sub {
	my ($frozen, $waiting) = map { victim() } 1 .. 2;
	begins($frozen, 'SELECT pg_sleep(600)');
	$waiting->run('BEGIN');
	stop_process($frozen->pid);
	my $answer = $admin->run_verbose("SELECT pid, outcome, $steps, elapsed >= '1.5 s', activity, root_command
		FROM sessionctl.escalate_report($condition, step => '1 s')");
	like($answer, qr/^@{[ $frozen->pid ]}\|still running\|cancel terminate\|t\|active for [0-9.]+ s, waits: Timeout\/PgSleep(; kernel: T \(stopped\)[^|]*)?\|ss -xp .*pid=@{[ $frozen->pid ]},/m,
		'what it does, and what can be tried');
	like($answer, qr/^@{[ $waiting->pid ]}\|terminated\|terminate\|[tf]\|\|$/m, 'nothing of who is gone');
	like($answer, qr/^NOTICE:  00000: matched 2: 1 ended, 1 still running$/m, 'a notice');
	like($answer, qr/^WARNING:  01000: 1 session is still running after [0-9.]+ s\n.*^HINT:  .*close_socket => true/ms, 'a warning with the next step');
	like($admin->run("SELECT sessionctl.terminate_where($condition, timeout => '1 s')"),
		qr/^WARNING: .*^HINT:  .*escalate_report/ms, 'terminate_where hints at it');

	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	like($operator->run("SELECT outcome, activity FROM sessionctl.escalate_report($condition, step => '50 ms')"),
		qr/^still running\|active for [0-9.]+ s, waits: Timeout\/PgSleep$/m, 'what the kernel tells is for superusers');
	$operator->quit;

	# The caller's own timeout is no error, and nobody is taken a step further without having had the time of the last.
	wait_for_sigterm($frozen->pid);
	$admin->run(q{SET statement_timeout = '1 s'});
	$answer = $admin->run("SELECT outcome, $steps, detail FROM sessionctl.escalate_report($condition, step => '1 h')");
	$admin->run('RESET statement_timeout');
	like($answer, qr/^still running\|cancel\|the statement's own timeout left no time for the next step$/m, 'a shorter statement_timeout');
	unlike($answer, qr/ERROR/, 'no error');

	# The caller can be cancelled, and ended; the log tells how far it had come.
	my $caller = SessionctlTest::Session->new($node);
	for my $end (qw(cancel terminate))
	{
		my $position = log_position($node);
		$caller->send("SELECT * FROM sessionctl.escalate_report($condition, step => '1 h')");
		wait_for('the climb', sub { shown($caller, 'state, wait_event_type') eq 'active|Extension' });
		$admin->run("SELECT pg_${end}_backend(" . $caller->pid . ')');
		like($caller->answer, qr/ERROR:  canceling statement/, 'the wait can be cancelled') if $end eq 'cancel';
		wait_for('the audit', sub { audit_lines($node, $position) });
		is_deeply([ map { /action=(\S+) result="([^"]*)"/ } audit_lines($node, $position) ], [ 'cancel', 'signalled' ], "$end: the step is in the log");
	}
	is($frozen->{psql}->pumpable && is_running($frozen->pid), 1, 'the victim is there');
	continue_process($frozen->pid);
	$_->quit for $caller, $frozen, $waiting;
};

subtest 'guard rails and rights' => sub {
	my @victims = map { victim() } 1 .. 3;
	$_->run('BEGIN') for @victims;
	like($admin->run_verbose("SELECT * FROM sessionctl.escalate_report($condition, refuse_above => 2)"), qr/ERROR:  54000: 3 sessions/, 'refuse_above');
	ok($_->lives, 'nobody was touched') for @victims;
	my %said = escalate(q{, keep => 1}, 'detail');
	is($said{ $victims[0]->pid }, 'spared||kept', 'keep');
	is($said{ $victims[$_]->pid }, 'terminated|terminate|', 'the others') for 1, 2;
	my $nobody = SessionctlTest::Session->new($node, user => 'nobody');
	like($nobody->run_verbose("SELECT * FROM sessionctl.escalate_report($condition)"), qr/ERROR:  42501: permission denied for function/, 'not for everybody');
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	like($operator->complaint("SELECT * FROM sessionctl.escalate_report($condition, close_socket => true)"),
		qr/ERROR:  42501: permission denied to close the connections of clients\nDETAIL:  Only superusers may use close_socket\./, 'close_socket is for superusers');
	ok($victims[0]->lives, 'nobody was touched');
	is($operator->run("SELECT outcome FROM sessionctl.escalate_report($condition)"), 'terminated', 'the rest is for pg_signal_backend');
	$_->quit for @victims, $nobody, $operator;
};

done_testing();
