# drain_where and what clients send and read: pipelines, COPY, slow clients, and the statement after the transaction.

use strict;
use warnings;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/../lib";
use DrainTest;
use SessionctlTest;
use Test::More;

sub test_protocol
{
	subtest 'a pipeline without Sync' => sub {
		fresh();
		my $raw = raw();
		$raw->extended('INSERT INTO done VALUES (1)')->expect('C');
		begin_drain();
		$raw->extended('INSERT INTO done VALUES (2)')->expect('C');
		pass('goes on');
		$raw->send(S => '')->expect('Z');
		pass('its Sync is answered');
		is($raw->ended_with, '57P01', 'then it ends');
		is($drainer->answer, '2', 'the count');
		is(done(), '2', 'what it did is there');
	};

	# An error outside of a transaction disarms all timeouts of its session.
	subtest 'an error that follows the COMMIT at once' => sub {
		fresh();
		my $raw = raw();
		$raw->query('BEGIN')->expect('Z');
		$raw->query('INSERT INTO done VALUES (1)')->expect('Z');
		begin_drain();
		$raw->send(Q => "COMMIT\0", B => "\0nobody\0" . "\0" x 6, S => '')->expect('C');
		is($raw->ended_with, '57P01', 'it ends all the same');
		is($drainer->answer, '2', 'in time');
		is(done(), '1', 'what was committed is there');
	};

	subtest 'a procedure in a pipeline' => sub {
		plan skip_all => 'procedures came with 11' if $version < 110000;
		fresh();
		my $raw = raw();
		$admin->run('SELECT pg_advisory_lock(4711)');
		$raw->extended('CALL steps()');
		wait_for_lock($raw);
		begin_drain();
		$admin->run('SELECT pg_advisory_unlock(4711)');
		$raw->expect('C');
		$raw->extended('INSERT INTO done VALUES (12)')->expect('C');
		$raw->send(S => '')->expect('Z');
		is($raw->ended_with, '57P01', 'ends after its Sync');
		is($drainer->answer, '2', 'the count');
		is(done(), '12', 'what followed on the last commit inside is there, too');
	};

	subtest 'COPY FROM STDIN' => sub {
		fresh();
		my $raw = raw();
		$raw->query('COPY done FROM STDIN')->expect('G');
		$raw->send(d => "1\n");
		begin_drain();
		$raw->send(d => "2\n", c => '')->expect('Z');
		is($raw->ended_with, '57P01', 'ends after it');
		is($drainer->answer, '2', 'the count');
		is(done(), '2', 'all rows are there');
	};

	# TCP resets a connection that is closed while there is something to read, and what has not been sent yet is lost.
	# Several, for each may see the signal or the statement first.
	subtest 'idle sessions whose clients have not read all, over TCP' => sub {
		plan skip_all => 'preloaded' if !$is_preloaded;
		my @raw = map { raw(tcp => 1) } 1 .. 4;
		$_->query(q{SELECT repeat('x', 500000)}) for @raw;
		wait_for('the end of their statements', sub {
			$admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE state = 'idle' AND query LIKE 'SELECT repeat%'}) eq '4';
		});
		stop_process($_->pid) for @raw;
		$_->query('SELECT 1') for @raw;
		$drainer->send(call());
		wait_for_sigterm($_->pid) for @raw;
		continue_process($_->pid) for @raw;
		is($drainer->answer, '4', 'all end');
		for my $raw (@raw)
		{
			is(length eval { $raw->expect('D') }, 500_006, 'its client hears what it asked for') or diag($@);
			is($raw->ended_with, '57P01', 'and the last word');
		}
	};

	subtest 'clients that send after the message that ends the session, over TCP' => sub {
		plan skip_all => 'preloaded' if !$is_preloaded;
		my ($talks, $sleeps) = map { raw(tcp => 1) } 1 .. 2;
		$_->query('BEGIN')->expect('Z') for $talks, $sleeps;
		begin_drain();
		$_->query('COMMIT')->expect('C') for $talks, $sleeps;
		is($talks->ended_with_a_word, '57P01', 'one hears it');
		my $talk = fork // die "no process: $!";
		if (!$talk)
		{
			eval { $talks->write_bytes("\0" x 65536) for 1 .. 1_000_000; };
			POSIX::_exit(0);
		}
		is($drainer->answer, '3', 'all are drained');
		wait_for('the end of its process', sub { !is_running($_->pid) }) for $talks, $sleeps;
		pass('and goes on talking; another does not hang up: both processes end');
		kill 'KILL', $talk;
		waitpid $talk, 0;
	};

	return;
}

# The next statement lies in the server's buffer already when the transaction ends: it must not run.
sub test_next_statement
{
	plan skip_all => 'a session that is not asked is signalled between two statements' if !$is_preloaded;
	my $oid = $admin->run(q{SELECT 'advance'::regproc::oid});
	my %next = (
		'simple' => [ Q => "SELECT advance()\0" ],
		'BEGIN' => [ Q => "BEGIN\0", Q => "SELECT advance()\0" ],
		'extended' => [ P => "\0SELECT advance()\0\0\0", B => "\0\0" . "\0" x 6, E => "\0" . pack('N', 0), S => '' ],
		'named' => [ B => "\0named\0" . "\0" x 6, E => "\0" . pack('N', 0), S => '' ],
		'named utility' => [ B => "\0utility\0" . "\0" x 6, E => "\0" . pack('N', 0), S => '' ],
		'fast path' => [ F => pack('N', $oid) . "\0" x 6 ]);
	my %commit = ('COMMIT' => \%next, 'ROLLBACK' => \%next, q{PREPARE TRANSACTION 'next'} => { simple => $next{simple} });
	$commit{'COMMIT AND CHAIN'} = { simple => $next{simple}, named => $next{named} } if $version >= 120000;
	$commit{'COMMIT; SELECT advance()'} = { none => [] };
	for my $commit (sort keys %commit)
	{
		for my $kind (sort keys %{ $commit{$commit} })
		{
			fresh();
			my $before = $admin->run('SELECT last_value, is_called FROM counter');
			my $raw = raw();
			$raw->query('PREPARE advance AS SELECT advance()')->expect('Z');
			$raw->send(P => "named\0SELECT advance()\0\0\0", P => "utility\0EXECUTE advance\0\0\0", S => '')->expect('Z')
			  if $kind =~ /named/;
			$raw->query('BEGIN')->expect('Z');
			$raw->query('INSERT INTO done VALUES (1)')->expect('Z');
			begin_drain();
			$raw->send(Q => "$commit\0", @{ $commit{$commit}{$kind} });
			like($raw->expect('C'), qr/^(COMMIT|ROLLBACK|PREPARE)/, "$commit, then $kind: acknowledged");
			is($raw->ended_with, '57P01', 'then ended');
			is($drainer->answer, '2', 'the count');
			is($admin->run('SELECT last_value, is_called FROM counter'), $before, 'and the next statement did not run');
			$admin->run(q{COMMIT PREPARED 'next'}) if $commit =~ /PREPARE/;
			is(done(), $commit =~ /ROLLBACK/ ? '0' : '1', 'what was committed is there');
		}
	}
	return;
}

drain_tests(
	'the protocol' => \&test_protocol,
	'the next statement' => \&test_next_statement,
);
