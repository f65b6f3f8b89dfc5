# The audit has what a session did when it was acted on; the view hides that from roles that may not see the session.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('evidence', conf => "max_prepared_transactions = 2\n");
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
my $has_wait_events = $version >= 100000;
my $has_query_ids = $version >= 140000;
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE clerk LOGIN; GRANT app TO clerk; CREATE ROLE reader LOGIN;
	CREATE TABLE t (a int); GRANT ALL ON t TO app, other;
	GRANT SELECT ON sessionctl.session_audit TO clerk, reader, other; GRANT EXECUTE ON FUNCTION sessionctl._session_audit() TO clerk, reader, other');
$admin->run('GRANT pg_read_all_stats TO reader') if $has_wait_events;

sub victim { return SessionctlTest::Session->new($node, user => 'app', app => 'victim', @_) }

# The last row of the audit about this session.
sub evidence
{
	my ($session, $columns, $by) = @_;
	return ($by || $admin)->run("SELECT $columns FROM sessionctl.session_audit WHERE pid = " . $session->pid . ' ORDER BY acted_at DESC LIMIT 1');
}

sub line_of
{
	my ($session, $position) = @_;
	my @lines = grep { / pid=${\ $session->pid} / } audit_lines($node, $position);
	return $lines[-1];
}

sub wait_for_state
{
	my ($session, $state) = @_;
	return wait_for($state, sub {
		$admin->run('SELECT state FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq $state });
}

# The client has its answer before the server waits for the next statement.
sub wait_for_client_read
{
	my ($session) = @_;
	return if !$has_wait_events;
	return wait_for('it to wait for its client', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq 'ClientRead' });
}

sub wait_for_waiters
{
	my ($session, $number) = @_;
	return wait_for("$number to wait", sub {
		$admin->run('SELECT blocking_count FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq $number });
}

my $all = 'state, wait_event_type, wait_event, session_age IS NOT NULL, xact_age IS NOT NULL, query_age IS NOT NULL, state_age IS NOT NULL, blocking_count, query';
my $client_read = $has_wait_events ? 'Client|ClientRead' : '|';

subtest 'idle in transaction, with others behind it' => sub {
	my $victim = victim();
	$victim->run(q{SET application_name = 'victim'; BEGIN; LOCK TABLE t});
	my @waiters = map { SessionctlTest::Session->new($node, user => 'other')->send('SELECT count(*) FROM t') } 1, 2;
	wait_for_waiters($victim, 2);
	wait_for_client_read($victim);
	$admin->run('CREATE TABLE before AS SELECT xact_age, session_age, idle_for FROM sessionctl.session_activity WHERE pid = ' . $victim->pid);
	my $position = log_position($node);
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$, reason => 'evidence')}), '1', 'ended');
	is(evidence($victim, $all), "idle in transaction|$client_read|t|t|f|t|2|LOCK TABLE t;", 'what it did');
	is(evidence($victim, '(SELECT a.xact_age >= b.xact_age AND a.session_age >= b.session_age AND a.state_age >= b.idle_for FROM before AS b)'
			=~ s/a\./session_audit./gr), 't', 'at that instant');
	my $wait = $has_wait_events ? ' wait_event="Client/ClientRead"' : '';
	like(line_of($victim, $position), qr/ client=local state="idle in transaction"$wait session_age="[\d.]+ \w+" xact_age="[\d.]+ \w+" state_age="[\d.]+ \w+" blocking_count=2 query="LOCK TABLE t;" by_session_user=/,
		'the line in the log has it, too');
	$_->answer, $_->quit for @waiters;
	$victim->quit;
};

subtest 'active, waiting for a lock' => sub {
	my ($holder, $victim) = (victim(), victim());
	$holder->run(q{SET application_name = 'holder'; BEGIN; LOCK TABLE t});
	$victim->send(qq{SELECT 'one\n\n\ttwo "three" \\ four' FROM t});
	wait_for_waiters($holder, 1);
	my $position = log_position($node);
	is($admin->run(q{SELECT sessionctl.cancel_where($$application_name = 'victim'$$)}), '1', 'cancelled');
	like($victim->answer, qr/canceling statement/, 'it was');
	my $waits = $has_wait_events ? 'Lock|relation' : '|';
	is(evidence($victim, $all), qq{active|$waits|t|t|t|t|0|SELECT 'one\n\n\ttwo "three" \\ four' FROM t;}, 'what it did, with the text as it was');
	my @lines = grep { /pg_sessionctl/ } log_lines($node, $position, qr/ pid=${\ $victim->pid} /);
	is(scalar @lines, 1, 'one line');
	like($lines[0], qr/ query_age="[\d.]+ \w+" .* query="SELECT 'one two \\"three\\" \\\\ four' FROM t;" by_session_user=/, 'whatever the text holds');
	$holder->run('ROLLBACK');
	$_->quit for $holder, $victim;
};

subtest 'long texts' => sub {
	my $victim = victim();
	my $text = 'x' . '😀ü' x 400;
	$victim->run("SELECT '$text' AS long");
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)}), '1', 'ended');
	is(evidence($victim, q{query = left(query, length(query)) AND strpos($$SELECT '} . $text . q{'$$, query) = 1, octet_length(query) BETWEEN 490 AND 500}), 't|t',
		'cut, between two characters');
	$victim->quit;
	# In another database's encoding, which can be shown in part.
	$admin->run(q{CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'});
	my $latin = SessionctlTest::Session->new($node, user => 'app', app => 'victim', database => 'latin');
	$latin->run(q{SET client_encoding = UTF8});
	$latin->run(q{SELECT 'größer'});
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)}), '1', 'ended');
	is(evidence($latin, 'query'), q{SELECT 'größer';}, 'from a database with another encoding');
	$latin->quit;
};

subtest 'query_id' => sub {
	plan skip_all => 'no query_id before 14' if !$has_query_ids;
	my $victim = victim();
	$admin->run(q{ALTER ROLE app SET compute_query_id = on});
	my $with_id = victim();
	$with_id->run('BEGIN; SELECT count(*) FROM t');
	my $id = $admin->run('SELECT query_id FROM sessionctl.session_activity WHERE pid = ' . $with_id->pid);
	like($id, qr/^-?\d+$/, 'there is one');
	my $position = log_position($node);
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)});
	is(evidence($with_id, 'query_id'), $id, 'the same in the audit');
	like(line_of($with_id, $position), qr/ query_id=$id query="SELECT count\(\*\) FROM t;" /, 'and in the log');
	unlike(line_of($victim, $position), qr/ query_id=/, 'none where there is none');
	$admin->run('ALTER ROLE app RESET compute_query_id');
	$_->quit for $victim, $with_id;
};

subtest 'a server that keeps statements out of its log' => sub {
	my $victim = victim();
	$victim->run(q{SELECT 'secret'});
	my $private = SessionctlTest::Session->new($node);
	$private->run('SET log_min_error_statement = panic');
	my $position = log_position($node);
	$private->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)});
	like(line_of($victim, $position), qr/ state="idle" .* blocking_count=0 by_session_user=/, 'no text in the log');
	is(evidence($victim, 'query'), q{SELECT 'secret';}, 'but in the audit, for who may see it');
	$_->quit for $victim, $private;
};

subtest 'which roles may see it' => sub {
	my $victim = victim();
	$victim->run(q{SELECT 'mine'});
	wait_for_client_read($victim);
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)});
	my %by = map { $_ => SessionctlTest::Session->new($node, user => $_) } qw(clerk other reader);
	my $seen = "idle|$client_read|t|f|f|t|0|SELECT 'mine';";
	is(evidence($victim, $all), $seen, 'a superuser');
	is(evidence($victim, $all, $by{clerk}), $seen, 'a member of its role') if $version >= 90500;
	is(evidence($victim, $all, $by{reader}), $seen, 'members of pg_read_all_stats') if $has_wait_events;
	is(evidence($victim, "action, usename, $all, query_id IS NULL", $by{other}), 'terminate|app||||f|f|f|f|||t', 'nobody else');
	$admin->run('ALTER ROLE app RENAME TO renamed; CREATE ROLE app; GRANT app TO other');
	is(evidence($victim, 'state', $by{other}), '', 'nor a member of another role of that name');
	$admin->run('REVOKE app FROM other; DROP ROLE app; ALTER ROLE renamed RENAME TO app');
	$_->quit for $victim, values %by;
};

subtest 'drain' => sub {
	my ($idle, $busy, $stubborn) = map { victim() } 1 .. 3;
	$busy->run('BEGIN; SELECT 1 AS first');
	$stubborn->run('BEGIN; SELECT 1 AS never_ending');
	my $caller = SessionctlTest::Session->new($node);
	$caller->send(q{SELECT sessionctl.drain_where($$application_name = 'victim'$$, timeout => '1 h')});
	wait_for('all to be asked', sub { $admin->run('SELECT signalled FROM sessionctl.session_progress') eq '3' });
	wait_for('the idle one to end', sub { !is_running($idle->pid) });
	$busy->run('SELECT 2 AS second');
	$busy->run('COMMIT');
	wait_for('the busy one to end', sub { !is_running($busy->pid) });
	$admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')');
	$caller->answer;
	is(evidence($idle, 'action, result, state'), 'drain|terminated|idle', 'one that was idle');
	is(evidence($busy, 'action, result, state, query'), 'drain|terminated|idle in transaction|SELECT 1 AS first;', 'what it was in the middle of when it was asked');
	$stubborn->run('SELECT 2 AS later');
	$caller->run(q{SELECT sessionctl.drain_where($$application_name = 'victim'$$, timeout => '1 ms', force => true)});
	is(evidence($stubborn, 'action, result, state, query'), 'terminate|terminated|idle in transaction|SELECT 2 AS later;', 'one that was forced');
	$_->quit for $idle, $busy, $stubborn, $caller;
};

subtest 'escalation' => sub {
	my $victim = victim();
	$victim->send('SELECT pg_sleep(3600)');
	wait_for_state($victim, 'active');
	$admin->run(q{SELECT count(*) FROM sessionctl.escalate_report($$application_name = 'victim'$$)});
	$victim->answer;
	is(evidence($victim, "action, state, query"), 'cancel|active|SELECT pg_sleep(3600);', 'the first step');
	$victim->run('BEGIN');
	$admin->run(q{SELECT count(*) FROM sessionctl.escalate_report($$application_name = 'victim'$$)});
	is(evidence($victim, "action, state, query"), 'terminate|idle in transaction|BEGIN;', 'the second');
	$victim->quit;
};

subtest 'the reaper, a lockdown, a sweep' => sub {
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => '50 ms');
	my $victim = victim();
	$victim->run('BEGIN; LOCK TABLE t');
	is(reaped($victim), 'idle_in_transaction_timeout', 'reaped');
	is(evidence($victim, $all), "idle in transaction|$client_read|t|t|f|t|0|LOCK TABLE t;", 'what it did');
	is(evidence($victim, q{state_age >= interval '50 ms'}), 't', 'for how long');
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => undef);
	$victim->quit;

	$victim = victim();
	is($admin->run(q{SELECT sessionctl.lockdown_role('app')}), '1', 'locked down');
	is(evidence($victim, 'action, state, query'), 'terminate|idle|SELECT pg_backend_pid();', 'what it did');
	is($admin->run(q{SELECT state IS NULL AND session_age IS NULL AND blocking_count IS NULL AND query IS NULL
		FROM sessionctl.session_audit WHERE action = 'lockdown_role'}), 't', 'a lockdown itself is no session');
	$admin->run(q{SELECT sessionctl.unlock_role('app')});
	$victim->quit;
};

subtest 'a login under way' => sub {
	my $late = RawSession->begin_login($node, user => 'app', options => '-c post_auth_delay=600');
	wait_for('a login under way', sub { delayed_logins($admin) });
	$admin->run('SELECT sessionctl.lockdown_server()');
	is($late->ended_with, '57P01', 'is ended by a lockdown of the server');
	is($admin->run(q{SELECT state, query IS NULL FROM sessionctl.session_audit WHERE condition = 'a login under way'}),
		'starting|t', 'and was about to start');
	$admin->run('SELECT sessionctl.unlock_server()');
};

subtest 'after a restart' => sub {
	my $victim = victim();
	$victim->run('SELECT 4711');
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)});
	my $before = evidence($victim, '*');
	$_->quit for $victim, $admin;
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	is(evidence($victim, '*'), $before, 'all of it is kept over a restart');
};

$admin->quit;
done_testing();
