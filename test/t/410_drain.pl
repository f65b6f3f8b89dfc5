# drain_where: sessions end after the transaction they are in, preloaded or not.

use strict;
use warnings;

use FindBin;
use POSIX ();
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my ($node, $admin, $drainer, $is_preloaded, $version);
my $ended = qr/^FATAL:  terminating connection due to administrator command$/m;

sub victim
{
	my (%with) = @_;
	return SessionctlTest::Session->new($node, user => 'app', app => 'victim', %with);
}

sub call
{
	my (%with) = @_;
	my $options = join '', map { ", $_ => $with{$_}" } sort keys %with;
	return qq{SELECT sessionctl.drain_where(\$\$application_name IN ('victim', 'raw')\$\$$options)};
}

# Everybody is asked before the first is ended: when an idle session is gone, all others have been asked.
sub begin_drain
{
	my (%with) = @_;
	my $by = delete $with{by} || $drainer;
	my $idle = victim();
	$by->send(call(%with));
	wait_for('an idle session to go', sub { !is_running($idle->pid) });
	return $idle->quit;
}

sub wait_for_state
{
	my ($session, $state) = @_;
	return wait_for("$state", sub {
		$admin->run('SELECT state FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq $state;
	});
}

sub wait_for_lock
{
	my ($session) = @_;
	return wait_for('a lock to be waited for', sub {
		$admin->run('SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq 't';
	});
}

sub done { return $admin->run('SELECT count(*) FROM done') }

sub answer { my ($session) = @_; return $session->without_last_words($session->answer) }
sub run { my ($session, $sql) = @_; return $session->without_last_words($session->run($sql)) }

# It has ended, and its client has heard no other reason.
sub is_ended
{
	my ($session, $what) = @_;
	wait_for("$what to end", sub { !is_running($session->pid) });
	like($session->last_words, $ended, "$what has ended");
	return $session->quit;
}

sub fresh { return $admin->run('TRUNCATE done') }

# --- what a transaction is, and where it ends

sub test_boundaries
{
	subtest 'idle, and in a transaction' => sub {
		fresh();
		my $victim = victim();
		$victim->run('BEGIN; INSERT INTO done VALUES (1)');
		begin_drain(reason => q{'rolling restart'});
		is(run($victim, 'INSERT INTO done VALUES (2)'), '', 'what is begun goes on');
		is(run($victim, 'COMMIT'), '', 'and commits');
		is($drainer->answer, '2', 'the count');
		my $words = $victim->last_words;
		like($words, $ended, 'it has ended');
		like($words, qr/^DETAIL:  Reason given by role "postgres": rolling restart$/m, 'and knows why') if $is_preloaded;
		is(done(), '2', 'what it committed is there');
		$victim->quit;
		is($drainer->run(call()), '0', 'nobody matches: 0, and nothing to say');
	};

	subtest 'savepoints' => sub {
		fresh();
		my ($victim, $failed) = (victim(), victim());
		$victim->run('BEGIN; INSERT INTO done VALUES (1); SAVEPOINT s; INSERT INTO done VALUES (2)');
		begin_drain();
		$victim->run('SELECT 1/0');
		wait_for_state($victim, 'idle in transaction (aborted)');
		is(run($victim, 'ROLLBACK TO s; INSERT INTO done VALUES (3); RELEASE s'), '', 'an error ends a subtransaction, not the transaction');
		is(run($victim, 'COMMIT'), '', 'it commits');
		is($drainer->answer, '3', 'the count');
		is(done(), '2', 'what it committed is there');
		is_ended($_, 'it') for $victim, $failed;
	};

	subtest 'a transaction that has failed is over' => sub {
		my ($before, $later) = (victim(), victim());
		$before->run('BEGIN; SELECT 1/0');
		$later->run('BEGIN');
		begin_drain();
		wait_for('it to end', sub { !is_running($before->pid) });
		like(run($later, 'SELECT 1/0'), qr/^ERROR:  division by zero/, 'one fails meanwhile, and hears so');
		is($drainer->answer, '3', 'both ended');
		is_ended($_, 'it') for $before, $later;
	};

	subtest 'rolled back' => sub {
		my $victim = victim();
		$victim->run('BEGIN');
		begin_drain();
		is(run($victim, 'ROLLBACK'), '', 'acknowledged');
		is($drainer->answer, '2', 'ended');
		is_ended($victim, 'it');
	};

	subtest 'prepared' => sub {
		fresh();
		my $victim = victim();
		$victim->run('BEGIN; INSERT INTO done VALUES (1)');
		begin_drain();
		is(run($victim, q{PREPARE TRANSACTION 'left'}), '', 'acknowledged');
		is($drainer->answer, '2', 'ended');
		is($admin->run(q{SELECT gid FROM pg_prepared_xacts}), 'left', 'the prepared transaction remains');
		is($admin->run(q{COMMIT PREPARED 'left'}), '', 'and can be committed');
		is(done(), '1', 'with what was done in it');
		is_ended($victim, 'it');
	};

	subtest 'a statement outside of a transaction block' => sub {
		fresh();
		$admin->run('SELECT pg_advisory_lock(4711)');
		my $victim = victim();
		$victim->send('INSERT INTO done SELECT 1 FROM pg_advisory_lock_shared(4711)');
		wait_for_lock($victim);
		begin_drain();
		$admin->run('SELECT pg_advisory_unlock(4711)');
		is(answer($victim), '', 'goes on to its end');
		is($drainer->answer, '2', 'then it is ended');
		is(done(), '1', 'what it did is there');
		is_ended($victim, 'it');
	};

	return;
}

# --- commands that end transactions inside

sub test_commands
{
	subtest 'a procedure that commits' => sub {
		plan skip_all => 'procedures came with 11' if $version < 110000;
		$admin->run(q{CREATE OR REPLACE PROCEDURE steps() LANGUAGE plpgsql AS $$BEGIN
			FOR i IN 1..10 LOOP
				IF i = 5 THEN PERFORM pg_advisory_lock_shared(4711); END IF;
				INSERT INTO done VALUES (i);
				IF i % 3 = 0 THEN BEGIN PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END; END IF;
				COMMIT;
			END LOOP;
			INSERT INTO done VALUES (11);
		END$$});
		for my $command ('CALL steps()', 'DO $$BEGIN CALL steps(); END$$')
		{
			fresh();
			$admin->run('SELECT pg_advisory_lock(4711)');
			my $victim = victim();
			$victim->send($command);
			wait_for_lock($victim);
			begin_drain();
			$admin->run('SELECT pg_advisory_unlock(4711)');
			is(answer($victim), '', "$command goes on to its end");
			is($drainer->answer, '2', 'then it is ended');
			is(done(), '11', 'all of its commits, and the last one');
			is_ended($victim, 'it');
		}
	};

	# It waits for all older transactions in its database: one that drains has to be in another.
	subtest 'CREATE INDEX CONCURRENTLY' => sub {
		my $blocker = SessionctlTest::Session->new($node);
		my $elsewhere = SessionctlTest::Session->new($node, database => 'elsewhere');
		my $victim = victim();
		$blocker->run('BEGIN; LOCK TABLE mine IN ROW EXCLUSIVE MODE');
		$victim->send('CREATE INDEX CONCURRENTLY done_index ON mine (a)');
		wait_for_lock($victim);
		begin_drain(by => $elsewhere);
		$blocker->run('COMMIT');
		is(answer($victim), '', 'goes on to its end');
		is($elsewhere->answer, '2', 'then it is ended');
		is($admin->run(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'done_index'::regclass}), 't', 'the index is valid');
		$admin->run('DROP INDEX done_index');
		is_ended($victim, 'it');
		$_->quit for $blocker, $elsewhere;
	};

	subtest 'VACUUM' => sub {
		my $blocker = SessionctlTest::Session->new($node);
		my $victim = victim();
		$blocker->run('BEGIN; LOCK TABLE mine IN ACCESS EXCLUSIVE MODE');
		$victim->send('VACUUM mine');
		wait_for_lock($victim);
		begin_drain();
		$blocker->run('COMMIT');
		is(answer($victim), '', 'goes on to its end');
		is($drainer->answer, '2', 'then it is ended');
		is_ended($victim, 'it');
		$blocker->quit;
	};

	return;
}

# --- what the protocol allows

sub raw { return RawSession->new($node, user => 'app', @_) }

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
	subtest 'idle sessions whose clients are behind, over TCP' => sub {
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

	subtest 'clients that go on after the last word, over TCP' => sub {
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

# --- the end of the drain

sub test_timeout
{
	subtest 'not in time' => sub {
		fresh();
		my ($victim, $idle) = (victim(), victim());
		$victim->run('BEGIN; INSERT INTO done VALUES (1)');
		my $position = log_position($node);
		my $answer = $drainer->run_verbose(call(timeout => q{'1 s'}));
		like($answer, qr/^NOTICE:  00000: matched 2: 1 ended, 1 still running$/m, 'a notice');
		like($answer, qr/^WARNING:  01000: 1 session has not finished its transaction within \d\.\d s$/m, 'a warning');
		like($answer, qr/^DETAIL:  The request to end after the transaction was withdrawn\.$/m, 'what becomes of it');
		like($answer, qr/^1\z/m, 'the true count');
		is(join(' ', sort map { /action=(\w+) result="([^"]*)"/ ? "$1: $2" : () } audit_lines($node, $position)),
			'drain: still running drain: terminated', 'a line in the audit for each');
		is(run($victim, 'COMMIT; INSERT INTO done VALUES (2)'), '', 'it goes on, into its next transaction');
		ok($victim->lives, 'and lives');
		$_->quit for $victim, $idle;
	};

	subtest 'force' => sub {
		fresh();
		my ($victim, $idle) = (victim(), victim());
		$victim->run('BEGIN; INSERT INTO done VALUES (1)');
		my $position = log_position($node);
		is($drainer->run(call(timeout => q{'1 s'}, force => 'true')), '2', 'both are proven gone');
		is(join(' ', sort map { /action=(\w+) result="([^"]*)"/ ? "$1: $2" : () } audit_lines($node, $position)),
			'drain: terminated terminate: terminated', 'the audit tells which one was broken off');
		is(done(), '0', 'and rolled back');
		is_ended($_, 'it') for $victim, $idle;
	};

	subtest 'no time at all' => sub {
		my ($victim, $idle) = (victim(), victim());
		$victim->run('BEGIN');
		# Who has answered is awake for a moment still, as one that is sent the next statement.
		wait_for('the idle one to sleep', sub { qx(ps -o stat= -p @{[ $idle->pid ]}) =~ /^[SI]/ });
		like($drainer->complaint(call(timeout => q{'0'})), qr/matched 2: 1 signalled, 1 still running$/m, 'idle ones are signalled');
		wait_for('the idle one to go', sub { !is_running($idle->pid) });
		is(run($victim, 'COMMIT'), '', 'the other goes on');
		ok($victim->lives, 'and lives');
		$_->quit for $victim, $idle;
	};

	subtest 'a commit that waits for a synchronous standby' => sub {
		my $victim = victim();
		$victim->send('SET synchronous_commit = on; INSERT INTO done VALUES (1)');
		wait_for('the commit to wait', sub {
			$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $victim->pid) eq 'SyncRep';
		});
		like($drainer->run(call(timeout => q{'1 s'})), qr/^NOTICE:  matched 1: 1 still running\n.*^0\z/ms, 'is not over');
		$admin->run('SELECT pg_cancel_backend(' . $victim->pid . ')');
		$victim->answer;
		ok($victim->lives, 'it lives');
		$victim->quit;
	};

	subtest 'a client that does not read the answer to its COMMIT' => sub {
		plan skip_all => 'preloaded, on Linux' if !$is_preloaded || $^O ne 'linux';
		fresh();
		my $raw = raw();
		$raw->query('BEGIN')->expect('Z');
		$raw->query('INSERT INTO done VALUES (1)')->expect('Z');
		begin_drain(timeout => q{'1 s'});
		$raw->query('COMMIT');
		like($drainer->answer, qr/^NOTICE:  matched 2: 1 ended, 1 still running$/m, 'is not left in doubt');
		like($raw->expect('C'), qr/^COMMIT/, 'it reads that later');
		$raw->expect('Z');
		is($raw->query('SELECT 1')->expect('D'), pack('nNa', 1, 1, 1), 'and goes on');
		$raw->expect('Z');
		$raw->quit;
	};

	# A session shows itself idle before it sends the end of its answer, and it may have to wait for its client with that.
	subtest 'an answer that is not sent yet' => sub {
		plan skip_all => 'wait events of clients came with 10' if $version < 100000;
		my $raw = raw();
		my $size = 100_000;
		for (;;)
		{
			die 'no answer gets stuck at its end' if ($size += 3000) > 3_000_000;
			$raw->query("SELECT repeat('x', $size)");
			my $shown;
			wait_for('the answer', sub {
				$shown = $admin->run('SELECT state, wait_event FROM sessionctl.session_activity WHERE query ~ \'repeat.*' . $size
					. '\' AND pid = ' . $raw->pid);
				return $shown =~ /Client/;
			});
			last if $shown eq 'idle|ClientWrite';
			$raw->expect('Z');
		}
		like($drainer->run(call(timeout => q{'1 s'})), qr/^NOTICE:  matched 1: 1 still running$/m, 'its client is not left in doubt');
		is(length $raw->expect('D'), $size + 6, 'it reads all');
		$raw->expect('Z');
		is($raw->query('SELECT 1')->expect('D'), pack('nNa', 1, 1, 1), 'and goes on');
		$raw->expect('Z');
		is($drainer->run(call()), '1', 'then it is drained');
		is($raw->ended_with, '57P01', 'and ends');
	};

	subtest 'statement_timeout' => sub {
		my $victim = victim();
		$victim->run('BEGIN');
		like($drainer->run("SET statement_timeout = '1 s'; " . call(force => 'true')),
			qr/1 session has not finished its transaction within 0\.\d s.*^0\z/ms, 'is no error, and nobody is forced before the time');
		$drainer->run('RESET statement_timeout');
		$victim->run('COMMIT');
		ok($victim->lives, 'it lives');
		$victim->quit;
	};

	return;
}

sub test_broken_off
{
	for my $how (qw(cancel terminate))
	{
		my ($victim, $position) = (victim(), log_position($node));
		my $by = SessionctlTest::Session->new($node);
		$victim->run('BEGIN');
		begin_drain(by => $by);
		$admin->run("SELECT pg_${how}_backend(" . $by->pid . ')');
		like($by->answer, $how eq 'cancel' ? qr/canceling statement/ : $ended, "the drain is broken off: $how");
		wait_for('it to be gone', sub { !is_running($by->pid) }) if $how eq 'terminate';
		is($victim->run('COMMIT; SELECT 1; SELECT 1'), "1\n1", 'who was asked goes on');
		ok($victim->lives, 'and lives');
		like(join(' ', sort map { /action=(\w+) result="([^"]*)"/ ? "$1: $2" : () } audit_lines($node, $position)),
			qr/\Adrain: not reached drain: (signalled|terminated)\z/, 'the audit tells of both');
		$_->quit for $by, $victim;
	}
	return;
}

# "pid result" of each line of the audit: they come when the sessions end, whatever becomes of the call.
sub test_audit
{
	my %end = (
		'goes on' => sub { run($_[1], 'COMMIT') },
		'is cancelled' => sub { $admin->run('SELECT pg_cancel_backend(' . $_[0]->pid . ')') },
		'is ended' => sub { $admin->run('SELECT pg_terminate_backend(' . $_[0]->pid . ')') },
	);
	for my $what (sort keys %end)
	{
		my ($drainer, @victims) = (SessionctlTest::Session->new($node), map { victim() } 1 .. 4);
		$_->run('BEGIN') for @victims[ 1 .. 3 ];
		my $position = log_position($node);
		my $audit = sub { join ',', map { /action=drain result="([^"]*)" .* pid=(\d+)/ ? "$2 $1" : () } audit_lines($node, $position) };
		my $expected = '';
		my $since = $admin->run('SELECT clock_timestamp()');
		$drainer->send(call(timeout => q{'1 h'}));
		for my $i (0, 2, 1)
		{
			run($victims[$i], 'COMMIT') if $i > 0;
			$expected = join ',', $expected || (), $victims[$i]->pid . ' terminated';
			wait_for('the line of one that has ended, while the call waits for others', sub { $audit->() eq $expected });
			is($admin->run(qq{SELECT string_agg(pid || ' ' || result, ',' ORDER BY acted_at) FROM sessionctl.session_audit
				WHERE acted_at BETWEEN '$since' AND clock_timestamp()}), $expected, 'and its row') if $is_preloaded;
		}
		$end{$what}->($drainer, $victims[3]);
		$what eq 'goes on' ? is($drainer->answer, '4', 'the count') : wait_for('the call to end', sub { $audit->() ne $expected });
		$expected .= ',' . $victims[3]->pid . ($what eq 'goes on' ? ' terminated' : ' not reached');
		is($audit->(), $expected, "a call that $what: each session has one line");
		is($admin->run(qq{SELECT string_agg(pid || ' ' || result, ',') FROM sessionctl.session_audit WHERE acted_at > '$since'}), $expected, 'and one row, in their order')
		  if $is_preloaded;
		$_->quit for $drainer, @victims;
	}
	return;
}

sub test_two_drains
{
	my $victim = victim();
	my $other = SessionctlTest::Session->new($node);
	$victim->run('BEGIN');
	begin_drain();
	begin_drain(by => $other);
	$admin->run('SELECT pg_cancel_backend(' . $other->pid . ')');
	$other->answer;
	is(run($victim, 'COMMIT'), '', 'one is cancelled: it commits');
	is($drainer->answer, '2', 'and the other ends it');
	is_ended($victim, 'it');
	$other->quit;
	return;
}

# The place of one that left by itself is another's now.
sub test_reused_slot
{
	my ($leaver, $stays) = (victim(), victim());
	$_->run('BEGIN') for $leaver, $stays;
	begin_drain();
	$leaver->quit;
	my @next = map { victim() } 1 .. 3;
	is($_->run('BEGIN; SELECT 1; COMMIT; SELECT 2'), "1\n2", 'who comes after it is not asked') for @next;
	ok($_->lives, 'and lives') for @next;
	is(run($stays, 'COMMIT'), '', 'the other commits');
	# Unless it was signalled on its way out.
	like($drainer->answer, qr/\A(NOTICE:  matched 3: 2 ended, 1 already gone\n2|3)\z/, 'who left by itself is not counted');
	$_->quit for @next;
	is_ended($stays, 'the other');
	return;
}

# One whose client does not read is in the middle of a transaction that it decodes.
sub test_walsender
{
	plan skip_all => 'pgoutput came with 10' if $version < 100000;
	$admin->run('CREATE ROLE sender LOGIN REPLICATION; CREATE PUBLICATION all_of_it FOR ALL TABLES');
	my $sender = raw(user => 'sender', replication => 'database');
	$sender->query('SELECT 1')->expect('Z');
	$sender->query('CREATE_REPLICATION_SLOT drained TEMPORARY LOGICAL pgoutput')->expect('Z');
	$sender->query(q{START_REPLICATION SLOT drained LOGICAL 0/0 (proto_version '1', publication_names 'all_of_it')})->expect('W');
	$admin->run('INSERT INTO done SELECT generate_series(1, 100000)');
	wait_for('the walsender to be stuck in it', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $sender->pid) eq 'WalSenderWriteData';
	});
	is($drainer->run(call()), "NOTICE:  matched 1: 1 spared (replication)\n" . hint_to_include('replication') . "0", 'spared');
	stop_process($sender->pid);
	$drainer->send(call(include_replication => 'true'));
	wait_for_sigterm($sender->pid);
	continue_process($sender->pid);
	is($sender->ended_with, '57P01', 'unless included: it is told to end at once');
	is($drainer->answer, '1', 'the count');
	my $speaker = SessionctlTest::Session->new($node, user => 'sender', app => 'victim', replication => 'database');
	$speaker->run('BEGIN');
	begin_drain(include_replication => 'true');
	is(run($speaker, 'SELECT 42'), '42', 'one that runs SQL in a transaction goes on');
	is(run($speaker, 'COMMIT'), '', 'and commits');
	is($drainer->answer, '2', 'the count');
	is_ended($speaker, 'it');
	return $admin->run('DROP PUBLICATION all_of_it; DROP ROLE sender');
}

sub test_guards
{
	my ($victim, $boss) = (victim(), victim(user => 'boss'));
	is($drainer->run(call(keep => 1)), "NOTICE:  matched 2: 2 spared (1 kept, 1 superuser)\n" . hint_to_include('superusers') . "0", 'spared');
	like($drainer->complaint(call(refuse_above => 1, include_superusers => 'true')), qr/\AERROR:  54000: /, 'refuse_above');
	like($drainer->run(q{SELECT sessionctl.drain_where('is_self OR NOT is_self', include_superusers => true, keep => 100)}),
		qr/\d+ not a client.*1 self/, 'never the caller, nor who is no client');
	my $guest = SessionctlTest::Session->new($node, user => 'guest');
	is($guest->run(call()), "NOTICE:  matched 2: 1 spared (superuser), 1 denied\n0", 'who may not, may not');
	is($drainer->run(call()), "NOTICE:  matched 2: 1 ended, 1 spared (superuser)\n" . hint_to_include('superusers') . "1", 'ended');
	ok($boss->lives, 'the superuser is well');
	is($drainer->run(call(include_superusers => 'true')), '1', 'unless included');
	my %wrong = ("timeout => '-1 s'" => 22023, "timeout => NULL" => 22023, "timeout => '2 h'" => 22023, 'force => NULL' => 22004);
	like($drainer->complaint("SELECT sessionctl.drain_where('true', $_)"), qr/\AERROR:  $wrong{$_}: /, $_) for sort keys %wrong;
	$_->quit for $victim, $boss, $guest;
	return;
}

for my $preloaded (1, 0)
{
	$is_preloaded = $preloaded;
	my $name = $preloaded ? 'preloaded' : 'not preloaded';
	$node = new_server($preloaded ? 'drain_preloaded' : 'drain',
		init => { allows_streaming => 'logical' },
		conf => "listen_addresses = '127.0.0.1'\nmax_prepared_transactions = 2\nautovacuum = off\nsynchronous_standby_names = 'nobody'\nsynchronous_commit = local\n" . ($preloaded ? "shared_preload_libraries = 'pg_sessionctl'\n" : ''));
	$admin = SessionctlTest::Session->new($node);
	$drainer = SessionctlTest::Session->new($node);
	$version = $admin->run('SHOW server_version_num');
	$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE guest LOGIN;
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO guest;
		CREATE TABLE done (a int); GRANT ALL ON done TO app;
		CREATE TABLE mine (a int); ALTER TABLE mine OWNER TO app; GRANT ALL ON SCHEMA public TO app;
		CREATE SEQUENCE counter; GRANT ALL ON counter TO app;
		CREATE FUNCTION advance() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN nextval('counter'); END$$});
	$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
	$node->safe_psql('elsewhere', 'CREATE EXTENSION pg_sessionctl');
	subtest "$name: where transactions end" => \&test_boundaries;
	subtest "$name: commands that end transactions inside" => \&test_commands;
	subtest "$name: the protocol" => \&test_protocol;
	subtest "$name: the next statement" => \&test_next_statement if $preloaded;
	subtest "$name: the end of the drain" => \&test_timeout;
	subtest "$name: broken off" => \&test_broken_off;
	subtest "$name: the audit" => \&test_audit;
	subtest "$name: two drains" => \&test_two_drains;
	subtest "$name: a slot that is reused" => \&test_reused_slot;
	subtest "$name: a walsender" => \&test_walsender;
	subtest "$name: guard rails" => \&test_guards;
	unlike(read_file($node->logfile), qr/PANIC|was terminated by signal/, "$name: no process crashed");
	$_->quit for $drainer, $admin;
	$node->stop;
}

done_testing();
