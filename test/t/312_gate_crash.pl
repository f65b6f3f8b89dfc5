# A lockdown of the server survives a restart and a crash, one that fails is undone, and it can be ended without a login.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('crash', init => { allows_streaming => 1 }, conf => "restart_after_crash = on\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE boss LOGIN SUPERUSER');
my $refused = 'FATAL 57P03 the server is locked down Locked by role "postgres" until it is unlocked';

sub lock_down { my ($arguments) = @_; return $admin->run('SELECT sessionctl.lockdown_server(' . ($arguments || '') . ')') }
sub unlock { return $admin->run('SELECT sessionctl.unlock_server()') }
sub reconnect { eval { $admin->quit }; return $admin = SessionctlTest::Session->new($node) }
sub restart { $admin->quit; $node->restart; return reconnect() }

sub write_gate_file
{
	my ($text) = @_;
	open my $file, '>:raw', gate_file($node) or die $!;
	print $file $text;
	return close $file;
}

sub is_as_locked
{
	my ($name) = @_;
	is(log_in($node, 'other'), "$refused: ticket 4711", "$name: closed, and says why");
	is(log_in($node, 'app'), 'in', "$name: to who is allowed it is open");
	return is(log_in($node, 'boss'), 'in', "$name: and to superusers");
}

subtest 'a restart' => sub {
	lock_down(q{allow_roles => '{app}', reason => 'ticket 4711'});
	like(read_file(gate_file($node)), qr/\Apg_sessionctl gate 1\n# .*\nby "postgres"\nreason "ticket 4711"\nallow_role \d+\nend\n\z/s, 'the file is for people');
	restart();
	is_as_locked('fast');
	$node->stop('immediate');
	$node->start;
	reconnect();
	is_as_locked('immediate');
};

subtest 'a crash of a session' => sub {
	my $position = log_position($node);
	my $victim = SessionctlTest::Session->new($node, user => 'app');
	kill 'KILL', $victim->pid or die $!;
	wait_for_log($node, $position, qr/all server processes terminated; reinitializing/);
	wait_for_log($node, $position, qr/database system is ready to accept connections/);
	reconnect();
	is_as_locked('after it');
	$victim->quit;
};

subtest 'kill -9 of the postmaster' => sub {
	wait_until_gone($node, kill_server($node));
	$node->start;
	reconnect();
	is_as_locked('after it');
	is(unlock(), 't', 'unlocked');
	restart();
	is(log_in($node, 'other'), 'in', 'unlocked, it stays so');
};

subtest 'ways out without a login' => sub {
	lock_down('include_superusers => true');
	is(log_in($node, 'boss'), $refused . '.', 'nobody gets in');
	$admin->quit;
	$node->stop;
	unlink gate_file($node) or die $!;
	$node->start;
	reconnect();
	is(log_in($node, 'other'), 'in', 'the file removed, all get in');
	is(unlock(), "NOTICE:  the server is not locked down\nf", 'as if nothing had been');

	lock_down('include_superusers => true');
	$admin->quit;
	$node->append_conf('postgresql.conf', "pg_sessionctl.gate = off\n");
	$node->restart;
	reconnect();
	is(log_in($node, 'other'), 'in', 'the setting off, all get in');
	is(unlock(), 't', 'and can unlock');
	$node->append_conf('postgresql.conf', "pg_sessionctl.gate = on\n");
	restart();
	is(log_in($node, 'other'), 'in', 'for good');
};

subtest 'an until that has passed' => sub {
	lock_down(q{until => clock_timestamp() + '1 h'});
	$admin->quit;
	$node->stop;
	my $position = log_position($node);
	(my $text = read_file(gate_file($node))) =~ s/^until .*$/until 2020-01-01 00:00:00.000000 UTC/m or die;
	write_gate_file($text);
	$node->start;
	reconnect();
	is(log_in($node, 'other'), 'in', 'it is open');
	ok(!-e gate_file($node), 'and the file gone');
	like(log_since($node, $position), qr/ action=unlock_server result="open, its time is over" /, 'the log says so');
};

subtest 'a damaged file' => sub {
	for my $text ('', "pg_sessionctl gate 1\n", "pg_sessionctl gate 2\nend\n", "\0" x 100, 'x' x 100_000)
	{
		$admin->quit;
		$node->stop;
		write_gate_file($text);
		my $position = log_position($node);
		$node->start;
		reconnect();
		is(log_in($node, 'other'), 'FATAL 57P03 the server is locked down Locked until it is unlocked: the file "pg_sessionctl.gate" is damaged', 'closed');
		like(log_since($node, $position), qr/WARNING:  lockdown file "pg_sessionctl\.gate" is damaged.*\n.*DETAIL:  Only superusers.*\n.*HINT:  /, 'the log says why, and what to do');
		is(unlock(), 't', 'a superuser unlocks');
		ok(!-e gate_file($node), 'the file is gone');
	}
};

subtest 'a file that can\'t be written' => sub {
	mkdir gate_file($node) . '.new' or die $!;
	like($admin->complaint('SELECT sessionctl.lockdown_server()'),
		qr/^WARNING:  \w{5}: could not \w+ file "pg_sessionctl\.gate": File exists\nDETAIL:  The server is locked down, but a restart or a crash opens it\.\nHINT:  /,
		'is a warning');
	is(log_in($node, 'other'), $refused . '.', 'and the server closed');
	is(unlock(), 't', 'until it is unlocked');
	rmdir gate_file($node) . '.new' or die $!;
};

# A lockdown under way that ends nobody: the session that it waits for won't go.
sub unfinished
{
	my (%with) = @_;
	my $victim = SessionctlTest::Session->new($node, user => 'app');
	stop_process($victim->pid);
	my $caller = SessionctlTest::Session->new($node, user => 'boss');
	$caller->send(q{SELECT sessionctl.lockdown_server(timeout => '10 min', reason => 'unfinished')});
	# No log_in: one that got in just before would be ended and counted, too.
	wait_for('the gate to close', sub { -e gate_file($node) && read_file(gate_file($node)) =~ /unfinished/ });
	wait_for_sigterm($victim->pid);
	return ($caller, $victim);
}

sub continue_victim
{
	my ($victim) = @_;
	continue_process($victim->pid);
	return $victim->quit;
}

subtest 'a call that fails is undone' => sub {
	for my $before ('open', 'closed')
	{
		for my $how (qw(cancel terminate))
		{
			lock_down(q{allow_roles => '{app}', reason => 'ticket 4711'}) if $before eq 'closed';
			my $file = $before eq 'closed' ? read_file(gate_file($node)) : '';
			my $position = log_position($node);
			my ($caller, $victim) = unfinished();
			$admin->run("SELECT pg_${how}_backend(" . $caller->pid . ')');
			my $answer = $caller->answer;
			like($answer, $how eq 'cancel' ? qr/^ERROR:  canceling statement/m : qr/^FATAL:  terminating connection/m, "$before, $how: the call ends");
			$caller->quit;
			continue_victim($victim);
			is(log_in($node, 'other'), $before eq 'closed' ? "$refused: ticket 4711" : 'in', 'the gate is as before');
			is(-e gate_file($node) ? read_file(gate_file($node)) : '', $file, 'and its file');
			is((grep { /result="undone, $before( as before)?" .*reason="unfinished"\z/ } gate_lines($node, $position)), 1, 'the log says so');
			unlock() if $before eq 'closed';
		}
	}
};

subtest 'statement_timeout' => sub {
	my $victim = SessionctlTest::Session->new($node, user => 'app');
	stop_process($victim->pid);
	like($admin->run(q{BEGIN; SET LOCAL statement_timeout = '500 ms'; SELECT sessionctl.lockdown_server(timeout => '1 min'); COMMIT}),
		qr/^NOTICE:  matched 1: 1 still running\nWARNING:  1 session is still running.*^0\z/ms, 'does not undo a lockdown');
	is(log_in($node, 'other'), $refused . '.', 'it is closed');
	unlock();
	continue_victim($victim);
};

subtest 'another session changes the gate meanwhile' => sub {
	my ($caller, $victim) = unfinished();
	is(unlock(), 't', 'unlocks');
	continue_victim($victim);
	like($caller->answer, qr/^WARNING:  another session locked or unlocked the server concurrently.*^1\z/ms, 'the call says so');
	is(log_in($node, 'other'), 'in', 'it is open');
	$caller->quit;

	($caller, $victim) = unfinished();
	lock_down(q{allow_roles => '{app}', reason => 'ticket 4711'});
	$admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')');
	$caller->answer;
	is_as_locked('what another one locked is not undone');
	unlock();
	$caller->quit;
	continue_victim($victim);
};

subtest 'a standby' => sub {
	my $standby = new_standby($node);
	my $there = SessionctlTest::Session->new($standby);
	my $app = SessionctlTest::Session->new($standby, user => 'app');
	is($there->run('SELECT pg_is_in_recovery(), sessionctl.lockdown_server()'), 't|1', 'is locked down, and emptied');
	is(log_in($standby, 'other'), $refused . '.', 'refused there');
	is(log_in($node, 'other'), 'in', 'not on the primary');
	$there->quit;
	$standby->restart;
	$there = SessionctlTest::Session->new($standby);
	is(log_in($standby, 'other'), $refused . '.', 'after a restart, too');
	lock_down('include_superusers => true');
	$admin->run('CREATE TABLE streamed (a int)');
	wait_for('replication', sub { $there->run(q{SELECT to_regclass('streamed') IS NOT NULL}) eq 't' });
	is(unlock(), 't', 'a locked primary feeds its standby');
	is($there->run('SELECT sessionctl.unlock_server()'), 't', 'unlocked');
	is(log_in($standby, 'other'), 'in', 'and open');
	$_->quit for $there, $app;
	$standby->stop;
};

$admin->quit;
done_testing();
