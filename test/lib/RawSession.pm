# A client that speaks the server's protocol itself, to do what psql does not: fall silent in the middle.
package RawSession;

use strict;
use warnings;

use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use SessionctlTest;
use Time::HiRes qw(time);

# Options: user, database, app (application_name; an empty one: none), options (PGOPTIONS), tcp (over TCP: true, or the
# address), from (which address of the client's then), and replication.
sub new
{
	my $self = begin_login(@_);
	($self->{pid}) = unpack 'N', $self->expect('K');
	$self->expect('Z');
	return $self;
}

# The same without waiting for the end of the login.
sub begin_login
{
	my ($class, $node, %with) = @_;
	my $self = bless { node => $node, input => '', log_position => log_position($node) }, $class;
	$self->{socket} = $with{tcp} ? _tcp($node, $with{tcp}, $with{from}) : _unix($node);
	my %startup = (user => $with{user}, database => $with{database} || 'postgres');
	my $app = defined $with{app} ? $with{app} : 'raw';
	$startup{application_name} = $app if length $app;
	$startup{$_} = $with{$_} for grep { $with{$_} } qw(options replication);
	my $options = join '', map { "$_\0$startup{$_}\0" } sort keys %startup;
	$self->write_bytes(pack('NN', length($options) + 9, 3 << 16) . "$options\0");
	return $self;
}

sub _unix
{
	my ($node) = @_;
	my $path = $node->host . '/.s.PGSQL.' . $node->port;
	return IO::Socket::UNIX->new(Peer => $path) || die "cannot connect to $path: $!";
}

sub _tcp
{
	my ($node, $address, $from) = @_;
	my @local = $from ? (LocalHost => $from) : ();
	return IO::Socket::IP->new(@local, PeerHost => $address eq '1' ? '127.0.0.1' : $address, PeerPort => $node->port, Proto => 'tcp')
	  || die "cannot connect: $@";
}

sub pid { return $_[0]->{pid} }

# What is no whole message, too.
sub write_bytes
{
	my ($self, $bytes) = @_;
	while (length $bytes)
	{
		my $written = syswrite $self->{socket}, $bytes;
		die "cannot write: $!" if !defined $written;
		substr $bytes, 0, $written, '';
	}
	return $self;
}

# Messages are pairs of a type and its content.
sub send
{
	my ($self, @messages) = @_;
	my $bytes = '';
	while (my ($type, $content) = splice @messages, 0, 2)
	{
		$bytes .= $type . pack('N', length($content) + 4) . $content;
	}
	return $self->write_bytes($bytes);
}

sub query { my ($self, $sql) = @_; return $self->send(Q => "$sql\0") }

# The extended protocol's messages for one statement, without the Sync at the end; the server flushes its answers.
sub extended
{
	my ($self, $sql) = @_;
	return $self->send(P => "\0$sql\0\0\0", B => "\0\0" . "\0" x 6, E => "\0" . pack('N', 0), H => '');
}

# The next message: its type and content; nothing when the server has hung up.
sub read_message
{
	my ($self) = @_;
	my $deadline = time + $SessionctlTest::patience;
	my $select = IO::Select->new($self->{socket});
	for (;;)
	{
		if (length $self->{input} >= 5)
		{
			my ($type, $length) = unpack 'aN', $self->{input};
			if (length $self->{input} > $length)
			{
				my $message = substr $self->{input}, 0, $length + 1, '';
				return ($type, substr $message, 5);
			}
		}
		die 'no word from the server' if time > $deadline || !$select->can_read($SessionctlTest::patience);
		my $got = sysread $self->{socket}, $self->{input}, 65536, length $self->{input};
		return if !$got;
	}
}

# Reads on until there is a message of that type; its content. Errors end it, and so does the end of the session.
sub expect
{
	my ($self, $wanted) = @_;
	while (my ($type, $content) = $self->read_message)
	{
		return $content if $type eq $wanted;
		die 'the server complains: ' . join ' ', map { substr $_, 1 } grep { /^[SCMDH]/ } split /\0/, $content if $type eq 'E';
	}
	die "the server has hung up before $wanted";
}

# The SQLSTATE that the server sent before it hung up, undef without any.
sub ended_with
{
	my ($self) = @_;
	my $code;
	while (my ($type, $content) = $self->read_message)
	{
		($code) = $content =~ /(?:^|\0)C([0-9A-Z]{5})\0/ if $type eq 'E';
	}
	return $code;
}

# The same before it hangs up.
sub ended_with_a_word
{
	my ($self) = @_;
	while (my ($type, $content) = $self->read_message)
	{
		return $1 if $type eq 'E' && $content =~ /(?:^|\0)C([0-9A-Z]{5})\0/;
	}
	return;
}

sub quit
{
	my ($self) = @_;
	close $self->{socket};
	return wait_for("session $self->{pid} to end", sub { !is_running($self->{pid}) });
}

1;
