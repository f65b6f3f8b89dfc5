# What has happened when a section of the documentation begins, beyond who is connected: by page and heading, called with
# the player and the sessions. A scene that cannot be played here returns why.
package DocumentationScenes;

use strict;
use warnings;

use Exporter 'import';
use RawSession;
use SessionctlTest;

our @EXPORT = qw(%documentation_scenes);

our %documentation_scenes = (
	'README.md' => {
		'The first minute' => \&lunch,
	},
	'doc/guide/blocked.md' => {
		'See who is in the way' => \&queue_for_one_row,
		'Free a table' => \&reader_and_writer,
		'A request that blocks everybody' => \&queue_behind_a_request,
		'Waits that are not for a lock' => \&deferrable_transaction,
		'A prepared transaction is in the way' => \&prepared_transaction,
	},
	'doc/guide/incident.md' => {
		map { $_ => \&lunch } 'See who is there', 'Count and preview', 'Cancel a statement'
	},
	'doc/guide/idle-transactions.md' => {
		'End one now' => \&order_in_transaction,
		'What the user reads' => \&order_in_transaction,
	},
	'doc/guide/priority.md' => {
		'Run the migration' => \&low_priority_reader,
		'Give way yourself' => \&query_comes_after_a_request,
	},
	'doc/guide/will-not-die.md' => {
		'See it' => \&can_close_sockets,
	},
	'doc/guide/pgbouncer.md' => {
		map { $_ => sub { return $_[0]->start_bouncer } }
		  'Tell the server where PgBouncer is', 'Close a database and let its clients wait', 'Pause without a lockdown'
	},
	'doc/guide/maintenance.md' => {
		'Logical replication' => \&subscription,
	});

# Regina is in the way of two, one behind the other.
sub queue_for_one_row
{
	my ($player, $regina, @app) = @_;
	$regina->run($_) for 'BEGIN', 'DELETE FROM orders WHERE id = 7';
	wait_behind($player, $_, 'SELECT id FROM orders WHERE id = 7 FOR UPDATE') for @app;
	return;
}

# The same beside sessions that are in nobody's way.
sub lunch
{
	my ($player, @sessions) = @_;
	queue_for_one_row($player, @sessions[ 3 .. 5 ]);
	run_for_long($player, $sessions[6]);
	return;
}

sub run_for_long
{
	my ($player, @sessions) = @_;
	for my $session (@sessions)
	{
		$session->send('SELECT pg_sleep(600)');
		my $active = q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%' AND pid = } . $session->pid;
		wait_for('a report', sub { $player->node->safe_psql('postgres', $active) eq '1' });
	}
	return;
}

sub reader_and_writer
{
	my ($player, $app, $batch) = @_;
	$app->run($_) for 'BEGIN', 'DELETE FROM orders WHERE id = 6';
	$batch->run($_) for 'BEGIN', 'SELECT count(*) FROM orders';
	return;
}

# His settings are those of his role when he connects.
sub low_priority_reader
{
	my ($player) = @_;
	$player->node->safe_psql('postgres', 'ALTER ROLE batch SET pg_sessionctl.lock_priority = low');
	my $batch = $player->connect_user('batch');
	$player->node->safe_psql('postgres', 'ALTER ROLE batch RESET pg_sessionctl.lock_priority');
	$batch->run($_) for 'BEGIN', 'SELECT count(*) FROM orders';
	return;
}

# The query begins as soon as somebody waits for all of a table.
sub query_comes_after_a_request
{
	my ($player, $report, $app) = @_;
	$report->run($_) for 'BEGIN', 'SELECT count(*) FROM orders';
	$app->send(q{DO $$BEGIN
		WHILE NOT EXISTS (SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP;
		PERFORM count(*) FROM orders; END$$});
	return;
}

sub queue_behind_a_request
{
	my ($player, $report, $alter, @app) = @_;
	$report->run($_) for 'BEGIN', 'SELECT count(*) FROM orders';
	wait_behind($player, $alter, 'ALTER TABLE orders ADD note text');
	wait_behind($player, $app[0], 'SELECT count(*) FROM orders');
	wait_behind($player, $app[1], 'INSERT INTO orders VALUES (9)');
	return;
}

sub deferrable_transaction
{
	my ($player, $writer, $reader) = @_;
	$writer->run($_) for 'BEGIN ISOLATION LEVEL SERIALIZABLE', 'SELECT count(*) FROM orders', 'INSERT INTO orders VALUES (5001)';
	$reader->run('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE');
	$reader->send('SELECT count(*) FROM orders');
	my $waits = q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SafeSnapshot' AND pid = } . $reader->pid;
	wait_for('a deferrable transaction to wait', sub { $player->node->safe_psql('postgres', $waits) eq '1' });
	return;
}

sub transfer
{
	my ($player) = @_;
	$player->node->safe_psql('shop', q{BEGIN; DELETE FROM orders WHERE id = 8; PREPARE TRANSACTION 'transfer 4711'});
	return;
}

sub prepared_transaction
{
	my ($player, $app) = @_;
	transfer($player);
	wait_behind($player, $app, 'SELECT id FROM orders WHERE id = 8 FOR UPDATE');
	return;
}

sub order_in_transaction
{
	my ($player, $session) = @_;
	$session->run($_) for 'BEGIN', 'DELETE FROM orders WHERE id = 5';
	return;
}

sub wait_behind
{
	my ($player, $session, $sql) = @_;
	$session->send($sql);
	my $waits = 'SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $session->pid;
	return wait_for("a session to wait in: $sql", sub { $player->node->safe_psql('postgres', $waits) eq 't' });
}

# What the extension needs from the kernel to take another process's socket: pidfd_open and pidfd_getfd.
sub can_close_sockets
{
	my $pidfd = $^O eq 'linux' ? syscall(434, getppid, 0) : -1;
	return 'the operating system does not let a process take the socket of another' if $pidfd < 0 || syscall(438, $pidfd, 0, 0) < 0;
	return;
}

sub subscription
{
	my ($player) = @_;
	my $node = $player->node;
	$node->safe_psql('postgres', 'CREATE ROLE subscriber LOGIN REPLICATION');
	my $subscriber = RawSession->new($node, user => 'subscriber', replication => 'database');
	$subscriber->query('CREATE_REPLICATION_SLOT warehouse LOGICAL pgoutput')->expect('Z');
	$subscriber->query(q{START_REPLICATION SLOT warehouse LOGICAL 0/0 (proto_version '1', publication_names 'all_of_it')})->expect('W');
	$player->add_session($subscriber);
	return;
}

1;
