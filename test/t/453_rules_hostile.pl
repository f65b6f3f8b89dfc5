# A session rule that fails, or does not end, does not keep the others, nor the limits, from being carried out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run;
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules_hostile', conf => "pg_sessionctl.rule_timeout = '1 s'\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE sleeper LOGIN; ALTER ROLE sleeper SET pg_sessionctl.idle_in_transaction_timeout = '50 ms'});
$admin->run(q{CREATE FUNCTION public.sleeps(pid int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$BEGIN PERFORM pg_sleep(600); RETURN true; END$$;
	CREATE FUNCTION public.swallows(pid int) RETURNS boolean LANGUAGE plpgsql STABLE AS
	$$BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END$$;
	CREATE FUNCTION public.holds(pid int) RETURNS boolean LANGUAGE sql STABLE AS $$SELECT true$$;
	CREATE TABLE public.names (name text); INSERT INTO public.names VALUES ('victim')});

sub victim { return marked_session($node, $_[0] || 'victim') }

sub good_rule { return rule($admin, 'good', q{application_name = 'victim'}, action => 'terminate', streak => 'session') }

sub is_carried_out
{
	my ($why) = @_;
	my $session = victim();
	wait_for_end($session);
	$session->quit;
	return pass($why);
}

subtest 'it sleeps' => sub {
	$admin->run('BEGIN');    # neither has been checked when the first one's time is over
	is(rule($admin, 'a bad one', q{public.sleeps(pid)}), '', 'a rule whose function sleeps');
	good_rule();
	$admin->run('COMMIT');
	wait_for('its error', sub { status_of($admin, 'a bad one', 'last_error') =~ /did not end within pg_sessionctl.rule_timeout/ });
	is_carried_out('the others are carried out');
	$admin->run(q{SELECT sessionctl.drop_session_rule('a bad one')});
};

subtest 'it takes every cancel for its own' => sub {
	my ($before) = rules_worker($node);
	my $position = log_position($node);
	is(rule($admin, 'a worse one', q{public.swallows(pid)}), '', 'a rule whose function swallows cancels');
	my $sleeper = SessionctlTest::Session->new($node, user => 'sleeper');
	$sleeper->run('BEGIN');
	is(reaped($sleeper), 'idle_in_transaction_timeout', 'limits hold');
	$sleeper->quit;
	wait_for_log($node, $position, qr/LOG:  pg_sessionctl: rule "a worse one" is switched off: its check did not end/);
	wait_for('a new process', sub { my ($now) = rules_worker($node); $now && $now != $before });
	is_carried_out('which carries out the others');
	like(status_of($admin, 'a worse one', 'last_error'), qr/went on for more than twice pg_sessionctl.rule_timeout: the rule is off until it is altered/, 'its last_error');
	my $checks = status_of($admin, 'a worse one', 'checks, errors');
	checked_again($admin, 'good');
	is(status_of($admin, 'a worse one', 'checks, errors'), $checks, 'it is not checked');
	is($checks, '1|1', 'and the check that did not end is counted');
	$position = log_position($node);
	$admin->run(q{SELECT sessionctl.alter_session_rule('a worse one', reason := 'again')});
	wait_for_log($node, $position, qr/rule "a worse one" is switched off/);
	pass('altered, it is tried again');
	$admin->run(q{SELECT sessionctl.alter_session_rule('a worse one', condition := 'false')});
	wait_for('it to be in order', sub { status_of($admin, 'a worse one', 'last_error IS NULL') eq 't' });
	$admin->run(q{SELECT sessionctl.drop_session_rule('a worse one')});
};

# A function that takes no cancel while it runs, in a process that hardly ever runs.
subtest 'others have the processor' => sub {
	checked_again($admin, 'good');
	my ($process) = rules_worker($node);
	plan skip_all => 'the system does not tell how long a process waits for a processor' if !-r "/proc/$process/schedstat";
	my $others = IPC::Run::start(['taskset', '-c', 0, 'sh', '-c', 'while :; do :; done']);
	system("taskset -pc 0 $process >/dev/null && chrt --idle -p 0 $process") == 0 or die 'the process has its processor';
	my $position = log_position($node);
	rule($admin, 'starved', q{repeat('3', 20000)::numeric * repeat('7', 20000)::numeric > 0 and pid > 0});
	wait_for('its check', sub { status_of($admin, 'starved', 'checks > 0') eq 't' });
	is(join("\n", log_lines($node, $position, qr/is switched off/)), '', 'a check that takes longer for that is no check that does not end');
	$others->kill_kill;
	$admin->run("SELECT pg_terminate_backend($process)");
	wait_for('its end', sub { !is_running($process) });
	is_carried_out('and the rules go on');
	$admin->run(q{SELECT sessionctl.drop_session_rule('starved')});
};

# It hears of no signal.
subtest 'a process that does not end' => sub {
	my $before = log_position($node);
	set_rules($admin, 'pg_sessionctl.rule_timeout' => '5 s');
	wait_for_log($node, $before, qr/"pg_sessionctl.rule_timeout" changed/);
	checked_again($admin, 'good');
	my @left;
	for my $number (1, 2)
	{
		my $position = log_position($node);
		is(rule($admin, "stuck $number", q{public.swallows(pid)}), '', 'a rule whose check');
		my $process;
		wait_for('its check', sub {
			($process) = grep { my $pid = $_; !grep { $_ == $pid } @left } rules_worker($node);
			return $process && $admin->run("SELECT wait_event FROM pg_stat_activity WHERE pid = $process") eq 'PgSleep';
		});
		stop_process($process);
		push @left, $process;
		$admin->run('SELECT pg_reload_conf()');    # wakes the reaper, as the process would do if it were not stopped
		wait_for_log($node, $position, qr/LOG:  pg_sessionctl: process $process, whose check of a session rule did not end, is left behind: another one carries out the rules/);
		is(join("\n", map { /(rule "stuck $number" is switched off)/ } log_lines($node, $position, qr/is switched off/)), qq{rule "stuck $number" is switched off}, 'does not end is switched off, once');
		is_carried_out('another process carries out the others');
		like($admin->run("SELECT protection FROM sessionctl.session_activity WHERE pid = $process"), qr/not a client/, 'and nobody is to end the first by mistake');
	}
	$admin->run('CREATE ROLE keeper LOGIN; GRANT pg_signal_backend TO keeper');
	my $keeper = SessionctlTest::Session->new($node, user => 'keeper');
	rule($keeper, 'keeps', 'pid < 0');
	wait_for('its error', sub { status_of($admin, 'keeps', 'last_error') =~ /\Aonly superusers' rules are checked/ });
	is_carried_out("after two of them superusers' rules still are");
	continue_process($_) for @left;
	wait_for('them to end', sub { !grep { is_running($_) } @left });
	wait_for('all rules to be checked', sub { status_of($admin, 'keeps', 'last_error IS NULL') eq 't' });
	is_carried_out('when they have ended, all are checked');
	set_rules($admin, 'pg_sessionctl.rule_timeout' => undef);
	$admin->run(q{SELECT sessionctl.drop_session_rule(name) FROM sessionctl.session_rules WHERE name LIKE 'stuck%' OR name = 'keeps'});
	$keeper->quit;
};

subtest 'one who is no superuser ends the process' => sub {
	plan skip_all => 'pg_signal_backend came with 9.6' if $admin->run('SHOW server_version_num') < 90600;
	$admin->run('CREATE ROLE guard LOGIN; GRANT pg_signal_backend TO guard');
	set_rules($admin, 'pg_sessionctl.rule_timeout' => '10 ms');
	my $guard = SessionctlTest::Session->new($node, user => 'guard');
	my $position = log_position($node);
	# A function that takes no cancel while it runs.
	is(rule($guard, 'slow', q{repeat('3', 65000)::numeric * repeat('7', 65000)::numeric > 0 and pid > 0}), '', 'with functions of the server alone');
	wait_for_log($node, $position, qr/rule "slow" is switched off/);
	my $session = SessionctlTest::Session->new($node, user => 'app');
	is(rule($guard, 'other', q{usename = 'app'}), '', 'another rule');
	my $why = 'no rule of its owner is checked for an hour after the check of one did not end';
	wait_for('its error', sub { status_of($admin, 'other', 'last_error') eq $why });
	is($guard->run(q{SELECT outcome, detail FROM sessionctl.test_session_rule('other')}), "spared|$why", 'a test of it says so');
	$session->quit;
	$guard->run(q{SELECT sessionctl.alter_session_rule('slow', reason := 'again')});
	wait_for('its error', sub { status_of($admin, 'slow', 'last_error') =~ /no rule of its owner is checked/ });
	pass('cannot do that again under any name');
	set_rules($admin, 'pg_sessionctl.rule_timeout' => undef);
	is_carried_out('the others are carried out');
	$admin->run(q{SELECT sessionctl.drop_session_rule(name) FROM sessionctl.session_rules WHERE owner = 'guard'});
	$guard->quit;
};

subtest 'one whose rules take all the time' => sub {
	$admin->run(q{CREATE ROLE boss LOGIN SUPERUSER; CREATE FUNCTION public.naps() RETURNS int LANGUAGE sql STABLE AS 'SELECT 0 FROM pg_sleep(0.7)'});
	my $boss = SessionctlTest::Session->new($node, user => 'boss');
	my $checks = sub { return $admin->run("SELECT coalesce(sum(checks), 0) FROM sessionctl.session_rules WHERE name LIKE '$_[0]'") };
	rule($boss, "slow $_", 'pid = (SELECT public.naps())') for 1 .. 6;
	wait_for('all to be checked', sub { $admin->run(q{SELECT count(*) FROM sessionctl.session_rules WHERE checks > 0 AND name LIKE 'slow%'}) eq '6' });
	my ($good, $slow) = ($checks->('good'), $checks->('slow%'));
	wait_for('more checks', sub { $checks->('good') >= $good + 6 });
	cmp_ok($checks->('slow%') - $slow, '<=', 24, 'comes last: another is checked in each look');
	$admin->run(q{SELECT sessionctl.drop_session_rule(name) FROM sessionctl.session_rules WHERE owner = 'boss'});
	$boss->quit;
};

subtest 'a function that leaves a lock' => sub {
	$admin->run('CREATE FUNCTION public.locks() RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN PERFORM pg_advisory_lock(42); RETURN 0; END$$');
	rule($admin, 'locks', 'pid = (SELECT public.locks())');
	checked_again($admin, 'locks');
	my ($worker) = rules_worker($node);
	wait_for('it to be given back', sub { $admin->run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = $worker") eq '0' });
	is(status_of($admin, 'locks', 'last_error IS NULL'), 't', 'after each check');
	$admin->run(q{SELECT sessionctl.drop_session_rule('locks')});
};

subtest 'what it needs is gone' => sub {
	my $position = log_position($node);
	rule($admin, 'needs', q{public.holds(pid) AND application_name IN (SELECT name FROM public.names)});
	checked_again($admin, 'needs');
	is(status_of($admin, 'needs', 'last_error IS NULL'), 't', 'all is well');
	$admin->run('ALTER FUNCTION public.holds(int) RENAME TO held');
	wait_for('its error', sub { status_of($admin, 'needs', 'last_error') =~ /function public.holds\(integer\) does not exist/ });
	is_carried_out('the others are carried out');
	is(scalar(my @told = log_lines($node, $position, qr/rule "needs" could not be checked/)), 1, 'the log says so once');
	$admin->run('ALTER FUNCTION public.held(int) RENAME TO holds');
	wait_for('it to be in order', sub { status_of($admin, 'needs', 'last_error IS NULL') eq 't' });
	$admin->run('ALTER FUNCTION public.holds(int) VOLATILE');
	wait_for('its error', sub { status_of($admin, 'needs', 'last_error') =~ /volatile function/ });
	pass('volatile by now: it is not run');
	$admin->run('ALTER FUNCTION public.holds(int) STABLE; DROP TABLE public.names');
	wait_for('its error', sub { status_of($admin, 'needs', 'last_error') =~ /relation "public.names" does not exist/ });
	pass('a table');
	$admin->run(q{SELECT sessionctl.drop_session_rule('needs')});
};

subtest 'somebody cancels or terminates the process' => sub {
	my ($worker) = rules_worker($node);
	$admin->run("SELECT pg_cancel_backend($worker)") for 1 .. 20;
	is_carried_out('cancelled');
	$admin->run("SELECT pg_terminate_backend($worker)");
	is_carried_out('terminated');
};

subtest 'somebody locks the table of rules' => sub {
	my $locker = SessionctlTest::Session->new($node);
	$locker->run('BEGIN; LOCK TABLE sessionctl.session_rule IN ACCESS EXCLUSIVE MODE');
	is_carried_out('they are carried out');
	my $position = log_position($node);
	$admin->run('SELECT pg_reload_conf()');
	wait_for_log($node, $position, qr/LOG:  pg_sessionctl: the session rules are not read: their table is locked/);
	is_carried_out('as they were, when they have to be read anew');
	$locker->run('COMMIT');
	rule($admin, 'new', q{application_name = 'new victim'}, action => 'terminate', streak => 'session');
	my $session = victim('new victim');
	wait_for_end($session);
	pass('afterwards they are');
	$_->quit for $session, $locker;
	$admin->run(q{SELECT sessionctl.drop_session_rule('new')});
};

subtest 'a rule in vain' => sub {
	$admin->run(q{UPDATE sessionctl.session_rule SET action = 'kill' WHERE name = 'good'});
	wait_for('its error', sub { status_of($admin, 'good', 'last_error') =~ /action/ });
	pass('a row that no function has written is an error of its rule alone');
};

done_testing();
