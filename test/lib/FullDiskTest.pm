# Lockdowns of a server on a small disk: by which method says each test. `use SmallDisk` comes before it.
package FullDiskTest;

use strict;
use warnings;

use Exporter 'import';
use GateTest;
use SessionctlTest;
use SmallDisk;
use Test::More;

our @EXPORT = qw($node $admin %fill begin_on_full_disk lock_down unlock restart begin_lockdown end_it);

our ($node, $admin);
our %fill = (bytes => \&fill_disk, inodes => \&fill_inodes);
my $method;

# A server; the method as SQL, or nothing for the default.
sub begin_on_full_disk
{
	($method) = @_;
	mkdir disk() . '/data', 0700 or die "cannot make the data directory: $!";
	$node = new_reaper_server('full', data => disk() . '/data');
	$admin = SessionctlTest::Session->new($node);
	return $admin->run('CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE boss LOGIN SUPERUSER');
}

sub _call
{
	my ($arguments) = @_;
	return 'sessionctl.lockdown_server(' . join(', ', grep { $_ } $method, $arguments) . ')';
}

sub lock_down { my ($arguments) = @_; return answer_of($admin, _call($arguments)) }
sub unlock { return answer_of($admin, 'sessionctl.unlock_server()') }

# Needs some space; afterwards it is as full as before.
sub restart
{
	my ($fill) = @_;
	free_disk();
	$admin->quit;
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	return $fill ? $fill->() : undef;
}

# A lockdown under way: the session that it waits for won't go.
sub begin_lockdown
{
	my $victim = SessionctlTest::Session->new($node, user => 'app');
	stop_process($victim->pid);
	my $caller = SessionctlTest::Session->new($node, user => 'boss');
	$caller->send('SELECT ' . _call(q{timeout => '10 min', reason => 'unfinished'}));
	wait_for_sigterm($victim->pid);
	return ($caller, $victim);
}

sub end_it
{
	my ($how, $caller, $victim) = @_;
	$admin->run("SELECT pg_${how}_backend(" . $caller->pid . ')');
	like($caller->answer, $how eq 'cancel' ? qr/^ERROR:  canceling statement/m : qr/^FATAL:  terminating connection/m, "$how: the call ends");
	$caller->quit;
	continue_process($victim->pid);
	return $victim->quit;
}

1;
