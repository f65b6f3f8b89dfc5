# cooldown: logins of the same role, application and client address are refused for a while, and no others.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use RawSession;
use SessionctlTest;
use Storm;
use Test::More;

my $node = new_reaper_server('cooldown', conf => "max_connections = 60\nlisten_addresses = '127.0.0.1'\n");
open my $hba, '>>', $node->data_dir . '/pg_hba.conf' or die $!;
print {$hba} "\nhost all all 127.0.0.0/8 trust\n";
close $hba;
$node->reload;
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE operator LOGIN; CREATE DATABASE shop});
$admin->run(q{DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_signal_backend') THEN GRANT pg_signal_backend TO operator; END IF; END $$});
$admin->run('GRANT EXECUTE ON FUNCTION sessionctl.terminate_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval) TO operator');
my $has_signal_role = $admin->run(q{SELECT count(*) FROM pg_roles WHERE rolname = 'pg_signal_backend'});

my @sessions;    # their clients stay until they are ended
sub session { my ($app, %with) = @_; push @sessions, RawSession->new($node, user => 'app', app => $app, %with); return $sessions[-1] }
sub login { my ($app, %with) = @_; return log_in($node, 'app', app => $app, %with) }

# By default for so long that nobody who is slow sees its end. Each test has applications of its own.
sub cool_down
{
	my ($condition, $options) = @_;
	$options ||= q{cooldown => '1 h'};
	return join "\n", grep { !/^LOCATION: / } split /\n/, $admin->run_verbose(qq{SELECT sessionctl.terminate_where(\$\$$condition\$\$, $options)});
}
sub cool_down_app { my ($app, $options) = @_; return cool_down("application_name = '$app'", $options) }
sub shown { my ($columns, $app) = @_; return $admin->run(qq{SELECT $columns FROM sessionctl.session_lockdowns WHERE kind = 'cooldown' AND method LIKE '%"$app"%'}) }

my $refused = qr/^FATAL 57P03 role "app" with application "\S+" may not log in for another [123]\d\d\d s Its sessions from this address were ended by role "postgres" with a cooldown/;

subtest 'the client of an ended session is refused' => sub {
	my $position = log_position($node);
	session('web');
	is(cool_down_app('web', q{cooldown => '1 h', reason => E'haywire pool,\n100 %s größer'}), '1', 'ended');
	like(login('web'), qr/$refused: haywire pool, 100 %s größer\z/, 'and refused, with the reason');
	like((audit_lines($node, $position))[0], qr/ condition="application_name = 'web'" cooldown="1 h" reason="haywire pool, 100 %s größer"\z/,
		'the audit tells');
	like(login('web', database => 'shop'), $refused, 'in each database');
	is(login('Web'), 'in', 'another application gets in');
	is(login(''), 'in', 'so does one without a name');
	is(log_in($node, 'other', app => 'web'), 'in', 'another role');
	is(login('web', tcp => 1), 'in', 'another address');
	is(log_in($node, 'boss', app => 'web'), 'in', 'a superuser');
	is(shown(q{name, method, locked_by, reason, until - since, connected, restores_to, changed}, 'web'),
		qq{app|application "web", client local|postgres|haywire pool, 100 %s größer|01:00:00|0||}, 'session_lockdowns has it');
	is(shown(q{since BETWEEN now() - interval '50 min' AND clock_timestamp() + interval '1 s'}, 'web'), 't', 'since when');
};

subtest 'by address' => sub {
	session('net', tcp => 1);
	is(cool_down_app('net'), '1', 'ended');
	like(login('net', tcp => 1), qr/$refused\.\z/, 'refused, without a reason');
	is(login('net'), 'in', 'by the Unix socket it gets in');
	is(shown('method', 'net'), 'application "net", client 127.0.0.1', 'session_lockdowns has the address');
	is($^O eq 'linux' ? login('net', tcp => 1, from => '127.0.0.2') : 'in', 'in', 'another address of the same network');
};

subtest 'it ends by itself' => sub {
	session('brief');
	is(cool_down_app('brief', q{cooldown => '1500 ms'}), '1', 'ended');
	my $first = login('brief');
	like($first, qr/^FATAL 57P03 role "app" with application "brief" may not log in for another [12] s |^in\z/, 'seconds are rounded up');
	wait_for('the cooldown to be over', sub { login('brief') eq 'in' });
	is(shown('method', 'brief'), '', 'it is no longer shown');
};

subtest 'superusers' => sub {
	my $boss = RawSession->new($node, user => 'boss', app => 'high');
	is(cool_down_app('high', q{include_superusers => true, cooldown => '1 h'}), '1', 'a superuser is ended');
	is(log_in($node, 'boss', app => 'high'), 'in', 'and comes back');
	is(shown('method', 'high'), '', 'there is no such cooldown');
	like(login('web'), $refused, 'a role in a cooldown');
	$admin->run('ALTER ROLE app SUPERUSER');
	is(login('web'), 'in', 'is let in when it becomes a superuser');
	$admin->run('ALTER ROLE app NOSUPERUSER');
};

subtest 'only clients of ended sessions' => sub {
	session('kept') for 1 .. 2;
	is(cool_down_app('kept', q{keep => 1, cooldown => '1 h'}), "NOTICE:  00000: matched 2: 1 ended, 1 spared (kept)\n1", 'one is kept');
	like(login('kept'), $refused, 'nobody joins it');
	is(shown('connected', 'kept'), '1', 'session_lockdowns counts it');
	is(cool_down_app('kept', q{cooldown => '1 s'}), '1', 'ended with a shorter cooldown');
	is(shown('until - clock_timestamp() > interval \'40 min\'', 'kept'), 't', 'which does not shorten the first');
	session('longer') for 1 .. 2;
	cool_down_app('longer', q{keep => 1, cooldown => '2 min'});
	cool_down_app('longer');
	is(shown('until - clock_timestamp() > interval \'40 min\'', 'longer'), 't', 'a longer one prolongs it');
	is(shown('count(*)', 'longer'), '1', 'it is one');

	my $spared = session('guarded');
	is(cool_down_app('guarded', q{keep => 1, cooldown => '1 h'}), "NOTICE:  00000: matched 1: 1 spared (kept)\n0", 'nobody is ended');
	is(login('guarded'), 'in', 'nobody is refused');
	$spared->quit;
};

subtest 'a session that ended by itself meanwhile' => sub {
	$admin->run('CREATE TABLE wanted ()');
	my $locker = SessionctlTest::Session->new($node);
	$locker->run('BEGIN; LOCK wanted');
	my $gone = session('gone');
	my $caller = SessionctlTest::Session->new($node);
	$caller->send(q{SELECT sessionctl.terminate_where($$application_name = 'gone' AND (SELECT count(*) FROM public.wanted) = 0$$, cooldown => '1 h')});
	wait_for('the condition to wait', sub { $locker->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $caller->pid) eq '1' });
	$gone->quit;
	$locker->run('ROLLBACK');
	like($caller->answer, qr/matched 1: 1 already gone\n0\z/, 'was not ended');
	is(login('gone'), 'in', 'and is not refused');
	$_->quit for $locker, $caller;
};

subtest 'it is not transactional' => sub {
	session('rolled');
	is($admin->run(q{BEGIN; SELECT sessionctl.terminate_where($$application_name = 'rolled'$$, cooldown => '1 h'); ROLLBACK}), '1', 'ended in a transaction that is rolled back');
	like(login('rolled'), $refused, 'the client of the ended session stays out');
};

subtest 'without waiting' => sub {
	my $stopped = session('deaf');
	stop_process($stopped->pid);
	is(cool_down_app('deaf', q{timeout => '0', cooldown => '1 h'}), '1', 'signalled');
	like(login('deaf'), $refused, 'refused while its session still ends');
	continue_process($stopped->pid);
	wait_for('it to end', sub { !is_running($stopped->pid) });
	like(login('deaf'), $refused, 'and after that');
};

subtest 'names' => sub {
	my $longest = 'x' x 63;
	for my $name ('with space', q{"quoted" 'twice' \\ %s}, "gr\xc3\xb6\xc3\x9fer", "${longest}yz", '$1 -- ;', '')
	{
		my $session = session($name);
		is(cool_down('pid = ' . $session->pid), '1', "\"$name\" is ended");
		like(login($name), qr/^FATAL 57P03 role "app".* may not log in for another \d+ s /, 'and refused');
	}
	like(login("${longest}other"), qr/^FATAL 57P03/, 'what is the same in its first 63 bytes is the same');
	unlike(login(''), qr/ with application /, 'no name is not called one');
	is(shown('count(*)', ''), '1', 'and is shown');
};

subtest 'the name at login counts' => sub {
	my $renamed = session('early');
	$renamed->query(q{SET application_name = 'late'})->expect('Z');
	is(cool_down_app('late'), '1', 'a session with another name is ended');
	like(login('early'), $refused, 'it is refused by the name with which it logs in');
	is(login('late'), 'in', 'a login with the other name gets in');
	$admin->run(q{ALTER ROLE other SET application_name = 'of the role'});
	my $nameless = RawSession->new($node, user => 'other', app => '');
	is(cool_down_app('of the role'), '1', 'a name that its role gives it');
	like(log_in($node, 'other', app => ''), qr/^FATAL 57P03 role "other" may not log in/, 'it comes without one');
	is(log_in($node, 'other', app => 'of the role'), 'in', 'a login with that name from the start gets in');
	$admin->run('ALTER ROLE other RESET application_name');
};

subtest 'logins under way' => sub {
	my $delayed = sub {
		my ($app) = @_;
		my $newcomer = start_login($node, 'app', connection => qq{application_name=$app options='-c post_auth_delay=600'});
		wait_for('a login under way', sub {
			my @pids = grep { is_delayed($_) } waiting_logins($node, 'app', 'startup');
			($newcomer->{pid}) = @pids;
			return @pids == 1;
		});
		return $newcomer;
	};
	my $same = $delayed->('under_way');
	session('under_way');
	my $position = log_position($node);
	like(cool_down_app('under_way'), qr/^1\z/m, 'the session is ended and counted');    # from 18 on the other one matches, too
	wait_for('the login under way to be gone', sub { !is_running($same->{pid}) });
	unlike(login_output($same), qr/42/, 'it never was inside');
	is(scalar(grep { / pid=$same->{pid} usename="app" .*condition="a login under way"/ } audit_lines($node, $position)), 1, 'the audit has it');
	my $different = $delayed->('on_its_way');
	session('another');
	is(cool_down_app('another'), '1', 'another application');
	ok(is_running($different->{pid}), 'is of no concern to this one');
	$admin->run("SELECT pg_terminate_backend($different->{pid})");
	login_output($different);
};

subtest 'rights' => sub {
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my $stranger = SessionctlTest::Session->new($node, user => 'other');
	like($stranger->complaint(q{SELECT sessionctl.terminate_where('false', cooldown => '1 s')}), qr/^ERROR:  42501: permission denied for function/, 'nobody may');
	my $boss = RawSession->new($node, user => 'boss', app => 'rights');
	session('rights');
	my $answer = $operator->run(q{SELECT sessionctl.terminate_where($$application_name = 'rights'$$, include_superusers => true, cooldown => '1 h')});
	if ($has_signal_role)
	{
		is($answer, "NOTICE:  matched 2: 1 ended, 1 denied\n1", 'a session that the role may not end');
		is(log_in($node, 'boss', app => 'rights'), 'in', 'is not refused');
		like(login('rights'), qr/were ended by role "operator" with a cooldown\.\z/, 'one that it may end is');
	}
	$_->quit for $operator, $stranger, $boss;
};

subtest 'arguments' => sub {
	my $hint = "HINT:  Valid values are '0' (none) to '1 h'; write '30 s' for thirty seconds.";
	my %wrong = (q{'-1 s'} => 'negative', NULL => 'null', q{'61 min'} => 'longer than one hour', q{'5000'} => 'longer than one hour');
	my $session = session('arguments');
	for my $function ('terminate_where', 'terminate_report')
	{
		is($admin->complaint("SELECT sessionctl.$function(\$\$application_name = 'arguments'\$\$, cooldown => $_)"),
			"ERROR:  22023: cooldown must not be $wrong{$_}\n$hint", "$function: $_")
		  for sort keys %wrong;
	}
	like($admin->run(q{SELECT outcome FROM sessionctl.terminate_report($$application_name = 'arguments'$$, cooldown => '1 h')}), qr/^terminated\z/, 'terminate_report');
	like(login('arguments'), $refused, 'has a cooldown, too');
	session('zero');
	is(cool_down_app('zero', q{cooldown => '0'}), '1', 'no time');
	is(login('zero'), 'in', 'no cooldown');
};

subtest 'the gate' => sub {
	$admin->run(q{SELECT sessionctl.lockdown_server(terminate => false)});
	like(login('web'), qr/^FATAL 57P03 the server is locked down/, 'a lockdown comes first');
	$admin->run('SELECT sessionctl.unlock_server()');
	like(login('web'), $refused, 'and lifts no cooldown');
	$node->append_conf('postgresql.conf', "pg_sessionctl.gate = off\n");
	$node->reload;
	wait_for('everybody to get in', sub { login('web') eq 'in' });
	wait_for('the session to know', sub { $admin->run('SHOW pg_sessionctl.gate') eq 'off' });
	like(cool_down('false'), qr/^ERROR:  55000: the gate is switched off by pg_sessionctl\.gate\nHINT:  /, 'none is set that would keep nobody out');
	is(shown('count(*)', 'web'), '0', 'none is shown');
	$node->append_conf('postgresql.conf', "pg_sessionctl.gate = on\n");
	$node->reload;
	wait_for('it to be refused again', sub { login('web') =~ $refused });
	wait_for('the session to know', sub { $admin->run('SHOW pg_sessionctl.gate') eq 'on' });
};

subtest 'a storm' => sub {
	my ($clients, $rounds) = (24, 10);
	my $inside = q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'};
	my ($intruders, $ended) = (0, 0);
	for my $round (1 .. $rounds)
	{
		my $storm = Storm->new($node, user => 'app', database => 'postgres', clients => $clients, app => "storm$round");
		my $few = 1 + $round * 7 % $clients;    # the others are on their way
		wait_for('some to be in', sub { $admin->run($inside) >= $few });
		$ended += $admin->run(q{SELECT sessionctl.terminate_where($$usename = 'app'$$, timeout => '1 min', cooldown => '1 h')});
		$intruders += $admin->run($inside) for 1 .. 20;
		$storm->quit;
	}
	is($intruders, 0, "nobody inside in $rounds rounds");
	cmp_ok($ended, '>=', $rounds, 'but before') or diag("$ended in all");
};

# In the view: who has a cooldown on this application's logins, and for how many minutes.
sub setters
{
	my ($app) = @_;
	return $admin->run(qq{SELECT locked_by, round(extract(epoch FROM until - since) / 60) FROM sessionctl.session_lockdowns
		WHERE kind = 'cooldown' AND method LIKE '%"$app"%' ORDER BY 2});
}

sub end_as
{
	my ($caller, $app, $options) = @_;
	return $caller->run(qq{SELECT sessionctl.terminate_where(\$\$application_name = '$app'\$\$, $options)});
}

subtest 'a role cannot prolong the cooldown of another' => sub {
	$admin->run('GRANT app TO operator');
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	session('prolonged') for 1 .. 2;
	cool_down_app('prolonged', q{keep => 1, cooldown => '5 min'});
	is(end_as($operator, 'prolonged', q{cooldown => '20 min', reason => 'mine'}), '1', 'a second one by somebody else, which lasts longer');
	is(setters('prolonged'), "postgres|5\noperator|20", 'is his, and the first is as it was');
	like(login('prolonged'), qr/may not log in for another 1[12]\d\d s .* by role "operator" with a cooldown: mine\z/, 'the longest counts');
	$operator->quit;
};

subtest 'which role has set it' => sub {
	$admin->run(q{CREATE FUNCTION end_app(app text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
		$$ SELECT sessionctl.terminate_where('application_name = $1', array[app], cooldown => '1 h') $$});
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	session('lent');
	is($operator->run(q{SELECT end_app('lent')}), '1', "with a superuser's rights, lent");
	is(setters('lent'), 'operator|60', "it is the session's user's");
	session('taken');
	$admin->run('SET ROLE operator');
	is(end_as($admin, 'taken', q{cooldown => '1 h'}), '1', 'by a superuser who took another role') if $has_signal_role;
	$admin->run('RESET ROLE');
	is(setters('taken'), 'postgres|60', "it is the superuser's") if $has_signal_role;
	$operator->quit;
};

subtest 'a full table' => sub {
	$admin->quit;
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	is(login('web'), 'in', 'a restart ends all');
	is($admin->run('SELECT count(*) FROM sessionctl.session_lockdowns'), '0', 'none is shown');
	my $number = 0;
	for my $share (32, 32, 32, 32)
	{
		session('many' . ++$number) for 1 .. $share;
		is(cool_down(q{application_name LIKE 'many%'}), $share, "$number logins");
	}
	is($admin->run('SELECT count(*) FROM sessionctl.session_lockdowns'), '128', 'as many as there is room for');
	session('many' . ++$number) for 1 .. 2;
	like(cool_down(q{application_name LIKE 'many%'}), qr/^WARNING:  \w+: 2 cooldowns ended early because there are too many\nDETAIL:  The limit is 128 cooldowns, 32 of them for superusers only\. The oldest cooldowns of the role that set most are ended first\.\n2\z/,
		'two more');
	is($admin->run('SELECT count(*) FROM sessionctl.session_lockdowns'), '128', 'have room');
	# Those of one call are signalled one after the other, in no order that anybody promises.
	my @in = grep { login("many$_") eq 'in' } 1 .. 130;
	is(scalar @in, 2, 'two logins are free');
	cmp_ok($in[-1], '<=', 32, 'of the oldest');
};

subtest 'a role cannot displace the cooldowns of another' => sub {
	$admin->run('CREATE ROLE washer LOGIN');
	$admin->run('GRANT EXECUTE ON FUNCTION sessionctl.terminate_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval) TO washer');
	$admin->quit;
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	my $washer = SessionctlTest::Session->new($node, user => 'washer');
	session('shut_out');
	cool_down_app('shut_out');
	my @own = map { RawSession->new($node, user => 'other', app => "other$_") } 1 .. 3;
	is($operator->run(q{SELECT sessionctl.terminate_where($$application_name LIKE 'other%'$$, cooldown => '1 h')}), '3', 'the operator has some, too') if $has_signal_role;
	my $warnings = 0;
	for my $first (1, 33, 65, 97, 129)
	{
		push @own, map { RawSession->new($node, user => 'washer', app => "wash$_") } $first .. $first + 31;
		my $answer = $washer->run(q{SELECT sessionctl.terminate_where($$usename = 'washer' AND application_name LIKE 'wash%'$$, cooldown => '1 h')});
		like($answer, qr/^32\z/m, "a role ends its own sessions under other names ($first)");
		$warnings++ if $answer =~ /WARNING:  \d+ cooldowns? ended early because there are too many/;
	}
	cmp_ok($warnings, '>=', 2, 'until there is no more room');
	like(login('shut_out'), $refused, "the superuser's is still there");
	is(setters('shut_out'), 'postgres|60', 'and still his');
	is(scalar(grep { log_in($node, 'other', app => "other$_") eq 'in' } 1 .. 3), 0, "the operator's as well") if $has_signal_role;
	like(log_in($node, 'washer', app => 'wash160'), qr/^FATAL 57P03/, 'its own last one is, too');
	is(log_in($node, 'washer', app => 'wash1'), 'in', 'for which its own first one made room');
	session("later$_") for 1 .. 20;
	is(cool_down(q{application_name LIKE 'later%'}), '20', 'a superuser still has room without a warning');
	$_->quit for $operator, $washer, @own;
};

subtest 'not preloaded' => sub {
	$admin->quit;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	session('plain');
	is(cool_down_app('plain'), "ERROR:  55000: cooldown needs the library to be preloaded\nHINT:  Add pg_sessionctl to shared_preload_libraries and restart the server.", 'an error');
	is(cool_down_app('plain', q{cooldown => '0'}), '1', 'without a cooldown it works');
};

$admin->quit;
done_testing();
