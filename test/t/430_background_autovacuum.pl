# include_background: autovacuum workers can be canceled and ended, and no other process without a client.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

# Who waits for an autovacuum worker cancels it by itself after deadlock_timeout, unless it prevents wraparound.
my $node = new_reaper_server('background_autovacuum', conf => "autovacuum_naptime = 1s\ndeadlock_timeout = '1 h'\n");
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
$admin->run('CREATE ROLE operator LOGIN');
$admin->run('GRANT pg_signal_backend TO operator') if $version >= 90600;

keep_autovacuum_busy($admin);

# The worker that is at it now, and comes again when the launcher starts the next. What it waits for in the first moment
# is over when it sleeps.
sub worker
{
	my $pid;
	my $at_work = q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'autovacuum: VACUUM%public.dirty%'};
	wait_for('an autovacuum worker', sub { ($pid) = $admin->run($at_work) =~ /\A(\d+)\z/ });
	return $pid;
}

sub on { my ($pid) = @_; return "'pid = $pid'" }

my $background = 'include_background => true';

subtest 'spared unless it is included' => sub {
	my $pid = worker();
	for my $more ('', ', include_superusers => true, include_replication => true')
	{
		is($admin->run("SELECT sessionctl.terminate_where(@{[ on($pid) ]}$more)"),
			"NOTICE:  matched 1: 1 spared (background process)\n" . hint_to_include('background') . "0", "spared$more");
	}
	is($admin->run("SELECT sessionctl.safe_count(@{[ on($pid) ]}, $background)"), '1', 'counted, without include_superusers');
	ok(is_running($pid), 'it goes on');
};

subtest 'nothing else is included' => sub {
	my $pid = worker();
	my %spared = map { my ($type, $outcome) = split /\|/, $_, 2; ($type => $outcome) } grep { /\|/ } split /\n/, $admin->run(qq{
		SELECT DISTINCT a.backend_type, p.outcome, p.detail
		FROM sessionctl.preview_where('true', include_superusers => true, include_replication => true, $background) AS p
		JOIN sessionctl.session_activity AS a USING (session_id)
		WHERE a.backend_type NOT IN ('client backend', 'autovacuum worker')});
	delete $spared{''};    # before 10
	ok(exists $spared{'pg_sessionctl reaper'}, 'our own worker is there') if $version >= 110000;
	ok(exists $spared{'autovacuum launcher'} && exists $spared{checkpointer}, 'and the server\'s') if $version >= 100000;
	is(join(', ', grep { $spared{$_} ne 'spared|not a client' } sort keys %spared), '', 'all are spared');
};

subtest 'a cancel is enough' => sub {
	my $pid = worker();
	my $waiter = SessionctlTest::Session->new($node);
	$waiter->send('BEGIN; LOCK TABLE dirty; SELECT 1');
	wait_for('the waiter', sub { $admin->run('SELECT blocked_by FROM sessionctl.session_activity WHERE pid = ' . $waiter->pid) eq "{$pid}" });
	is($admin->run('SELECT sessionctl.terminate_blockers(' . $waiter->pid . ')'),
		"NOTICE:  matched 1: 1 spared (background process)\n" . hint_to_include('background') . "0", 'the head of a queue is spared as well');
	my $position = log_position($node);
	is($admin->run("SELECT sessionctl.cancel_where(@{[ on($pid) ]}, reason => 'ticket', $background)"), '1', 'cancelled');
	is($waiter->answer, '1', 'its lock is free');
	like(log_since($node, $position), qr/ERROR:  canceling autovacuum task/, 'it was told so');
	like((audit_lines($node, $position))[0], qr/action=cancel result="cancelled" .*pid=$pid .*reason="ticket"/, 'the audit tells');
	$waiter->run('COMMIT');
	$waiter->send('BEGIN; SELECT 1');
	$pid = worker();
	$waiter->answer;
	$waiter->send('LOCK TABLE dirty; SELECT 2');
	wait_for('the waiter', sub { $admin->run('SELECT blocked_by FROM sessionctl.session_activity WHERE pid = ' . $waiter->pid) eq "{$pid}" });
	is($admin->run('SELECT sessionctl.terminate_blockers(' . $waiter->pid . ", $background)"), '1', 'ended as the head of a queue');
	is($waiter->answer, '2', 'and the next one has the lock');
	$waiter->quit;
};

subtest 'escalation and drain' => sub {
	my $pid = worker();
	like($admin->run("SELECT outcome, cancel_at IS NOT NULL, terminate_at IS NULL FROM sessionctl.escalate_report(@{[ on($pid) ]}, $background)"),
		qr/^cancelled\|t\|t$/m, 'the first step is enough');
	$pid = worker();
	my $answer = $admin->complaint("SELECT sessionctl.drain_where(@{[ on($pid) ]}, timeout => '300 ms', $background)");
	like($answer, qr/^WARNING:  01000: 1 session has not finished its transaction /m, 'a drain waits for its transaction');
	ok(is_running($pid), 'and leaves it alone when the time is over');
	is($admin->run("SELECT sessionctl.drain_where(@{[ on($pid) ]}, timeout => '300 ms', force => true, $background)"), '1', 'unless forced');
	wait_for('its process to end', sub { !is_running($pid) });
};

subtest 'which roles may' => sub {
	plan skip_all => 'pg_signal_backend is 9.6' if $version < 90600;
	my $pid = worker();
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	is($operator->run("SELECT sessionctl.cancel_where(@{[ on($pid) ]}, $background)"), "NOTICE:  matched 1: 1 denied\n0", 'not pg_signal_backend');
	is($operator->run("SELECT protection FROM sessionctl.session_activity WHERE pid = $pid"), 'permission denied', 'nor is it told what it is');
	if ($version >= 180000)
	{
		$admin->run('REVOKE pg_signal_backend FROM operator; GRANT pg_signal_autovacuum_worker TO operator');
		is($operator->run("SELECT sessionctl.terminate_where(@{[ on($pid) ]}, $background)"), '1', 'but pg_signal_autovacuum_worker');
	}
	$operator->quit;
};

done_testing();
