# After an error that went through C++ a session can still be cancelled and terminated, also when the error came while
# interrupts were held off.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('interrupts');
my $bystander = bystander($node);

# The error that each way of holding interrupts off meets
my %error_of = (
	'interrupts' => 'the message',
	'cancels' => 'the message',
	'lwlock' => 'the message',
	'lwlock inside' => 'with a lock that the abort has to release');
$error_of{'no memory'} = 'out of memory' if -r '/proc/self/statm';    # while the error is copied

for my $how (sort keys %error_of)
{
	subtest $how => sub {
		my $session = SessionctlTest::Session->new($node);
		my $pid = $session->pid;
		like($session->run("select sessionctl_test.fail_held('$how')"), qr/^ERROR:  $error_of{$how}$/m, 'the error');
		is($session->run('select sessionctl_test.holdoff()'), 'then 0 0 now 0 0', 'nothing is held off');

		# A new session has to take the same lock for this
		my $other = SessionctlTest::Session->new($node);
		is($other->run('select sessionctl_test.swallowed()'), 0, 'no lock is left behind');
		$other->quit;

		begin($node, $session, 'select pg_sleep(180)');
		$bystander->run("select pg_cancel_backend($pid)");
		is($session->answer, 'ERROR:  canceling statement due to user request', 'the session can be cancelled');
		ok($session->lives, 'and goes on');

		begin($node, $session, 'select pg_sleep(180)');
		$bystander->run("select pg_terminate_backend($pid)");
		is_gone($pid, 'it can be terminated');
		$session->quit;
	};
}

is_undisturbed($node, $bystander);
done_testing();
