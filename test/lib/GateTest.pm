# What the tests of the gate share: who knocks, and what is heard.
package GateTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use RawSession;
use SessionctlTest;

our @EXPORT = qw(create_roles answer_of knock walsender_of $is_walsender start_knocking heard waiting_logins gate_file gate_lines);

sub create_roles
{
	my ($admin) = @_;
	return $admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE streamer LOGIN REPLICATION;
		CREATE ROLE ops; CREATE ROLE "Duty ""x""" LOGIN; GRANT ops TO "Duty ""x"""; CREATE ROLE operator LOGIN});
}

# What a call returns, or complains of, with its SQLSTATE.
sub answer_of
{
	my ($session, $call) = @_;
	return join "\n", grep { !/^LOCATION: / } split /\n/, $session->run_verbose("SELECT $call");
}

# One login of this role: 'in', or the server's complaint: severity, SQLSTATE, message, detail, hint.
sub knock
{
	my ($node, $user) = @_;
	my $session = eval { RawSession->new($node, user => $user) };
	return $@ =~ /^the server complains: (.*) at \S+ line \d+/s ? $1 : "no word: $@" if !$session;
	$session->quit;
	return 'in';
}

# What a walsender of this role answers: its system identifier, or the complaint.
sub walsender_of
{
	my ($node, $user) = @_;
	return qx(psql -XAtq -d "@{[$node->connstr('postgres')]} user=$user replication=1" -c IDENTIFY_SYSTEM 2>&1);
}
our $is_walsender = qr/^\d{15,}\|/;

# The same as knock() beside the test. (More words for the connection, and for psql.)
sub start_knocking
{
	my ($node, $user, $words) = @_;
	my $self = { out => '' };
	$self->{psql} = IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres') . " user=$user " . ($words || ''), '-c', 'SELECT 42'],
		'<', \undef, '>&', \$self->{out}, IPC::Run::timeout($SessionctlTest::patience));
	return $self;
}

# What it heard in the end: 42 where it got in.
sub heard
{
	my ($self) = @_;
	$self->{psql}->finish;
	chomp(my $out = $self->{out});
	return $out;
}

# The pids of this role's logins that are neither in nor out.
sub waiting_logins
{
	my ($node, $user, $stage) = @_;
	$stage ||= 'authentication';
	my $postmaster = postmaster_pid($node);
	return map { /^\s*(\d+) .*\b\Q$user\E postgres \[local\] $stage/ ? $1 : () } qx(ps -o pid=,args= --ppid $postmaster);
}

sub gate_file { return $_[0]->data_dir . '/pg_sessionctl.gate' }

# What the log says about the gate.
sub gate_lines
{
	my ($node, $position) = @_;
	return map { s/.*LOG:  pg_sessionctl: //r } log_lines($node, $position, qr/LOG:  pg_sessionctl: action=(un)?lock/);
}

1;
