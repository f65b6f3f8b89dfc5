# pg_sessionctl.terminate_on_login_revoked: NOLOGIN ends the sessions of the role at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run;
use SessionctlTest;
use Sweeps;
use Test::More;

my $node = new_reaper_server('nologin', conf => "log_min_messages = debug1\nmax_prepared_transactions = 5\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE leaver LOGIN; CREATE ROLE vip LOGIN; CREATE ROLE crew');

sub session { return SessionctlTest::Session->new($node, user => $_[0]) }

# What a session that has ended reads when it says something.
sub end_messages { return join "\n", grep { /^(FATAL|DETAIL|HINT): / } split /\n/, $_[0]->run('SELECT 1') }

my ($app, $other) = (session('app'), session('other'));
$admin->run('ALTER ROLE app NOLOGIN');
sweeps_are_over($node);
ok($app->lives, 'off by default');
$admin->run('ALTER ROLE app LOGIN; SET pg_sessionctl.terminate_on_login_revoked = on');

$admin->run('BEGIN; ALTER ROLE app NOLOGIN');
sweeps_are_over($node);
ok($app->lives, 'before the commit nothing happens');
$admin->run('ROLLBACK');
sweeps_are_over($node);
ok($app->lives, 'rolled back, nothing happens');

$admin->run('BEGIN; SAVEPOINT s; ALTER ROLE app NOLOGIN; ROLLBACK TO s; ALTER ROLE app CONNECTION LIMIT 5; COMMIT');
sweeps_are_over($node);
ok($app->lives, 'nor in a subtransaction');

my $counter = q{SELECT ended FROM sessionctl.session_stats WHERE action = 'terminate' AND rule IS NULL};
my $ended_before = $admin->run($counter);
my $position = log_position($node);
$admin->run('ALTER ROLE app NOLOGIN');
wait_for('the sweep', sub { !is_running($app->pid) });
wait_for('the counters', sub { $admin->run($counter) == $ended_before + 1 });
sweeps_are_over($node);
ok($other->lives, 'committed, it ends the sessions of that role');
like(end_messages($app), qr/^FATAL:  terminating connection due to administrator command\nDETAIL:  The role may no longer log in\.\z/, 'its client reads why');
my ($by) = $admin->run('SELECT session_id FROM sessionctl.session_activity WHERE is_self');
my $boss = $admin->run('SELECT current_user');
wait_for_log($node, $position,
	qr/action=terminate result="terminated" .* usename="app" .*by_session_user="$boss" by_current_user="$boss" by_session_id=$by reason="The role may no longer log in\."/);
pass('and the log, and by whom');
is( $admin->run(q{SELECT action, result, usename, by_session_user, reason FROM sessionctl.session_audit WHERE usename <> 'victim'}),
	"terminate|terminated|app|$boss|The role may no longer log in.", 'and the audit');

my ($leaver, $again) = (session('leaver'), session('leaver'));
$admin->run('BEGIN; ALTER ROLE other NOLOGIN; DROP ROLE leaver; COMMIT');
wait_for('the sweeps', sub { !is_running($_->pid) }) for $leaver, $again, $other;
pass('several roles at once, a dropped one among them');
wait_for('the account of them', sub { $admin->run(q{SELECT count(*) FROM sessionctl.session_audit WHERE usename = 'leaver'}) eq '2' });
pass('by its name, which nobody has any more');

# Who ran the command may be gone before the sweep begins.
$admin->run('CREATE ROLE boss LOGIN CREATEROLE; CREATE ROLE deputy SUPERUSER; GRANT deputy TO boss; CREATE ROLE guest LOGIN');
$admin->run('ALTER ROLE boss SET pg_sessionctl.terminate_on_login_revoked = on');
my $guest = session('guest');
my $said = '';
IPC::Run::run([ 'psql', '-XAtqw', '-d', $node->connstr('postgres') . ' user=boss', '-c', 'SET ROLE deputy', '-c', 'ALTER ROLE guest NOLOGIN' ],
	'<', \undef, '>&', \$said);
is($said, '', 'a command of a session that ends at once');
my $account = q{SELECT by_session_user, by_current_user, by_session_id IS NOT NULL FROM sessionctl.session_audit WHERE usename = 'guest'};
wait_for('the account of it', sub { $admin->run($account) ne '' });
is($admin->run($account), 'boss|deputy|t', 'the account knows who it was');
$guest->quit;

$admin->run('CREATE ROLE prepared LOGIN');
like($admin->run(q{BEGIN; ALTER ROLE prepared NOLOGIN; PREPARE TRANSACTION 'later'}),
	qr/\AWARNING:  the sessions of roles that may no longer log in are not ended\nDETAIL:  The transaction that shuts them out is prepared\.\nHINT: /,
	'a prepared transaction is told');
$admin->run(q{ROLLBACK PREPARED 'later'});

my $inside = session('vip');
$admin->run(q{ALTER ROLE vip VALID UNTIL '2000-01-01'});
sweeps_are_over($node);
ok($inside->lives, 'VALID UNTIL binds passwords, not sessions');
$admin->run(q{SET pg_sessionctl.terminate_on_login_revoked = off; ALTER ROLE vip NOLOGIN; SET pg_sessionctl.terminate_on_login_revoked = on});
$admin->run('ALTER ROLE vip CONNECTION LIMIT 5');
sweeps_are_over($node);
ok($inside->lives, 'a change that takes nothing away ends nobody');

$admin->run(q{ALTER ROLE vip LOGIN; ALTER SYSTEM SET pg_sessionctl.protected_roles = 'vip'});
$admin->run('SELECT pg_reload_conf()');
wait_for('the reload', sub { $admin->run('SHOW pg_sessionctl.protected_roles') eq 'vip' });
$admin->run('ALTER ROLE vip NOLOGIN');
sweeps_are_over($node);
ok($inside->lives, 'protected roles are spared');

like(session('crew2')->complaint('SET pg_sessionctl.terminate_on_login_revoked = off'), qr/\AERROR:  42501: /, 'no user switches it off')
  if $admin->run('CREATE ROLE crew2 LOGIN') eq '';

$_->quit for $app, $other, $leaver, $again, $inside;
done_testing();
