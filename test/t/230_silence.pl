# Sessions shown as active that wait for their client in the middle of a statement, for which PostgreSQL has no limit; and
# sessions that only look like them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;
use Time::HiRes qw(time usleep);

plan skip_all => 'client_silence_timeout needs Linux' if $^O ne 'linux';

my $node = new_reaper_server('silence', conf => "listen_addresses = '127.0.0.1'\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE calm LOGIN; CREATE ROLE app LOGIN; CREATE ROLE slow LOGIN');
$admin->run('CREATE TABLE sink (a text); GRANT ALL ON sink TO PUBLIC');
my $seconds = 2;
$admin->run(q{ALTER ROLE app SET pg_sessionctl.client_silence_timeout = '500 ms'});
$admin->run("ALTER ROLE slow SET pg_sessionctl.client_silence_timeout = '$seconds s'");
my $rule = 'client_silence_timeout';
my $big = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)";

sub shows
{
	my ($session, $column) = @_;
	return $admin->run("SELECT $column FROM pg_stat_activity WHERE pid = " . $session->pid);
}

sub wait_until_it_waits
{
	my ($session, $event) = @_;
	return wait_for("$event", sub { shows($session, q{state || ' ' || coalesce(wait_event, '')}) eq "active $event" });
}

# How a session falls silent in the middle of a statement.
my %silences = (
	'an open extended-protocol transaction without Sync' => sub {
		my ($session) = @_;
		$session->query('BEGIN')->expect('Z');
		$session->extended('SELECT 1')->expect('C');
		return 'ClientRead';
	},
	'a statement of the extended protocol outside a transaction, without Sync' => sub {
		my ($session) = @_;
		$session->extended('SELECT 1')->expect('C');
		return 'ClientRead';
	},
	'a stalled COPY FROM STDIN' => sub {
		my ($session) = @_;
		$session->query('COPY sink FROM STDIN')->expect('G');
		$session->send(d => "one\n");
		return 'ClientRead';
	},
	'a COPY FROM STDIN stalled in the middle of a message' => sub {
		my ($session) = @_;
		$session->query('COPY sink FROM STDIN')->expect('G');
		$session->write_bytes('d' . pack('N', 1000) . 'half a row');
		return 'ClientRead';
	},
	'a client that stopped reading' => sub {
		my ($session) = @_;
		$session->query($big)->expect('D');
		return 'ClientWrite';
	});

sub silent
{
	my ($what, %with) = @_;
	my $session = RawSession->new($node, %with);
	my $event = $silences{$what}->($session);
	return ($session, $event);
}

my @ways = ([ 'a Unix socket', 0 ], [ 'TCP', 1 ]);

for my $way (@ways)
{
	my ($name, $tcp) = @$way;
	for my $what (sort keys %silences)
	{
		subtest "$what, over $name" => sub {
			my ($calm, $event) = silent($what, user => 'calm', tcp => $tcp);
			wait_until_it_waits($calm, $event);
			my ($victim) = silent($what, user => 'app', tcp => $tcp);
			is(reaped($victim), $rule, 'is ended');
			my ($line) = grep { /pid=${\ $victim->pid} / } audit_lines($node, $victim->{log_position});
			like($line, qr/reason="The session waited for its client, in the middle of a statement, for .*\(pg_sessionctl\.$rule is 500 ms\)\."/,
				'and the account tells why');
			my $code = $victim->ended_with;
			is($code, '57P01', 'and told so') if $event eq 'ClientRead';
			is(shows($calm, 'state'), 'active', 'without the limit it is not');
			$_->quit for $victim, $calm;
		};
	}
}

subtest 'other limits do not see it' => sub {
	$admin->run("ALTER ROLE calm SET pg_sessionctl.$_ = '300 ms'")
	  for qw(idle_in_transaction_timeout idle_in_transaction_blocking_timeout idle_session_timeout);
	my ($calm) = silent('a stalled COPY FROM STDIN', user => 'calm');
	my ($victim) = silent('a stalled COPY FROM STDIN', user => 'app');
	is(reaped($victim), $rule, 'only this one');
	is(shows($calm, 'state'), 'active', 'it is active');
	$admin->run("ALTER ROLE calm RESET pg_sessionctl.$_")
	  for qw(idle_in_transaction_timeout idle_in_transaction_blocking_timeout idle_session_timeout);
	$_->quit for $calm, $victim;
};

subtest 'not in the middle of a statement' => sub {
	my ($idle, $inside, $busy) = map { RawSession->new($node, user => 'app') } 1 .. 3;
	$inside->query('BEGIN')->expect('Z');
	$busy->query('SELECT pg_sleep(600)');
	my ($victim) = silent('a stalled COPY FROM STDIN', user => 'app');
	is(reaped($victim), $rule, 'when others are ended');
	$_->query('SELECT 1')->expect('Z') for $idle, $inside;
	pass('who is idle is not');
	is(shows($busy, 'state'), 'active', 'nor who is at work');
	$admin->run('SELECT pg_terminate_backend(' . $busy->pid . ')');
	$_->quit for $idle, $inside, $busy, $victim;
};

# Does something now and then until another session, silent all the time with the same limit, is ended, and a second one
# after it; was there never a pause as long as the limit? A machine that stood still meanwhile proves nothing.
sub moves_on
{
	my ($session, $move) = @_;
	my ($longest, $last) = (0, time);
	for (1 .. 2)
	{
		my ($control) = silent('a stalled COPY FROM STDIN', user => 'slow');
		while (is_running($session->pid) && is_running($control->pid))
		{
			my $began = $last;
			$last = time;
			eval { $move->($session); 1 } or last;
			$longest = time - $began if time - $began > $longest;
			usleep($seconds / 8 * 1_000_000);
		}
		$control->quit;
	}
	return $longest < $seconds / 2;
}

# A session that began so, and still lives after it has moved on without a pause.
sub lives_on
{
	my ($tcp, $begin, $move) = @_;
	my $session;
	wait_for('a try without a pause', sub {
		$session->quit if $session;
		$session = RawSession->new($node, user => 'slow', tcp => $tcp);
		$begin->($session);
		return moves_on($session, $move);
	});
	return $session;
}

for my $way (@ways)
{
	my ($name, $tcp) = @$way;
	subtest "a slow but living client, over $name" => sub {
		my $copy = lives_on($tcp, sub { $_[0]->query('COPY sink FROM STDIN')->expect('G') }, sub { $_[0]->send(d => "row\n") });
		$copy->send(c => '');
		like($copy->expect('C'), qr/^COPY \d+\0\z/, 'a COPY with a row now and then comes to its end');
		$copy->quit;

		my $pipeline = lives_on($tcp, sub { $_[0]->query('BEGIN')->expect('Z') }, sub { $_[0]->extended('SELECT 1')->expect('C') });
		$pipeline->send(S => '')->expect('Z');
		pass('so does a transaction with a statement now and then');
		$pipeline->quit;

		my $reader = lives_on($tcp, sub { $_[0]->query("SELECT repeat('x', 100000) FROM generate_series(1, 2000)")->expect('D') },
			sub { $_[0]->expect('D') for 1 .. 10 });
		$reader->expect('Z');
		pass('and who reads slowly');
		$reader->quit;
	};

	subtest "a stopped process with data waiting for it, over $name" => sub {
		my $session = RawSession->new($node, user => 'app', tcp => $tcp);
		$session->query('COPY sink FROM STDIN')->expect('G');
		stop_process($session->pid);
		$session->send(d => "row\n", c => '');
		for (1 .. 2)
		{
			my ($control) = silent('a stalled COPY FROM STDIN', user => 'app', tcp => $tcp);
			is(reaped($control), $rule, 'others are ended');
			$control->quit;
		}
		continue_process($session->pid);
		like($session->expect('C'), qr/^COPY 1\0\z/, 'goes on once it is resumed');
		$session->quit;
	};

	subtest "a process that was just resumed, over $name" => sub {
		# The reaper looks ten times a limit. Who begins anew has the whole limit after it was resumed: a try in which
		# the machine took longer proves nothing.
		my ($session, $answer);
		wait_for('a quick try', sub {
			$session->quit if $session;
			($session) = silent('an open extended-protocol transaction without Sync', user => 'slow', tcp => $tcp);
			stop_process($session->pid);
			my ($control) = silent('a stalled COPY FROM STDIN', user => 'slow', tcp => $tcp);
			is(reaped($control), $rule, 'others are ended');
			$control->quit;
			my $wakeups = $admin->run('SELECT wakeups FROM sessionctl.reaper_status');
			my $resumed = time;
			continue_process($session->pid);
			wait_for('two looks at it', sub {
				$admin->run('SELECT wakeups FROM sessionctl.reaper_status') >= $wakeups + 2;
			});
			$answer = eval { $session->send(S => '')->expect('Z') };
			return time - $resumed < $seconds;
		});
		is($answer, 'T', 'is still there and goes on');
		$session->quit;
	};
}

done_testing();
