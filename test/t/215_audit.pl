# session_audit, session_stats and reaper_status: their contents, who may read them, and how long they are kept.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('account', conf => "pg_sessionctl.audit_size = 5\nlisten_addresses = '127.0.0.1'\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor; CREATE ROLE operator LOGIN;
	CREATE ROLE duty; GRANT pg_signal_backend TO duty; GRANT duty TO operator; CREATE ROLE nobody LOGIN');
my $limit = 'pg_sessionctl.idle_in_transaction_timeout';
$admin->run("ALTER ROLE app SET $limit = '300 ms'");

sub app { my (%with) = @_; return SessionctlTest::Session->new($node, user => 'app', %with) }

sub session_id
{
	my ($pid) = @_;
	return $admin->run("SELECT session_id FROM sessionctl.session_activity WHERE pid = $pid");
}

sub status { my ($columns) = @_; return $admin->run("SELECT $columns FROM sessionctl.reaper_status") }

sub wait_for_reaper { return wait_for('the reaper', sub { status('running') eq 't' }) }

sub reap_one
{
	my $victim = app(@_);
	$victim->run('BEGIN');
	reaped($victim);
	$victim->quit;
	return $victim;
}

subtest 'sessions ended by the reaper' => sub {
	my $victim = app(app => 'lunch', host => '127.0.0.1');
	my $on = session_id($victim->pid);
	my $by = session_id(status('pid'));
	my $port = $admin->run('SELECT client_port FROM sessionctl.session_activity WHERE pid = ' . $victim->pid);
	$victim->run('BEGIN');
	reaped($victim);
	is($admin->run(q{SELECT action, result, session_id, pid, usename, datname, application_name, client, by_session_user IS NULL,
			by_current_user IS NULL, by_session_id, rule, condition IS NULL, args IS NULL FROM sessionctl.session_audit}),
		join('|', 'terminate', 'terminated', $on, $victim->pid, 'app', 'postgres', 'lunch', "127.0.0.1:$port", 't', 't', $by,
			'idle_in_transaction_timeout', 't', 't'), 'on whom, what, by which rule, with what result');
	like($admin->run('SELECT reason FROM sessionctl.session_audit'),
		qr/^The session was idle in transaction for .*\(\Q$limit\E is 300 ms\)\.\z/, 'why');
	is($admin->run('SELECT acted_at BETWEEN ' . "(SELECT since FROM sessionctl.reaper_status) AND now() FROM sessionctl.session_audit"),
		't', 'when');
	is(status('reaped, last_reaped > since, running, preloaded, hint IS NULL'), '1|t|t|t|t', 'reaper_status counts it');
	$victim->quit;
};

subtest 'sessions ended by a call' => sub {
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	$operator->run('SET ROLE duty');
	my $victim = app(app => 'x" y');
	my ($on, $by) = map { session_id($_->pid) } $victim, $operator;
	$operator->run(q{SELECT sessionctl.terminate_where($$usename = $1 AND pid > $2::integer$$, '{app,0}', reason => 'ticket "4711"')});
	is($admin->run('SELECT action, result, session_id, usename, application_name, client, by_session_user, by_current_user, by_session_id,
			rule IS NULL, condition, args, reason FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1'),
		join('|', 'terminate', 'terminated', $on, 'app', 'x" y', 'local', 'operator', 'duty', $by, 't',
			'usename = $1 AND pid > $2::integer', 'app,0', 'ticket "4711"'), 'by whom and with whose rights');
	$victim->quit;
	$victim = app();
	$victim->send('SELECT pg_sleep(600)');
	wait_for('work', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $victim->pid) eq 'PgSleep';
	});
	$operator->run(q{SELECT sessionctl.cancel_where($$usename = 'app'$$)});
	is($admin->run('SELECT action, result, reason IS NULL FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1'),
		'cancel|cancelled|t', 'a cancel');
	$_->quit for $operator, $victim;
};

my $stats = q{SELECT string_agg(concat_ws(' ', action, rule, acted_on, ended, last_at IS NOT NULL), ', ' ORDER BY action, rule)
	FROM sessionctl.session_stats WHERE acted_on > 0};

subtest 'counters' => sub {
	is($admin->run($stats), 'cancel 1 1 t, terminate idle_in_transaction_timeout 1 1 t, terminate 1 1 t', 'what was done so far');
	is($admin->run('SELECT count(*), count(DISTINCT (action, rule)), bool_and(stats_reset <= now()) FROM sessionctl.session_stats'),
		'28|28|t', 'a row for each action and each rule');
	is($admin->run(q{SELECT prorows FROM pg_proc WHERE oid = 'sessionctl._session_stats()'::regprocedure}), '28', 'the planner knows how many');
	my $stuck = app();
	stop_process($stuck->pid);
	$admin->run(q{SELECT sessionctl.terminate_where($$usename = 'app'$$, timeout => '1 s')});
	like($admin->run($stats), qr/terminate 2 1 t/, 'one that did not go is acted on, not ended');
	continue_process($stuck->pid);
	$stuck->quit;
	my $before = $admin->run('SELECT min(stats_reset) FROM sessionctl.session_stats');
	is($admin->run('SELECT sessionctl.reset_session_stats()'), '', 'reset');
	is($admin->run('SELECT coalesce(sum(acted_on + ended), 0), count(last_at), bool_and(stats_reset > ' . "'$before'"
			. ') FROM sessionctl.session_stats'), '0|0|t', 'begins at 0');
	reap_one();
	is($admin->run($stats), 'terminate idle_in_transaction_timeout 1 1 t', 'and counts again');
};

subtest 'only the last lines are kept' => sub {
	my @pids = map { reap_one()->pid } 1 .. 6;
	is($admin->run('SELECT string_agg(pid::text, $$ $$) FROM sessionctl.session_audit'), join(' ', @pids[ 1 .. 5 ]),
		'as many as audit_size says, oldest first');
};

subtest 'reaper_status' => sub {
	like(status('limits'), qr/\Anone\b/, 'no limit of all');
	is(status('next_deadline IS NULL'), 't', 'nothing to wait for');
	my $wakeups = status('wakeups');
	reconfigure($node, $limit => '90 min', 'pg_sessionctl.idle_session_timeout' => '1500 ms',
		'pg_sessionctl.transaction_timeout' => '2 d');
	like(status('limits'), qr/^idle_in_transaction_timeout = 90 min, idle_in_transaction_horizon_age = 2\d{9}, idle_session_timeout = 1500 ms, transaction_timeout = 2 d; 1 role or database sets limits\z/,
		'limits in force, and that of a role of which nobody is there');
	$admin->run(q{CREATE ROLE limited LOGIN; ALTER ROLE limited SET pg_sessionctl.idle_session_timeout = '1 h'});
	like(status('limits'), qr/transaction_timeout = 2 d; 2 roles or databases set limits\z/, 'and another one');
	my @limited = map { SessionctlTest::Session->new($node, user => 'limited') } 1 .. 2;
	wait_for('both to be seen', sub { status('limits') =~ /transaction_timeout = 2 d; 2 sessions have limits of their own; 2 roles or databases set limits\z/ });
	$limited[0]->quit;
	reconfigure($node, $limit => '90 min', 'pg_sessionctl.idle_session_timeout' => '1500 ms',
		'pg_sessionctl.transaction_timeout' => '2 d');
	like(status('limits'), qr/; 1 session has limits of its own; 2 roles or databases set limits\z/, 'and how many have their own');
	$limited[1]->quit;
	$admin->run(q{ALTER ROLE limited SET pg_sessionctl.idle_session_timeout = 0});
	like(status('limits'), qr/; 1 role or database sets limits\z/, '0 is none');
	$admin->run(q{ALTER DATABASE postgres SET pg_sessionctl.transaction_timeout = '2 d'; ALTER ROLE limited IN DATABASE postgres SET pg_sessionctl.statement_timeout = '2 d';
		ALTER ROLE limited SET pg_sessionctl.idle_in_transaction_horizon_idle = '2 d'});
	like(status('limits'), qr/; 3 roles or databases set limits\z/, 'of a database, and of a role in one');
	$admin->run(q{ALTER DATABASE postgres RESET ALL; ALTER ROLE limited IN DATABASE postgres RESET ALL; ALTER ROLE limited RESET ALL});
	is(status("next_deadline BETWEEN now() - interval '1 min' AND now() + interval '2 s'"), 't', 'the next deadline');
	ok(status('wakeups') > $wakeups, 'wake-ups');
	reconfigure($node, $limit => undef, 'pg_sessionctl.idle_session_timeout' => undef, 'pg_sessionctl.transaction_timeout' => undef);
	# A login with a limit wakes the reaper, which then counts this session and ours.
	my $session = app();
	wait_for('it to be watched', sub { status('watched') == 2 });
	pass('sessions watched');
	is($admin->run('SELECT pid = (SELECT pid FROM sessionctl.reaper_status) AND backend_start = (SELECT since FROM sessionctl.reaper_status)
			FROM pg_stat_activity WHERE backend_type = $$pg_sessionctl reaper$$'), 't', 'its process ID and start');
	$session->quit;
};

subtest 'rights' => sub {
	my %session = map { $_ => SessionctlTest::Session->new($node, user => $_) } qw(monitor operator nobody);
	$session{operator}->run('SET ROLE duty');
	for my $view (qw(reaper_status session_audit session_stats))
	{
		like($session{monitor}->run("SELECT count(*) FROM sessionctl.$view"), qr/^\d+\z/, "pg_monitor reads $view");
		for my $role (qw(operator nobody))
		{
			like($session{$role}->complaint("SELECT count(*) FROM sessionctl.$view"),
				qr/^ERROR:  42501: permission denied for (relation|view) $view/, "$role does not");
			like($session{$role}->complaint("SELECT * FROM sessionctl._$view()"),
				qr/^ERROR:  42501: permission denied for function _$view/, 'nor what is behind it');
		}
	}
	for my $function (qw(reset_session_stats start_reaper stop_reaper))
	{
		like($session{$_}->complaint("SELECT sessionctl.$function()"), qr/^ERROR:  42501: permission denied for function $function/,
			"$function is not for $_") for sort keys %session;
	}
	$_->quit for values %session;
};

# Restarts the server in this way; what session_audit has then.
sub audit_after
{
	my ($restart) = @_;
	$admin->quit;
	$restart->();
	$admin = SessionctlTest::Session->new($node);
	return $admin->run('TABLE sessionctl.session_audit');
}

my $file = $node->data_dir . '/pg_stat/pg_sessionctl.audit';

subtest 'kept over a clean restart' => sub {
	my $audit = $admin->run('TABLE sessionctl.session_audit');
	is(scalar(split /\n/, $audit), 5, 'a full ring');
	for my $mode (qw(fast smart))
	{
		is(audit_after(sub { $node->stop($mode); $node->start }), $audit, "after pg_ctl stop -m $mode, all of it");
	}
	wait_for_reaper();
	is(status('reaped, last_reaped IS NULL'), '0|t', 'reaper_status begins anew');
	is($admin->run($stats), '', 'so does session_stats');
	my $victim = reap_one();
	like($admin->run('SELECT string_agg(pid::text, $$ $$) FROM sessionctl.session_audit'), qr/ ${\ $victim->pid}\z/, 'it goes on');
};

sub change_setting { my ($size) = @_; $node->append_conf('postgresql.conf', "pg_sessionctl.audit_size = $size\n"); return $node->restart }

subtest 'after a change of pg_sessionctl.audit_size' => sub {
	my @audit = split /\n/, $admin->run('TABLE sessionctl.session_audit');
	is(audit_after(sub { change_setting(3) }), join("\n", @audit[ 2 .. 4 ]), 'of a smaller ring the newest are left');
	is(audit_after(sub { change_setting(10) }), join("\n", @audit[ 2 .. 4 ]), 'a larger one has room');
	is(audit_after(sub { change_setting(0) }), '', 'none at all');
	my $victim = reap_one();
	is($admin->run('TABLE sessionctl.session_audit'), '', 'keeps nobody');
	is(audit_after(sub { change_setting(5) }), '', 'for good');
	reap_one() for 1 .. 3;
};

sub damaged
{
	my ($what, $damage) = @_;
	return subtest "a file with $what" => sub {
		my $position;
		unlink "$file.bad";
		my $audit = audit_after(sub {
			$node->stop;
			my $content = read_file($file);
			open my $out, '>:raw', $file or die $!;
			print $out $damage->($content);
			close $out;
			$position = log_position($node);
			$node->start;
		});
		is($audit, '', 'is not believed');
		ok(-e "$file.bad", 'is set aside');
		like(log_since($node, $position), qr/WARNING:  the audit of pg_sessionctl in .* is damaged or of another version/, 'with a word');
		my $victim = reap_one();
		is($admin->run('SELECT pid FROM sessionctl.session_audit'), $victim->pid, 'the account begins anew');
	};
}

damaged('one bit flipped', sub { my ($c) = @_; substr($c, length($c) / 2, 1) ^= "\x01"; return $c });
damaged('its end missing', sub { return substr($_[0], 0, -1) });
damaged('more than its end', sub { return "$_[0]x" });
damaged('nothing in it', sub { return '' });
damaged('half a header', sub { return substr($_[0], 0, 20) });
damaged('zeroes', sub { return "\0" x length $_[0] });
damaged('something else', sub { return 'x' x 100_000 });
damaged('an absurd count', sub { my ($c) = @_; substr($c, 24, 8) = pack 'q', -1; return $c });
damaged('a huge count', sub { my ($c) = @_; substr($c, 24, 8) = pack 'q', 9223372036854775807; return $c });
damaged('an older format', sub { my ($c) = @_; substr($c, 16, 4) = pack 'L', 0; return $c });
damaged('records of another size', sub { my ($c) = @_; substr($c, 20, 4) = pack 'L', 1000; return $c });

subtest 'after a crash' => sub {
	my $position;
	my $audit = audit_after(sub { $node->stop('immediate'); $position = log_position($node); $node->start });
	unlike(log_since($node, $position), qr/WARNING/, 'the server starts without complaint');
	wait_for_reaper();
	pass('and so does the reaper');
	my $victim = reap_one();
	like($admin->run('SELECT string_agg(pid::text, $$ $$) FROM sessionctl.session_audit'), qr/\b${\ $victim->pid}\z/, 'the account goes on');
};

subtest 'not preloaded' => sub {
	$admin->quit;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	for my $sql ('TABLE sessionctl.session_audit', 'TABLE sessionctl.session_stats', 'SELECT sessionctl.reset_session_stats()')
	{
		like($admin->complaint($sql),
			qr/^ERROR:  55000: \w+ needs the library to be preloaded\nHINT:  Add pg_sessionctl to shared_preload_libraries and restart the server\.\z/m,
			$sql);
	}
	is(status('running, pid IS NULL, since IS NULL, preloaded, limits IS NULL, wakeups IS NULL, reaped IS NULL'), 'f|t|t|f|t|t|t',
		'reaper_status tells what it can');
	like(status('hint'), qr/^pg_sessionctl is not in shared_preload_libraries: /, 'with a hint');
};

done_testing();
