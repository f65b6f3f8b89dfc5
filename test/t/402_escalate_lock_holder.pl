# escalate_report and locks that outlive transactions: a lock holder that blocks others is acted on, idle or not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use SessionctlTest;
use Test::More;

my $node = new_lock_server('escalate_locks');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN');
my $steps = q{concat_ws(' ', CASE WHEN cancel_at IS NOT NULL THEN 'cancel' END, CASE WHEN terminate_at IS NOT NULL THEN 'terminate' END)};

# pid, outcome and steps of one report, without notices.
sub escalate
{
	my ($condition, $options, $by) = @_;
	my $answer = ($by || $admin)->run("SELECT pid, outcome, $steps FROM sessionctl.escalate_report(\$\$$condition\$\$$options)");
	return map { /^(\d+)\|(.*)/ ? ($1 => $2) : () } split /\n/, $answer;
}

subtest 'idle, with an advisory lock that others wait for' => sub {
	my ($holder, $waiter, $idle) = map { session($node, app => $_) } qw(holder waiter holder);
	$holder->run('SELECT pg_advisory_lock(1)');
	$idle->run('SELECT pg_advisory_lock(2)');
	waits($admin, $waiter, 'SELECT pg_advisory_lock(1)');
	is_deeply({ escalate(q{blocking_count > 0 and blocked_by = '{}'}, q{, step => '1 h'}) }, { $holder->pid => 'terminated|terminate' },
		'who matched because it blocks is terminated, at once');
	is($waiter->answer, '', 'and the waiter has the lock');
	is_deeply({ escalate(q{application_name = 'holder'}, '') }, { $idle->pid => 'not running|' }, 'whose lock nobody wants is in nobody\'s way');
	ok($idle->lives, 'and lives');
	all_end($admin);
};

subtest 'idle after its statement was cancelled' => sub {
	my ($holder, $waiter, $other) = map { session($node, app => $_) } qw(holder waiter holder);
	$holder->run('SELECT pg_advisory_lock(1)');
	$_->send('SELECT pg_sleep(600)') for $holder, $other;
	waits($admin, $waiter, 'SELECT pg_advisory_lock(1)');
	wait_for('their statements', sub { shown($admin, $holder, 'state') . shown($admin, $other, 'state') eq 'activeactive' });
	is_deeply({ escalate(q{application_name = 'holder'}, q{, step => '1 s'}) },
		{ $holder->pid => 'terminated|cancel terminate', $other->pid => 'cancelled|cancel' }, 'is not out of the way');
	like($other->answer, qr/^ERROR:  canceling statement/m, 'a session that blocks nobody is canceled');
	ok($other->lives, 'and lives');
	$waiter->answer;
	all_end($admin);
};

subtest 'a client that lets go in time keeps its session' => sub {
	my ($holder, $waiter) = map { session($node, app => $_) } qw(holder waiter);
	my $caller = SessionctlTest::Session->new($node);
	$holder->run('SELECT pg_advisory_lock(1)');
	$holder->send('SELECT pg_sleep(600)');
	waits($admin, $waiter, 'SELECT pg_advisory_lock(1)');
	wait_for('its statement', sub { shown($admin, $holder, 'state') eq 'active' });
	$caller->send("SELECT outcome, $steps FROM sessionctl.escalate_report(\$\$application_name = 'holder'\$\$, step => '1 h')");
	like($holder->answer, qr/^ERROR:  canceling statement/m, 'it is cancelled');
	$holder->run('SELECT pg_advisory_unlock(1)');
	is($caller->answer, 'cancelled|cancel', 'and has obeyed when it has released its lock');
	ok($holder->lives, 'lives');
	$caller->quit;
	all_end($admin);
};

$admin->quit;
done_testing();
