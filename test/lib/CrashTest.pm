# The server dies at each step of closing and opening, by the gate or by pg_hba.conf: it comes back either locked down or
# as it was before, and can be opened.
#
# strace stops the session after its n-th system call of a kind; then the postmaster and all its children are killed: up to
# thirty restarts for each direction.
package CrashTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use SessionctlTest;
use Test::More;

our @EXPORT = qw(survives_crashes);

my ($node, $hba, $open);

sub is_stopped { return qx(ps -o stat= -p $_[0]) =~ /^[Tt]/ }

# strace with these words, attached to the session, and what it says.
sub trace
{
	my ($session, @words) = @_;
	my $self = { said => '' };
	$self->{strace} = IPC::Run::start([ 'strace', '-f', '-p', $session->pid, @words ],
		'<', \undef, '>&', \$self->{said}, IPC::Run::timeout($SessionctlTest::patience));
	wait_for('strace', sub { $self->{strace}->pump_nb; $self->{said} =~ /attached/ || !$self->{strace}->pumpable });
	return $self;
}

sub end_trace
{
	my ($self) = @_;
	$self->{strace}->signal('INT');
	return $self->{strace}->finish;
}

# Nothing, or why not: containers and Yama forbid it.
sub complaint_about_tracing
{
	my $session = SessionctlTest::Session->new($node);
	my $trace = trace($session);
	my $complaint = $trace->{said} =~ /attached/ ? '' : $trace->{said} || 'no word from it';
	end_trace($trace);
	$session->quit;
	return $complaint =~ s/\s+/ /gr;
}

# It starts without fsync, because a recovery would sync the whole data directory; we want ours to be called.
sub set_fsync
{
	my ($value) = @_;
	$node->append_conf('postgresql.conf', "fsync = $value\n");
	return if $value eq 'off';
	$node->reload;
	return wait_for('the reload', sub { $node->safe_psql('postgres', 'SHOW fsync') eq $value });
}

# The system calls that touch files, in the order of a call.
my @steps = qw(openat write fsync fchmod fchown rename unlink);

# Runs the call until after its n-th such system call: true when it came that far.
sub stops_at
{
	my ($session, $call, $step, $number) = @_;
	my $pid = $session->pid;
	my $trace = trace($session, '-e', "trace=$step", '-e', "inject=$step:signal=SIGSTOP:when=$number");
	$session->send($call);
	wait_for("$step $number", sub {
		$trace->{strace}->pump_nb;
		$session->{psql}->pump_nb;
		return is_stopped($pid) && $trace->{said} =~ /stopped by SIGSTOP/ || $session->{out} =~ /<done/;
	});
	my $is_stopped = $session->{out} !~ /<done/;
	end_trace($trace);
	return $is_stopped;
}

sub kill_everything
{
	my ($postmaster, @children) = kill_server($node);
	kill 'KILL', @children;
	return wait_until_gone($node, $postmaster, @children);
}

# After a crash: locked or open, by the door and by the file alike, and then open.
sub check
{
	my ($what, $message) = @_;
	set_fsync('off');
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
	my $has_crashed = 1;
	for my $step (@steps)
	{
		for my $number (1 .. 20)
		{
			set_fsync('on') if $has_crashed;
			$has_crashed = 0;
			$node->safe_psql('postgres', $before) if $before;
			my $session = SessionctlTest::Session->new($node);
			my $has_stopped = stops_at($session, $call, $step, $number);
			if (!$has_stopped)
			{
				$session->quit;
				$node->safe_psql('postgres', 'SELECT sessionctl.unlock_server()');
				last;
			}
			$has_crashed = 1;
			kill_everything();
			$session->quit;
			$seen{ check("$step $number", $message) ? 'locked' : 'open' }++;
		}
	}
	return \%seen;
}

# Closing and opening by this method; the message is what a login hears where it is closed.
sub survives_crashes
{
	my ($method, $message) = @_;
	my ($strace) = grep { -x } map { "$_/strace" } split /:/, $ENV{PATH};
	plan skip_all => 'strace is not installed' if !$strace;
	$node = new_reaper_server('crash');
	my $complaint = complaint_about_tracing();
	plan skip_all => "strace may not attach to a session here: $complaint" if $complaint ne '';
	$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');
	$hba = $node->data_dir . '/pg_hba.conf';
	$open = read_file($hba);

	my $lock = "SELECT sessionctl.lockdown_server(method => '$method', terminate => false)";
	for my $case ([ 'closing', $lock, '' ], [ 'opening', 'SELECT sessionctl.unlock_server()', $lock ])
	{
		my ($name, $call, $before) = @$case;
		subtest $name => sub {
			my $seen = crash_at_each_step($call, $before, $message);
			ok($seen->{locked}, "some steps leave it locked: $seen->{locked}");
			ok($seen->{open}, "some leave it open: $seen->{open}");
		};
	}
	return done_testing();
}

1;
