# What the tests of the gate share: logins, and what comes of them.
package GateTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use RawSession;
use SessionctlTest;

our @EXPORT = qw(create_roles $longest answer_of log_in prompt_for_password password_prompt answer_prompt walsender_of $is_walsender start_login login_output has_heard waiting_logins gate_file gate_lines);

# As long as a name can be, with all that must be quoted somewhere.
our $longest = q{O'B "Ö" } . 'ß' x 27;

sub create_roles
{
	my ($admin) = @_;
	return $admin->run(qq{CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE ROLE streamer LOGIN REPLICATION;
		CREATE ROLE ops; CREATE ROLE "Duty ""x""" LOGIN; GRANT ops TO "Duty ""x"""; CREATE ROLE operator LOGIN;
		CREATE ROLE "@{[ $longest =~ s/"/""/gr ]}" LOGIN});
}

# What a call returns, or complains of, with its SQLSTATE.
sub answer_of
{
	my ($session, $call) = @_;
	return join "\n", grep { !/^LOCATION: / } split /\n/, $session->run_verbose("SELECT $call");
}

# One login of this role: 'in', or the error: severity, SQLSTATE, message, detail, hint. (More options: those
# of a RawSession.)
sub log_in
{
	my ($node, $user, %with) = @_;
	my $session = eval { RawSession->new($node, user => $user, %with) };
	return $@ =~ /^the server complains: (.*) at \S+ line \d+/s ? $1 : "no word: $@" if !$session;
	$session->quit;
	return 'in';
}

# Makes a role whose logins are asked for a password.
sub prompt_for_password
{
	my ($node, $role) = @_;
	$node->safe_psql('postgres', "CREATE ROLE $role LOGIN PASSWORD 'secret'");
	my $path = $node->data_dir . '/pg_hba.conf';
	my $rules = read_file($path);
	open my $file, '>', $path or die "cannot open $path: $!";
	print {$file} "local all $role password\n$rules";
	close $file;
	$node->reload;
	wait_for('the reload', sub { refusal($node, $role) =~ /no password supplied/ });
	return wait_for('the last one to go', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE usename = '$role'") eq '0' });
}

# A login that is asked for its password.
sub password_prompt
{
	my ($node, %with) = @_;
	my $login = RawSession->begin_login($node, %with);
	my $request = unpack 'N', $login->expect('R');
	die "no prompt, but $request" if $request != 3;
	return $login;
}

# What it hears when it has told it.
sub answer_prompt
{
	my ($login) = @_;
	$login->send(p => "secret\0");
	return eval { $login->expect('Z'); 1 } ? 'in' : $@;
}

# What a walsender of this role answers: its system identifier, or the complaint.
sub walsender_of
{
	my ($node, $user) = @_;
	return qx(psql -XAtq -d "@{[$node->connstr('postgres')]} user=$user replication=1" -c IDENTIFY_SYSTEM 2>&1);
}
our $is_walsender = qr/^\d{15,}\|/;

# The same as log_in() beside the test, with connection (more words of it) and query.
sub start_login
{
	my ($node, $user, %more) = @_;
	my $self = { out => '' };
	$self->{psql} = IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres') . " user=$user " . ($more{connection} || ''), '-c', $more{query} || 'SELECT 42'],
		'<', \undef, '>&', \$self->{out}, IPC::Run::timeout($SessionctlTest::patience));
	return $self;
}

# It does not wait any more.
sub has_heard
{
	my ($self) = @_;
	$self->{psql}->pump_nb if $self->{psql}->pumpable;
	return !$self->{psql}->pumpable;
}

# What it login_output in the end: 42 where it got in.
sub login_output
{
	my ($self) = @_;
	$self->{psql}->finish;
	chomp(my $out = $self->{out});
	return $out;
}

# The pids of this role's logins that are neither in nor out. One that is told so may have looked at nothing yet.
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
	return map { s/^pg_sessionctl: //r } grep { / action=(un)?lock/ } audit_lines($node, $position);
}

1;
