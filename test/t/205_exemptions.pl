# Which sessions the reaper never ends, and what it reports with reaper_action = log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('exemptions', init => { allows_streaming => 1 });
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE batch;
	CREATE ROLE nightly IN ROLE batch;
	CREATE ROLE backup LOGIN IN ROLE nightly;
	CREATE ROLE "Batch, the other" LOGIN;
	CREATE ROLE "Backup" LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE streamer LOGIN REPLICATION;
	CREATE DATABASE shop;
	CREATE DATABASE "Shop"});
my $limit = 'pg_sessionctl.idle_in_transaction_timeout';
my %defaults = map { ("pg_sessionctl.$_" => undef) } qw(exempt_roles exempt_databases exempt_applications protected_roles
  reap_superusers reaper_action idle_in_transaction_timeout idle_session_timeout);

sub idler
{
	my (%with) = @_;
	my $session = SessionctlTest::Session->new($node, user => 'app', %with);
	$session->run('BEGIN');
	return $session;
}

# Under this configuration the reaper spares the first of these sessions (each a reference to options) and ends the others.
sub spares_and_ends
{
	my ($name, $configuration, $spared, @ended) = @_;
	return subtest $name => sub {
		reconfigure($node, %defaults, %$configuration, $limit => '300 ms');
		my @spared = map { idler(%$_) } @$spared;
		for my $session (map { idler(%$_) } @ended, {})
		{
			is(reaped($session), 'idle_in_transaction_timeout', 'ended: process ' . $session->pid);
			$session->quit;
		}
		ok($_->lives, 'spared') for @spared;
		reconfigure($node, %defaults);
		$_->quit for @spared;
	};
}

spares_and_ends('superusers', {}, [ { user => 'boss' } ]);
spares_and_ends('superusers on request', { 'pg_sessionctl.reap_superusers' => 'on' }, [], { user => 'boss' });
subtest 'a limit of a superuser' => sub {
	my $status = sub { $admin->run("SELECT $_[0] FROM sessionctl.reaper_status") };
	reconfigure($node, %defaults);
	is($status->('exempt, hint IS NULL'), '0|t', 'no NOTICE');
	$admin->run("ALTER ROLE boss SET $limit = '300 ms'");
	is($status->('hint'), 'pg_sessionctl.reap_superusers is off: limits that ALTER ROLE has set for superuser "boss" end no session.', 'ends nobody, which is told');
	my $boss = idler(user => 'boss');
	wait_for('it to be over its limit', sub { $status->('exempt') eq '1' });
	ok($boss->lives, 'it lives');
	reconfigure($node, %defaults, 'pg_sessionctl.reap_superusers' => 'on');
	is(reaped($boss), 'idle_in_transaction_timeout', 'unless they are to be ended');
	wait_for('a look at the rest', sub { $status->('exempt') eq '0' });
	is($status->('hint IS NULL'), 't', 'and there is nothing more to tell');
	reconfigure($node, %defaults, 'pg_sessionctl.reaper_action' => 'log');
	like($admin->run('SELECT hint FROM sessionctl.reaper_status'), qr/^pg_sessionctl.reaper_action is log: /, 'but of a dry run');
	$admin->run("ALTER ROLE boss RESET $limit");
	reconfigure($node, %defaults);
	$boss->quit;
};

spares_and_ends('roles, and who is a member of them', { 'pg_sessionctl.exempt_roles' => 'nobody, batch' },
	[ { user => 'backup' } ], { user => 'Batch, the other' });
spares_and_ends('roles by their exact name', { 'pg_sessionctl.exempt_roles' => '"Batch, the other", Backup' },
	[ { user => 'Batch, the other' }, { user => 'Backup' } ], { user => 'backup' });
spares_and_ends('no superuser is a member of all', { 'pg_sessionctl.exempt_roles' => 'batch',
	'pg_sessionctl.reap_superusers' => 'on' }, [ { user => 'backup' } ], { user => 'boss' });
spares_and_ends('protected roles', { 'pg_sessionctl.protected_roles' => 'batch' }, [ { user => 'backup' } ]);
# No look at another role in between: the process remembers the memberships of the last one.
for my $setting ('pg_sessionctl.exempt_roles', 'pg_sessionctl.protected_roles')
{
	subtest "$setting: a membership is granted, and revoked" => sub {
		my $is_spared = sub {
			my $session = idler(user => 'clerk');
			wait_for('the reaper to decide', sub {
				$admin->run('SELECT exempt FROM sessionctl.reaper_status') ne '0' || !is_running($session->pid);
			});
			my $lives = is_running($session->pid);
			$session->quit;
			wait_for('it to be forgotten', sub { $admin->run('SELECT exempt FROM sessionctl.reaper_status') eq '0' });
			return $lives;
		};
		reconfigure($node, %defaults, $setting => 'batch', $limit => '300 ms');
		ok(!$is_spared->(), 'ended');
		$admin->run('GRANT batch TO clerk');
		ok($is_spared->(), 'a member is spared');
		$admin->run('REVOKE batch FROM clerk');
		ok(!$is_spared->(), 'who is none any more is ended');
		reconfigure($node, %defaults);
	};
}
spares_and_ends('databases', { 'pg_sessionctl.exempt_databases' => 'nowhere, shop' }, [ { database => 'shop' } ],
	{ database => 'Shop' });
spares_and_ends('applications by their exact name', { 'pg_sessionctl.exempt_applications' => 'pg_dump, nightly job' },
	[ { app => 'pg_dump' }, { app => 'nightly job' } ], { app => 'pg_dumpall' }, { app => 'PG_DUMP' });
spares_and_ends('applications by how they begin', { 'pg_sessionctl.exempt_applications' => 'pg_*, a*b' },
	[ { app => 'pg_dump' }, { app => 'pg_' }, { app => 'a*b' } ], { app => 'pg' }, { app => 'axb' }, { app => 'a*bc' });

subtest 'pg_dump by an exempt role keeps its snapshot' => sub {
	my %impatient = ($limit => '300 ms', 'pg_sessionctl.transaction_timeout' => '300 ms');
	reconfigure($node, %defaults, %impatient, 'pg_sessionctl.exempt_applications' => 'pg_dump');
	my $dump = SessionctlTest::Session->new($node, user => 'app', app => 'pg_dump');
	$dump->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
	my $other = idler();
	ok(reaped($other), 'others do not');
	ok(is_running($dump->pid), 'it does');
	reconfigure($node, %impatient, 'pg_sessionctl.exempt_applications' => undef);
	ok(reaped($dump), 'and no longer');
	reconfigure($node, %defaults, 'pg_sessionctl.transaction_timeout' => undef);
	$_->quit for $dump, $other;
};

subtest 'walsenders' => sub {
	reconfigure($node, %defaults);
	my $streamer = SessionctlTest::Session->new($node, user => 'streamer', replication => 'database');
	my $login = SessionctlTest::Session->new($node, user => 'streamer');
	is($admin->run('SELECT backend_type FROM sessionctl.session_activity WHERE pid = ' . $streamer->pid),
		'walsender', 'a walsender');
	reconfigure($node, 'pg_sessionctl.idle_session_timeout' => '300 ms', 'pg_sessionctl.reap_superusers' => 'off');
	is(reaped($login), 'idle_session_timeout', 'the same role as a client is ended');
	reconfigure($node, %defaults);
	ok($streamer->lives, 'the walsender is not');
	$_->quit for $streamer, $login;
};

# Their leader is one offender, whatever it employs.
subtest 'workers' => sub {
	reconfigure($node, %defaults, 'pg_sessionctl.reaper_action' => 'log', 'pg_sessionctl.transaction_timeout' => '1 s');
	my $position = log_position($node);
	my $leader = SessionctlTest::Session->new($node, user => 'app');
	$leader->run("SET $_") for 'max_parallel_workers_per_gather = 2', 'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
	  'min_parallel_table_scan_size = 0', 'parallel_leader_participation = off';
	$leader->send('SELECT count(*) FROM pg_class WHERE pg_sleep(600 + oid::integer) IS NULL');
	wait_for('parallel workers', sub {
		$admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE backend_type = 'parallel worker' AND wait_event = 'PgSleep'}) > 0;
	});
	wait_until_told_of($leader, 1);
	my $next = idler();
	wait_until_told_of($next, 1);
	is_deeply([ sort map { / pid=(\d+) / } grep { /action=log/ } audit_lines($node, $position) ],
		[ sort $leader->pid, $next->pid ], 'only those whom a client has');
	reconfigure($node, %defaults, 'pg_sessionctl.transaction_timeout' => undef);
	$admin->run('SELECT pg_terminate_backend(' . $leader->pid . ')');
	$_->quit for $leader, $next;
};

sub told_of
{
	my ($session) = @_;
	return grep { /action=log / && / pid=${\ $session->pid} / } audit_lines($node, $session->{log_position});
}

sub wait_until_told_of
{
	my ($session, $times) = @_;
	return wait_for('a word about ' . $session->pid, sub { told_of($session) >= $times });
}

subtest 'a dry run' => sub {
	reconfigure($node, %defaults, 'pg_sessionctl.reaper_action' => 'log', $limit => '300 ms');
	my $idler = idler();
	wait_until_told_of($idler, 1);
	my ($line) = told_of($idler);
	like($line, qr/^pg_sessionctl: action=log result="spared" .* by_session_user=NULL .* rule="idle_in_transaction_timeout" reason="/,
		'says whom it would have ended, and why');
	for (1 .. 2)
	{
		my $next = idler();
		wait_until_told_of($next, 1);
		ok($next->lives, 'ends nobody');
		$next->quit;
	}
	is(scalar told_of($idler), 1, 'says it once');
	$idler->run('COMMIT; BEGIN');
	wait_until_told_of($idler, 2);
	pass('and again for the next offence');
	is($admin->run('SELECT action, result, rule, count(*) FROM sessionctl.session_audit WHERE pid = ' . $idler->pid
			. ' GROUP BY 1, 2, 3'), 'log|spared|idle_in_transaction_timeout|2', 'so does the account');
	reconfigure($node, 'pg_sessionctl.reaper_action' => 'terminate', $limit => '300 ms');
	is(reaped($idler), 'idle_in_transaction_timeout', 'told to act, it ends whom it spared');
	$idler->quit;
	reconfigure($node, %defaults);
};

subtest 'a dry run for the only one with a limit' => sub {
	reconfigure($node, %defaults, 'pg_sessionctl.reaper_action' => 'log');
	$admin->run("ALTER ROLE app SET $limit = '300 ms'");
	my $idler = idler();
	wait_until_told_of($idler, 1);
	$idler->run('COMMIT; BEGIN');
	wait_until_told_of($idler, 2);
	ok($idler->lives, 'it is told of a second offence, though nobody else wakes the reaper');
	$idler->quit;
	$admin->run("ALTER ROLE app RESET $limit");
	reconfigure($node, %defaults);
};

subtest 'two limits, two violations' => sub {
	reconfigure($node, %defaults, 'pg_sessionctl.reaper_action' => 'log', $limit => '300 ms',
		'pg_sessionctl.transaction_timeout' => '400 ms');
	my $idler = idler();
	wait_until_told_of($idler, 2);
	is_deeply([ sort map { / rule="([^"]*)"/ } told_of($idler) ], [qw(idle_in_transaction_timeout transaction_timeout)],
		'each is told of');
	$idler->quit;
	reconfigure($node, %defaults, 'pg_sessionctl.transaction_timeout' => undef);
};

done_testing();
