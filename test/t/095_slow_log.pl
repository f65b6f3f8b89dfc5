# The audit is complete even if the caller is interrupted while it writes to a log that takes nothing for a while.

use strict;
use warnings;

use Fcntl;
use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

plan skip_all => 'needs to see in /proc what a process waits for' unless kernel_function(getppid) =~ /[a-z]/;

my $node = new_server('slow_log',
	conf => "logging_collector = on\nlog_directory = 'log'\nlog_filename = 'server.log'\n");
my $log = $node->data_dir . '/log/server.log';
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN');

# Where in the kernel it sleeps.
sub kernel_function
{
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/wchan" or return '';
	return scalar(<$file>) || '';
}

sub log_collector
{
	my $postmaster = postmaster_pid($node);
	my ($collector) = grep { qx(ps -o args= -p $_) =~ /logger/ } children_of($postmaster);
	return $collector;
}

# Fills the pipe to the collector, so that whoever logs has to wait.
sub fill_log_pipe
{
	sysopen my $pipe, '/proc/' . $admin->pid . '/fd/2', O_WRONLY | O_NONBLOCK or die $!;
	for my $size (4096, 1)
	{
		1 while syswrite $pipe, '.' x $size;
	}
	return;
}

sub audit
{
	my @pids = read_file($log) =~ /pg_sessionctl: .* pid=(\d+)/g;
	return join ' ', sort @pids;
}

my $collector = log_collector();
for my $signal (qw(INT TERM))
{
	my $caller = SessionctlTest::Session->new($node);
	my @victims = map { SessionctlTest::Session->new($node, user => 'app', app => 'victim') } 1 .. 3;
	truncate $log, 0 or die $!;
	stop_process($collector);
	fill_log_pipe();
	$caller->send(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$, timeout => '0')});
	wait_for('the caller to write to the log', sub { kernel_function($caller->pid) =~ /pipe_write/ });
	kill $signal, $caller->pid;
	continue_process($collector);
	$caller->answer;
	$_->quit for $caller, @victims;
	# The log is in order: when this line is there, all is.
	$admin->run(qq{DO \$\$BEGIN RAISE LOG 'SIG$signal is over'; END\$\$});
	wait_for('the last line', sub { read_file($log) =~ /SIG$signal is over/ });
	is(audit(), join(' ', sort map { $_->pid } @victims), "SIG$signal: every session that was signalled has its line");
}

done_testing();
