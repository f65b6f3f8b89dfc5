# A walsender that is connected to a database is treated as any other login; one for physical replication is not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use RawSession;
use SessionctlTest;
use Sweeps;
use Test::More;

my $node = new_reaper_server('database_walsender', init => { allows_streaming => 1 }, conf => "log_min_messages = debug1\nauthentication_timeout = 10min\n");
my $admin = SessionctlTest::Session->new($node);
create_roles($admin);
$admin->run('CREATE DATABASE shop; CREATE TABLE goods (a int); GRANT ALL ON goods TO PUBLIC');
my $version = $admin->run('SHOW server_version_num');
my $has_sql = $version >= 100000;
my $shut = qr/^FATAL 57P03 the server is locked down/;

sub lock_down { my ($arguments) = @_; return $admin->run('SELECT sessionctl.lockdown_server(' . ($arguments || '') . ')') }
sub unlock { return $admin->run('SELECT sessionctl.unlock_server()') }

# One login that is connected to a database.
sub login { my ($user, %with) = @_; return log_in($node, $user, replication => 'database', %with) }
sub inside { my ($user, %with) = @_; return RawSession->new($node, user => $user, replication => 'database', %with) }

# One that a standby would have.
sub physical { my ($user) = @_; return RawSession->new($node, user => $user, replication => '1') }

sub lives { my ($session) = @_; return is_running($session->pid) }
sub wait_for_end { my ($session, $who) = @_; return wait_for("$who to end", sub { !lives($session) }) }
sub dismiss { my (@sessions) = @_; $_->quit for @sessions; return }

# One that has its role and its database, and is no session yet.
sub under_way
{
	my ($user, %with) = @_;
	my $login = RawSession->begin_login($node, user => $user, replication => 'database', options => '-c post_auth_delay=600', %with);
	wait_for('a login under way', sub { ($login->{pid}) = delayed_logins($admin) });
	return $login;
}

subtest 'the gate' => sub {
	is(lock_down(), '0', 'locked');
	like(login('streamer'), $shut, 'it is refused');
	like(walsender_of($node, 'streamer'), $is_walsender, 'for physical replication it is let in');
	is(login('boss'), 'in', 'a superuser\'s, too');
	lock_down(q{allow_roles => '{streamer}'});
	is(login('streamer'), 'in', 'and one that is allowed');
	lock_down(q{include_superusers => true, terminate => false});
	like(login('boss'), $shut, 'a superuser who is shut out does not come in so');
	like(qx(psql -XAtqw -d "@{[$node->connstr('postgres')]} user=boss replication=database" -c 'SELECT sessionctl.unlock_server()' 2>&1),
		qr/FATAL: +the server is locked down/, 'nor does he open it');
	like(log_in($node, 'app'), $shut, 'it is closed');
	unlock();
};

subtest 'it is never held' => sub {
	lock_down(q{hold => '5 min', terminate => false});
	my $client = start_login($node, 'app');
	wait_for('a client to be held', sub { waiting_logins($node, 'app') });
	like(login('streamer'), $shut, 'it is refused at once');
	lock_down(q{hold => '5 min', terminate => false, include_replication => true});
	like(walsender_of($node, 'streamer'), qr/the server is locked down/, 'and so is one for physical replication where it is refused');
	ok(scalar(waiting_logins($node, 'app')), 'a client that came before waits');
	unlock();
	is(login_output($client), '42', 'and is let in');
};

subtest 'a connected one is ended by the gate' => sub {
	my ($database, $physical, $superuser) = (inside('streamer'), physical('streamer'), inside('boss'));
	is(lock_down(), '1', 'counted');
	wait_for_end($database, 'the one with a database');
	ok(lives($physical), 'not the one for physical replication');
	ok(lives($superuser), 'nor a superuser\'s');
	is(lock_down('include_superusers => true'), '1', 'unless superusers are shut out');
	wait_for_end($superuser, 'it');
	ok(lives($physical), 'the other streams on');
	is(lock_down('include_replication => true'), '1', 'unless told');
	unlock();
	dismiss($database, $physical, $superuser);
};

subtest 'a login under way is ended by the gate' => sub {
	my $login = under_way('streamer');
	like(lock_down(), qr/^[01]$/m, 'locked');
	is($login->ended_with, '57P01', 'it is ended');
	unlock();
};

subtest 'by pg_hba.conf' => sub {
	plan skip_all => 'before 10 pg_hba.conf does not tell them apart' if !$has_sql;
	my ($database, $physical, $login) = (inside('streamer'), physical('streamer'), under_way('streamer'));
	like(lock_down(q{'hba'}), qr/^[12]$/m, 'locked');
	like(login('streamer'), qr/FATAL 28000 pg_hba\.conf rejects/, 'it is rejected');
	wait_for_end($database, 'the connected one');
	wait_for_end($login, 'the pending login');
	ok(lives($physical), 'not the one for physical replication');
	unlock();
	dismiss($database, $physical);
};

subtest 'cooldown' => sub {
	my $client = RawSession->new($node, user => 'streamer', app => 'pump');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'pump'$$, cooldown => '1 h')}), '1', 'a client is ended');
	like(login('streamer', app => 'pump'), qr/^FATAL 57P03 role "streamer" with application "pump" may not log in/, 'it does not come back as a walsender');
	is(login('streamer', app => 'other'), 'in', 'another application does');
	is(log_in($node, 'streamer', app => 'pump', replication => '1'), 'in', 'so does one for physical replication');
	my $walsender = inside('streamer', app => 'feed');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'feed'$$, include_replication => true, cooldown => '1 h')}), '1', 'a walsender is ended');
	like(login('streamer', app => 'feed'), qr/^FATAL 57P03 role "streamer" with application "feed"/, 'and refused');
	like(log_in($node, 'streamer', app => 'feed'), qr/^FATAL 57P03/, 'as a client, too');
	is($admin->run(q{SELECT connected FROM sessionctl.session_lockdowns WHERE method LIKE '%"feed"%'}), '0', 'session_lockdowns has it');
	my $superuser = inside('boss', app => 'high');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'high'$$, include_superusers => true, include_replication => true, cooldown => '1 h')}),
		'1', 'a superuser\'s is ended');
	is(login('boss', app => 'high'), 'in', 'and comes back');
	dismiss($client, $walsender, $superuser);
};

subtest 'a cooldown and a login under way' => sub {
	my ($inside, $login) = (inside('streamer', app => 'tide'), under_way('streamer', app => 'tide'));
	like($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'tide' AND state = 'idle'$$, include_replication => true, cooldown => '1 h')}),
		qr/^1$/m, 'one is ended');
	is($login->ended_with, '57P01', 'so is the one under way');
	dismiss($inside);
};

subtest 'terminate_on_login_revoked' => sub {
	my ($database, $physical, $login) = (inside('streamer'), physical('streamer'), under_way('streamer'));
	$admin->run('SET pg_sessionctl.terminate_on_login_revoked = on; ALTER ROLE streamer NOLOGIN');
	wait_for_end($database, 'the one with a database');
	wait_for_end($login, 'the login under way');
	sweeps_are_over($node);
	ok(lives($physical), 'the one for physical replication is not ended');
	$admin->run('RESET pg_sessionctl.terminate_on_login_revoked; ALTER ROLE streamer LOGIN');
	dismiss($database, $physical);
};

subtest 'lockdown_role' => sub {
	my ($database, $physical, $login) = (inside('streamer'), physical('streamer'), under_way('streamer'));
	is($admin->run(q{SELECT sessionctl.lockdown_role('streamer')}), "NOTICE:  matched 2: 1 ended, 1 spared (replication)\n1", 'one is ended');
	wait_for_end($database, 'the one with a database');
	wait_for_end($login, 'the login under way');
	sweeps_are_over($node);
	ok(lives($physical), 'the one for physical replication is not ended');
	$admin->run(q{SELECT sessionctl.unlock_role('streamer')});
	dismiss($database, $physical);
};

subtest 'lockdown_database' => sub {
	my ($database, $elsewhere, $login) = (inside('streamer', database => 'shop'), inside('streamer'), under_way('streamer', database => 'shop'));
	like($admin->run(q{SELECT sessionctl.lockdown_database('shop')}), qr/^[12]$/m, 'the one in it is ended');
	wait_for_end($database, 'it');
	wait_for_end($login, 'the login under way');
	ok(lives($elsewhere), 'not one in another database');
	like(login('streamer', database => 'shop'), qr/^FATAL 53300 too many connections for database "shop"/, 'nobody comes in');
	is(login('boss', database => 'shop'), 'in', 'but superusers');
	is(login('streamer'), 'in', 'elsewhere nothing changes');
	$admin->run('ALTER DATABASE shop CONNECTION LIMIT 5');
	is(login('streamer', database => 'shop'), 'in', 'a limit that was changed by hand is in force');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	is(login('streamer', database => 'shop'), 'in', 'unlocked');
	dismiss($database, $elsewhere);
};

subtest 'limits' => sub {
	plan skip_all => 'before 10 it has no transaction' if !$has_sql;
	my $set = sub { my ($what) = @_; return $admin->run("ALTER $what pg_sessionctl.idle_in_transaction_timeout = '300 ms'") };
	my $reset = sub { my ($what) = @_; return $admin->run("ALTER $what RESET pg_sessionctl.idle_in_transaction_timeout") };
	my $holder = sub {
		my (%with) = @_;
		my $session = inside('streamer', %with);
		$session->query('BEGIN')->expect('Z');
		return $session;
	};
	my $general = $holder->();
	$general->query('LOCK TABLE goods')->expect('Z');
	my $client = SessionctlTest::Session->new($node, user => 'app');
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => '300 ms', 'pg_sessionctl.transaction_timeout' => '900 ms');
	$set->('ROLE ALL SET');
	$client->run('BEGIN');
	is(reaped($client), 'idle_in_transaction_timeout', 'a general limit binds a client');
	my $later = $holder->();
	my $control = SessionctlTest::Session->new($node, user => 'app');
	$control->run('BEGIN');
	is(reaped($control), 'idle_in_transaction_timeout', 'one that was set for all roles, too');
	ok(lives($_), 'but no walsender') for $general, $later;
	$reset->('ROLE ALL');
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => undef, 'pg_sessionctl.transaction_timeout' => undef);
	for my $whose ([ 'ROLE streamer SET', 'ROLE streamer' ], [ 'DATABASE shop SET', 'DATABASE shop' ])
	{
		$set->($whose->[0]);
		my $session = $holder->(database => 'shop');
		is(reaped($session), 'idle_in_transaction_timeout', "ALTER $whose->[1] binds it");
		$reset->($whose->[1]);
		dismiss($session);
	}
	ok(lives($general), 'not one that was there before');
	dismiss($client, $control, $general, $later);
};

subtest 'what it does in a transaction is shown' => sub {
	plan skip_all => 'before 10 it has no transaction' if !$has_sql;
	my $session = inside('streamer');
	my $shown = sub { return $admin->run("SELECT xact_start IS NOT NULL, xact_age IS NOT NULL, state FROM sessionctl.session_activity WHERE pid = " . $session->pid) };
	is($shown->(), 'f|f|idle', 'in none');
	$session->query('BEGIN')->expect('Z');
	wait_for('it', sub { $shown->() eq 't|t|idle in transaction' });
	dismiss($session);
};

unlike(read_file($node->logfile), qr/PANIC|was terminated by signal/, 'no process crashed');
done_testing();
