# cancel_where cancels the statement that was chosen and no other, and never ends the session.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('cancel');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE FUNCTION gate() RETURNS boolean STABLE LANGUAGE plpgsql
		AS $$BEGIN PERFORM pg_advisory_lock(4711); PERFORM pg_advisory_unlock(4711); RETURN true; END$$});
my $caller = SessionctlTest::Session->new($node);
my $condition = q{$$application_name = 'victim'$$};
my $cancelled = qr/ERROR:  canceling statement due to user request/;

sub victim { return SessionctlTest::Session->new($node, user => 'app', app => 'victim') }

sub shown
{
	my ($session, $columns) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.session_activity WHERE pid = " . $session->pid);
}

sub sleeps
{
	my ($session) = @_;
	return wait_for('pg_sleep', sub { shown($session, 'wait_event') eq 'PgSleep' });
}

# Calls cancel_where with a slow condition, and lets the world change between choice and signal.
sub cancel_after
{
	my ($change) = @_;
	$admin->run('SELECT pg_advisory_lock(4711)');
	$caller->send(q{SELECT sessionctl.cancel_where($$application_name = 'victim' AND public.gate()$$)});
	wait_for('the choice', sub { shown($caller, 'waiting') eq 't' });
	$change->();
	$admin->run('SELECT pg_advisory_unlock(4711)');
	return $caller->answer;
}

subtest 'cancelled' => sub {
	my @victims = map { victim() } 1 .. 2;
	$_->send('SELECT pg_sleep(600)') for @victims;
	sleeps($_) for @victims;
	is($admin->run("SELECT sessionctl.cancel_where($condition)"), '2', 'both, and nothing else to say');
	for (@victims)
	{
		like($_->answer, $cancelled, 'what the client is told');
		ok($_->lives, 'the session lives');
	}

	# The next statement follows at once: the session is active again, but the chosen statement is over.
	$victims[0]->send('SELECT pg_sleep(600); SELECT pg_sleep(600)');
	sleeps($victims[0]);
	my $first = shown($victims[0], 'query_start');
	is($admin->run("SELECT sessionctl.cancel_where('pid = " . $victims[0]->pid . "')"), '1', 'one of several statements');
	wait_for('the next statement', sub { shown($victims[0], "state, query_start <> '$first'") eq 'active|t' });
	sleeps($victims[0]);
	is($admin->run("SELECT sessionctl.cancel_where('pid = " . $victims[0]->pid . "')"), '1', 'and the next');
	my @messages = $victims[0]->answer =~ /$cancelled/g;
	is(scalar @messages, 2, 'each cancelled once');
	$_->quit for @victims;
};

subtest 'not running' => sub {
	my ($idle, $open, $busy) = map { victim() } 1 .. 3;
	$open->run('BEGIN; CREATE TEMP TABLE kept (a int)');
	$busy->send('SELECT pg_sleep(600)');
	sleeps($busy);
	my $position = log_position($node);
	is( $admin->run("SELECT sessionctl.cancel_where($condition)"),
		"NOTICE:  matched 3: 1 cancelled, 2 not running\n1", 'idle sessions have nothing to cancel');
	is(scalar(audit_lines($node, $position)), 1, 'and are not signalled');
	like($busy->answer, $cancelled, 'the busy one is cancelled');
	is($open->run('INSERT INTO kept VALUES (1); COMMIT; SELECT count(*) FROM kept'), '1', 'an open transaction stays open');
	$busy->send('SELECT pg_sleep(600)');
	sleeps($busy);
	is(cancel_after(sub {
			$admin->run('SELECT pg_cancel_backend(' . $busy->pid . ')');
			$busy->answer;
			$_->quit for $idle, $open;
			wait_for('the idle ones to go', sub { !is_running($idle->pid) && !is_running($open->pid) });
		}),
		"NOTICE:  matched 3: 2 already gone, 1 not running\n0", 'a statement that is over meanwhile, sessions that are gone');
	$busy->quit;
};

subtest 'no longer matches' => sub {
	my $victim = victim();
	$victim->send('SELECT pg_sleep(600)');
	sleeps($victim);
	is(cancel_after(sub {
			$admin->run('SELECT pg_cancel_backend(' . $victim->pid . ')');
			like($victim->answer, $cancelled, 'the chosen statement ends by itself');
			$victim->send('SELECT pg_sleep(600)');
			sleeps($victim);
		}),
		"NOTICE:  matched 1: 1 no longer matches\n0", 'the next statement was not chosen');
	is(shown($victim, 'state'), 'active', 'and runs on');
	$admin->run('SELECT pg_cancel_backend(' . $victim->pid . ')');
	$victim->quit;
};

subtest 'a statement that does not end' => sub {
	my ($stuck, $obedient) = map { victim() } 1 .. 2;
	$_->send('SELECT pg_sleep(600)') for $stuck, $obedient;
	sleeps($_) for $stuck, $obedient;
	stop_process($stuck->pid);
	like($admin->run("SELECT sessionctl.cancel_where($condition, timeout => '1 s')"),
		qr/^NOTICE:  matched 2: 1 cancelled, 1 still running\nWARNING:  1 session is still running .*^1\z/ms,
		'a notice, a warning, and the true count');
	like($obedient->answer, $cancelled, 'the other is cancelled');
	is($admin->run("SELECT sessionctl.cancel_where('pid = " . $stuck->pid . "', timeout => '0')"),
		'1', 'signalled is counted where nobody waits');
	continue_process($stuck->pid);
	like($stuck->answer, $cancelled, 'it obeys when it comes back');
	$_->quit for $stuck, $obedient;
};

subtest 'spared' => sub {
	my $boss = SessionctlTest::Session->new($node, app => 'victim');
	$boss->send('SELECT pg_sleep(600)');
	sleeps($boss);
	is($admin->run("SELECT sessionctl.cancel_where($condition)"),
		"NOTICE:  matched 1: 1 spared (superuser)\n" . hint_to_include('superusers') . "0", 'a superuser');
	is($admin->run("SELECT sessionctl.cancel_where($condition, include_superusers => true)"), '1', 'unless included');
	like($boss->answer, $cancelled, 'then it is cancelled');

	my $file = $node->data_dir . '/program.pid';
	$boss->send("CREATE TEMP TABLE t (a text); COPY t FROM PROGRAM 'echo \$\$ > $file; exec sleep 1000'");
	wait_for('the program', sub { -s $file });
	my ($program) = children_of($boss->pid);
	is($admin->run("SELECT sessionctl.cancel_where($condition, include_superusers => true)"), '1', 'a COPY FROM PROGRAM');
	wait_for('the program to end', sub { !is_running($program) });
	ok($boss->answer =~ /ERROR/ && $boss->lives, 'ends with its program, the session lives');
	$boss->quit;
};

done_testing();
