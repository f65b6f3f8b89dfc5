# Many that exit at once wait for each other at the locks that an exit needs: a call that waits there, too, comes back late.
# Here one process holds such a lock as long as a call lasts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $is_linux = $^O eq 'linux';
my $start = sub { boundary_node('locks_of_exits') };
my ($signal, $node) = $is_linux ? with_held_signal($start) : (undef, $start->());
my $admin = bystander($node);
$admin->run('CREATE EXTENSION pg_sessionctl; CREATE ROLE app LOGIN');
my $file = $node->data_dir . '/held';
my $is_victim = q{usename = 'app'};

sub victims { return map { SessionctlTest::Session->new($node, user => 'app') } 1 .. 3 }

sub hold
{
	my ($holder, $lock, $until_gone) = @_;
	$until_gone ||= $file;
	write_file($until_gone, '');
	$holder->send("SELECT sessionctl_test.hold_lock('$lock', '$until_gone')");
	wait_for("$lock to be held", sub { read_file($until_gone) eq 'x' });
	return;
}

sub let_go
{
	my ($holder, $until_gone) = @_;
	unlink $until_gone || $file or die $!;
	$holder->answer;
	return;
}

sub wait_until_there_is_none
{
	return wait_for('the victims to be gone', sub { $admin->run("SELECT sessionctl.safe_count(\$\$$is_victim\$\$)") =~ /^0$/m });
}

# They have left the session table, and cannot leave the process array.
subtest 'the proof' => sub {
	my ($caller, $holder) = map { SessionctlTest::Session->new($node) } 1 .. 2;
	my @victims = victims();
	stop_process($_->pid) for @victims;
	$caller->send("SELECT sessionctl.terminate_where(\$\$$is_victim\$\$, timeout => '10 s')");
	wait_for_sigterm($_->pid) for @victims;
	hold($holder, 'ProcArrayLock');
	continue_process($_->pid) for @victims;
	my $answer = $caller->answer;
	let_go($holder);
	like($answer, qr/^0$/m, 'the call comes back while the lock is held, and counts nobody who is still there');
	like($answer, qr/3 still running/, 'they are still running');
	wait_until_there_is_none();
};

# Signalled, the victims wait for it on their way out; chosen and looked at, nobody needs it.
my %call = (
	(map { $_ => "sessionctl.$_(%s, timeout => '2 s')" } qw(terminate_where cancel_where drain_where)),
	escalate_report => "count(*) FILTER (WHERE outcome <> 'not running') FROM sessionctl.escalate_report(%s, step => '2 s')");
for my $function (sort keys %call)
{
	subtest $function => sub {
		my ($caller, $holder) = map { SessionctlTest::Session->new($node) } 1 .. 2;
		my @victims = victims();
		$caller->run("SELECT sessionctl.$function('pid = 0')");    # the catalog is read
		hold($holder, 'SInvalWriteLock');
		my $answer = $caller->run(sprintf "SELECT $call{$function}", "\$\$$is_victim\$\$");
		let_go($holder);
		like($answer, qr/^0$/m, 'comes back while the lock is held');
		$_->quit for @victims;
		wait_until_there_is_none();
	};
}

# What waits behind a session is looked up anew after a second. Those that were signalled before may queue there by then.
subtest 'the evidence' => sub {
	plan skip_all => 'signals are held with a library for Linux' if !$is_linux;
	my ($caller, $holder) = map { SessionctlTest::Session->new($node) } 1 .. 2;
	my @victims = victims();
	write_file($signal, '');
	$caller->send("SELECT sessionctl.terminate_where(\$\$$is_victim\$\$, timeout => '10 s')");
	wait_for('the first signal', sub { -e "$signal.held" });
	my $began = time;
	wait_for('more than a second to be over', sub { time > $began + 1.1 });
	hold($holder, 'LockManager');
	unlink "$signal.held" or die $!;
	my $answer = $caller->answer;
	let_go($holder);
	like($answer, qr/^3$/m, 'does not keep the call');
	$_->quit for @victims;
};

# It has left the session table, and is stopped before it leaves the process array.
sub one_on_its_way_out
{
	my ($preloaded, $dba) = @_;
	my ($leaving, $holder) = map { SessionctlTest::Session->new($preloaded, user => $_) } 'app', 'postgres';
	my ($pid, $held) = ($leaving->pid, $preloaded->data_dir . '/held');
	begin($preloaded, $leaving, 'SELECT pg_sleep(600)');
	hold($holder, 'ProcArrayLock', $held);
	my $position = log_position($preloaded);
	kill 'TERM', $pid;
	wait_for_log($preloaded, $position, qr/FATAL:  terminating connection/);
	stop_process($pid);
	let_go($holder, $held);
	$holder->quit;
	return $pid if $dba->run("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0';
	continue_process($pid);
	return;
}

subtest 'the sweep of a role that lost LOGIN' => sub {
	my $preloaded = boundary_node('leaving', q{shared_preload_libraries = 'pg_sessionctl'}, q{pg_sessionctl.terminate_on_login_revoked = on});
	my $dba = SessionctlTest::Session->new($preloaded);
	$dba->run('CREATE EXTENSION pg_sessionctl; CREATE ROLE app LOGIN');
	my $staying = SessionctlTest::Session->new($preloaded, user => 'app');
	my $leaving;
	wait_for('one on its way out', sub { $leaving = one_on_its_way_out($preloaded, $dba) });
	my $position = log_position($preloaded);
	$dba->run('ALTER ROLE app NOLOGIN');
	wait_for('the other one to be ended', sub { !is_running($staying->pid) });
	continue_process($leaving);
	wait_for('the record', sub { audit_lines($preloaded, $position) });
	is(join("\n", grep { / pid=$leaving / } audit_lines($preloaded, $position)), '', 'who was on his way out is not said to be ended');
	$preloaded->stop;
};

done_testing();
