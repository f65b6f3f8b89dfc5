# Clients that commit as fast as they can until their session is ended, and remember what was acknowledged.
package Traffic;

use strict;
use warnings;

use POSIX ();
use RawSession;

# What a client sends for its row, and how many answers (ReadyForQuery) come back for it; the last one acknowledges it.
my %ways = (
	autocommit => sub { my ($row) = @_; return (1, Q => "INSERT INTO done VALUES ($row)\0") },
	transaction => sub {
		my ($row) = @_;
		return (3, Q => "BEGIN\0", Q => "INSERT INTO done VALUES ($row)\0", Q => "COMMIT\0");
	},
	extended => sub {
		my ($row) = @_;
		return (1, P => "\0INSERT INTO done VALUES ($row)\0\0\0", B => "\0\0" . "\0" x 6, E => "\0" . pack('N', 0), S => '');
	});

# All that one may ask for.
sub ways { return qw(autocommit transaction extended pipeline) }

# A client in a process of its own. A pipeline sends many statements before it reads the answer to the first.
sub new
{
	my ($class, $node, $way, $number, %with) = @_;
	my $self = bless { number => $number, way => $way }, $class;
	pipe my $from, my $to or die "no pipe: $!";
	$self->{process} = fork;
	die "no process: $!" if !defined $self->{process};
	if (!$self->{process})
	{
		my $end = eval { _run(RawSession->new($node, user => 'app', %with), $way, $number, $to); 1 } ? 0 : 1;
		print {$to} "died: $@\n" if $end;
		close $to;
		POSIX::_exit($end);
	}
	close $to;
	$self->{from} = $from;
	return $self;
}

sub _run
{
	my ($session, $way, $number, $to) = @_;
	my $build = $ways{ $way eq 'pipeline' ? 'extended' : $way };
	my ($ahead, $sent, $acknowledged, $row) = ($way eq 'pipeline' ? 20 : 1, 0, 0, 0);
	my ($answers, $sqlstate, $detail, %open);
	# Bytes for a session that has ended are lost: what it said before can still be read.
	local $SIG{PIPE} = 'IGNORE';
	for (;;)
	{
		while ($row < $acknowledged + $ahead)
		{
			($answers, my @messages) = $build->("$number, " . ++$row);
			my @one = $way eq 'transaction' ? splice(@messages, 0, 2) : splice(@messages);
			eval { $session->send(@one) };
			$open{messages} = \@messages;
		}
		my $left = $answers;
		while ($left > 0)
		{
			my ($type, $content) = eval { $session->read_message };
			if (!defined $type)
			{
				my $where = $left == $answers ? 'between' : 'inside';
				print {$to} join(' ', $acknowledged, $sqlstate || 'nothing', $where, $detail || '') . "\n";
				return;
			}
			(($sqlstate) = $content =~ /(?:^|\0)C([0-9A-Z]{5})\0/), ($detail) = $content =~ /\0D([^\0]*)/ if $type eq 'E';
			next if $type ne 'Z';
			$left--;
			eval { $session->send(splice @{ $open{messages} }, 0, 2) } if @{ $open{messages} };
		}
		$acknowledged++;
	}
	return;
}

# How many rows were acknowledged, with which SQLSTATE (or nothing) the session was ended, whether 'between' transactions or
# 'inside' of one, and the DETAIL of its end.
sub result
{
	my ($self) = @_;
	my $handle = $self->{from};
	my $line = <$handle>;
	waitpid $self->{process}, 0;
	delete $self->{process};
	die "client $self->{number} ($self->{way}): " . (defined $line ? $line : 'no word') if !defined $line || $line !~ /^\d+ \w+ \w+ .*$/;
	chomp $line;
	return split / /, $line, 4;
}

sub DESTROY
{
	my ($self) = @_;
	kill 'KILL', $self->{process} if $self->{process};
	return;
}

1;
