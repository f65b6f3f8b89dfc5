# No function adds privileges: who may call it, which sessions core lets them signal, and what they may see.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('rights');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE ROLE other LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE nobody LOGIN;
	CREATE ROLE operator LOGIN; GRANT pg_signal_backend TO operator;
	CREATE ROLE colleague LOGIN; GRANT app TO colleague;
	CREATE ROLE outsider LOGIN NOINHERIT; GRANT app TO outsider;
	CREATE ROLE reader LOGIN; GRANT pg_read_all_stats TO reader});

my $for_superusers = q{proname ~ 'reaper|audit|stats|lockdowns|pool|_server|_rule_changed'};
my $asks_inside = q{proname IN ('lockdown_database', 'unlock_database', 'lockdown_role', 'unlock_role', 'limit_role')};
my $for_all = qq{(proname IN ('safe_count', 'preview_where', 'blocking_tree', 'help') OR proname LIKE '\\_%' OR $asks_inside) AND NOT $for_superusers};

subtest 'which roles may call' => sub {
	my $nobody = SessionctlTest::Session->new($node, user => 'nobody');
	is( $admin->run("SELECT count(*) FROM pg_proc WHERE pronamespace = 'sessionctl'::regnamespace
				AND has_function_privilege('nobody', oid, 'EXECUTE') <> ($for_all)"),
		'0', 'everybody may look, nobody may act, but where the right to ALTER is asked for inside');
	my %calls = (
		terminate_where => q{'true'},
		terminate_report => q{'true'},
		escalate_report => q{'true'},
		drain_where => q{'true'},
		cancel_where => q{'true'},
		terminate_session => '1',
		cancel_session => q{'1.1'},
		terminate_role_sessions => q{'app'},
		terminate_database_sessions => q{'postgres'},
		terminate_application_sessions => q{'x'},
		terminate_idle_in_transaction => q{'1 s'},
		terminate_nologin_sessions => '',
		terminate_blockers => '1',
		terminate_lock_holders => q{'pg_class'});
	my $victim = SessionctlTest::Session->new($node, user => 'nobody');
	like($nobody->run_verbose("SELECT sessionctl.$_($calls{$_})"),
		qr/ERROR:  42501: permission denied for function $_/, "$_ is not for everybody")
	  for sort keys %calls;
	ok($victim->lives, 'even where pg_terminate_backend() would do it');
	is($nobody->run('SELECT count(*) > 0 FROM sessionctl.session_activity'), 't', 'but look');
	is($nobody->run(q{SELECT sessionctl.safe_count($$usename = 'nobody' AND NOT is_self$$)}), '1', 'and count');
	is($nobody->run(q{SELECT outcome FROM sessionctl.preview_where($$usename = 'nobody' AND NOT is_self$$)}),
		'chosen', 'and preview');
	is( $admin->run("SELECT count(*) FROM pg_proc WHERE pronamespace = 'sessionctl'::regnamespace
				AND has_function_privilege('operator', oid, 'EXECUTE') = ($for_superusers)"),
		'0', 'a member of pg_signal_backend may call everything but what is for superusers');
	$_->quit for $nobody, $victim;
};

# Each of these may execute; what they may signal is another matter, and core's to decide.
subtest 'session by session as pg_terminate_backend() decides' => sub {
	$admin->run("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO nobody, colleague, outsider");
	for my $caller_name (qw(nobody operator colleague outsider boss))
	{
		my $caller = SessionctlTest::Session->new($node, user => $caller_name);
		my @victims = ('app', 'other', 'boss', $caller_name);
		my %ours = map { $_ => SessionctlTest::Session->new($node, user => $_, app => 'ours') } @victims;
		my %theirs = map { $_ => SessionctlTest::Session->new($node, user => $_, app => 'theirs') } @victims;
		my %core;
		for my $name (sort keys %theirs)
		{
			my $answer = $caller->run('SELECT pg_terminate_backend(' . $theirs{$name}->pid . ')');
			$core{$name} = $answer eq 't' ? 'terminated' : $answer =~ /ERROR/ ? 'denied' : $answer;
		}
		my $report = $caller->run(
			q{SELECT usename || '=' || outcome FROM sessionctl.terminate_report($$application_name = 'ours'$$,
				include_superusers => true)});
		my %ours_said = map { /^(\w+)=(.*)/ ? ($1 => $2) : () } split /\n/, $report;
		is_deeply(\%ours_said, \%core, "$caller_name: the same answer for each session")
		  or diag(explain { ours => $report, core => \%core });
		unlike($report, qr/ERROR/, "$caller_name: a session that may not be touched is no error");
		for my $name (sort keys %ours)
		{
			is($ours{$name}->lives ? 'denied' : 'terminated', $core{$name}, "$caller_name, $name: and it is so");
		}
		$_->quit for $caller, values %ours, values %theirs;
	}
};

subtest 'denied and spared sessions are reported, and do not stop the rest' => sub {
	my $nobody = SessionctlTest::Session->new($node, user => 'nobody');
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my @victims = map { SessionctlTest::Session->new($node, user => $_, app => 'victim') } qw(app boss app);
	my $condition = q{$$application_name = 'victim'$$};
	my $position = log_position($node);
	is( $nobody->run("SELECT sessionctl.terminate_where($condition)"),
		"NOTICE:  matched 3: 1 spared (superuser), 2 denied\n0", 'nothing is allowed');
	is(scalar(audit_lines($node, $position)), 0, 'and nothing was tried');
	is( $nobody->run("SET client_min_messages = warning;
			SELECT usename, outcome, detail FROM sessionctl.terminate_report($condition) ORDER BY pid"),
		"app|denied|permission denied\nboss|spared|superuser\napp|denied|permission denied", 'the rows say why');
	ok($_->lives, 'and all are well') for @victims;
	is( $operator->run("SELECT sessionctl.terminate_where($condition, include_superusers => true)"),
		"NOTICE:  matched 3: 2 ended, 1 denied\n2", 'the superuser in the middle stops nothing');
	ok($victims[1]->lives, 'the superuser is well');
	is( $operator->run("SELECT sessionctl.cancel_where($condition, include_superusers => true)"),
		"NOTICE:  matched 1: 1 denied\n0", 'nor can it be cancelled');
	$_->quit for $nobody, $operator, @victims;
};

subtest 'keep does not reveal hidden times' => sub {
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my @sessions = map { SessionctlTest::Session->new($node, user => 'other', app => 'keep') } 1 .. 3;
	my ($lowest) = sort { $a <=> $b } map { $_->pid } @sessions;
	for my $session (@sessions)
	{
		$session->run('SELECT 1');
		for my $which (qw(oldest newest busiest longest))
		{
			like($operator->run(qq{SELECT pid FROM sessionctl.preview_where(\$\$application_name = 'keep'\$\$, keep => 1, keep_which => '$which') WHERE outcome <> 'chosen'}),
				qr/^NOTICE:  the times of 3 sessions are hidden from you: .*\n.*\b$lowest\z/s, "not by its times ($which)");
		}
	}
	$admin->run('GRANT pg_read_all_stats TO operator');
	my %kept = (oldest => $sessions[0], newest => $sessions[2], busiest => $sessions[2]);
	is($operator->run(qq{SELECT pid FROM sessionctl.preview_where(\$\$application_name = 'keep'\$\$, keep => 1, keep_which => '$_') WHERE outcome <> 'chosen'}) =~ s/NOTICE: .*\n//r,
		$kept{$_}->pid, "who may see them has a choice ($_)") for sort keys %kept;
	$admin->run('REVOKE pg_read_all_stats FROM operator');
	$_->quit for $operator, @sessions;
};

subtest 'hidden columns' => sub {
	my $secret = SessionctlTest::Session->new($node, user => 'other', app => 'secretive');
	$secret->run(q{BEGIN; SELECT 'the secret word'});
	my $nobody = SessionctlTest::Session->new($node, user => 'nobody');
	my $reader = SessionctlTest::Session->new($node, user => 'reader');
	$_->run('SET client_min_messages = warning') for $nobody, $reader;
	my @hidden = qw(session_id backend_start backend_type client_addr client_hostname client_port state state_change
	  xact_start query_start wait_event_type wait_event waiting leader_pid query_id query idle_for
	  idle_in_transaction_for xact_age query_age session_age);
	my $row = "FROM sessionctl.session_activity WHERE application_name = 'secretive'";
	is($nobody->run("SELECT concat(" . join(', ', map { "$_\::text" } @hidden) . ") $row"), '',
		'all that core hides is NULL');
	is($nobody->run("SELECT usename, datname, is_superuser, can_login, is_self, protection $row"),
		'other|postgres|f|t|f|permission denied', 'what core shows to all is shown');
	like($reader->run("SELECT query $row"), qr/the secret word/, 'pg_read_all_stats sees it');
	is($nobody->run("SELECT count(*) FROM (SELECT pid, query, state, client_port FROM sessionctl.session_activity
				WHERE application_name <> '' EXCEPT
			SELECT pid, CASE WHEN query <> '<insufficient privilege>' THEN query END, state, client_port
			FROM pg_stat_activity) AS x"), '0', 'no more is seen than in pg_stat_activity');

	is($nobody->run(q{SELECT session_id IS NULL, client_addr IS NULL, state IS NULL, outcome
			FROM sessionctl.preview_where($$application_name = 'secretive'$$)}), 't|t|t|denied', 'preview hides it as well');
	is($nobody->run(qq{SELECT count(*) FROM sessionctl.preview_where(\$\$application_name = 'secretive' AND ($_)\$\$)}),
		'0', "$_ does not match")
	  for q{query LIKE '%secret%'}, q{query NOT LIKE '%secret%'}, q{state = 'idle in transaction'}, q{backend_start > '1970-01-01'},
	  q{idle_in_transaction_for > '0'}, q{waiting}, q{NOT waiting}, q{session_id IS NOT NULL};
	is($nobody->run(q{SELECT count(*) FROM sessionctl.preview_where($$application_name = 'secretive' AND query::integer = 1$$)}),
		'0', 'and no error tells it');
	is($nobody->run(q{SELECT count(*) FROM sessionctl.preview_where('application_name = $1', '{secretive}', per := 'query')}),
		'1', 'nor does per');
	is($reader->run(q{SELECT count(*) FROM sessionctl.preview_where($$query LIKE '%secret w%' AND NOT is_self$$)}), '1',
		'for who sees it it matches');
	$_->quit for $secret, $nobody, $reader;
};

subtest 'hidden states are reported' => sub {
	my $open = SessionctlTest::Session->new($node, user => 'other');
	$open->run('BEGIN');
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	like($operator->run(q{SELECT sessionctl.terminate_idle_in_transaction('0')}),
		qr/\ANOTICE:  the state of \d+ sessions? is hidden from you, .*\nHINT:  .*pg_read_all_stats.*^0\z/ms,
		'who may end sessions but not see what they do is told');
	$admin->run('GRANT pg_read_all_stats TO operator');
	is($operator->run(q{SELECT sessionctl.terminate_idle_in_transaction('0')}), '1', 'a role that sees the state finds the session');
	$admin->run('REVOKE pg_read_all_stats FROM operator');
	$_->quit for $open, $operator;
};

subtest 'the settings' => sub {
	my $nobody = SessionctlTest::Session->new($node, user => 'nobody');
	is($nobody->run('SELECT sessionctl.safe_count($$usename = $$ || quote_literal(1))'), '0', 'the library is loaded');
	like($nobody->run_verbose("SET pg_sessionctl.$_"), qr/ERROR:  42501: permission denied to set parameter/, "SET $_")
	  for "protected_roles = ''", 'refuse_above = 0';
	like($nobody->run_verbose('ALTER ROLE nobody SET pg_sessionctl.refuse_above = 0'),
		qr/ERROR:  42501: permission denied to set parameter/, 'nor as a default of its own role');
	$nobody->quit;

	# Before the library is loaded the server knows no such parameter and takes any.
	$node->append_conf('postgresql.conf', 'pg_sessionctl.refuse_above = 1');
	$node->reload;
	wait_for('the setting', sub { $admin->run('SHOW pg_sessionctl.refuse_above') eq '1' });
	my @victims = map { SessionctlTest::Session->new($node, user => 'app', app => 'victim') } 1 .. 2;
	my $early = SessionctlTest::Session->new($node, user => 'operator');
	$early->run('SET pg_sessionctl.refuse_above = 0');
	like($early->run_verbose(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)}),
		qr/ERROR:  54000: 2 sessions would be acted on, more than refuse_above \(1\)/, 'what was set before is not taken over');
	ok($_->lives, 'the victim is well') for @victims;
	$_->quit for $early, @victims;
};

done_testing();
