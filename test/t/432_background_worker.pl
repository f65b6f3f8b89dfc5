# A background worker of an extension that is connected to a database and reports no activity.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../module", "$FindBin::Bin/../lib";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $module = BoundaryTest::module_path();
(my $directory = $module) =~ s{/[^/]*\z}{};
my $node = new_server('background_worker', conf => "dynamic_library_path = '$directory:\$libdir'\nautovacuum = off\n");
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
$admin->run('CREATE DATABASE shop');
$admin->run('CREATE ROLE operator LOGIN');
$admin->run('GRANT pg_signal_backend TO operator') if $version >= 90600;
$admin->run("CREATE FUNCTION start_worker(is_in_transaction boolean) RETURNS integer AS '$module', 'sessionctl_test_start_worker' LANGUAGE C STRICT");

sub worker
{
	my ($is_in_transaction) = @_;
	my $pid = $admin->run("SELECT start_worker($is_in_transaction)");
	my $shown = $is_in_transaction eq 'true' ? 'xact_start IS NOT NULL' : 'true';
	wait_for('the worker', sub { $admin->run("SELECT $shown FROM pg_stat_activity WHERE datname = 'shop' AND pid = $pid") eq 't' });
	return $pid;
}

my $background = 'include_background => true';

subtest 'a locked down database' => sub {
	my $pid = worker('false');
	my $kind = $version >= 110000 ? 'sessionctl_test worker' : 'background worker';
	like($admin->run(q{SELECT sessionctl.lockdown_database('shop', terminate => false)}),
		qr/^NOTICE:  1 background process remains connected to database "shop"\nDETAIL:  Process $pid \($kind\)\.$/m, 'named without terminate, too');
	is($admin->run(q{SELECT connected FROM sessionctl.session_lockdowns}), '1', 'and counted');
	like($admin->run('DROP DATABASE shop'), qr/ERROR:  database "shop" is being accessed by other users/, 'it is in the way');
	is($admin->run(q{SELECT sessionctl.terminate_database_sessions('shop')}), "NOTICE:  matched 1: 1 spared (background process)\n" . hint_to_include('background') . "0", 'spared');
	is($admin->run(qq{SELECT sessionctl.terminate_database_sessions('shop', $background)}), '1', 'unless it is included');
	is($admin->run('DROP DATABASE shop; CREATE DATABASE shop'), '', 'now it can be dropped');
};

subtest 'which roles may' => sub {
	plan skip_all => 'pg_signal_backend is 9.6' if $version < 90600;
	my $pid = worker('false');
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my %answer = ('' => 'spared (superuser)', ', include_superusers => true' => 'denied');
	for my $more (sort keys %answer)
	{
		is($operator->run("SELECT sessionctl.terminate_where('pid = $pid', $background$more)"),
			"NOTICE:  matched 1: 1 $answer{$more}\n0", "not whom core denies$more");
	}
	# Its role is a superuser's, as pg_stat_activity shows to everybody; that it is no client it shows to nobody.
	is($operator->run("SELECT protection FROM sessionctl.session_activity WHERE pid = $pid"), 'superuser', 'it looks like a client');
	ok(is_running($pid), 'and lives');
	$operator->quit;
	# The same from lockdown_database: it is counted as one that the owner may not end, and not named.
	$admin->run('CREATE ROLE keeper LOGIN; ALTER DATABASE shop OWNER TO keeper');
	my $keeper = SessionctlTest::Session->new($node, user => 'keeper');
	is($keeper->run(q{SELECT sessionctl.lockdown_database('shop')}), "NOTICE:  matched 1: 1 spared (superuser)\n0", 'nor is the owner of the database');
	$keeper->run(q{SELECT sessionctl.unlock_database('shop')});
	$admin->run('GRANT pg_monitor TO keeper') if $version >= 100000;
	like($keeper->run(q{SELECT sessionctl.lockdown_database('shop')}), qr/remains connected to database "shop"\nDETAIL:  Process $pid \(/, 'unless the owner may see it')
	  if $version >= 100000;
	$keeper->run(q{SELECT sessionctl.unlock_database('shop')});
	$keeper->quit;
	is($admin->run("SELECT sessionctl.terminate_where('pid = $pid', $background)"), '1', 'a superuser ends it');
};

subtest 'drain' => sub {
	my ($idle, $busy) = (worker('false'), worker('true'));
	my $drain = "SELECT sessionctl.drain_where('datname = \$1', '{shop}', timeout => '300 ms', $background";
	like($admin->complaint("$drain)"), qr/^NOTICE:  00000: matched 2: 1 ended, 1 still running$/m, 'a session in no transaction ends');
	wait_for('its process to end', sub { !is_running($idle) });
	ok(is_running($busy), 'and no other');
	is($admin->run("$drain, force => true)"), '1', 'unless forced');
	wait_for('its process to end', sub { !is_running($busy) });
};

subtest 'escalation' => sub {
	my ($idle, $busy) = (worker('false'), worker('true'));
	is( $admin->run(qq{SELECT pid = $busy, outcome, cancel_at IS NULL, terminate_at IS NOT NULL
			FROM sessionctl.escalate_report('datname = \$1', '{shop}', $background) ORDER BY 1}),
		"NOTICE:  matched 2: 1 ended, 1 not running\nf|not running|t|f\nt|terminated|t|t", 'it goes by the transaction where no statement is reported');
	is($admin->run("SELECT sessionctl.cancel_where('pid = $idle', $background)"), "NOTICE:  matched 1: 1 not running\n0", 'there is none to cancel');
	$admin->run("SELECT sessionctl.terminate_where('pid = $idle', $background)");
};

subtest 'protected roles' => sub {
	my $pid = worker('false');
	my $role = $admin->run("SELECT usename FROM pg_stat_activity WHERE pid = $pid");
	$admin->run("SET pg_sessionctl.protected_roles = '$role'");
	is($admin->run("SELECT sessionctl.terminate_where('pid = $pid', $background)"), "NOTICE:  matched 1: 1 spared (protected role)\n0", 'hold for it, too');
	$admin->run('RESET pg_sessionctl.protected_roles');
	is($admin->run("SELECT sessionctl.terminate_where('pid = $pid', keep => 1, $background)"), "NOTICE:  matched 1: 1 spared (kept)\n0", 'as the others do');
	is($admin->run("SELECT sessionctl.terminate_where('pid = $pid', $background)"), '1', 'gone');
};

done_testing();
