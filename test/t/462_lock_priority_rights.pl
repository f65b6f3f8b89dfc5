# Lock priority gives nobody a right: sessions are ended with those of the role that the waiting session logged in as, and who is
# spared by other settings is spared here. Commits that wait for a synchronous standby are never signalled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use PriorityTest;
use SessionctlTest;
use Test::More;

my ($node, $admin) = new_priority_server('lock_priority_rights', conf => "wal_level = logical\nmax_wal_senders = 2\n");
my $update = 'UPDATE t SET b = b + 1 WHERE a = 1';

sub holder
{
	my ($user) = @_;
	my $session = session($node, user => $user || 'batch');
	$session->run("BEGIN; $update");
	return $session;
}

# Waits, and returns what the server log says of it.
sub reports
{
	my ($waiter, $sql) = @_;
	my $position = log_position($node);
	$waiter->send($sql || $update);
	wait_for('the report', sub { reports_since($node, $position) });
	return join ',', reports_since($node, $position);
}

sub reports_of_two
{
	my ($waiter, $sql) = @_;
	my $position = log_position($node);
	$waiter->send($sql);
	wait_for('two reports', sub { reports_since($node, $position) >= 2 });
	return join ',', reports_since($node, $position);
}

sub is_spared
{
	my ($holder, $waiter, $why, $what) = @_;
	is(reports($waiter), $why, $what);
	ok($holder->lives, 'it lives');
	$holder->run('COMMIT');
	$waiter->answer;
	return all_end($admin);
}

my $denied = 'WARNING: the role that waits may not signal it';
my $setter_denied = 'WARNING: the role that set blocker_patience or blocker_action there may not signal it';
my $set_patience = q{SET pg_sessionctl.blocker_patience = '50 ms'; SET pg_sessionctl.blocker_action = terminate};

subtest 'a role without the right' => sub {
	is_spared(holder(), patient($node, 'terminate', user => 'stranger'), $denied, 'is told so once, and nobody is ended');
};

subtest 'a missing right is told beside other reasons' => sub {
	my ($equal, $waiter, $low) = (session($node, user => 'shop'), patient($node, 'terminate', user => 'stranger'), session($node, user => 'batch'));
	$_->run('BEGIN; TABLE u') for $equal, $low;
	$waiter->run('BEGIN');
	is(join(',', sort split /,/, reports_of_two($waiter, 'LOCK TABLE u')), "LOG: it has no lower lock priority,$denied", 'both are told');
	ok($_->lives, 'it lives') for $equal, $low;
	$_->run('COMMIT') for $equal, $low;
	is($waiter->answer, '', 'and the waiter goes on');
	$waiter->run('ROLLBACK');
	all_end($admin);
};

subtest 'a missing right on the way' => sub {
	my ($head, $middle, $waiter) = (session($node, user => 'shop'), holder(), patient($node, 'terminate', user => 'stranger'));
	$head->run('BEGIN; UPDATE t SET b = 0 WHERE a = 2');
	waits($admin, $middle, 'UPDATE t SET b = 0 WHERE a = 2');
	is(join(',', sort split /,/, reports_of_two($waiter, $update)), "LOG: it has no lower lock priority,$denied",
		'is told, where who it waits for stays as well');
	all_end($admin);
};

subtest 'the login role counts' => sub {
	$admin->run('CREATE ROLE former LOGIN SUPERUSER');
	my ($holder, $waiter) = (holder(), session($node, user => 'former'));
	$waiter->run($set_patience);
	$waiter->run('SET SESSION AUTHORIZATION stranger');
	is($waiter->run('SELECT current_user, session_user'), 'stranger|stranger', 'a superuser that calls itself somebody else');
	is($waiter->run($update), '', 'has it ended all the same');
	all_end($admin);
	$waiter = session($node, user => 'former');
	$waiter->run('SET SESSION AUTHORIZATION stranger');
	$waiter->run($set_patience);
	is_spared(holder(), $waiter, $setter_denied, 'but not if it sets its patience as somebody else');
	$admin->run('GRANT shop TO stranger');
	$waiter = patient($node, 'terminate', user => 'stranger');
	$admin->run('ALTER ROLE stranger NOINHERIT');
	$waiter->run('SET ROLE shop');
	is_spared(holder(), $waiter, $denied, 'SET ROLE to one with the right does not count');
	$admin->run('REVOKE shop FROM stranger; ALTER ROLE stranger INHERIT; DROP ROLE former');
};

subtest 'who sets the patience in the session needs the right, too' => sub {
	$admin->run('CREATE ROLE analyst LOGIN SUPERUSER; ALTER ROLE analyst SET pg_sessionctl.lock_priority = high');
	my $sets = q{set_config('pg_sessionctl.blocker_patience', '50 ms', LOCAL), set_config('pg_sessionctl.blocker_action', 'terminate', LOCAL)};
	my $setter = sub {
		my ($owner, $is_local) = @_;
		(my $body = "SELECT $sets") =~ s/LOCAL/$is_local/g;
		my $session = session($node, user => $owner);
		my $name = "public.set_by_${owner}_$is_local";
		return $session->run("CREATE FUNCTION $name(OUT patience text, OUT action text) LANGUAGE sql SECURITY DEFINER AS \$\$ $body \$\$");
	};
	is($setter->(@$_), '', "a function of $_->[0]") for [ 'stranger', 'false' ], [ 'stranger', 'true' ], [ 'shop', 'false' ];

	my $waiter = session($node, user => 'analyst');
	$waiter->run('SELECT public.set_by_stranger_false()');
	is($waiter->run('SHOW pg_sessionctl.blocker_patience'), '50ms', "a superuser has another's patience");
	is_spared(holder(), $waiter, $setter_denied, 'which ends nobody whom that one may not signal');
	$waiter = session($node, user => 'analyst');
	$waiter->run('SELECT public.set_by_shop_false()');
	holder();
	is($waiter->run($update), '', 'but whom it may');
	all_end($admin);

	$waiter = session($node, user => 'analyst');
	$waiter->run($set_patience);
	$waiter->run('BEGIN');
	$waiter->run('SELECT public.set_by_stranger_true()');
	my $holder = holder();
	is(reports($waiter), $setter_denied, 'set for a transaction it counts there');
	$holder->run('COMMIT');
	$waiter->answer;
	$waiter->run('COMMIT');
	holder();
	is($waiter->run($update), '', 'and afterwards whoever set what is in force again');
	all_end($admin);
	$admin->run('ALTER ROLE analyst SET pg_sessionctl.blocker_patience = $$50 ms$$; ALTER ROLE analyst SET pg_sessionctl.blocker_action = terminate');
	holder();
	is(session($node, user => 'analyst')->run($update), '', 'what a session comes with needs no other right');
	$admin->run('ALTER ROLE analyst RESET pg_sessionctl.blocker_patience; ALTER ROLE analyst RESET pg_sessionctl.blocker_action');
	all_end($admin);
};

# A function in an index of somebody else's table runs in the session of whoever analyzes it.
subtest "an index of somebody else's table" => sub {
	my $owner = session($node, user => 'stranger');
	is($owner->run(q{CREATE FUNCTION public.waits() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
			PERFORM set_config('pg_sessionctl.blocker_patience', '50 ms', false), set_config('pg_sessionctl.blocker_action', 'terminate', false);
			UPDATE public.t SET b = b + 1 WHERE a = 1;
			RETURN 1; END $$;
		CREATE FUNCTION public.trap(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
			IF session_user = 'analyst' THEN PERFORM public.waits(); END IF;
			RETURN 1; END $$;
		CREATE TABLE public.trapped (a int); INSERT INTO public.trapped SELECT generate_series(1, 9); CREATE INDEX ON public.trapped (public.trap(a))}), '', 'it is made');
	my ($holder, $analyst) = (holder(), session($node, user => 'analyst'));
	is(reports($analyst, 'ANALYZE public.trapped'), $setter_denied, 'sets a patience in the session of a superuser');
	ok($holder->lives, 'and ends nobody');
	$holder->run('COMMIT');
	is($analyst->answer, '', 'ANALYZE goes on');
	$owner->run('DROP TABLE public.trapped');
	all_end($admin);
};

subtest 'a right that is taken in between' => sub {
	my ($holder, $waiter) = (holder(), patient($node, 'terminate'));
	$admin->run('REVOKE batch FROM shop');
	is_spared($holder, $waiter, $denied, 'counts as it is now');
	$admin->run('GRANT batch TO shop');
	$holder = holder();
	is(patient($node, 'terminate')->run($update), '', 'and so does one that is given back');
	all_end($admin);
};

subtest 'nobody raises his own priority' => sub {
	my $batch = session($node, user => 'batch');
	for my $sql ('SET pg_sessionctl.lock_priority = high', 'RESET pg_sessionctl.lock_priority; SET pg_sessionctl.lock_priority = normal',
		'ALTER ROLE batch SET pg_sessionctl.lock_priority = high', q{SELECT set_config('pg_sessionctl.lock_priority', 'high', false)},
		q{CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql SET pg_sessionctl.lock_priority = high AS '' }, 'ALTER ROLE batch RESET pg_sessionctl.lock_priority')
	{
		my $said = $batch->run($sql);
		is($admin->run(q{SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = 'batch'::regrole}), '{pg_sessionctl.lock_priority=low}',
			"the role's setting after $sql") if $admin->run('SHOW server_version_num') >= 90500;
		like($said, qr/permission denied|must be/, "refused: $sql");
		is($batch->run('SHOW pg_sessionctl.lock_priority'), 'low', 'it is what it was');
	}
	is(eval { SessionctlTest::Session->new($node, user => 'batch', options => '-c pg_sessionctl.lock_priority=high'); 1 }, undef, 'nor at its login');
	all_end($admin);
};

subtest 'exempt, protected, superusers' => sub {
	my %spared = ('pg_sessionctl.exempt_roles' => 'batch', 'pg_sessionctl.exempt_databases' => 'postgres',
		'pg_sessionctl.exempt_applications' => 'psql', 'pg_sessionctl.protected_roles' => 'batch');
	for my $name (sort keys %spared)
	{
		reconfigure($node, $name => $spared{$name});
		my $holder = session($node, user => 'batch', app => 'psql');
		$holder->run("BEGIN; $update");
		is_spared($holder, patient($node, 'terminate'), 'LOG: it is exempt', $name);
		reconfigure($node, $name => undef);
	}
	$admin->run('CREATE ROLE root LOGIN SUPERUSER; ALTER ROLE root SET pg_sessionctl.lock_priority = low');
	$admin->run('CREATE ROLE dba LOGIN SUPERUSER');
	is_spared(holder('root'), patient($node, 'terminate', user => 'dba'), 'LOG: it is exempt', 'a superuser');
	reconfigure($node, 'pg_sessionctl.reap_superusers' => 'on');
	is_spared(holder('root'), patient($node, 'terminate'), $denied, 'whom nobody else may signal');
	my ($holder, $waiter) = (holder('root'), patient($node, 'terminate', user => 'dba'));
	is($waiter->run($update), '', 'but for another one, with reap_superusers');
	reconfigure($node, 'pg_sessionctl.reap_superusers' => undef);
	all_end($admin);
};

subtest 'reaper_action = log' => sub {
	reconfigure($node, 'pg_sessionctl.reaper_action' => 'log');
	my ($position, $holder, $waiter) = (log_position($node), holder(), patient($node, 'terminate'));
	$waiter->send($update);
	wait_for('the log', sub { gives_way($node, $position, $holder) });
	is(join(',', gives_way($node, $position, $holder)), 'log spared', 'is only logged');
	ok($holder->lives, 'it lives');
	reconfigure($node, 'pg_sessionctl.reaper_action' => undef);
	is($waiter->answer, '', 'until it is reset');
	all_end($admin);
};

subtest 'a commit that waits for a synchronous standby' => sub {
	plan skip_all => 'nothing tells what a commit waits for' if $admin->run('SHOW server_version_num') < 100000;
	reconfigure($node, 'synchronous_standby_names' => 'nobody');
	# Commits wait as soon as the checkpointer has heard of it.
	wait_for('the server to ask for a standby', sub {
		my $probe = session($node);
		$probe->send('INSERT INTO u VALUES (1)');
		wait_for('it to wait or to end', sub { shown($admin, $probe, q{wait_event = 'SyncRep' OR (state = 'idle' AND query LIKE 'INSERT%')}) eq 't' });
		return shown($admin, $probe, q{wait_event = 'SyncRep'}) eq 't';
	});
	my ($position, $holder, $waiter) = (log_position($node), holder(), patient($node, 'terminate'));
	my ($writer, $reader) = map { session($node, user => 'batch') } 1 .. 2;
	$writer->run('BEGIN; INSERT INTO u VALUES (2)');
	$reader->run('BEGIN; TABLE u');
	for ($holder, $writer)
	{
		$_->send('COMMIT');
		my $session = $_;
		wait_for('it to wait for a standby', sub { shown($admin, $session, q{wait_event = 'SyncRep'}) eq 't' });
	}
	my $locker = patient($node, 'terminate');
	waits($admin, $locker, 'BEGIN\; LOCK TABLE u');
	$waiter->run('BEGIN');
	$waiter->send($update);
	# Another wait, which began later with the same patience, has ended: this one was due.
	my $control = session($node, user => 'batch');
	$control->run('BEGIN; UPDATE t SET b = 0 WHERE a = 3');
	my $second = patient($node, 'terminate');
	$second->run('BEGIN');
	is($second->run('UPDATE t SET b = 1 WHERE a = 3'), '', 'another one is ended');
	is(shown($admin, $holder, q{wait_event = 'SyncRep'}), 't', 'it waits on');
	is(join(',', gives_way($node, $position, $holder)), '', 'and nothing was done about it');
	wait_for('both reports', sub { reports_since($node, $position) >= 2 });
	is(join(',', reports_since($node, $position)), join(',', ('LOG: its commit waits for a synchronous standby') x 2), 'but the log tells why, once for each wait');
	ok($reader->lives, 'nor about another one, which would end for nothing');
	is(shown($admin, $locker, 'waiting'), 't', 'where one of two waits for a standby');
	$reader->run('COMMIT');
	reconfigure($node, 'synchronous_standby_names' => undef);
	is($holder->answer, '', 'it commits');
	is($writer->answer, '', 'so does the other');
	is($locker->answer, '', 'whose lock is free then');
	$locker->run('COMMIT');
	is($waiter->answer, '', 'and the waiter goes on');
	all_end($admin);
};

subtest 'a reaper that stops' => sub {
	my ($holder, $waiter) = (holder(), patient($node, 'terminate', patience => '1 h'));
	waits($admin, $waiter, $update);
	is($admin->run('SELECT sessionctl.stop_reaper()'), 't', 'stopped while somebody is patient');
	like($admin->run('SELECT sessionctl.start_reaper()'), qr/t$/, 'started again');
	all_end($admin);
};

$admin->quit;
done_testing();
