# Who blocks whom: session_blocking, blocking_tree() and prepared_transactions, beside what core says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use SessionctlTest;
use Test::More;

my $node = new_lock_server('blocking', init => { allows_streaming => 1 });
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN; CREATE ROLE low LOGIN;
	CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t SELECT g, 'x' FROM generate_series(1, 9) AS g;
	CREATE TABLE "o'Brien ""x""" (a int); CREATE TABLE u (a int);
	GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
	CREATE DATABASE other});
my $has_since = $admin->run('SHOW server_version_num') >= 140000 ? 't' : 'f';

sub blocking
{
	my ($columns, $rest) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.session_blocking $rest");
}

subtest 'a chain' => sub {
	my ($root, $middle, $last) = map { session($node, app => $_) } qw(root middle last);
	$root->run('BEGIN; LOCK TABLE t');
	$middle->run('BEGIN; LOCK TABLE u');
	waits($admin, $middle, 'SELECT count(*) FROM t');
	waits($admin, $last, 'TABLE u');
	my %name = (root => $root, middle => $middle, last => $last);
	is(tree($admin, %name), <<'TREE' =~ s/\n\z//r, 'the tree');
root app@postgres (root), idle in transaction for TIME, 2 wait behind it; last: LOCK TABLE t;
  middle app@postgres (middle), waits for AccessShareLock on public.t, 1 waits behind it: SELECT count(*) FROM t;
    last app@postgres (last), waits for AccessShareLock on public.u: TABLE u;
TREE
	is(blocking('waiter_pid, blocker_pid, blocker_gid IS NULL, locktype, lock, mode_wanted, mode_held', 'ORDER BY lock'),
		join("\n", sprintf('%d|%d|t|relation|public.t|AccessShareLock|AccessExclusiveLock', $middle->pid, $root->pid),
			sprintf('%d|%d|t|relation|public.u|AccessShareLock|AccessExclusiveLock', $last->pid, $middle->pid)),
		'session_blocking');
	is(blocking(q{bool_and(waiter_session_id = w.session_id AND blocker_session_id = b.session_id)},
			'JOIN sessionctl.session_activity AS w ON w.pid = waiter_pid JOIN sessionctl.session_activity AS b ON b.pid = blocker_pid'),
		't', 'session_ids are those of session_activity');
	my $shown = $has_since eq 't' ? 'bool_and(since BETWEEN clock_timestamp() - interval \'1 h\' AND clock_timestamp())' : 'bool_and(since IS NULL)';
	is(blocking($shown, ''), 't', 'since');
	is_as_core_says($admin, 'a chain');
	all_end($admin);
	is(tree($admin), '', 'afterwards nobody waits');
};

subtest 'a queue for one row' => sub {
	my @s = map { session($node, app => "s$_") } 0 .. 3;
	$s[0]->run('BEGIN; UPDATE t SET b = 0 WHERE a = 1');
	waits($admin, $s[$_], "UPDATE t SET b = $_ WHERE a = 1") for 1 .. 3;
	my $tree = tree($admin, map { ("s$_" => $s[$_]) } 0 .. 3);
	is(follow($tree), 's0 .s1 ..s2 ..s3', 'the first of them has the row, the others wait for it');
	like($tree, qr/\n  s1 .* waits for ShareLock on transaction N, 2 wait behind it: /, 'for a transaction');
	like($tree, qr/\n    s3 .* waits for ExclusiveLock on tuple \(0,1\) of public\.t, 1 before it in the queue: /, 'for a tuple');
	is(blocking('count(*), count(mode_held)', ''), '4|3', 'a session further up the queue holds nothing');
	is_as_core_says($admin, 'one row');
	all_end($admin);
};

subtest 'two holders, and a request further up the queue' => sub {
	my ($one, $two, $more, $reader) = map { session($node, app => $_) } qw(one two more reader);
	$_->run('BEGIN; TABLE t') for $one, $two;
	waits($admin, $more, 'BEGIN; LOCK TABLE t');
	waits($admin, $reader, 'TABLE t');
	my $tree = tree($admin, one => $one, two => $two, more => $more, reader => $reader);
	my ($first, $second) = $one->pid < $two->pid ? qw(one two) : qw(two one);
	is(follow($tree), "$first .more ..reader $second", 'under the first, and the second stands there too');
	like($tree, qr/\n  more .* 1 waits behind it, 1 of them only for its request, also waits for $second: /, 'which is named');
	is_as_core_says($admin, 'two who hold it');
	all_end($admin);
};

subtest 'a cycle' => sub {
	my ($one, $two, $behind) = map { session($node, app => $_) } qw(one two behind);
	$one->run('BEGIN; SELECT pg_advisory_xact_lock(1)');
	$two->run('BEGIN; SELECT pg_advisory_xact_lock(7, -2)');
	waits($admin, $one, 'SELECT pg_advisory_xact_lock(7, -2)');
	waits($admin, $two, 'SELECT pg_advisory_xact_lock(1)');
	waits($admin, $behind, 'SELECT pg_advisory_lock(1)');
	my $tree = tree($admin, one => $one, two => $two, behind => $behind);
	like($tree, qr/\Aa cycle: 2 sessions wait for each other\n  (one|two) .* 2 wait behind it, also waits for (one|two): /, 'has a line of its own');
	like($tree, qr/ for ExclusiveLock on advisory lock \(7, -2\),/, 'an advisory lock of two numbers');
	like($tree, qr/ for ExclusiveLock on advisory lock 1,/, 'and of one');
	like($tree, qr/^ +behind .* before it in the queue: /m, 'somebody waits behind both');
	is_as_core_says($admin, 'a cycle');
	all_end($admin);
};

subtest 'a parallel query' => sub {
	$admin->run(q{CREATE TABLE wide AS SELECT generate_series(1, 20000) AS a; ALTER TABLE wide OWNER TO app;
		CREATE FUNCTION peek(a int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS
			$$BEGIN EXECUTE 'SELECT count(*) FROM u'; RETURN a; END$$});
	my ($holder, $after) = map { session($node, app => $_) } qw(holder after);
	my $leader = session($node, app => 'leader', options => join ' ', map { "-c $_" } 'max_parallel_workers_per_gather=2',
		'parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0', 'parallel_leader_participation=off');
	$holder->run('BEGIN; LOCK TABLE u');
	$leader->send('SELECT count(peek(a)) FROM wide');
	my $workers = 'FROM sessionctl.session_activity WHERE waiting AND leader_pid = ' . $leader->pid;
	wait_for('its workers to wait', sub { $admin->run("SELECT count(*) $workers") >= 1 });
	waits($admin, $after, 'ALTER TABLE wide ADD b int');
	is(follow(tree($admin, holder => $holder, leader => $leader, after => $after)), 'holder .leader ..after',
		'is one session, its leader, waiting and in the way');
	is(blocking('DISTINCT waiter_pid, blocker_pid', 'WHERE lock = \'public.u\''), $leader->pid . '|' . $holder->pid,
		'so it is in session_blocking');
	is(shown($admin, $after, 'blocked_by'), '{' . $leader->pid . '}', 'and in blocked_by');
	is_as_core_says($admin, 'a parallel query');
	all_end($admin);
};

subtest 'prepared transactions' => sub {
	my ($first, $second) = map { session($node, app => $_) } qw(first second);
	my $elsewhere = SessionctlTest::Session->new($node, database => 'other');
	$elsewhere->run(q{CREATE EXTENSION pg_sessionctl; CREATE TABLE far (a int); BEGIN; LOCK TABLE far; PREPARE TRANSACTION 'elsewhere'});
	$admin->run(q{BEGIN; SAVEPOINT s; UPDATE t SET b = 0 WHERE a = 1; RELEASE s; LOCK TABLE "o'Brien ""x"""; SELECT pg_advisory_xact_lock(42);
		CREATE TABLE unseen (a int); PREPARE TRANSACTION 'it''s \ "odd"'});
	waits($admin, $first, 'UPDATE t SET b = 1 WHERE a = 1');
	waits($admin, $second, 'UPDATE t SET b = 1 WHERE a = 1');
	my $tree = tree($admin, first => $first, second => $second);
	like($tree, qr/\Aprepared transaction E'it''s \\\\ "odd"' postgres\@postgres, prepared TIME ago, 2 wait behind it; in postgres: ROLLBACK PREPARED E'it''s/,
		'is a root, with what ends it');
	is(blocking('blocker_pid, blocker_session_id, blocker_gid', 'WHERE waiter_pid = ' . $first->pid), q{||it's \ "odd"}, 'session_blocking has its name');
	is(shown($admin, $first, 'blocked_by'), '{0}', 'blocked_by has 0, as core');
	is_as_core_says($admin, 'prepared transactions');
	my $view = 'FROM sessionctl.prepared_transactions';
	is($admin->run("SELECT gid, owner, database, age > '0', transaction = p.xact, blocks $view JOIN
			(SELECT gid, transaction AS xact FROM pg_prepared_xacts) AS p USING (gid) ORDER BY gid"),
		sprintf(qq{elsewhere|postgres|other|t|t|{}\nit's \\ "odd"|postgres|postgres|t|t|{%s}},
			join ',', sort { $a <=> $b } $first->pid, $second->pid),
		'prepared_transactions');
	is($admin->run("SELECT unnest(locks) $view WHERE database = 'postgres' AND gid LIKE 'it%'") =~ s/ relation \d+/ relation N/gr =~ s/^.*pg_catalog.*\n//mgr
		  =~ s/^.* on object \d+.*\n//mgr,
		join("\n", q{AccessExclusiveLock on public."o'Brien ""x"""}, 'AccessExclusiveLock on relation N',
			'ExclusiveLock on advisory lock 42', 'RowExclusiveLock on public.t', 'RowExclusiveLock on public.t_pkey'),
		'what it holds: what nobody else can see yet has only its number');
	like($admin->run("SELECT locks $view WHERE gid = 'elsewhere'"), qr/"AccessExclusiveLock on relation \d+ of database other"/,
		'in another database relations have only a number');
	is($admin->run("SELECT gid, rollback_command $view WHERE gid = 'elsewhere'"), 'elsewhere|', 'nor can it be ended from here');
	is($elsewhere->run("SELECT rollback_command $view WHERE rollback_command IS NOT NULL"), "ROLLBACK PREPARED 'elsewhere'", 'there it can');
	my $low = SessionctlTest::Session->new($node, user => 'low');
	is($low->run("SELECT gid, owner, rollback_command $view ORDER BY gid"), qq{elsewhere|postgres|\nit's \\ "odd"|postgres|} .
			q{ROLLBACK PREPARED E'it''s \\\\ "odd"'}, 'as in pg_prepared_xacts everybody may look');
	$low->quit;
	$_->run("SELECT rollback_command $view \\gexec\n") for $admin, $elsewhere;
	is($admin->run("SELECT count(*) $view"), '0', '\gexec ends both, each in its database');
	$elsewhere->quit;
	$admin->run(q{BEGIN; LOCK TABLE u; PREPARE TRANSACTION 'two  blanks'});
	my $behind = session($node, app => 'behind');
	waits($admin, $behind, 'TABLE u');
	like(tree($admin, behind => $behind), qr/: ROLLBACK PREPARED 'two  blanks'\n/, 'its command is not changed');
	$admin->run(q{ROLLBACK PREPARED 'two  blanks'});
	all_end($admin);
};

subtest 'names' => sub {
	my ($holder, $waiter) = (session($node, app => 'holder'), session($node, app => "o'Brien"));
	$holder->run(q{BEGIN; LOCK TABLE "o'Brien ""x"""});
	waits($admin, $waiter, qq{SELECT *,\n\t'} . ('long ' x 40) . q{' FROM "o'Brien ""x"""});
	my @tree = split /\n/, tree($admin, holder => $holder, waiter => $waiter);
	is(scalar @tree, 2, 'a query of several lines stands on one');
	like($tree[1], qr/\A  waiter app\@postgres \(o'Brien\), waits for AccessShareLock on public\."o'Brien ""x""": SELECT \*, 'long .*\.\.\.\z/,
		'and is cut short');
	all_end($admin);
};

subtest 'a role that may not see others' => sub {
	my ($holder, $waiter) = map { session($node, app => $_) } qw(holder waiter);
	$holder->run('BEGIN; LOCK TABLE t');
	waits($admin, $waiter, "SELECT 'secret' FROM t");
	my $low = SessionctlTest::Session->new($node, user => 'low');
	my $tree = tree($low, holder => $holder, waiter => $waiter);
	is($tree, <<'TREE' =~ s/\n\z//r, 'the tree without states and queries');
holder app@postgres (holder), 1 waits behind it: <insufficient privilege>
  waiter app@postgres (waiter), waits for AccessShareLock on public.t: <insufficient privilege>
TREE
	is($low->run('SELECT waiter_pid, waiter_session_id, blocker_pid, blocker_session_id, lock FROM sessionctl.session_blocking'),
		$waiter->pid . '||' . $holder->pid . '||public.t', 'session_blocking without session_ids');
	like($low->run('SELECT sessionctl.terminate_blockers(1)'), qr/permission denied for function terminate_blockers/, 'nor act');
	$low->quit;
	all_end($admin);
};

subtest 'the catalogs themselves are locked' => sub {
	my ($holder, $waiter) = (SessionctlTest::Session->new($node), session($node, app => 'waiter'));
	$admin->run('SELECT sessionctl.blocking_tree()');    # what the call itself needs is known from then on
	$holder->run('BEGIN; LOCK TABLE u; LOCK TABLE pg_namespace');
	waits($admin, $waiter, 'BEGIN; LOCK TABLE u');
	like($admin->run('SELECT sessionctl.blocking_tree()'), qr/ waits .*for AccessExclusiveLock on relation \d+/, 'numbers instead of names, at once');
	$holder->run('ROLLBACK');
	$holder->quit;
	all_end($admin);
};

subtest 'the catalogs of roles and databases are locked' => sub {
	my ($reader, $waiter, $boss) = ((map { session($node, app => $_) } qw(reader waiter)), SessionctlTest::Session->new($node));
	$admin->run("SELECT sessionctl.blocking_tree(); SELECT count(*) FROM sessionctl.session_blocking");
	$reader->run('BEGIN; SELECT count(*) FROM pg_stat_activity');
	$boss->run('BEGIN');
	waits($admin, $boss, 'LOCK TABLE pg_authid, pg_database');
	like($admin->run('SELECT sessionctl.blocking_tree()'), qr/ waits .*for AccessExclusiveLock on pg_catalog\.pg_authid/, 'the tree');
	is(blocking('blocker_pid', ''), $reader->pid, 'session_blocking');
	is($admin->run('SELECT sessionctl.terminate_blockers(' . $boss->pid . ')'), '1', 'terminate_blockers');
	$boss->quit;
	all_end($admin);
};

subtest 'on a hot standby' => sub {
	my $standby = new_standby($node, conf => 'max_standby_streaming_delay = -1');
	my $there = SessionctlTest::Session->new($standby);
	my ($reader, $late) = map { SessionctlTest::Session->new($standby, user => 'app', app => $_) } qw(reader late);
	$reader->run('BEGIN; TABLE t');
	$admin->run('BEGIN; LOCK TABLE t; SELECT pg_switch_wal()');
	my $startup = $there->run(q{SELECT pid FROM sessionctl.session_activity WHERE backend_type = 'startup'});
	wait_for('replay to wait', sub { $there->run("SELECT count(*) FROM sessionctl.session_blocking WHERE waiter_pid = $startup") eq '1' });
	like(tree($there, reader => $reader), qr/\Areader app.*, 1 waits behind it; last: .*\n  pid $startup startup, waits for AccessExclusiveLock on public\.t\z/,
		'replay waits for a session');
	is($there->run("SELECT sessionctl.terminate_blockers($startup)"), '1', 'which terminate_blockers ends');
	wait_for('replay', sub { $there->run("SELECT count(*) FROM sessionctl.session_blocking") eq '0' });
	waits($there, $late, 'TABLE t');
	like(tree($there, late => $late), qr/\Apid $startup startup, 1 waits behind it\n  late app.* waits for AccessShareLock on public\.t: TABLE t;\z/,
		'a session waits for what was replayed');
	is($there->run('SELECT sessionctl.terminate_blockers(' . $late->pid . ')'), "NOTICE:  matched 1: 1 spared (not a client)\n0", 'which nobody ends');
	$admin->run('ROLLBACK');
	$late->answer;
	$_->quit for $reader, $late, $there;
	$standby->stop;
};

$admin->quit;
done_testing();
