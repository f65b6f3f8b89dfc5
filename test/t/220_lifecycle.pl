# The reaper process: who starts and stops it, what it survives, which signals it obeys, and that it blocks nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $limit = 'pg_sessionctl.idle_in_transaction_timeout';
my $node = new_reaper_server('lifecycle', init => { allows_streaming => 1 }, conf => "$limit = '300 ms'\nrestart_after_crash = on\nmax_prepared_transactions = 2\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE operator LOGIN; GRANT pg_signal_backend TO operator');
my $restarted = 'this reaper runs until the next restart of the server';

sub reaper_of { my ($session) = @_; return $session->run('SELECT pid FROM sessionctl.reaper_status') }
sub reaper { return reaper_of($admin) }

sub wait_for_reaper
{
	my ($session, $not) = @_;
	$session ||= $admin;
	return wait_for('the reaper', sub {
		my $pid = reaper_of($session);
		$pid =~ /^\d+\z/ && $pid ne ($not || '');
	});
}

# Does it do its work on this server?
sub reaps
{
	my ($server, $name) = @_;
	my $victim = SessionctlTest::Session->new($server, user => 'app');
	$victim->run('BEGIN');
	is(reaped($victim), 'idle_in_transaction_timeout', $name);
	return $victim->quit;
}

sub reconnect
{
	eval { $admin->quit };
	$admin = SessionctlTest::Session->new($node);
	return;
}

sub kill_process { my ($pid) = @_; return kill('KILL', $pid) || die "cannot kill $pid: $!" }

# After a process was killed the server throws everybody out and recovers.
sub wait_for_recovery
{
	my ($position) = @_;
	wait_for_log($node, $position, qr/all server processes terminated; reinitializing/);
	wait_for_log($node, $position, qr/database system is ready to accept connections/);
	return reconnect();
}

subtest 'it starts with the server' => sub {
	wait_for_reaper();
	my ($type, $application) = ('pg_sessionctl reaper') x 2;
	is($admin->run('SELECT backend_type, application_name, datname IS NULL FROM pg_stat_activity WHERE pid = ' . reaper()),
		"$type|$application|t", 'shows itself by its name, in no database');
	wait_for('it to sleep', sub {
		$admin->run('SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE pid = ' . reaper())
		  =~ ($admin->run('SHOW server_version_num') >= 170000 ? qr/^Extension\|PgSessionctlReaper\z/ : qr/^Extension\|Extension\z/);
	});
	is($admin->run('SELECT protection FROM sessionctl.session_activity WHERE pid = ' . reaper()), 'not a client',
		'and nobody chooses it by mistake');
	reaps($node, 'it reaps');
};

# A worker that has just been forked ignores SIGHUP: it sleeps there for post_auth_delay.
subtest 'the configuration changes while it starts' => sub {
	my $before = log_position($node);
	$admin->run('SELECT sessionctl.stop_reaper(); ALTER SYSTEM SET post_auth_delay = 2; SELECT pg_reload_conf()');
	wait_for_log($node, $before, qr/parameter "post_auth_delay" changed/);
	$admin->send('SELECT sessionctl.start_reaper()');
	my $postmaster = postmaster_pid($node);
	wait_for('a process', sub { qx(ps -o args= --ppid $postmaster) =~ /pg_sessionctl reaper/ });
	$node->append_conf('postgresql.conf', "pg_sessionctl.reaper_action = log\n");
	$node->reload;
	like($admin->answer, qr{^t\z}m, 'it starts');
	my $position = log_position($node);
	my $session = SessionctlTest::Session->new($node, user => 'app');
	$session->run('BEGIN');
	wait_for_log($node, $position, qr/action=log .* pid=${\ $session->pid} /);
	ok($session->lives, 'and knows of it');
	$session->quit;
	$node->append_conf('postgresql.conf', "pg_sessionctl.reaper_action = terminate\n");
	$admin->run('ALTER SYSTEM RESET post_auth_delay');
	reconfigure($node);
};

subtest 'the configuration is changed, and not reloaded' => sub {
	my $before = reaper();
	$node->append_conf('postgresql.conf', "pg_sessionctl.idle_session_timeout = '1 h'\n");
	$admin->run('SELECT pg_terminate_backend(' . $before . ')');
	wait_for('another one', sub { (reaper() || $before) ne $before });
	unlike($admin->run('SELECT limits FROM sessionctl.reaper_status'), qr/idle_session_timeout/, 'it does not know of that');
	$node->reload;
	wait_for('it to know', sub { $admin->run('SELECT limits FROM sessionctl.reaper_status') =~ /idle_session_timeout = 1 h/ });
	pass('but after a reload');
	$node->append_conf('postgresql.conf', "pg_sessionctl.idle_session_timeout = 0\n");
	reconfigure($node);
};

subtest 'stop and start' => sub {
	my $first = reaper();
	is($admin->run('SELECT sessionctl.start_reaper()'), "NOTICE:  the reaper is already running\nf", 'a second start says so');
	is(reaper(), $first, 'and changes nothing');
	is($admin->run('SELECT sessionctl.stop_reaper()'), 't', 'stop');
	wait_for('it to be gone', sub { !is_running($first) });
	is($admin->run('SELECT running, pid, hint FROM sessionctl.reaper_status'), 'f||Call sessionctl.start_reaper().', 'the view says so');
	is($admin->run('SELECT sessionctl.stop_reaper()'), "NOTICE:  the reaper is not running\nf", 'a second stop says so');
	like($admin->complaint(q{BEGIN; SELECT sessionctl.stop_reaper(); PREPARE TRANSACTION 'never'}),
		qr/ERROR:  0A000: cannot PREPARE a transaction that has called stop_reaper/, 'and nobody can keep reapers from starting by it');
	like($admin->run('SELECT sessionctl.start_reaper()'), qr/^NOTICE:  $restarted, which then starts its own\nt\z/, 'start');
	isnt(reaper(), $first, 'another process');
	reaps($node, 'it reaps');
	my @both = map { SessionctlTest::Session->new($node) } 1 .. 2;
	$admin->run('SELECT sessionctl.stop_reaper()');
	$_->send('SELECT sessionctl.start_reaper()') for @both;
	is(join(' ', sort map { /^([tf])\z/m } map { $_->answer } @both), 'f t', 'of two that start it at once one does');
	# The other one may have launched a process of its own: it finds that it comes second, and leaves.
	wait_for('one alone', sub { $admin->run('SELECT count(*) FROM pg_stat_activity WHERE backend_type = $$pg_sessionctl reaper$$') eq '1' });
	wait_for_reaper();
	$_->quit for @both;
};

subtest 'a stopped one stays away until the restart' => sub {
	my $position = log_position($node);
	$admin->run('SELECT sessionctl.stop_reaper()');
	$admin->run('SELECT sessionctl.start_reaper()');
	$admin->run('SELECT sessionctl.stop_reaper()');
	my $idler = SessionctlTest::Session->new($node, user => 'app');
	$idler->run('BEGIN');
	$admin->run('SELECT sessionctl.start_reaper()');
	is(reaped($idler), 'idle_in_transaction_timeout', 'a session that was idle before it started is ended, too');
	$admin->run('SELECT sessionctl.stop_reaper()');
	$admin->quit;
	$node->restart;
	reconnect();
	wait_for_reaper();
	reaps($node, 'after a restart it reaps');
	$idler->quit;
};

subtest 'superusers only' => sub {
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my $pid = reaper();
	for my $function (qw(start_reaper stop_reaper))
	{
		like($operator->complaint("SELECT sessionctl.$function()"), qr/^ERROR:  42501: permission denied for function $function/,
			"$function is nobody's");
		$admin->run("GRANT EXECUTE ON FUNCTION sessionctl.$function() TO operator");
		like($operator->complaint("SELECT sessionctl.$function()"), qr/^ERROR:  42501: must be superuser to (start|stop) the reaper/,
			'not even with a grant');
		$admin->run("REVOKE EXECUTE ON FUNCTION sessionctl.$function() FROM operator");
	}
	is(reaper(), $pid, 'it runs on');
	$operator->quit;
};

subtest 'terminated, it comes back' => sub {
	for (1 .. 2)
	{
		my $pid = reaper();
		$admin->run("SELECT pg_terminate_backend($pid)");
		wait_for_reaper($admin, $pid);
		reaps($node, 'and reaps');
	}
	$admin->run('SELECT sessionctl.stop_reaper()');
	$admin->run('SELECT sessionctl.start_reaper()');
	my $pid = reaper();
	$admin->run("SELECT pg_terminate_backend($pid)");
	wait_for_reaper($admin, $pid);
	reaps($node, 'so does one that was started by hand');
};

subtest 'cancelled, it goes on' => sub {
	$admin->run('SELECT pg_cancel_backend(' . reaper() . ')');
	reaps($node, 'it reaps');
	wait_for_reaper();
};

subtest 'it is in nobody\'s way' => sub {
	for my $round (1 .. 3)
	{
		$admin->run('CREATE DATABASE passing');
		my $victim = SessionctlTest::Session->new($node, user => 'app', database => 'passing');
		$victim->run('BEGIN');
		reaped($victim);
		$victim->quit;
		is($admin->run('DROP DATABASE passing'), '', 'DROP DATABASE');
	}
	$admin->run('CREATE ROLE passing LOGIN');
	my $victim = SessionctlTest::Session->new($node, user => 'passing');
	$victim->run('BEGIN');
	reaped($victim);
	is($admin->run('DROP ROLE passing'), '', 'DROP ROLE');
	$victim->quit;
	is($admin->run('SELECT count(*) FROM pg_locks WHERE pid = ' . reaper() . q{ AND locktype <> 'advisory'}), '0',
		'it holds no lock but its own');
	is($admin->run('SELECT backend_xmin IS NULL, backend_xid IS NULL FROM pg_stat_activity WHERE pid = ' . reaper()), 't|t',
		'and holds nothing back');
};

subtest 'reload' => sub {
	my $session = SessionctlTest::Session->new($node, user => 'app');
	reconfigure($node, $limit => '1 h');
	$session->run('BEGIN');
	is($session->run("SHOW $limit"), '1h', 'a session has a long limit');
	reconfigure($node, $limit => '300 ms');
	is(reaped($session), 'idle_in_transaction_timeout', 'and is ended by the short one that comes, without doing anything');
	$session->quit;
	reconfigure($node, $limit => '0');
	my $unlimited = SessionctlTest::Session->new($node, user => 'app');
	$unlimited->run('BEGIN');
	$admin->run("ALTER ROLE operator SET $limit = '300 ms'");
	my $control = SessionctlTest::Session->new($node, user => 'operator');
	$control->run('BEGIN');
	reaped($control);
	ok($unlimited->lives, 'nobody is where there is none');
	$_->quit for $control, $unlimited;
	$admin->run("ALTER ROLE operator RESET $limit");
	reconfigure($node, $limit => '300 ms');
};

subtest 'bad values in the configuration file' => sub {
	# The last one that is in force is ALTER SYSTEM's: that is for good values only.
	$admin->run('ALTER SYSTEM RESET ALL');
	my $conf = $node->data_dir . '/postgresql.conf';
	my $good = read_file($conf);
	my %bad = (
		$limit => "'soon'",
		'pg_sessionctl.transaction_timeout' => '-1',
		'pg_sessionctl.idle_session_timeout' => "'5 parsecs'",
		'pg_sessionctl.exempt_roles' => q{'"open'},
		'pg_sessionctl.exempt_applications' => q{'a,,b'},
		'pg_sessionctl.reaper_action' => "'kill'",
		'pg_sessionctl.reap_superusers' => "'perhaps'");
	for my $name (sort keys %bad)
	{
		my $before = $admin->run("SHOW $name");
		my $position = log_position($node);
		$node->append_conf('postgresql.conf', "$name = $bad{$name}\n");
		$admin->run('SELECT pg_reload_conf()');
		wait_for_log($node, $position, qr/configuration file .* contains errors; unaffected changes were applied/);
		like(log_since($node, $position), qr/LOG:  (invalid value for parameter "$name"|.* is outside the valid range for parameter "$name"|parameter "$name" requires a Boolean value)/,
			"$name: the log says so");
		is($admin->run("SHOW $name"), $before, 'the old value stays');
		open my $out, '>:raw', $conf or die $!;
		print $out $good;
		close $out;
	}
	$admin->run('SELECT pg_reload_conf()');
	reaps($node, 'and the reaper at work');
};

subtest 'bad values elsewhere' => sub {
	my $invalid = qr/^ERROR:  22023: (invalid value for parameter|.* is outside the valid range for parameter)/;
	for my $value ("'soon'", '-1', "'5 parsecs'", "'100 d'")
	{
		like($admin->complaint("$_ pg_sessionctl.idle_in_transaction_timeout = $value"), $invalid, "$_ to $value")
		  for 'SET', 'ALTER ROLE app SET', 'ALTER DATABASE postgres SET', 'ALTER SYSTEM SET';
	}
	my %wrong = (exempt_roles => "'\"open'", exempt_databases => "'a,,b'", reaper_action => "'kill'", reap_superusers => "'perhaps'");
	for my $name (sort keys %wrong)
	{
		like($admin->complaint("ALTER SYSTEM SET pg_sessionctl.$name = $wrong{$name}"),
			qr/^ERROR:  22023: (invalid value for parameter|parameter "pg_sessionctl\.$name" requires a Boolean value)/, "ALTER SYSTEM: $name");
		like($admin->complaint("SET pg_sessionctl.$name = DEFAULT"), qr/^ERROR:  55P02: parameter .* cannot be changed now/,
			'and no session sets it');
	}
	my $session = SessionctlTest::Session->new($node, user => 'app');
	is($session->run("SHOW $limit"), $admin->run("SHOW $limit"), 'nothing was kept of it');
	$session->quit;
};

subtest 'kill -9 of the reaper' => sub {
	my $position = log_position($node);
	kill_process(reaper());
	wait_for_recovery($position);
	wait_for_reaper();
	reaps($node, 'it is back');
	like($admin->run('SELECT count(*) FROM sessionctl.session_audit'), qr/^[1-9]/, 'the account can be read');
};

subtest 'kill -9 of a victim' => sub {
	my $victim = SessionctlTest::Session->new($node, user => 'app');
	my $position = log_position($node);
	stop_process($victim->pid);
	kill_process($victim->pid);
	wait_for_recovery($position);
	wait_for_reaper();
	reaps($node, 'it is back');
	$victim->quit;
};

# A session that will not go, and was told to.
sub stubborn_victim
{
	my $victim = SessionctlTest::Session->new($node, user => 'app');
	$victim->run('BEGIN');
	stop_process($victim->pid);
	wait_for_sigterm($victim->pid);
	return $victim;
}

subtest 'it exits while a session is ending' => sub {
	plan skip_all => 'needs /proc/<pid>/status' unless -r '/proc/self/status';
	my $position = log_position($node);
	my $victim = stubborn_victim();
	$admin->run('SELECT sessionctl.stop_reaper()');
	my $pid = $victim->pid;
	like((grep { / pid=$pid / } audit_lines($node, $position))[0], qr/action=terminate result="signalled"/, 'and tells of it');
	continue_process($pid);
	wait_for('its end', sub { !is_running($pid) });
	$admin->run('SELECT sessionctl.start_reaper()');
	$victim->quit;
};

subtest 'kill -9 of a session that is ending' => sub {
	my $position = log_position($node);
	my $victim = stubborn_victim();
	kill_process($victim->pid);
	wait_for_recovery($position);
	wait_for_reaper();
	reaps($node, 'it is back');
	$victim->quit;
};

subtest 'kill -9 of the postmaster' => sub {
	my $reaper = reaper();
	my @processes = kill_server($node);
	wait_for('the reaper to notice', sub { !is_running($reaper) });
	wait_until_gone($node, @processes);
	$node->start;
	reconnect();
	wait_for_reaper();
	reaps($node, 'it is back');
};

subtest 'pg_ctl restart -m immediate' => sub {
	my $position = log_position($node);
	$node->stop('immediate');
	$node->start;
	reconnect();
	wait_for_reaper();
	reaps($node, 'it is back');
	unlike(log_since($node, $position), qr/pg_sessionctl.*(damaged|could not)/, 'without complaint');
};

subtest 'shutdown is not delayed' => sub {
	for my $mode (qw(fast smart))
	{
		my $reaper = reaper();
		$admin->quit;
		$node->stop($mode);
		ok(!is_running($reaper), $mode);
		$node->start;
		reconnect();
		wait_for_reaper();
	}
	my $position = log_position($node);
	my $idler = SessionctlTest::Session->new($node, user => 'app');
	$idler->run('BEGIN');
	$admin->quit;
	$node->stop('fast');
	unlike(log_since($node, $position), qr/PANIC|terminated by signal|was terminated/, 'nobody dies of it');
	$node->start;
	reconnect();
	$idler->quit;
};

subtest 'hot standby and promotion' => sub {
	my $standby = new_standby($node);
	my $there = SessionctlTest::Session->new($standby);
	is($there->run('SELECT pg_is_in_recovery()'), 't', 'on a hot standby');
	wait_for_reaper($there);
	reaps($standby, 'it reaps');
	like($there->run('SELECT sessionctl.stop_reaper()'), qr/^t\z/, 'can be stopped');
	like($there->run('SELECT sessionctl.start_reaper()'), qr/^t\z/m, 'and started');
	reaps($standby, 'and reaps');
	my $reaper = reaper_of($there);
	$standby->promote;
	wait_for('promotion', sub { $there->run('SELECT pg_is_in_recovery()') eq 'f' });
	reaps($standby, 'after promotion');
	is(reaper_of($there), $reaper, 'the same');
	my $blocker = SessionctlTest::Session->new($standby, user => 'app');
	$blocker->run('CREATE TEMP TABLE t (a int)');
	$blocker->run('BEGIN; INSERT INTO t VALUES (1)');
	is(reaped($blocker), 'idle_in_transaction_timeout', 'so does one that wrote');
	$_->quit for $blocker, $there;
	$standby->stop;
};

subtest 'not preloaded' => sub {
	$admin->quit;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	$node->restart;
	reconnect();
	is($admin->run('SELECT running, preloaded FROM sessionctl.reaper_status'), 'f|f', 'none starts by itself');
	my $answer = $admin->run('SELECT sessionctl.start_reaper()');
	like($answer, qr/^NOTICE:  $restarted, and does not see limits that ALTER ROLE or ALTER DATABASE set$/m, 'one can be started');
	like($answer, qr/^HINT:  .*shared_preload_libraries.*$/m, 'with a hint');
	like($answer, qr/^t\z/m, 'it runs');
	is($admin->run('SELECT sessionctl.start_reaper()'), "NOTICE:  the reaper is already running\nf", 'one');
	is($admin->run('SELECT running, pid IS NOT NULL, since IS NOT NULL, preloaded FROM sessionctl.reaper_status'), 't|t|t|f', 'as the view tells');
	is($admin->run('SELECT backend_type FROM pg_stat_activity WHERE pid = ' . reaper()), 'pg_sessionctl reaper', 'under its name');
	reaps($node, 'it reaps by the limit of all');
	$admin->run("ALTER ROLE operator SET $limit = '1 h'");
	my $unseen = SessionctlTest::Session->new($node, user => 'operator');
	$unseen->run('BEGIN');
	is(reaped($unseen), 'idle_in_transaction_timeout', 'and sees no other');
	$unseen->quit;
	my $pid = reaper();
	$admin->run("SELECT pg_terminate_backend($pid)");
	wait_for_reaper($admin, $pid);
	reaps($node, 'terminated, it comes back');
	is($admin->run('SELECT sessionctl.stop_reaper()'), 't', 'stop');
	is($admin->run('SELECT running FROM sessionctl.reaper_status'), 'f', 'it is gone');
	$admin->run('SELECT sessionctl.start_reaper()');
	$admin->quit;
	$node->restart;
	reconnect();
	is($admin->run('SELECT running FROM sessionctl.reaper_status'), 'f', 'as it is after a restart');
};

done_testing();
