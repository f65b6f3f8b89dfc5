# vacuum_horizon names everything that keeps VACUUM from removing dead rows, and its remedies work.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $primary = new_server('primary', init => { allows_streaming => 'logical' }, conf => <<'CONF');
max_prepared_transactions = 4
wal_receiver_status_interval = 1
CONF
my $admin = SessionctlTest::Session->new($primary);
$admin->run(q{
	CREATE ROLE app LOGIN; CREATE ROLE low LOGIN; CREATE ROLE copier LOGIN REPLICATION; CREATE DATABASE other;
	CREATE TABLE t (a int); GRANT ALL ON t TO app, copier});

sub horizon
{
	my ($columns, %from) = @_;
	return ($from{as} // $admin)->run("SELECT $columns FROM sessionctl.vacuum_horizon WHERE " . ($from{where} // 'true'));
}
# Each has a transaction ID of its own, so that the order is known
sub next_xid { return $admin->run('SELECT txid_current()') }

is(horizon('count(*)', where => q{kind <> 'session' OR owner IS NOT NULL}), '0', 'nothing holds it back');

$admin->run(q{SELECT pg_create_logical_replication_slot('decoding', 'pgoutput')});
next_xid();
$primary->safe_psql('postgres', q{BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'it''s \ old'});
next_xid();
my $reader = SessionctlTest::Session->new($primary, user => 'app', app => 'reader');
$reader->run('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE t');
next_xid();
my $writer = SessionctlTest::Session->new($primary, user => 'app', app => q{wri'ter});
$writer->run('BEGIN; INSERT INTO t VALUES (2)');
next_xid();

my $boss = SessionctlTest::Session->new($primary, app => 'boss');
$boss->run('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE t');
like(horizon('remedy', where => q{name = 'boss'}), qr/, include_superusers := true\)\z/, 'of a superuser with the option that it takes');
$admin->run(horizon('remedy', where => q{name = 'boss'}));
like($boss->end_messages, qr/terminating connection/, 'which ends it');

my $known = q{kind IN ('prepared transaction', 'replication slot', 'standby') OR owner = 'app'};
is(horizon('kind, name, database, owner, holds, kind = \'replication slot\' OR held_for IS NOT NULL', where => $known), <<"ROWS" =~ s/\n\z//r, 'the oldest first');
replication slot|decoding|postgres||catalog rows|t
prepared transaction|it's \\ old|postgres|postgres|rows|t
session|reader|postgres|app|rows|t
session|wri'ter|postgres|app|rows|t
ROWS
is($admin->run("SELECT bool_and(h.xid::text = CASE h.pid WHEN @{[ $writer->pid ]} THEN a.backend_xid ELSE a.backend_xmin END::text)
		FROM sessionctl.vacuum_horizon AS h JOIN pg_stat_activity AS a USING (pid) WHERE h.owner = 'app'"),
	't', 'the reader by its snapshot, the writer by its own number');
is(horizon('pid, remedy', where => q{name = 'decoding'}),
	q{|SELECT pg_catalog.pg_drop_replication_slot('decoding')}, 'a slot that nobody uses');
is(horizon('count(*)', where => "owner = 'app' AND xid_age > 0"), '2', 'with an age');

subtest 'what others may see' => sub {
	my $low = SessionctlTest::Session->new($primary, user => 'low');
	is(horizon('pid, owner, held_for, remedy', as => $low, where => "owner = 'app' ORDER BY pid = @{[ $reader->pid ]} DESC"),
		join("\n", map { $_->pid . '|app||' } $reader, $writer), 'a stranger learns neither since when nor which session_id');
	$low->quit;
};

subtest 'a walsender that runs SQL' => sub {
	plan skip_all => 'from 10 on' if $admin->run('SHOW server_version_num') < 100000;
	my $copy = RawSession->new($primary, user => 'copier', replication => 'database');
	$copy->query($_)->expect('Z') for 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'TABLE t';
	my ($kind, $remedy) = split /\|/, horizon('kind, remedy', where => 'pid = ' . $copy->pid);
	is($kind, 'session', 'is a session');
	is($admin->run($remedy), '1', 'that its remedy ends');
};

subtest 'VACUUM itself does not count' => sub {
	$admin->run('CREATE TABLE big AS SELECT 1 AS a');
	my $owner = SessionctlTest::Session->new($primary, app => 'locker');
	$owner->run('BEGIN; LOCK TABLE big IN SHARE UPDATE EXCLUSIVE MODE');
	my $vacuum = SessionctlTest::Session->new($primary, app => 'vacuum');
	# Its snapshot is taken before it waits for the table
	$vacuum->send('VACUUM big');
	wait_for('VACUUM', sub { $admin->run(q{SELECT waiting FROM sessionctl.session_activity WHERE application_name = 'vacuum'}) eq 't' });
	is(horizon('count(*)', where => q{name = 'vacuum'}), '0', 'the view');
	is($admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE application_name = 'vacuum'
			AND sessionctl._is_passed_over_by_vacuum(pid)}), '1', 'is passed over');
	$owner->run('ROLLBACK');
	$vacuum->answer;
	$_->quit for $owner, $vacuum;
};

subtest 'a standby' => sub {
	my $standby = new_standby($primary, conf => 'hot_standby_feedback = off');
	my $there = SessionctlTest::Session->new($standby);
	my $report = SessionctlTest::Session->new($standby, app => 'report');
	$report->run('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE t');
	is(horizon('count(*)', as => $there), '0', 'without feedback nothing is sent home');
	$there->run('ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf()');
	$primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM sessionctl.vacuum_horizon WHERE kind = 'standby'})
	  or die 'no feedback came';
	is(horizon('database IS NULL, holds, remedy', where => q{kind = 'standby'}),
		't|rows|SELECT * FROM sessionctl.vacuum_horizon -- on that standby', 'with it the primary shows the standby');
	is(horizon('kind, name', as => $there, where => q{name = 'report'}), 'session|report', 'and the standby whom to ask');

	$admin->run(q{SELECT pg_create_physical_replication_slot('home')});
	set_streaming($standby, primary_slot_name => 'home');
	$_->quit for $report, $there;
	$standby->restart;
	$primary->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM sessionctl.vacuum_horizon WHERE name = 'home' AND pid IS NOT NULL AND holds = 'rows'})
	  or die 'the slot has no xmin';
	is(horizon('kind, database IS NULL, remedy', where => q{name = 'home' AND holds = 'rows'}),
		'replication slot|t|SELECT * FROM sessionctl.vacuum_horizon -- on that standby', 'by a slot');
	is(horizon('count(*)', where => q{kind = 'standby'}), '0', 'once');
	$standby->stop;
	wait_for('the walsender to end', sub { $admin->run(q{SELECT active FROM pg_replication_slots WHERE slot_name = 'home'}) eq 'f' });
	is(horizon('remedy', where => q{name = 'home' AND holds = 'rows'}),
		q{SELECT pg_catalog.pg_drop_replication_slot('home')}, 'one that nobody uses');
};

subtest 'in another database' => sub {
	my $other = SessionctlTest::Session->new($primary, database => 'other');
	$other->run('CREATE EXTENSION pg_sessionctl');
	is(horizon('remedy', as => $other, where => q{kind = 'prepared transaction'}),
		'SELECT rollback_command FROM sessionctl.prepared_transactions -- in its database', 'the prepared one');
	$other->quit;
};

subtest 'the remedies work' => sub {
	for my $remedy (split /\n/, horizon('remedy', where => $known))
	{
		$admin->run($remedy);
	}
	is(horizon('count(*)', where => $known), '0', 'nothing holds it back');
	like($_->end_messages, qr/terminating connection/, 'the session has ended') for $reader, $writer;
};

done_testing();
