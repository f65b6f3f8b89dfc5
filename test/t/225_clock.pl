# The wall clock jumps: no session is ended early, and sessions over a limit are still ended.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

# The whole server lives in faked time, except for its monotonic clock.
my ($library) = glob '/usr/lib*/{*/,}faketime/libfaketime.so.1';
plan skip_all => 'libfaketime (the package faketime) is not installed' if !$library;

my $node = new_node('clock');
init_node($node);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_sessionctl'\nlog_line_prefix = '%m %c [%p] '\n");
my $clock = $node->basedir . '/clock';

sub set_clock
{
	my ($offset) = @_;
	open my $file, '>', "$clock.new" or die $!;
	print $file "$offset\n";
	close $file;
	rename "$clock.new", $clock or die $!;
	return;
}

set_clock('+0');
{
	local $ENV{LD_PRELOAD} = join ' ', grep { $_ } $ENV{LD_PRELOAD}, $library;
	local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
	local $ENV{FAKETIME_NO_CACHE} = 1;
	local $ENV{DONT_FAKE_MONOTONIC} = 1;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION pg_sessionctl; CREATE ROLE app LOGIN; CREATE ROLE patient LOGIN');
my $admin = SessionctlTest::Session->new($node);
my $limit = 'pg_sessionctl.idle_in_transaction_timeout';
$admin->run("ALTER ROLE app SET $limit = '500 ms'; ALTER ROLE patient SET $limit = '10 min'");
$admin->run("ALTER ROLE patient SET pg_sessionctl.transaction_timeout = '10 min'");
$admin->run("ALTER ROLE patient SET pg_sessionctl.idle_session_timeout = '10 min'");

# The server's clock in minutes from ours.
sub minutes_ahead
{
	return sprintf '%.0f', $admin->run(q{SELECT extract(epoch FROM clock_timestamp()) / 60}) - time / 60;
}

sub idler
{
	my ($role) = @_;
	my $session = SessionctlTest::Session->new($node, user => $role);
	$session->run('BEGIN');
	return $session;
}

sub reaper
{
	my ($not) = @_;
	my $pid;
	wait_for('the reaper', sub {
		$pid = $admin->run('SELECT pid FROM sessionctl.reaper_status');
		return $pid =~ /^\d+\z/ && $pid ne ($not || '');
	});
	return $pid;
}

# Up to 15 the postmaster starts its workers in a signal handler. Where that breaks into a select() the library fakes
# nothing in the new process, ever: such a reaper is replaced until there is one that shares the time of all.
set_clock('+3600');
plan skip_all => 'this server does not obey libfaketime (a wrapper that preloads something else?)' if minutes_ahead() != 60;
wait_for('a reaper in faked time', sub {
	my $pid = reaper();
	my $victim = idler('app');
	reaped($victim);
	$victim->quit;
	return 1 if $admin->run(q{SELECT max(acted_at) > clock_timestamp() - interval '10 min' FROM sessionctl.session_audit}) eq 't';
	$admin->run("SELECT pg_terminate_backend($pid)");
	return !reaper($pid);
});
set_clock('+0');
wait_for('the time of day', sub { minutes_ahead() == 0 });

for my $jump ([ '+3600', 60 ], [ '+0', 0 ], [ '-3600', -60 ], [ '-7200', -120 ], [ '+0', 0 ])
{
	my ($offset, $minutes) = @$jump;
	subtest "a jump to $minutes minutes from now" => sub {
		my $reaper = reaper();
		my @patient = (idler('patient'), SessionctlTest::Session->new($node, user => 'patient'));
		# It is idle before the jump, and not yet due: the reaper is stopped until the clock has jumped.
		stop_process($reaper);
		my $due = idler('app');
		set_clock($offset);
		wait_for('the jump', sub { minutes_ahead() == $minutes });
		continue_process($reaper);
		is(reaped($due), 'idle_in_transaction_timeout', 'a session that was idle before the jump is ended');
		for (1 .. 2)
		{
			my $next = idler('app');
			is(reaped($next), 'idle_in_transaction_timeout', 'a session that is idle after the jump is ended');
			$next->quit;
		}
		ok(is_running($_->pid), 'a session with a limit of ten minutes stays') for @patient;
		is($admin->run("SELECT count(*) FROM pg_stat_activity WHERE pid = $reaper"), '1', 'so does the reaper');
		$_->quit for $due, @patient;
	};
}

subtest 'a jump while the reaper sleeps' => sub {
	for my $offset ('+3600', '-3600', '+0')
	{
		my @patient = (idler('patient'), SessionctlTest::Session->new($node, user => 'patient'));
		my $seen = idler('app');
		is(reaped($seen), 'idle_in_transaction_timeout', 'they are known');
		set_clock($offset);
		wait_for('the jump', sub { sprintf('%+d', minutes_ahead() * 60) eq $offset });
		my $next = idler('app');
		is(reaped($next), 'idle_in_transaction_timeout', "after a jump to $offset seconds who is due is ended");
		ok(is_running($_->pid), 'and no other') for @patient;
		$_->quit for $seen, $next, @patient;
	}
};

done_testing();
