# What commits again and again, or waits for a lock in its commit, is no less bound by limits than what does not commit.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('commits_in_a_loop', conf => "fsync = on\ncommit_delay = 100000\ncommit_siblings = 0\nmax_prepared_transactions = 2\nwal_level = logical\nmax_wal_senders = 2\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE holder LOGIN; ALTER ROLE holder SET pg_sessionctl.transaction_timeout = 0; CREATE TABLE orders (a int); GRANT ALL ON orders TO app');

sub app { return SessionctlTest::Session->new($node, user => 'app') }

# With commit_delay it is hardly ever outside of a commit. That it is found there is told by how often it commits.
sub limited
{
	my ($name, $body) = @_;
	return subtest $name => sub {
		$admin->run(q{ALTER ROLE app SET pg_sessionctl.statement_timeout = '300 ms'});
		$body->();
		$admin->run('ALTER ROLE app RESET pg_sessionctl.statement_timeout');
	};
}

sub ends_before_one_of_its_next_commits
{
	cmp_ok($admin->run('SELECT count(*) FROM orders'), '<', 50, 'before one of its next commits');
	return $admin->run('TRUNCATE orders');
}

sub is_cancelled
{
	my ($sql) = @_;
	my $session = app();
	like($session->run($sql), qr/\AERROR:  canceling statement due to user request$/m, 'is cancelled');
	ends_before_one_of_its_next_commits();
	return $session->quit;
}

my $loop = 'LOOP INSERT INTO orders VALUES (1); COMMIT; END LOOP';

limited('a procedure' => sub { is_cancelled("DO \$\$ BEGIN $loop; END \$\$") for 1 .. 3 });

# As one message of the client.
limited('many transactions in one statement' => sub { is_cancelled(join '\;', ('BEGIN', 'INSERT INTO orders VALUES (1)', 'COMMIT') x 200) for 1 .. 3 });

# Refused there, it changes nothing for what follows.
limited('a procedure with a command that cannot be undone' => sub {
	is_cancelled("DO \$\$ BEGIN BEGIN $_; EXCEPTION WHEN OTHERS THEN NULL; END; $loop; END \$\$") for q{ALTER SYSTEM SET work_mem = '1MB'}, 'DROP DATABASE IF EXISTS nope';
});

# Between them the transaction goes on. Some servers let no procedure commit there.
sub in_one_pipeline
{
	my @statements = @_;
	my $raw = RawSession->new($node, user => 'app');
	$raw->extended($_) for @statements;
	my $code = $raw->send(S => '')->ended_with_a_word;
	$raw->quit;
	return $code;
}

my $commits_in_pipeline = in_one_pipeline('SELECT 1', 'DO $$ BEGIN COMMIT; PERFORM 1/0; END $$') ne '2D000';

limited('such a command, and a procedure, in one pipeline' => sub {
	is(in_one_pipeline('DROP SUBSCRIPTION IF EXISTS nope', "DO \$\$ BEGIN $loop; END \$\$"), '57014', 'is cancelled');
	ends_before_one_of_its_next_commits();
}) if $commits_in_pipeline;

# What it does is over with that, and its client is to be told so.
subtest 'a prepared transaction' => sub {
	my ($session, $control) = (app(), app());
	$session->run(q{BEGIN; INSERT INTO orders VALUES (1); PREPARE TRANSACTION 'p'});
	ask_for_standby($node);
	$session->send(q{COMMIT PREPARED 'p'});
	wait_for('it to wait for the standby', sub { wait_event($admin, $session) eq 'IPC:SyncRep' });
	reconfigure($node, 'pg_sessionctl.statement_timeout' => '50 ms');
	like($control->run('SELECT pg_sleep(600)'), qr/canceling statement/, 'the reaper has looked at both');
	reconfigure($node, synchronous_standby_names => undef);
	my %event;
	wait_for('it to end', sub { $event{ wait_event($admin, $session) } = 1; $session->has_answered });
	is(join(' ', grep { /Extension/ } keys %event), '', 'afterwards it waits for no look');
	is($session->answer, '', 'and ends well');
	reconfigure($node, 'pg_sessionctl.statement_timeout' => undef);
	$_->quit for $session, $control;
};

# Anybody may lock another session's temporary table by its OID, and the emptying at the commit waits for that.
sub holder_of
{
	my ($table) = @_;
	my $holder = SessionctlTest::Session->new($node, user => 'holder');
	$holder->run('BEGIN; SAVEPOINT s');
	$holder->run("SELECT nextval('$table'::oid::regclass)");
	$holder->run('ROLLBACK TO s');
	return $holder;
}

subtest 'a commit that waits for a lock' => sub {
	my $session = app();
	$session->run('CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS');
	my $table = $session->run(q{SELECT 't'::regclass::oid});
	my $holder = holder_of($table);
	is($admin->run("SELECT count(*) FROM pg_locks WHERE relation = $table AND pid = " . $holder->pid), '1', 'the table is locked');
	$session->run('BEGIN; INSERT INTO t VALUES (1)');
	$session->send('COMMIT');
	wait_for('it to wait for the lock', sub { wait_event($admin, $session) =~ /^Lock:/ });
	reconfigure($node, 'pg_sessionctl.transaction_timeout' => '300 ms');
	wait_for_log($node, $session->{log_position}, qr/\[${\ $session->pid}\] FATAL:  terminating connection due to administrator command/);
	is($admin->run("SELECT count(*) FROM pg_locks WHERE relation = $table AND pid = " . $holder->pid), '1', 'it is ended before it gets the lock');
	$holder->run('ROLLBACK'); # the end of a session empties its tables, too
	wait_for('it to leave', sub { !is_running($session->pid) });
	reconfigure($node, 'pg_sessionctl.transaction_timeout' => undef);
	$_->quit for $session, $holder;
};

# The table is only parsed for: that is no statement before it, and its commit has to empty it all the same.
sub waits_after
{
	my ($command, $is_done) = @_;
	return subtest "the commit of $command, which waits for a lock" => sub {
		my ($raw, $control) = (RawSession->new($node, user => 'app'), app());
		$raw->query('CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS')->expect('Z');
		my $holder = holder_of($admin->run(q{SELECT max(oid) FROM pg_class WHERE relname = 't'}));
		my $position = log_position($node);
		$raw->send(P => "s\0SELECT * FROM t\0\0\0")->extended($command)->send(S => '');
		wait_for('it to wait, or to be refused', sub { wait_event($admin, $raw) =~ /^(?:Lock|Client):/ });
	  SKIP: {
			skip 'this server takes that for a statement', 1 if !$is_done->();
			reconfigure($node, map { ("pg_sessionctl.$_" => '300 ms') } qw(statement_timeout transaction_timeout));
			like($control->run('BEGIN; SELECT pg_sleep(600)'), qr/canceling statement|terminating connection/, 'the reaper has looked at both');
			like(wait_event($admin, $raw), qr/^Lock:/, 'it still waits');
			reconfigure($node, map { ("pg_sessionctl.$_" => undef) } qw(statement_timeout transaction_timeout));
			$holder->run('ROLLBACK');
			my ($tag) = $command =~ /^(\w+ \w+)/;
			like($raw->expect('C'), qr/^$tag\0/, 'and comes to its end');
			is(join("\n", grep { / pid=${\ $raw->pid} / } audit_lines($node, $position)), '', 'it was not signalled');
		}
		$_->quit for $holder, $raw, $control;
	};
}

my $preparer = app();
$preparer->run(q{BEGIN; INSERT INTO orders VALUES (1); PREPARE TRANSACTION 'p'});
$preparer->quit;
waits_after(q{COMMIT PREPARED 'p'}, sub { $admin->run('SELECT count(*) FROM pg_prepared_xacts') eq '0' });
$admin->run('CREATE DATABASE shop');
$admin->run('ALTER DATABASE shop OWNER TO app');
my $files = $node->data_dir . '/base/' . $admin->run(q{SELECT oid FROM pg_database WHERE datname = 'shop'});
waits_after('DROP DATABASE shop', sub { !-e $files });

$admin->quit;
$node->stop;
done_testing();
