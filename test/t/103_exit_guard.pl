# FATAL and SIGTERM run no destructor: an ExitGuard releases shared state, once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('exit_guard');
my $bystander = bystander($node);

sub claims { return $bystander->run('select sessionctl_test.claims()') }

# Two claims were given back by the exit, the inner one first
my $given_back = 'held 0 undone 2 order 21';
my $untouched = 'held 0 undone 0 order 0';

sub left
{
	my ($how) = @_;
	my $session = SessionctlTest::Session->new($node);
	my $answer = $session->run("select sessionctl_test.claim('$how')");
	return ($session, $answer);
}

sub is_over
{
	my ($session, $released) = @_;
	is_gone($session->pid, 'the process ends');
	is(claims(), $given_back, $released || 'shared state is as before');
	return $session->quit;
}

subtest 'FATAL inside pg::call' => sub {
	my ($session, $answer) = left('fatal');
	like($answer, qr/^FATAL:  the end$/m, 'the session ends');
	is_over($session);
};

subtest 'SIGTERM inside pg::call' => sub {
	my $session = SessionctlTest::Session->new($node);
	begin($node, $session, q{select sessionctl_test.claim('wait')});
	is(claims(), 'held 2 undone 0 order 0', 'both claims are held');
	$bystander->run('select pg_terminate_backend(' . $session->pid . ')');
	is_over($session);
};

subtest 'SIGINT inside pg::call' => sub {
	my $session = SessionctlTest::Session->new($node);
	begin($node, $session, q{select sessionctl_test.claim('wait')});
	$bystander->run('select pg_cancel_backend(' . $session->pid . ')');
	like($session->answer, qr/^ERROR:  canceling statement/, 'the statement ends');
	is(claims(), $untouched, 'destructors did it');
	ok($session->lives, 'the session goes on');
	$session->quit;
};

for my $how (qw(return error exception))
{
	subtest "left by $how" => sub {
		my ($session) = left($how);
		is(claims(), $untouched, 'destructors did it');
		ok($session->lives, 'the session goes on');
		$session->quit;
		is_gone($session->pid, 'and ends later');
		is(claims(), $untouched, 'a guard that is gone does nothing');
	};
}

# The server has room for twenty callbacks
subtest 'FATAL after other ways' => sub {
	my ($session) = left('error');
	$session->run(q{select count(sessionctl_test.claim('return')) from generate_series(1, 50)});
	like($session->run(q{select sessionctl_test.claim('fatal')}), qr/^FATAL:  the end$/m, 'the session ends');
	is_over($session, 'only the living guards ran, once');
};

is_undisturbed($node, $bystander);
done_testing();
