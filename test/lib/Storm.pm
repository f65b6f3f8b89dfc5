# Clients that want in: each logs in again the moment it is refused or ended, and stays as long as it may.
package Storm;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use POSIX ();

# Options: user, database, clients. They work in a process of their own until quit.
sub new
{
	my ($class, $node, %with) = @_;
	my $self = bless { owner => $$ }, $class;
	my $path = $node->host . '/.s.PGSQL.' . $node->port;
	$self->{pid} = fork // die "cannot fork: $!";
	return $self if $self->{pid};
	$SIG{TERM} = sub { POSIX::_exit(0) };
	_storm($path, %with);
	POSIX::_exit(1);
}

sub _storm
{
	my ($path, %with) = @_;
	my $options = join '', map { "$_\0" } 'user', $with{user}, 'database', $with{database}, 'application_name', 'storm';
	my $startup = pack('NN', length($options) + 9, 3 << 16) . "$options\0";
	my $sockets = IO::Select->new;
	my $knock = sub {
		my $socket = IO::Socket::UNIX->new(Peer => $path) or return;
		syswrite $socket, $startup;
		$sockets->add($socket);
	};
	for (;;)
	{
		$knock->() while $sockets->count < $with{clients};
		for my $socket ($sockets->can_read)
		{
			my $got = sysread $socket, my $words, 65536;
			next if $got;
			$sockets->remove($socket);
			close $socket;
		}
	}
	return;
}

sub quit
{
	my ($self) = @_;
	return if !$self->{pid} || $self->{owner} != $$;
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = 0;
	return;
}

sub DESTROY { my ($self) = @_; local $?; return $self->quit }

1;
