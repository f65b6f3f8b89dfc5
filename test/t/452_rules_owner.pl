# A session rule acts with its owner's rights of that moment, and only while that owner is the role that made it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules_owner');
my $admin = SessionctlTest::Session->new($node);
plan skip_all => 'pg_signal_backend came with 9.6' if $admin->run('SHOW server_version_num') < 90600;
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE guard LOGIN; GRANT pg_signal_backend TO guard; CREATE ROLE boss LOGIN SUPERUSER');

my $victims = q{application_name = 'victim'};

sub victim { return marked_session($node, $_[0] || 'victim') }

sub as
{
	my ($role, $sql) = @_;
	my $session = SessionctlTest::Session->new($node, user => $role);
	my $answer = $session->run($sql);
	$session->quit;
	return $answer;
}

sub make
{
	my ($role, $condition, %with) = @_;
	my $session = SessionctlTest::Session->new($node, user => $role);
	my $answer = rule($session, 'r', $condition, action => 'terminate', streak => 'session', %with);
	$session->quit;
	return $answer;
}

sub make_as_admin { return rule($admin, 'r', $_[0], action => 'terminate', streak => 'session') }

sub drop_rule { return $admin->run(q{SELECT sessionctl.drop_session_rule('r')}) }

# The rule is not checked, says why, and ends nobody.
sub is_stopped
{
	my ($why, $pattern) = @_;
	my $session = victim();
	wait_for($why, sub { status_of($admin, 'r', 'last_error') =~ $pattern });
	ok($session->lives, "$why: nobody is ended");
	return $session->quit;
}

sub is_carried_out
{
	my ($why) = @_;
	my $session = victim();
	wait_for_end($session);
	$session->quit;
	return pass($why);
}

subtest 'whom the owner may not signal' => sub {
	my $superuser = marked_session($node, 'victim', user => 'postgres');
	is(make('guard', $victims, include_superusers => 'true'), '', 'a rule that would end superusers');
	is_carried_out('ends others');
	ok($superuser->lives, 'but no superuser: its owner is none');
	$superuser->quit;
	drop_rule();
};

subtest 'renamed' => sub {
	make('guard', $victims);
	$admin->run('ALTER ROLE guard RENAME TO other');
	is_stopped('its owner is renamed', qr/its owner was renamed, or is another role than "guard" of now/);
	$admin->run('CREATE ROLE guard LOGIN; GRANT pg_signal_backend TO guard');
	like(as('guard', q{SELECT sessionctl.alter_session_rule('r', reason := 'mine')}), qr/must be owner of session rule "r"/, 'a role made anew under its name inherits nothing');
	like(as('other', q{SELECT sessionctl.alter_session_rule('r', reason := 'mine')}), qr/must be owner of session rule "r"/, 'nor does the renamed one');
	$admin->run('DROP ROLE guard; ALTER ROLE other RENAME TO guard');
	is_carried_out('named as before');
	drop_rule();
};

subtest 'dropped' => sub {
	make('guard', $victims);
	$admin->run('DROP ROLE guard');
	is_stopped('its owner is dropped', qr/its owner "guard" does not exist any more/);
	$admin->run('CREATE ROLE guard LOGIN; GRANT pg_signal_backend TO guard');
	is_stopped('made anew', qr/its owner "guard" does not exist any more/);
	is($admin->run(q{SELECT sessionctl.alter_session_rule('r', reason := 'taken over')}), '', 'a superuser takes it over');
	is_carried_out('then it is carried out');
	is(status_of($admin, 'r', 'owner'), 'postgres', 'as his');
	drop_rule();
};

subtest 'another role becomes its owner while the first one changes it' => sub {
	make('guard', 'false');
	my $guard = SessionctlTest::Session->new($node, user => 'guard');
	$admin->run(q{BEGIN; UPDATE sessionctl.session_rule SET owner = 'postgres', owner_oid = 10 WHERE name = 'r'});
	$guard->send(q{SELECT sessionctl.alter_session_rule('r', condition := 'true')});
	wait_for('the first one to wait', sub { $guard->has_answered || $admin->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $guard->pid) });
	$admin->run('COMMIT');
	like($guard->answer, qr/ERROR:  another session is changing the same rule/, 'it is refused');
	is(status_of($admin, 'r', 'owner, condition'), 'postgres|false', 'and nothing is changed');
	$guard->quit;
	drop_rule();
};

subtest 'pg_signal_backend revoked' => sub {
	make('guard', $victims);
	is_carried_out('before');
	$admin->run('REVOKE pg_signal_backend FROM guard');
	is_stopped('it may not make rules', qr/its owner "guard" has no right to execute sessionctl.create_session_rule/);
	$admin->run('GRANT pg_signal_backend TO guard');
	is_carried_out('granted again');
	drop_rule();
};

subtest 'no superuser any more' => sub {
	is(make('boss', 'application_name = (SELECT $$victim$$)', reason => 'x'), '', 'a condition that only superusers may write');
	is_carried_out('is carried out');
	$admin->run('ALTER ROLE boss NOSUPERUSER; GRANT pg_signal_backend TO boss');
	is_stopped('not with lesser rights', qr/subquer/);
	$admin->run('ALTER ROLE boss SUPERUSER');
	is_carried_out('with the old rights it is');
	drop_rule();
	is(make('boss', $victims, action => 'escalate', close_socket => 'true'), '', 'close_socket');
	$admin->run('ALTER ROLE boss NOSUPERUSER');
	is_stopped('needs a superuser', qr/its owner "boss" is no superuser, as close_socket needs/);
	drop_rule();
};

subtest 'a right to write all tables' => sub {
	plan skip_all => 'pg_write_all_data came with 14' if $admin->run('SHOW server_version_num') < 140000;
	make('guard', 'false', reason => 'as it was');
	$admin->run('CREATE ROLE writer LOGIN IN ROLE pg_write_all_data, pg_read_all_data');
	$admin->run('GRANT SET ON PARAMETER session_replication_role TO writer') if $admin->run('SHOW server_version_num') >= 150000;
	my $writer = SessionctlTest::Session->new($node, user => 'writer');
	for my $role (qw(origin replica local))
	{
		$writer->run("SET session_replication_role = $role");
		like($writer->run($_), qr/ERROR:  cannot write the table of session rules/, "$role: $_")
		  for q{UPDATE sessionctl.session_rule SET owner = 'postgres', owner_oid = 10, condition = 'true'},
		  q{INSERT INTO sessionctl.session_rule SELECT * FROM sessionctl.session_rule LIMIT 0}, 'DELETE FROM sessionctl.session_rule';
	}
	is(status_of($admin, 'r', 'owner, condition, reason'), 'guard|false|as it was', 'nothing is changed');
	$writer->quit;
	drop_rule();
};

subtest 'an action under way' => sub {
	my $drained = sub {
		my $session = victim();
		$session->run('BEGIN');
		make('guard', $victims, action => 'drain', timeout => '1 h', force => 'true');
		wait_for('it to be asked to end', sub { status_of($admin, 'r', 'acted') eq '1' });
		return $session;
	};
	my $is_given_up = sub {
		my ($session, $why, $result) = @_;
		wait_for_log($node, $session->{log_position}, qr/action=drain result="$result" [^\n]* rule="r"/);
		is($session->run('COMMIT'), '', "$why: the transaction ends");
		ok($session->lives, 'and the session lives');
		$session->quit;
	};
	rule($admin, 'another', 'false');    # for which the process stays
	my $session = $drained->();
	$admin->run('REVOKE pg_signal_backend FROM guard');
	$is_given_up->($session, 'the right is revoked', 'denied');
	$admin->run('GRANT pg_signal_backend TO guard');
	drop_rule();
	$session = $drained->();
	drop_rule();
	$is_given_up->($session, 'the rule is dropped', 'spared');
	$session = $drained->();
	set_rules($admin, 'pg_sessionctl.rules' => 'log');
	$is_given_up->($session, 'rules only log', 'spared');
	set_rules($admin, 'pg_sessionctl.rules' => 'on');
	drop_rule();
	$session = $drained->();
	set_rules($admin, 'pg_sessionctl.protected_roles' => 'app');
	$is_given_up->($session, 'the role is protected', 'spared');
	set_rules($admin, 'pg_sessionctl.protected_roles' => undef);
	drop_rule();
	$admin->run(q{SELECT sessionctl.drop_session_rule('another')});
};

subtest 'whoever owns the table of rules' => sub {
	make_as_admin($victims);
	is_carried_out('a superuser');
	my $position = log_position($node);
	$admin->run('ALTER TABLE sessionctl.session_rule OWNER TO guard; SELECT pg_reload_conf()');
	wait_for_log($node, $position, qr/LOG:  pg_sessionctl: the session rules are not carried out: the owner of their table is no superuser/);
	wait_for_no_worker($node);
	pass('no superuser: it is not read');
	$admin->run('ALTER TABLE sessionctl.session_rule OWNER TO postgres; SELECT pg_reload_conf()');
	is_carried_out('a superuser again');
	$admin->run('CREATE ROLE heir LOGIN; GRANT postgres TO heir; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO heir');
	like(as('heir', q{SELECT sessionctl.alter_session_rule('r', condition := 'false')}), qr/must be owner of session rule "r"/, 'membership does not make a superuser');
	$admin->run('DROP OWNED BY heir; DROP ROLE heir');
	drop_rule();
};

subtest 'the owner of the database' => sub {
	my ($worker) = rules_worker($node);
	my $session = SessionctlTest::Session->new($node, user => 'app');    # before no session has time for anything
	for my $setting ('exit_on_error = on', 'role = app', q{default_transaction_isolation = 'serializable'}, 'default_transaction_read_only = on', q{lock_timeout = '1 ms'},
		q{statement_timeout = '1 ms'}, 'synchronous_commit = remote_apply', q{search_path = 'public'}, $admin->run('SHOW server_version_num') >= 170000 ? q{transaction_timeout = '1 ms'} : ())
	{
		$admin->run("ALTER DATABASE postgres SET $setting");
	}
	my $position = log_position($node);
	$admin->run("SELECT pg_terminate_backend($worker)") if $worker;
	is(make_as_admin('1 / (pid - pid) = 1'), '', 'a rule that fails');
	wait_for('it to fail', sub { status_of($admin, 'r', 'last_error') =~ /division by zero/ });
	$admin->run('SELECT sessionctl.alter_session_rule($$r$$, condition := $$' . $victims . '$$)');
	$session->run(q{SET application_name = 'victim'});
	wait_for_end($session);
	pass('does not end the worker, whatever is set for the database');
	$session->quit;
	is(scalar(log_lines($node, $position, qr/worker for session rules started/)), 1, 'which has been started once');
	$admin->run('ALTER DATABASE postgres RESET ALL');
	drop_rule();
};

subtest 'errors and conditions are for the owner' => sub {
	make('guard', $victims, only_when => 'now() > $$2000-01-01$$');
	$admin->run('REVOKE pg_signal_backend FROM guard');
	is_stopped('an error', qr/no right/);
	is(as('guard', q{SELECT condition, only_when, last_error IS NULL FROM sessionctl.session_rules}), "$victims|now() > " . q{$$2000-01-01$$|f}, 'which it reads');
	is(as('app', q{SELECT name, condition IS NULL, only_when IS NULL, last_error IS NULL FROM sessionctl.session_rules}), 'r|t|t|t', 'and others do not');
	drop_rule();
};

subtest 'a cooldown' => sub {
	$admin->run('GRANT pg_signal_backend TO guard');
	make('guard', $victims, cooldown => '1 h');
	my $session = marked_session($node, 'victim', app => 'pool');
	wait_for_end($session);
	is($admin->run(q{SELECT locked_by FROM sessionctl.session_lockdowns WHERE kind = 'cooldown'}), 'guard', 'is its owner\'s, not a superuser\'s');
	$session->quit;
	drop_rule();
};

subtest 'a cooldown, and a login under way' => sub {
	my $login = start_login($node, 'app', connection => q{application_name=pooled options='-c post_auth_delay=600'});
	my $pid;
	wait_for('a login under way', sub { ($pid) = grep { is_delayed($_) } waiting_logins($node, 'app', 'startup') });
	my $session = marked_session($node, 'victim', app => 'pooled');
	make('guard', $victims, cooldown => '1 h');
	wait_for_end($session);
	wait_for('the login to be gone', sub { !is_running($pid) });
	unlike(login_output($login), qr/42/, 'it never was inside');
	$session->quit;
	drop_rule();
};

done_testing();
