# lockdown_server(hold => …): logins wait for the unlock, superusers do not wait, and every refusal has a message.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use SessionctlTest;
use Test::More;

my ($connections, $reserved) = (19, 3);
my $places = int(($connections - $reserved) / 4);
my $node = new_reaper_server('hold', conf => <<"END");
max_connections = $connections
superuser_reserved_connections = $reserved
authentication_timeout = 10min
log_connections = on
END
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER');
my $refused = 'the server is locked down';
my $full = 'HINT:  The maximum number of logins is already waiting';

sub lock_down { my ($arguments) = @_; return $admin->run("SELECT sessionctl.lockdown_server($arguments)") }
sub unlock { return $admin->run('SELECT sessionctl.unlock_server()') }

# Logins that came to the gate, though the last of them may not have looked at it yet.
sub wait_for_logins { my ($number) = @_; return wait_for("$number logins", sub { scalar(waiting_logins($node, 'app')) == $number }) }

# More logins than there are places. When these others have been refused, because all places were taken, and are gone,
# those who are left hold a place each. Who had one before leaves it with its last word, or a moment later.
sub take_all_places
{
	my ($others) = @_;
	wait_for_logins(0);
	my @logins = map { start_login($node, 'app') } 1 .. $places + $others;
	my @held;
	wait_for("$others to be refused", sub {
		@held = grep { !has_heard($_) } @logins;
		return @held <= $places;
	});
	wait_for_logins($places);
	is(scalar(grep { has_heard($_) && login_output($_) =~ /$refused.*\n$full/s } @logins), $others, 'no place is left for one more');
	return @held;
}

# All places can be taken, and not one more: the count of who waits is right.
sub places_are_right
{
	my ($name) = @_;
	lock_down(q{hold => '5 min'});
	my @held = take_all_places(1);
	unlock();
	return is(join(' ', map { login_output($_) } @held), join(' ', (42) x $places), "$name: no place was lost");
}

subtest 'the gate opens' => sub {
	lock_down(q{hold => '5 min'});
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	is(log_in($node, 'boss'), 'in', 'a superuser does not wait');
	unlock();
	is(login_output($held), '42', 'the held login gets in');
};

subtest 'the gate opens for some roles' => sub {
	lock_down(q{hold => '5 min'});
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	lock_down(q{hold => '5 min', allow_roles => '{app}'});
	is(login_output($held), '42', 'the held login is checked by the new rule');
	unlock();
};

subtest 'a membership is revoked while a login waits' => sub {
	$admin->run('CREATE ROLE staff; CREATE ROLE clerk LOGIN; GRANT staff TO clerk');
	# It has a place, so it has looked whether it is a member.
	my $held_as_member = sub {
		my ($query) = @_;
		unlock();
		wait_for_logins(0);
		$admin->run('GRANT staff TO clerk');
		lock_down(q{hold => '5 min', allow_roles => '{boss}'});
		my $held = start_login($node, 'clerk', query => $query);
		my @others = map { start_login($node, 'app') } 1 .. $places;
		wait_for('one to be refused', sub { scalar(grep { has_heard($_) } $held, @others) });
		return if has_heard($held);
		$admin->run('REVOKE staff FROM clerk');
		return $held;
	};

	my $held;
	wait_for('a place', sub { $held = $held_as_member->('SELECT 42') });
	lock_down(q{hold => '0', allow_roles => '{staff}'});
	like(login_output($held), qr/$refused/, 'who is no member any more is not admitted as one');

	wait_for('a place', sub { $held = $held_as_member->('SET ROLE staff') });
	unlock();
	like(login_output($held), qr/permission denied to set role "staff"/, 'nor does it have the rights of one once it is in');
	wait_for_logins(0);    # the others
};

subtest 'a membership is granted while a login waits' => sub {
	lock_down(q{hold => '5 min', allow_roles => '{staff}'});
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	$admin->run('GRANT staff TO app');
	is(login_output($held), '42', 'it gets in');
	$admin->run('REVOKE staff FROM app');
	unlock();
};

subtest 'a role is renamed while its login waits' => sub {
	$admin->run('CREATE ROLE former LOGIN');
	lock_down(q{hold => '5 min', allow_roles => '{boss}'});
	my $held = start_login($node, 'former');
	wait_for('it to wait', sub { waiting_logins($node, 'former') });
	$admin->run('BEGIN; ALTER ROLE former RENAME TO later; CREATE ROLE former LOGIN; COMMIT');
	like(login_output($held), qr/FATAL:  role "former" is another one than when its client was authenticated/, 'another has the name now: it does not get in as that one');
	$held = start_login($node, 'former');
	wait_for('it to wait', sub { waiting_logins($node, 'former') });
	$admin->run('BEGIN; DROP ROLE former; CREATE ROLE former LOGIN SUPERUSER; COMMIT');
	like(login_output($held), qr/is another one than/, 'nor where that one would not have to wait');
	$admin->run('ALTER ROLE former NOSUPERUSER');
	unlock();
	lock_down(q{hold => '5 min', allow_roles => '{boss}'});
	$held = start_login($node, 'former');
	wait_for('it to wait', sub { waiting_logins($node, 'former') });
	$admin->run('DROP ROLE former');
	like(login_output($held), qr/role "former" does not exist/, 'where there is none, it is refused');
	unlock();
};

subtest 'the password is changed while a login waits' => sub {
	$admin->run('CREATE ROLE secret LOGIN');
	my $hba = $node->data_dir . '/pg_hba.conf';
	write_file($hba, "local all secret md5\n" . read_file($hba));
	$node->reload;
	my $tells_of_authentication = $admin->run('SHOW server_version_num') >= 140000;
	local $ENV{PGPASSWORD} = 'old';
	my $held_with_old = sub {
		my ($role, $valid_until) = @_;
		$admin->run(sprintf q{DO $$ BEGIN EXECUTE format('ALTER ROLE %s PASSWORD ''old'' VALID UNTIL %%L', %s); END $$}, $role, $valid_until || q{'infinity'});
		lock_down(q{hold => '5 min', allow_roles => '{boss}'});
		my $position = log_position($node);
		my $held = start_login($node, $role);
		wait_for('it to wait or to be refused', sub { waiting_logins($node, $role) || has_heard($held) });
		wait_for_log($node, $position, qr/connection authenticated: identity="secret"|password authentication failed/) if $tells_of_authentication && $role eq 'secret';
		return $held;
	};
	my $old = $tells_of_authentication ? '' : '|password authentication failed';
	for my $change (q{PASSWORD 'new'}, 'PASSWORD NULL', q{PASSWORD 'next' VALID UNTIL '2000-01-01'}, q{VALID UNTIL '2001-01-01'})
	{
		my $held = $held_with_old->('secret');
		$admin->run("ALTER ROLE secret $change");
		unlock();
		like(login_output($held), qr/FATAL:  (?:the password of role "secret" was changed or expired while its login was held$old)/, "who had the old one does not get in: $change");
	}
	my ($seconds, $refusal) = (1);
	wait_for('a password that expires after its role was authenticated', sub {
		$seconds *= 2;
		$refusal = login_output($held_with_old->('secret', "clock_timestamp() + '$seconds s'"));
		return $refusal !~ /password authentication failed/;
	});
	like($refusal, qr/FATAL:  the password of role "secret" was changed or expired/, 'nor where it expires');
	my $held = $held_with_old->('secret');
	$admin->run('ALTER ROLE secret CONNECTION LIMIT 7; ALTER ROLE secret SET work_mem = 64');
	unlock();
	is(login_output($held), '42', 'other changes are none of the password');
	$held = $held_with_old->('app');
	$admin->run(q{ALTER ROLE app PASSWORD 'new' VALID UNTIL '2000-01-01'});
	unlock();
	is(login_output($held), '42', 'nor does it matter where it was not asked for');
};

# On a standby, replay would wait for its snapshot.
subtest 'a held login keeps nothing from being removed' => sub {
	lock_down(q{hold => '5 min'});
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	my $last;
	$last = $admin->run('SELECT txid_current()') for 1 .. 5;
	my $cutoff = 0;
	wait_for('later rows to be removable', sub {
		($cutoff) = $admin->run('VACUUM (VERBOSE) pg_authid') =~ /(?:removable cutoff|oldest xmin): (\d+)/;
		return $cutoff > $last;
	});
	cmp_ok($cutoff, '>', $last, 'not even of shared catalogs');
	unlock();
	is(login_output($held), '42', 'it gets in');
};

subtest 'memberships after the gate' => sub {
	plan skip_all => 'there is no pg_database_owner before 14' if $admin->run('SHOW server_version_num') < 140000;
	$admin->run('CREATE ROLE owner LOGIN IN ROLE staff; ALTER DATABASE postgres OWNER TO owner');
	lock_down(q{allow_roles => '{staff}'});
	is(login_output(start_login($node, 'owner', query => q{SELECT pg_has_role('pg_database_owner', 'MEMBER')})), 't', 'that of the owner of the database is not forgotten');
	unlock();
	$admin->run('ALTER DATABASE postgres OWNER TO postgres');
};

subtest 'a second lockdown without hold' => sub {
	lock_down(q{hold => '5 min'});
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	is(lock_down(q{reason => 'for good'}), '0', 'a held login is no session, and the call does not wait for it');
	like(login_output($held), qr/$refused\nDETAIL:  .*: for good\z/, 'it is refused');
	unlock();
};

subtest 'until is reached' => sub {
	lock_down(q{hold => '5 min', until => clock_timestamp() + '500 ms'});
	is(login_output(start_login($node, 'app')), '42', 'the held login gets in');
	unlock();
};

subtest 'hold is over' => sub {
	lock_down(q{hold => '300 ms', reason => 'maintenance'});
	is(log_in($node, 'app'), qq{FATAL 57P03 $refused Locked by role "postgres" until it is unlocked: maintenance}, 'refused');
	unlock();
};

subtest 'authentication_timeout' => sub {
	lock_down(q{hold => '5 min'});
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	$node->append_conf('postgresql.conf', "authentication_timeout = 6s\n");
	$node->reload;
	wait_for('the session to know', sub { $admin->run('SHOW authentication_timeout') eq '6s' });
	like(login_output(start_login($node, 'app')), qr/$refused/, 'made shorter meanwhile: refused before it strikes');
	like($admin->complaint(q{SELECT sessionctl.lockdown_server(hold => '3001 ms')}), qr/^ERROR:  22023: .*HINT:  .* to '3000 ms'/s, 'half of it at most');
	$node->append_conf('postgresql.conf', "authentication_timeout = 10min\n");
	$node->reload;
	wait_for('the session to know', sub { $admin->run('SHOW authentication_timeout') eq '10min' });
	unlock();
	is(login_output($held), '42', 'a login held before goes on waiting');
};

subtest 'how many logins may be held' => sub {
	places_are_right('at first');
	lock_down(q{hold => '5 min'});
	my @held = take_all_places(4);
	is(log_in($node, 'boss'), 'in', 'a superuser gets in');
	kill 'TERM', $_ or die $! for waiting_logins($node, 'app');
	unlike(login_output($_), qr/$refused|^42$/m, 'one is ended') for @held;    # a port may have these digits
	unlock();
	places_are_right('after all were ended');
	lock_down(q{hold => '300 ms'});
	like(login_output($_), qr/$refused/, 'time over') for map { start_login($node, 'app') } 1 .. $places;
	unlock();
	places_are_right('after their time was over');
};

subtest 'few free slots' => sub {
	my @sessions = map { SessionctlTest::Session->new($node, user => 'app') } 1 .. $connections - 1 - $reserved - 3;
	lock_down(q{hold => '5 min', terminate => false});
	like(login_output(start_login($node, 'app')), qr/$refused.*\n$full/s, 'nobody waits');
	is(log_in($node, 'boss'), 'in', 'a superuser gets in');
	$_->quit for splice @sessions, 0, 3;
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	unlock();
	is(login_output($held), '42', 'with more of them one waits');
	$_->quit for @sessions;
};

subtest 'shutdown' => sub {
	lock_down(q{hold => '5 min'});
	my $held = start_login($node, 'app');
	wait_for_logins(1);
	$admin->quit;
	$node->stop('fast');
	isnt(login_output($held), '42', 'does not wait for who waits');
	$node->start;
	$admin = SessionctlTest::Session->new($node);
	my $again = start_login($node, 'app');
	wait_for_logins(1);
	unlock();
	is(login_output($again), '42', 'after the start it holds as before');
	places_are_right('after the start');
};

$admin->quit;
done_testing();
