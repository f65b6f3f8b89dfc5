# A caller is terminated while it waits: the audit is still written, although no destructor runs. A temporary table in the
# session aborts the transaction before our exit callback runs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('caller_ended');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN');
my $start = $admin->run('SELECT pg_postmaster_start_time()');

for my $prelude ('SELECT 1', 'CREATE TEMPORARY TABLE scratch AS SELECT 1 AS one')
{
	my $caller = SessionctlTest::Session->new($node);
	my $stuck = SessionctlTest::Session->new($node, user => 'app', app => 'stuck');
	my $obedient = SessionctlTest::Session->new($node, user => 'app', app => 'stuck');
	# The library and its exit callback come first, then whatever the session registers after them.
	$caller->run(q{SELECT sessionctl.terminate_where('false')});
	$caller->run($prelude);
	my $position = log_position($node);
	stop_process($stuck->pid);
	$caller->send(q{SELECT sessionctl.terminate_where($$application_name = 'stuck'$$, timeout => '1 h', reason => 'told')});
	wait_for('the signal', sub { !is_running($obedient->pid) });
	$admin->run('SELECT pg_terminate_backend(' . $caller->pid . ')');
	wait_for('the caller to end', sub { !is_running($caller->pid) });
	my @lines = grep { /usename="app" datname="postgres" application_name="stuck"/ } audit_lines($node, $position);
	is(scalar @lines, 2, "$prelude: a line for each session");
	is((grep { / pid=${\ $stuck->pid} .* reason="told"\z/ && /result="signalled"/ } @lines), 1, 'the survivor was signalled');
	continue_process($stuck->pid);
	wait_for('the survivor to obey', sub { !is_running($stuck->pid) });
	is($admin->run('SELECT pg_postmaster_start_time()'), $start, 'the server has not restarted');
	ok($admin->lives, 'no session was lost');
	$_->quit for $caller, $stuck, $obedient;
}

$admin->quit;
done_testing();
