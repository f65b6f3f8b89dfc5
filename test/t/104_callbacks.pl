# No C++ exception leaves a hook or callback, where it would end the process and crash the cluster: a hook raises an ERROR,
# a callback that may not fail ignores it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('callbacks');
my $bystander = bystander($node);
my $session = SessionctlTest::Session->new($node);
$session->run('create table written (a int)');

sub throw_in { return $session->run("select sessionctl_test.throw_in('$_[0]')") }
sub swallowed { return $bystander->run('select sessionctl_test.swallowed()') }

subtest 'a hook' => sub {
	throw_in('executor start');
	like(
		$session->run_verbose('select 1'),
		qr/^ERROR:  XX000: from a hook$/m,
		'its exception becomes an ERROR');
	is($session->run('select 1'), 1, 'the session goes on');
	is(swallowed(), 0, 'nothing was swallowed');
};

for my $end ([ commit => 'committed' ], [ rollback => 'rolled back' ])
{
	my ($command, $ended) = @$end;
	my $place = $command eq 'commit' ? 'commit' : 'abort';
	subtest $place => sub {
		$session->run('begin; insert into written values (1)');
		throw_in($place);
		is($session->run($command), '', 'the client hears nothing of it');
		is(swallowed(), 1, 'the exception was swallowed');
		is($bystander->run('select count(*) from written'), 1, "the transaction is $ended");
		ok($session->lives, 'the session goes on');
	};
}

subtest 'a timer' => sub {
	is(throw_in('timer'), '', 'the statement goes on');
	is(swallowed(), 1, 'the exception was swallowed');
	ok($session->lives, 'the session goes on');
};

subtest 'exit' => sub {
	throw_in('exit');
	$session->quit;
	is_gone($session->pid, 'the process ends');
	is(swallowed(), 1, 'the exception was swallowed');
};

subtest 'exit by FATAL inside pg::call' => sub {
	my $session = SessionctlTest::Session->new($node);
	$session->run(q{select sessionctl_test.throw_in('exit')});
	$session->run(q{select sessionctl_test.claim('fatal')});
	is_gone($session->pid, 'the process ends');
	is(swallowed(), 1, 'the exception was swallowed');
	is($bystander->run('select sessionctl_test.claims()'), 'held 0 undone 2 order 21', 'the other callback ran, too');
	$session->quit;
};

is_undisturbed($node, $bystander);
done_testing();
