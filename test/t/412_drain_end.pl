# The end of a drain: out of time, forced, canceled, beside another one; its count and its lines in the audit.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use DrainTest;
use SessionctlTest;
use Test::More;

sub test_timeout
{
	subtest 'out of time' => sub {
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

	subtest 'less time than that' => sub {
		fresh();
		my $victim = victim();
		$victim->run('BEGIN');
		my $answer = $drainer->run_verbose("SET statement_timeout = '1 s'; " . call(timeout => q{'10 min'}, force => 'true') . '; RESET statement_timeout');
		like($answer, qr/^HINT:  Raise statement_timeout: it left less time than the timeout of the call, and nothing is forced before that is over\.$/m, 'a hint');
		ok($victim->lives, 'it lives');
		$victim->quit;
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

	subtest 'timeout 0' => sub {
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

sub test_canceled
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
		is($victim->run('COMMIT; SELECT 1; SELECT 1'), "1\n1", 'the session that was asked goes on');
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
	is($_->run('BEGIN; SELECT 1; COMMIT; SELECT 2'), "1\n2", 'the next session in its slot is not asked') for @next;
	ok($_->lives, 'and lives') for @next;
	is(run($stays, 'COMMIT'), '', 'the other commits');
	# Unless it was signalled on its way out.
	like($drainer->answer, qr/\A(NOTICE:  matched 3: 2 ended, 1 already gone\n2|3)\z/, 'a session that left by itself is not counted');
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
	is($guest->run(call()), "NOTICE:  matched 2: 1 spared (superuser), 1 denied\n0", 'a role without the right ends nothing');
	is($drainer->run(call()), "NOTICE:  matched 2: 1 ended, 1 spared (superuser)\n" . hint_to_include('superusers') . "1", 'ended');
	ok($boss->lives, 'the superuser is well');
	is($drainer->run(call(include_superusers => 'true')), '1', 'unless included');
	my %wrong = ("timeout => '-1 s'" => 22023, "timeout => NULL" => 22023, "timeout => '2 h'" => 22023, 'force => NULL' => 22004);
	like($drainer->complaint("SELECT sessionctl.drain_where('true', $_)"), qr/\AERROR:  $wrong{$_}: /, $_) for sort keys %wrong;
	$_->quit for $victim, $boss, $guest;
	return;
}

drain_tests(
	'out of time' => \&test_timeout,
	'a call that is canceled or ended' => \&test_canceled,
	'the audit' => \&test_audit,
	'two drains' => \&test_two_drains,
	'a slot that is reused' => \&test_reused_slot,
	'a walsender' => \&test_walsender,
	'guard options' => \&test_guards,
);
