# What all TAP tests of pg_sessionctl share: servers with the extension, client sessions that live beside each other,
# the server log, and patience.
package SessionctlTest;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use Fcntl qw(LOCK_EX);
use File::Basename qw(dirname);
use IO::Socket::UNIX;
use IPC::Run;
use POSIX qw(SIGINT SIGTERM);
use Processes;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(new_node init_node new_server new_reaper_server reconfigure reaped wait_event ask_for_standby new_standby set_streaming keep_autovacuum_busy kill_server wait_until_gone refusal listens delayed_logins is_delayed read_file write_file log_position
  log_since log_lines audit_lines hint_to_include without_progress wait_for wait_for_log is_running stop_process continue_process wait_for_sigterm wait_for_sigint postmaster_pid
  children_of);

$SIG{PIPE} = 'IGNORE';    # psql may be gone with its session

our $patience = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 180;    # seconds

# PostgreSQL 15 has PostgreSQL::Test::Cluster (and late minor releases of 10 to 14); before it was PostgresNode.
my $has_cluster = eval { require PostgreSQL::Test::Cluster; require PostgreSQL::Test::Utils; 1 };
eval { require PostgresNode; require TestLib; 1 } or die "no PostgreSQL test library in \@INC: $@"
  unless $has_cluster;

# The superuser's name, whoever runs the tests; these libraries have cleared the environment.
$ENV{PGUSER} = 'postgres';

# A development head's libpq tries one that does not exist, to which PgBouncer says no.
$ENV{PGMAXPROTOCOLVERSION} = '3.0';

sub new_node
{
	my ($name) = @_;
	return PostgreSQL::Test::Cluster->new($name) if $has_cluster;
	# Where both exist, `new` wants to be told a host and a port.
	my $get_new_node = PostgresNode->can('get_new_node');
	return $get_new_node ? $get_new_node->($name) : PostgresNode->new($name);
}

# The libraries' init, but initdb, the most expensive of what a short test does, runs once for each list of its arguments:
# it makes a template that is copied. (The libraries do so from 17 on where nobody gives arguments.) Autovacuum workers would be
# among the processes after a minute: a test that wants them says so.
sub init_node
{
	my ($node, %with) = @_;
	my $run = PostgreSQL::Test::Utils->can('system_or_bail') || TestLib->can('system_or_bail');
	my $run_or_copy = sub { $_[0] eq 'initdb' && !-l $node->data_dir ? _copy_template($node, $run, @_) : $run->(@_) };
	no warnings qw(redefine once);
	local *PostgreSQL::Test::Utils::system_or_bail = $run_or_copy;
	local *TestLib::system_or_bail = $run_or_copy;
	$node->init(%with, extra => [ '--username=postgres', @{ $with{extra} || [] } ]);
	return $node->append_conf('postgresql.conf', "autovacuum_naptime = 1d\n");
}

# Files that run side by side wait for the one that makes it.
sub _copy_template
{
	my ($node, $run, @initdb) = @_;
	my $arguments = join ' ', qx(initdb --version), grep { $_ ne $node->data_dir } @initdb;
	my $template = dirname($node->basedir) . '/template_' . md5_hex($arguments);
	open my $lock, '>', "$template.lock" or die "cannot open $template.lock: $!";
	flock $lock, LOCK_EX or die "cannot lock $template.lock: $!";
	if (!-e $template)
	{
		$run->(map { $_ eq $node->data_dir ? "$template.new" : $_ } @initdb);
		rename "$template.new", $template or die "cannot rename $template.new: $!";
	}
	close $lock;
	return $run->('cp', '-RPp', $template, $node->data_dir);
}

# A running server with the extension in database postgres, its data in directory `data` if that is given. Only what the tests
# look for goes to its log.
sub new_server
{
	my ($name, %with) = @_;
	my $node = new_node($name);
	symlink $with{data}, $node->data_dir or die "cannot link to $with{data}: $!" if $with{data};
	init_node($node, %{ $with{init} || {} }, extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', "log_statement = none\nlog_line_prefix = '%m %c [%p] '\n");
	$node->append_conf('postgresql.conf', $with{conf}) if $with{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_sessionctl');
	return $node;
}

# The same with the library preloaded.
sub new_reaper_server
{
	my ($name, %with) = @_;
	my $conf = "shared_preload_libraries = 'pg_sessionctl'\nmax_connections = 40\n" . ($with{conf} || '');
	return new_server($name, %with, conf => $conf);
}

# Gives these parameters these values (undef: the default) and returns when the reaper obeys. It shows the limits that it
# found: among them one that ends nobody and has a new value each time.
my $configuration = 0;

sub reconfigure
{
	my ($node, %settings) = @_;
	$settings{'pg_sessionctl.idle_in_transaction_horizon_idle'} ||= '1 d';
	my $mark = 2_000_000_000 + ++$configuration;
	$settings{'pg_sessionctl.idle_in_transaction_horizon_age'} = $mark;
	my $admin = SessionctlTest::Session->new($node);
	for my $name (sort keys %settings)
	{
		(my $value = defined $settings{$name} ? $settings{$name} : '') =~ s/'/''/g;
		$admin->run("ALTER SYSTEM SET $name TO " . (defined $settings{$name} ? "'$value'" : 'DEFAULT'));
	}
	$admin->run('SELECT pg_reload_conf()');
	wait_for('the reaper to obey', sub {
		$admin->run('SELECT limits FROM sessionctl.reaper_status') =~ /horizon_age = $mark\b/;
	});
	return $admin->quit;
}

# Waits for the reaper to end this session; the rule by which it did. Its line in the log is written when all sessions
# have been looked at that were due with it.
sub reaped
{
	my ($session) = @_;
	my ($node, $pid, $rule) = ($session->{node}, $session->pid);
	wait_for("the reaper to end $pid", sub {
		($rule) = map { / pid=$pid .* rule="([^"]+)"/ ? $1 : () }
		  grep { /action=(terminate|drain) result="terminated"/ } audit_lines($node, $session->{log_position});
	});
	return $rule;
}

# What the session waits in, by type and name, as this other one is told: 'IPC:SyncRep'; '' if in nothing. From 9.6 on.
sub wait_event
{
	my ($admin, $session) = @_;
	return $admin->run(q{SELECT wait_event_type || ':' || wait_event FROM pg_stat_activity WHERE pid = } . $session->pid);
}

# From now on commits wait for a standby that there is not. The server asks for one a moment after it has read so: a commit
# that waits shows it. From 9.6 on.
sub ask_for_standby
{
	my ($node) = @_;
	reconfigure($node, synchronous_standby_names => 'nobody');
	my $admin = SessionctlTest::Session->new($node);
	my ($probe, $waits);
	wait_for('the server to ask for a standby', sub {
		$probe = SessionctlTest::Session->new($node);
		$probe->send(q{SELECT pg_logical_emit_message(true, 'probe', '')});
		wait_for('it to wait, or to end', sub {
			$waits = wait_event($admin, $probe) eq 'IPC:SyncRep';
			return $waits || $probe->has_answered;
		});
		$admin->run('SELECT pg_terminate_backend(' . $probe->pid . ')');
		$probe->quit;
		return $waits;
	});
	return $admin->quit;
}

# How the standby connects to its primary, from its next start on. (Before 12 that is in a file of its own.)
sub set_streaming
{
	my ($standby, $name, $value) = @_;
	my $file = -e $standby->data_dir . '/recovery.conf' ? 'recovery.conf' : 'postgresql.conf';
	$value =~ s/'/''/g;
	return $standby->append_conf($file, "$name = '$value'\n");
}

# A running standby of this server, with more settings, and words by which it connects, if they are given.
sub new_standby
{
	my ($primary, %with) = @_;
	$primary->backup('base');
	my $standby = new_node('standby');
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', $with{conf}) if $with{conf};
	set_streaming($standby, primary_conninfo => $with{conninfo}) if $with{conninfo};
	$standby->start;
	return $standby;
}

# A table whose vacuum by an autovacuum worker takes its time with each page.
sub keep_autovacuum_busy
{
	my ($admin) = @_;
	return $admin->run(q{
		CREATE TABLE dirty (a int, b text) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
			autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_analyze_threshold = 1000000);
		INSERT INTO dirty SELECT i, repeat('x', 500) FROM generate_series(1, 20000) AS i;
		UPDATE dirty SET a = a + 1});
}

# What a login is told; nothing where it is let in, and then it is gone again, so that nobody counts it.
sub refusal
{
	my ($node, $user, $database) = @_;
	my $conninfo = $node->connstr($database || 'postgres') . " user='$user'";
	my $said = '';
	my @psql = ('psql', '-XAtqw', '-d', $conninfo, '-c', 'SELECT pg_backend_pid()');
	return $said if !IPC::Run::run(\@psql, '<', \undef, '>&', \$said);
	my ($pid) = $said =~ /^(\d+)$/m or die "no pid: $said";
	wait_for("session $pid to end", sub { !is_running($pid) });
	return '';
}

# The pids of the logins that post_auth_delay holds up.
sub delayed_logins
{
	my ($admin) = @_;
	my $logins = q{SELECT pid FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND mode = 'RowExclusiveLock'};
	return grep { is_delayed($_) } split /\n/, $admin->run($logins);
}

# Somebody answers at this socket: its file alone may be an earlier server's.
sub listens { return defined IO::Socket::UNIX->new(Peer => $_[0]) }

# It sleeps already: one that is told to end just before it does sleeps on, and ends afterwards.
sub is_delayed
{
	my ($pid) = @_;
	return 1 if !-d '/proc/self';
	my $state = eval { read_file("/proc/$pid/stat") } || '';
	my $function = eval { read_file("/proc/$pid/wchan") } || '0';    # some kernels do not tell
	return $state =~ /\) S / && $function =~ /nanosleep|select|poll_schedule|^0/ ? 1 : 0;
}

sub read_file
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "cannot open $path: $!";
	local $/;
	my $text = <$file>;
	return defined $text ? $text : '';
}

sub write_file
{
	my ($path, $text) = @_;
	open my $file, '>:raw', $path or die "cannot open $path: $!";
	print {$file} $text;
	return close $file;
}

# Without a warning, as a machine that loses power. (Its children end by themselves, soon.)
sub kill_server
{
	my ($node) = @_;
	my $postmaster = postmaster_pid($node);
	my @processes = ($postmaster, children_of($postmaster));
	kill 'KILL', $postmaster or die "cannot kill $postmaster: $!";
	$node->{_pid} = undef;
	return @processes;
}

# The server can start again when these processes of it are gone, which kill_server returned.
sub wait_until_gone
{
	my ($node, @processes) = @_;
	wait_for('everybody to be gone', sub { !grep { is_running($_) } @processes });
	# Where process 1 reaps none, or late (in containers), a postmaster that is no more than a zombie counts as one that runs.
	unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock' if kill 0, $processes[0];
	return;
}

# Runs the check again and again until it is true; the test fails when patience ends.
sub wait_for
{
	my ($what, $check) = @_;
	my $deadline = time + $patience;
	my $interval = 10_000;    # it grows: who waits long leaves the processor to who is waited for
	until ($check->())
	{
		die "waited in vain for $what" if time > $deadline;
		usleep($interval);
		$interval *= 1.2 if $interval < 100_000;
	}
	return 1;
}

sub log_position
{
	my ($node) = @_;
	return -s $node->logfile || 0;
}

sub log_since
{
	my ($node, $position) = @_;
	open my $file, '<:raw', $node->logfile or die $!;
	seek $file, $position, 0;
	local $/;
	my $text = <$file>;
	return defined $text ? $text : '';
}

sub log_lines
{
	my ($node, $position, $pattern) = @_;
	return grep { /$pattern/ } split /\n/, log_since($node, $position);
}

# The audit lines without what log_line_prefix puts before them, and without their mark.
sub audit_lines
{
	my ($node, $position) = @_;
	return map { /LOG:  pg_sessionctl: mark=[0-9a-f]{32} (action=.*)/ ? "pg_sessionctl: $1" : () } log_lines($node, $position, qr/LOG:  pg_sessionctl: /);
}

sub wait_for_log
{
	my ($node, $position, $pattern) = @_;
	return wait_for("$pattern in the server log", sub { log_since($node, $position) =~ $pattern });
}

# The HINT that names the option for whom a guard rail has spared.
sub hint_to_include
{
	my ($option) = @_;
	my %whom = (superusers => 'superusers', replication => 'walsenders', background => 'background processes');
	return "HINT:  include_$option => true acts on $whom{$option}, too.\n";
}

# What psql has printed, without what a call tells that takes long.
sub without_progress
{
	my ($text) = @_;
	$text =~ s/^NOTICE:  (00000: )?(\d+ of \d+ session.*|\w+ still waits) after \d+ s\n(DETAIL: .*\n)?(LOCATION: .*\n)?//mg;
	return $text;
}

# Processes

# A session whose process is stopped is one that will not go.
sub stop_process
{
	my ($pid) = @_;
	kill 'STOP', $pid or die "cannot stop $pid: $!";
	wait_for("$pid to stop", sub { qx(ps -o stat= -p $pid) =~ /^T/ });
}

sub continue_process { return kill 'CONT', $_[0] }

# A stopped process has got the signal with this number, and hears of it when it continues.
sub wait_for_pending
{
	my ($pid, $number) = @_;
	return if !-r '/proc/self/status';
	return wait_for("signal $number to be pending for $pid", sub {
		my ($last) = read_file("/proc/$pid/status") =~ /^ShdPnd:\t[0-9a-f]*([0-9a-f]{8})$/m;
		return defined $last && hex($last) & 1 << $number - 1;
	});
}

sub wait_for_sigterm { return wait_for_pending($_[0], SIGTERM) }
sub wait_for_sigint { return wait_for_pending($_[0], SIGINT) }

sub postmaster_pid
{
	my ($node) = @_;
	my ($pid) = read_file($node->data_dir . '/postmaster.pid') =~ /\A(\d+)/;
	return $pid;
}

sub children_of
{
	my ($pid) = @_;
	return grep { /\d/ } split /\s+/, qx(ps -o pid= --ppid $pid);
}

# One psql that stays connected: what it prints comes back as one text, errors and notices with the results, in order.
package SessionctlTest::Session;

use IO::Handle;
use IPC::Run;
use Processes;
use Test::More;

my @open;

# Options: user, database, app (application_name), host, replication, options (PGOPTIONS), and tells_progress: with
# what a call says that takes long, which depends on the machine.
sub new
{
	my ($class, $node, %with) = @_;
	my $self = bless { node => $node, tells_progress => $with{tells_progress} }, $class;
	$self->{log_position} = SessionctlTest::log_position($node);
	my $conninfo = $node->connstr($with{database} || 'postgres');
	$conninfo .= sprintf(" %s='%s'", $_->[0], _conninfo_value($with{ $_->[1] }))
	  for grep { defined $with{ $_->[1] } }
	  ([ user => 'user' ], [ application_name => 'app' ], [ host => 'host' ], [ options => 'options' ],
		[ replication => 'replication' ]);
	$self->_start_psql($conninfo);
	$self->{pid} = $self->run('SELECT pg_backend_pid()');
	die "no session: $self->{pid}" if $self->{pid} !~ /^\d+$/;    # kill 0 would hit ourselves
	push @open, $self;
	return $self;
}

# We keep the reading end of its input too: a psql that was refused has exited before we write, which must not be an
# error, since what it said is still to be read.
sub _start_psql
{
	my ($self, $conninfo) = @_;
	@$self{qw(out mark end_messages)} = ('', 0, '');
	pipe(my $input, $self->{to_psql}) or die "pipe: $!";
	open $self->{input}, '<&', $input or die "dup: $!";    # newer libraries close the one that they are given
	$self->{timeout} = IPC::Run::timeout($SessionctlTest::patience);
	$self->{psql} = IPC::Run::start([ 'psql', '-XAtq', '-d', $conninfo ], '<', $input, '>&', \$self->{out}, $self->{timeout});
	return;
}

sub _write
{
	my ($self, $text) = @_;
	$self->{to_psql}->autoflush(1);
	print { $self->{to_psql} } $text or die "cannot write to psql: $!";
	return;
}

sub _conninfo_value
{
	my ($value) = @_;
	$value =~ s/([\\'])/\\$1/g;
	return $value;
}

sub pid { return $_[0]->{pid} }

# Sends SQL and does not wait.
sub send
{
	my ($self, $sql) = @_;
	$self->{mark}++;
	$self->{timeout}->start;
	$self->_write("$sql;\n\\echo <done $self->{mark}>\n");
	return $self;
}

# What came back for the SQL sent last.
sub answer
{
	my ($self) = @_;
	my $mark = "<done $self->{mark}>\n";
	# psql exits when its connection is lost: perhaps just when it is asked for more.
	while (index($self->{out}, $mark) < 0 && $self->{psql}->pumpable)
	{
		next if eval { $self->{psql}->pump; 1 };
		die $@ if $@ !~ /ended prematurely/;
	}
	$self->{timeout}->reset;
	my $answer = $self->{out};
	$self->{out} = '';
	$answer =~ s/<done \d+>\n//g;
	$answer = SessionctlTest::without_progress($answer) if !$self->{tells_progress};
	$answer =~ s/\n\z//;
	return $answer;
}

# It has come back.
sub has_answered
{
	my ($self) = @_;
	eval { $self->{psql}->pump_nb };
	return index($self->{out}, "<done $self->{mark}>\n") >= 0 || !$self->{psql}->pumpable;
}

# Until something like this has come back for it, and more is to come.
sub wait_for_output
{
	my ($self, $pattern) = @_;
	return SessionctlTest::wait_for("$pattern from the server", sub {
		$self->{psql}->pump_nb;
		$self->{out} =~ $pattern;
	});
}

sub run { my ($self, $sql) = @_; return $self->send($sql)->answer }

# An answer without the messages with which the server ends a session: psql may read them with it, or when it asks
# for the next. They are kept.
sub without_end_messages
{
	my ($self, $answer) = @_;
	my $last = qr/^(FATAL:|DETAIL:|HINT:|server closed |\t|connection to server was lost)/;
	my ($words, $rest) = ('', '');
	$_ =~ $last ? ($words .= "$_\n") : ($rest .= "$_\n") for split /\n/, $answer;
	$self->{end_messages} .= $words;
	chomp $rest;
	return $rest;
}

# Those messages, of a session that has ended.
sub end_messages
{
	my ($self) = @_;
	$self->without_end_messages($self->run('SELECT 1'));
	return $self->{end_messages};
}

# The same with the SQLSTATE in the messages.
sub run_verbose
{
	my ($self, $sql) = @_;
	return $self->run("\\set VERBOSITY verbose\n$sql;\n\\set VERBOSITY default\n");
}

# Only errors and notices with their hints, without where the server found them.
sub complaint
{
	my ($self, $sql) = @_;
	return join "\n", grep { /^(ERROR|FATAL|WARNING|NOTICE|DETAIL|HINT): / } split /\n/, $self->run_verbose($sql);
}

# Is it still the session it was, and does it still answer?
sub lives
{
	my ($self) = @_;
	return $self->run('SELECT pg_backend_pid()') eq $self->{pid};
}

sub quit
{
	my ($self) = @_;
	$self->_finish_psql;
	@open = grep { $_ != $self } @open;
	# The server's side of it ends a little later.
	return SessionctlTest::wait_for("session $self->{pid} to end", sub { !SessionctlTest::is_running($self->{pid}) });
}

sub _finish_psql
{
	my ($self) = @_;
	$self->_write("\\q\n");
	return eval { $self->{psql}->finish; 1 } || eval { $self->{psql}->kill_kill };
}

END
{
	my $status = $?;
	eval { $_->{psql}->kill_kill } for @open;
	$? = $status;
}

1;
