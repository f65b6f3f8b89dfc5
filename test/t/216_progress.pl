# A long call reports its progress, and session_progress shows it to others, preloaded or not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use SessionctlTest;
use Test::More;

my ($node, $admin, $caller, $is_preloaded, $has_wait_events);

sub victim { return SessionctlTest::Session->new($node, user => 'app', app => 'victim') }

sub progress
{
	my ($columns, $by) = @_;
	return ($by || $admin)->run("SELECT $columns FROM sessionctl.session_progress");
}

my $numbers = 'action, chosen, signalled, done, remaining';

sub wait_for_progress
{
	my ($row) = @_;
	return wait_for("$row in session_progress, instead of " . progress($numbers), sub { progress($numbers) eq $row });
}

sub wait_for_none { return wait_for('no call under way', sub { progress('count(*)') eq '0' }) }

sub idle_in_transaction
{
	my $session = victim();
	$session->run('BEGIN');
	return $session;
}

sub frozen
{
	my $session = victim();
	stop_process($session->pid);
	return $session;
}

sub thaw { continue_process($_->pid) for @_; return }

# A server that runs no call any more shows none.
sub is_over
{
	my ($name) = @_;
	return is(progress('count(*)'), '0', "$name: over, and no longer shown");
}

# A call waits for one whose process is stopped: it is shown, tells its caller, and returns when that one goes on.
sub waits_for
{
	my ($frozen, $call, %expected) = @_;
	$caller->send("SELECT sessionctl.$call");
	wait_for_progress($expected{progress});
	$caller->wait_for_output(qr/^NOTICE:  $expected{notice}/m) if $expected{notice};
	thaw($frozen);
	like($caller->answer, qr/^$expected{answer}$/m, "$call: returns");
	return is_over($call);
}

my $condition = q{$$application_name = 'victim'$$};

sub test_drain
{
	subtest 'a drain that waits for transactions' => sub {
		my ($idle, @busy) = (victim(), idle_in_transaction(), idle_in_transaction());
		my $blocked = idle_in_transaction();
		$admin->run('BEGIN; LOCK TABLE done');
		$blocked->send('INSERT INTO done VALUES (1)');
		wait_for('a lock to be waited for', sub {
			SessionctlTest::Session->new($node)->run('SELECT count(*) FROM pg_locks WHERE NOT granted') ne '0' });
		my $since = $admin->run('SELECT clock_timestamp()');
		$caller->send("SELECT sessionctl.drain_where($condition, timeout => '1 h')");
		wait_for_progress('drain|4|4|1|3');
		is(progress('pid, datname, usename, application_name'), $caller->pid . '|postgres|postgres|caller', 'by whom');
		is(progress("session_id = (SELECT session_id FROM sessionctl.session_activity WHERE pid = " . $caller->pid . ')'), 't', 'which session');
		is(progress("since >= '$since' AND since <= clock_timestamp(), until = since + interval '1 h'
				OR until BETWEEN since + interval '59 min' AND since + interval '61 min'"), 't|t', 'since when, until when');
		my $lock = $has_wait_events ? ' \(Lock: relation\)' : '';
		$caller->wait_for_output(qr/^NOTICE:  1 of 4 sessions have ended after \d+ s\nDETAIL:  Left: 2 idle in transaction, 1 active$lock\.$/m);
		$busy[0]->run('COMMIT');
		wait_for_progress('drain|4|4|2|2');
		$caller->wait_for_output(qr/^NOTICE:  2 of 4 sessions have ended after \d+ s\nDETAIL:  Left: 1 active$lock, 1 idle in transaction\.$/m);
		$admin->run('COMMIT');
		$_->run('COMMIT') for $blocked, $busy[1];
		like($caller->answer, qr/^4$/m, 'all have ended');
		is_over('drain');
		$_->quit for $idle, @busy, $blocked;
	};
	return;
}

sub test_others
{
	subtest 'terminate, cancel, escalate' => sub {
		my ($frozen, $busy) = (frozen(), victim());
		waits_for($frozen, "terminate_where($condition, timeout => '1 h')",
			progress => 'terminate|2|2|1|1', notice => '1 of 2 sessions have ended after', answer => 2);
		$_->quit for $frozen, $busy;

		my $asleep = victim();
		$asleep->send('SELECT pg_sleep(3600)');
		wait_for('it to sleep', sub {
			$admin->run("SELECT state FROM sessionctl.session_activity WHERE pid = " . $asleep->pid) eq 'active' });
		stop_process($asleep->pid);
		waits_for($asleep, "cancel_where($condition, timeout => '1 h')", progress => 'cancel|1|1|0|1',
			notice => '0 of 1 session has stopped after \d+ s\nDETAIL:  Left: 1 active', answer => 1);
		like($asleep->answer, qr/canceling statement/, 'it login_output of it');

		stop_process($asleep->pid);
		my $other = idle_in_transaction();
		stop_process($other->pid);
		$caller->send("SELECT outcome FROM sessionctl.escalate_report($condition, step => '30 min')");
		wait_for_progress('escalate|2|1|0|1');
		like(progress("until - since > interval '59 min'"), qr/^t$/, 'until the last step is over');
		$caller->wait_for_output(qr/^NOTICE:  0 of 2 sessions have obeyed after/m);
		thaw($asleep, $other);
		like($caller->answer, qr/^terminated$/m, 'ended');
		is_over('escalate');
		$_->quit for $asleep, $other;
	};

	subtest 'lockdowns' => sub {
		my $frozen = frozen();
		waits_for($frozen, q{lockdown_role('app', timeout => '1 h')},
			progress => 'lockdown_role|1|1|0|1', notice => '0 of 1 session has ended after', answer => 1);
		$caller->run(q{SELECT sessionctl.unlock_role('app')});
		$frozen->quit;
		return if !$is_preloaded;

		$frozen = frozen();
		waits_for($frozen, q{lockdown_server(timeout => '1 h')}, progress => 'lockdown_server|1|1|0|1', answer => 1);
		$caller->run('SELECT sessionctl.unlock_server()');
		$frozen->quit;
	};
	return;
}

# However a call ends, nobody is shown a call that is none.
sub test_ends
{
	subtest 'the caller is cancelled, ended, killed' => sub {
		my $busy = idle_in_transaction();
		my $drain = "SELECT sessionctl.drain_where($condition, timeout => '1 h')";
		$caller->send($drain);
		wait_for_progress('drain|1|1|0|1');
		$admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')');
		like($caller->answer, qr/canceling statement/, 'cancelled');
		is_over('cancel');

		my $ended = SessionctlTest::Session->new($node);
		$ended->send($drain);
		wait_for_progress('drain|1|1|0|1');
		$admin->run('SELECT pg_terminate_backend(' . $ended->pid . ')');
		wait_for_none();
		ok(1, 'ended');
		$ended->quit;

		$caller->run("DO \$do\$ BEGIN PERFORM sessionctl.drain_where($condition, timeout => '100 ms');
				RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN NULL; END \$do\$");
		is_over('in a subtransaction that fails');
		$caller->run("SET statement_timeout = '1 min'");
		$caller->send($drain);
		wait_for_progress('drain|1|1|0|1');
		like(progress("until < since + interval '1 min'"), qr/^t$/, 'no longer than the statement may take');
		$busy->run('COMMIT');
		like($caller->answer, qr/^1$/m, 'the next call is shown as the first');
		$caller->run('RESET statement_timeout');
		is_over('drain');
		$busy->quit;
	};

	subtest 'no wait, nothing to do' => sub {
		like($caller->run("SELECT sessionctl.terminate_where($condition, timeout => '0')"), qr/^0$/, 'nobody');
		is_over('nobody');
	};
	return;
}

sub test_rights
{
	subtest 'which roles may see it' => sub {
		my $busy = idle_in_transaction();
		$caller->send("SELECT sessionctl.drain_where($condition, timeout => '1 h')");
		wait_for_progress('drain|1|1|0|1');
		my ($app, $reader) = map { SessionctlTest::Session->new($node, user => $_) } qw(stranger reader);
		is(progress('*', $app), '|' . $caller->pid . '|postgres|postgres|caller|||||||', 'to others it is a session that calls');
		is(progress($numbers, $reader), 'drain|1|1|0|1', 'pg_read_all_stats sees all of it') if $has_wait_events;
		$busy->run('COMMIT');
		$caller->answer;

		my $own = SessionctlTest::Session->new($node, user => 'operator', app => 'operator', tells_progress => 1);
		$busy->quit;
		$busy = idle_in_transaction();
		$own->send("SELECT sessionctl.drain_where($condition, timeout => '1 h')");
		my $operator = SessionctlTest::Session->new($node, user => 'operator');
		wait_for_progress('drain|1|1|0|1');
		is(progress($numbers, $operator), 'drain|1|1|0|1', 'one sees what one calls');
		$own->wait_for_output(qr/^DETAIL:  Left: 1 whose state is hidden from you\.$/m);
		$busy->run('COMMIT');
		like($own->answer, qr/^1$/m, 'what the others do is hidden from who may not see it');
		$_->quit for $app, $reader, $own, $operator, $busy;
	};
	return;
}

for my $preloads (0, 1)
{
	$is_preloaded = $preloads;
	my $new = $is_preloaded ? \&new_reaper_server : \&new_server;
	$node = $new->($is_preloaded ? 'preloaded' : 'plain', conf => "max_prepared_transactions = 0\n");
	$admin = SessionctlTest::Session->new($node);
	my $version = $admin->run('SHOW server_version_num');
	$has_wait_events = $version >= 100000;
	$admin->run('CREATE ROLE app LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE operator LOGIN;
		CREATE TABLE done (a int); GRANT ALL ON done TO app');
	$admin->run('GRANT pg_read_all_stats TO reader') if $has_wait_events;
	$admin->run('GRANT pg_signal_backend TO operator') if $version >= 90600;
	$admin->run('ALTER ROLE operator SUPERUSER') if $version < 90600;
	$caller = SessionctlTest::Session->new($node, app => 'caller', tells_progress => 1);
	if ($is_preloaded || $version >= 90600)
	{
		subtest $is_preloaded ? 'preloaded' : 'not preloaded' => sub {
			test_drain();
			test_others();
			test_ends();
			test_rights();
		};
	}
	$_->quit for $admin, $caller;
	$node->stop;
}

done_testing();
