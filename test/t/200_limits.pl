# Which sessions the reaper ends: each limit, what counts as idle, and which setting applies.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_reaper_server('limits');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE TABLE held (a int); CREATE TABLE other (a int); GRANT ALL ON held, other TO PUBLIC');
$admin->run(q{CREATE FUNCTION limit_me(name text, value text) RETURNS text LANGUAGE sql SECURITY DEFINER
	AS $$SELECT set_config('pg_sessionctl.' || name, value, false)$$});
my $short = '300 ms';

sub setting { my ($limit, $value) = @_; return "SET pg_sessionctl.$limit = '$value'" }

# A session of a role of its own with these limits.
my $roles = 0;

sub role_with
{
	my (%limits) = @_;
	my $role = 'role_' . ++$roles;
	$admin->run("CREATE ROLE $role LOGIN");
	$admin->run("ALTER ROLE $role " . setting($_, $limits{$_})) for keys %limits;
	return $role;
}

sub session_with
{
	my (%limits) = @_;
	return SessionctlTest::Session->new($node, user => role_with(%limits));
}

sub state_of
{
	my ($session) = @_;
	return $admin->run('SELECT state FROM sessionctl.session_activity WHERE pid = ' . $session->pid);
}

# Returns when a session that began its idleness now is ended: whoever was as idle before, with the same limit, is past it.
sub pass_the_limit
{
	my $control = session_with(idle_in_transaction_timeout => $short);
	$control->run('BEGIN');
	reaped($control);
	return $control->quit;
}

# The busy ones, too.
sub dismiss
{
	my (@sessions) = @_;
	$admin->run('SELECT pg_terminate_backend(' . $_->pid . ')') for @sessions;
	$_->quit for @sessions;
	return;
}

sub wait_until_it_waits
{
	my ($session) = @_;
	return wait_for('it to wait', sub {
		$admin->run('SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $session->pid) eq 't';
	});
}

subtest 'idle in transaction' => sub {
	my $victim = session_with(idle_in_transaction_timeout => $short);
	my $outside = session_with(idle_in_transaction_timeout => $short);
	my $busy = session_with(idle_in_transaction_timeout => $short);
	my $unlimited = session_with();
	$busy->send('BEGIN\; SELECT pg_sleep(600)');
	$_->run('BEGIN') for $unlimited, $victim;
	is(reaped($victim), 'idle_in_transaction_timeout', 'is ended');
	like($victim->run('SELECT 1'), qr/FATAL:  terminating connection due to administrator command/, 'and told so');
	pass_the_limit();
	ok($outside->lives, 'outside a transaction nobody is');
	is(state_of($busy), 'active', 'nor who is at work');
	ok($unlimited->lives, 'nor who has no limit');
	dismiss($victim, $outside, $busy, $unlimited);
};

subtest 'idle in an aborted transaction' => sub {
	my $victim = session_with(idle_in_transaction_timeout => $short);
	like($victim->run('BEGIN; SELECT 1/0'), qr/division by zero/, 'an error');
	is(reaped($victim), 'idle_in_transaction_timeout', 'does not help');
	$victim->quit;
};

subtest 'idle in a transaction while others wait' => sub {
	my ($blocker, $lonely) = map { session_with(idle_in_transaction_blocking_timeout => $short) } 1 .. 2;
	$blocker->run('BEGIN; LOCK TABLE held');
	$lonely->run('BEGIN; LOCK TABLE other');
	pass_the_limit();
	ok($_->lives, 'it may be idle while nobody waits') for $blocker, $lonely;
	pass_the_limit();
	my $waiter = session_with();
	$waiter->send('BEGIN; LOCK TABLE held');
	is(reaped($blocker), 'idle_in_transaction_blocking_timeout', 'it is ended when it begins to block later');
	is($waiter->answer, '', 'who waited goes on');
	pass_the_limit();
	ok($lonely->lives, 'a session that blocks nobody stays');
	my $next = session_with();
	$next->send('BEGIN; LOCK TABLE held');
	wait_until_it_waits($next);
	pass_the_limit();
	ok($waiter->lives, 'so does a blocker without that limit');
	$waiter->run('COMMIT');
	$next->answer;
	$_->quit for $blocker, $lonely, $waiter, $next;
};

subtest 'sessions that wait behind a waiter' => sub {
	my $blocker = session_with(idle_in_transaction_blocking_timeout => $short);
	my @waiters = map { session_with(idle_in_transaction_blocking_timeout => $short) } 1 .. 2;
	$blocker->run('BEGIN; LOCK TABLE held');
	for my $waiter (@waiters)
	{
		$waiter->run('BEGIN');
		$waiter->send('LOCK TABLE held');
	}
	is(reaped($blocker), 'idle_in_transaction_blocking_timeout', 'the first is ended');
	# Now one of them holds the lock, idle, and the other waits behind it.
	wait_for('the second to end', sub { grep { !is_running($_->pid) } @waiters });
	my ($left) = grep { is_running($_->pid) } @waiters;
	is($left->answer, '', 'the last one gets what it waited for');
	pass_the_limit();
	ok($left->lives, 'and stays');
	$_->quit for $blocker, @waiters;
};

sub use_up_transactions { $admin->run('SELECT txid_current()') for 1 .. 40; return }

subtest 'holding back the vacuum horizon' => sub {
	my %limits = (idle_in_transaction_horizon_age => 30, idle_in_transaction_horizon_idle => $short);
	my ($reader, $writer, $idler) = map { session_with(%limits) } 1 .. 3;
	my $patient = session_with(%limits, idle_in_transaction_horizon_idle => '1 h');
	$_->run('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE held') for $reader, $patient;
	$writer->run('BEGIN; INSERT INTO other VALUES (1)');
	$idler->run('BEGIN; TABLE held');
	pass_the_limit();
	ok($_->lives, 'a young one may be idle') for $reader, $writer;
	use_up_transactions();
	is(reaped($_), 'idle_in_transaction_horizon_age', 'an old one is ended') for $reader, $writer;
	pass_the_limit();
	ok($idler->lives, 'not who holds nothing back');
	ok($patient->lives, 'nor who has not been idle for long enough');
	$_->quit for $reader, $writer, $idler, $patient;
};

subtest 'idle outside a transaction' => sub {
	# They begin before they have a limit.
	my ($inside, $busy) = map { session_with() } 1 .. 2;
	$inside->run('BEGIN');
	$busy->send('SELECT pg_sleep(600)');
	wait_for('work', sub { state_of($busy) eq 'active' });
	reconfigure($node, 'pg_sessionctl.idle_session_timeout' => '500 ms');
	my $victim = session_with();
	$victim->send("SELECT limit_me('idle_session_timeout', '$short')");
	is(reaped($victim), 'idle_session_timeout', 'is ended');
	is(state_of($inside), 'idle in transaction', 'a session in a transaction is not');
	is(state_of($busy), 'active', 'nor who is at work');
	reconfigure($node, 'pg_sessionctl.idle_session_timeout' => undef);
	dismiss($victim, $inside, $busy);
};

subtest 'a long transaction' => sub {
	my ($idler, $sleeper, $outside) = map { session_with(transaction_timeout => $short) } 1 .. 3;
	$idler->run('BEGIN');
	$sleeper->send('SELECT pg_sleep(600)');
	is(reaped($_), 'transaction_timeout', 'is ended, idle or not') for $idler, $sleeper;
	pass_the_limit();
	ok($outside->lives, 'no transaction, no end');
	$_->quit for $idler, $sleeper, $outside;
};

subtest 'many short statements do not start the transaction limit anew' => sub {
	my $victim = session_with(idle_in_transaction_timeout => '10 min', transaction_timeout => '1 s');
	$victim->run('BEGIN');
	wait_for('its end', sub { $victim->run('SELECT 1') ne '1' });
	is(reaped($victim), 'transaction_timeout', 'does not help');
	$victim->quit;
};

# Does something again and again until another session, idle from then on, is ended by the same limit: is the first still
# there then? Undefined where it paused for as long as the limit: a machine that stood still proves nothing.
sub moves_on
{
	my ($session, $limit, $first, $statements) = @_;
	my ($longest, $last) = (0, time);
	$session->run($first);
	my $control = session_with(idle_in_transaction_timeout => "$limit s");
	$control->run('BEGIN');
	while (is_running($session->pid) && is_running($control->pid))
	{
		my $began = $last;
		$last = time;
		eval { $session->run($_) for @$statements };    # a session that was ended may break it
		$longest = time - $began if time - $began > $longest;
		usleep($limit / 10 * 1_000_000);
	}
	my $is_there = is_running($session->pid) ? 1 : 0;
	$longest = time - $last if time - $last > $longest;
	$control->quit;
	return $longest < $limit ? $is_there : undef;
}

for my $traffic (
	[ 'SAVEPOINT and ROLLBACK TO', 'SAVEPOINT s', 'ROLLBACK TO s' ],
	[ 'FETCH', 'FETCH 1 FROM c' ],
	[ 'an empty statement', ';' ])
{
	my ($what, @statements) = @$traffic;
	subtest "$what is no idleness" => sub {
		my ($session, $stayed);
		my $limit = 0.5;    # seconds; longer at each try, for a machine that often stands still
		wait_for('a try without a pause', sub {
			$session->quit if $session;
			$limit *= 2;
			$session = session_with(idle_in_transaction_timeout => "$limit s");
			$stayed = moves_on($session, $limit, 'BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 1000000)', \@statements);
			return defined $stayed;
		});
		ok($stayed, 'it stays');
		is(reaped($session), 'idle_in_transaction_timeout', 'until it stops');
		$session->quit;
	};
}

subtest 'one transaction after the other' => sub {
	my ($session, $stayed);
	my $limit = 0.5;
	wait_for('a try without a pause', sub {
		$session->quit if $session;
		$limit *= 2;
		$session = session_with(transaction_timeout => "$limit s", idle_in_transaction_timeout => "$limit s");
		$stayed = moves_on($session, $limit, 'SELECT 1', [ 'BEGIN', 'SELECT 1', 'COMMIT', 'BEGIN', 'COMMIT' ]);
		return defined $stayed;
	});
	ok($stayed, 'is not one long transaction');
	$session->quit;
};

subtest 'an idle listener' => sub {
	my %all = map { $_ => $short } qw(idle_in_transaction_timeout idle_in_transaction_blocking_timeout transaction_timeout
	  client_silence_timeout idle_in_transaction_horizon_idle);
	delete $all{client_silence_timeout} if $^O ne 'linux';
	my $role = role_with(%all, idle_in_transaction_horizon_age => 1);
	my $listener = SessionctlTest::Session->new($node, user => $role);
	$listener->run('LISTEN news');
	use_up_transactions();
	pass_the_limit();
	is(state_of($listener), 'idle', 'is touched by none of the others');
	$listener->send("SELECT limit_me('idle_session_timeout', '$short')");
	is(reaped($listener), 'idle_session_timeout', 'only by this');
	$listener->quit;
};

subtest 'the first of several limits' => sub {
	my $victim = session_with(idle_in_transaction_timeout => '10 min', transaction_timeout => $short);
	$victim->run('BEGIN');
	is(reaped($victim), 'transaction_timeout', 'that is over counts');
	$victim->quit;
};

subtest 'which of the settings applies' => sub {
	my $limit = 'pg_sessionctl.idle_in_transaction_timeout';
	my $role = role_with(idle_in_transaction_timeout => '5 min');
	$admin->run("CREATE DATABASE $_") for qw(shop stock);
	$admin->run('ALTER DATABASE shop ' . setting('idle_in_transaction_timeout', $short));
	$admin->run("ALTER ROLE $role IN DATABASE stock " . setting('idle_in_transaction_timeout', $short));
	reconfigure($node, $limit => '2 h');
	my $plain = role_with();
	my $shown = sub {
		my ($user, $database) = @_;
		my $session = SessionctlTest::Session->new($node, user => $user, database => $database);
		return ($session, $session->run("SHOW $limit"));
	};
	my @expected = ([ $plain, 'postgres', '2h' ], [ $plain, 'stock', '2h' ], [ $plain, 'shop', '300ms' ],
		[ $role, 'postgres', '5min' ], [ $role, 'shop', '5min' ], [ $role, 'stock', '300ms' ]);
	my (@short, @long);
	for (@expected)
	{
		my ($user, $database, $value) = @$_;
		my ($session, $found) = $shown->($user, $database);
		is($found, $value, ($user eq $plain ? 'a role without its own' : 'a role with its own') . " in $database");
		push @{ $value eq '300ms' ? \@short : \@long }, $session;
	}
	$_->run('BEGIN') for @long, @short;
	is(reaped($_), 'idle_in_transaction_timeout', 'the short ones are ended') for @short;
	pass_the_limit();
	ok($_->lives, 'the long ones are not') for @long;
	$_->quit for @short, @long;

	reconfigure($node, $limit => $short);
	my $free = session_with(idle_in_transaction_timeout => 0);
	my $everybody = session_with();
	$_->run('BEGIN') for $free, $everybody;
	is(reaped($everybody), 'idle_in_transaction_timeout', 'the limit of all');
	pass_the_limit();
	ok($free->lives, 'and a role without');
	$_->quit for $free, $everybody;
	reconfigure($node, $limit => undef);
};

subtest 'ALTER ROLE is for new sessions' => sub {
	my $role = role_with();
	my $old = SessionctlTest::Session->new($node, user => $role);
	$old->run('BEGIN');
	$admin->run("ALTER ROLE $role " . setting('idle_in_transaction_timeout', $short));
	my $new = SessionctlTest::Session->new($node, user => $role);
	$new->run('BEGIN');
	is(reaped($new), 'idle_in_transaction_timeout', 'such as this');
	ok($old->lives, 'not for old ones, whom SHOW tells');
	is($old->run('SHOW pg_sessionctl.idle_in_transaction_timeout'), '0', 'that they have none');
	$_->quit for $old, $new;
};

subtest 'users cannot switch a limit off' => sub {
	my $role = role_with(idle_in_transaction_timeout => '5 min');
	my $session = SessionctlTest::Session->new($node, user => $role);
	my $limit = 'pg_sessionctl.idle_in_transaction_timeout';
	my $denied = qr/^ERROR:  42501: permission denied to set parameter "$limit"/m;
	like($session->run_verbose($_), $denied, $_)
	  for "SET $limit = 0", "SET SESSION $limit = '1 h'", "SELECT set_config('$limit', '0', false)",
	  "ALTER ROLE $role SET $limit = 0", "RESET $limit";
	like($session->run_verbose("BEGIN; SET LOCAL $limit = 0"), $denied, 'SET LOCAL');
	$session->run('ROLLBACK');
	like($session->run_verbose("SET $_ = DEFAULT"), qr/^ERROR:  (42501|55P02): /m, $_)
	  for map { "pg_sessionctl.$_" } qw(transaction_timeout idle_session_timeout client_silence_timeout client_gone_timeout statement_timeout session_lifetime_timeout exempt_roles
	  reaper_action reap_superusers);
	my $greedy = eval { SessionctlTest::Session->new($node, user => $role, options => "-c $limit=0"); 1 } ? '' : $@;
	like($greedy, qr/FATAL:  permission denied to set parameter "$limit"/, 'PGOPTIONS');
	$session->run('RESET ALL');
	$session->run('DISCARD ALL');
	is($session->run("SHOW $limit"), '5min', 'after all of that the limit is what it was');
	$session->quit;
	$session = session_with(idle_in_transaction_timeout => $short);
	$session->run("SET $limit = 0");
	$session->run('BEGIN');
	is(reaped($session), 'idle_in_transaction_timeout', 'and in force');
	$session->quit;
};

subtest 'the reaper sleeps until a shorter limit comes' => sub {
	my $asleep = sub {
		my ($deadline) = @_;
		wait_for('the reaper to sleep', sub {
			$admin->run("SELECT next_deadline $deadline FROM sessionctl.reaper_status") eq 't';
		});
	};
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => '1 h');
	$asleep->("> now() + '30 min'");
	my $victim = session_with(idle_in_transaction_timeout => $short);
	$victim->run('BEGIN');
	is(reaped($victim), 'idle_in_transaction_timeout', 'with a login');
	$victim->quit;

	$admin->run(q{CREATE FUNCTION limit_me_no_more() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
		AS $$BEGIN RESET pg_sessionctl.idle_in_transaction_timeout; END$$});
	$victim = session_with();
	$asleep->("> now() + '30 min'");
	$victim->run(qq{SELECT limit_me('idle_in_transaction_timeout', '$short')});
	$victim->run('BEGIN');
	is(reaped($victim), 'idle_in_transaction_timeout', 'with SET');
	$victim->quit;

	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => $short);
	$victim = session_with(idle_in_transaction_timeout => '1 h');
	$victim->run('SELECT limit_me_no_more()');
	is($victim->run('SHOW pg_sessionctl.idle_in_transaction_timeout'), '1h', 'RESET is back to the limit of the role');
	$victim->quit;
	$victim = session_with();
	$victim->run(q{SELECT limit_me('idle_in_transaction_timeout', '1 h')});
	$victim->run('SELECT limit_me_no_more()');
	is($victim->run('SHOW pg_sessionctl.idle_in_transaction_timeout'), '300ms', 'or of all');
	$victim->run('BEGIN');
	is(reaped($victim), 'idle_in_transaction_timeout', 'which is in force then');
	$victim->quit;
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => undef);
};

subtest 'the first session after an empty server' => sub {
	$admin->run('CREATE ROLE latecomer LOGIN');
	reconfigure($node, 'pg_sessionctl.idle_in_transaction_timeout' => $short);
	$admin->quit;
	$node->restart;
	my $victim = SessionctlTest::Session->new($node, user => 'latecomer');
	$victim->run('BEGIN');
	is(reaped($victim), 'idle_in_transaction_timeout', 'the limit of all holds for who comes first');
	$victim->quit;
};

done_testing();
