# The examples of README.md about keeping sessions out, played from README.md itself: what it shows is what comes back.
#
# A chapter is played from its heading on, with the sessions that %chapter gives it. Its blocks without a language are
# what a terminal shows: `postgres=#` is the DBA, `shop=>` a user whose session was ended, `shop=*>` one in a transaction,
# `$` a shell. `$ … &` goes on
# beside the rest, and `$ wait` shows what it said.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run;
use RawSession;
use SessionctlTest;
use Test::More;
use Time::HiRes qw(usleep);

my $readme = "$FindBin::Bin/../../README.md";
plan skip_all => 'README.md does not lie beside these tests' if !-e $readme;

# Who is connected to the shop when the chapter begins.
my %chapter = (
	'A session that will not die' => [],
	'Who blocks whom' => [qw(regina app app)],
	'Prepared transactions' => ['app'],
	'Restore a database that is in use' => [ ('app') x 5 ],
	'With PgBouncer: clients wait instead of failing' => [ ('app') x 2 ],
	'Restrict a user to one session' => [ ('batch') x 3 ],
	'Not even one' => ['batch'],
	'NOLOGIN means now' => ['leaver'],
	'Calm a pool that runs wild' => [ ('crawler') x 3 ],
	'Lock the server down in an emergency' => [ ('app') x 3, 'batch' ],
	'Logical replication' => ['app'],
	'Hold instead of refuse' => ['app'],
	'The way out without a login' => [ ('app') x 3, 'boss' ],
	'Finish your transaction, then go' => [ ('app') x 3 ],
	'Stop the server' => [ ('app') x 3 ],
);

# --- what README.md shows

# The chapters in their order: [ heading, [ line, prompt, input, output ] ... ]
sub chapters
{
	my ($text) = @_;
	my (@chapters, $chapter, $language, $example);
	my $number = 0;
	for my $line (split /\n/, $text)
	{
		$number++;
		if (!defined $language && $line =~ /^##+ (.*)/)
		{
			push @chapters, $chapter = [$1];
		}
		elsif ($line =~ /^```(.*)/)
		{
			$language = defined $language ? undef : $1;
			$example = undef;
		}
		elsif ($chapter && defined $language && $language eq '')
		{
			if ($line =~ /^(\w+=\*?[#>]|\$) (.*)/)
			{
				push @$chapter, $example = [ $number, $1, $2, '' ];
			}
			elsif ($example && is_whole($example))
			{
				$example->[3] .= "$line\n";
			}
			elsif ($example)
			{
				$example->[2] .= "\n$line";
			}
		}
	}
	return @chapters;
}

sub is_whole { my ($example) = @_; return $example->[1] eq '$' || $example->[2] =~ /\A\\|;\z|\\gexec\z/ }

# What differs from run to run, from machine to machine and between psql's versions: points in time and seconds left, where the socket
# is, blanks at the end, and the width of columns that depends on those.
sub comparable
{
	my ($text) = @_;
	$text =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[-+]\d\d(:\d\d)?/<time>/g;
	$text =~ s/\bsince=\d+/since=<time>/g;
	$text =~ s/\banother \d+ s\b/another <time>/g;
	$text =~ s/\bkernel: .*/kernel: <state>/g;
	$text =~ s{(/proc/|-p )\d+}{$1<pid>}g;
	# Before 14 a waiting session does not tell since when.
	$text =~ s/\bwaits for (.*?) in a statement that runs for (\d+(\.\d+)? (ms|s|min|h))\b/waits $2 for $1/g;
	$text =~ s/\b(waits|for|prepared) \d+(\.\d+)? (ms|s|min|h)\b/$1 <time>/g;
	$text =~ s/\d+\.\d s\b/<length>/g;
	$text =~ s/\b(session|transaction) \d+/$1 <number>/g;
	$text =~ s/\bpid \d+/pid <number>/g;
	$text =~ s/^psql: .*?(?=FATAL: )/psql: /mg;
	$text =~ s/-{2,}/-/g;
	$text =~ s/ +/ /g;
	$text =~ s/\s+$//mg;
	return $text;
}

# --- the server and those who are connected

my $node = new_reaper_server('readme', conf => "listen_addresses = '127.0.0.1'\nmax_prepared_transactions = 2\nwal_level = logical\nmax_wal_senders = 4\nmax_replication_slots = 4\n");
my $workplace = $node->data_dir . '/../desk';
my %dba;    # by database
my (@sessions, @background);
my $in_transaction = 0;
my ($bouncer, $bouncer_port);

sub session { return SessionctlTest::Session->new($node, database => 'shop', user => $_[0], app => 'psql') }

# As a user has it, whatever he is shown.
sub as_shown { my ($session) = @_; $session->run("\\unset QUIET\n\\pset format aligned\n\\pset tuples_only off\n"); return $session }

sub dba
{
	my ($database) = @_;
	return $dba{$database} ||= as_shown(SessionctlTest::Session->new($node, database => $database));
}

sub all_leave
{
	$_->quit for splice(@sessions), values %dba;
	%dba = ();    # a format that he chose goes with him
	$in_transaction = 0;
	if ($bouncer)
	{
		$bouncer->signal('KILL');    # newer ones wait for their clients at SIGTERM
		$bouncer->finish;
	}
	undef $bouncer;
	wake_forecasts();
	return;
}

# As `script/demo --shop` makes it.
my $examples = "$FindBin::Bin/../../script/demo-sessions/examples.sql";
IPC::Run::run([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $examples ]) or die 'no shop';
my $pipe = $node->data_dir . '/forecast';
system('mkfifo', $pipe) == 0 or die "cannot make $pipe";

# The README's words name its own server, and the superuser who began it is not always postgres.
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'postgres';
local $ENV{PGDATA} = $node->data_dir;
delete local $ENV{PGAPPNAME};    # as the test library calls its clients
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
mkdir $workplace or die "cannot make $workplace: $!";
IPC::Run::run([ 'pg_dump', '-Fc', '-d', 'shop', '-f', "$workplace/shop.dump" ]) or die 'no dump';

# --- PgBouncer

# It begins to connect for the first client of all even while it is paused, gives that up, and tries again after
# server_login_retry, 15 s by default.
sub start_bouncer
{
	my ($program) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
	return 'PgBouncer (the package pgbouncer) is not installed' if !$program;
	return 'dblink (the package postgresql-contrib) is not installed'
	  if !$node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'});
	$bouncer_port = $node->port == 65535 ? 1024 : $node->port + 1;    # in a directory of sockets that is ours alone
	write_file("$workplace/users", qq{"app" ""\n"keeper" "open-sesame"\n});
	write_file("$workplace/pgbouncer.ini", <<"INI");
[databases]
shop = host=@{[ $node->host ]} port=@{[ $node->port ]}
[pgbouncer]
listen_addr =
listen_port = $bouncer_port
unix_socket_dir = @{[ $node->host ]}
auth_type = trust
auth_file = $workplace/users
admin_users = keeper
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
INI
	$bouncer = IPC::Run::start([ $program, "$workplace/pgbouncer.ini" ], '<', \undef, '>&', "$workplace/log");
	wait_for('PgBouncer', sub { -S $node->host . "/.s.PGSQL.$bouncer_port" });
	return;
}

# --- a session that hears nothing as long as its file is there

sub can_close_sockets
{
	# What the extension needs from the kernel to take another process's socket: pidfd_open and pidfd_getfd.
	my $pidfd = $^O eq 'linux' ? syscall(434, getppid, 0) : -1;
	return 'the operating system does not let a process take the socket of another' if $pidfd < 0 || syscall(438, $pidfd, 0, 0) < 0;
	return;
}

# Who opens the pipe to write lets those go on who wait for that.
sub wake_forecasts
{
	open my $writer, '+<', $pipe or die "cannot open $pipe: $!";
	return wait_for_forecasts(0);
}

sub wait_for_forecasts
{
	my ($running) = @_;
	return wait_for("$running forecasts", sub {
		$node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT forecast()'}) eq $running;
	});
}

sub write_file
{
	my ($path, $text) = @_;
	open my $file, '>', $path or die "cannot write $path: $!";
	print {$file} $text;
	return close $file;
}

END
{
	my $status = $?;
	eval { $bouncer->signal('KILL'); $bouncer->finish } if $bouncer;
	eval { $_->{run}->kill_kill } for @background;
	$? = $status;
}

# --- a subscriber

sub begin_subscription
{
	return 'logical replication has a plugin of its own from 10 on' if $node->safe_psql('postgres', 'SHOW server_version_num') < 100000;
	$node->safe_psql('postgres', 'CREATE ROLE subscriber LOGIN REPLICATION');
	my $subscriber = RawSession->new($node, user => 'subscriber', replication => 'database');
	$subscriber->query('CREATE_REPLICATION_SLOT warehouse LOGICAL pgoutput')->expect('Z');
	$subscriber->query(q{START_REPLICATION SLOT warehouse LOGICAL 0/0 (proto_version '1', publication_names 'all_of_it')})->expect('W');
	push @sessions, $subscriber;
	return;
}

# --- what has happened when a chapter begins

my %scene = (
	'Who blocks whom' => sub {
		my ($regina, @app) = @_;
		$regina->run($_) for 'BEGIN', 'DELETE FROM orders WHERE id = 7';
		wait_behind($_, 'SELECT id FROM orders WHERE id = 7 FOR UPDATE') for @app;
	},
	'Prepared transactions' => sub {
		my ($app) = @_;
		$node->safe_psql('shop', q{BEGIN; DELETE FROM orders WHERE id = 8; PREPARE TRANSACTION 'transfer 4711'});
		wait_behind($app, 'SELECT id FROM orders WHERE id = 8 FOR UPDATE');
	});

sub wait_behind
{
	my ($session, $sql) = @_;
	$session->send($sql);
	my $waits = 'SELECT waiting FROM sessionctl.session_activity WHERE pid = ' . $session->pid;
	return wait_for("a session to wait in: $sql", sub { $node->safe_psql('postgres', $waits) eq 't' });
}

# --- one example

sub in_shell
{
	my ($command) = @_;
	return join '', map { heard($_) } splice @background if $command eq 'wait';
	my ($host, $port) = ($node->host, $bouncer_port);
	$command =~ s/-h 127\.0\.0\.1 -p 6432/-h $host -p $port/ if $bouncer;
	$command =~ s/-U postgres\b/-U "$superuser"/;
	my $goes_on = $command =~ s/ &\z//;
	my $said = '';
	my $run = IPC::Run::start([ 'sh', '-c', "cd '$workplace' && $command" ], '<', \undef, '>&', \$said,
		IPC::Run::timeout($SessionctlTest::patience));
	my $started = { run => $run, said => \$said };
	return heard($started) if !$goes_on && $command !~ /^pg_restore/;
	return heard($started) . left('pg_restore') if !$goes_on;
	# It has to wait for what comes next.
	usleep(500_000);
	wait_for_forecasts(1) if $command =~ /forecast/;
	$run->pump_nb;
	return "did not wait: $said" if $said ne '';
	push @background, $started;
	return '';
}

# The server's side of a client ends a little later.
sub left
{
	my ($application) = @_;
	wait_for("the end of $application", sub {
		$node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$application'") eq '0';
	});
	return '';
}

sub heard { my ($started) = @_; $started->{run}->finish; return without_progress(${ $started->{said} }) }

# Who has which process ID in README.md: in the order in which a tree names them.
my %pid_of;

sub learn_pids
{
	my ($shown, $output) = @_;
	my @shown = $shown =~ /\bpid (\d+)/g;
	my @real = $output =~ /\bpid (\d+)/g;
	@pid_of{@shown} = @real if @shown == @real;
	return;
}

my @new_setting;

sub in_psql
{
	my ($session, $input) = @_;
	if ($bouncer)
	{
		my $host = $node->host;
		$input =~ s/host '127\.0\.0\.1', port '6432'/host '$host', port '$bouncer_port'/;
	}
	$input =~ s/;\z//;
	$input =~ s/\b(\d+)\b/exists $pid_of{$1} ? $pid_of{$1} : $1/ge;
	$input .= "\n" if $input =~ /\A\\|\\gexec\z/;
	my $output = $session->run($input);
	@new_setting = ($1, $2) if $input =~ /\AALTER SYSTEM SET (\S+) = (\w+)/;
	wait_for_setting($session, @new_setting) if $input =~ /pg_reload_conf/;
	wait_for_the_blocked() if $input =~ /terminate_blockers/;
	return $output;
}

# They go on a moment later: sooner than a reader looks again.
sub wait_for_the_blocked
{
	my $waits = 'SELECT count(*) FROM sessionctl.session_activity WHERE waiting';
	return wait_for('the blocked to go on', sub { $node->safe_psql('postgres', $waits) eq '0' });
}

# A reload reaches a session a moment later: sooner than a reader types his next command.
sub wait_for_setting
{
	my ($session, $name, $value) = @_;
	return wait_for($name, sub { $session->run("SHOW $name") =~ /^ \Q$value\E$/m });
}

# Without what psql adds when its connection is lost.
sub as_user
{
	my ($input) = @_;
	my $session = $sessions[-1];
	wait_for('the session to be ended', sub { !is_running($session->pid) });
	return $session->{last_words} . in_psql($session, $input) =~ s/^server closed the connection.*//msr;
}

sub in_transaction
{
	my ($input) = @_;
	my $session = $sessions[-1];
	$session->run('BEGIN') if !$in_transaction++;
	return $session->without_last_words(in_psql($session, $input));
}

sub output_of
{
	my ($prompt, $input) = @_;
	return in_shell($input) if $prompt eq '$';
	return in_transaction($input) if $prompt =~ /\*>/;
	return as_user($input) if $prompt =~ />/;
	return in_psql(dba($prompt =~ /(\w+)/), $input);
}

# --- all of them

my %played;
for my $part (chapters(read_file($readme)))
{
	my ($heading, @examples) = @$part;
	my $users = $chapter{$heading} or next;
	$played{$heading} = 1;
	subtest $heading => sub {
		my $missing = $heading =~ /PgBouncer/ ? start_bouncer() : $heading =~ /will not die/ ? can_close_sockets() : $heading =~ /Logical/ ? begin_subscription() : undef;
		plan skip_all => $missing if $missing;
		plan tests => scalar @examples;
		push @sessions, as_shown(session($_)) for @$users;
		$scene{$heading}->(@sessions) if $scene{$heading};
		for my $example (@examples)
		{
			my ($line, $prompt, $input, $shown) = @$example;
			my $output = output_of($prompt, $input) =~ s/\b\Q$superuser\E\b/postgres/gr;
			is(comparable($output), comparable($shown), "README.md, line $line: $input") or diag($output);
			learn_pids($shown, $output);
			%dba = () if $input =~ /^pg_ctl/;    # which ends his session, too
		}
		all_leave();
		$node->safe_psql('postgres', q{SELECT pg_drop_replication_slot('warehouse')}) if $heading =~ /Logical/;
	};
}
is(join(', ', grep { !$played{$_} } sort keys %chapter), '', 'README.md has all of these chapters');

done_testing();
