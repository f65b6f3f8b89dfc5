# A subscriber of the server: what lockdown_server does to it and reports of it, and that no limit interrupts the first
# copy of a table.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('publisher', init => { allows_streaming => 'logical' });
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
plan skip_all => 'subscriptions came with 10' if $version < 100000;
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE repl LOGIN REPLICATION; CREATE ROLE feeder LOGIN REPLICATION; CREATE ROLE streamer LOGIN REPLICATION;
	CREATE TABLE goods (a int PRIMARY KEY); GRANT SELECT ON goods TO repl; CREATE PUBLICATION all_of_it FOR TABLE goods;
	INSERT INTO goods SELECT generate_series(1, 10)});

my $subscriber = new_node('subscriber');
init_node($subscriber, allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf', "wal_retrieve_retry_interval = '100 ms'\n");
$subscriber->start;
my $there = SessionctlTest::Session->new($subscriber);
# The first copy of the table waits for this lock, after it has sent all rows.
$there->run(q{CREATE TABLE goods (a int PRIMARY KEY);
	CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN new; END$$;
	CREATE TRIGGER wait BEFORE INSERT ON goods FOR EACH ROW EXECUTE PROCEDURE wait();
	ALTER TABLE goods ENABLE ALWAYS TRIGGER wait});

sub lock_down { my ($arguments) = @_; return $admin->run('SELECT sessionctl.lockdown_server(' . ($arguments || '') . ')') }
sub unlock { return $admin->run('SELECT sessionctl.unlock_server()') }
sub state_of_copy { return $there->run('SELECT srsubstate FROM pg_subscription_rel') }
sub copied { my ($count) = @_; return wait_for("$count rows", sub { $there->run('SELECT count(*) FROM goods') eq $count }) }

my $walsenders = q{SELECT pid FROM sessionctl.session_activity WHERE usename = 'repl' AND backend_type = 'walsender'};
sub copying { return $admin->run("$walsenders AND state = 'idle in transaction' AND query LIKE 'COPY %'") }
sub streaming { return $admin->run("$walsenders AND pid IN (SELECT pid FROM pg_stat_replication WHERE state = 'streaming')") }
sub wait_for_stream { return wait_for('the stream', sub { streaming() =~ /^\d+\z/ }) }

sub begin_copy
{
	$there->run('SELECT pg_advisory_lock(4711)');
	my $conninfo = $node->connstr('postgres') . ' user=repl';
	$conninfo =~ s/'/''/g;
	is($there->run("SET client_min_messages = error; CREATE SUBSCRIPTION shop CONNECTION '$conninfo' PUBLICATION all_of_it"), '', 'subscribed');
	wait_for('the copy to have sent all rows', sub { copying() =~ /^\d+\z/ });
	wait_for('the stream beside it', sub { streaming() =~ /^\d+\z/ });
	return;
}

my $warning = qr/^WARNING:  roles that logical replication needs are locked out\nDETAIL:  /m;
my $users = qr/Role "repl" uses slots? [^.]*"shop"[^.]*\./;

subtest 'no general limit applies' => sub {
	begin_copy();
	my $pid = copying();
	reconfigure($node, map { ("pg_sessionctl.$_" => '300 ms') } qw(idle_in_transaction_timeout idle_in_transaction_blocking_timeout idle_session_timeout transaction_timeout));
	my $client = SessionctlTest::Session->new($node, user => 'app');
	$client->run('BEGIN');
	like(reaped($client), qr/_timeout/, 'a client is ended');
	is(copying(), $pid, 'the copy goes on');
	reconfigure($node, map { ("pg_sessionctl.$_" => undef) } qw(idle_in_transaction_timeout idle_in_transaction_blocking_timeout idle_session_timeout transaction_timeout));
	$client->quit;
};

subtest 'a role\'s own limits leave its stream alone' => sub {
	my ($copy, $stream) = (copying(), streaming());
	$admin->run("ALTER ROLE repl SET pg_sessionctl.$_ = '3 s'") for 'transaction_timeout', 'idle_session_timeout';
	$admin->run("SELECT pg_terminate_backend($stream)");
	wait_for('another stream', sub { my $next = streaming(); $next =~ /^\d+\z/ && $next ne $stream });
	$stream = streaming();
	my $client = SessionctlTest::Session->new($node, user => 'repl');
	ok(reaped($client), 'a client of that role is ended');
	is(streaming(), $stream, 'it streams on');
	$admin->run('ALTER ROLE repl RESET ALL');
	is(copying(), $copy, 'the copy had none when it began');
	$client->quit;
};

subtest 'the gate while a table is copied' => sub {
	my $position = log_position($node);
	my $answer = lock_down();
	like($answer, qr/$warning$users/, 'it tells whom it locks out');
	like($answer, qr/^HINT:  .*allow_roles/m, 'and what to do');
	like($answer, qr/^2\z/m, 'the copy and the stream are ended');
	wait_for_log($node, $position, qr/FATAL:  the server is locked down/);
	is($admin->run($walsenders), '', 'they do not come back');
	$there->run('SELECT pg_advisory_unlock(4711)');
	unlock();
	copied(10);
	wait_for('the copy to be over', sub { state_of_copy() eq 'r' });
	$admin->run('INSERT INTO goods VALUES (11)');
	copied(11);
	pass('they do when it is open');
};

subtest 'a subscriber that is allowed' => sub {
	wait_for_stream();
	my $pid = streaming();
	unlike(lock_down(q{allow_roles => '{repl}'}), qr/Role "repl"/, 'is no trouble');
	$admin->run('INSERT INTO goods VALUES (12)');
	copied(12);
	is(streaming(), $pid, 'it streams on');
	unlock();
};

subtest 'physical replication is let in, and needs no slot of these' => sub {
	lock_down(q{allow_roles => '{repl}'});
	like(walsender_of($node, 'streamer'), $is_walsender, 'it is');
	unlock();
};

subtest 'by pg_hba.conf' => sub {
	wait_for_stream();
	like(lock_down(q{'hba'}), qr/$warning$users/, 'it tells whom it locks out');
	$admin->run('INSERT INTO goods VALUES (13)');
	is($admin->run($walsenders), '', 'the stream is ended');
	unlock();
	copied(13);
	pass('and comes back');
};

subtest 'a slot that nobody uses' => sub {
	$there->run('ALTER SUBSCRIPTION shop DISABLE');
	wait_for('the stream to end', sub { $admin->run($walsenders) eq '' });
	like(lock_down(), qr/${warning}No process uses slot "shop" now; roles that may: "feeder", "repl", "streamer"\.$/m, 'roles that may use it are named');
	unlike(lock_down(q{allow_roles => '{feeder,repl,streamer}'}), $warning, 'where all are allowed there is nothing to tell');
	like(lock_down(q{include_superusers => true, allow_roles => '{feeder,repl,streamer}'}), qr/roles that may: "[^,]*"\.$/m, 'a superuser may, too');
	unlock();
	$there->run('DROP SUBSCRIPTION shop');
	# It has dropped its slot by a connection of its own, which may be on its way out.
	wait_for('its connection to end', sub { $admin->run($walsenders) eq '' });
	is(lock_down(), '0', 'without a slot there is nothing to tell');
	unlock();
};

SKIP: {
	skip 'slots are synchronized from 17 on', 1 if $version < 170000;
	subtest 'a standby that synchronizes slots' => sub {
		my $worker = SessionctlTest::Session->new($node, user => 'streamer', app => 'standby_slotsync worker');
		like(lock_down(), qr/${warning}Role "streamer" synchronizes slots\.$/m, 'logs in as a client');
		unlock();
		$worker->quit;
	};
}

unlike(read_file($_->logfile), qr/PANIC|was terminated by signal/, 'no process crashed') for $node, $subscriber;
$_->quit for $there, $admin;
done_testing();
