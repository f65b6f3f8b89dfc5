# The server dies at each step of closing and opening, by the gate and by pg_hba.conf: it comes back either locked down or
# as it was before, and can be opened.
#
# strace stops the session after its n-th system call of a kind; then the postmaster and all its children are killed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run;
use SessionctlTest;
use Test::More;

my ($strace) = grep { -x } map { "$_/strace" } split /:/, $ENV{PATH};
plan skip_all => 'it takes minutes: set SESSIONCTL_CRASH' if !$ENV{SESSIONCTL_CRASH};
plan skip_all => 'strace is not installed' if !$strace;

my $node = new_reaper_server('crash', conf => "fsync = on\n");
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');
my $hba = $node->data_dir . '/pg_hba.conf';
my $open = read_file($hba);

sub is_stopped { return qx(ps -o stat= -p $_[0]) =~ /^[Tt]/ }

# The system calls that touch files, in the order of a call.
my @steps = qw(openat write fsync fchmod fchown rename unlink);

# Runs the call until after its n-th such system call: true when it came that far.
sub stops_at
{
	my ($session, $call, $step, $number) = @_;
	my $pid = $session->pid;
	my $said = '';
	my $tracer = IPC::Run::start([ $strace, '-f', '-p', $pid, '-e', "trace=$step", '-e', "inject=$step:signal=SIGSTOP:when=$number" ],
		'<', \undef, '>&', \$said, IPC::Run::timeout($SessionctlTest::patience));
	wait_for('strace', sub { $tracer->pump_nb; $said =~ /attached/ || !$tracer->pumpable });
	if ($said !~ /attached/)
	{
		$tracer->finish;
		diag($said);
		return;
	}
	$session->send($call);
	wait_for("$step $number", sub { $tracer->pump_nb; $session->{psql}->pump_nb; is_stopped($pid) && $said =~ /stopped by SIGSTOP/ || $session->{out} =~ /<done/ });
	my $is_stopped = $session->{out} !~ /<done/;
	$tracer->signal('INT');
	$tracer->finish;
	return $is_stopped ? 1 : 0;
}

sub kill_everything
{
	my $postmaster = postmaster_pid($node);
	my @children = children_of($postmaster);
	kill_server($node);
	kill 'KILL', @children;
	return wait_for('all to be gone', sub { !grep { kill 0, $_ } $postmaster, @children });
}

# After a crash: locked or open, by the door and by the file alike, and then open.
sub check
{
	my ($what, $message) = @_;
	$node->start;
	my $refusal = refusal($node, 'app');
	my $is_locked = $refusal ne '';
	like($refusal, $is_locked ? $message : qr/\A\z/, "$what: " . ($is_locked ? 'locked' : 'open'));
	is($node->safe_psql('postgres', 'SELECT count(*) FROM sessionctl.session_lockdowns'), $is_locked ? '1' : '0', 'so does the view say');
	is($node->safe_psql('postgres', 'SELECT sessionctl.unlock_server()'), $is_locked ? 't' : 'f', 'unlock knows it');
	is(refusal($node, 'app'), '', 'then it is open');
	is(read_file($hba), $open, 'and pg_hba.conf as it was');
	return $is_locked;
}

sub crash_at_each_step
{
	my ($call, $before, $message) = @_;
	my %seen;
	for my $step (@steps)
	{
		for my $number (1 .. 20)
		{
			$node->safe_psql('postgres', $before) if $before;
			my $session = SessionctlTest::Session->new($node);
			my $has_stopped = stops_at($session, $call, $step, $number);
			return if !defined $has_stopped;
			if (!$has_stopped)
			{
				$session->quit;
				$node->safe_psql('postgres', 'SELECT sessionctl.unlock_server()');
				last;
			}
			kill_everything();
			$session->quit;
			$seen{ check("$step $number", $message) ? 'locked' : 'open' }++;
		}
	}
	return \%seen;
}

my %methods = (
	gate => qr/the server is locked down/,
	hba => qr/pg_hba\.conf rejects connection/);
for my $method (sort keys %methods)
{
	my $lock = "SELECT sessionctl.lockdown_server(method => '$method', terminate => false)";
	for my $case ([ "closing by $method", $lock, '' ], [ "opening by $method", 'SELECT sessionctl.unlock_server()', $lock ])
	{
		my ($name, $call, $before) = @$case;
		subtest $name => sub {
			my $seen = crash_at_each_step($call, $before, $methods{$method});
			plan skip_all => 'strace may not attach here' if !$seen;
			ok($seen->{locked}, "some steps leave it locked: $seen->{locked}");
			ok($seen->{open}, "some leave it open: $seen->{open}");
		};
	}
}

done_testing();
