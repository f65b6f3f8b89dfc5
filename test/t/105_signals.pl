# Each way of signalling a process, forced in turn: the session and a program that it started end, and a process that
# reuses the pid is not signalled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('signals');
my $bystander = bystander($node);
my $admin = SessionctlTest::Session->new($node);

my $no_such_pid = 99_999_999;    # above the largest that Linux gives
my %number = (nothing => 0, INT => 2, TERM => 15);

# A process that this user may not signal and that lives as long as this one: an ancestor; none where all of them are ours
my $foreign_pid = $$;
while ($foreign_pid && (stat "/proc/$foreign_pid")[4] == $>)
{
	($foreign_pid) = read_file("/proc/$foreign_pid/status") =~ /^PPid:\t(\d+)$/m;
}
$foreign_pid = undef unless $foreign_pid && $foreign_pid > 1;

my @methods = qw(plain pidfd pidfd_group);
my $best = $admin->run('select sessionctl_test.best_method()');
my @possible = @methods[ 0 .. (grep { $methods[$_] eq $best } 0 .. $#methods)[0] ];
note("this kernel allows: @possible");

sub deliver
{
	my ($pid, $signal, $method, $starved) = @_;
	return $admin->run(sprintf q{select sessionctl_test.signal(%d, %d, '%s', %s)},
		$pid, $number{$signal}, $method, $starved ? 'true' : 'false');
}

# A session that reads from a program, the program's pid, and that of a child of it.
sub copying_session
{
	my $session = SessionctlTest::Session->new($node);
	$session->run('create temporary table copied (line text)');
	begin($node, $session, q{copy copied from program 'sleep 1000 | sleep 1000'});
	my @programs;
	wait_for('the programs', sub {
		my ($shell) = children_of($session->pid);
		@programs = $shell ? ($shell, children_of($shell)) : ();
		return @programs == 3;
	});
	return ($session, @programs);
}

for my $method (@methods)
{
	my $allowed = grep { $_ eq $method } @possible;
  SKIP: {
		skip "$method: not on this kernel", 1 unless $allowed;
		subtest $method => sub {
			my $session = SessionctlTest::Session->new($node);
			begin($node, $session, 'select pg_sleep(180)');
			is(deliver($session->pid, 'INT', $method), 'delivered', 'SIGINT to a session');
			is($session->answer, 'ERROR:  canceling statement due to user request', 'cancels its statement');
			is(deliver($session->pid, 'TERM', $method), 'delivered', 'SIGTERM to it');
			is_gone($session->pid, 'ends it');
			wait_for('the end of its pid', sub { deliver($session->pid, 'nothing', $method) eq 'no such process' });
			$session->quit;

			my ($copying, @programs) = copying_session();
			is(deliver($copying->pid, 'TERM', $method), 'delivered', 'SIGTERM to a session that waits for a program');
			is_gone($copying->pid, 'ends it');
			is_gone($_, 'ends the program') for @programs;
			$copying->quit;

			is(deliver($no_such_pid, 'TERM', $method), 'no such process', 'a pid that nobody has');
			is(deliver($foreign_pid, 'nothing', $method), 'denied', 'a process of somebody else') if $foreign_pid;
		};
	}
}

# kill(0) and kill(-1) would reach this process group and every process of this user.
unlike(deliver($_, 'nothing', 'plain'), qr/delivered/, "pid $_ is no session") for 0, 1, -1;

# Without a descriptor to pin the process with, the signal goes to its pid at once.
subtest 'no descriptor left' => sub {
	for my $method (@possible)
	{
		my ($session, @programs) = copying_session();
		is(deliver($session->pid, 'TERM', $method, 'starved'), 'delivered', "$method: SIGTERM to a session");
		is_gone($session->pid, 'ends it');
		is_gone($_, 'ends the program') for @programs;
		$session->quit;
		unlike(deliver($no_such_pid, 'TERM', $method, 'starved'), qr/delivered/, "$method: a pid that nobody has");
	}
};

my $before = $admin->run('select sessionctl_test.descriptors()');
for my $method (@possible)
{
	my ($session) = copying_session();
	deliver($session->pid, 'TERM', $method);
	is_gone($session->pid, "$method: another session ends");
	$session->quit;
}
is($admin->run('select sessionctl_test.descriptors()'), $before, 'no descriptor stays open');

# kill() can't tell one process from the next with the same pid, which proves that the pid really changed hands.
my %fate = (plain => 'delivered, hit', pidfd => 'gone, spared', pidfd_group => 'gone, spared');
for my $method (@possible)
{
	my $fate = $admin->run("select sessionctl_test.signal_reused('$method')");
  SKIP: {
		skip 'needs a pid namespace of its own', 1 if $fate eq 'not possible here';
		is($fate, $fate{$method}, "$method: the new owner of a pid");
	}
}

is_undisturbed($node, $bystander);
done_testing();
