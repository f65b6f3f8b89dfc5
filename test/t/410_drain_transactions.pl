# drain_where: sessions end after the transaction that they are in, and no earlier.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use DrainTest;
use SessionctlTest;
use Test::More;

# A statement that waits for a lock when it is asked, and is let through only then.
sub goes_on_to_its_end
{
	my ($victim, $statement, $let_through, %with) = @_;
	$victim->send($statement);
	wait_for_lock($victim);
	begin_drain(%with);
	$let_through->();
	is(answer($victim), '', "$statement goes on to its end");
	return is(($with{by} || $drainer)->answer, '2', 'then it is ended');
}

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
		my $words = $victim->end_messages;
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

	subtest 'a transaction that is rolled back' => sub {
		my $victim = victim();
		$victim->run('BEGIN');
		begin_drain();
		is(run($victim, 'ROLLBACK'), '', 'acknowledged');
		is($drainer->answer, '2', 'ended');
		is_ended($victim, 'it');
	};

	subtest 'a transaction that is prepared' => sub {
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
		goes_on_to_its_end($victim, 'INSERT INTO done SELECT 1 FROM pg_advisory_lock_shared(4711)', sub { $admin->run('SELECT pg_advisory_unlock(4711)') });
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
		for my $command ('CALL steps()', 'DO $$BEGIN CALL steps(); END$$')
		{
			fresh();
			$admin->run('SELECT pg_advisory_lock(4711)');
			my $victim = victim();
			goes_on_to_its_end($victim, $command, sub { $admin->run('SELECT pg_advisory_unlock(4711)') });
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
		goes_on_to_its_end($victim, 'CREATE INDEX CONCURRENTLY done_index ON mine (a)', sub { $blocker->run('COMMIT') }, by => $elsewhere);
		is($admin->run(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'done_index'::regclass}), 't', 'the index is valid');
		$admin->run('DROP INDEX done_index');
		is_ended($victim, 'it');
		$_->quit for $blocker, $elsewhere;
	};

	subtest 'VACUUM' => sub {
		my $blocker = SessionctlTest::Session->new($node);
		my $victim = victim();
		$blocker->run('BEGIN; LOCK TABLE mine IN ACCESS EXCLUSIVE MODE');
		goes_on_to_its_end($victim, 'VACUUM mine', sub { $blocker->run('COMMIT') });
		is_ended($victim, 'it');
		$blocker->quit;
	};

	return;
}

drain_tests(
	'where transactions end' => \&test_boundaries,
	'commands that end transactions inside' => \&test_commands,
);
