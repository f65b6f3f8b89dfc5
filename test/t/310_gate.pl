# lockdown_server() by the gate: who may log in, which sessions are ended, the messages, and the privileges needed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use IPC::Run;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('gate', init => { allows_streaming => 1 });
my $admin = SessionctlTest::Session->new($node);
create_roles($admin);
$admin->run(q{DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_signal_backend') THEN GRANT pg_signal_backend TO operator; END IF; END $$});
my $refused = 'FATAL 57P03 the server is locked down Locked by role "postgres" until';

sub lock_down { my ($arguments, $who) = @_; return answer_of($who || $admin, 'sessionctl.lockdown_server(' . ($arguments || '') . ')') }
sub unlock { return $admin->run('SELECT sessionctl.unlock_server()') }
sub session { my ($user) = @_; return SessionctlTest::Session->new($node, user => $user) }

subtest 'closed and opened' => sub {
	is(unlock(), "NOTICE:  the server is not locked down\nf", 'there is nothing to unlock');
	my $position = log_position($node);
	is(lock_down(), '0', 'locked down');
	is(log_in($node, 'app'), "$refused it is unlocked.", 'any other role is refused');
	is(log_in($node, 'boss'), 'in', 'a superuser gets in');
	like(walsender_of($node, 'streamer'), $is_walsender, 'so does a walsender for physical replication');
	like(log_in($node, 'nobody'), qr/^FATAL 28000 role "nobody" does not exist/, 'a role that does not exist gets its own answer');
	is(unlock(), 't', 'unlocked');
	is(log_in($node, 'app'), 'in', 'everybody gets in');
	ok(!-e gate_file($node), 'no file is left');
	my ($closed, $open) = gate_lines($node, $position);
	like($closed, qr/^action=lockdown_server result="closed" by_session_user="postgres" by_current_user="postgres" by_session_id=[0-9a-f]+\.[0-9a-f]+ allow_roles="" include_superusers=false include_replication=false hold_ms=0 until=NULL reason=NULL\z/,
		'the log tells who closed it');
	like($open, qr/^action=unlock_server result="open" by_session_user="postgres" .*reason=NULL\z/, 'and who opened it');
};

subtest 'the message of a refused login' => sub {
	my $position = log_position($node);
	lock_down(q{reason => E'ticket "4711"\n100 %s größer', until => '2099-01-02 03:04:05+00'});
	is(log_in($node, 'app'), qq{$refused 2099-01-02 03:04:05+00: ticket "4711" 100 %s größer}, 'until when, and why');
	like((gate_lines($node, $position))[0], qr/ until="2099-01-02 03:04:05\+00" reason="ticket \\"4711\\" 100 %s größer"\z/, 'as the log does');
	lock_down(q{reason => repeat('ä', 2000), until => 'infinity'});
	my $answer = log_in($node, 'app');
	ok(utf8::decode($answer), 'a long reason is cut between two characters');
	like($answer, qr/^$refused it is unlocked: \x{e4}{200,}\z/, 'infinity is no time');
	unlock();
};

subtest 'sessions are ended as they would be refused' => sub {
	my %session = map { $_ => session($_) } qw(app other boss operator);
	my $walsender = SessionctlTest::Session->new($node, user => 'boss', replication => 'database');
	my $position = log_position($node);
	is(lock_down(q{allow_roles => '{other}', reason => 'maintenance'}), '2', 'counted, without a word about those who stay');
	is_deeply([ map { $session{$_}->lives ? "$_ lives" : "$_ ended" } sort keys %session ],
		[ 'app ended', 'boss lives', 'operator ended', 'other lives' ], 'and ended');
	ok($walsender->lives, 'so does the superuser as a walsender');
	is(scalar(grep { /action=terminate result="terminated" .*reason="maintenance"/ } audit_lines($node, $position)), 2, 'the audit has them');
	is(lock_down('include_superusers => true'), '3', 'superusers when told, except the caller');
	ok(!$_->lives, 'the other one is ended') for $session{boss}, $walsender;
	unlock();
	$_->quit for values %session, $walsender;
};

subtest 'terminate => false' => sub {
	my $app = session('app');
	is(lock_down('terminate => false'), '0', 'nobody is ended');
	ok($app->lives, 'a connected session stays');
	like(log_in($node, 'app'), qr/^$refused/, 'a new login is refused');
	unlock();
	$app->quit;
};

subtest 'allow_roles' => sub {
	my $duty = 'Duty "x"';
	lock_down(q{allow_roles => '{ops,app}'});
	is(log_in($node, 'app'), 'in', 'one that is named');
	is(log_in($node, $duty), 'in', 'a member of one');
	like(log_in($node, 'other'), qr/^$refused/, 'not another one');
	$admin->run(q{REVOKE ops FROM "Duty ""x"""});
	like(log_in($node, $duty), qr/^$refused/, 'no longer a member');
	$admin->run(q{GRANT ops TO "Duty ""x"""});
	is(log_in($node, $duty), 'in', 'a member again');
	lock_down(q{allow_roles => ARRAY['Duty "x"']});
	is(log_in($node, $duty), 'in', 'names are matched exactly');
	lock_down("allow_roles => ARRAY['" . $longest =~ s/'/''/gr . "']");
	is(log_in($node, $longest), 'in', 'a long one, too');
	lock_down(q{allow_roles => ARRAY['Duty "x"']});
	like(log_in($node, 'app'), qr/^$refused/, 'the last rule is in force');
	is(lock_down(q{allow_roles => '{duty}'}), qq{ERROR:  42704: role "duty" does not exist}, 'not folded');
	like(log_in($node, 'app'), qr/^$refused/, 'an error leaves the gate as it was');
	is(log_in($node, $duty), 'in', 'and the rule');
	lock_down(q{include_superusers => true, allow_roles => '{app}'});
	is(log_in($node, 'app'), 'in', 'without superusers: who is named');
	like(log_in($node, 'boss'), qr/^$refused/, 'not a superuser, who is a member of nothing by right');
	lock_down(q{include_superusers => true, allow_roles => '{boss}'});
	is(log_in($node, 'boss'), 'in', 'unless it is named');
	unlock();
};

subtest 'include_replication' => sub {
	lock_down('include_replication => true');
	like(walsender_of($node, 'streamer'), qr/the server is locked down/, 'a walsender is refused');
	like(walsender_of($node, 'boss'), $is_walsender, 'a superuser\'s is not');
	lock_down(q{include_replication => true, allow_roles => '{streamer}'});
	like(walsender_of($node, 'streamer'), $is_walsender, 'nor is one that is allowed');
	unlock();
};

subtest 'a login that is asked for its password' => sub {
	prompt_for_password($node, 'prompted');
	my $before = password_prompt($node, user => 'prompted');
	is(lock_down(), '0', 'is no session');
	like(answer_prompt($before), qr/FATAL 57P03 the server is locked down/, 'and comes to a closed gate');
	my $after = password_prompt($node, user => 'prompted');
	unlock();
	is(answer_prompt($after), 'in', 'or to an open one');
	$after->send(X => '');
	is($after->ended_with, undef, 'it says good-bye');
};

subtest 'a base backup' => sub {
	my $target = $node->basedir . '/slow_backup';
	my $backup = IPC::Run::start([ 'pg_basebackup', '-h', $node->host, '-p', $node->port, '-U', 'streamer', '-D', $target, '-r', '32k', '-c', 'fast', '-X', 'none' ],
		'<', \undef, '>&', \my $said, IPC::Run::timeout($SessionctlTest::patience));
	my $walsender = q{SELECT pid FROM sessionctl.session_activity WHERE protection = 'replication' AND usename = 'streamer'};
	wait_for('it to begin', sub { -s "$target/backup_label" || $admin->run($walsender) ne '' });
	my $pid = $admin->run($walsender);
	my %method = (
		database => [ q{lockdown_database('postgres')}, q{unlock_database('postgres')} ],
		role => [ q{lockdown_role('streamer')}, q{unlock_role('streamer')} ],
		gate => [ q{lockdown_server()}, q{unlock_server()} ],
		hba => [ q{lockdown_server('hba')}, q{unlock_server()} ]);
	for my $name (sort keys %method)
	{
		my ($lock, $unlock) = @{ $method{$name} };
		like($admin->run("SELECT sessionctl.$lock"), qr/\d\z/, "$name: locked");
		is($admin->run("SELECT sessionctl.$unlock"), 't', 'unlocked');
		ok(is_running($pid), 'it goes on');
	}
	is(lock_down('include_replication => true'), '1', 'the gate ends it when told');
	wait_for('its process to go', sub { !is_running($pid) });
	unlock();
	$backup->finish;
	isnt($backup->result, 0, 'and its client knows');
};

subtest 'until' => sub {
	my $position = log_position($node);
	lock_down(q{until => clock_timestamp() + '700 ms'});
	my $first = log_in($node, 'app');
	like($first, qr/^$refused 20|^in\z/, 'closed until then');
	wait_for('it to open', sub { log_in($node, 'app') eq 'in' });
	wait_for_log($node, $position, qr/ action=unlock_server result="open, its time is over" by_session_user=NULL /);
	ok(!-e gate_file($node), 'no file is left');
	is(unlock(), "NOTICE:  the server is not locked down\nf", 'it is open');

	$position = log_position($node);
	lock_down(q{until => clock_timestamp() + '1 ms', terminate => false});
	wait_for('its end', sub { $admin->run('SELECT count(*) FROM sessionctl.session_lockdowns') eq '0' });
	is(unlock(), "NOTICE:  the server is not locked down\nf", 'it has opened before anybody came');
	is(scalar(grep { /^action=unlock_server result="open, its time is over" .* until="20/ } gate_lines($node, $position)), 1,
		'and the audit tells of it, and of its time');
};

subtest 'a pg_hba.conf that cannot be read' => sub {
	my $hba = $node->data_dir . '/pg_hba.conf';
	lock_down();
	rename $hba, "$hba.away" or die "cannot rename $hba: $!";
	my $warning = qr/WARNING:  could not read file "[^"]*pg_hba\.conf": No such file or directory\n/;
	like($admin->run('SELECT kind, method FROM sessionctl.session_lockdowns'), qr/\A${warning}server\|gate\z/, 'the view shows the gate');
	like(unlock(), qr/\AWARNING:  could not check pg_hba\.conf for a lockdown: could not read file .*\nHINT:  .*\nt\z/, 'the gate opens');
	is($admin->run('SELECT count(*) FROM pg_stat_activity WHERE pid = pg_backend_pid()'), '1', 'and the session is whole');
	like($admin->complaint('SELECT sessionctl.unlock_server()'), qr/\AERROR:  58P01: could not read file /, 'with nothing to open the error is told');
	rename "$hba.away", $hba or die "cannot rename it back: $!";
	is(log_in($node, 'app'), 'in', 'everybody comes in');
};

subtest 'arguments' => sub {
	my %wrong = (
		q{method => 'door'} => qr/^ERROR:  22023: unrecognized method "door"\nHINT:  Valid values are 'gate' and 'hba'\.\z/,
		q{method => NULL} => qr/^ERROR:  22004: argument "method" must not be null/,
		q{allow_roles => NULL} => qr/^ERROR:  22004: argument "allow_roles" must not be null/,
		q{allow_roles => '{app,NULL}'} => qr/^ERROR:  22004: argument "allow_roles" must not contain null/,
		q{allow_roles => '{public}'} => qr/^ERROR:  42704: role "public" does not exist/,
		q{hold => NULL} => qr/^ERROR:  22004/,
		q{hold => '51 s'} => qr/^ERROR:  22023: hold must not be .*\nDETAIL:  .*\nHINT:  Valid values are '0' \(refuse at once\) to '50000 ms'\.\z/,
		q{hold => '-1 s'} => qr/^ERROR:  22023: hold must not be negative/,
		q{until => now()} => qr/^ERROR:  22023: until must be in the future\nHINT:  /,
		q{until => '-infinity'} => qr/^ERROR:  22023: until must be in the future/,
		q{timeout => '2 h'} => qr/^ERROR:  22023: timeout must not be longer than one hour/,
		q{timeout => NULL} => qr/^ERROR:  22023: timeout must not be null/);
	like(lock_down($_), $wrong{$_}, $_) for sort keys %wrong;
	$admin->run(q{DO $$ BEGIN FOR i IN 1 .. 65 LOOP EXECUTE 'CREATE ROLE many' || i; END LOOP; END $$});
	my $many = q{(SELECT array_agg(rolname::text) FROM pg_roles WHERE rolname LIKE 'many%' AND rolname <> '%s')};
	like(lock_down('allow_roles => ' . sprintf($many, '')), qr/^ERROR:  54000: allow_roles has more than 64 roles\nHINT:  /, '65 roles');
	is(log_in($node, 'app'), 'in', 'all of these leave it open');
	$admin->run('GRANT many1 TO app');
	is(lock_down('allow_roles => ' . sprintf($many, 'many65')), '0', '64 roles');
	is(log_in($node, 'app'), 'in', 'a member of one of them');
	unlock();
};

subtest 'it is not transactional' => sub {
	is($admin->run('BEGIN; SELECT sessionctl.lockdown_server(); ROLLBACK'), '0', 'in a transaction that is rolled back');
	like(log_in($node, 'app'), qr/^$refused/, 'it is closed');
	is($admin->run('BEGIN; SELECT sessionctl.unlock_server(); ROLLBACK'), 't', 'unlocked in another one');
	is(log_in($node, 'app'), 'in', 'it is open');
};

subtest 'rights' => sub {
	my $operator = session('operator');
	like(lock_down('', $operator), qr/^ERROR:  42501: permission denied for function lockdown_server/, 'nobody may lock');
	like($operator->complaint('SELECT sessionctl.unlock_server()'), qr/^ERROR:  42501: permission denied for function unlock_server/, 'nor unlock');
	$admin->run("GRANT EXECUTE ON FUNCTION $_ TO operator") for 'sessionctl.unlock_server()',
	  'sessionctl.lockdown_server(text, text[], boolean, boolean, boolean, interval, timestamptz, interval, text)';
	like(lock_down('include_superusers => true', $operator), qr/^ERROR:  42501: must be superuser to lock out superusers/, 'a grant does not reach superusers');
	is(log_in($node, 'app'), 'in', 'it is open');
	my $app = session('app');
	is(lock_down('', $operator), '1', 'with a grant');
	(my $by = $refused) =~ s/postgres/operator/;
	like(log_in($node, 'app'), qr/^$by/, 'it is closed, and says by whom');
	ok(!$app->lives, 'a session that the caller may signal is ended');
	ok($_->lives, 'superusers and the caller stay') for $admin, $operator;
	is($operator->run('SELECT sessionctl.unlock_server()'), 't', 'unlocked');
	$_->quit for $app, $operator;
};

subtest 'pg_sessionctl.gate = off' => sub {
	lock_down();
	$node->append_conf('postgresql.conf', "pg_sessionctl.gate = off\n");
	$node->reload;
	wait_for('everybody to get in', sub { log_in($node, 'app') eq 'in' });
	wait_for('the session to know', sub { $admin->run('SHOW pg_sessionctl.gate') eq 'off' });
	like(lock_down(), qr/^ERROR:  55000: the gate is switched off by pg_sessionctl\.gate\nHINT:  /, 'nobody locks what does not close');
	$node->append_conf('postgresql.conf', "pg_sessionctl.gate = on\n");
	$node->reload;
	wait_for('it to be closed again', sub { log_in($node, 'app') =~ /^$refused/ });
	unlock();
	like($admin->complaint('SET pg_sessionctl.gate = off'), qr/^ERROR:  55P02: /, 'no session sets it');
};

subtest 'not preloaded' => sub {
	$admin->quit;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	my $answer = qr/^ERROR:  55000: the gate needs the library to be preloaded\nHINT:  Add pg_sessionctl to shared_preload_libraries .*method => 'hba'\.\z/;
	like(lock_down(), $answer, 'lockdown_server');
	is(unlock(), "NOTICE:  the server is not locked down\nf", 'unlock_server has a superuser look into pg_hba.conf');
	my $operator = session('operator');
	like($operator->complaint('SELECT sessionctl.unlock_server()'), $answer, 'and tells anybody else');
	$operator->quit;
};

$admin->quit;
done_testing();
