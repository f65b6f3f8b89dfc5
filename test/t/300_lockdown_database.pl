# lockdown_database refuses logins, then ends the sessions; logins stay refused until unlock_database restores the settings.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use RawSession;
use SessionctlTest;
use Storm;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_server('lockdown_database', init => { allows_streaming => 1 },
	conf => "max_prepared_transactions = 5\nwal_level = logical\nmax_connections = 60\nautovacuum = off\n");
my $admin = SessionctlTest::Session->new($node);
my $odd = q{O'Brien "the" \ Ödd};
(my $odd_identifier = $odd) =~ s/"/""/g;
$admin->run(qq{
	CREATE ROLE app LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE keeper LOGIN;
	CREATE ROLE streamer LOGIN REPLICATION;
	CREATE DATABASE shop OWNER keeper CONNECTION LIMIT 7;
	CREATE DATABASE other;
	CREATE DATABASE "$odd_identifier"});

sub session
{
	my ($user, $database, %with) = @_;
	return SessionctlTest::Session->new($node, user => $user, database => $database, %with);
}

sub door
{
	my ($database) = @_;
	return $admin->run("SELECT datconnlimit, datallowconn FROM pg_database WHERE datname = '$database'");
}

sub lockdowns
{
	return $admin->run('SELECT kind, name, method, locked_by, reason, connected, restores_to, changed FROM sessionctl.session_lockdowns');
}

subtest 'refuses logins, ends sessions, unlocks' => sub {
	my @gone = map { session($_, 'shop') } qw(app app keeper);
	my ($boss, $elsewhere) = (session('boss', 'shop'), session('app', 'other'));
	is( $admin->run(q{SELECT sessionctl.lockdown_database('shop', reason => 'restore')}),
		"NOTICE:  matched 4: 3 ended, 1 spared (superuser)\n3", 'ends all but superusers');
	is(join(' ', map { $_->lives ? 'lives' : 'gone' } @gone, $boss, $elsewhere), 'gone gone gone lives lives', 'in that database');
	like(refusal($node, 'app', 'shop'), qr/too many connections for database "shop"/, 'nobody comes in');
	like(refusal($node, 'keeper', 'shop'), qr/too many connections/, 'not its owner');
	is(refusal($node, 'boss', 'shop'), '', 'but superusers');
	is(refusal($node, 'app', 'other'), '', 'elsewhere nothing changes');
	is(lockdowns(), 'database|shop|connection limit 0|' . $admin->run('SELECT current_user') . '|restore|1|connection limit 7|', 'the view tells');
	is($admin->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'unlocked');
	is(door('shop'), '7|t', 'with the old limit');
	is(lockdowns(), '', 'nothing is remembered');
	is($admin->run(q{SELECT count(*) FROM pg_db_role_setting}), '0', 'nor left behind');
	is(refusal($node, 'app', 'shop'), '', 'all come in');
	like($admin->complaint(q{SELECT sessionctl.unlock_database('shop')}),
		qr/\ANOTICE:  00000: database "shop" is not locked down\nHINT: /, 'unlocked already');
	$_->quit for @gone, $boss, $elsewhere;
};

# ALTER ROLE ... IN DATABASE, which anybody may for himself, holds the weakest lock on the database.
subtest 'a role that alters its own settings in it' => sub {
	my $elsewhere = session('app', 'other');
	$elsewhere->run(q{BEGIN; ALTER ROLE app IN DATABASE shop SET work_mem = '5MB'});
	is($admin->run(q{SELECT sessionctl.lockdown_database('shop')}), '0', 'keeps nobody from locking it down');
	is($admin->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'nor from unlocking it');
	$elsewhere->run(q{PREPARE TRANSACTION 'shield'});
	is($admin->run(q{SELECT sessionctl.lockdown_database('shop', include_superusers => true)}), '0', 'nor does its prepared transaction');
	is($admin->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'in either case');
	$elsewhere->run(q{ROLLBACK PREPARED 'shield'});
	$elsewhere->quit;
};

subtest 'superusers, too' => sub {
	my @gone = map { session($_, 'shop') } qw(app boss);
	is($admin->run(q{SELECT sessionctl.lockdown_database('shop', include_superusers => true)}), '2', 'ends them');
	$_->quit for @gone;
	like(refusal($node, 'boss', 'shop'), qr/not currently accepting connections/, 'and keeps them out');
	is(lockdowns() =~ s/\|postgres\|/|x|/r =~ s/\|\w+\|\|0/|x||0/r, 'database|shop|no connections allowed|x||0|connection limit 7, connections allowed|', 'the view tells');
	is($admin->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'unlocked');
	is(door('shop'), '7|t', 'as it was');
	like($admin->complaint(q{SELECT sessionctl.lockdown_database('postgres', include_superusers => true)}),
		qr/\AERROR:  22023: cannot lock superusers out of the current database\nHINT: /, 'not out of one\'s own database');
	is(door('postgres'), '-1|t', 'which stays open');
};

subtest 'a second lockdown' => sub {
	$admin->run(q{SELECT sessionctl.lockdown_database('shop')}) for 1 .. 2;
	$admin->run(q{SELECT sessionctl.lockdown_database('shop', include_superusers => true)});
	is(door('shop'), '0|f', 'shuts more');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	is(door('shop'), '7|t', 'keeps the memory of the first');
};

subtest 'terminate => false' => sub {
	my $session = session('app', 'shop');
	is($admin->run(q{SELECT sessionctl.lockdown_database('shop', terminate => false)}), '0', 'ends nobody');
	ok($session->lives, 'the connected session stays');
	like(refusal($node, 'app', 'shop'), qr/too many connections/, 'nobody else comes in');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$session->quit;
};

subtest 'settings changed by hand meanwhile' => sub {
	$admin->run(q{SELECT sessionctl.lockdown_database('shop')});
	$admin->run('ALTER DATABASE shop CONNECTION LIMIT 5');
	like(lockdowns(), qr/\|connection limit 7\|connection limit 5\z/, 'a limit set by hand is shown');
	is( $admin->run(q{SELECT sessionctl.unlock_database('shop')}),
		"NOTICE:  the connection limit of database \"shop\" was changed to 5 after its lockdown and is kept\n"
		  . "DETAIL:  Before the lockdown it was 7.\nt", 'unlock says what it did about it');
	is(door('shop'), '5|t', 'it stays');
	$admin->run('ALTER DATABASE shop CONNECTION LIMIT 7');

	$admin->run(q{SELECT sessionctl.lockdown_database('shop')});
	$admin->run('ALTER DATABASE shop RENAME TO store');
	like(lockdowns(), qr/\Adatabase\|store\|/, 'renamed, it is still locked');
	is($admin->run(q{SELECT sessionctl.unlock_database('store')}), 't', 'and unlocked by its new name');
	$admin->run('ALTER DATABASE store RENAME TO shop');
	is(door('shop'), '7|t', 'as it was');

	$admin->run('CREATE DATABASE short_lived');
	$admin->run(q{SELECT sessionctl.lockdown_database('short_lived')});
	$admin->run('DROP DATABASE short_lived');
	is($admin->run('SELECT count(*) FROM pg_db_role_setting'), '0', 'dropped, it takes the memory along');

	$admin->run(q{SELECT sessionctl.lockdown_database('shop')});
	$admin->run(q{ALTER DATABASE shop SET pg_sessionctl.lockdown TO 'nonsense'});
	like(lockdowns(), qr/not readable: use ALTER/, 'a memory that somebody has spoiled is shown');
	like($admin->complaint(q{SELECT sessionctl.unlock_database('shop')}), qr/\AERROR:  55000: .*not readable\nDETAIL: .*\nHINT: /, 'and refused');
	$admin->run('ALTER DATABASE shop RESET pg_sessionctl.lockdown; ALTER DATABASE shop CONNECTION LIMIT 7');
};

subtest 'from any database that has the extension, by whoever may alter it' => sub {
	my $there = SessionctlTest::Session->new($node, database => 'other');
	$there->run('CREATE EXTENSION pg_sessionctl');
	my $keeper = session('keeper', 'other');
	my $foreign = session('app', 'shop');
	like($keeper->run(q{SELECT sessionctl.lockdown_database('shop')}), qr/matched 1: 1 denied\n0\z/, 'its owner shuts it, but ends nobody whom he may not');
	ok($foreign->lives, 'the connected session stays');
	is(door('shop'), '0|t', 'it is shut');
	is($there->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'and opened from another database');
	$keeper->run(q{SELECT sessionctl.lockdown_database('shop')});
	is($keeper->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'by its owner, too');
	is(door('shop'), '7|t', 'as it was');
	my $app = session('app', 'other');
	like($app->complaint(q{SELECT sessionctl.lockdown_database('shop')}), qr/\AERROR:  42501: must be owner of database shop/, 'others may not');
	$admin->run(q{SELECT sessionctl.lockdown_database('shop', terminate => false)});
	like($app->complaint(q{SELECT sessionctl.unlock_database('shop')}), qr/\AERROR:  42501: must be owner of database shop/, 'nor open it');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	# Before anything is locked, waited for or ended.
	my $rival = SessionctlTest::Session->new($node);
	$rival->run(q{BEGIN; COMMENT ON DATABASE shop IS 'ours'});
	like($app->complaint(q{SELECT sessionctl.lockdown_database('shop')}), qr/\AERROR:  42501: /, 'which is looked at first');
	$rival->run('ROLLBACK');
	$_->quit for $keeper, $foreign, $app, $there, $rival;
};

subtest 'arguments' => sub {
	my $lock = 'SELECT sessionctl.lockdown_database';
	like($admin->complaint("$lock('$_')"), qr/\AERROR:  3D000: database .* does not exist/, "unknown: $_") for 'nowhere', 'SHOP', 'a' x 64, '';
	like($admin->complaint("$lock(NULL)"), qr/\AERROR:  22004: argument "database"/, 'NULL');
	like($admin->complaint("$lock('shop', include_superusers => NULL)"), qr/\AERROR:  22004: argument "include_superusers"/, 'NULL');
	like($admin->complaint("$lock('shop', timeout => '2001 ms')"), qr/\AERROR:  22023: timeout must not be longer than 2 s\nDETAIL: .*\nHINT: /, 'a longer timeout');
	$admin->run('CREATE DATABASE "' . $longest =~ s/"/""/gr . '"');
	for my $name ($odd, $longest)
	{
		my $literal = $name =~ s/'/''/gr;
		my $inside = session('app', $name);
		is($admin->run("$lock('$literal')"), '1', "any name: $name");
		is(door($literal), '0|t', 'is locked');
		is($admin->run(qq{SELECT sessionctl.unlock_database('$literal')}), 't', 'and unlocked');
		is(door($literal), '-1|t', 'as it was');
		$inside->quit;
	}
	like($admin->complaint("BEGIN; $lock('shop')"), qr/\AERROR:  25001: lockdown_database cannot run inside a transaction block\nHINT: /, 'in a transaction block');
	$admin->run('ROLLBACK');
	like($admin->complaint("DO \$\$ BEGIN PERFORM sessionctl.lockdown_database('shop'); EXCEPTION WHEN division_by_zero THEN NULL; END \$\$"),
		qr/\AERROR:  25001: /, 'in a subtransaction');
	is(door('shop'), '7|t', 'nothing has changed');
};

subtest 'what fails half way' => sub {
	is($admin->run(q{SELECT 1 / (sessionctl.lockdown_database('shop') * 0)}), 'ERROR:  division by zero', 'an error in the same statement');
	is(door('shop'), '7|t', 'undoes it');
	my $stubborn = session('app', 'shop');
	my $caller = SessionctlTest::Session->new($node);
	stop_process($stubborn->pid);
	my (undef, $answer) = while_it_holds_door($caller, qr/is still running/, sub { $admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')') });
	like($answer, qr/canceling statement due to user request/, 'so does a cancel');
	is(door('shop'), '7|t', 'it is open');
	like($caller->run(q{SELECT sessionctl.lockdown_database('shop'), pg_sleep(600)}), qr/canceling statement due to user request/,
		'so does a statement that would hold the lock on');
	is(door('shop'), '7|t', 'it is open');
	is(refusal($node, 'app', 'shop'), '', 'all come in');
	continue_process($stubborn->pid);
	$_->quit for $stubborn, $caller;
};

sub holds_door
{
	my ($session) = @_;
	return $admin->run(q{SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass
		AND mode IN ('ExclusiveLock', 'AccessExclusiveLock') AND granted AND pid = } . $session->pid) eq '1';
}

# What came of an action while the session held the lock to close shop, and the session's answer after it. It holds it for
# two seconds at most: where these two look as if the action came too late, it is tried again.
sub while_it_holds_door
{
	my ($session, $late, $action) = @_;
	my @found;
	wait_for('an action in time', sub {
		$session->send(q{SELECT sessionctl.lockdown_database('shop')});
		wait_for('the lock, or an answer', sub { holds_door($session) || $session->has_answered });
		@found = ($action->(), $session->answer);
		return 1 if "@found" !~ $late;
		$admin->run(q{SELECT sessionctl.unlock_database('shop')});
		return 0;
	});
	return @found;
}

# Nobody keeps the lock, whatever becomes of the statement that took it.
subtest 'the lock is not kept' => sub {
	my $lock = q{sessionctl.lockdown_database('shop', terminate => false)};
	my $pipeline = RawSession->new($node, user => 'boss');
	$pipeline->extended("SELECT $lock");
	is(refusal($node, 'boss', 'shop'), '', 'in a pipeline that goes no further');
	$pipeline->quit;
	my $deaf = SessionctlTest::Session->new($node);
	like($deaf->run("DO \$\$ BEGIN PERFORM $lock; BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; PERFORM pg_sleep(600); END \$\$"),
		qr/terminating connection due to administrator command/, 'nor by who catches the cancel');
	is(refusal($node, 'boss', 'shop'), '', 'logins go on');
	like($admin->complaint(qq{SELECT $lock, sessionctl.lockdown_database('other')}),
		qr/\AERROR:  25001: a database has already been locked in this transaction\nHINT: /, 'nor two at once');
	is(door('other'), '-1|t', 'neither is locked');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	is(door('shop'), '7|t', 'as it was');
	$deaf->quit;
};

# Each of these would keep it for as long as it likes, and every login waiting.
subtest 'the lock is released in time' => sub {
	my $lock = q{sessionctl.lockdown_database('shop', terminate => false)};
	my $why = 'DETAIL:  It held the lock that logins to a database need for longer than 2 s\.';
	my $holder = SessionctlTest::Session->new($node);
	my $is_free = sub { is(refusal($node, 'boss', 'shop'), '', "$_[0]: logins go on"); is(door('shop'), $_[1] || '7|t', 'the door') };
	my $cancelled = qr/\AERROR:  57014: canceling statement due to user request\n$why\z/;

	like($holder->complaint("SELECT $lock, pg_sleep(600)"), $cancelled, 'a statement that goes on');
	$is_free->('cancelled');
	# The program, too, has to hear of it.
	$holder->run('CREATE TABLE lines (line text)');
	like($holder->complaint("DO \$\$ BEGIN PERFORM $lock; COPY lines FROM PROGRAM 'exec sleep 600'; END \$\$"), qr/\AERROR:  /, 'one that reads what a program writes');
	$is_free->('its program ended');
	# A trigger that is due at the commit.
	$holder->run(q{CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON lines DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE slow()});
	like($holder->complaint("WITH line AS (INSERT INTO lines VALUES ('x')) SELECT $lock"), $cancelled, 'a trigger');
	$is_free->('cancelled');
	like($holder->complaint("SET lock_timeout = '50 ms'; SET statement_timeout = '599 s'; SELECT $lock, pg_sleep(600)"), $cancelled, 'with timeouts of its own');
	$is_free->('cancelled');
	$holder->run('RESET ALL');
	# In a subtransaction it is refused, but that may begin after it.
	my $catch = 'BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END;';
	like($holder->run("DO \$\$ BEGIN PERFORM $lock; LOOP $catch END LOOP; END \$\$"),
		qr/\AFATAL:  terminating connection due to administrator command\n$why\n/, 'one that catches every cancel is ended, and told why');
	$is_free->('ended');
	$holder->quit;

	# The client takes nothing of what it asked for.
	for my $what ("SELECT $lock, repeat('x', 1000000) FROM generate_series(1, 1) UNION ALL SELECT 0, repeat('x', 1000000) FROM generate_series(1, 100)",
		"DO \$\$ BEGIN PERFORM $lock; BEGIN LOOP RAISE NOTICE '%', repeat('x', 1000); END LOOP; EXCEPTION WHEN query_canceled THEN NULL; END; PERFORM pg_sleep(600); END \$\$")
	{
		my $silent = RawSession->new($node, user => 'boss');
		$silent->send(Q => "$what\0");
		wait_for('the lock, or its end', sub {
			!is_running($silent->pid)
			  || $admin->run(q{SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND mode = 'ExclusiveLock' AND granted}) eq '1';
		});
		$is_free->('a client that does not read');
		$silent->quit;
	}
};

subtest 'what comes after the lock is left alone' => sub {
	plan skip_all => 'no transaction ends inside of a statement before 11' if $admin->run('SHOW server_version_num') < 110000;
	my $holder = SessionctlTest::Session->new($node);
	# Longer than the lock may be held, without it.
	for my $end (qw(COMMIT ROLLBACK))
	{
		is($holder->run("DO \$\$ BEGIN PERFORM sessionctl.lockdown_database('shop', terminate => false); $end; PERFORM pg_sleep(3); END \$\$"), '', "$end inside of the statement");
		is(door('shop'), $end eq 'COMMIT' ? '0|t' : '7|t', 'the door');
		$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	}
	is($holder->run(q{SELECT pg_sleep(3)}), '', 'the next statement');
	ok($holder->lives, 'and the session');
	$holder->quit;
};

# Somebody must be able to log in somewhere, to open the others.
subtest 'two who close each other\'s databases to superusers' => sub {
	my $here = SessionctlTest::Session->new($node);
	my $there = SessionctlTest::Session->new($node, database => 'other');
	my $close = sub { "sessionctl.lockdown_database('$_[0]', include_superusers => true, terminate => false)" };
	$here->run('SELECT ' . $close->('other'));
	like($there->complaint('SELECT ' . $close->('postgres')),
		qr/\AERROR:  55000: the database that you are connected to does not accept connections\nHINT: /, 'one after the other');
	is(door('postgres'), '-1|t', 'which stays open');
	$here->run(q{SELECT sessionctl.unlock_database('other')});
	# The lock is there for two seconds at most: whoever looks too late tries again.
	my $begin = sub { $here->send('SELECT ' . $close->('other') . ', pg_sleep(1.2)') };
	$begin->();
	wait_for('the lock', sub {
		return 1 if holds_door($here);
		return 0 if !$here->has_answered;
		$here->answer;
		$here->run(q{SELECT sessionctl.unlock_database('other')});
		$begin->();
		return 0;
	});
	like($there->complaint('SELECT ' . $close->('postgres')),
		qr/\AERROR:  (55P03: another session is closing the database that you are connected to|55000: the database that you are connected to does not accept)/, 'at once');
	$here->answer;
	is(door('postgres') . ' ' . door('other'), '-1|t 0|f', 'one of them stays open');
	$here->run(q{SELECT sessionctl.unlock_database('other')});
	$_->quit for $here, $there;
};

subtest 'a concurrent change of CONNECTION LIMIT' => sub {
	my ($caller, $rival) = map { SessionctlTest::Session->new($node) } 1 .. 2;
	my $meanwhile = sub {
		my ($sql, $limit) = @_;
		$rival->run('BEGIN; LOCK TABLE pg_database IN EXCLUSIVE MODE');
		$caller->send($sql);
		wait_for('the wait', sub { $rival->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $caller->pid) eq '1' });
		$rival->run("ALTER DATABASE shop CONNECTION LIMIT $limit; COMMIT");
		return $caller->answer;
	};
	like($meanwhile->(q{SELECT sessionctl.lockdown_database('shop', terminate => false)}, 9),
		qr/\AERROR:  database "shop" was concurrently altered\nHINT: /, 'is not forgotten');
	is(door('shop'), '9|t', 'it stays');
	$admin->run(q{SELECT sessionctl.lockdown_database('shop', terminate => false)});
	like($meanwhile->(q{SELECT sessionctl.unlock_database('shop')}, 3), qr/\AERROR:  database "shop" was concurrently altered\nHINT: /, 'nor by an unlock');
	is(door('shop'), '3|t', 'it stays');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$admin->run('ALTER DATABASE shop CONNECTION LIMIT 7');
	$_->quit for $caller, $rival;
};

subtest 'a concurrent rename' => sub {
	my ($caller, $rival) = map { SessionctlTest::Session->new($node) } 1 .. 2;
	$rival->run('BEGIN; ALTER DATABASE shop RENAME TO shop_old; ALTER DATABASE other RENAME TO shop');
	$caller->send(q{SELECT sessionctl.lockdown_database('shop')});
	wait_for('the wait', sub { $admin->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $caller->pid) eq '1' });
	$rival->run('COMMIT');
	like($caller->answer, qr/\AERROR:  database "shop" was concurrently renamed or dropped\nHINT: /, 'is told');
	is(door('shop') . ' ' . door('shop_old'), '-1|t 7|t', 'and neither is locked');
	$rival->run('ALTER DATABASE shop RENAME TO other; ALTER DATABASE shop_old RENAME TO shop');
	$_->quit for $caller, $rival;
};

subtest 'sessions that do not end' => sub {
	my $stubborn = session('app', 'shop');
	my $caller = SessionctlTest::Session->new($node);
	stop_process($stubborn->pid);
	my ($code, $answer) = while_it_holds_door($caller, qr/^53300 /, sub { RawSession->begin_login($node, user => 'app', database => 'shop')->ended_with });
	is($code, '57P01', 'logins that wait for the lock meanwhile are ended');
	like($answer, qr/WARNING:  1 session is still running after .*\n0\z/s, 'survivors are counted in a warning');
	like(refusal($node, 'app', 'shop'), qr/too many connections/, 'the door stays shut');
	continue_process($stubborn->pid);
	wait_for('the end', sub { !is_running($stubborn->pid) });
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$_->quit for $stubborn, $caller;
};

subtest 'pending logins' => sub {
	my $late = RawSession->begin_login($node, user => 'app', database => 'shop', options => '-c post_auth_delay=600');
	wait_for('a login under way', sub { delayed_logins($admin) });
	# Ended, it may become a session for an instant, counted or gone already.
	like($admin->run(q{SELECT sessionctl.lockdown_database('shop')}), qr/\A(NOTICE:  matched 1: 1 already gone\n)?[01]\z/, 'a login under way does not hold it up');
	is($late->ended_with, '57P01', 'it is ended');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});

	my $rival = SessionctlTest::Session->new($node);
	$rival->run('BEGIN; ALTER DATABASE shop CONNECTION LIMIT 9');
	like($admin->complaint(q{SELECT sessionctl.lockdown_database('shop')}),
		qr/\AERROR:  55P03: another session is changing the same database or role\nHINT: /, 'an open ALTER DATABASE is told');
	$rival->run(q{ROLLBACK; BEGIN; COMMENT ON DATABASE shop IS 'ours'});
	like($admin->complaint(q{SELECT sessionctl.lockdown_database('shop')}),
		qr/\AERROR:  55P03: could not lock logins to database "shop" within 1000 ms\nDETAIL: .*\nHINT: /, 'and one that locks the database');
	is(refusal($node, 'app', 'shop'), '', 'nobody has to wait afterwards');
	$rival->run('ROLLBACK');
	for my $change (q{COMMENT ON DATABASE shop IS 'ours'}, 'ALTER DATABASE shop CONNECTION LIMIT 9')
	{
		$rival->run("BEGIN; $change; PREPARE TRANSACTION 'it''s'");
		like($admin->complaint(q{SELECT sessionctl.lockdown_database('shop')}),
			qr/\AERROR:  55P03: .*^HINT: .*(is|may be) in the way, which no signal ends: in database "postgres", ROLLBACK PREPARED 'it''s' or COMMIT PREPARED does\.\z/ms,
			"and one that is prepared: $change");
		$rival->run(q{ROLLBACK PREPARED 'it''s'});
	}
	$rival->run(q{BEGIN; COMMENT ON ROLE app IS 'theirs'; ALTER DATABASE shop SET work_mem = '1MB'; PREPARE TRANSACTION 'elsewhere'; BEGIN; COMMENT ON DATABASE shop IS 'ours'});
	unlike($admin->complaint(q{SELECT sessionctl.lockdown_database('shop')}), qr/elsewhere/, 'but none that is not in the way');
	$rival->run(q{ROLLBACK; ROLLBACK PREPARED 'elsewhere'});
	# Who is inside keeps DROP DATABASE waiting for 5 s, with the lock held.
	my $inside = session('app', 'shop');
	$rival->send('DROP DATABASE shop');
	wait_for('its lock', sub { holds_door($rival) });
	stop_process($rival->pid);    # or it might be too slow for what comes now
	like($admin->complaint(q{SELECT sessionctl.lockdown_database('shop')}), qr/\AERROR:  55P03: could not lock logins/, 'and DROP DATABASE');
	continue_process($rival->pid);
	like($rival->answer, qr/is being accessed by other users/, 'which goes its own way');
	ok($inside->lives, 'nobody was ended');
	is(door('shop'), '7|t', 'nothing has changed');
	$_->quit for $rival, $inside;
};

subtest 'a login that is asked for its password' => sub {
	prompt_for_password($node, 'prompted');
	my $before = password_prompt($node, user => 'prompted', database => 'shop');
	is($admin->run(q{SELECT sessionctl.lockdown_database('shop')}), '0', 'is no session');
	like(answer_prompt($before), qr/FATAL 53300 too many connections for database "shop"/, 'and comes to a closed door');
	my $after = password_prompt($node, user => 'prompted', database => 'shop');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	is(answer_prompt($after), 'in', 'or to an open one');
	$after->send(X => '');
	is($after->ended_with, undef, 'it says good-bye');
};

subtest 'a walsender' => sub {
	my $walsender = session('streamer', 'shop', replication => 'database');
	is($admin->run(q{SELECT sessionctl.lockdown_database('shop')}), '1', 'is ended');
	ok(!$walsender->lives, 'and gone');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$walsender->quit;
};

subtest 'the databases that every cluster has' => sub {
	for my $name (qw(template0 template1 postgres))
	{
		my $before = door($name);
		like($admin->run("SELECT sessionctl.lockdown_database('$name')"), qr/\d\z/, "$name: locked");
		is(door($name), '0|' . ($name eq 'template0' ? 'f' : 't'), 'shut');
		is($admin->run("SELECT sessionctl.unlock_database('$name')"), 't', 'unlocked');
		is(door($name), $before, 'as it was');
	}
	my $there = SessionctlTest::Session->new($node, database => 'other');
	is($there->run(q{SELECT sessionctl.lockdown_database('template1', include_superusers => true)}), '0', 'shut for superusers, too');
	is($there->run(q{SELECT sessionctl.unlock_database('template1')}), 't', 'unlocked');
	is(door('template1'), '-1|t', 'as it was');
	$there->quit;
};

subtest 'two at once' => sub {
	my @callers = map { SessionctlTest::Session->new($node) } 1 .. 2;
	my %answer = (lockdown => qr/\A\d\z|\AERROR:  (could not lock logins|another session is changing)/,
		unlock => qr/\A(NOTICE:  .*\nHINT: .*\n)?[tf]\z|\AERROR:  another session is changing/);
	for my $round (1 .. 5)
	{
		for my $what (qw(lockdown unlock))
		{
			$_->send("SELECT sessionctl.${what}_database('shop')") for @callers;
			my @answers = map { $_->answer } @callers;
			like($_, $answer{$what}, "$what: an answer or a clean error") for @answers;
			ok((grep { /\A[\dt]\z/ } @answers), "$what: one at least came through");
			is(door('shop'), $what eq 'lockdown' ? '0|t' : '7|t', "$what: the door");
		}
	}
	# One locks while the other has it locked already, and waits for who will not go.
	my $stubborn = session('app', 'shop');
	stop_process($stubborn->pid);
	$callers[0]->send(q{SELECT sessionctl.lockdown_database('shop')});
	wait_for('the lock, or an answer', sub { holds_door($callers[0]) || $callers[0]->has_answered });
	like($callers[1]->run(q{SELECT sessionctl.lockdown_database('shop')}), $answer{lockdown}, 'the second gives up, or waits');
	like($callers[0]->answer, qr/\n0\z/, 'the first comes through');
	continue_process($stubborn->pid);
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	is(door('shop'), '7|t', 'as it was');
	$_->quit for $stubborn, @callers;
};

subtest 'a commit that waits for a standby does not keep the lock' => sub {
	$admin->run(q{ALTER SYSTEM SET synchronous_standby_names TO 'nobody'});
	$admin->run('SELECT pg_reload_conf()');
	wait_for('the reload', sub { $admin->run('SHOW synchronous_standby_names') eq 'nobody' });
	is($admin->run(q{SELECT sessionctl.lockdown_database('shop')}), '0', 'it returns');
	$admin->run('SET synchronous_commit TO local');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	# Who insists on the standby is told that there is none.
	like($admin->run(q{SELECT sessionctl.lockdown_database('shop', terminate => false), set_config('synchronous_commit', 'on', true)}),
		qr/\AWARNING:  canceling wait for synchronous replication due to user request\nDETAIL:  The transaction has already committed locally, but might not have been replicated to the standby\.\n0\|on\z/,
		'nor one that was told to wait');
	is(door('shop'), '0|t', 'it has committed here');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$admin->run(q{ALTER SYSTEM RESET synchronous_standby_names});
	$admin->run('SELECT pg_reload_conf(); RESET synchronous_commit');
	wait_for('the reload', sub { $admin->run('SHOW synchronous_standby_names') eq '' });
};

subtest 'slots, prepared transactions and subscriptions remain' => sub {
	my $inside = SessionctlTest::Session->new($node, database => 'shop');
	$inside->run(q{SELECT pg_create_logical_replication_slot('feed', 'pgoutput')});
	$inside->run(q{BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'left over'});
	$inside->run(q{CREATE SUBSCRIPTION paper CONNECTION '' PUBLICATION news WITH (connect = false)});
	like($admin->run(q{SELECT sessionctl.lockdown_database('shop')}),
		qr/database "shop" still has objects that ending sessions does not remove\nDETAIL:  logical replication slot feed, prepared transaction 'left over', subscription paper\.\nHINT: /, 'is listed');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$inside->run(q{ROLLBACK PREPARED 'left over'});
	$inside->run('ALTER SUBSCRIPTION paper SET (slot_name = NONE)');
	$inside->run('DROP SUBSCRIPTION paper');
	$inside->run(q{SELECT pg_drop_replication_slot('feed')});
	$inside->quit;
};

# As slow as it can be told to be: it goes on until the server stops. Only this one table is old, so no other database
# keeps the launcher busy first. Once the server has counted the rows, it is a VACUUM ANALYZE.
subtest 'an autovacuum against wraparound' => sub {
	my $inside = SessionctlTest::Session->new($node, database => 'shop');
	$inside->run('CREATE TABLE old (a integer)
		WITH (autovacuum_freeze_max_age = 100000, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)');
	# Each in a transaction of its own, below the one: 100,000 transaction ids.
	$inside->run('DO $$ BEGIN FOR i IN 1..101000 LOOP BEGIN INSERT INTO old VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$');
	$admin->run('ALTER SYSTEM SET autovacuum_naptime TO 1');
	$admin->run('ALTER SYSTEM SET autovacuum TO on');
	$admin->run('SELECT pg_reload_conf()');
	my $worker = '';
	my $at_work = q{SELECT pid FROM pg_stat_activity WHERE datname = 'shop' AND query LIKE 'autovacuum: VACUUM% public.old (to prevent wraparound)'};
	wait_for('it', sub { $worker = $admin->run($at_work) });
	like($admin->run(q{SELECT sessionctl.lockdown_database('shop')}),
		qr/^NOTICE:  \d+ background process(?:es)? remains? connected to database "shop"\nDETAIL:  .*rocess $worker \(autovacuum worker, to prevent wraparound\)/m, 'is named');
	ok(is_running($worker), 'and goes on');
	my ($count) = $admin->run('SELECT connected FROM sessionctl.session_lockdowns') =~ /(\d+)\z/;
	cmp_ok($count, '>=', 2, 'it counts as the client does');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$admin->run('ALTER SYSTEM RESET autovacuum');
	$admin->run('ALTER SYSTEM RESET autovacuum_naptime');
	$admin->run('SELECT pg_reload_conf()');
	$inside->quit;
};

# The owner of the database that the caller is in chooses how statements are planned there: ours, with the lock held, too.
subtest 'plans that start processes' => sub {
	my $forcing = $admin->run(q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
	plan skip_all => 'this server has no such plans' if !$forcing;
	$admin->run(q{ALTER SYSTEM SET log_min_messages = debug1});
	$admin->run('SELECT pg_reload_conf()');
	$admin->run("ALTER DATABASE other SET $forcing = on");
	my $caller = session('boss', 'other');
	my $position = log_position($node);
	my $started = sub { scalar log_lines($node, $position, qr/starting background worker process "parallel worker/) };
	wait_for('workers of the statements of others', sub { $caller->run('SELECT count(*) FROM pg_class'); $started->() });
	$position = log_position($node);
	like($caller->run(q{SELECT sessionctl.lockdown_database('shop', terminate => false)}), qr/^0\z/m, 'locked down');
	is($caller->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'unlocked');
	is($started->(), 0, 'no statement of ours has started one');
	$caller->quit;
	$admin->run('ALTER SYSTEM RESET log_min_messages; ALTER DATABASE other RESET ALL');
	$admin->run('SELECT pg_reload_conf()');
};

subtest 'a dump of the cluster' => sub {
	$admin->run(q{SELECT sessionctl.lockdown_database('shop', reason => 'a move')});
	my $dump = qx(pg_dumpall --schema-only -d '@{[ $node->connstr('postgres') ]}' 2>&1);
	like($dump, qr/ALTER DATABASE shop SET "pg_sessionctl\.lockdown" TO 'limit=7 open=yes locked_limit=0 .* reason=a%20move pool= pool_database='/,
		'has the memory');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
};

subtest 'a standby' => sub {
	my $standby = new_standby($node);
	my $there = SessionctlTest::Session->new($standby);
	$admin->run(q{SELECT sessionctl.lockdown_database('shop')});
	$admin->run(q{SELECT sessionctl.lockdown_role('app', terminate => false)});
	wait_for('replay', sub { $there->run(q{SELECT string_agg(kind || ' ' || name || ' ' || method, ', ' ORDER BY kind) FROM sessionctl.session_lockdowns})
		eq 'database shop connection limit 0, role app nologin' });
	$admin->run(q{SELECT sessionctl.unlock_role('app')});
	like($there->complaint(q{SELECT sessionctl.lockdown_database('other')}),
		qr/\AERROR:  25006: lockdown_database cannot run during recovery\nHINT: .*sessionctl\.lockdown_server\(\)/, 'says what to do instead');
	like($there->complaint(q{SELECT sessionctl.unlock_database('shop')}), qr/\AERROR:  25006: /, 'nor can it be opened there');
	$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	$there->quit;
	$standby->stop;
};

subtest 'a storm' => sub {
	my $rounds = $ENV{STORM_ROUNDS} || 3;
	$admin->run('ALTER DATABASE shop CONNECTION LIMIT 30');
	my $storm = Storm->new($node, user => 'app', database => 'shop', clients => 24);
	my $inside = q{SELECT count(*) FROM sessionctl.session_activity WHERE datname = 'shop' AND usename = 'app'};    # no autovacuum
	my ($ended, $intruders) = (0, 0);
	for (1 .. $rounds)
	{
		wait_for('all to be inside', sub { $admin->run($inside) >= 24 });
		my ($count) = $admin->run(q{SELECT sessionctl.lockdown_database('shop')}) =~ /(\d+)\z/;
		$ended += $count;
		for (my $until = time + 1; time < $until; usleep(5000))
		{
			$intruders += $admin->run($inside);
		}
		$admin->run(q{SELECT sessionctl.unlock_database('shop')});
	}
	$storm->quit;
	ok($ended >= 24 * $rounds, 'all are ended');
	is($intruders, 0, 'nobody is inside afterwards');
	is(door('shop'), '30|t', 'the door is as it was');
};

done_testing();
