# terminate_where counts only sessions that have ended, and reports every matched session that was not ended.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

# Commits wait for a synchronous standby that does not exist, when a session asks for it. (Set from the start: a running
# server learns it some time after a reload, and without walsenders no commit waits.)
my $node = new_server('terminate',
	init => { allows_streaming => 1 },
	conf => "synchronous_standby_names = 'nobody'\nsynchronous_commit = local\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE TABLE held (a int);
	GRANT ALL ON held TO app');

sub victims
{
	my ($app, @users) = @_;
	return map { SessionctlTest::Session->new($node, user => $_, app => $app) } @users;
}

# How many of them core still knows.
sub left
{
	return $admin->run('SELECT count(*) FROM pg_stat_activity WHERE pid IN (' . join(', ', map { $_->pid } @_) . ')');
}

my $victim = q{$$application_name = 'victim'$$};

subtest 'all ended' => sub {
	my @victims = victims('victim', ('app') x 3);
	$victims[0]->run('BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE');
	is($admin->run("SELECT sessionctl.safe_count($victim)"), '3', 'counted before');
	is($admin->run("SELECT outcome, count(*) FROM sessionctl.preview_where($victim) GROUP BY 1"), 'chosen|3', 'shown before');
	ok($_->lives, 'looking harms nobody') for @victims;
	is($admin->run("SELECT sessionctl.terminate_where($victim)"), '3', 'the count, and nothing else to say');
	is(left(@victims), '0', 'proof: they are gone when the call returns');
	is($admin->run('BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE NOWAIT; COMMIT'), '', 'and so are its locks');
	like($victims[0]->run('SELECT 1'), qr/terminating connection due to administrator command/, 'what the client is told');
	is($admin->run("SELECT sessionctl.terminate_where($victim)"), '0', 'none matched: 0, and nothing to say');
	$_->quit for @victims;
};

subtest 'matched but not ended' => sub {
	my @victims = victims('victim', qw(app boss app));
	is( $admin->run("SELECT sessionctl.safe_count($victim)"),
		"NOTICE:  matched 3: 2 to act on, 1 spared (superuser)\n" . hint_to_include('superusers') . "2", 'safe_count tells');
	is( $admin->run("SELECT sessionctl.terminate_where($victim)"),
		"NOTICE:  matched 3: 2 ended, 1 spared (superuser)\n" . hint_to_include('superusers') . "2", 'terminate_where tells');
	ok($victims[1]->lives, 'the superuser is well');
	is( $admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim' OR is_self$$)}),
		"NOTICE:  matched 2: 2 spared (1 self, 1 superuser)\n" . hint_to_include('superusers') . "0", 'several reasons, each with its number');
	is($admin->run("SELECT sessionctl.terminate_where($victim, include_superusers => true)"), '1', 'unless included');
	$_->quit for @victims;
};

subtest 'never the caller' => sub {
	for my $condition ('is_self', 'pid = pg_backend_pid()', 'pid = ' . $admin->pid)
	{
		is( $admin->run("SELECT sessionctl.$_('$condition', include_superusers => true, include_replication => true)"),
			"NOTICE:  matched 1: 1 spared (self)\n0", "$_('$condition')")
		  for qw(terminate_where cancel_where);
	}
	ok($admin->lives, 'it is still here');
};

subtest 'signal and return' => sub {
	my @victims = victims('victim', ('app') x 2);
	# A stopped process obeys later: with proof it would not be counted.
	stop_process($victims[0]->pid);
	is($admin->run("SELECT sessionctl.terminate_where($victim, timeout => '0')"), '2', 'counts who was signalled');
	is(left($victims[0]), '1', 'without waiting');
	continue_process($victims[0]->pid);
	wait_for('both to go', sub { !grep { is_running($_->pid) } @victims });
	$_->quit for @victims;
};

subtest 'a session that does not end' => sub {
	my ($stuck, $obedient) = victims('victim', ('app') x 2);
	stop_process($stuck->pid);
	my $answer = $admin->run_verbose("SELECT sessionctl.terminate_where($victim, timeout => '0.5 s')");
	like($answer, qr/^NOTICE:  00000: matched 2: 1 ended, 1 still running$/m, 'a notice that tells both');
	like($answer, qr/^WARNING:  01000: 1 session is still running after \d+\.\d s$/m, 'a warning that counts the survivors');
	like($answer, qr/^HINT: .+/m, 'with a hint');
	like($answer, qr/^1\z/m, 'and the true count');
	is(left($stuck, $obedient), '1', 'the other is gone');

	like($admin->run("SELECT pid, outcome, elapsed > '0' FROM sessionctl.terminate_report($victim, timeout => '1 s')"),
		qr/^${\ $stuck->pid}\|still running\|t$/m, 'its row in the report');
	continue_process($stuck->pid);
	wait_for('the survivor to obey', sub { !is_running($stuck->pid) });
	$_->quit for $stuck, $obedient;
};

subtest 'report' => sub {
	my ($app, $boss) = victims('victim', qw(app boss));
	$app->run('BEGIN');
	my $columns = 'session_id, pid, usename, datname, application_name, client_addr, state';
	my $before = $admin->run("SELECT $columns FROM sessionctl.session_activity WHERE application_name = 'victim' ORDER BY pid");
	$admin->run('SET client_min_messages = warning');
	is($admin->run("SELECT $columns FROM sessionctl.preview_where($victim) ORDER BY pid"),
		$before, 'preview_where shows the sessions as session_activity does');
	is($admin->run("SELECT usename, outcome, elapsed, detail FROM sessionctl.preview_where($victim) ORDER BY usename"),
		"app|chosen||\nboss|spared||superuser", 'and what would become of them');
	is( $admin->run(
			"CREATE TEMP TABLE report AS SELECT * FROM sessionctl.terminate_report($victim, reason => 'test');
			SELECT $columns FROM report ORDER BY pid"),
		$before, 'terminate_report shows them as they were');
	is($admin->run("SELECT usename, outcome, elapsed >= '0', detail FROM report ORDER BY usename"),
		"app|terminated|t|\nboss|spared||superuser", 'and what became of them');
	$admin->run('RESET client_min_messages');
	ok($boss->lives, 'the superuser is well');
	$_->quit for $app, $boss;
};

subtest 'already gone' => sub {
	# A condition that takes its time: it waits until this test lets go of a lock.
	$admin->run(q{CREATE FUNCTION gate() RETURNS boolean STABLE LANGUAGE plpgsql
		AS $$BEGIN PERFORM pg_advisory_lock(4711); PERFORM pg_advisory_unlock(4711); RETURN true; END$$});
	my ($leaver) = victims('leaver', 'app');
	my ($stayer) = victims('stayer', 'app');
	my $caller = SessionctlTest::Session->new($node, user => 'boss');
	my $condition = q{$$application_name IN ('leaver', 'stayer') AND public.gate()$$};
	for my $call ("sessionctl.terminate_where($condition)", "outcome FROM sessionctl.terminate_report($condition)")
	{
		$admin->run('SELECT pg_advisory_lock(4711)');
		$caller->send("SELECT $call");
		wait_for('the choice', sub {
			$admin->run('SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $caller->pid) eq 't';
		});
		$leaver->quit;
		wait_for('the leaver to go', sub { !is_running($leaver->pid) });
		my $position = log_position($node);
		$admin->run('SELECT pg_advisory_unlock(4711)');
		if ($call =~ /where/)
		{
			is($caller->answer, "NOTICE:  matched 2: 1 ended, 1 already gone\n1", 'not counted, told, and no warning');
			is(scalar(audit_lines($node, $position)), 1, 'nor is it in the audit');
			($leaver) = victims('leaver', 'app');
			($stayer) = victims('stayer', 'app');
		}
		else
		{
			is(join(' ', sort grep { !/NOTICE/ } split /\n/, $caller->answer), 'already gone terminated', 'its outcome');
		}
	}
	$_->quit for $caller, $stayer;
};

subtest 'a program started by COPY ends too' => sub {
	my ($copier) = victims('victim', 'boss');
	my $file = $node->data_dir . '/program.pid';
	$copier->send("CREATE TEMP TABLE t (a text); COPY t FROM PROGRAM 'echo \$\$ > $file; exec sleep 1000'");
	wait_for('the program', sub { -s $file });
	my ($program) = children_of($copier->pid);
	ok($program, 'it runs');
	is($admin->run("SELECT sessionctl.terminate_where($victim, include_superusers => true)"), '1', 'the session ends');
	wait_for('the program to end', sub { !is_running($program) });
	pass('and so does the program');
	$copier->quit;
};

subtest 'a commit that waits for a synchronous standby' => sub {
	my ($writer, $other) = victims('victim', ('app') x 2);
	$writer->send('SET synchronous_commit = on; INSERT INTO held VALUES (1)');
	wait_for('the commit to wait', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $writer->pid) eq 'SyncRep';
	});
	is($admin->run("SELECT outcome, detail FROM sessionctl.terminate_report($victim) ORDER BY detail"),
		"terminated|waited for a synchronous standby: its transaction may be committed locally\nterminated|",
		'the report says what may have become of it');
	$_->quit for $writer, $other;
};

subtest 'options out of range harm nobody' => sub {
	my @victims = victims('victim', ('app') x 2);
	my $position = log_position($node);
	my %wrong = (
		"timeout => '-1 s'" => 22023,
		"timeout => NULL" => 22023,
		"timeout => '5000'" => 22023,
		'refuse_above => -1' => 22023,
		'keep => -1' => 22023,
		"keep_which => 'tallest'" => 22023,
		"per => 'nonsense'" => 22023,
		"cooldown => '1 s'" => 55000,
		'refuse_above => 1' => 54000);
	$wrong{"timeout => 'infinity'"} = 22023 if $admin->run('SHOW server_version_num') >= 170000;
	like($admin->complaint("SELECT sessionctl.terminate_where($victim, $_)"), qr/\AERROR:  $wrong{$_}: /, $_)
	  for sort keys %wrong;
	is(scalar(audit_lines($node, $position)), 0, 'nothing in the audit');
	ok($_->lives, 'the victim is well') for @victims;
	$_->quit for @victims;
};

done_testing();
