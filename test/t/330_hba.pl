# lockdown_server() by pg_hba.conf: who may log in, the contents of the file, and that a call that fails is undone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use IO::Socket::UNIX;
use RawSession;
use SessionctlTest;
use Storm;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_server('hba', init => { allows_streaming => 1 },
	conf => "max_connections = 60\nlisten_addresses = '127.0.0.1, ::1'\nlog_min_messages = log\nauthentication_timeout = 10min\n");
my $file = $node->data_dir . '/pg_hba.conf';
my $admin = SessionctlTest::Session->new($node);
create_roles($admin);
my $rejected = qr/^FATAL 28000 pg_hba\.conf rejects connection/;
my $rules = join '', map { "$_\n" } '# ours', 'local replication all trust', 'local all all trust', 'host all all 127.0.0.1/32 trust', 'host all all ::1/128 trust';

sub lock_down { my ($arguments, $who) = @_; return answer_of($who || $admin, "sessionctl.lockdown_server('hba'" . ($arguments ? ", $arguments" : '') . ')') }
sub unlock { return answer_of($admin, 'sessionctl.unlock_server()') }
sub session { my ($user) = @_; return SessionctlTest::Session->new($node, user => $user) }

# The server obeys this text.
sub set_rules
{
	my ($text) = @_;
	write_file($file, $text);
	$node->reload;
	return wait_for('everybody to get in', sub { log_in($node, 'app') eq 'in' });
}

# A failure puts the file back, and the server reads it a moment later.
sub is_as_before
{
	my ($text, $name) = @_;
	is(read_file($file), $text, "$name: the file is as before");
	wait_for('everybody to get in', sub { log_in($node, 'app') eq 'in' });
	return is(join(' ', glob "$file.*"), '', "$name: none is left beside it");
}

sub log_in_by_tcp
{
	my ($user, $address) = @_;
	my $session = eval { RawSession->new($node, user => $user, tcp => $address || '127.0.0.1') };
	return $@ =~ /^the server complains: (.*) at \S+ line \d+/s ? $1 : "no word: $@" if !$session;
	$session->quit;
	return 'in';
}

set_rules($rules);

# pg_hba.conf is a link to a file in that directory, until it is put back.
sub link_into
{
	my ($directory) = @_;
	mkdir $directory;
	write_file("$directory/hba.conf", $rules);
	rename $file, "$file-kept" or die $!;
	symlink "$directory/hba.conf", $file or die $!;
	return $directory;
}

sub put_back
{
	rename "$file-kept", $file or die $!;
	return;
}

subtest 'closed and opened' => sub {
	my %session = map { $_ => session($_) } qw(app boss);
	my $position = log_position($node);
	is(unlock(), "NOTICE:  00000: the server is not locked down\nf", 'there is nothing to unlock');
	my $mode = (stat $file)[2];
	chmod 0640, $file;
	is(lock_down(q{reason => 'ticket "4711"'}), '1', 'locked down');
	ok(!$session{app}->lives, 'a session of any other role is ended');
	ok($session{boss}->lives, 'a superuser is not');
	like(log_in($node, 'app'), $rejected, 'and is refused');
	like(log_in_by_tcp('app'), $rejected, 'by TCP, too');
	is(log_in($node, 'boss'), 'in', 'a superuser gets in');
	is(log_in_by_tcp('boss'), 'in', 'by TCP, too');
	like(walsender_of($node, 'streamer'), $is_walsender, 'replication is not touched');
	is((stat $file)[2] & 07777, 0640, 'the mode is kept');
	is($admin->run(q{SELECT kind, name, method, since > now() - interval '1 min', locked_by, reason, until, restores_to FROM sessionctl.session_lockdowns}),
		'server||hba|t|postgres|ticket "4711"||', 'session_lockdowns tells');
	is(unlock(), 't', 'unlocked');
	is(log_in($node, 'app'), 'in', 'everybody gets in');
	is(read_file($file), $rules, 'the file is what it was');
	is((stat $file)[2] & 07777, 0640, 'the mode is kept');
	chmod $mode & 07777, $file;
	my ($closed, $open) = gate_lines($node, $position);
	like($closed, qr/^action=lockdown_server result="closed in pg_hba\.conf" by_session_user="postgres" .*reason="ticket \\"4711\\""\z/, 'the log tells who closed it');
	like($open, qr/^action=unlock_server result="open in pg_hba\.conf" by_session_user="postgres"/, 'and who opened it');
	$_->quit for values %session;
};

SKIP: {
	skip 'no IPv6 here', 1 if log_in_by_tcp('app', '::1') =~ /cannot connect/;
	subtest 'IPv6' => sub {
		is(log_in_by_tcp('app', '::1'), 'in', 'open');
		lock_down();
		like(log_in_by_tcp('app', '::1'), $rejected, 'closed');
		is(log_in_by_tcp('boss', '::1'), 'in', 'to superusers it is not');
		unlock();
		is(log_in_by_tcp('app', '::1'), 'in', 'open');
	};
}

SKIP: {
	my ($group) = grep { $_ != $)+0 } split / /, $);
	skip 'this user is in one group alone', 1 if !defined $group;
	subtest 'a file of another group' => sub {
		my ($own, $mode) = ((stat $file)[5], (stat $file)[2] & 07777);
		chown(-1, $group, $file) or die "cannot change the group of $file: $!";
		chmod 0640, $file;
		for my $what (\&lock_down, \&unlock)
		{
			$what->();
			is_deeply([ (stat $file)[4, 5], (stat $file)[2] & 07777 ], [ $>, $group, 0640 ], 'its owner, group and mode are kept');
		}
		chown(-1, $own, $file);
		chmod $mode, $file;
	};
}

subtest 'connected walsenders' => sub {
	my $walsender = RawSession->new($node, user => 'streamer', replication => '1');
	is(lock_down(), '0', 'locked');
	ok(is_running($walsender->pid), 'they stay');
	is(lock_down('include_replication => true'), '1', 'are ended when told');
	wait_for('it to be gone', sub { !is_running($walsender->pid) });
	unlock();
	$walsender->quit;
};

subtest 'which roles may log in' => sub {
	is(lock_down(q{allow_roles => '{ops,app}'}), '0', 'allow_roles');
	is(log_in($node, $_), 'in', "$_ is in") for 'app', 'Duty "x"', 'boss';
	like(log_in($node, 'other'), $rejected, 'other is not');
	is(lock_down(q{allow_roles => ARRAY['Duty "x"'], include_superusers => true}), '0', 'a second lockdown replaces the first');
	is(log_in($node, 'Duty "x"'), 'in', 'names are written as they are');
	is(lock_down("allow_roles => ARRAY['" . $longest =~ s/'/''/gr . "']"), '0', 'a long one');
	is(log_in($node, $longest), 'in', 'too');
	lock_down(q{allow_roles => ARRAY['Duty "x"'], include_superusers => true});
	like(log_in($node, $_), $rejected, "$_ is not in") for 'app', 'boss';
	like(lock_down(q{allow_roles => '{nobody}'}), qr/^ERROR:  42704: /, 'an error');
	is(log_in($node, 'Duty "x"'), 'in', 'leaves the first as it was');
	is(lock_down('include_replication => true'), '0', 'include_replication');
	like(walsender_of($node, 'streamer'), qr/pg_hba\.conf rejects replication connection/, 'shuts walsenders out');
	my $session = session('boss');
	is(lock_down(q{include_superusers => true, terminate => false}), '0', 'nobody but the caller');
	ok($session->lives, 'terminate => false ends nobody');
	like(log_in($node, 'boss'), $rejected, 'nobody gets in');
	is(unlock(), 't', 'unlocked');
	is(read_file($file), $rules, 'the file is what it was');
	$session->quit;
};

subtest 'refused' => sub {
	my %wrong = (
		q{hold => '1 s'} => qr/^ERROR:  22023: method 'hba' does not support hold\nHINT:  .*method => 'gate'/,
		q{until => now() + '1 h'} => qr/^ERROR:  22023: method 'hba' does not support until\nHINT:  .*method => 'gate'/,
		q{timeout => NULL} => qr/^ERROR:  22023: timeout must not be null/);
	like(lock_down($_), $wrong{$_}, $_) for sort keys %wrong;
	my $operator = session('operator');
	$admin->run("GRANT EXECUTE ON FUNCTION $_ TO operator") for 'sessionctl.unlock_server()',
	  'sessionctl.lockdown_server(text, text[], boolean, boolean, boolean, interval, timestamptz, interval, text)';
	like(lock_down('', $operator), qr/^ERROR:  42501: must be superuser to lock the server down by pg_hba\.conf/, 'a caller that is no superuser');
	$operator->quit;
	is_as_before($rules, 'refused');
};

subtest 'files' => sub {
	my %texts = (
		'Windows line ends' => $rules =~ s/\n/\r\n/gr,
		'no last newline' => $rules =~ s/\n\z//r,
		'an explicit reject' => "local all nobody reject\n${rules}local all all reject\nhost all all all reject\n");
	for my $name (sort keys %texts)
	{
		set_rules($texts{$name});
		is(lock_down(), '0', "$name: locked");
		like(log_in($node, 'app'), $rejected, "$name: closed");
		is(log_in($node, 'boss'), 'in', "$name: open to superusers");
		is(unlock(), 't', "$name: unlocked");
		is(read_file($file), $texts{$name}, "$name: byte by byte");
	}
	set_rules("local all all reject # strangers\n" =~ s/all reject/nobody reject/r . $rules);
	is(lock_down(), '0', 'locked');
	write_file($file, "# before\n" . read_file($file) . "# after\n");
	is(unlock(), 't', 'edited in between: unlocked');
	is(read_file($file), "# before\nlocal all nobody reject # strangers\n$rules# after\n", 'with what was added');
	write_file($node->data_dir . '/roles.txt', "app boss\npostgres, Gr\xc3\xb6\xc3\x9fe");
	$admin->run("CREATE ROLE \"Gr\xc3\xb6\xc3\x9fe\" LOGIN");
	set_rules("local all \@roles.txt trust\n");
	is(lock_down("allow_roles => '{Gr\xc3\xb6\xc3\x9fe,other}'"), '0', 'names in a file: locked');
	is(log_in($node, $_), 'in', 'a role in the file') for 'boss', "Gr\xc3\xb6\xc3\x9fe";
	like(log_in($node, 'other'), $rejected, 'an allowed role that is not in the file');
	is(unlock(), 't', 'unlocked');
	set_rules($rules);
};

subtest 'logins that the old rules reject' => sub {
	write_file($file, "local all postgres,app trust\nlocal all all reject\n");
	$node->reload;
	wait_for('strangers to be rejected', sub { log_in($node, 'other') =~ $rejected });
	is(lock_down(), '0', 'the proof is not theirs');
	like(log_in($node, 'app'), $rejected, 'closed');
	is(unlock(), 't', 'unlocked');
	is(log_in($node, 'app'), 'in', 'open');
	set_rules($rules);
};

subtest 'a symbolic link' => sub {
	my $real = $node->data_dir . '/real.conf';
	rename $file, $real or die $!;
	symlink $real, $file or die $!;
	is(lock_down(), '0', 'locked');
	ok(-l $file, 'it still is one');
	like(read_file($real), qr/\A# >>> pg_sessionctl lockdown/, 'its file was changed');
	is(unlock(), 't', 'unlocked');
	ok(-l $file, 'it still is one');
	is(read_file($real), $rules, 'the file is what it was');
	rename $real, $file or die $!;
};

# Longer than what core takes for the longest path, its last slash wherever it falls.
subtest 'a long path' => sub {
	for my $length (1022 .. 1025)
	{
		my $directory = $node->basedir . '/long';
		mkdir $directory or die $!;
		while (length $directory < $length)
		{
			my $left = $length - length $directory;
			$directory .= '/' . 'x' x ($left > 202 ? 200 : $left > 201 ? 100 : $left - 1);
			mkdir $directory or die "cannot make $directory: $!";
		}
		link_into($directory);
		is(lock_down(), '0', length($directory) . ' bytes: locked');
		is(unlock(), 't', 'unlocked');
		is(read_file($file), $rules, 'the file is what it was');
		put_back();
		system('rm', '-rf', $node->basedir . '/long') == 0 or die;
	}
};

subtest 'a damaged block' => sub {
	lock_down();
	my $damaged = read_file($file) =~ s/^# <<<.*\n//mr;
	write_file($file, $damaged);
	like(unlock(), qr/^ERROR:  F0000: /, 'unlock_server');
	my $position = log_position($node);
	like(lock_down(), qr/^ERROR:  F0000: /, 'lockdown_server');
	is_deeply([ gate_lines($node, $position) ], [], 'which had nothing to undo');
	is(read_file($file), $damaged, 'nothing is changed');
	like($admin->run('SELECT method, restores_to FROM sessionctl.session_lockdowns'), qr/^hba\|.*no end/, 'session_lockdowns tells');
	set_rules($rules);
};

SKIP: {
	skip 'root writes everywhere', 1 if $> == 0;
	subtest 'a read-only directory' => sub {
		my $elsewhere = link_into($node->basedir . '/readonly');
		chmod 0555, $elsewhere;
		my $session = session('app');
		like(lock_down(), qr/^ERROR:  42501: could not create file ".*": Permission denied\nDETAIL:  pg_hba\.conf was not changed/, 'refused');
		is(read_file($file), $rules, 'the file is whole');
		is(log_in($node, 'app'), 'in', 'the door is open');
		ok($session->lives, 'nobody was ended');
		chmod 0755, $elsewhere;
		put_back();
		$session->quit;
	};
}

SKIP: {
	skip 'no prlimit', 1 if system('prlimit --version >/dev/null 2>&1') != 0;
	subtest 'a full disk' => sub {
		system('prlimit', '--pid', $admin->pid, '--fsize=100:100') == 0 or die;
		like(lock_down(), qr/^ERROR:  \w{5}: could not write file ".*": File too large\nDETAIL:  pg_hba\.conf was not changed/, 'refused');
		is_as_before($rules, 'a full disk');
		$admin->quit;
		$admin = SessionctlTest::Session->new($node);
	};
}

subtest 'a file that the server refuses' => sub {
	my $text = "${rules}local all all nosuchmethod\n";
	write_file($file, $text);
	like(lock_down(), qr/^ERROR:  55000: the server does not use the new pg_hba\.conf\nDETAIL:  .*\nHINT:  .*server log/, 'it does not obey it');
	is_as_before($text, 'refused');
	set_rules($rules);
};

# As on a machine under heavy load: what is slow does not disobey.
subtest 'a postmaster that reloads late' => sub {
	my $began = time;
	my $postmaster = postmaster_pid($node);
	stop_process($postmaster);
	$admin->send(q{SELECT sessionctl.lockdown_server('hba')});
	wait_for('more than the time in which a login that is not rejected tells something', sub { time - $began > 7 });
	continue_process($postmaster);
	is($admin->answer, '0', 'locked down');
	like(log_in($node, 'app'), $rejected, 'closed');
	is(unlock(), 't', 'unlocked');
	is_as_before($rules, 'unlocked');
};

# A session that will not go keeps the call waiting, its door already closed.
sub half_way
{
	my ($ending) = @_;
	my $stuck = session('app');
	stop_process($stuck->pid);
	my $caller = SessionctlTest::Session->new($node);
	$caller->send(q{SELECT sessionctl.lockdown_server('hba', timeout => '1 min')});
	wait_for('the door to be closed', sub { log_in($node, 'app') =~ $rejected });
	$admin->run("SELECT $ending(@{[$caller->pid]})");
	my $answer = $caller->answer;
	continue_process($stuck->pid);
	$_->quit for $caller, $stuck;
	return $answer;
}

subtest 'ended half way' => sub {
	my $position = log_position($node);
	like(half_way('pg_cancel_backend'), qr/canceling statement due to user request/, 'cancelled');
	is_as_before($rules, 'cancelled');
	like(half_way('pg_terminate_backend'), qr/terminating connection due to administrator command/, 'terminated');
	is_as_before($rules, 'terminated');
	is(scalar(grep { /result="undone in pg_hba\.conf"/ } gate_lines($node, $position)), 2, 'the log has both');
};

SKIP: {
	skip 'root writes everywhere', 1 if $> == 0;
	subtest 'a lockdown that cannot be undone' => sub {
		my $elsewhere = link_into($node->basedir . '/barred');
		my $position = log_position($node);
		my $stuck = session('app');
		stop_process($stuck->pid);
		my $caller = SessionctlTest::Session->new($node);
		$caller->send(q{SELECT sessionctl.lockdown_server('hba', timeout => '1 min')});
		wait_for('the door to be closed', sub { log_in($node, 'app') =~ $rejected });
		chmod 0555, $elsewhere;
		$admin->run("SELECT pg_cancel_backend(@{[$caller->pid]})");
		like($caller->answer, qr/canceling statement due to user request/, 'cancelled');
		chmod 0755, $elsewhere;
		my $target = quotemeta "$elsewhere/hba.conf";
		like(log_since($node, $position), qr/LOG:  .*pg_sessionctl: could not undo the lockdown in "$target": could not replace file "$target": Permission denied\n/,
			'the log names the file');
		continue_process($stuck->pid);
		$_->quit for $caller, $stuck;
		is(unlock(), 't', 'unlocked by hand');
		is(read_file("$elsewhere/hba.conf"), $rules, 'the file is as before');
		put_back();
		set_rules($rules);
	};
}

subtest 'two at once' => sub {
	my $stuck = session('app');
	stop_process($stuck->pid);
	my $caller = SessionctlTest::Session->new($node);
	$caller->send(q{SELECT sessionctl.lockdown_server('hba', timeout => '1 min')});
	wait_for('the door to be closed', sub { log_in($node, 'app') =~ $rejected });
	my $other = SessionctlTest::Session->new($node);
	$other->send('SELECT sessionctl.unlock_server()');
	continue_process($stuck->pid);
	is($caller->answer, '1', 'the first');
	is($other->answer, 't', 'then the second');
	is_as_before($rules, 'in turn');
	$_->send(q{SELECT sessionctl.lockdown_server('hba')}) for $caller, $other;
	is($_->answer, '0', 'two lockdowns') for $caller, $other;
	my $blocks = () = read_file($file) =~ /^# >>> /mg;
	is($blocks, 1, 'write one block');
	like(log_in($node, 'app'), $rejected, 'closed');
	is(unlock(), 't', 'unlocked');
	is_as_before($rules, 'both');
	$_->quit for $caller, $other, $stuck;
};

subtest 'logins under way' => sub {
	my $path = $node->host . '/.s.PGSQL.' . $node->port;
	my $silent = IO::Socket::UNIX->new(Peer => $path) or die "cannot connect: $!";
	my $late = start_login($node, 'app', connection => q{options='-c post_auth_delay=600'});
	my @pids;
	wait_for('a login under way', sub { @pids = waiting_logins($node, 'app', 'startup'); @pids == 1 && is_delayed($pids[0]) });
	like(lock_down(), qr/^[01]\z/, 'locked, and not waited for');
	my $options = join '', map { "$_\0" } 'user', 'app', 'database', 'postgres';
	syswrite $silent, pack('NN', length($options) + 9, 3 << 16) . "$options\0";
	my $login_output = '';
	1 while sysread $silent, $login_output, 65536, length $login_output;
	is($login_output, '', 'one that connected before and speaks afterwards is gone');
	# The reload ends its delay: it may have been a session for a moment.
	wait_for('the one that is past every check to be gone', sub { !is_running($pids[0]) });
	login_output($late);
	is(unlock(), 't', 'unlocked');
};

subtest 'kill -9 of the postmaster' => sub {
	lock_down();
	wait_until_gone($node, kill_server($node));
	eval { $admin->quit };
	write_file("$file.pg_sessionctl.tmp", 'half of it');
	$node->start;
	$admin = SessionctlTest::Session->new($node);
	like(log_in($node, 'app'), $rejected, 'it comes back closed');
	is(unlock(), 't', 'unlocked');
	is_as_before($rules, 'unlocked');
};

SKIP: {
	skip 'a standby without a primary needs 12', 1 if $admin->run('SHOW server_version_num') < 120000;
	subtest 'a standby' => sub {
		$admin->quit;
		$node->stop;
		write_file($node->data_dir . '/standby.signal', '');
		$node->start;
		$admin = SessionctlTest::Session->new($node);
		is(lock_down(), '0', 'locked');
		like(log_in($node, 'app'), $rejected, 'closed');
		is(unlock(), 't', 'unlocked');
		is_as_before($rules, 'unlocked');
		$admin->quit;
		unlink $node->data_dir . '/standby.signal';
		$node->restart;
		$admin = SessionctlTest::Session->new($node);
	};
}

subtest 'preloaded' => sub {
	$admin->quit;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_sessionctl'\n");
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	is($admin->run('SELECT sessionctl.lockdown_server()'), '0', 'by the gate');
	is(lock_down(), '0', 'and by the file');
	is($admin->run('SELECT string_agg(method, \' \' ORDER BY method) FROM sessionctl.session_lockdowns'), 'gate hba', 'session_lockdowns tells both');
	is(unlock(), 't', 'unlocked');
	is_as_before($rules, 'both');
};

subtest 'a storm' => sub {
	my $inside = q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'};
	my $storm = Storm->new($node, user => 'app', database => 'postgres', clients => 24);
	my ($intruders, $short) = (0, 0);
	for my $round (1 .. $ENV{STORM_ROUNDS} || 2)
	{
		wait_for('everybody to be in', sub { $admin->run($inside) >= 24 });
		my $answer = lock_down();
		$short++ if $answer !~ /^(?:NOTICE.*\n)?\d+\z/ || $answer !~ /\b2[2-9]\z/;
		my $end = time + 1;
		while (time < $end) { $intruders += $admin->run($inside) }
		unlock();
	}
	is($intruders, 0, 'nobody inside within a second');
	is($short, 0, 'and those who were there were ended');
	wait_for('everybody to be back', sub { $admin->run($inside) >= 24 });
	$storm->quit;
	is(read_file($file), $rules, 'the file is what it was');
};

$admin->quit;
done_testing();
