# cancel_where on a session that waits for its client in the middle of a statement: the server does not process the
# cancel then, and the caller gets a HINT.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $node = new_server('cancel_stalled');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE operator LOGIN; CREATE TABLE sink (a text); GRANT ALL ON sink TO app});
$admin->run('GRANT pg_signal_backend TO operator') if $admin->run('SHOW server_version_num') >= 90600;
my $tells_waits = $admin->run('SHOW server_version_num') >= 100000;
my $condition = q{$$application_name = 'victim'$$};
my $cancel = "SELECT sessionctl.cancel_where($condition, timeout => '300 ms')";

# Waits for a client that sends nothing (a row under way would let it go on to where it looks at a cancel), and for one that
# reads nothing.
sub sends_nothing
{
	my $session = RawSession->new($node, user => 'app', app => 'victim');
	$session->query('COPY sink FROM STDIN')->expect('G');
	return $session;
}

# Not one byte of it: room made in the socket would let it go on to where it looks at a cancel.
sub reads_nothing
{
	my $session = RawSession->new($node, user => 'app', app => 'victim');
	return $session->query(q{COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT});
}

sub wait_until_it_waits
{
	my ($session, $event) = @_;
	return 1 if !$tells_waits;
	return wait_for($event, sub {
		$admin->run('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $session->pid) eq $event;
	});
}

my $known = qr/^HINT:  (\d) of them (.*) in the middle of a statement, .* end the session with sessionctl\.terminate_where\.$/m;
my $general = qr/^HINT:  Call again .* A cancel does not end a session's wait for its client .*: sessionctl\.terminate_where does\.$/m;

subtest 'the HINT names what ends the wait' => sub {
	my $writer = sends_nothing();
	wait_until_it_waits($writer, 'ClientRead');
	my $answer = $admin->complaint($cancel);
	like($answer, qr/^NOTICE:  00000: matched 1: 1 still running$/m, 'a COPY FROM STDIN is not cancelled');
	like($answer, $tells_waits ? $known : $general, 'the HINT names what ends it');
	unlike($answer, qr/longer timeout/, 'and nothing that would not') if $tells_waits;

	my $reader = reads_nothing();
	wait_until_it_waits($reader, 'ClientWrite');
	$answer = $admin->complaint($cancel);
	like($answer, qr/^NOTICE:  00000: matched 2: 2 still running$/m, 'nor a COPY TO STDOUT');
	like($answer, qr/^HINT:  2 of them wait for their clients /m, 'both counted') if $tells_waits;

	is($admin->run("SELECT sessionctl.terminate_where($condition)"), '2', 'terminate_where ends both');
};

subtest 'a caller that may not see the wait event gets a general HINT' => sub {
	plan skip_all => 'pg_signal_backend is 9.6' if $admin->run('SHOW server_version_num') < 90600;
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my $writer = sends_nothing();
	wait_until_it_waits($writer, 'ClientRead');
	# Its state is hidden, too: without pg_read_all_stats it is chosen by its name.
	my $answer = $operator->complaint($cancel);
	like($answer, $general, 'what it waits for is not told');
	unlike($answer, $known, 'nor counted');
	is($operator->run("SELECT sessionctl.terminate_where($condition)"), '1', 'the advice is right all the same');
};

subtest 'a statement that is only slow: another HINT' => sub {
	my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'victim');
	$victim->send('SELECT pg_sleep(600)');
	wait_for('pg_sleep', sub {
		$admin->run(q{SELECT state FROM pg_stat_activity WHERE application_name = 'victim'}) eq 'active';
	});
	stop_process($victim->pid);
	my $answer = $admin->complaint($cancel);
	like($answer, qr/^HINT:  Call again with a longer timeout .* shows what they do\.$/m, 'no word of a client') if $tells_waits;
	continue_process($victim->pid);
	like($victim->answer, qr/canceling statement due to user request/, 'it obeys when it comes back');
	$victim->quit;
};

done_testing();
