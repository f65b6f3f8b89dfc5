# Each recipe selects its sessions and no others, by exact names, with the guards of terminate_where.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('recipes');
my $admin = SessionctlTest::Session->new($node);
my $odd = q{O'Brien "the" \ Odd};
(my $odd_identifier = $odd) =~ s/"/""/g;
(my $odd_literal = $odd) =~ s/'/''/g;
$admin->run(qq{
	CREATE ROLE app LOGIN;
	CREATE ROLE other LOGIN; GRANT app TO other;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE "$odd_identifier" LOGIN;
	CREATE ROLE @{[ 'a' x 63 ]} LOGIN;
	CREATE DATABASE shop;
	CREATE DATABASE "$odd_identifier"});

sub session
{
	my ($user, %with) = @_;
	return SessionctlTest::Session->new($node, user => $user, %with);
}

sub shown
{
	my ($session, $columns) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.session_activity WHERE pid = " . $session->pid);
}

subtest 'of a role' => sub {
	my @gone = map { session('app') } 1 .. 2;
	my $other = session('other');
	$other->run('SET ROLE app');
	is($admin->run(q{SELECT sessionctl.terminate_role_sessions('app')}), '2', 'its sessions');
	ok($other->lives, 'not those of a member who has taken its role');
	is($admin->run(q{SELECT sessionctl.terminate_role_sessions('app')}), '0', 'none is left');
	$_->quit for @gone, $other;

	my $named = session($odd);
	is($admin->run(qq{SELECT sessionctl.terminate_role_sessions('$odd_literal')}), '1', 'names that need quotes');
	$named->quit;
	like($admin->complaint(qq{SELECT sessionctl.terminate_role_sessions('$_')}), qr/\AERROR:  42704: role .* does not exist/, $_)
	  for 'nobody', 'APP', '"app"', ' app', 'a' x 64, '';
	like($admin->complaint('SELECT sessionctl.terminate_role_sessions(NULL)'), qr/\AERROR:  22004: argument "role"/, 'NULL');
	is($admin->run(q{SELECT sessionctl.terminate_role_sessions(current_user, include_superusers => true)}),
		"NOTICE:  matched 2: 2 spared (1 not a client, 1 self)\n0", 'never the caller');
};

subtest 'in a database' => sub {
	my @gone = map { session($_, database => 'shop') } qw(app other);
	my $elsewhere = session('app');
	is($admin->run(q{SELECT sessionctl.terminate_database_sessions('shop')}), '2', 'its sessions');
	is($admin->run('DROP DATABASE shop'), '', 'so that it can be dropped at once');
	ok($elsewhere->lives, 'not those elsewhere');
	$_->quit for @gone, $elsewhere;
	like($admin->complaint(qq{SELECT sessionctl.terminate_database_sessions('$_')}),
		qr/\AERROR:  3D000: database .* does not exist/, $_)
	  for 'nowhere', 'POSTGRES', 'a' x 64, '';
	is($admin->run(qq{SELECT sessionctl.terminate_database_sessions('$odd_literal')}), '0', 'names that need quotes');
	like($admin->complaint('SELECT sessionctl.terminate_database_sessions(NULL)'),
		qr/\AERROR:  22004: argument "database"/, 'NULL');
};

subtest 'of an application' => sub {
	my @gone = map { session('app', app => 'report') } 1 .. 2;
	my $other = session('app', app => 'Report');
	is($admin->run(q{SELECT sessionctl.terminate_application_sessions('report')}), '2', 'its sessions');
	ok($other->lives, 'names are matched exactly');
	is($admin->run(qq{SELECT sessionctl.terminate_application_sessions('$_')}), '0', "nobody uses $_")
	  for 'nothing', 'Repor', 'Report%', q{x'' OR ''a'' = ''a}, q{Report'' --};
	ok($other->lives, 'and nobody was hit');
	like($admin->complaint('SELECT sessionctl.terminate_application_sessions(NULL)'),
		qr/\AERROR:  22004: argument "application"/, 'NULL');
	$_->quit for @gone, $other;
};

subtest 'idle in a transaction' => sub {
	my ($open, $failed, $idle, $busy, $boss) = (session('app'), session('app'), session('app'), session('app'), session('boss'));
	$open->run('BEGIN');
	$failed->run('BEGIN; SELECT 1 / 0');
	$boss->run('BEGIN');
	$busy->run('BEGIN');
	$busy->send('SELECT pg_sleep(600)');
	wait_for('pg_sleep', sub { shown($busy, 'wait_event') eq 'PgSleep' });
	is($admin->run(q{SELECT sessionctl.terminate_idle_in_transaction('1 h')}),
		"NOTICE:  3 sessions are idle in a transaction, but not for longer than older_than\n"
		. "HINT:  A smaller older_than includes more of them.\n0", 'none for so long, which is told');
	is( $admin->run(q{SELECT sessionctl.terminate_idle_in_transaction('0')}),
		"NOTICE:  matched 3: 2 ended, 1 spared (superuser)\n" . hint_to_include('superusers') . "2", 'an open one and a failed one');
	is(join(' ', map { $_->lives ? 'lives' : 'gone' } $open, $failed, $idle, $boss), 'gone gone lives lives',
		'not one that is idle outside of a transaction');
	is(shown($busy, 'state'), 'active', 'nor one that is at work');
	$admin->run('SELECT pg_terminate_backend(' . $busy->pid . ')');
	$_->quit for $open, $failed, $idle, $busy, $boss;
	is($admin->run(q{BEGIN; SELECT sessionctl.terminate_idle_in_transaction('1 h'); COMMIT}), '0', 'nobody is left to tell of');

	like($admin->complaint(q{SELECT sessionctl.terminate_idle_in_transaction('-1 s')}),
		qr/\AERROR:  22023: older_than must not be negative\nHINT: /, 'a negative age');
	like($admin->complaint('SELECT sessionctl.terminate_idle_in_transaction(NULL)'),
		qr/\AERROR:  22004: argument "older_than"/, 'NULL');
};

# The choice is held up at the lock of the view, and the sessions move on meanwhile.
subtest 'no longer idle in that transaction' => sub {
	my ($worker, $next, $done, $still) = map { session('app') } 1 .. 4;
	$_->run('BEGIN') for $worker, $next, $done, $still;
	my ($caller, $watcher) = map { SessionctlTest::Session->new($node) } 1 .. 2;
	# Idle in a transaction itself, at every instant at which the caller may look.
	$admin->run('BEGIN; ALTER VIEW sessionctl.session_activity OWNER TO CURRENT_USER');
	$caller->send(q{SELECT sessionctl.terminate_idle_in_transaction('0')});
	wait_for('the choice', sub {
		$watcher->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $caller->pid) eq '1';
	});
	$worker->send('SELECT pg_sleep(600)');
	$next->run('COMMIT; BEGIN');
	$done->run('COMMIT');
	wait_for('pg_sleep', sub {
		$watcher->run('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $worker->pid) eq 'PgSleep';
	});
	$admin->run('ROLLBACK');
	is($caller->answer, "NOTICE:  matched 5: 1 ended, 3 no longer matches, 1 spared (superuser)\n" . hint_to_include('superusers') . "1",
		'who moved on is left alone');
	is(shown($worker, 'state'), 'active', 'one is at work again');
	ok($next->lives, 'one is idle in its next transaction');
	ok($done->lives, 'one has committed');
	is(shown($still, 'count(*)'), '0', 'the one that did nothing is gone');
	$admin->run('SELECT pg_terminate_backend(' . $worker->pid . ')');
	$_->quit for $caller, $watcher, $worker, $next, $done, $still;
};

subtest 'of roles that may not log in' => sub {
	$admin->run('CREATE ROLE leaver LOGIN; CREATE ROLE dropped LOGIN; CREATE ROLE retired LOGIN SUPERUSER');
	my ($leaver, $dropped, $retired, $app) = map { session($_) } qw(leaver dropped retired app);
	is($admin->run('SELECT sessionctl.terminate_nologin_sessions()'), '0', 'all may');
	$admin->run('ALTER ROLE leaver NOLOGIN; ALTER ROLE retired NOLOGIN; DROP ROLE dropped');
	is( $admin->run('SELECT sessionctl.terminate_nologin_sessions()'),
		"NOTICE:  matched 3: 2 ended, 1 spared (superuser)\n" . hint_to_include('superusers') . "2", 'one that may not any more, and one that was dropped');
	ok($_->lives, 'not the others') for $app, $retired;
	is($admin->run('SELECT sessionctl.terminate_nologin_sessions(include_superusers => true)'), '1', 'unless included');
	$_->quit for $leaver, $dropped, $retired, $app;
};

subtest 'the shared options' => sub {
	my %recipes = (
		terminate_role_sessions => q{'app', },
		terminate_database_sessions => q{'target', },
		terminate_application_sessions => q{'target', },
		terminate_idle_in_transaction => q{'0', },
		terminate_nologin_sessions => '');
	$admin->run('CREATE DATABASE target');
	for my $recipe (sort keys %recipes)
	{
		my $call = "SELECT sessionctl.$recipe($recipes{$recipe}";
		my @sessions = map { session('app', database => 'target', app => 'target') } 1 .. 3;
		$_->run('BEGIN') for @sessions;
		$admin->run('ALTER ROLE app NOLOGIN') if $recipe =~ /nologin/;
		like($admin->complaint("${call}timeout => '5000')"), qr/\AERROR:  22023: timeout/, "$recipe: timeout");
		like($admin->complaint("${call}refuse_above => 2)"), qr/\AERROR:  54000: 3 sessions would be acted on/, "$recipe: refuse_above");
		my $position = log_position($node);
		is( $admin->run("${call}keep => 1, keep_which => 'newest', per => 'usename', reason => 'spring cleaning')"),
			"NOTICE:  matched 3: 2 ended, 1 spared (kept)\n2", "$recipe: keep");
		ok($sessions[2]->lives, "$recipe: the newest lives");
		is(scalar(grep { /reason="spring cleaning"\z/ } audit_lines($node, $position)), 2, "$recipe: reason");
		is($admin->run("${call}timeout => '0')"), '1', "$recipe: signal and return");
		$_->quit for @sessions;
		$admin->run('ALTER ROLE app LOGIN');
	}
};

done_testing();
