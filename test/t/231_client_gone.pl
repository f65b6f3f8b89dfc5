# Statements that continue although their client is gone: killed, reset, or half closed. Before 14, and without
# client_connection_check_interval, no backend checks.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Select;
use RawSession;
use SessionctlTest;
use Socket;
use Test::More;

plan skip_all => 'client_gone needs Linux' if $^O ne 'linux';

my $rule = 'client_gone_timeout';
my $node = new_reaper_server('client_gone', conf => "listen_addresses = '127.0.0.1'\nmax_wal_senders = 4\nwal_level = logical\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run("CREATE ROLE $_ LOGIN") for qw(calm app other);
$admin->run('CREATE ROLE feed LOGIN REPLICATION');
$admin->run("ALTER ROLE $_ SET pg_sessionctl.$rule = '300 ms'") for qw(app feed);

my $sleep = 'SELECT pg_sleep(600)';

sub asked
{
	my ($pid, $column, $asker) = @_;
	return ($asker || $admin)->run("SELECT $column FROM sessionctl.session_activity WHERE pid = $pid");
}

sub wait_until_active
{
	my ($session) = @_;
	return wait_for('work', sub { asked($session->pid, 'state') eq 'active' });
}

# They sleep in a statement; without a client as soon as it is gone.
sub busy
{
	my ($class, @with) = @_;
	my $session = $class->new($node, @with);
	$class eq 'RawSession' ? $session->query($sleep) : $session->send($sleep);
	wait_until_active($session);
	return $session;
}

sub dismiss
{
	my (@pids) = @_;
	for my $pid (@pids)
	{
		$admin->run("SELECT pg_terminate_backend($pid)");
		wait_for("$pid to end", sub { !is_running($pid) });
	}
	return;
}

# The kernel closes what a killed process had open.
sub kill_client
{
	my ($session) = @_;
	$session->{psql}->kill_kill(grace => 0);
	return;
}

# With a linger time of 0 a close is a reset.
sub reset_connection
{
	my ($session) = @_;
	setsockopt $session->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) or die "cannot set SO_LINGER: $!";
	close $session->{socket};
	return;
}

sub half_close { my ($session) = @_; return shutdown $session->{socket}, 1 }

my %ways = (
	'a Unix socket' => [ $node->host, 0 ],
	'TCP' => [ '127.0.0.1', 1 ]);

for my $way (sort keys %ways)
{
	my ($host, $tcp) = @{ $ways{$way} };
	subtest "a client that was killed, over $way" => sub {
		my ($patient, $calm, $victim) = map { busy('SessionctlTest::Session', user => $_, host => $host) } qw(app calm app);
		is(asked($_->pid, 'client_gone'), 'f', 'it is there') for $patient, $calm, $victim;
		kill_client($_) for $calm, $victim;
		is(reaped($victim), $rule, 'its session is ended');
		my ($line) = grep { /pid=${\ $victim->pid} / } audit_lines($node, $victim->{log_position});
		like($line, qr/reason="The session continued without its client for .*\(pg_sessionctl\.$rule is 300 ms\)\."/,
			'and the account tells why');
		is(asked($calm->pid, q{client_gone || ' ' || state}), 'true active', 'without the limit it runs on, and is seen');
		is($admin->run("SELECT sessionctl.safe_count('client_gone')"), '1', 'also by a condition');
		is(asked($patient->pid, q{client_gone || ' ' || state}), 'false active', 'a session whose client waits is not touched');
		dismiss($calm->pid, $patient->pid);
	};

	subtest "half a connection closed, over $way" => sub {
		my $victim = busy('RawSession', user => 'app', tcp => $tcp);
		half_close($victim);
		is(reaped($victim), $rule, 'is taken for a client that is gone');
		$victim->quit;
	};

	subtest "a client that left with something unread, over $way" => sub {
		my $victim = RawSession->new($node, user => 'app', tcp => $tcp);
		$victim->query("DO \$\$ BEGIN RAISE NOTICE 'unread'; PERFORM pg_sleep(600); END \$\$");
		ok(IO::Select->new($victim->{socket})->can_read($SessionctlTest::patience), 'it has been told something');
		close $victim->{socket};
		is(reaped($victim), $rule, 'and is gone');
	};

	subtest "idle sessions and those at work for a client, over $way" => sub {
		my $idle = RawSession->new($node, user => 'app', tcp => $tcp);
		my $inside = RawSession->new($node, user => 'app', tcp => $tcp);
		$inside->query('BEGIN')->expect('Z');
		my $busy = busy('RawSession', user => 'app', tcp => $tcp);
		for (1 .. 2)
		{
			my $victim = busy('RawSession', user => 'app', tcp => $tcp);
			close $victim->{socket};
			is(reaped($victim), $rule, 'others are ended');
		}
		$_->query('SELECT 1')->expect('Z') for $idle, $inside;
		is(asked($busy->pid, q{client_gone || ' ' || state}), 'false active', 'a session with a client is not');
		dismiss($busy->pid);
		$_->quit for $idle, $inside;
	};
}

subtest 'a connection that was reset' => sub {
	my ($victim, $calm) = map { busy('RawSession', user => $_, tcp => 1) } qw(app calm);
	reset_connection($_) for $victim, $calm;
	is(reaped($victim), $rule, 'it is ended');
	is(asked($calm->pid, 'client_gone'), 't', 'and seen');
	dismiss($calm->pid);
};

subtest 'a session that has other connections' => sub {
	plan skip_all => 'no dblink here' if $admin->run('CREATE EXTENSION dblink') ne '';
	my $victim = RawSession->new($node, user => 'app', tcp => 1);
	my $connstr = $node->connstr('postgres') . ' user=postgres';
	$admin->run('GRANT EXECUTE ON FUNCTION dblink_connect_u(text) TO app');
	$victim->query("SELECT dblink_connect_u(\$\$$connstr\$\$)")->expect('Z');
	$victim->query($sleep);
	wait_until_active($victim);
	my ($control) = busy('RawSession', user => 'app');
	close $control->{socket};
	is(reaped($control), $rule, 'others are ended');
	is(asked($victim->pid, 'client_gone'), 'f', 'its client is there');
	close $victim->{socket};
	is(reaped($victim), $rule, 'it is ended when that is gone');
};

subtest 'a walsender' => sub {
	plan skip_all => 'it runs SQL from 10 on' if $admin->run('SHOW server_version_num') < 100000;
	my $walsender = RawSession->new($node, user => 'feed', replication => 'database');
	$walsender->query($sleep);
	wait_until_active($walsender);
	close $walsender->{socket};
	is(reaped($walsender), $rule, 'that runs SQL is ended as any other, by the limit of its role');
};

subtest 'which roles may see it' => sub {
	my ($calm, $own) = map { busy('RawSession', user => $_) } qw(calm other);
	my $other = SessionctlTest::Session->new($node, user => 'other');
	is(asked($calm->pid, 'client_gone IS NULL', $other), 't', 'not a role that may not see the session');
	my ($pid, $start) = ($calm->pid, asked($calm->pid, 'backend_start'));
	is($other->run("SELECT sessionctl._client_gone($pid, '$start') IS NULL"), 't', 'nor by the function behind it');
	is($admin->run("SELECT sessionctl._client_gone($pid, '$start'), sessionctl._client_gone($pid, timestamptz '$start' - interval '1 s')"),
		'f|', 'another process with that pid');
	is(asked($own->pid, 'client_gone', $other), 'f', 'of its own sessions it may');
	is($admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE protection = 'not a client' AND client_gone IS NOT NULL}),
		'0', 'a background process has no client');
	is($admin->run("SELECT sessionctl._client_gone(NULL, NULL), sessionctl._client_gone($pid, NULL), sessionctl._client_gone(0, '$start')"),
		'||', 'nor has nobody');
	dismiss($calm->pid, $own->pid);
	$other->quit;
};

$node->stop('immediate');
done_testing();
