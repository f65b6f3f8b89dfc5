# What a session may no longer be interrupted in without the library is not interrupted with it either, and a client does not
# keep its commit from being over.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Select;
use RawSession;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('commits_and_interrupts', conf => "fsync = on\nmax_prepared_transactions = 4\ncommit_siblings = 0\nmax_locks_per_transaction = 512\n");
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
$admin->run('CREATE ROLE app LOGIN CREATEDB; CREATE TABLE orders (a int); GRANT ALL ON orders TO app');
my $tables = q{DO $$ BEGIN FOR i IN 1 .. 1000 LOOP EXECUTE 'CREATE TEMP TABLE x' || i || ' (a int) ON COMMIT DROP'; END LOOP; END $$};

sub app { return SessionctlTest::Session->new($node, user => 'app') }

# Its cancel arrives between the record and the end of the command.
for my $end ('COMMIT', 'ROLLBACK')
{
	subtest "$end PREPARED" => sub {
		my $session = app();
		$admin->run('ALTER SYSTEM SET commit_delay = 100000; SELECT pg_reload_conf()');
		$session->run(q{BEGIN; INSERT INTO orders VALUES (1); PREPARE TRANSACTION 'p'});
		wait_for('the delay', sub { $session->run('SHOW commit_delay') eq '100000' });
		$session->run(q{SET statement_timeout = '50 ms'});
		is($session->run("$end PREPARED 'p'"), '', 'says that it is done, although its time is over');
		is($admin->run('SELECT count(*) FROM pg_prepared_xacts'), '0', 'as it is');
		$admin->run('ALTER SYSTEM RESET commit_delay; SELECT pg_reload_conf(); TRUNCATE orders');
		$session->quit;
	};
}

# Stopped while files are removed: `prepare` returns the session, and some of them. It may be faster.
sub stopped_in_removal
{
	my ($prepare, $end) = @_;
	for (1 .. 50)
	{
		my ($session, @files) = $prepare->();
		$session->send($end);
		1 while -e $files[0] && -e $files[-1] && is_running($session->pid) && !$session->has_answered;
		stop_process($session->pid);
		return $session if grep { -e } @files;
		continue_process($session->pid);
		$session->answer;
		$session->quit;
	}
	die "never stopped in time: $end";
}

sub shop
{
	$admin->run('CREATE DATABASE shop');
	$admin->run('ALTER DATABASE shop OWNER TO app');
	my $directory = $node->data_dir . '/base/' . $admin->run(q{SELECT oid FROM pg_database WHERE datname = 'shop'}) . '/files';
	mkdir $directory or die $!;
	write_file("$directory/$_", '') for 1 .. 20_000;
	return (app(), map { "$directory/" . 500 * $_ } 1 .. 40);
}

my $looks_itself = 'since 17 core looks for interrupts after it has removed the files';

subtest 'DROP DATABASE' => sub {
	plan skip_all => $looks_itself if $version >= 170000;
	my $session = stopped_in_removal(\&shop, 'DROP DATABASE shop');
	is($admin->run('SELECT pg_cancel_backend(' . $session->pid . ')'), 't', 'is cancelled while it removes files');
	continue_process($session->pid);
	is($session->answer, '', 'after that it comes to its end');
	is($admin->run(q{SELECT count(*) FROM pg_database WHERE datname = 'shop'}), '0', 'and the database is gone');
	$session->quit;
};

subtest 'DROP DATABASE, and a limit' => sub {
	plan skip_all => $looks_itself if $version >= 170000;
	my $session = stopped_in_removal(\&shop, 'DROP DATABASE shop');
	reconfigure($node, 'pg_sessionctl.statement_timeout' => '300 ms'); # not before: a slow one would be signalled before its removal
	wait_for_sigint($session->pid);
	continue_process($session->pid);
	is($session->answer, '', 'cancelled while it removes files, it comes to its end');
	is($admin->run(q{SELECT count(*) FROM pg_database WHERE datname = 'shop'}), '0', 'and the database is gone');
	reconfigure($node, 'pg_sessionctl.statement_timeout' => undef);
	$session->quit;
};

# It commits in the middle, and then removes the files of before.
subtest 'ALTER DATABASE SET TABLESPACE, and a limit' => sub {
	my $place = $node->basedir . '/place';
	mkdir $place or die $!;
	$admin->run("CREATE TABLESPACE place LOCATION '$place'");
	$admin->run('GRANT CREATE ON TABLESPACE place TO app');
	for my $limit ('statement_timeout', 'transaction_timeout')
	{
		my $session = stopped_in_removal(sub { $admin->run('DROP DATABASE IF EXISTS shop'); return shop() }, 'ALTER DATABASE shop SET TABLESPACE place');
		my $control = app();
		reconfigure($node, "pg_sessionctl.$limit" => '300 ms');
		$control->send('BEGIN\; SELECT pg_sleep(600)');
		like($control->answer, qr/canceling statement|terminating connection/, "$limit ends a session that began later");
		continue_process($session->pid);
		unlike($session->answer, qr/ERROR/, 'this one comes to its end');
		is($admin->run(q{SELECT spcname FROM pg_database AS d JOIN pg_tablespace AS t ON d.dattablespace = t.oid WHERE datname = 'shop'}), 'place', 'and the database is moved');
		reconfigure($node, "pg_sessionctl.$limit" => undef);
		$_->quit for $session, $control;
	}
	$admin->run('DROP DATABASE shop');
	$admin->run('DROP TABLESPACE place');
};

sub with_temporary_tables
{
	my $session = app();
	my ($directory, $prefix) = $session->run(q{CREATE TEMP TABLE mine (a int); SELECT pg_relation_filepath('mine')}) =~ m{(\S+)/(t\d+_)\d+\z};
	$session->run('DROP TABLE mine; BEGIN');
	$session->run($tables);
	$session->run('SET LOCAL synchronous_commit = off; INSERT INTO orders VALUES (2)');
	return ($session, glob($node->data_dir . "/$directory/${prefix}*"));
}

# A transaction that is committed has ended, though its session is still shown in it.
subtest 'after the commit' => sub {
	my $session = stopped_in_removal(\&with_temporary_tables, 'COMMIT');
	my $control = app();
	reconfigure($node, 'pg_sessionctl.transaction_timeout' => '300 ms');
	$control->send('BEGIN\; SELECT pg_sleep(600)');
	is(reaped($control), 'transaction_timeout', 'a session that began later is ended');
	continue_process($session->pid);
	is($session->answer, '', 'this one has committed');
	is($session->run('SELECT 1'), '1', 'and lives');
	is(join("\n", grep { / pid=${\ $session->pid} / } audit_lines($node, $session->{log_position})), '', 'it was not signalled');
	reconfigure($node, 'pg_sessionctl.transaction_timeout' => undef);
	$_->quit for $session, $control;
};

# These messages fill the connection, where nobody reads them.
subtest 'a client that does not read' => sub {
	my $raw = RawSession->new($node, user => 'app');
	$raw->query($_)->expect('Z') for 'BEGIN', 'INSERT INTO orders VALUES (3)', $tables =~ s/1000/2500/r, 'SET client_min_messages = debug2';
	$raw->query('COMMIT');
	wait_for('its commit', sub { $admin->run('SELECT count(*) FROM orders WHERE a = 3') eq '1' });
	pass('does not hold up its commit');
	$raw->quit;
};

# It is in the middle of a transaction then, and shown as idle.
subtest 'a client that asks for the description of a statement' => sub {
	my $raw = RawSession->new($node, user => 'app');
	my $position = log_position($node);
	$raw->send(P => "s\0UPDATE orders SET a = 1 RETURNING a\0\0\0", S => '');
	$raw->expect('Z');
	$raw->send(D => "Ss\0", H => '');
	$raw->expect('T');
	is($admin->run('SELECT state, xact_start IS NOT NULL FROM sessionctl.session_activity WHERE pid = ' . $raw->pid), 'idle|t', 'is in a transaction');
	reconfigure($node, 'pg_sessionctl.transaction_timeout' => '300 ms');
	wait_for('its end', sub { grep { / pid=${\ $raw->pid} .* rule="transaction_timeout"/ } audit_lines($node, $position) });
	pass('and is ended by transaction_timeout');
	reconfigure($node, 'pg_sessionctl.transaction_timeout' => undef);
	$raw->quit;
};

# Until it sends Sync it is shown in the statement that has failed, and nothing is there to be cancelled.
subtest 'a client that says nothing after an error' => sub {
	$admin->run(q{ALTER ROLE app SET pg_sessionctl.statement_timeout = '300 ms'});
	my $raw = RawSession->new($node, user => 'app');
	my $position = log_position($node);
	$raw->extended('SELECT 1/0');
	is($raw->ended_with_a_word, '22012', 'is told of it');
	wait_for('its end', sub { grep { / action=terminate .* pid=${\ $raw->pid} .* rule="statement_timeout"/ } audit_lines($node, $position) });
	is(join("\n", grep { / action=cancel .* pid=${\ $raw->pid} / } audit_lines($node, $position)), '', 'and ended, without a cancel');
	$admin->run('ALTER ROLE app RESET pg_sessionctl.statement_timeout');
	$raw->quit;
};

# The commit itself is over, and no signal can end what is left of it.
subtest 'a client that reads little' => sub {
	$admin->run(q{ALTER ROLE app SET pg_sessionctl.statement_timeout = '300 ms'});
	my $raw = RawSession->new($node, user => 'app', options => '-c trace_notify=on');
	my $position = log_position($node);
	$raw->query('DO $$ BEGIN LOOP SET client_min_messages = warning; NOTIFY a; SET client_min_messages = debug1; COMMIT; END LOOP; END $$');
	my $readable = IO::Select->new($raw->{socket});
	wait_for('its end', sub { sysread $raw->{socket}, my $some, 1500 if $readable->can_read(0); return grep { / pid=${\ $raw->pid} .* rule="statement_timeout"/ } audit_lines($node, $position) });
	pass('is ended while it waits for its next commit');
	$admin->run('ALTER ROLE app RESET pg_sessionctl.statement_timeout');
	$raw->quit;
};

# Such a command is as much bound by limits as any other.
subtest 'a client that does not read what DROP DATABASE says' => sub {
	$admin->run(q{ALTER ROLE app SET pg_sessionctl.client_silence_timeout = '300 ms'});
	my $raw = RawSession->new($node, user => 'app');
	my $position = log_position($node);
	eval { $raw->query('DROP DATABASE IF EXISTS ' . 'x' x 50) for 1 .. 1500; 1 } or like($@, qr/cannot write/, 'it is ended by then');
	wait_for('its end', sub { grep { / pid=${\ $raw->pid} .* rule="client_silence_timeout"/ } audit_lines($node, $position) });
	pass('is ended');
	$raw->quit;
};

$admin->quit;
$node->stop;
done_testing();
