# terminate_session and cancel_session act on the one session that is named by session_id or process ID, and on no other.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('one_session');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE operator LOGIN; GRANT pg_signal_backend TO operator;
	CREATE ROLE nobody LOGIN});

sub app { return SessionctlTest::Session->new($node, user => 'app', app => 'victim', @_) }

sub id_of
{
	my ($session) = @_;
	return $admin->run('SELECT session_id FROM sessionctl.session_activity WHERE pid = ' . $session->pid);
}

# The same pid with another start.
sub other_with_pid_of
{
	my ($session) = @_;
	my ($seconds, $pid) = split /\./, id_of($session);
	return sprintf '%x.%s', hex($seconds) - 1, $pid;
}

sub sleeping
{
	my ($session) = @_;
	$session->send('SELECT pg_sleep(600)');
	wait_for('pg_sleep', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq 'PgSleep' });
	return $session;
}

subtest 'by session_id' => sub {
	my ($victim, $bystander) = (app(), app());
	my ($id, $pid) = (id_of($victim), $victim->pid);
	$victim->run(q{DO $$BEGIN RAISE LOG 'here I am'; END$$});
	my ($logged) = map { /([0-9a-f]+\.[0-9a-f]+) \[$pid\] LOG:  here I am/ } log_lines($node, 0, qr/here I am/);
	is($logged, $id, 'the server log has it as %c');
	my $position = log_position($node);
	is($admin->run("SELECT sessionctl.terminate_session('$logged', reason => 'ticket 4718')"), '1', 'its session is ended');
	ok(!$victim->lives, 'and is gone');
	ok($bystander->lives, 'and nobody else');
	my @audit = audit_lines($node, $position);
	is(@audit, 1, 'one audit line');
	like($audit[0], qr/session_id=$id pid=$pid .* condition="session_id = \$1" args="$id" .*reason="ticket 4718"/,
		'with what was asked for');
	is($admin->run("SELECT sessionctl.terminate_session('$id')"), "NOTICE:  there is no session $id\n0",
		'one that is gone is no error');
	is($admin->run("SELECT sessionctl.terminate_session(upper('" . id_of($bystander) . "'))"), '1', 'in capitals');
	$_->quit for $victim, $bystander;
};

subtest 'never another session with its pid' => sub {
	my $heir = sleeping(app());
	my ($old, $new, $pid) = (other_with_pid_of($heir), id_of($heir), $heir->pid);
	for my $function (qw(terminate_session cancel_session))
	{
		is($admin->run("SELECT sessionctl.$function('$old')"),
			"NOTICE:  there is no session $old\nDETAIL:  Process $pid is now session $new.\n0", "$function says who has it");
	}
	is($admin->run("SELECT sessionctl.cancel_session('$new')"), '1', 'it still ran its statement');
	like($heir->answer, qr/canceling statement due to user request/, 'which is cancelled under its own name');
	ok($heir->lives, 'and the session lives');
	$heir->quit;
};

subtest 'by pid' => sub {
	my ($victim, $bystander) = (app(), app());
	my $pid = $victim->pid;
	is($admin->run("SELECT sessionctl.terminate_session($pid)"), '1', 'its session is ended');
	ok(!$victim->lives, 'and is gone');
	ok($bystander->lives, 'and nobody else');
	is($admin->run("SELECT sessionctl.terminate_session($pid)"), "NOTICE:  there is no session with process ID $pid\n0",
		'one that is gone is no error');
	for my $none (0, -1, 2147483647, postmaster_pid($node))
	{
		is($admin->run("SELECT sessionctl.$_($none)"), "NOTICE:  there is no session with process ID $none\n0", "$_($none)")
		  for qw(terminate_session cancel_session);
	}
	is($admin->run('SELECT sessionctl.cancel_session(' . $bystander->pid . ')'), "NOTICE:  matched 1: 1 not running\n0",
		'nothing to cancel');
	sleeping($bystander);
	is($admin->run('SELECT sessionctl.cancel_session(' . $bystander->pid . q{, timeout => '0')}), '1', 'a statement');
	like($bystander->answer, qr/canceling statement due to user request/, 'is cancelled');
	ok($bystander->lives, 'the session lives');
	$_->quit for $victim, $bystander;
};

subtest 'a session that does not end' => sub {
	my $victim = app();
	stop_process($victim->pid);
	is($admin->run('SELECT sessionctl.terminate_session(' . $victim->pid . q{, timeout => '100 ms')}) =~ s/\n.*//sr,
		'NOTICE:  matched 1: 1 still running', 'is not counted');
	continue_process($victim->pid);
	$victim->quit;
};

subtest 'guard rails' => sub {
	my $boss = SessionctlTest::Session->new($node, user => 'boss');
	my %named = (id => "'" . id_of($boss) . "'", pid => $boss->pid);
	for my $by (sort keys %named)
	{
		is($admin->run("SELECT sessionctl.terminate_session($named{$by})"), "NOTICE:  matched 1: 1 spared (superuser)\n" . hint_to_include('superusers') . "0",
			"a superuser by $by");
		is($admin->run("SELECT sessionctl.$_(" . ($by eq 'id' ? "'" . id_of($admin) . "'" : 'pg_backend_pid()') . ', include_superusers => true)'),
			"NOTICE:  matched 1: 1 spared (self)\n0", "$_ of oneself by $by")
		  for qw(terminate_session cancel_session);
	}
	ok($boss->lives, 'is well');
	is($admin->run("SELECT sessionctl.terminate_session($named{id}, include_superusers => true)"), '1', 'unless included');
	my $checkpointer = $admin->run(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
	is($admin->run("SELECT sessionctl.terminate_session($checkpointer)"), "NOTICE:  matched 1: 1 spared (not a client)\n0",
		'a process of the server');
	$boss->quit;
};

subtest 'a parallel worker' => sub {
	$admin->run('CREATE TABLE wide AS SELECT generate_series(1, 20000) AS a; GRANT SELECT ON wide TO app');
	$admin->run(q{CREATE FUNCTION rest(a int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS
		$$BEGIN PERFORM pg_sleep(600); RETURN a; END$$});
	my $leader = app(options => join ' ', map { "-c $_" } 'max_parallel_workers_per_gather=2', 'parallel_setup_cost=0',
		'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0', 'parallel_leader_participation=off');
	$leader->send('SELECT count(rest(a)) FROM wide');
	my $workers = q{FROM sessionctl.session_activity WHERE wait_event = 'PgSleep' AND leader_pid = } . $leader->pid;
	wait_for('its workers', sub { $admin->run("SELECT count(*) $workers") >= 1 });
	my $worker = $admin->run("SELECT min(pid) $workers");
	my $hint = "NOTICE:  process $worker works for session " . $leader->pid . "\nHINT:  Use the process ID of that session.";
	is($admin->run("SELECT sessionctl.cancel_session($worker)"), "NOTICE:  matched 1: 1 spared (parallel worker)\n$hint\n0",
		'is left alone, and its leader named');
	is($admin->run('SELECT sessionctl.cancel_session(' . $leader->pid . ')'), '1', 'which process is canceled');
	like($leader->answer, qr/canceling statement due to user request/, 'with all of them');
	$leader->quit;
};

subtest 'hidden sessions are not revealed' => sub {
	my ($operator, $nobody) = map { SessionctlTest::Session->new($node, user => $_) } qw(operator nobody);
	my $hidden = app();
	my $hint = "HINT:  From PostgreSQL 10 on membership in pg_read_all_stats (or pg_monitor) shows it. You can also use its process ID alone.";
	for my $id (id_of($hidden), other_with_pid_of($hidden))
	{
		is($operator->run("SELECT sessionctl.terminate_session('$id')"),
			'NOTICE:  you may not see whether process ' . $hidden->pid . " is session $id\n$hint\n0",
			'whether it is that session or not');
	}
	ok($hidden->lives, 'so it is not ended');
	like($nobody->run_verbose("SELECT sessionctl.$_"), qr/ERROR:  42501: permission denied for function/, "$_ is not for everybody")
	  for map { ("$_(1)", "$_('1.1')") } qw(terminate_session cancel_session);
	is($operator->run('SELECT sessionctl.terminate_session(' . $hidden->pid . ')'), '1', 'by its pid it is');
	my $other = app();
	$admin->run('GRANT EXECUTE ON FUNCTION sessionctl.terminate_session(integer, interval, text, boolean, boolean, boolean) TO nobody');
	is($nobody->run('SELECT sessionctl.terminate_session(' . $other->pid . ')'), "NOTICE:  matched 1: 1 denied\n0", 'by whom it may');
	ok($other->lives, 'and by nobody else');
	$_->quit for $operator, $nobody, $hidden, $other;
};

subtest 'an invalid session_id' => sub {
	like($admin->run_verbose("SELECT sessionctl.terminate_session('$_')"),
		qr/\AERROR:  22023: invalid session_id "\Q$_\E"\nHINT:  It is two hexadecimal numbers with a dot between, as %c prints it/,
		"'$_'")
	  for '', '4711', '6567a1b2', '6567a1b2.', '6567a1b2.12 ', 'x.y', '1.0', '-1.1', '6567a1b2.ffffffff';
	like($admin->run_verbose('SELECT sessionctl.cancel_session(NULL)'),
		qr/\AERROR:  22004: argument "session_id" must not be null/, 'NULL');
	like($admin->run_verbose('SELECT sessionctl.cancel_session(NULL::integer)'),
		qr/\AERROR:  22004: argument "pid" must not be null/, 'nor as a pid');
	like($admin->run_verbose(q{SELECT sessionctl.cancel_session(1, timeout => '-1 s')}),
		qr/\AERROR:  22023: timeout must not be negative/, 'options are checked');
};

done_testing();
