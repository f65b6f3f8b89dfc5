# Clients that want in: each logs in again the moment it is refused or ended, and stays as long as it may; those that
# come and go leave as soon as they are in. (application_name: storm, unless told otherwise, and passing.)
package Storm;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use SessionctlTest;

# Options: user, database, clients, coming_and_going (how many of them), and app. They work in a process of their own until
# quit.
sub new
{
	my ($class, $node, %with) = @_;
	my $self = bless { owner => $$, node => $node, before => scalar children_of(postmaster_pid($node)) }, $class;
	my $path = $node->host . '/.s.PGSQL.' . $node->port;
	local $SIG{TERM} = 'DEFAULT';    # PostgreSQL's modules die of it, and stop the server at their end
	$self->{pid} = fork // die "cannot fork: $!";
	return $self if $self->{pid};
	_storm($path, %with);
	POSIX::_exit(1);
}

sub _startup
{
	my $options = join '', map { "$_\0" } @_;
	return pack('NN', length($options) + 9, 3 << 16) . "$options\0";
}

sub _storm
{
	my ($path, %with) = @_;
	my $sockets = IO::Select->new;
	my %heard;    # by those who come and go
	my $knock = sub {
		my $socket = IO::Socket::UNIX->new(Peer => $path) or return;
		$sockets->add($socket);
		my $stays = keys %heard >= ($with{coming_and_going} || 0);
		$heard{$socket} = '' if !$stays;
		syswrite $socket, _startup(user => $with{user}, database => $with{database}, application_name => $stays ? $with{app} || 'storm' : 'passing');
	};
	my $leave = sub {
		my ($socket) = @_;
		$sockets->remove($socket);
		delete $heard{$socket};
		return close $socket;
	};
	for (;;)
	{
		$knock->() while $sockets->count < $with{clients};
		for my $socket ($sockets->can_read)
		{
			my $got = sysread $socket, my $words, 65536;
			$heard{$socket} .= $words if $got && exists $heard{$socket};
			$leave->($socket) if !$got || ($heard{$socket} || '') =~ /Z\x00\x00\x00\x05/;    # ReadyForQuery
		}
	}
	return;
}

# Also waits for those who are still at the door: the server forks for each before it forks for who comes now.
sub quit
{
	my ($self) = @_;
	$self->_kill;
	SessionctlTest::Session->new($self->{node})->quit;
	return wait_for('the storm to be over', sub { children_of(postmaster_pid($self->{node})) <= $self->{before} });
}

sub _kill
{
	my ($self) = @_;
	return if !$self->{pid} || $self->{owner} != $$;
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = 0;
	return;
}

sub DESTROY { my ($self) = @_; local $?; return $self->_kill }

1;
