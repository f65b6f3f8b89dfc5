# Guards: which sessions are spared by default, which options include them, and the bound on their number.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('guards', init => { allows_streaming => 1 });
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE ROLE web LOGIN;
	CREATE ROLE "Team, ""A""";
	CREATE ROLE member LOGIN; GRANT "Team, ""A""" TO member;
	CREATE ROLE indirect LOGIN; GRANT member TO indirect;
	CREATE ROLE boss LOGIN SUPERUSER});

sub session
{
	my ($user, $app) = @_;
	return SessionctlTest::Session->new($node, user => $user, app => $app || 'victim');
}

my $victim = q{$$application_name = 'victim'$$};

# Which of these sessions, by their places in the list, a call would act on and then really ends.
sub chosen
{
	my ($sessions, $options, $condition) = @_;
	my $arguments = ($condition || $victim) . ($options ? ", $options" : '');
	my %place = map { $sessions->[$_]->pid => $_ } 0 .. $#$sessions;
	my $pids = $admin->run("SET client_min_messages = warning;
		SELECT pid FROM sessionctl.preview_where($arguments) WHERE outcome = 'chosen'");
	my @preview = sort map { $place{$_} } split /\n/, $pids;
	my $counted = $admin->run("SELECT sessionctl.safe_count($arguments)");
	my $ended = $admin->run("SELECT sessionctl.terminate_where($arguments)");
	$admin->run('RESET client_min_messages');
	my %left = map { $_ => 1 } split /\n/, $admin->run('SELECT pid FROM pg_stat_activity');
	my @ended = grep { !$left{ $sessions->[$_]->pid } } 0 .. $#$sessions;
	is("@ended", "@preview", 'terminate_where ends whom preview_where showed');
	is("$counted $ended", scalar(@ended) . ' ' . scalar(@ended), 'safe_count and terminate_where count them');
	$_->quit for @$sessions;
	return "@ended";
}

subtest 'keep' => sub {
	is(chosen([ map { session('app') } 1 .. 4 ], 'keep => 1'), '1 2 3', 'the oldest stays');
	is(chosen([ map { session('app') } 1 .. 4 ], 'keep => 2'), '2 3', 'two stay');
	is(chosen([ map { session('app') } 1 .. 4 ], q{keep => 1, keep_which => 'newest'}), '0 1 2', 'the newest stays');
	is(chosen([ map { session('app') } 1 .. 2 ], 'keep => 7'), '', 'more than there are');

	my @sessions = map { session('app') } 1 .. 4;
	$sessions[1]->run('SELECT 1');
	is(chosen(\@sessions, q{keep => 1, keep_which => 'busiest'}), '0 2 3', 'the one that did something last stays');

	@sessions = map { session('app') } 1 .. 4;
	$sessions[$_]->run('BEGIN') for 2, 1;
	is(chosen(\@sessions, q{keep => 1, keep_which => 'longest'}), '0 1 3', 'the one that is in its transaction for longest stays');

	# The spared ones need no keeping: of the two that could be ended one stays.
	is(chosen([ session('boss'), session('app'), session('app') ], 'keep => 1'), '2', 'spared sessions do not count');

	@sessions = map { session('app') } 1 .. 2;
	is( $admin->run("SELECT sessionctl.terminate_where($victim, keep => 1)"),
		"NOTICE:  matched 2: 1 ended, 1 spared (kept)\n1", 'told');
	is($admin->run("SET client_min_messages = warning;
			SELECT outcome, detail FROM sessionctl.terminate_report($victim, keep => 1)"), 'spared|kept', 'reported');
	$admin->run('RESET client_min_messages');
	$_->quit for @sessions;
};

subtest 'keep per group' => sub {
	my @users = qw(app web app web app);
	is(chosen([ map { session($_) } @users ], q{keep => 1, per => 'usename'}), '2 3 4', 'the oldest of each role');
	is(chosen([ map { session($_) } @users ], q{keep => 2, keep_which => 'newest', per => 'usename'}),
		'0', 'the two newest of each role');
	is(chosen([ map { session('app', "victim $_") } qw(a b a) ], q{keep => 1, per => 'application_name'},
			q{$$application_name LIKE 'victim%'$$}), '2', 'of each application');
	is(chosen([ map { session($_) } @users ], q{keep => 1, per => 'client_addr'}), '1 2 3 4', 'NULL is a group, too');
	is(chosen([ map { session($_) } @users ], q{keep => 1, per => 'pid'}), '', 'each its own group');
	is(chosen([ map { session($_) } @users ], q{per => 'usename'}), '0 1 2 3 4', 'nothing is kept unless asked for');
};

subtest 'keep per combination of columns' => sub {
	$admin->run('CREATE DATABASE shop');
	my @places = ([ 'app', 'shop' ], [ 'app', 'postgres' ], [ 'web', 'shop' ], [ 'app', 'shop' ], [ 'app', 'postgres' ], [ 'web', 'shop' ]);
	my $all = sub { return [ map { SessionctlTest::Session->new($node, user => $_->[0], database => $_->[1], app => 'victim') } @places ] };
	is(chosen($all->(), q{keep => 1, per => 'usename, datname'}), '3 4 5', 'the oldest of each role in each database');
	is(chosen($all->(), q{keep => 1, per => ' datname ,usename,usename'}), '3 4 5', 'in any order, and named twice');
	is(chosen($all->(), q{keep => 1, per => 'usename, client_addr'}), '1 3 4 5', 'with a column that is NULL');
	is(chosen($all->(), q{keep => 1, keep_which => 'newest', per => 'usename, pid'}), '', 'one of a kind');
	like($admin->run_verbose("SELECT sessionctl.safe_count('true', per => '$_->[0]')"),
		qr/\AERROR:  22023: column "$_->[1]" of sessionctl\.session_activity does not exist\nHINT:  Its columns are: session_id, pid, /, $_->[0])
	  for [ 'usename, nonsense', 'nonsense' ], [ 'usename datname', 'usename datname' ], [ 'usename, Datname', 'Datname' ];
	# What two columns hold is not run together: ab, c is not a, bc.
	$admin->run('CREATE ROLE "victim a" LOGIN; CREATE ROLE victim LOGIN');
	my @runs = map { SessionctlTest::Session->new($node, user => $_->[0], app => $_->[1]) } [ 'victim a', 'b' ], [ 'victim', ' ab' ];
	is(chosen(\@runs, q{keep => 1, per => 'usename, application_name'}, q{$$usename LIKE 'victim%'$$}), '', 'values that read alike when put together');
};

subtest 'refuse_above' => sub {
	my @sessions = map { session('app') } 1 .. 3;
	my $boss = session('boss');
	my $position = log_position($node);
	my $refusal = "ERROR:  54000: 3 sessions would be acted on, more than refuse_above (2) allows\nDETAIL:  No session was signalled.";
	like($admin->complaint("SELECT $_, refuse_above => 2)"), qr/\A\Q$refusal\E\nHINT: /, $_)
	  for map { "sessionctl.$_($victim" } qw(terminate_where cancel_where terminate_report safe_count preview_where);
	like($admin->complaint(q{SELECT sessionctl.terminate_role_sessions('app', refuse_above => 2)}),
		qr/\A\Q$refusal\E/, 'a recipe, too');

	$admin->run('SET pg_sessionctl.refuse_above = 2');
	like($admin->complaint("SELECT sessionctl.terminate_where($victim)"), qr/\A\Q$refusal\E/, 'pg_sessionctl.gate = off');
	like($admin->complaint(q{SELECT sessionctl.terminate_role_sessions('app')}), qr/\A\Q$refusal\E/, 'for a recipe');
	is(scalar(audit_lines($node, $position)), 0, 'nobody was signalled');
	ok($_->lives, 'the victim is well') for @sessions;
	like($admin->run("SELECT sessionctl.safe_count($victim)"),
		qr/^NOTICE:  terminate_where would refuse this: [^\n]* \(2\) allows\n.*^3\z/ms,
		'the setting does not bind who only looks, but that is told');

	like($admin->run("SELECT sessionctl.terminate_where($victim, keep => 1)"), qr/^2\z/m,
		'what is kept or spared does not count');
	$_->quit for @sessions;
	@sessions = map { session('app') } 1 .. 3;
	like($admin->run("SELECT sessionctl.terminate_where($victim, refuse_above => 3)"), qr/^3\z/m,
		"the call's own bound takes precedence");
	$_->quit for @sessions;
	@sessions = map { session('app') } 1 .. 3;
	like($admin->run("SELECT sessionctl.terminate_where($victim, refuse_above => 0)"), qr/^3\z/m, '0 is no bound');
	$admin->run('SET pg_sessionctl.refuse_above = 0');
	$_->quit for @sessions, $boss;
	is(chosen([ map { session('app') } 1 .. 3 ], 'refuse_above => NULL'), '0 1 2', 'no bound by default');
};

subtest 'protected roles' => sub {
	my @users = ('app', 'member', 'indirect', 'web');
	$admin->run(q{SET pg_sessionctl.protected_roles = ' web , "Team, ""A""" '});
	my @sessions = map { session($_) } @users;
	is($admin->run("SELECT usename, protection FROM sessionctl.session_activity
			WHERE application_name = 'victim' ORDER BY 1"),
		"app|\nindirect|protected role\nmember|protected role\nweb|protected role",
		'the named roles and their members, direct or not');
	is( $admin->run("SELECT sessionctl.terminate_where($victim, include_superusers => true, include_replication => true)"),
		"NOTICE:  matched 4: 1 ended, 3 spared (protected role)\n1", 'nothing includes them');
	ok($_->lives, 'it is well') for @sessions[ 1 .. 3 ];
	is($admin->run(q{SELECT sessionctl.terminate_role_sessions('web')}),
		"NOTICE:  matched 1: 1 spared (protected role)\n0", 'no recipe does');

	# A superuser has every role, but is a member of those only that were granted.
	my $boss = session('boss', 'boss');
	is($admin->run(q{SELECT protection FROM sessionctl.session_activity WHERE application_name = 'boss'}),
		'superuser', 'a superuser is a superuser');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'boss'$$, include_superusers => true)}),
		'1', 'and not a member of everything');

	$admin->run(q{SET pg_sessionctl.protected_roles = 'WEB'});
	is( $admin->run(q{SELECT sessionctl.safe_count($$usename = 'web'$$)}),
		qq{WARNING:  role "WEB" in pg_sessionctl.protected_roles does not exist\n1},
		'names are matched exactly; a name that nobody has protects nobody, and that is told');
	$admin->run('RESET pg_sessionctl.protected_roles');
	like($admin->run("SELECT sessionctl.terminate_where($victim)"), qr/^3\z/m, 'without the setting they can be ended');

	# The guard rails are read before the condition runs.
	$admin->run(q{CREATE FUNCTION loosen() RETURNS boolean STABLE LANGUAGE plpgsql AS
		$$BEGIN PERFORM set_config('pg_sessionctl.protected_roles', '', false);
		PERFORM set_config('pg_sessionctl.refuse_above', '0', false); RETURN true; END$$});
	my $web = session('web', 'guarded');
	$admin->run('SET pg_sessionctl.protected_roles = web');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'guarded' AND public.loosen()$$)}),
		"NOTICE:  matched 1: 1 spared (protected role)\n0", 'a condition that changes them is too late');
	ok($web->lives, 'it is well');
	$_->quit for @sessions, $boss, $web;
};

subtest 'replication' => sub {
	$admin->run('ALTER ROLE app REPLICATION');
	my $standby = new_standby($node, conf => 'wal_retrieve_retry_interval = 100', conninfo => $node->connstr . ' user=app');
	my $walsender = sub { $admin->run(q{SELECT pid FROM pg_stat_replication WHERE state = 'streaming'}) };
	wait_for('the standby', sub { $walsender->() });
	my $pid = $walsender->();
	$admin->run('RESET pg_sessionctl.protected_roles');
	is($admin->run("SELECT protection FROM sessionctl.session_activity WHERE pid = $pid"), 'replication', 'protected');
	is($admin->run("SELECT sessionctl.$_('pid = $pid', include_superusers => true)"),
		"NOTICE:  matched 1: 1 spared (replication)\n" . hint_to_include('replication') . "0", "$_ spares it")
	  for qw(terminate_where cancel_where);
	is($walsender->(), $pid, 'and it streams on');
	is($admin->run("SELECT sessionctl.terminate_where('pid = $pid', include_replication => true)"), '1', 'unless included');
	wait_for('the standby to come back', sub { ($walsender->() || $pid) ne $pid });
	pass('the standby comes back by itself');
	$standby->stop;
};

done_testing();
