# terminate_blockers ends the head of the wait queue only; terminate_lock_holders ends all lock holders and waiters of a
# relation.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use SessionctlTest;
use Test::More;

my $node = new_lock_server('lock_recipes');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE operator LOGIN; GRANT pg_signal_backend TO operator;
	CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t SELECT g, 'x' FROM generate_series(1, 9) AS g;
	CREATE TABLE u (a int);
	CREATE TABLE part (a int, b text) PARTITION BY RANGE (a);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10) PARTITION BY LIST (a);
	CREATE TABLE "part's 1""1" PARTITION OF part_1 FOR VALUES IN (1, 2);
	CREATE INDEX ON part (b);
	CREATE TABLE mother (a int); CREATE TABLE daughter () INHERITS (mother);
	GRANT ALL ON ALL TABLES IN SCHEMA public TO app});

sub blockers_of
{
	my ($session, $more) = @_;
	return $admin->run('SELECT sessionctl.terminate_blockers(' . $session->pid . ($more || '') . ')');
}

sub holders_of
{
	my ($arguments, $by) = @_;
	return ($by || $admin)->run("SELECT sessionctl.terminate_lock_holders($arguments)");
}

# As the server knows it: the process may take a moment longer.
sub fate { return join ' ', map { shown($admin, $_, 'true') eq 't' ? 'lives' : 'gone' } @_ }

subtest 'the head of the queue, not everything in between' => sub {
	my ($root, $middle, $last, $other) = map { session($node) } 1 .. 4;
	$root->run('BEGIN; LOCK TABLE t');
	$middle->run('BEGIN; LOCK TABLE u');
	$other->run('BEGIN');
	waits($admin, $middle, 'TABLE t');
	waits($admin, $last, 'TABLE u');
	like(blockers_of($root), qr/\ANOTICE:  session \d+ waits for no lock, and 2 sessions wait for it\nHINT:  .*\n0\z/,
		'given the root itself by mistake');
	like(blockers_of($other), qr/\ANOTICE:  session \d+ waits for no lock, and 0 sessions wait for it\nHINT:  .*\n0\z/,
		'or somebody who has no part in it');
	is(blockers_of($last), '1', 'one is proven gone');
	is(fate($root, $middle, $last, $other), 'gone lives lives lives', 'the root');
	like($middle->answer, qr/1\|x/, 'the session that waited for it goes on');
	$middle->run('COMMIT');
	is($last->answer, '', 'and who waited for that one');
	like($admin->run('SELECT sessionctl.terminate_blockers(' . $root->pid . ')'),
		qr/\ANOTICE:  there is no session with process ID \d+\n0\z/, 'nobody is left with that process ID');
	all_end($admin);
};

subtest 'two roots, guard rails' => sub {
	my ($one, $waiter) = map { session($node) } 1 .. 2;
	my $two = SessionctlTest::Session->new($node, user => 'boss');
	$_->run('BEGIN; TABLE t') for $one, $two;
	waits($admin, $waiter, 'BEGIN; LOCK TABLE t');
	like($admin->complaint('SELECT sessionctl.terminate_blockers(' . $waiter->pid . ', include_superusers => true, refuse_above => 1)'),
		qr/\AERROR:  54000: 2 sessions would be acted on/, 'refuse_above');
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my $position = log_position($node);
	is($operator->run('SELECT sessionctl.terminate_blockers(' . $waiter->pid . q{, reason => 'in the way')}),
		"NOTICE:  matched 2: 1 ended, 1 spared (superuser)\n1", 'a superuser is spared');
	like((audit_lines($node, $position))[0], qr/ pid=@{[ $one->pid ]} .* reason="in the way"\z/, 'the audit');
	is(fate($one, $two, $waiter), 'gone lives lives', 'the other is gone');
	is(blockers_of($waiter, ', include_superusers => true'), '1', 'unless included');
	is($waiter->answer, '', 'and the waiter has its lock');
	$_->quit for $two, $operator;
	all_end($admin);
};

subtest 'the caller is the blocker' => sub {
	my $waiter = session($node);
	$admin->run('BEGIN');
	$admin->run('LOCK TABLE t');
	waits($admin, $waiter, 'TABLE t');
	like($admin->complaint('SELECT sessionctl.terminate_blockers(' . $waiter->pid . ')'),
		qr/\AERROR:  55006: session \d+ waits for your session\nHINT:  .*COMMIT or ROLLBACK/, 'an error that says so');
	$admin->run('ROLLBACK');
	is($waiter->answer =~ /1\|x/, 1, 'after its rollback it goes on');
	like($admin->run('SELECT sessionctl.terminate_blockers(pg_backend_pid())'), qr/waits for no lock, and 0 sessions wait for it/, 'oneself');
	all_end($admin);
};

subtest 'a cycle is broken next to the waiter' => sub {
	my ($one, $two, $behind) = map { session($node) } 1 .. 3;
	$one->run('BEGIN; SELECT pg_advisory_xact_lock(1)');
	$two->run('BEGIN; SELECT pg_advisory_xact_lock(2)');
	waits($admin, $one, 'SELECT pg_advisory_xact_lock(2)');
	waits($admin, $two, 'SELECT pg_advisory_xact_lock(1)');
	is(blockers_of($one), '1', 'one session of two');
	is(fate($one, $two, $behind), 'lives gone lives', 'the one that it waits for');
	is($one->answer, '', 'so it goes on');
	all_end($admin);
};

subtest 'prepared transactions at the head' => sub {
	my ($one, $two) = map { session($node) } 1 .. 2;
	$admin->run(q{BEGIN; UPDATE t SET b = 0 WHERE a = 1; PREPARE TRANSACTION 'pre''pared'});
	waits($admin, $one, 'UPDATE t SET b = 1 WHERE a = 1');
	waits($admin, $two, 'UPDATE t SET b = 2 WHERE a = 1');
	like(blockers_of($two), qr/\ANOTICE:  1 prepared transaction keeps session \d+ waiting\nDETAIL:  ROLLBACK PREPARED 'pre''pared'; in database "postgres"\nHINT:  .*\n0\z/,
		'are named with what ends them');
	is(fate($one, $two), 'lives lives', 'nobody else is ended');
	my $reader = session($node);
	$reader->run('BEGIN; TABLE t');
	like(holders_of(q{'t'}),
		qr/\ANOTICE:  1 prepared transaction keeps relation "t" locked\nDETAIL:  ROLLBACK PREPARED 'pre''pared'; in database "postgres"\nHINT:  .*\n3\z/,
		'so they are among those who hold a relation');
	is(holders_of(q{'t', 'ACCESS EXCLUSIVE'}), '0', 'where they hold enough of it');
	$admin->run(q{ROLLBACK PREPARED 'pre''pared'});
	all_end($admin);
};

subtest 'a parallel query' => sub {
	$admin->run(q{CREATE TABLE wide AS SELECT generate_series(1, 20000) AS a; ALTER TABLE wide OWNER TO app;
		CREATE FUNCTION peek(a int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS
			$$BEGIN EXECUTE 'SELECT count(*) FROM u'; RETURN a; END$$});
	my ($holder, $after) = map { session($node) } 1 .. 2;
	my $leader = session($node, options => join ' ', map { "-c $_" } 'max_parallel_workers_per_gather=2',
		'parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0', 'parallel_leader_participation=off');
	$holder->run('BEGIN; LOCK TABLE u');
	$leader->send('SELECT count(peek(a)) FROM wide');
	my $workers = 'FROM sessionctl.session_activity WHERE waiting AND leader_pid = ' . $leader->pid;
	wait_for('its workers to wait', sub { $admin->run("SELECT count(*) $workers") >= 1 });
	my $worker = $admin->run("SELECT min(pid) $workers");
	waits($admin, $after, 'ALTER TABLE wide ADD b int');
	is($admin->run("SELECT sessionctl.terminate_blockers($worker)"), '1', 'its worker waits for the holder');
	is(fate($holder, $leader, $after), 'gone lives lives', 'which process is ended');
	is($leader->answer, '20000', 'and it goes on');
	is($after->answer, '', 'and who waited for it');
	$leader->send('BEGIN; SELECT sum(a), count(pg_sleep(600)) FROM wide');
	wait_for('workers', sub { $admin->run('SELECT count(*) FROM sessionctl.session_activity WHERE leader_pid = ' . $leader->pid) >= 1 });
	is(holders_of(q{'wide'}), '1', 'a session with its workers is one holder');
	all_end($admin);
};

# Who holds something of a relation: gone when it is named, and alive when another is.
sub is_held
{
	my ($what, $sql, $relation, $others) = @_;
	my $session = session($node);
	$session->run('BEGIN');
	$session->run($sql);
	like(holders_of($others), qr/\A(NOTICE:  1 session holds or waits for .* weaker than min_mode\nHINT: .*\n)?0\z/, "$what: not among those of $others") if $others;
	is(holders_of($relation), '1', "$what: $relation");
	is(fate($session), 'gone', "$what: gone");
	return all_end($admin);
}

subtest 'all holders and waiters of a relation' => sub {
	is_held('a reader on the fast path', 'SELECT count(*) FROM t', q{'t'}, q{'u'});
	is_held('its index', 'SELECT count(*) FROM t', q{'t_pkey'}, q{'t', 'ShareLock'});
	is_held('who has locked a row', 'SELECT a FROM t WHERE a = 1 FOR UPDATE', q{'t', 'row share'}, q{'t', 'ROW EXCLUSIVE'});
	is_held('who writes', q{UPDATE t SET b = 'y' WHERE a = 1}, q{'t', 'RowExclusiveLock'}, q{'t', 'ShareUpdateExclusiveLock'});
	is_held('a partition of a partition', q{INSERT INTO "part's 1""1" VALUES (1, 'x')}, q{'part'}, q{'t'});
	is_held('the partition alone', q{SELECT count(*) FROM ONLY "part's 1""1"}, q{'"part''s 1""1"'}, q{'mother'});
	is_held('the parent of a partition', q{SELECT count(*) FROM ONLY part_1}, q{'part'}, q{'"part''s 1""1"'});
	is_held('who inherits', 'SELECT count(*) FROM daughter', q{'mother'});
	my ($toast) = $admin->run(q{SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 't'::regclass});
	my $boss = SessionctlTest::Session->new($node, user => 'boss');
	$boss->run('BEGIN');
	$boss->run("SELECT count(*) FROM $toast");
	is(holders_of(q{'t', include_superusers => true}), '1', 'its TOAST table');
	$boss->quit;
	is_held('its partitions\' indexes', 'SELECT count(*) FROM part', q{'part_b_idx'});
	$admin->run('ALTER TABLE t OWNER TO app');
	is_held('an index alone', 'ALTER INDEX t_pkey SET (fillfactor = 90)', q{'t'}, q{'u'});
};

subtest 'waiters, and holders of weaker locks' => sub {
	my ($holder, $waiter, $bystander) = map { session($node) } 1 .. 3;
	$holder->run('BEGIN; TABLE t');
	waits($admin, $waiter, 'BEGIN; LOCK TABLE t');
	$bystander->run('BEGIN; TABLE u');
	is(holders_of(q{'t', 'AccessExclusiveLock'}), '1', 'a session that waits for an exclusive lock');
	is(fate($holder, $waiter, $bystander), 'lives gone lives', 'not who holds a weaker one');
	is(holders_of(q{'t', 'AccessExclusiveLock'}),
		"NOTICE:  1 session holds or waits for a lock on the relation that is weaker than min_mode\nHINT:  A weaker min_mode includes more of them.\n0",
		'who is told of where there is nobody else');
	is(holders_of(q{'t', keep => 1}), "NOTICE:  matched 1: 1 spared (kept)\n0", 'keep');
	is(holders_of(q{'t'}), '1', 'then that one');
	is(fate($bystander), 'lives', 'nobody else');
	is(holders_of('1'), "ERROR:  relation with OID 1 does not exist", 'an unknown relation');
	all_end($admin);
};

# A call that is held up where it takes a lock: on the catalog of heirs, when it has seen the sessions and not yet their
# locks, or on the view, when it has seen both. The table stays locked until the one who locked it commits.
my ($watcher, $caller) = map { SessionctlTest::Session->new($node) } 1 .. 2;

sub locked
{
	my ($table) = @_;
	my $session = SessionctlTest::Session->new($node);
	$session->run("BEGIN; LOCK TABLE $table");
	return $session;
}

sub held_up_at
{
	my ($table) = @_;
	return wait_for("the call to wait for $table", sub { $watcher->run(
		"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '$table'::regclass AND pid = " . $caller->pid) eq '1' });
}

subtest 'a session that released its lock meanwhile is left alone' => sub {
	my ($holder, $still) = map { session($node) } 1 .. 2;
	$_->run('BEGIN; TABLE t') for $holder, $still;
	my $view = locked('sessionctl.session_activity');
	$caller->send(q{SELECT sessionctl.terminate_lock_holders('t')});
	held_up_at('sessionctl.session_activity');
	$holder->run('COMMIT; BEGIN');
	$view->quit;
	is($caller->answer, "NOTICE:  matched 2: 1 ended, 1 no longer matches\n1", 'it has ended its transaction');
	is(fate($holder, $still), 'lives gone', 'and lives');
	all_end($admin);
};

subtest 'a session that held the lock only between the choice and the signal' => sub {
	my ($moment, $lasting) = map { session($node) } 1 .. 2;
	my $view = locked('sessionctl.session_activity');
	for (1 .. 20)    # the call waits a second for the catalogs: a busy machine may need another try
	{
		my $heirs = locked('pg_inherits');
		$caller->send(q{SELECT sessionctl.terminate_lock_holders('t')});
		my $is_held_up = eval { local $SessionctlTest::patience = 1; held_up_at('pg_inherits') };
		$_->run('BEGIN; TABLE t') for $moment, $lasting;
		$heirs->quit;
		last if $is_held_up && eval { local $SessionctlTest::patience = 5; held_up_at('sessionctl.session_activity') };
		$caller->answer;
		$_->run('ROLLBACK') for $moment, $lasting;
	}
	$moment->run('COMMIT');
	$view->quit;
	is($caller->answer, "NOTICE:  matched 2: 1 ended, 1 no longer matches\n1", 'idle, then idle again');
	is(fate($moment, $lasting), 'lives gone', 'lives; who has it since then does not');
	all_end($admin);
};

subtest 'an advisory lock of the session outlives its transactions' => sub {
	my ($idle, $moving, $waiter) = map { session($node) } 1 .. 3;
	$_->run('SELECT pg_advisory_lock_shared(1)') for $idle, $moving;
	waits($admin, $waiter, 'SELECT pg_advisory_lock(1)');
	my $view = locked('sessionctl.session_activity');
	$caller->send('SELECT sessionctl.terminate_blockers(' . $waiter->pid . ')');
	held_up_at('sessionctl.session_activity');
	$moving->run('BEGIN; TABLE t');
	$view->quit;
	is($caller->answer, '2', 'the holder is ended, in whatever transaction it is');
	is(fate($idle, $moving, $waiter), 'gone gone lives', 'both');
	is($waiter->answer, '', 'and who waited has it');
	all_end($admin);
};

$_->quit for $watcher, $caller;

$admin->quit;
done_testing();
