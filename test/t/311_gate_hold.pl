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
my $node = new_reaper_server('hold', conf => "max_connections = $connections\nsuperuser_reserved_connections = $reserved\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN SUPERUSER');
my $refused = 'the server is locked down';
my $full = 'HINT:  The maximum number of logins is already waiting';

sub lock_down { my ($arguments) = @_; return $admin->run("SELECT sessionctl.lockdown_server($arguments)") }
sub unlock { return $admin->run('SELECT sessionctl.unlock_server()') }
sub wait_for_held { my ($number) = @_; return wait_for("$number held logins", sub { scalar(waiting_logins($node, 'app')) == $number }) }

# All places can be taken, and not one more: the count of who waits is right.
sub places_are_right
{
	my ($name) = @_;
	lock_down(q{hold => '45 s'});
	my @held = map { start_knocking($node, 'app') } 1 .. $places;
	wait_for_held($places);
	like(heard(start_knocking($node, 'app')), qr/$refused.*\n$full/s, "$name: no place is left");
	unlock();
	return is(join(' ', map { heard($_) } @held), join(' ', (42) x $places), "$name: and no place was lost");
}

subtest 'it opens' => sub {
	lock_down(q{hold => '45 s'});
	my $held = start_knocking($node, 'app');
	wait_for_held(1);
	is(knock($node, 'boss'), 'in', 'a superuser does not wait');
	unlock();
	is(heard($held), '42', 'who waited gets in');
};

subtest 'it opens for some' => sub {
	lock_down(q{hold => '45 s'});
	my $held = start_knocking($node, 'app');
	wait_for_held(1);
	lock_down(q{hold => '45 s', allow_roles => '{app}'});
	is(heard($held), '42', 'who waited is judged by the new rule');
	unlock();
};

subtest 'it is closed for good' => sub {
	lock_down(q{hold => '45 s'});
	my $held = start_knocking($node, 'app');
	wait_for_held(1);
	is(lock_down(q{reason => 'for good'}), '0', 'who waits is no session, and nobody waits for it');
	like(heard($held), qr/$refused\nDETAIL:  .*: for good\z/, 'it is refused');
	unlock();
};

subtest 'it opens by itself' => sub {
	lock_down(q{hold => '45 s', until => clock_timestamp() + '500 ms'});
	is(heard(start_knocking($node, 'app')), '42', 'who waited gets in');
	unlock();
};

subtest 'the time is over' => sub {
	lock_down(q{hold => '300 ms', reason => 'maintenance'});
	is(knock($node, 'app'), qq{FATAL 57P03 $refused Locked by role "postgres" until it is unlocked: maintenance}, 'refused');
	unlock();
};

subtest 'authentication_timeout' => sub {
	lock_down(q{hold => '45 s'});
	my $held = start_knocking($node, 'app');
	wait_for_held(1);
	$node->append_conf('postgresql.conf', "authentication_timeout = 2s\n");
	$node->reload;
	wait_for('the session to know', sub { $admin->run('SHOW authentication_timeout') eq '2s' });
	like(heard(start_knocking($node, 'app')), qr/$refused/, 'made shorter meanwhile: refused before it strikes');
	like($admin->complaint(q{SELECT sessionctl.lockdown_server(hold => '1001 ms')}), qr/^ERROR:  22023: .*HINT:  .* to '1000 ms'/s, 'half of it at most');
	$node->append_conf('postgresql.conf', "authentication_timeout = 1min\n");
	$node->reload;
	wait_for('the session to know', sub { $admin->run('SHOW authentication_timeout') eq '1min' });
	unlock();
	is(heard($held), '42', 'who waited before goes on waiting');
};

subtest 'places' => sub {
	places_are_right('at first');
	lock_down(q{hold => '45 s'});
	my @held = map { start_knocking($node, 'app') } 1 .. $places + 4;
	wait_for_held($places);
	is(knock($node, 'boss'), 'in', 'a superuser gets in');
	my @pids = waiting_logins($node, 'app');
	kill 'TERM', $_ or die $! for @pids;
	wait_for_held(0);
	is(scalar(grep { heard($_) =~ /$full/ } @held), 4, 'the others were refused at once');
	unlock();
	places_are_right('after all were ended');
	lock_down(q{hold => '300 ms'});
	like(heard($_), qr/$refused/, 'time over') for map { start_knocking($node, 'app') } 1 .. $places;
	unlock();
	places_are_right('after their time was over');
};

subtest 'few free slots' => sub {
	my @sessions = map { SessionctlTest::Session->new($node, user => 'app') } 1 .. $connections - 1 - $reserved - 3;
	lock_down(q{hold => '45 s', terminate => false});
	like(heard(start_knocking($node, 'app')), qr/$refused.*\n$full/s, 'nobody waits');
	is(knock($node, 'boss'), 'in', 'a superuser gets in');
	$_->quit for splice @sessions, 0, 3;
	my $held = start_knocking($node, 'app');
	wait_for_held(1);
	unlock();
	is(heard($held), '42', 'with more of them one waits');
	$_->quit for @sessions;
};

subtest 'shutdown' => sub {
	lock_down(q{hold => '45 s'});
	my $held = start_knocking($node, 'app');
	wait_for_held(1);
	$admin->quit;
	$node->stop('fast');
	isnt(heard($held), '42', 'does not wait for who waits');
	$node->start;
	$admin = SessionctlTest::Session->new($node);
	my $again = start_knocking($node, 'app');
	wait_for_held(1);
	unlock();
	is(heard($again), '42', 'after the start it holds as before');
	places_are_right('after the start');
};

$admin->quit;
done_testing();
