# A call that is interrupted returns at once. Signals that were sent remain in effect, and the log has them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('interrupt');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN');

my $condition = q{$$application_name = 'victim'$$};

sub victims
{
	my ($number) = @_;
	return map { SessionctlTest::Session->new($node, user => 'app', app => 'victim') } 1 .. $number;
}

# What the audit tells: pid and result of each line.
sub audit
{
	my ($position) = @_;
	return map { /result="([^"]*)" .* pid=(\d+)/ ? "$2 $1" : () } audit_lines($node, $position);
}

# A call on one session that obeys and one that does not, once it waits for the second.
sub call_that_waits
{
	my ($caller, $options) = @_;
	my ($stuck, $obedient) = victims(2);
	stop_process($stuck->pid);
	$caller->send("SELECT sessionctl.terminate_where($condition, $options)");
	wait_for('the other to go', sub { !is_running($obedient->pid) });
	return ($stuck, $obedient);
}

sub obeys_later
{
	my ($session) = @_;
	continue_process($session->pid);
	return wait_for('the survivor to obey', sub { !is_running($session->pid) });
}

subtest 'cancelled while it waits' => sub {
	my $caller = SessionctlTest::Session->new($node);
	my $position = log_position($node);
	my ($stuck, $obedient) = call_that_waits($caller, q{timeout => '1 h'});
	is($admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')'), 't', 'Ctrl-C');
	is($caller->answer, 'ERROR:  canceling statement due to user request', 'it ends with the usual error');
	my @audit = audit($position);
	is(scalar @audit, 2, 'two lines in the audit');
	is((grep { $_ eq $stuck->pid . ' signalled' } @audit), 1, 'one says that the survivor was signalled');
	like(join("\n", @audit), qr/^${\ $obedient->pid} (terminated|signalled)$/m, 'one tells of the other');
	ok(obeys_later($stuck), 'what was signalled stays signalled');
	ok($caller->lives, 'the caller lives');

	my ($next) = victims(1);
	is($caller->run("SELECT sessionctl.terminate_where($condition)"), '1', 'and can call again');
	$caller->send('SELECT pg_sleep(600)');
	wait_for('pg_sleep', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $caller->pid) eq 'PgSleep';
	});
	$admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')');
	like($caller->answer, qr/canceling statement/, 'and be cancelled again');
	$_->quit for $caller, $stuck, $obedient, $next;
};

subtest 'cancelled while it chooses' => sub {
	$admin->run(q{CREATE FUNCTION gate() RETURNS boolean STABLE LANGUAGE plpgsql
		AS $$BEGIN PERFORM pg_advisory_lock(4711); PERFORM pg_advisory_unlock(4711); RETURN true; END$$});
	my $caller = SessionctlTest::Session->new($node);
	my ($victim) = victims(1);
	my $position = log_position($node);
	$admin->run('SELECT pg_advisory_lock(4711)');
	$caller->send(q{SELECT sessionctl.terminate_where($$application_name = 'victim' AND public.gate()$$)});
	wait_for('the choice', sub {
		$admin->run('SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $caller->pid) eq 't';
	});
	$admin->run('SELECT pg_cancel_backend(' . $caller->pid . '); SELECT pg_advisory_unlock(4711)');
	like($caller->answer, qr/ERROR:  canceling statement due to user request/, 'it ends');
	ok($victim->lives, 'nobody was signalled');
	is(scalar(audit($position)), 0, 'nothing in the audit');
	$_->quit for $caller, $victim;
};

subtest 'statement_timeout' => sub {
	my $caller = SessionctlTest::Session->new($node);
	$caller->run(q{SET statement_timeout = '1 s'});
	my $position = log_position($node);
	my ($stuck, $obedient) = call_that_waits($caller, q{timeout => '1 h'});
	my $answer = $caller->answer;
	like($answer, qr/^WARNING:  1 session is still running after/m, 'shorter than timeout: a warning');
	like($answer, qr/^1\z/m, 'and the true count');
	unlike($answer, qr/ERROR/, 'and no error');
	is_deeply(
		[ sort(audit($position)) ],
		[ sort($stuck->pid . ' still running', $obedient->pid . ' terminated') ],
		'the audit has the results');
	obeys_later($stuck);
	$_->quit for $stuck, $obedient;

	($stuck, $obedient) = call_that_waits($caller, q{timeout => '1 s'});
	like($caller->answer, qr/still running .*^1\z/ms, 'longer than timeout: the same');
	$caller->run('SET statement_timeout = 0');
	like($caller->run("SELECT sessionctl.terminate_where($condition, timeout => '1 s')"),
		qr/still running .*^0\z/ms, 'and none set: the same');
	obeys_later($stuck);
	$_->quit for $caller, $stuck, $obedient;
};

subtest 'the caller is ended while it waits' => sub {
	my $caller = SessionctlTest::Session->new($node);
	my $position = log_position($node);
	my ($stuck, $obedient) = call_that_waits($caller, q{timeout => '1 h'});
	$admin->run('SELECT pg_terminate_backend(' . $caller->pid . ')');
	like($caller->answer, qr/FATAL:  terminating connection due to administrator command/, 'it goes');
	$caller->quit;
	my @audit = audit($position);
	is((grep { $_ eq $stuck->pid . ' signalled' } @audit), 1, 'the audit tells of the survivor');
	is((grep { /^${\ $obedient->pid} / } @audit), 1, 'and of the other');
	is(scalar @audit, 2, 'once each');
	ok(obeys_later($stuck), 'what was signalled stays signalled');
	ok($admin->lives, 'the server runs on');
	$_->quit for $stuck, $obedient;
};

# Loading the library warns of a parameter that does not exist, and a warning acts on a cancel.
subtest 'a first call that is cancelled while the library is loaded' => sub {
	$node->append_conf('postgresql.conf', "pg_sessionctl.typo = 1\n");
	$node->reload;
	my @broken;
	for my $timeout (1 .. 10)
	{
		my $session = SessionctlTest::Session->new($node);
		$session->run("SET statement_timeout = '$timeout ms'");
		$session->run('SELECT sessionctl.safe_count($$pid < 0$$)');
		# Where that is slow, the timeout ends it, too.
		wait_for('the timeout to be reset', sub { $session->run('RESET statement_timeout; SHOW statement_timeout') eq '0' });
		my $answer = $session->run('SELECT sessionctl.safe_count($$pid < 0$$)');
		push @broken, "$timeout ms: $answer" if $answer =~ /ERROR/;
		$session->quit;
	}
	is(join("\n", @broken), '', 'the next call works');
};

subtest 'the server dies while it waits' => sub {
	my $caller = SessionctlTest::Session->new($node);
	my ($stuck, $obedient) = call_that_waits($caller, q{timeout => '1 h'});
	kill_server($node);
	wait_for('the caller to notice', sub { !is_running($caller->pid) });
	pass('it ends');
	continue_process($stuck->pid);
	$_->quit for $caller, $stuck, $obedient, $admin;
};

done_testing();
