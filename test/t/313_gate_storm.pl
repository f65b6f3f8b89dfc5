# After lockdown_server() no refused session is left: neither of clients that reconnect without pause nor of logins that
# were in progress.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use IO::Socket::UNIX;
use SessionctlTest;
use Storm;
use Test::More;

my ($clients, $rounds) = (24, 20);
my $node = new_reaper_server('storm', conf => "max_connections = 60\nlog_min_messages = panic\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE boss LOGIN SUPERUSER');
my $inside = q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'};

subtest 'a storm' => sub {
	my $settled = $clients / 2;
	my $storm = Storm->new($node, user => 'app', database => 'postgres', clients => $clients, coming_and_going => $clients - $settled);
	my ($intruders, $ended, $short) = (0, 0, 0);
	for my $round (1 .. $rounds)
	{
		wait_for('everybody to be back', sub { $admin->run("$inside AND application_name = 'storm'") == $settled });
		my $answer = $admin->run('SET client_min_messages = warning; SELECT sessionctl.lockdown_server()');
		$short++ if $answer !~ /^\d+\z/ || $answer < $settled;
		$ended += $answer =~ /(\d+)\z/ ? $1 : 0;
		$intruders += $admin->run($inside) for 1 .. 5;
		$admin->run('SELECT sessionctl.unlock_server()');
	}
	is($intruders, 0, "nobody inside in $rounds rounds");
	is($short, 0, 'and each time those were ended who were there') or diag("$ended in all");
	$storm->quit;
};

# A login that went through the gate and stands in no session table: its client makes it wait there.
sub newcomer
{
	my ($user) = @_;
	my $newcomer = start_login($node, $user, connection => q{options='-c post_auth_delay=600'});
	my @pids;
	wait_for('a login under way', sub {
		@pids = waiting_logins($node, $user, 'startup');
		@pids == 1 && is_delayed($pids[0]);
	});
	$newcomer->{pid} = $pids[0];
	return $newcomer;
}

subtest 'logins under way' => sub {
	wait_for('the storm to be over', sub { $admin->run($inside) eq '0' });
	my ($refused, $allowed) = map { newcomer($_) } qw(app other);
	# The signal also ends the delay: for an instant the login may be a session, before it serves the signal.
	my $at_most_one = qr/^[01]\z/;
	like($admin->run(q{SELECT sessionctl.lockdown_server(allow_roles => '{other}')}), $at_most_one, 'they are no sessions');
	# Proven out of the process array; the process itself ends a moment later.
	wait_for('who would have been refused to be gone', sub { !is_running($refused->{pid}) });
	unlike(login_output($refused), qr/42/, 'and never was inside');
	ok(is_running($allowed->{pid}), 'a session that would not be refused goes on');
	like($admin->run(q{SELECT sessionctl.lockdown_server(timeout => '0')}), $at_most_one, 'without waiting');
	wait_for('the other one to go', sub { !is_running($allowed->{pid}) });
	login_output($allowed);
	like($admin->run(q{SELECT string_agg(action || ' ' || result || ' ' || usename, ', ' ORDER BY usename) FROM sessionctl.session_audit
		WHERE condition = 'a login under way' AND pid IN (} . "$refused->{pid}, $allowed->{pid})"),
		qr/^terminate signalled app, terminate signalled other\z/, 'the audit has both');
	$admin->run('SELECT sessionctl.unlock_server()');
};

subtest 'logins that delay their startup packet' => sub {
	my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or die "cannot connect: $!";
	is($admin->run('SELECT sessionctl.lockdown_server()'), '0', 'are not waited for');
	my $options = join '', map { "$_\0" } 'user', 'app', 'database', 'postgres';
	syswrite $socket, pack('NN', length($options) + 9, 3 << 16) . "$options\0";
	my $login_output = '';
	1 while sysread $socket, $login_output, 65536, length $login_output;
	like($login_output, qr/C57P03\0/, 'and come to a closed gate');
	$admin->run('SELECT sessionctl.unlock_server()');
};

$admin->quit;
done_testing();
