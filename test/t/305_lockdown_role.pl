# lockdown_role, unlock_role, limit_role, session_limits, terminate_on_login_revoked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use RawSession;
use SessionctlTest;
use Storm;
use Sweeps;
use Test::More;
use Time::HiRes qw(time);

my $node = new_server('lockdown_role', init => { allows_streaming => 1 },
	conf => "max_connections = 60\nmax_prepared_transactions = 5\nmax_worker_processes = 40\nlog_min_messages = debug1\n");    # each lockdown has a sweeper for a while
my $admin = SessionctlTest::Session->new($node);
my $odd = q{O'Brien "the" \ Odd};
(my $odd_identifier = $odd) =~ s/"/""/g;
$admin->run(qq{
	CREATE ROLE app LOGIN;
	CREATE ROLE other LOGIN IN ROLE app;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE crew;
	CREATE ROLE clerk LOGIN CREATEROLE;
	CREATE ROLE streamer LOGIN REPLICATION;
	CREATE ROLE "@{[ $longest =~ s/"/""/gr ]}" LOGIN;
	CREATE ROLE "$odd_identifier" LOGIN});

sub session
{
	my ($user, %with) = @_;
	return SessionctlTest::Session->new($node, user => $user, %with);
}

sub login
{
	my ($role) = @_;
	return $admin->run("SELECT rolcanlogin FROM pg_roles WHERE rolname = '$role'");
}

sub connected
{
	my ($role) = @_;
	return $admin->run("SELECT count(*) FROM sessionctl.session_activity WHERE usename = '$role'");
}

sub sweepers
{
	return $admin->run(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_sessionctl sweeper'});
}

subtest 'refuses logins, ends sessions, unlocks' => sub {
	my @gone = map { session('app') } 1 .. 2;
	my $other = session('other');
	is($admin->run(q{SELECT sessionctl.lockdown_role('app', reason => 'leaves us')}), '2', 'ends its sessions');
	ok($other->lives, 'not those of its members');
	like(refusal($node, 'app'), qr/role "app" is not permitted to log in/, 'it is kept out');
	is(refusal($node, 'other'), '', 'its members are not');
	like($admin->run('SELECT kind, name, method, reason, connected, restores_to, changed FROM sessionctl.session_lockdowns'),
		qr/\Arole\|app\|nologin\|leaves us\|0\|login\|\z/, 'the view tells');
	is($admin->run(q{SELECT sessionctl.lockdown_role('app')}), '0', 'locked again');
	is($admin->run(q{SELECT sessionctl.unlock_role('app')}), 't', 'unlocked');
	is(refusal($node, 'app'), '', 'it comes in');
	is($admin->run('SELECT count(*) FROM pg_db_role_setting'), '0', 'nothing is left behind');
	like($admin->complaint(q{SELECT sessionctl.unlock_role('app')}), qr/\ANOTICE:  00000: role "app" is not locked down\n/, 'unlocked already');
	$_->quit for @gone, $other;
};

subtest 'a superuser' => sub {
	my $boss = session('boss');
	is($admin->run(q{SELECT sessionctl.lockdown_role('boss')}), '1', 'ends a superuser, whom no limit binds');
	like(refusal($node, 'boss'), qr/not permitted to log in/, 'and keeps it out');
	like($admin->complaint('SELECT sessionctl.lockdown_role(current_user)'),
		qr/\AERROR:  55000: role ".*" is the only superuser who may log in\nHINT: /, 'never the last one');
	is($admin->run(q{SELECT sessionctl.unlock_role('boss')}), 't', 'unlocked');
	my $other_boss = session('boss');
	is($other_boss->run('SELECT sessionctl.lockdown_role(current_user)'), "NOTICE:  matched 1: 1 spared (self)\n0", 'one\'s own: the caller stays');
	sweeps_are_over($node);
	ok($other_boss->lives, 'after the sweep, too');
	$other_boss->run('SELECT sessionctl.unlock_role(current_user)');
	$_->quit for $boss, $other_boss;
};

# Each looks for another superuser before it takes one away, and does not see what the other has not committed yet.
subtest 'two superusers lock each other out at once' => sub {
	my ($boss, $rival) = (session('boss'), SessionctlTest::Session->new($node));
	my $me = $admin->run('SELECT current_user');
	my $lock = sub { qq{SELECT sessionctl.lockdown_role('$_[0]', terminate => false)} };
	my $last = qr/\AERROR:  55000: role "\S+" is the only superuser who may log in\nHINT: /;
	my $busy = qr/\AERROR:  55P03: another session is changing which superusers may log in\nHINT: /;
	my $waits = sub { my ($session) = @_; sub { $rival->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $session->pid) eq '1' } };
	my $is_open = sub { is($rival->run(q{SELECT count(*) FROM pg_roles WHERE rolsuper AND rolcanlogin}), '2', "$_[0]: both are left") };

	$admin->run('BEGIN; ' . $lock->('boss'));
	like($boss->complaint($lock->($me)), $busy, 'one at a time');
	$admin->run('ROLLBACK');
	$is_open->('rolled back');

	$admin->run('BEGIN; ' . $lock->('boss'));
	$boss->send("\\set VERBOSITY verbose\n" . $lock->($me));
	wait_for('the second', $waits->($boss));
	$admin->run('COMMIT');
	like($boss->answer, qr/ERROR:  55000: role "\S+" is the only superuser who may log in\nHINT: /, 'the waiting lockdown looks again');
	$admin->run(q{SELECT sessionctl.unlock_role('boss')});
	$boss->run("\\set VERBOSITY default\n");

	$boss->run('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1');
	$admin->run($lock->('boss'));
	like($boss->complaint($lock->($me)), $last, 'at what is committed, whatever the transaction sees');
	$boss->run('ROLLBACK');
	$admin->run(q{SELECT sessionctl.unlock_role('boss')});

	like($admin->complaint("SELECT sessionctl.lockdown_role(r, terminate => false) FROM unnest('{boss,$me}'::text[]) AS r"), $last, 'not both by one statement');
	like($admin->complaint('BEGIN; ' . $lock->('boss') . '; ' . $lock->($me)), $last, 'nor by two of one transaction');
	$admin->run('ROLLBACK');
	$is_open->('both refused');

	for my $change ('ALTER ROLE boss NOLOGIN', 'ALTER ROLE boss NOSUPERUSER', 'DROP ROLE boss')
	{
		$admin->run("BEGIN; $change");
		like($rival->complaint($lock->($me)), $busy, "$change, not committed yet, does not count as a superuser who is left");
		$admin->run('ROLLBACK');
	}
	$admin->run('BEGIN; CREATE ROLE deputy LOGIN SUPERUSER; ALTER ROLE boss NOLOGIN');
	like($rival->complaint($lock->($me)), $busy, 'nor does CREATE ROLE');
	$admin->run('ROLLBACK');

	# Made one in the very instant: the look before the ALTER finds none.
	$admin->run('CREATE ROLE heir LOGIN; BEGIN; LOCK TABLE pg_authid IN EXCLUSIVE MODE');
	$rival->send("\\set VERBOSITY verbose\n" . $lock->('heir'));
	wait_for('the ALTER ROLE', sub { $admin->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $rival->pid) eq '1' });
	$admin->run("ALTER ROLE heir SUPERUSER; ALTER ROLE boss NOLOGIN; ALTER ROLE $me NOLOGIN; COMMIT");
	like($rival->answer, qr/ERROR:  55000: role "heir" is the only superuser who may log in\nHINT: /, 'a role that has just become a superuser counts as one');
	$rival->run("\\set VERBOSITY default\n");
	$admin->run("ALTER ROLE boss LOGIN; ALTER ROLE $me LOGIN; DROP ROLE heir");

	# Nobody else keeps them from it.
	my $app = session('app');
	$app->run(q{BEGIN; DO $$ BEGIN PERFORM sessionctl.lockdown_role('boss'); EXCEPTION WHEN insufficient_privilege THEN NULL; END $$});
	is($app->run(q{SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object' AND classid = 'pg_authid'::regclass}), '0', 'a role without the right takes no lock');
	$app->run(q{COMMENT ON ROLE app IS 'ours'});
	is($admin->run($lock->('boss')), '0', 'and is in nobody\'s way');
	$app->run('ROLLBACK');
	$admin->run(q{SELECT sessionctl.unlock_role('boss')});
	like($admin->complaint('BEGIN; ' . $lock->('boss') . q{; PREPARE TRANSACTION 'never'}),
		qr/ERROR:  0A000: cannot PREPARE a transaction that has called lockdown_role/, 'it cannot be prepared, ended sessions or not');
	$is_open->('at the end');
	$_->quit for $boss, $rival, $app;
};

subtest 'a role that could not log in before' => sub {
	is($admin->run(q{SELECT sessionctl.lockdown_role('crew')}), '0', 'is locked');
	is($admin->run(q{SELECT sessionctl.unlock_role('crew')}), 't', 'and unlocked');
	is(login('crew'), 'f', 'as it was');
};

subtest 'settings changed by hand meanwhile' => sub {
	$admin->run(q{SELECT sessionctl.lockdown_role('app')});
	$admin->run('ALTER ROLE app LOGIN');
	like($admin->run('SELECT changed FROM sessionctl.session_lockdowns'), qr/\Alogin\z/, 'is shown');
	like($admin->run(q{SELECT sessionctl.unlock_role('app')}), qr/\ANOTICE:  the login setting of role "app" was changed after its lockdown and is kept\n.*\nt\z/s, 'and told');
	is(login('app'), 't', 'it stays');
	$admin->run(q{SELECT sessionctl.lockdown_role('app')});
	$admin->run('ALTER ROLE app RENAME TO application');
	like($admin->run('SELECT name, method FROM sessionctl.session_lockdowns'), qr/\Aapplication\|nologin\z/, 'renamed, it is still locked');
	is($admin->run(q{SELECT sessionctl.unlock_role('application')}), 't', 'and unlocked by its new name');
	$admin->run('ALTER ROLE application RENAME TO app');
	is(login('app'), 't', 'as it was');
	$admin->run('CREATE ROLE short_lived LOGIN');
	$admin->run(q{SELECT sessionctl.lockdown_role('short_lived')});
	$admin->run('DROP ROLE short_lived');
	is($admin->run('SELECT count(*) FROM pg_db_role_setting'), '0', 'dropped, it takes the memory along');
};

subtest 'in a transaction' => sub {
	$admin->run('BEGIN');
	is($admin->run(q{SELECT sessionctl.lockdown_role('app')}), '0', 'locked');
	my $late = session('app');
	$admin->run('COMMIT');
	wait_for('who came in until the commit to be ended', sub { !is_running($late->pid) });
	pass('who came in until the commit is ended');
	$admin->run(q{SELECT sessionctl.unlock_role('app')});

	$admin->run(q{BEGIN; SELECT sessionctl.lockdown_role('app')});
	my $stays = session('app');
	$admin->run('ROLLBACK');
	sweeps_are_over($node);
	ok($stays->lives, 'rolled back, nothing happens');
	is(login('app'), 't', 'nor is it locked');
	like($admin->complaint(q{BEGIN; SELECT sessionctl.lockdown_role('other', timeout => '0'); PREPARE TRANSACTION 'never'}),
		qr/ERROR:  0A000: cannot PREPARE a transaction that has called lockdown_role/, 'it cannot be prepared');
	$_->quit for $late, $stays;
};

subtest 'a login under way' => sub {
	my $position = log_position($node);
	my $late = RawSession->begin_login($node, user => 'app', options => '-c post_auth_delay=600');
	wait_for('a login under way', sub { delayed_logins($admin) });
	$admin->run(q{SELECT sessionctl.lockdown_role('app')});
	is($late->ended_with, '57P01', 'is ended');
	wait_for_log($node, $position, qr/action=terminate result="terminated" .* usename="app" .*state="starting" .*reason="The role may no longer log in\."/);
	pass('and the audit tells');
	$admin->run(q{SELECT sessionctl.unlock_role('app')});
};

subtest 'a login that is asked for its password' => sub {
	prompt_for_password($node, 'prompted');
	my $before = password_prompt($node, user => 'prompted');
	is($admin->run(q{SELECT sessionctl.lockdown_role('prompted')}), '0', 'is no session');
	my $answer = answer_prompt($before);
	if ($admin->run('SHOW server_version_num') < 120000)
	{
		# There core lets in and refuses by what it knew of the role when it asked.
		like($answer eq 'in' ? 'FATAL ' . $before->ended_with : $answer, qr/FATAL (57P01|28000)/, 'and does not stay in');
		$admin->run(q{SELECT sessionctl.unlock_role('prompted')});
		return;
	}
	like($answer, qr/FATAL 28000 role "prompted" is not permitted to log in/, 'and does not get in');
	my $after = password_prompt($node, user => 'prompted');
	$admin->run(q{SELECT sessionctl.unlock_role('prompted')});
	is(answer_prompt($after), 'in', 'unless it is unlocked');
	$after->send(X => '');
	is($after->ended_with, undef, 'it says good-bye');
};

subtest 'a walsender' => sub {
	my ($walsender, $login) = (session('streamer', replication => 'database'),
		RawSession->begin_login($node, user => 'streamer', replication => 'database', options => '-c post_auth_delay=600'));
	my $physical = RawSession->new($node, user => 'streamer', replication => '1');
	wait_for('a login under way', sub { delayed_logins($admin) });
	is($admin->run(q{SELECT sessionctl.lockdown_role('streamer')}), "NOTICE:  matched 2: 1 ended, 1 spared (replication)\n1", 'is ended');
	ok(!$walsender->lives, 'and gone');
	is($login->ended_with, '57P01', 'so is a login under way');
	sweeps_are_over($node);
	ok(is_running($physical->pid), 'one for physical replication is spared, by the sweep, too');
	$admin->run(q{SELECT sessionctl.unlock_role('streamer')});
	$_->quit for $walsender, $physical;
};

subtest 'two at once' => sub {
	my @callers = map { SessionctlTest::Session->new($node) } 1 .. 2;
	for my $round (1 .. 5)
	{
		for my $what (qw(lockdown unlock))
		{
			$_->send("SELECT sessionctl.${what}_role('app')") for @callers;
			my @answers = map { $_->answer } @callers;
			like($_, qr/\A(NOTICE:  .*\nHINT: .*\n)?[0tf]\z|\AERROR:  another session is changing/, "$what: an answer or a clean error") for @answers;
			ok((grep { /\A[0t]\z/ } @answers), "$what: one at least came through");
			is(login('app'), $what eq 'lockdown' ? 'f' : 't', "$what: the role");
		}
	}
	$callers[0]->run(q{BEGIN; SELECT sessionctl.lockdown_role('app')});
	like($callers[1]->complaint(q{SELECT sessionctl.lockdown_role('app')}),
		qr/\AERROR:  55P03: another session is changing the same database or role\nHINT: /, 'a transaction that stays open is told');
	$callers[0]->run('COMMIT; CREATE ROLE leaver LOGIN; BEGIN; DROP ROLE leaver');
	like($callers[1]->complaint(q{SELECT sessionctl.lockdown_role('leaver')}), qr/\AERROR:  55P03: another session is changing/, 'so is one that drops it');
	$callers[0]->run('COMMIT');
	for my $change (q{COMMENT ON ROLE app IS 'theirs'}, 'ALTER ROLE app CONNECTION LIMIT 7')
	{
		$callers[0]->run("BEGIN; $change; PREPARE TRANSACTION 'theirs'");
		like($callers[1]->complaint(q{SELECT sessionctl.lockdown_role('app')}),
			qr/\AERROR:  55P03: another session is changing the same database or role\nHINT: .*, ROLLBACK PREPARED 'theirs' or COMMIT PREPARED does\.\z/,
			"a prepared one is named: $change");
		$callers[0]->run(q{ROLLBACK PREPARED 'theirs'});
	}
	like($callers[1]->complaint(q{SELECT sessionctl.lockdown_role('leaver')}), qr/\AERROR:  42704: /, 'dropped, it is unknown');
	is($callers[1]->run(q{SELECT sessionctl.lockdown_role('app')}), '0', 'committed, the second one locks it again');
	is($admin->run(q{SELECT sessionctl.unlock_role('app')}), 't', 'and what was before is remembered');
	is(login('app'), 't', 'as it was');
	$_->quit for @callers;
};

subtest 'from another database' => sub {
	$admin->run('CREATE DATABASE elsewhere');
	my $there = SessionctlTest::Session->new($node, database => 'elsewhere');
	$there->run('CREATE EXTENSION pg_sessionctl');
	$admin->run(q{SELECT sessionctl.lockdown_role('app', reason => 'a move')});
	like(qx(pg_dumpall --roles-only -d '@{[ $node->connstr('postgres') ]}' 2>&1) . qx(pg_dumpall --schema-only -d '@{[ $node->connstr('postgres') ]}' 2>&1),
		qr/ALTER ROLE app SET "pg_sessionctl\.lockdown" TO '.*reason=a%20move /, 'a dump of the cluster has the memory');
	is($there->run(q{SELECT sessionctl.unlock_role('app')}), 't', 'any database with the extension unlocks it');
	is(login('app'), 't', 'as it was');
	$there->quit;
};

subtest 'a sweep ends with the lockdown' => sub {
	sweeps_are_over($node);
	my $stubborn = session('app');
	stop_process($stubborn->pid);
	$admin->run(q{SELECT sessionctl.lockdown_role('app', timeout => '0')});
	wait_for('the sweeper', sub { sweepers() eq '1' });
	$admin->run(q{SELECT sessionctl.unlock_role('app')});
	my @next = map { session('app') } 1 .. 3;
	continue_process($stubborn->pid);
	wait_for('its end', sub { sweepers() eq '0' });
	ok($_->lives, 'a login after the unlock stays') for @next;
	$_->quit for $stubborn, @next;
};

subtest 'many roles at once' => sub {
	$admin->run("CREATE ROLE fired_$_ LOGIN") for 1 .. 40;
	my @sessions = map { session("fired_$_") } 1, 20, 40;
	$admin->run(q{BEGIN; SELECT count(sessionctl.lockdown_role('fired_' || i, timeout => '0')) FROM generate_series(1, 40) AS i});
	is(sweepers(), '0', 'before the commit there is no worker');
	my $late = session('fired_30');
	$admin->run('COMMIT');
	wait_for('all to be ended', sub { !is_running($_->pid) }) for @sessions, $late;
	pass('need no worker each');
	$_->quit for @sessions, $late;
	sweeps_are_over($node);
	$admin->run("DROP ROLE fired_$_") for 1 .. 40;
};

subtest 'protected roles' => sub {
	$admin->run(q{SET pg_sessionctl.protected_roles = 'app'; ALTER SYSTEM SET pg_sessionctl.protected_roles = 'app'});
	$admin->run('SELECT pg_reload_conf()');
	my $inside = session('app');
	my $late = RawSession->begin_login($node, user => 'app', options => '-c post_auth_delay=600');
	my $pid;
	wait_for('a login under way', sub { ($pid) = delayed_logins($admin) });
	is($admin->run(q{SELECT sessionctl.lockdown_role('app')}), "NOTICE:  matched 1: 1 spared (protected role)\n0", 'are spared');
	sweeps_are_over($node);
	ok($inside->lives, 'the session lives');
	ok(is_running($pid), 'so does the login under way');
	kill 'TERM', $pid;
	$admin->run(q{ALTER SYSTEM RESET pg_sessionctl.protected_roles; RESET pg_sessionctl.protected_roles});
	$admin->run(q{SELECT pg_reload_conf(); SELECT sessionctl.unlock_role('app')});
	$inside->quit;
};

subtest 'rights and arguments' => sub {
	my ($app, $clerk) = (session('app'), session('clerk'));
	like($app->complaint(q{SELECT sessionctl.lockdown_role('other')}), qr/\AERROR:  42501: /, 'a role that may not alter it may not lock it');
	$admin->run('GRANT other TO clerk WITH ADMIN OPTION');
	my $other = session('other');
	like($clerk->run(q{SELECT sessionctl.lockdown_role('other')}), qr/\A(NOTICE:  matched 1: 1 denied\n0|1)\z/, 'a role that may alter it may lock it');
	is(login('other'), 'f', 'it is locked');
	like($app->complaint(q{SELECT sessionctl.unlock_role('other')}), qr/\AERROR:  42501: /, 'nor open it');
	is($clerk->run(q{SELECT sessionctl.unlock_role('other')}), 't', 'opened');
	$admin->run('ALTER ROLE other LOGIN; REVOKE other FROM clerk');
	like($clerk->complaint(q{SELECT sessionctl.lockdown_role('boss')}), qr/\AERROR:  42501: /, 'only a superuser locks a superuser');
	for my $function (qw(lockdown_role unlock_role))
	{
		like($admin->complaint("SELECT sessionctl.$function('$_')"), qr/\AERROR:  42704: role .* does not exist/, "$function: $_") for 'nobody', 'APP', 'a' x 64, '';
		like($admin->complaint("SELECT sessionctl.$function(NULL)"), qr/\AERROR:  22004: argument "role"/, "$function: NULL");
	}
	for my $name ($odd, $longest)
	{
		my $literal = $name =~ s/'/''/gr;
		my $named = session($name);
		is($admin->run("SELECT sessionctl.limit_role('$literal', 0)"), '1', "any name: $name");
		is($admin->run("SELECT * FROM sessionctl.session_limits WHERE name = '$literal'"), "role|$name|0|1|1", 'is limited');
		is($admin->run("SELECT sessionctl.limit_role('$literal', -1)"), '0', 'and no more');
		is($admin->run("SELECT sessionctl.lockdown_role('$literal')"), '1', 'locked');
		is(login($literal), 'f', 'it is');
		is($admin->run("SELECT sessionctl.unlock_role('$literal')"), 't', 'there and back');
		is(login($literal), 't', 'as it was');
		$named->quit;
	}
	$_->quit for $app, $clerk, $other;
};

subtest 'limit_role' => sub {
	my @sessions = map { session('app') } 1 .. 4;
	is($admin->run(q{SELECT sessionctl.limit_role('app', 2)}), '2', 'tells how many are over it');
	is($admin->run(q{SELECT * FROM sessionctl.session_limits}), 'role|app|2|4|2', 'so does the view');
	like(refusal($node, 'app'), qr/too many connections for role "app"/, 'nobody else comes in');
	is($admin->run(q{SELECT sessionctl.limit_role('app', 3, terminate => true, keep_which => 'newest')}),
		"NOTICE:  matched 4: 1 ended, 3 spared (kept)\n0", 'ends the excess');
	is(join(' ', map { $_->lives ? 'lives' : 'gone' } @sessions), 'gone lives lives lives', 'and keeps whom it is told to');
	is($admin->run(q{SELECT sessionctl.limit_role('app', -1)}), '0', 'no limit');
	is($admin->run(q{SELECT count(*) FROM sessionctl.session_limits}), '0', 'and none in the view');
	like($admin->complaint(q{SELECT sessionctl.limit_role('app', -2)}), qr/\AERROR:  22023: invalid connection limit: -2\nHINT:  Use 0 or more, or -1 to remove the limit\./, 'a negative one');
	like($admin->complaint(q{SELECT sessionctl.limit_role('nobody', 1)}), qr/\AERROR:  42704: /, 'an unknown role');
	like($admin->complaint(q{SELECT sessionctl.limit_role('app', 1, keep_which => 'best')}), qr/\AERROR:  22023: /, 'an unknown choice');
	my $rival = SessionctlTest::Session->new($node);
	$rival->run('BEGIN; LOCK TABLE pg_authid IN EXCLUSIVE MODE');
	$admin->send("\\set VERBOSITY verbose\nSELECT sessionctl.limit_role('app', 1, terminate => true);\n\\set VERBOSITY default\n");
	wait_for('the ALTER ROLE', sub { $rival->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $admin->pid) eq '1' });
	$rival->run('ALTER ROLE app RENAME TO app_old; ALTER ROLE crew RENAME TO app; COMMIT');
	like($admin->answer, qr/\AERROR:  55P03: role "app" was concurrently renamed\nHINT: /, 'a name that passes to another role meanwhile');
	is($rival->run(q{SELECT count(*) FROM pg_roles WHERE rolconnlimit <> -1}), '0', 'limits neither');
	$rival->run('ALTER ROLE app RENAME TO crew; ALTER ROLE app_old RENAME TO app');
	$rival->quit;
	my $boss = session('boss');
	is($admin->run(q{SELECT sessionctl.limit_role('boss', 0)}), "WARNING:  connection limits are not enforced for role \"boss\" because it is a superuser\n1", 'a superuser');
	is($admin->run(q{SELECT * FROM sessionctl.session_limits}), 'role|boss|0|1|', 'is not over it');
	$admin->run(q{SELECT sessionctl.limit_role('boss', -1)});
	my $app = session('app');
	like($app->complaint(q{SELECT sessionctl.limit_role('other', 1)}), qr/\AERROR:  42501: /, 'a role that may not alter it');
	$admin->run('CREATE DATABASE limited CONNECTION LIMIT 3');
	is($app->run(q{SELECT * FROM sessionctl.session_limits}), 'database|limited|3|0|0', 'everybody may look');
	$_->quit for @sessions, $boss, $app;
};

# Who gets in stays in: the sweep has to end them all, and then nobody comes for a second.
subtest 'a storm' => sub {
	my $rounds = $ENV{STORM_ROUNDS} || 3;
	my $storm = Storm->new($node, user => 'app', database => 'postgres', clients => 24);
	for my $round (1 .. $rounds)
	{
		wait_for('all to be inside', sub { connected('app') >= 24 });
		$admin->run(q{SELECT sessionctl.lockdown_role('app')});
		my $quiet_since = time;
		wait_for('a quiet second', sub {
			$quiet_since = time if connected('app') ne '0';
			return time >= $quiet_since + 1;
		});
		is(connected('app'), '0', "round $round: nobody is inside");
		$admin->run(q{SELECT sessionctl.unlock_role('app')});
	}
	$storm->quit;
};

# Each commit has a worker of its own, and there are eight.
subtest 'many calls in a row' => sub {
	$admin->run("CREATE ROLE many_$_ LOGIN") for 1 .. 12;
	is($admin->run(join '; ', map { "SELECT sessionctl.lockdown_role('many_$_')" } 1 .. 12), join("\n", (0) x 12), 'all of them');
	is($admin->run(q{SELECT count(*) FROM pg_roles WHERE rolname ~ '^many_' AND rolcanlogin}), '0', 'are closed');
	$admin->run("DROP ROLE many_$_") for 1 .. 12;
};

subtest 'a role that alters itself' => sub {
	for my $change (q{PASSWORD 'x'}, q{SET work_mem = '5MB'})
	{
		my ($shield, $idle) = (session('app'), session('app'));
		$shield->run("BEGIN; ALTER ROLE app $change");
		is($admin->run(q{SELECT sessionctl.lockdown_role('app')}), '2', "$change: is locked down all the same");
		is(join(' ', map { $_->lives ? 'lives' : 'gone' } $shield, $idle), 'gone gone', 'and its sessions are ended');
		is($admin->run(q{SELECT sessionctl.unlock_role('app')}), 't', 'once');
		$_->quit for $shield, $idle;
	}
	my ($shield, $boss) = (session('app'), session('boss'));
	$shield->run(q{BEGIN; ALTER ROLE app PASSWORD 'x'});
	like($admin->complaint(q{SELECT sessionctl.lockdown_role('app', terminate => false)}), qr/\AERROR:  55P03: another session is changing /,
		'but where none is to be ended');
	ok($shield->lives, 'none is');
	$shield->run('ROLLBACK');
	$boss->run(q{BEGIN; ALTER ROLE app PASSWORD 'y'});
	like($admin->complaint(q{SELECT sessionctl.lockdown_role('app')}), qr/\AERROR:  55P03: another session is changing the same database or role\nHINT: /,
		'somebody else who alters it is waited for in vain');
	is($admin->run(q{SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app'}), 't', 'and nothing is done but');
	ok(!$shield->lives, 'the end of its sessions');
	$_->quit for $shield, $boss;
};

subtest 'a reason is cut between two characters' => sub {
	$admin->run(q{SELECT sessionctl.lockdown_role('app', reason => 'x' || repeat('ä', 1000))});
	is($admin->run('SELECT reason FROM sessionctl.session_lockdowns'), 'x' . 'ä' x 249, 'to 500 bytes');
	$admin->run(q{SELECT sessionctl.unlock_role('app')});
};

subtest 'no room for a worker' => sub {
	$node->append_conf('postgresql.conf', "max_worker_processes = 0\n");
	$node->restart;
	my $poor = SessionctlTest::Session->new($node);
	like($poor->complaint(q{SELECT sessionctl.lockdown_role('app')}), qr/\AERROR:  53400: the server has no room .*\nHINT: /, 'is told');
	is($poor->run(q{SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app'}), 't', 'and nothing done');
	is($poor->run(q{SELECT sessionctl.lockdown_role('app', terminate => false)}), '0', 'only the door needs none');
	is($poor->run('SELECT hint FROM sessionctl.reaper_status'),
		'max_worker_processes is 0, so no background worker can run: raise it, and restart the server.', 'nor is there a reaper to start');
	$poor->quit;
};

done_testing();
