# pg_sessionctl.terminate_on_login_revoked: sessions of roles that lose CONNECT on their database are ended.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Sweeps;
use Test::More;

my $node = new_reaper_server('revoked_connect', conf => "log_min_messages = debug1\nmax_prepared_transactions = 5\n");
my $admin = SessionctlTest::Session->new($node);
my $boss = $admin->run('SELECT current_user');
my ($by) = $admin->run('SELECT session_id FROM sessionctl.session_activity WHERE is_self');
my $version = $admin->run('SHOW server_version_num');
$admin->run($_) for 'CREATE DATABASE shop', 'CREATE DATABASE "O\'B ""x"""', 'CREATE ROLE app LOGIN', 'CREATE ROLE "Ann ""x""" LOGIN',
  'CREATE ROLE clerk LOGIN', 'CREATE ROLE crew', 'CREATE ROLE owner LOGIN', 'CREATE ROLE chief LOGIN SUPERUSER',
  'REVOKE CONNECT ON DATABASE shop, "O\'B ""x""" FROM PUBLIC';

sub session { my ($role, $database) = @_; return SessionctlTest::Session->new($node, user => $role, database => $database || 'shop') }

# After this command the session of the role ends, and what its client reads; and what gives CONNECT back.
sub ends
{
	my ($what, $role, $before, $command, $after) = @_;
	$admin->run($before);
	my $session = session($role);
	$admin->run('SET pg_sessionctl.terminate_on_login_revoked = on');
	my $said = $admin->run($command);
	$admin->run('SET pg_sessionctl.terminate_on_login_revoked = off');
	wait_for("the end after $what", sub { !is_running($session->pid) });
	my $heard = join "\n", $said, grep { /^(FATAL|DETAIL|HINT): / } split /\n/, $session->run('SELECT 1');
	$session->quit;
	sweepers_exit($node);
	$admin->run($after);
	return is($heard, "\nFATAL:  terminating connection due to administrator command\nDETAIL:  The role may no longer connect to this database.", $what);
}

# After these it does not.
sub spares
{
	my ($what, $session, $command) = @_;
	my $said = $admin->run($command);
	sweeps_are_over($node);
	return ok($said eq '' && $session->lives, $what);
}

# The least that shows it: whose session, in which database, by whom.
$admin->run('GRANT CONNECT ON DATABASE shop, "O\'B ""x""" TO app, "Ann ""x""", clerk');
my ($app, $there, $ann, $chief) = (session('app'), session('app', q{O'B "x"}), session('Ann "x"'), session('chief'));
spares('off by default', $app, 'REVOKE CONNECT ON DATABASE shop FROM app');
$admin->run('SET pg_sessionctl.terminate_on_login_revoked = on');
spares('who was without it before is left alone', $app, 'REVOKE CONNECT ON DATABASE shop FROM app; REVOKE CONNECT ON DATABASE shop FROM PUBLIC');
$admin->run('GRANT CONNECT ON DATABASE shop TO app');
spares('rolled back, nothing happens', $app, 'BEGIN; REVOKE CONNECT ON DATABASE shop FROM app; ROLLBACK');
spares('nor in a subtransaction', $app, 'BEGIN; SAVEPOINT s; REVOKE CONNECT ON DATABASE shop FROM app; ROLLBACK TO s; COMMENT ON ROLE app IS NULL; COMMIT');
spares('granted again, nothing happens', $app, 'BEGIN; REVOKE CONNECT ON DATABASE shop FROM app; GRANT CONNECT ON DATABASE shop TO app; COMMIT');
spares('what takes something else', $app, 'REVOKE CREATE, TEMP ON DATABASE shop FROM app; REVOKE CONNECT ON DATABASE shop FROM chief');

# What another transaction takes meanwhile is for that one's sweep, though this one sees it before it commits.
my $second = SessionctlTest::Session->new($node);
my $quoted = q{DATABASE "O'B ""x"""};
$admin->run("BEGIN; REVOKE CONNECT ON $quoted FROM app");
$second->run('REVOKE CONNECT ON DATABASE shop FROM "Ann ""x"""');
$admin->run('SELECT FROM pg_tablespace');
$admin->run('COMMIT');
wait_for('the sweep', sub { !is_running($there->pid) });
sweeps_are_over($node);
ok($ann->lives, 'what another session took meanwhile');
$second->run(qq{GRANT CONNECT ON DATABASE shop TO "Ann ""x"""; GRANT CONNECT ON $quoted TO app});
$there->quit;
$there = session('app', q{O'B "x"});
$second->quit;

my $position = log_position($node);
is($admin->run('BEGIN; REVOKE CONNECT ON DATABASE shop FROM app, "Ann ""x"""; SELECT 1'), '1', 'before the commit');
sweeps_are_over($node);
ok($app->lives && $ann->lives, 'nothing happens');
my $late = session('app');
is($admin->run('COMMIT'), '', 'the commit');
wait_for('the sweep', sub { !is_running($_->pid) }) for $app, $ann, $late;
pass('ends the sessions of several roles, one that began after the command among them');
sweeps_are_over($node);
ok($there->lives, 'not those in another database');
ok($chief->lives, 'superusers stay');
wait_for_log($node, $position,
	qr/action=terminate result="terminated" .* usename="app" .*by_session_user="$boss" by_current_user="$boss" by_session_id=$by reason="The role may no longer connect to this database\."/);
is( $admin->run(q{SELECT usename, datname, action, result, by_session_user, by_current_user, by_session_id = '} . $by . q{', reason FROM sessionctl.session_audit WHERE datname = 'shop' ORDER BY usename, pid <> } . $app->pid),
	join("\n", map { "$_|shop|terminate|terminated|$boss|$boss|t|The role may no longer connect to this database." } 'Ann "x"', 'app', 'app'),
	'the audit names the roles, and by whom');
spares('a quoted database', $there, 'REVOKE CONNECT ON DATABASE shop FROM PUBLIC');
$admin->run('REVOKE ALL ON DATABASE shop, "O\'B ""x""" FROM app');
wait_for('the end', sub { !is_running($there->pid) });
sweeps_are_over($node);
$_->quit for $app, $ann, $late, $there;
$admin->run('SET pg_sessionctl.terminate_on_login_revoked = off');

# All ways to take it.
my $give = 'GRANT CONNECT ON DATABASE shop TO crew';
ends('from PUBLIC', 'app', 'GRANT CONNECT ON DATABASE shop TO PUBLIC', 'REVOKE CONNECT ON DATABASE shop FROM PUBLIC', $give);
ends('in a DO block', 'app', 'GRANT CONNECT ON DATABASE shop TO app',
	q{DO $$ BEGIN EXECUTE 'REVOKE ALL ON DATABASE shop FROM app'; END $$}, 'SELECT');
ends('membership', 'app', 'GRANT crew TO app', 'REVOKE crew FROM app', 'SELECT');
ends('membership of a role between', 'app', 'CREATE ROLE team; GRANT crew TO team; GRANT team TO app', 'REVOKE crew FROM team', 'DROP ROLE team');
ends('what a role of his had', 'app', 'GRANT crew TO app', 'REVOKE CONNECT ON DATABASE shop FROM crew', $give);
ends('ALTER GROUP', 'app', 'SELECT', 'ALTER GROUP crew DROP USER app', 'SELECT');
ends('DROP OWNED', 'app', 'GRANT crew TO app', 'DROP OWNED BY crew', "$give; REVOKE crew FROM app");
ends('DROP ROLE of what gave it', 'app', 'CREATE ROLE team; GRANT crew TO team; GRANT team TO app', 'DROP ROLE team', 'SELECT');
ends('a superuser no more', 'app', 'ALTER ROLE app SUPERUSER', 'ALTER ROLE app NOSUPERUSER', 'SELECT');
ends('the owner no more', 'owner', 'ALTER DATABASE shop OWNER TO owner; GRANT CONNECT ON DATABASE shop TO owner', qq{ALTER DATABASE shop OWNER TO "$boss"}, 'REVOKE CONNECT ON DATABASE shop FROM owner');
ends('REASSIGN OWNED', 'owner', 'ALTER DATABASE shop OWNER TO owner; GRANT CONNECT ON DATABASE shop TO owner', qq{REASSIGN OWNED BY owner TO "$boss"}, 'REVOKE CONNECT ON DATABASE shop FROM owner');
ends('what was granted on', 'app',
	'GRANT CONNECT ON DATABASE shop TO clerk WITH GRANT OPTION; SET ROLE clerk; GRANT CONNECT ON DATABASE shop TO app; RESET ROLE',
	'REVOKE GRANT OPTION FOR CONNECT ON DATABASE shop FROM clerk CASCADE', 'SELECT');
if ($version < 160000)
{
	ends('NOINHERIT', 'app', 'GRANT crew TO app', 'ALTER ROLE app NOINHERIT', 'ALTER ROLE app INHERIT; REVOKE crew FROM app');
}
else
{
	ends('INHERIT OPTION', 'app', 'GRANT crew TO app', 'REVOKE INHERIT OPTION FOR crew FROM app', 'REVOKE crew FROM app');
	ends('granted without it', 'app', 'GRANT crew TO app', 'GRANT crew TO app WITH INHERIT FALSE', 'REVOKE crew FROM app');
}

# Who owns a database is in pg_database_owner only inside of it.
SKIP: {
	skip 'pg_database_owner came with 14', 2 if $version < 140000;
	my $owned = 'ALTER DATABASE shop OWNER TO owner; REVOKE CONNECT ON DATABASE shop FROM owner; GRANT CONNECT ON DATABASE shop TO pg_database_owner';
	$admin->run($owned);
	my $session = session('owner');
	$admin->run('SET pg_sessionctl.terminate_on_login_revoked = on');
	spares('who has CONNECT as the owner', $session, 'REVOKE CONNECT ON DATABASE shop FROM clerk');
	$admin->run('SET pg_sessionctl.terminate_on_login_revoked = off');
	$session->quit;
	ends('what the owner has as the owner', 'owner', $owned, 'REVOKE CONNECT ON DATABASE shop FROM pg_database_owner',
		qq{ALTER DATABASE shop OWNER TO "$boss"; GRANT CONNECT ON DATABASE shop TO "$boss"});
}

# A login under way, past core's look at CONNECT: it has come to its role's settings, one of which it has to warn of.
$admin->run(q{GRANT CONNECT ON DATABASE shop TO app; ALTER ROLE app IN DATABASE shop SET default_tablespace = 'none'; SET pg_sessionctl.terminate_on_login_revoked = on});
$position = log_position($node);
my $login = RawSession->begin_login($node, user => 'app', database => 'shop', options => '-c post_auth_delay=600');
wait_for_log($node, $position, qr/WARNING:  invalid value for parameter "default_tablespace": "none"/);
wait_for('its delay', sub { delayed_logins($admin) });
$admin->run('REVOKE CONNECT ON DATABASE shop FROM app');
is($login->ended_with, '57P01', 'a login under way is ended');
$admin->run('ALTER ROLE app IN DATABASE shop RESET ALL');
sweeps_are_over($node);

# Who is shut out of the server besides is ended once, for that.
$admin->run('CREATE ROLE leaver LOGIN; GRANT CONNECT ON DATABASE shop TO leaver');
my $leaver = session('leaver');
$admin->run('SET pg_sessionctl.terminate_on_login_revoked = on; BEGIN; REVOKE CONNECT ON DATABASE shop FROM leaver; DROP ROLE leaver; COMMIT');
wait_for('the end', sub { !is_running($leaver->pid) });
sweeps_are_over($node);
is($admin->run(q{SELECT usename, reason FROM sessionctl.session_audit WHERE usename = 'leaver'}), 'leaver|The role may no longer log in.', 'a dropped role');
$leaver->quit;

# Nobody gains a right: the owner of a database ends whom he may signal.
$admin->run('ALTER DATABASE shop OWNER TO owner; GRANT CONNECT ON DATABASE shop TO app; ALTER SYSTEM SET pg_sessionctl.terminate_on_login_revoked = on');
$admin->run('SELECT pg_reload_conf(); CREATE ROLE his LOGIN; GRANT his TO owner; GRANT CONNECT ON DATABASE shop TO his');
my $owner = session('owner');
wait_for('the reload', sub { $owner->run('SHOW pg_sessionctl.terminate_on_login_revoked') eq 'on' });
my ($foreign, $his) = (session('app'), session('his'));
my $may_signal_members = $version >= 90500;
my $said = $owner->complaint('REVOKE CONNECT ON DATABASE shop FROM app, his');
my $count = $may_signal_members ? '1 session that may no longer connect to its database is' : '2 sessions that may no longer connect to their databases are';
is($said, "NOTICE:  00000: $count not ended\nDETAIL:  The role that ran the command is not permitted to signal it.", 'an owner who may not signal is told');
wait_for('the end', sub { !is_running($his->pid) }) if $may_signal_members;
sweeps_are_over($node);
ok($foreign->lives, 'a session that the role may not signal is not ended');
is($admin->run(q{SELECT by_session_user FROM sessionctl.session_audit WHERE usename = 'his'}), $may_signal_members ? 'owner' : '', 'by whom');

# A stronger one in the same transaction lends him nothing; a function that runs as a superuser is its owner's deed.
$admin->run('GRANT CONNECT ON DATABASE shop TO app');
$admin->run(q{\\c shop});
$admin->run(q{CREATE FUNCTION harmless() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'REVOKE crew FROM clerk'; END $$});
$admin->run(q{CREATE FUNCTION shut_out() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'REVOKE CONNECT ON DATABASE shop FROM app'; END $$});
$admin->run('GRANT crew TO clerk');
$admin->run(q{\\c postgres});
$owner->run('BEGIN; REVOKE CONNECT ON DATABASE shop FROM app; SELECT harmless(); COMMIT');
sweeps_are_over($node);
ok($foreign->lives, 'nor by the way of a superuser\'s function');
$admin->run('GRANT crew TO clerk');
my $accomplice = session('owner');
$owner->run('GRANT CONNECT ON DATABASE shop TO app; BEGIN; SELECT harmless()');
my $later = session('app');
$accomplice->run('REVOKE CONNECT ON DATABASE shop FROM app');
$owner->run('COMMIT');
sweeps_are_over($node);
ok($later->lives, 'nor who came after that function ran, for what another transaction took');
$_->quit for $accomplice, $later;
# What others take while such a function runs counts as taken by it, so its caller needs the right, too.
$owner->run('GRANT CONNECT ON DATABASE shop TO app; SELECT shut_out()');
sweeps_are_over($node);
ok($foreign->lives, 'nor whom such a function shuts out itself');
$admin->run('GRANT CONNECT ON DATABASE shop TO app; CREATE ROLE gone');
$admin->run(q{\\c shop});
$admin->run(q{CREATE TABLE held (a int); ALTER TABLE held OWNER TO gone;
	CREATE FUNCTION drop_owned() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'DROP OWNED BY gone'; END $$});
$admin->run(q{\\c postgres});
my $holder = SessionctlTest::Session->new($node, database => 'shop');
$holder->run('BEGIN; LOCK TABLE held');
my $revoker = session('owner');
$owner->send('SELECT drop_owned()');
wait_for('it to wait', sub { $admin->run('SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $owner->pid) eq 't' });
$revoker->run('REVOKE CONNECT ON DATABASE shop FROM app');
$holder->run('ROLLBACK');
$owner->answer;
sweeps_are_over($node);
ok($foreign->lives, 'nor for what another transaction takes meanwhile');
$_->quit for $holder, $revoker;
$admin->run('GRANT CONNECT ON DATABASE shop TO app');
$admin->run(q{SELECT sessionctl.terminate_session(} . $foreign->pid . ')');

# The caller is never ended, and protected roles are spared.
$admin->run(q{ALTER SYSTEM SET pg_sessionctl.protected_roles = 'clerk'; GRANT CONNECT ON DATABASE shop TO clerk});
$admin->run('SELECT pg_reload_conf()');
wait_for('the reload', sub { $admin->run('SHOW pg_sessionctl.protected_roles') eq 'clerk' });
my $clerk = session('clerk');
spares('protected roles are spared', $clerk, 'REVOKE CONNECT ON DATABASE shop FROM clerk');
$owner->run('REVOKE CONNECT ON DATABASE shop FROM owner');
sweeps_are_over($node);
ok($owner->lives, 'nor does it end who ran the command');

$admin->run('GRANT CONNECT ON DATABASE shop TO app');
like($admin->run(q{BEGIN; REVOKE CONNECT ON DATABASE shop FROM app; PREPARE TRANSACTION 'later'}),
	qr/\AWARNING:  the sessions of roles that may no longer connect to their databases are not ended\nDETAIL:  The transaction that takes CONNECT from them is prepared\.\nHINT: /,
	'a prepared transaction is told');
$admin->run(q{ROLLBACK PREPARED 'later'});

# By hand.
$app = session('app');
$admin->run(q{SET pg_sessionctl.terminate_on_login_revoked = off});
$admin->run(q{REVOKE CONNECT ON DATABASE shop FROM app});
is($admin->run(q{SELECT sessionctl.terminate_where($$usename = 'app' and not has_database_privilege(usesysid, datid, 'CONNECT')$$)}), '1', 'the hint\'s call ends them');

$_->quit for $app, $chief, $owner, $foreign, $his, $clerk, $admin;

# No room for a worker.
$node->append_conf('postgresql.conf', "max_worker_processes = 0\n");
$node->restart;
$admin = SessionctlTest::Session->new($node);
$admin->run('GRANT CONNECT ON DATABASE shop TO app');
$app = session('app');
is($admin->run('REVOKE CONNECT ON DATABASE shop FROM clerk'), '', 'no room for a worker: nothing is told where nobody is there to be ended');
is( $admin->complaint('REVOKE CONNECT ON DATABASE shop FROM app'),
	"WARNING:  01000: the sessions of roles that may no longer connect to their databases are not ended\n"
	  . "DETAIL:  There is no free background worker slot.\n"
	  . "HINT:  Call sessionctl.terminate_where('not has_database_privilege(usesysid, datid, ''CONNECT'')') after the commit.",
	'a WARNING otherwise, and what to do');
ok($app->lives, 'the session stays');
is($admin->run(q{SELECT sessionctl.terminate_where('not has_database_privilege(usesysid, datid, ''CONNECT'')')}), '1', 'until that is done');
$app->quit;
done_testing();
