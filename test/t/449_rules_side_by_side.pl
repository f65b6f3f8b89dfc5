# What several rules want to do to one session.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules_side_by_side');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE other_app LOGIN; CREATE ROLE ops LOGIN IN ROLE pg_signal_backend');
$admin->run('GRANT USAGE ON SCHEMA sessionctl TO ops; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO ops');
my $ops = SessionctlTest::Session->new($node, user => 'ops');

sub end_all
{
	my @sessions = @_;
	$admin->run('SELECT pg_terminate_backend(' . $_->pid . ')') for @sessions;
	return map { $_->quit } @sessions;
}

sub drop_rules { return $admin->run('SELECT sessionctl.drop_session_rule(name) FROM sessionctl.session_rules') }

# A drain of it is in flight, by a rule of this one.
sub drained_by
{
	my ($owner, %with) = @_;
	my $session = SessionctlTest::Session->new($node, user => 'app');
	$session->send('SELECT pg_sleep(600)');
	rule($owner, 'drain', q{usename = 'app'}, action => 'drain', timeout => '10 min', %with);
	wait_for('the drain', sub { status_of($admin, 'drain', 'acted') eq '1' });
	return $session;
}

subtest 'a drain and a stronger action' => sub {
	my $session = drained_by($admin);
	rule($admin, 'cancel', q{usename = 'app' and state = 'active'}, action => 'cancel');
	like($session->answer, qr/ERROR:  canceling statement/, 'the statement is cancelled');
	wait_for('the end of the drain', sub { status_of($admin, 'drain', 'ended') eq '1' });
	is(status_of($admin, 'drain', 'acted'), '1', 'the drain has gone on');
	is(status_of($admin, 'cancel', 'acted, ended'), '1|1', 'and each has acted once');
	drop_rules();
	end_all($session);
};

subtest 'an action and a weaker one' => sub {
	my $session = drained_by($admin);
	rule($admin, 'drain too', q{usename = 'app'}, action => 'drain', timeout => '10 min');
	checked_again($admin, 'drain too');
	is(status_of($admin, 'drain too', 'matched, acted'), '0|0', 'it is left to the first');
	is($admin->run(q{SELECT sessionctl.drop_session_rule('drain')}), '', 'which is dropped');
	wait_for('the second to get it', sub { status_of($admin, 'drain too', 'acted') eq '1' });
	drop_rules();
	end_all($session);
};

subtest 'what other roles have begun' => sub {
	my $session = drained_by($ops);
	rule($ops, 'drain too', q{usename = 'app'}, action => 'drain', timeout => '10 min');
	checked_again($admin, 'drain too');
	is(status_of($admin, 'drain too', 'acted'), '0', 'keeps their rules away');
	rule($admin, 'drain by superuser', q{usename = 'app'}, action => 'drain', timeout => '10 min');
	wait_for('it', sub { status_of($admin, 'drain by superuser', 'acted') eq '1' });
	pass('and no rule of a superuser');
	drop_rules();
	end_all($session);
};

subtest 'refuse_above' => sub {
	my $session = drained_by($admin);
	my $second = SessionctlTest::Session->new($node, user => 'other_app');
	rule($admin, 'refuses', q{usename like '%app'}, action => 'drain', timeout => '10 min', refuse_above => 1);
	wait_for('a check', sub { status_of($admin, 'refuses', 'held_back') eq '1' });
	is(status_of($admin, 'refuses', 'matched, acted'), '1|0', 'counts those that another rule has');
	drop_rules();
	end_all($session, $second);
};

# A worker that has just been forked ignores SIGHUP: it sleeps there for post_auth_delay.
subtest 'the configuration changes while their process starts' => sub {
	wait_for_no_worker($node);
	reconfigure($node, post_auth_delay => 2);
	my $position = log_position($node);
	rule($admin, 'some', q{application_name = 'some'}, action => 'terminate');
	wait_for('a process', sub { rules_worker($node) });
	set_rules($admin, 'pg_sessionctl.rules' => 'log');
	my $session = marked_session($node, 'some');
	wait_for_log($node, $position, qr/action=log .* pid=${\ $session->pid} .* rule="some"/);
	is($session->run('SELECT 1'), '1', 'it knows of it');
	set_rules($admin, 'pg_sessionctl.rules' => undef, post_auth_delay => undef);
	drop_rules();
	$session->quit;
};

$_->quit for $admin, $ops;
$node->stop;
done_testing();
