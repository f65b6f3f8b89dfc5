# Plays the examples of one page of the documentation on a server of its own, and compares what it shows with what comes back.
package DocumentationPlayer;

use strict;
use warnings;

use Documentation;
use IPC::Run;
use RawSession;
use SessionctlTest;
use Test::More;
use Time::HiRes qw(usleep);

my @players;

# With the shop that `script/demo --shop` makes.
sub new
{
	my ($class, $page) = @_;
	my $node = new_reaper_server($page =~ s{.*/|\.md\z}{}gr, conf => <<'CONF');
listen_addresses = '127.0.0.1'
max_prepared_transactions = 2
wal_level = logical
max_wal_senders = 4
max_replication_slots = 4
CONF
	my $self = bless { page => $page, node => $node, sessions => [], dba => {}, background => [], setting => {}, known => {} }, $class;
	push @players, $self;
	my $examples = documentation_root() . '/script/demo-sessions/examples.sql';
	IPC::Run::run([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $examples ]) or die 'no shop';
	system('mkfifo', $self->pipe) == 0 or die 'no pipe';
	mkdir $self->workplace or die "cannot make a workplace: $!";
	IPC::Run::run([ 'pg_dump', '-Fc', '-d', $node->connstr('shop'), '-f', $self->workplace . '/shop.dump' ]) or die 'no dump';
	return $self;
}

sub node { return $_[0]{node} }
sub pipe { return $_[0]{node}->data_dir . '/forecast' }
sub workplace { return $_[0]{node}->data_dir . '/../desk' }
sub dba { my ($self, $database) = @_; return $self->{dba}{$database} ||= _as_shown(SessionctlTest::Session->new($self->{node}, database => $database, app => 'psql')) }

sub stop
{
	my ($self) = @_;
	@players = grep { $_ != $self } @players;
	return $self->{node}->stop('immediate');
}

# --- one section

# The scene sets up what has happened when the section begins; it returns why the section cannot be played here, if it cannot.
sub play
{
	my ($self, $section, $scene) = @_;
	subtest $section->{heading} => sub {
		$self->connect_user($_) for @{ $section->{sessions} || [] };
		my $missing = $scene ? $scene->($self, @{ $self->{sessions} }) : undef;
		if ($missing)
		{
			$self->clear;
			plan skip_all => $missing;
		}
		plan tests => scalar @{ $section->{examples} };
		$self->play_example($_) for @{ $section->{examples} };
		$self->clear;
	};
	return;
}

sub connect_user
{
	my ($self, $who) = @_;
	my ($user, $application) = split m{/}, $who;
	my $session = _as_shown(SessionctlTest::Session->new($self->{node}, database => 'shop', user => $user, app => $application || 'psql'));
	push @{ $self->{sessions} }, $session;
	return $session;
}

# Client that is no psql, and leaves with the others.
sub add_session { my ($self, $session) = @_; push @{ $self->{sessions} }, $session; return }

sub play_example
{
	my ($self, $example) = @_;
	my ($prompt, $input, $shown) = @$example{qw(prompt input output)};
	my $where = "$self->{page}, line $example->{line}: $input";
	# In the environment of the page's own server; psql calls itself psql there.
	local $ENV{PGHOST} = $self->{node}->host;
	local $ENV{PGPORT} = $self->{node}->port;
	local $ENV{PGDATABASE} = 'postgres';
	local $ENV{PGDATA} = $self->{node}->data_dir;
	delete local $ENV{PGAPPNAME};
	my $output = $self->output_of($prompt, $input);
	if ($prompt eq 'sql')
	{
		unlike($output, qr/^(ERROR|FATAL|PANIC):/m, $where) or diag($output);
	}
	else
	{
		is(comparable($output), comparable($shown), $where) or diag($output);
	}
	$self->learn($shown, $output);
	$self->{dba} = {} if $input =~ /^pg_ctl/;    # which ends his session, too
	return;
}

# What the page has set, limited or locked, and not undone: the reader has it on the next page.
sub leftovers
{
	my ($self) = @_;
	return $self->{node}->safe_psql('postgres', <<'SQL');
SELECT 'setting of ' || coalesce(rolname, '') || coalesce(' in ' || datname, '') || ': ' || setconfig::text
  FROM pg_db_role_setting LEFT JOIN pg_roles AS r ON r.oid = setrole LEFT JOIN pg_database AS d ON d.oid = setdatabase
UNION ALL
SELECT 'setting of the server: ' || name FROM pg_settings WHERE sourcefile LIKE '%postgresql.auto.conf'
UNION ALL
SELECT 'role ' || rolname FROM pg_roles WHERE rolconnlimit <> -1 OR (NOT rolcanlogin AND rolname !~ '^pg_')
UNION ALL
SELECT 'database ' || datname FROM pg_database WHERE datconnlimit <> -1 OR NOT (datallowconn OR datname = 'template0')
UNION ALL
SELECT 'no right to connect to shop' WHERE NOT has_database_privilege('app', 'shop', 'CONNECT')
UNION ALL
SELECT 'lockdown of ' || kind || coalesce(' ' || name, '') FROM sessionctl.session_lockdowns WHERE kind <> 'cooldown'
SQL
}

# Everybody leaves, and nothing holds anything any more.
sub clear
{
	my ($self) = @_;
	my $node = $self->{node};
	# In the middle of a statement, too.
	my $pids = join ',', map { $_->pid } @{ $self->{sessions} };
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY ('{$pids}')");
	$_->quit for splice(@{ $self->{sessions} }), values %{ $self->{dba} };
	$self->{dba} = {};    # a format that he chose goes with him
	$self->{in_transaction} = 0;
	$self->stop_bouncer;
	$self->wake_forecasts;
	my @prepared = split /\n/, $node->safe_psql('postgres', 'SELECT database || chr(9) || gid FROM pg_prepared_xacts');
	/(.*)\t(.*)/ and $node->safe_psql($1, "ROLLBACK PREPARED '$2'") for @prepared;
	$node->safe_psql('postgres', 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
	return;
}

# --- one example

sub output_of
{
	my ($self, $prompt, $input) = @_;
	return $self->in_psql($self->dba('shop'), $input) if $prompt eq 'sql';
	return $self->in_shell($input) if $prompt eq '$';
	return $self->in_transaction($input) if $prompt =~ /\*>/;
	return $self->as_user($input) if $prompt =~ />/;
	return $self->in_psql($self->dba($prompt =~ /(\w+)/), $input);
}

sub in_shell
{
	my ($self, $command) = @_;
	return join '', map { _heard($_) } splice @{ $self->{background} } if $command eq 'wait';
	my ($host, $port) = ($self->{node}->host, $self->{bouncer_port});
	$command =~ s/-h 127\.0\.0\.1 -p 6432/-h $host -p $port/ if $self->{bouncer};
	my $goes_on = $command =~ s/ &\z//;
	my $said = '';
	my $run = IPC::Run::start([ 'sh', '-c', "cd '@{[ $self->workplace ]}' && $command" ], '<', \undef, '>&', \$said,
		IPC::Run::timeout($SessionctlTest::patience));
	my $started = { run => $run, said => \$said };
	return _heard($started) if !$goes_on && $command !~ /^pg_restore/;
	return _heard($started) . $self->left('pg_restore') if !$goes_on;
	# It has to wait for what comes next.
	usleep(500_000);
	$self->wait_for_forecasts(1) if $command =~ /forecast/;
	$run->pump_nb;
	return "did not wait: $said" if $said ne '';
	push @{ $self->{background} }, $started;
	return '';
}

sub _heard { my ($started) = @_; $started->{run}->finish; return without_progress(${ $started->{said} }) }

# The server's side of a client ends a little later.
sub left
{
	my ($self, $application) = @_;
	wait_for("the end of $application", sub {
		$self->{node}->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$application'") eq '0';
	});
	return '';
}

sub in_psql
{
	my ($self, $session, $input) = @_;
	if ($self->{bouncer})
	{
		my ($host, $port) = ($self->{node}->host, $self->{bouncer_port});
		$input =~ s/host '127\.0\.0\.1', port '6432'/host '$host', port '$port'/;
	}
	$input =~ s/;\s*\z//;
	my $known = $self->{known};
	$input =~ s/\b([0-9a-f]{8}\.[0-9a-f]+|\d+)\b/exists $known->{$1} ? $known->{$1} : $1/ge;
	$input .= "\n" if $input =~ /\A\\|\\gexec\z/;
	my $output = $session->run($input);
	$self->{setting} = { name => $1, value => $2, is => 1 } if $input =~ /\AALTER SYSTEM SET (\S+) = '?([^';]+)/;
	$self->{setting}{is} = 0 if $input =~ /\AALTER SYSTEM RESET /;
	$self->wait_for_setting($session) if $input =~ /pg_reload_conf/ && $self->{setting}{name};
	$self->wait_for_the_blocked if $input =~ /terminate_blockers/ && $output =~ /^ *[1-9]/m;
	return $output;
}

# They go on a moment later: sooner than a reader looks again.
sub wait_for_the_blocked
{
	my ($self) = @_;
	my $waits = 'SELECT count(*) FROM sessionctl.session_activity WHERE waiting';
	return wait_for('the blocked to go on', sub { $self->{node}->safe_psql('postgres', $waits) eq '0' });
}

# A reload reaches a session a moment later: sooner than a reader types his next command.
sub wait_for_setting
{
	my ($self, $session) = @_;
	my ($name, $value, $is) = @{ $self->{setting} }{qw(name value is)};
	return wait_for($name, sub { ($session->run("SHOW $name") =~ /^ \Q$value\E$/m || 0) == $is });
}

# Without what psql adds when its connection is lost.
sub as_user
{
	my ($self, $input) = @_;
	my $session = $self->{sessions}[-1];
	wait_for('the session to be ended', sub { !is_running($session->pid) });
	return $session->{end_messages} . $self->in_psql($session, $input) =~ s/^server closed the connection.*//msr;
}

sub in_transaction
{
	my ($self, $input) = @_;
	my $session = $self->{sessions}[-1];
	$session->run('BEGIN') if !$self->{in_transaction}++;
	return $session->without_end_messages($self->in_psql($session, $input));
}

# As a user has it, whatever he is shown.
sub _as_shown { my ($session) = @_; $session->run("\\unset QUIET\n\\pset format aligned\n\\pset tuples_only off\n"); return $session }

# --- what differs from run to run, from machine to machine and between psql's versions

# Columns of psql's tables whose values nobody can foretell.
my %varies = map { $_ => 1 } qw(pid session_id waiter_pid waiter_session_id blocker_pid blocker_session_id xid_age xid wakeups watched);

# Points in time and seconds left, where the socket is, blanks at the end, and the width of columns that depends on those.
sub comparable
{
	my ($text) = @_;
	_each_cell($text, sub { my ($column, $cell) = @_; $$cell = ' <value> ' if $varies{$column} && $$cell =~ /\S/ }, \$text);
	$text =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[-+]\d\d(:\d\d)?/<time>/g;
	$text =~ s/(\d+ days? )?\b\d\d:\d\d:\d\d(\.\d+)?/<interval>/g;
	$text =~ s/\b[0-9a-f]{8}\.[0-9a-f]{2,8}\b/<session>/g;
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

# Who has which process ID and session_id on the page: as a tree or a table names them, in their order.
sub learn
{
	my ($self, $shown, $output) = @_;
	my @shown = _identities($shown);
	my @real = _identities($output);
	@{ $self->{known} }{@shown} = @real if @shown == @real;
	return;
}

sub _identities
{
	my ($text) = @_;
	my @identities = $text =~ /\bpid (\d+)/g;
	_each_cell($text, sub { my ($column, $cell) = @_; push @identities, $$cell =~ /(\S+)/g if $column =~ /\A(pid|session_id)\z/ });
	return @identities;
}

# Calls back for each cell of the tables in what psql prints: column's name, reference to the value. The text with the
# values as they are then goes to $result.
sub _each_cell
{
	my ($text, $callback, $result) = @_;
	my ($header, @columns) = ('');
	my @lines = split /\n/, $text, -1;
	for my $line (@lines)
	{
		if ($line =~ /\A-+(\+-+)*\z/)
		{
			@columns = map { s/\A +| +\z//gr } split /\|/, $header;
		}
		elsif (@columns && $line =~ /\A /)
		{
			my @cells = split /\|/, $line, scalar @columns;
			$callback->($columns[$_], \$cells[$_]) for 0 .. $#cells;
			$line = join '|', @cells;
		}
		else
		{
			@columns = ();
		}
		$header = $line;
	}
	$$result = join "\n", @lines if $result;
	return;
}

# --- PgBouncer

# It begins to connect for the first client of all even while it is paused, gives that up, and tries again after
# server_login_retry, 15 s by default.
sub start_bouncer
{
	my ($self) = @_;
	my $node = $self->{node};
	my ($program) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
	return 'PgBouncer (the package pgbouncer) is not installed' if !$program;
	return 'dblink (the package postgresql-contrib) is not installed'
	  if !$node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'});
	my $port = $self->{bouncer_port} = $node->port == 65535 ? 1024 : $node->port + 1;    # in a directory of sockets that is ours alone
	my $workplace = $self->workplace;
	write_file("$workplace/users", qq{"app" ""\n"keeper" "open-sesame"\n});
	write_file("$workplace/pgbouncer.ini", <<"INI");
[databases]
shop = host=@{[ $node->host ]} port=@{[ $node->port ]}
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = @{[ $node->host ]}
auth_type = trust
auth_file = $workplace/users
admin_users = keeper
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
INI
	$self->{bouncer} = IPC::Run::start([ $program, "$workplace/pgbouncer.ini" ], '<', \undef, '>&', "$workplace/log");
	wait_for('PgBouncer', sub { listens($node->host . "/.s.PGSQL.$port") });
	return;
}

sub stop_bouncer
{
	my ($self) = @_;
	my $bouncer = delete $self->{bouncer} or return;
	$bouncer->signal('KILL');    # newer ones wait for their clients at SIGTERM
	return $bouncer->finish;
}

# --- a session that hears nothing as long as its file is there

# Who opens the pipe to write lets those go on who wait for that.
sub wake_forecasts
{
	my ($self) = @_;
	open my $writer, '+<', $self->pipe or die "cannot open the pipe: $!";
	return $self->wait_for_forecasts(0);
}

sub wait_for_forecasts
{
	my ($self, $running) = @_;
	return wait_for("$running forecasts", sub {
		$self->{node}->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT forecast()'}) eq $running;
	});
}

END
{
	my $status = $?;
	for my $player (@players)
	{
		eval { $player->stop_bouncer };
		eval { $_->{run}->kill_kill } for @{ $player->{background} };
	}
	$? = $status;
}

1;
