# A session in C code that never checks for interrupts: only its client's connection is closed, of whatever kind; the
# server does not restart; and a refusal by the operating system is reported.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use IPC::Run;
use Kerberos;
use SessionctlTest;
use Test::More;

plan skip_all => 'closing the socket of another process needs Linux' if $^O ne 'linux';

my $kerberos = Kerberos->new;    # before the server, which inherits its environment
my $node = boundary_node('close_socket', q{shared_preload_libraries = 'pg_sessionctl'}, q{listen_addresses = '127.0.0.1, ::1'},
	'logging_collector = off', q{log_line_prefix = '%m %c [%p] '});
my $admin = SessionctlTest::Session->new($node);
my $bystander = bystander($node);
$admin->run('CREATE EXTENSION pg_sessionctl; CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA sessionctl_test TO PUBLIC');
my $started = $admin->run('SELECT pg_postmaster_start_time()');
my $hung_up = qr/server closed the connection|SSL connection has been closed|SSL SYSCALL error|SSL error: unexpected eof/;    # the last from 18 on
my $steps = q{concat_ws(' ', CASE WHEN cancel_at IS NOT NULL THEN 'cancel' END,
	CASE WHEN terminate_at IS NOT NULL THEN 'terminate' END, CASE WHEN close_at IS NOT NULL THEN 'close' END)};

# As long as its file is there, the session hears nothing.
my $number = 0;

sub deaf
{
	my ($prepare, %with) = @_;
	my $file = $node->data_dir . '/deaf' . ++$number;
	open my $made, '>', $file or die "cannot make $file: $!";
	close $made;
	my $session = SessionctlTest::Session->new($node, user => 'app', app => 'deaf', %with);
	is($session->run($prepare), '', 'prepared') if $prepare;
	begin($node, $session, "SELECT sessionctl_test.deaf('$file')");
	$session->{deaf_file} = $file;
	return $session;
}

sub hears_again
{
	my ($session) = @_;
	unlink $session->{deaf_file} or die "cannot remove $session->{deaf_file}: $!";
	is_gone($session->pid, 'it ends by itself when it hears again');
	return $session->quit;
}

sub escalate
{
	my ($columns, $options) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.escalate_report(\$\$application_name = 'deaf'\$\$, step => '200 ms', $options) ORDER BY pid");
}

# Can it be done here at all? A container may forbid it.
my $first = deaf();
my $allowed = escalate('outcome, detail', 'close_socket => true') =~ /^still running\|$/m;
hears_again($first);

sub make_ssl
{
	my ($directory) = ($node->data_dir);
	return if !eval {
		IPC::Run::run([ qw(openssl req -new -x509 -days 2 -nodes -subj /CN=localhost), '-out', "$directory/server.crt", '-keyout', "$directory/server.key" ],
			'<', \undef, '>&', \my $said);
	};
	chmod 0600, "$directory/server.key";
	return if $admin->run('ALTER SYSTEM SET ssl = on') =~ /ERROR/;
	$admin->run('SELECT pg_reload_conf()');
	return eval { wait_for('SSL', sub { $admin->run('SHOW ssl') eq 'on' }) };
}

sub make_gss
{
	return 'no GSSAPI before 12, nor in a server built without it'
	  if $admin->run('SHOW server_version_num') < 120000 || qx(pg_config --configure) !~ /--with-gssapi/;
	my $missing = $kerberos->start('app');
	return $missing if $missing;
	$admin->run(sprintf q{ALTER SYSTEM SET krb_server_keyfile = '%s'}, $kerberos->keytab);
	$admin->run('SELECT pg_reload_conf()');
	wait_for('the keys', sub { $admin->run('SHOW krb_server_keyfile') eq $kerberos->keytab });
	return;
}

my %ways = (
	'a Unix socket' => sub { () },
	'TCP' => sub { (host => '127.0.0.1') },
	'IPv6' => sub { log_since($node, 0) =~ /listening on IPv6 address "::1"/ ? (host => '::1') : 'there is no IPv6' },
	'GSS' => sub { make_gss() || (host => 'localhost', gss => 1) },
	'SSL' => sub { make_ssl() ? (host => '127.0.0.1', ssl => 1) : 'no SSL: openssl is missing, or the server was built without' });

for my $way (sort keys %ways)
{
	subtest "over $way" => sub {
		plan skip_all => 'the operating system forbids it' if !$allowed;
		my @with = $ways{$way}->();
		plan skip_all => $with[0] if @with == 1;
		my %with = @with;
		local $ENV{PGSSLMODE} = delete $with{ssl} ? 'require' : 'disable';
		local $ENV{PGGSSENCMODE} = delete $with{gss} ? 'prefer' : 'disable';
		my $position = log_position($node);
		my $deaf = deaf(undef, %with);
		my $pid = $deaf->pid;
		is($admin->run("SELECT ssl FROM pg_stat_ssl WHERE pid = $pid"), $way eq 'SSL' ? 't' : 'f', 'the kind of connection');
		is($admin->run("SELECT encrypted FROM pg_stat_gssapi WHERE pid = $pid"), 't', 'encrypted by GSSAPI') if $way eq 'GSS';
		like(escalate("pid, outcome, $steps, coalesce(detail, ''), elapsed >= '0.4 s', activity, root_command", q{close_socket => true, reason => 'deaf'}),
			qr{^$pid\|still running\|cancel terminate close\|\|t\|active for [0-9.]+ s, no wait event; kernel: \w \([^|]*\|cat /proc/$pid/stack; gdb --batch -p $pid -ex bt$}m,
			'reported as still running, with what it does');
		like($deaf->answer, $hung_up, 'its client is cut off');
		ok(is_running($pid), 'while it is deaf still');
		is($admin->run("SELECT state FROM pg_stat_activity WHERE pid = $pid"), 'active', 'and at work');
		is_deeply([ map { / pid=$pid / && /action=(\S+) result="([^"]*)"/ ? "$1 $2" : () } audit_lines($node, $position) ],
			[ map { "$_ still running" } qw(cancel terminate close_socket) ], 'three steps in the log');
		hears_again($deaf);
		ok($bystander->lives, 'another session lives');
	};
}

# The pid of a process that ended is another's now, who has a connection of the same client: here a child's.
subtest 'not by a reused pid' => sub {
	plan skip_all => 'the operating system forbids it' if !$allowed;
	for my $way ([], [ host => '127.0.0.1' ])
	{
		my $session = SessionctlTest::Session->new($node, @$way);
		is($session->run('SELECT sessionctl_test.close_socket(true)'), 'gone', 'the pinned process is gone');
		ok($session->lives, 'and the connection open');
		like($session->run('SELECT sessionctl_test.close_socket(false)'), $hung_up, 'pinned, its connection is closed');
		$session->quit;
	}
};

subtest 'only when asked for' => sub {
	my $deaf = deaf(undef, host => '127.0.0.1');
	my $port = $admin->run('SELECT client_port FROM pg_stat_activity WHERE pid = ' . $deaf->pid);
	like(escalate("outcome, $steps, root_command", 'close_socket => false'), qr/^still running\|cancel terminate\|ss -K dst 127\.0\.0\.1 dport = $port$/m,
		'otherwise the command for it');
	ok($deaf->{psql}->pumpable, 'its client is connected');
	hears_again($deaf);
};

subtest 'not its other connections' => sub {
	plan skip_all => 'the operating system forbids it' if !$allowed;
	plan skip_all => 'dblink (the package postgresql-contrib) is not installed'
	  if !$admin->run(q{SELECT 1 FROM pg_available_extensions WHERE name = 'dblink'});
	$admin->run('CREATE EXTENSION dblink');
	for my $way ([], [ host => '127.0.0.1' ])
	{
		my $far = sprintf 'host=%s port=%s dbname=postgres user=postgres application_name=far', $way->[1] || $node->host, $node->port;
		my $deaf = deaf("DO \$\$BEGIN PERFORM dblink_connect('far', '$far'); END\$\$", user => 'postgres', @$way);
		my $far_pid = $admin->run(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'far'});
		like(escalate("outcome, $steps", 'close_socket => true, include_superusers => true'), qr/^still running\|cancel terminate close$/m, 'closed');
		like($deaf->answer, $hung_up, 'its client is cut off');
		SessionctlTest::Session->new($node)->quit;
		is($admin->run(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'far'}), $far_pid, 'its own connection to another server is open');
		hears_again($deaf);
		is_gone($far_pid, 'until it ends');
	}
};

subtest 'where the operating system forbids it' => sub {
	plan skip_all => 'the operating system forbids it, whatever is asked' if !$allowed;
	my $locked = deaf('DO $$BEGIN PERFORM sessionctl_test.lock_up(); END$$', host => '127.0.0.1');
	my $local = deaf('DO $$BEGIN PERFORM sessionctl_test.lock_up(); END$$');
	my $open = deaf(undef, host => '127.0.0.1');
	my $port = $admin->run('SELECT client_port FROM pg_stat_activity WHERE pid = ' . $locked->pid);
	my $position = log_position($node);
	my $answer = escalate("pid, outcome, $steps, detail, root_command", 'close_socket => true');
	my $reason = qr/the operating system forbids it: [^|]*/;
	like($answer, qr/^@{[ $locked->pid ]}\|not permitted\|cancel terminate\|$reason\|ss -K dst 127\.0\.0\.1 dport = $port$/m, 'not permitted, why, and the command');
	like($answer, qr/^@{[ $local->pid ]}\|not permitted\|cancel terminate\|$reason\|ss -xp .*pid=@{[ $local->pid ]},/m, 'over a Unix socket, too');
	like($answer, qr/^@{[ $open->pid ]}\|still running\|cancel terminate close\|\|/m, 'the other is closed');
	like($answer, qr/^NOTICE:  matched 3: 1 still running, 2 not permitted$/m, 'a notice');
	like($answer, qr/^WARNING:  3 sessions are still running/m, 'a warning');
	is(scalar(grep { /action=close_socket result="not permitted"/ } audit_lines($node, $position)), 2, 'the log says so');
	like($open->answer, $hung_up, 'its client is cut off');
	hears_again($_) for $locked, $local, $open;
};

is($admin->run('SELECT pg_postmaster_start_time()'), $started, 'the server has not restarted');
is_undisturbed($node, $bystander);
done_testing();
