# pg_sessionctl.session_lifetime_timeout: older sessions are asked to end after their transaction, until the limit is
# removed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $rule = 'session_lifetime_timeout';
my $ended = qr/^FATAL:  terminating connection due to administrator command$/m;
my $why = qr/^DETAIL:  The session lasted for .* \(pg_sessionctl\.$rule is 1 ms\)\.$/m;
my %defaults = map { ("pg_sessionctl.$_" => undef) } $rule, qw(reaper_action exempt_applications protected_roles);

my $node = new_reaper_server('lifetime', init => { allows_streaming => 'logical' },
	conf => "synchronous_standby_names = 'nobody'\nsynchronous_commit = local\n");
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
$admin->run("CREATE ROLE $_ LOGIN") for qw(app calm);
$admin->run('CREATE DATABASE shop');
$admin->run("ALTER ROLE calm SET pg_sessionctl.$rule = 0; ALTER DATABASE shop SET pg_sessionctl.$rule = 0");
$admin->run('CREATE TABLE done (a int); GRANT ALL ON done TO PUBLIC; CREATE SEQUENCE counter; GRANT ALL ON counter TO PUBLIC');

sub app { return SessionctlTest::Session->new($node, user => 'app', app => 'victim', @_) }
sub reset_all { return reconfigure($node, %defaults) }
sub answer { my ($session, $sql) = @_; return $session->without_end_messages($session->run($sql)) }
sub done { return $admin->run('SELECT count(*) FROM done') }
sub reaper { return $admin->run('SELECT pid FROM sessionctl.reaper_status') }

sub lines_about
{
	my ($session) = @_;
	return grep { / pid=${\ $session->pid} / } audit_lines($node, $session->{log_position});
}

# All sessions are too old now. Everybody is asked before the first is ended: when an idle one is gone, all have been asked.
sub grow_old
{
	my (%with) = @_;
	my $idle = app(app => 'idle');
	reconfigure($node, "pg_sessionctl.$rule" => '1 ms', %with);
	wait_for('an idle session to go', sub { !is_running($idle->pid) });
	return $idle->quit;
}

# One in a transaction that has been asked.
sub asked
{
	my $victim = app();
	$victim->run('BEGIN; INSERT INTO done VALUES (1)');
	grow_old();
	return $victim;
}

sub goes_on
{
	my ($victim, $name) = @_;
	is($victim->run('COMMIT; SELECT 1; SELECT 2'), "1\n2", "$name: it goes on, into its next transaction");
	ok($victim->lives, "$name: and lives");
	is_deeply([ grep { !/action=log/ } lines_about($victim) ], [], "$name: nothing is told of it");
	return $victim->quit;
}

subtest 'idle sessions' => sub {
	my ($victim, $calm, $other) = (app(), SessionctlTest::Session->new($node, user => 'calm'), app(database => 'shop'));
	my $before = $admin->run('SELECT reaped FROM sessionctl.reaper_status');
	grow_old();
	is(reaped($victim), $rule, 'end');
	my $words = $victim->end_messages;
	like($words, $ended, 'their clients hear it');
	like($words, $why, 'and why');
	my ($line) = lines_about($victim);
	like($line, qr/action=drain result="terminated" .* rule="$rule" .*reason="The session lasted for /, 'the account has it');
	like($line, qr/ state="idle"/, 'and what it did');
	wait_for('the counters', sub {
		$admin->run(qq{SELECT acted_on, ended FROM sessionctl.session_stats WHERE action = 'drain' AND rule = '$rule'}) eq '2|2';
	});
	is($admin->run("SELECT reaped - $before FROM sessionctl.reaper_status"), '2', 'and the status');
	ok($_->lives, 'where the role, or the database, has no limit, it lives') for $calm, $other;
	ok($admin->lives, 'and a superuser');
	reset_all();
	$_->quit for $victim, $calm, $other;
};

subtest 'in a transaction' => sub {
	$admin->run('TRUNCATE done');
	my $raw = RawSession->new($node, user => 'app');
	$raw->query('BEGIN')->expect('Z');
	my $failed = app();
	$failed->run('BEGIN; SELECT 1/0');
	my $victim = asked();
	is(answer($victim, 'INSERT INTO done VALUES (2)'), '', 'what is begun goes on');
	is(answer($victim, 'COMMIT'), '', 'and commits');
	is(reaped($victim), $rule, 'then it ends');
	like($victim->end_messages, $why, 'and its client knows why');
	is(done(), '2', 'what it committed is there');
	my ($line) = lines_about($victim);
	like($line, qr/ state="idle in transaction"/, 'the account has what it did when it was asked');
	$raw->send(Q => "COMMIT\0", Q => "SELECT nextval('counter')\0");
	like($raw->expect('C'), qr/^COMMIT/, 'another commits');
	is($raw->ended_with, '57P01', 'and ends');
	is($admin->run('SELECT is_called FROM counter'), 'f', 'its next statement did not run');
	is(reaped($failed), $rule, 'one whose transaction has failed is over');
	reset_all();
	$_->quit for $victim, $failed;
};

subtest 'the limit is removed' => sub {
	my %how = (
		'lifted' => { "pg_sessionctl.$rule" => undef },
		'raised' => { "pg_sessionctl.$rule" => '20 d' },
		'a dry run' => { 'pg_sessionctl.reaper_action' => 'log' },
		'exempt' => { 'pg_sessionctl.exempt_applications' => 'victim' },
		'protected' => { 'pg_sessionctl.protected_roles' => 'app' });
	for my $name (sort keys %how)
	{
		my $victim = asked();
		reconfigure($node, %{ $how{$name} });
		goes_on($victim, $name);
		reset_all();
	}
};

subtest 'a dry run' => sub {
	my $victim = app();
	reconfigure($node, 'pg_sessionctl.reaper_action' => 'log', "pg_sessionctl.$rule" => '1 ms');
	wait_for('the account', sub { lines_about($victim) });
	for (1 .. 2)
	{
		my $next = app();
		wait_for('the next one in it', sub { lines_about($next) });
		is($victim->run('SELECT 1'), '1', 'it lives');
		$next->quit;
	}
	my @lines = lines_about($victim);
	is(scalar(@lines), 1, 'it is told of once');
	like($lines[0], qr/action=log result="spared" .* rule="$rule" /, 'as spared');
	reset_all();
	$victim->quit;
};

subtest 'beside drain_where' => sub {
	my $call = q{SELECT sessionctl.drain_where($$application_name = 'victim'$$, timeout => '%s', reason => 'the server moves')};
	my $victim = asked();
	like($admin->run(sprintf $call, '1 s'), qr/^WARNING:  1 session has not finished its transaction/m, 'a call that gives up');
	is(answer($victim, 'COMMIT'), '', 'does not take the request of the reaper back');
	is(reaped($victim), $rule, 'which ends it');
	like($victim->end_messages, $why, 'and its client knows why');
	reset_all();
	$victim->quit;

	my $drainer = SessionctlTest::Session->new($node);
	$victim = asked();
	$drainer->send(sprintf $call, '1 h');
	wait_for('a call to ask', sub { $admin->run('SELECT signalled FROM sessionctl.session_progress') eq '1' });
	reset_all();
	is(answer($victim, 'COMMIT'), '', 'a request that the reaper takes back');
	is($drainer->answer, '1', 'is still that of the call');
	like($victim->end_messages, qr/^DETAIL:  Reason given by role "postgres": the server moves$/m, 'with its reason');
	is_deeply([ grep { /rule=/ } lines_about($victim) ], [], 'and not by the reaper');
	$_->quit for $victim, $drainer;
};

subtest 'a reaper that exits' => sub {
	my $stopped = app();
	$stopped->run('BEGIN');
	my $victim = asked();
	my $first = reaper();
	$admin->run("SELECT pg_terminate_backend($first)");
	wait_for('another one', sub { reaper() =~ /^\d+\z/ && reaper() ne $first });
	my $wakeups = $admin->run('SELECT wakeups FROM sessionctl.reaper_status');
	wait_for('it to have looked', sub { $admin->run('SELECT wakeups FROM sessionctl.reaper_status') > $wakeups + 1 });
	is(answer($victim, 'COMMIT'), '', 'the next one asks anew');
	is(reaped($victim), $rule, 'and it ends');
	is($admin->run('SELECT sessionctl.stop_reaper()'), 't', 'one that is stopped');
	goes_on($stopped, 'takes it back');
	my $idle = app();
	$admin->run('SELECT sessionctl.start_reaper()');
	is(reaped($idle), $rule, 'until it starts');
	reset_all();
	$_->quit for $victim, $idle;
};

subtest 'a commit that waits for its standby' => sub {
	plan skip_all => 'nothing tells what a commit waits for' if $version < 100000;
	my $victim = app();
	$victim->send('SET synchronous_commit = on; INSERT INTO done VALUES (1)');
	my $waits = sub { $admin->run('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $victim->pid) eq 'SyncRep' };
	wait_for('it to wait', $waits);
	my $later = app();
	grow_old();
	is(reaped($later), $rule, 'others end');
	ok($waits->(), 'it waits');
	reconfigure($node, 'synchronous_standby_names' => '');
	is($victim->without_end_messages($victim->answer), '', 'its client hears that it is committed, and no warning');
	is(reaped($victim), $rule, 'then it ends');
	reset_all();
	$_->quit for $victim, $later;
};

subtest 'a walsender with a database' => sub {
	plan skip_all => 'it runs SQL from 10 on' if $version < 100000;
	$admin->run('CREATE ROLE sender LOGIN REPLICATION; CREATE ROLE bound LOGIN REPLICATION');
	my ($sender, $bound) = map { RawSession->new($node, user => $_, replication => 'database') } qw(sender bound);
	grow_old();
	$sender->query('SELECT 1')->expect('D');
	pass('is not bound by a general limit');
	$admin->run("ALTER ROLE bound SET pg_sessionctl.$rule = '1 ms'");
	my $last = eval { RawSession->new($node, user => 'bound', replication => 'database') };
	is($last ? $last->ended_with : '57P01', '57P01', 'but by its role\'s');
	$bound->query('SELECT 1')->expect('D');
	reset_all();
	$_->quit for $sender, $bound;
};

$admin->quit;
$node->stop;

# Nobody can be asked: the reaper ends whom it sees in no transaction.
$node = new_server('lifetime_late', conf => "pg_sessionctl.$rule = '1 ms'\n");
$admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE TABLE done (a int); GRANT ALL ON done TO PUBLIC');

subtest 'not preloaded' => sub {
	my ($victim, $idle) = (app(), app());
	$victim->run('BEGIN; INSERT INTO done VALUES (1)');
	$admin->run('SELECT sessionctl.start_reaper()');
	is(reaped($idle), $rule, 'an idle one ends');
	is(answer($victim, 'INSERT INTO done VALUES (2)'), '', 'one in a transaction goes on');
	is(answer($victim, 'COMMIT'), '', 'and commits');
	is(reaped($victim), $rule, 'then it ends');
	like($victim->end_messages, $ended, 'its client hears it');
	is(done(), '2', 'what it committed is there');
	$_->quit for $victim, $idle;
};

$node->stop('immediate');
done_testing();
