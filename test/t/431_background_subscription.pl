# The worker of a subscription prevents a rename of its database: lockdown_database names it, session_lockdowns counts
# it, and include_background ends it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('background_subscription', init => { allows_streaming => 'logical' },
	conf => "wal_retrieve_retry_interval = '1 h'\nautovacuum = off\n");
my $admin = SessionctlTest::Session->new($node);
plan skip_all => 'subscriptions are 10' if $admin->run('SHOW server_version_num') < 100000;

$admin->run('CREATE DATABASE shop');
$admin->run('CREATE TABLE news (a int PRIMARY KEY); CREATE PUBLICATION paper FOR TABLE news');
$admin->run(q{SELECT pg_create_logical_replication_slot('reader', 'pgoutput')});
my $inside = SessionctlTest::Session->new($node, database => 'shop');
$inside->run('CREATE TABLE news (a int PRIMARY KEY)');
$inside->run("CREATE SUBSCRIPTION reader CONNECTION \$\$" . $node->connstr('postgres') . " user=postgres\$\$ PUBLICATION paper
	WITH (create_slot = false, slot_name = 'reader', copy_data = false)");

# The worker that applies. The launcher starts no other for an hour, unless it is told to.
sub worker
{
	my $pid;
	$admin->run(q{ALTER SYSTEM SET wal_retrieve_retry_interval = '10 ms'});
	$admin->run('SELECT pg_reload_conf()');
	my $query = q{SELECT pid FROM pg_stat_subscription WHERE pid IN
		(SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND wait_event = 'LogicalApplyMain')};
	wait_for('the subscription to be at work', sub {
		($pid) = $admin->run($query) =~ /\A(\d+)\z/ and $admin->run('SELECT active FROM pg_replication_slots') eq 't';
	});
	$admin->run(q{ALTER SYSTEM RESET wal_retrieve_retry_interval});
	$admin->run('SELECT pg_reload_conf()');
	wait_for('the launcher to be calm again', sub { $admin->run('SHOW wal_retrieve_retry_interval') eq '1h' });
	return $pid;
}

my $background = 'include_background => true';

subtest 'a locked down database' => sub {
	my $pid = worker();
	my $answer = $admin->run(q{SELECT sessionctl.lockdown_database('shop', include_superusers => true)});
	like($answer, qr/^NOTICE:  matched 2: 1 ended, 1 spared \(background process\)$/m, 'the client is ended');
	like($answer, qr/^NOTICE:  1 background process remains connected to database "shop"\nDETAIL:  Process $pid \(logical replication .*worker\)\.\nHINT:  .*include_background/m,
		'who stays is named, with its kind');
	like($answer, qr/\n1\z/, 'and not counted as ended');
	is($admin->run(q{SELECT name, connected FROM sessionctl.session_lockdowns}), 'shop|1', 'the view counts it');
	like($admin->run('ALTER DATABASE shop RENAME TO store'), qr/ERROR:  database "shop" is being accessed by other users/, 'it is in the way');
	my $position = log_position($node);
	is($admin->run(qq{SELECT sessionctl.terminate_database_sessions('shop', reason => 'a move', $background)}), '1', 'ended');
	like((audit_lines($node, $position))[0], qr/action=terminate result="terminated" .*pid=$pid .*datname="shop".*reason="a move"/, 'the audit tells');
	is($admin->run(q{SELECT connected FROM sessionctl.session_lockdowns}), '0', 'nobody is there');
	is($admin->run('ALTER DATABASE shop RENAME TO store; ALTER DATABASE store RENAME TO shop'), '', 'nor in the way');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
};

subtest 'a drain waits for the transaction that is applied' => sub {
	$inside = SessionctlTest::Session->new($node, database => 'shop', app => 'inside');
	my $pid = worker();
	is($admin->run("SELECT sessionctl.drain_where('pid = $pid', $background)"), '1', 'in none it ends at once');
	$pid = worker();
	$inside->run('BEGIN; LOCK TABLE news');
	$admin->run('INSERT INTO news VALUES (1)');
	wait_for('it to wait for the lock', sub { $admin->run("SELECT waiting FROM sessionctl.session_activity WHERE pid = $pid") eq 't' });
	like($admin->complaint("SELECT sessionctl.drain_where('pid = $pid', timeout => '300 ms', $background)"),
		qr/^WARNING:  01000: 1 session has not finished its transaction /m, 'in one it is given time');
	my $caller = SessionctlTest::Session->new($node);
	$caller->send("SELECT sessionctl.drain_where('pid = $pid', $background)");
	wait_for('the drain', sub { $admin->run('SELECT state FROM pg_stat_activity WHERE pid = ' . $caller->pid) eq 'active' });
	$inside->run('COMMIT');
	is($caller->answer, '1', 'and ends after it');
	is($inside->run('SELECT * FROM news'), '1', 'the transaction is applied');
	$caller->quit;
};

subtest 'an escalation' => sub {
	my $pid = worker();
	$inside->run('BEGIN; LOCK TABLE news');
	$admin->run('INSERT INTO news VALUES (2)');
	wait_for('it to wait for the lock', sub { $admin->run("SELECT waiting FROM sessionctl.session_activity WHERE pid = $pid") eq 't' });
	like($admin->run("SELECT outcome, cancel_at IS NOT NULL, terminate_at IS NULL FROM sessionctl.escalate_report('pid = $pid', $background)"),
		qr/^(cancelled|terminated)\|t\|t$/m, 'a cancel ends its transaction');
	wait_for('it to be gone', sub { !is_running($pid) });
	$inside->run('COMMIT');
	$pid = worker();
	wait_for('the change', sub { $inside->run('SELECT count(*) FROM news') eq '2' });
	pass('the next one applies it');
};

$inside->run('ALTER SUBSCRIPTION reader DISABLE');
$inside->quit;
done_testing();
