# Pools: one database of a real PgBouncer is paused and resumed through dblink; a call that fails leaves it resumed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use POSIX ();
use IPC::Run;
use SessionctlTest;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'PgBouncer (the package pgbouncer) is not installed' if !$pgbouncer;

my $node = new_server('pool', conf => "log_min_messages = debug1\nlog_error_verbosity = verbose\n");
my $admin = SessionctlTest::Session->new($node);
plan skip_all => 'dblink (the package postgresql-contrib) is not installed'
  if !$admin->run(q{SELECT 1 FROM pg_available_extensions WHERE name = 'dblink'});

my $odd = q{It's "the" Odd; \ Shop};
my $long = 'L' . 'o' x 62;
my ($secret, $wrong) = ('open-sesame', 'open-barley');

sub quote_identifier { my ($name) = @_; $name =~ s/"/""/g; return qq{"$name"} }
sub quote_literal { my ($text) = @_; $text =~ s/'/''/g; return qq{'$text'} }

my @databases = ('shop', 'Shop', 'bank', $odd, $long);
$admin->run('CREATE DATABASE ' . quote_identifier($_)) for @databases;
$admin->run(qq{CREATE ROLE $_ LOGIN}) for qw(app helper);

# --- PgBouncer, in front of the node

my $port = $node->port == 65535 ? 1024 : $node->port + 1;    # in a directory of sockets that is ours alone
my $directory = $node->data_dir . '/../pgbouncer';
my $bouncer;

sub configure_bouncer
{
	my $list = join '', map { sprintf "%s = host=%s port=%d user=app\n", $_, $node->host, $node->port } @_;
	write_file("$directory/pgbouncer.ini", <<"INI");
[databases]
$list
[pgbouncer]
listen_port = $port
listen_addr =
unix_socket_dir = @{[ $node->host ]}
pool_mode = transaction
auth_type = plain
auth_file = $directory/users
admin_users = boss
stats_users = watcher
max_client_conn = 100
default_pool_size = 5
ignore_startup_parameters = extra_float_digits
INI
	return;
}

sub start_bouncer
{
	mkdir $directory or die "cannot make $directory: $!";
	write_file("$directory/users", qq{"app" "app"\n"boss" "$secret"\n"watcher" "$secret"\n});
	configure_bouncer(grep { $_ ne $odd } @databases);
	$bouncer = IPC::Run::start([ $pgbouncer, "$directory/pgbouncer.ini" ], '<', \undef, '>&', "$directory/log");
	return wait_for('PgBouncer', sub {
		die read_file("$directory/log") if -e "$directory/log" && read_file("$directory/log") =~ /FATAL/;
		return listens($node->host . "/.s.PGSQL.$port");
	});
}

my @clients;

END
{
	my $status = $?;
	eval { $_->{psql}->kill_kill } for @clients;
	eval { $bouncer->signal('KILL'); $bouncer->finish } if $bouncer;
	$? = $status;
}

# A client of PgBouncer's.
sub through
{
	my ($database, $user, $password) = @_;
	local $ENV{PGPASSWORD} = $password || 'app';
	push @clients, PooledSession->new($node, $port, $database, $user || 'app');
	return $clients[-1];
}

start_bouncer();
my $console = through('pgbouncer', 'boss', $secret);

# A table of the console's: one hash for each row, by its first column.
sub console_rows
{
	my ($what) = @_;
	my ($header, @rows) = split /\n/, $console->run("\\pset tuples_only off\nSHOW $what;\n\\pset tuples_only on\n");
	my @names = split /\|/, $header;
	my @hashes;
	for my $row (grep { /\|/ } @rows)
	{
		my %row;
		@row{@names} = split /\|/, $row, -1;
		push @hashes, \%row;
	}
	return @hashes;
}

sub is_paused
{
	my ($database) = @_;
	return (map { $_->{paused} } grep { $_->{name} eq $database } console_rows('DATABASES'))[0];
}

sub waiting_clients
{
	my ($database) = @_;
	my $count = 0;
	$count += $_->{cl_waiting} for grep { $_->{database} eq $database } console_rows('POOLS');
	return $count;
}

sub paused_databases { return join ' ', map { $_->{name} } grep { $_->{paused} } console_rows('DATABASES') }

sub call
{
	my ($function, $database, $server) = @_;
	return sprintf 'SELECT sessionctl.%s(%s, %s)', $function, quote_literal($server || 'pool'), quote_literal($database);
}

sub open_connections { return $admin->run('SELECT count(*) FROM unnest(links.dblink_get_connections())') }

# --- what has to be there

subtest 'without dblink' => sub {
	like($admin->complaint(call('pause_pool', 'shop')),
		qr/\AERROR:  55000: extension dblink is not installed in this database\nHINT:  CREATE EXTENSION dblink\z/, 'none');
	$admin->run(q{CREATE FUNCTION public.dblink_connect(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'fooled' $$});
	like($admin->complaint(call('pause_pool', 'shop')), qr/\AERROR:  55000: /, 'not a function of its name');
	$admin->run('DROP FUNCTION public.dblink_connect(text, text)');
};

$admin->run('CREATE SCHEMA links; CREATE EXTENSION dblink SCHEMA links');
my $options = sprintf "host '%s', port '%d', dbname 'pgbouncer'", $node->host, $port;

subtest 'without a server or a user mapping' => sub {
	my $unknown = qr/\AERROR:  42704: server ".*" does not exist\nHINT:  CREATE SERVER .* FOREIGN DATA WRAPPER dblink_fdw OPTIONS \(.*CREATE USER MAPPING /;
	like($admin->complaint(call('pause_pool', 'shop', $_)), $unknown, $_)
	  for 'pool', 'x' x 63, 'host=localhost dbname=postgres';
	like($admin->complaint(call('resume_pool', 'shop')), $unknown, 'neither can be resumed');
	like($admin->complaint(call('pause_pool', 'shop', 'x' x 64)), qr/\AERROR:  42704: server "x{64}" does not exist\z/, 'no server can have this name');
	$admin->run("CREATE SERVER pool FOREIGN DATA WRAPPER dblink_fdw OPTIONS ($options)");
	my $unmapped = qr/\AERROR:  42704: role ".*" has no user mapping for server "pool"\nHINT:  CREATE USER MAPPING FOR CURRENT_USER SERVER pool /;
	like($admin->complaint(call('pause_pool', 'shop')), $unmapped, 'no user mapping');
	$admin->run("CREATE USER MAPPING FOR CURRENT_USER SERVER pool OPTIONS (user 'boss', password '$wrong')");
	like($admin->complaint(call('pause_pool', 'shop')), qr/\AERROR:  08001: could not establish connection\nDETAIL: /,
		'a wrong password');
	$admin->run("ALTER USER MAPPING FOR CURRENT_USER SERVER pool OPTIONS (SET password '$secret')");
};

subtest 'invalid arguments' => sub {
	for my $function (qw(pause_pool resume_pool))
	{
		like($admin->complaint("SELECT sessionctl.$function(NULL, 'shop')"), qr/\AERROR:  22004: argument "server"/, 'NULL');
		like($admin->complaint("SELECT sessionctl.$function('pool', NULL)"), qr/\AERROR:  22004: argument "database"/, 'NULL');
		like($admin->complaint(call($function, '')), qr/\AERROR:  22023: argument "database" must not be empty/, 'empty');
		like($admin->complaint(call($function, 'nowhere')),
			qr/\AERROR:  3D000: PgBouncer did not \w+ database "nowhere"\nDETAIL:  .*: no such database: nowhere\z/, 'unknown');
		like($admin->complaint(call($function, 'SHOP')), qr/\AERROR:  3D000: /, 'in other letters');
		like($admin->complaint(call($function, q{shop"; SHUTDOWN; --})), qr/\AERROR:  3D000: /, 'more than a name');
		like($admin->complaint(call($function, 'x' x 64)), qr/\AERROR:  42622: /, 'longer than PgBouncer can read');
	}
	is(paused_databases(), '', 'none is paused by that');
	is(open_connections(), '0', 'no connection is left');
};

# --- what it does

subtest 'clients of the paused database wait, others do not' => sub {
	my ($shop, $bank) = (through('shop'), through('bank'));
	my $position = log_position($node);
	is($admin->run(call('pause_pool', 'shop')), 't', 'paused');
	my $line = qr/LOG: .*pg_sessionctl: mark=[0-9a-f]{32} action=(\S+ result="\S+" datname="shop") by_session_user="postgres" .* pool="pool" reason=NULL$/;
	is(join('', map { /$line/ } log_lines($node, $position, $line)), 'pause_pool result="paused" datname="shop"', 'the audit has it');
	is(paused_databases(), 'shop', 'that one alone');
	$shop->send('SELECT 41 + 1');
	wait_for('a client to wait', sub { waiting_clients('shop') == 1 });
	is($bank->run('SELECT 2'), '2', 'another one answers');
	is($admin->run(call('pause_pool', 'shop')), qq{NOTICE:  database "shop" is paused in PgBouncer already\nf}, 'once more');
	is(waiting_clients('shop'), 1, 'changes nothing');
	is($admin->run(call('resume_pool', 'shop')), 't', 'resumed');
	is($shop->answer, '42', 'then it answers');
	is($admin->run(call('resume_pool', 'shop')), qq{NOTICE:  database "shop" is not paused in PgBouncer\nf}, 'once more');
	$_->quit for $shop, $bank;
	is(open_connections(), '0', 'no connection is left');
};

subtest 'all of them paused by hand' => sub {
	$console->run('PAUSE');
	is($admin->run(call('pause_pool', 'shop')), qq{NOTICE:  database "shop" is paused in PgBouncer already\nf}, 'is paused');
	is($admin->run(call('resume_pool', 'shop')), qq{NOTICE:  database "shop" is not paused in PgBouncer\nf},
		'is not resumed');
	$console->run('RESUME');
};

# A name that its file could not hold is one of the rest.
subtest 'names that need quotes' => sub {
	configure_bouncer(@databases[0 .. 2], '*');
	$console->run('RELOAD');
	for my $database (@databases)
	{
		my $client = through($database);
		is($client->run('SELECT 1'), '1', $database);
		is($admin->run(call('pause_pool', $database)), 't', 'is paused');
		is(paused_databases(), $database, 'that one alone');
		$client->send('SELECT current_database()');
		wait_for('a client to wait', sub { waiting_clients($database) == 1 });
		is($admin->run(call('resume_pool', $database)), 't', 'and resumed');
		is($client->answer, $database, 'for its client');
		$client->quit;
	}
	is(paused_databases(), '', 'none is left');
};

# --- giving up

# Cancelled, or ended: it is taken back before that.
subtest 'interrupted half way' => sub {
	my $busy = through('shop');
	$busy->run('BEGIN; SELECT 1');
	for my $case ([ 'pg_cancel_backend', qr/\AERROR:  57014: / ], [ 'pg_terminate_backend', qr/\AFATAL:  57P01: / ])
	{
		my ($function, $error) = @$case;
		my $caller = SessionctlTest::Session->new($node);
		$caller->send("\\set VERBOSITY verbose\n" . call('pause_pool', 'shop'));
		wait_for('the pause', sub { is_paused('shop') });
		$admin->run("SELECT $function(" . $caller->pid . ')');
		like($caller->answer, $error, $function);
		is(paused_databases(), '', 'it is resumed');
		is($caller->run('SELECT count(*) FROM unnest(links.dblink_get_connections())'), '0', 'no connection is left')
		  if $function eq 'pg_cancel_backend';
		$caller->quit;
	}
	my $caller = SessionctlTest::Session->new($node);
	$caller->run(q{SET statement_timeout = '300 ms'});
	like($caller->complaint(call('pause_pool', 'shop')), qr/\AERROR:  57014: canceling statement due to statement timeout/,
		'statement_timeout');
	is(paused_databases(), '', 'it is resumed');
	$caller->quit;
	is($busy->run('SELECT 2; COMMIT'), '2', 'the busy client goes on');
	$busy->quit;
};

# Side by side, since each takes its time: a transaction that does not end, and a server that does not answer.
subtest 'a console that does not answer' => sub {
	my $path = $node->host . '/.s.PGSQL.' . ($port + 1);
	my $deaf = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "cannot listen at $path: $!";
	$admin->run(sprintf q{
		CREATE SERVER deaf FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', port '%d', dbname 'pgbouncer');
		CREATE USER MAPPING FOR PUBLIC SERVER deaf OPTIONS (user 'boss', password '%s')}, $node->host, $port + 1, $secret);
	my $busy = through('shop');
	$busy->run('BEGIN; SELECT 1');
	my ($pausing, $connecting) = map { SessionctlTest::Session->new($node) } 1 .. 2;
	$_->run("\\set VERBOSITY verbose\n") for $pausing, $connecting;
	$connecting->send(call('pause_pool', 'shop', 'deaf'));
	$pausing->send(call('pause_pool', 'shop'));
	wait_for('the pause', sub { is_paused('shop') });
	like($pausing->answer, qr/\AERROR:  55006: database "shop" is too busy to be paused\nDETAIL: .*\nHINT:  SHOW POOLS /,
		'a transaction that does not end');
	is(paused_databases(), '', 'it is resumed');
	is($busy->run('SELECT 2; COMMIT'), '2', 'the busy client goes on');
	like($connecting->answer, qr/\AERROR:  08001: could not establish connection\nDETAIL: /, 'a server that does not answer');
	is($_->run('SELECT count(*) FROM unnest(links.dblink_get_connections())'), '0', 'no connection is left')
	  for $pausing, $connecting;
	is($connecting->run('SELECT 1'), '1', 'and no cancel');
	$_->quit for $busy, $pausing, $connecting;
	close $deaf;
	unlink $path;
};

subtest 'no server, and another server, at that address' => sub {
	$admin->run(sprintf q{
		CREATE SERVER nobody FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', port '%d', dbname 'pgbouncer');
		CREATE USER MAPPING FOR PUBLIC SERVER nobody OPTIONS (user 'boss', password '%s');
		CREATE SERVER postgres FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', port '%d', dbname 'postgres');
		CREATE USER MAPPING FOR PUBLIC SERVER postgres OPTIONS (user 'app', password '%s');
		CREATE SERVER watcher FOREIGN DATA WRAPPER dblink_fdw OPTIONS (%s);
		CREATE USER MAPPING FOR PUBLIC SERVER watcher OPTIONS (user 'watcher', password '%s')},
		$node->host, $port + 2, $secret, $node->host, $node->port, $secret, $options, $secret);
	for my $function (qw(pause_pool resume_pool))
	{
		like($admin->complaint(call($function, 'shop', 'nobody')),
			qr/\AERROR:  08001: could not establish connection\nDETAIL: /, 'nobody');
		like($admin->complaint(call($function, 'shop', 'postgres')),
			qr/\AERROR:  55000: server "postgres" is not PgBouncer's admin console\nDETAIL: .*\nHINT: /, 'PostgreSQL');
		is($admin->complaint(call($function, 'shop', 'watcher')),
			"ERROR:  42501: PgBouncer did not @{[ $function =~ /(pause|resume)/ ]} database \"shop\"\n"
			  . 'DETAIL:  Server "watcher" answered: admin access needed', 'PgBouncer, but no admin');
	}
	is(open_connections(), '0', 'no connection is left');
};

# --- with whose rights, and through which functions

subtest 'with the rights of the caller' => sub {
	my $helper = SessionctlTest::Session->new($node, user => 'helper');
	like($helper->complaint(call('pause_pool', 'shop')), qr/\AERROR:  42501: permission denied for function/, 'not everybody');
	$admin->run("GRANT EXECUTE ON FUNCTION sessionctl.$_(text, text) TO helper") for qw(pause_pool resume_pool);
	$admin->run('GRANT USAGE ON SCHEMA links TO helper');
	like($helper->complaint(call('pause_pool', 'shop')), qr/\AERROR:  42704: role "helper" has no user mapping/, 'by grant');
	$admin->run("CREATE USER MAPPING FOR helper SERVER pool OPTIONS (user 'boss', password '$secret')");
	like($helper->complaint(call('pause_pool', 'shop')), qr/\AERROR:  42501: permission denied for foreign server pool/,
		'with USAGE on the server');
	$admin->run('GRANT USAGE ON FOREIGN SERVER pool TO helper');
	is($helper->run(call($_, 'shop')), 't', $_) for qw(pause_pool resume_pool);
	$admin->run('REVOKE EXECUTE ON FUNCTION links.dblink_connect(text, text) FROM PUBLIC');
	like($helper->complaint(call('pause_pool', 'shop')), qr/\AERROR:  42501: permission denied for function dblink_connect/,
		'with what dblink asks for');
	$admin->run('GRANT EXECUTE ON FUNCTION links.dblink_connect(text, text) TO PUBLIC');
	$helper->quit;
};

subtest "another role's function in dblink's schema is not called" => sub {
	my @lookalikes = ([ 'dblink_connect', 'text, text', 'text' ], [ 'dblink_send_query', 'text, text', 'integer' ],
		[ 'dblink_is_busy', 'text', 'integer' ], [ 'dblink_error_message', 'text', 'text' ],
		[ 'dblink_get_result', 'text', 'SETOF record' ], [ 'dblink_disconnect', 'text', 'text' ],
		[ 'quote_ident', 'name', 'text' ], [ 'quote_ident', 'text', 'text' ]);
	my $body = q{LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fooled'; END $$};
	$admin->run('CREATE SCHEMA evil; CREATE DOMAIN evil.text AS pg_catalog.int4; CREATE VIEW evil.pg_extension AS SELECT 1 AS one');
	$admin->run("CREATE FUNCTION evil.$_->[0]($_->[1]) RETURNS $_->[2] $body") for @lookalikes;
	# Beside dblink's own: other arguments, which literals would fit as well.
	$admin->run("CREATE FUNCTION links.dblink_connect(unknown_1 varchar, unknown_2 varchar) RETURNS text $body");
	$admin->run("CREATE FUNCTION links.dblink_disconnect(VARIADIC text[]) RETURNS text $body");
	$admin->run("CREATE FUNCTION evil.same(pg_catalog.name, pg_catalog.name) RETURNS boolean $body");
	$admin->run('CREATE OPERATOR evil.= (PROCEDURE = evil.same, LEFTARG = pg_catalog.name, RIGHTARG = pg_catalog.name)');
	my $caller = SessionctlTest::Session->new($node);
	for my $path ('evil, pg_catalog', 'evil, links, pg_catalog', 'links', '')
	{
		$caller->run('SET search_path = ' . ($path || q{''}));
		is($caller->run(call($_, 'shop')), 't', "$_ with search_path '$path'") for qw(pause_pool resume_pool);
	}
	$caller->quit;
	my $name = 'Li"nks here';
	$admin->run('ALTER EXTENSION dblink DROP FUNCTION links.dblink_is_busy(text)');
	like($admin->complaint(call('pause_pool', 'shop')), qr/\AERROR:  55000: extension dblink does not have its functions/,
		'one that is no member of the extension');
	$admin->run('ALTER EXTENSION dblink ADD FUNCTION links.dblink_is_busy(text)');
	$admin->run('ALTER SCHEMA links RENAME TO ' . quote_identifier($name));
	is($admin->run(call($_, 'shop')), 't', "$_, wherever dblink is") for qw(pause_pool resume_pool);
	$admin->run('ALTER SCHEMA ' . quote_identifier($name) . ' RENAME TO links');
};

# Also in a transaction block, where an error may be caught.
subtest 'in a transaction' => sub {
	$admin->run('BEGIN; SAVEPOINT s');
	like($admin->complaint(call('pause_pool', 'shop', 'nobody')), qr/\AERROR:  08001: /, 'an error');
	$admin->run('ROLLBACK TO s');
	is($admin->run(call('pause_pool', 'shop')), 't', 'then a pause');
	$admin->run('ROLLBACK');
	is(paused_databases(), 'shop', 'which no rollback takes back');
	is($admin->run(call('resume_pool', 'shop')), 't', 'a resume does');
};

# --- under load

# As a superuser, whom a lockdown lets in.
sub restore_table
{
	my $connstr = $node->connstr('shop');
	my $dump = qx(pg_dump -t counted -d '$connstr');
	$node->safe_psql('shop', 'DROP TABLE counted');
	my $psql = IPC::Run::run([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $connstr ], '<', \$dump, '>&', \my $output);
	return ok($psql, 'a table is restored') || diag($output);
}

subtest 'clients see no error' => sub {
	my ($clients, $rounds) = (20, 5);
	write_file("$directory/transaction.sql", "BEGIN;\nINSERT INTO counted DEFAULT VALUES;\nCOMMIT;\n");
	$node->safe_psql('shop', 'CREATE TABLE counted (); GRANT INSERT ON counted TO app');
	my $output = '';
	local $ENV{PGPASSWORD} = 'app';
	my @pgbench = ('pgbench', '-n', '-c', $clients, '-T', 600, '-f', "$directory/transaction.sql",
		'-h', $node->host, '-p', $port, '-U', 'app', 'shop');
	my $pgbench = IPC::Run::start(\@pgbench, '<', \undef, '>&', \$output, IPC::Run::timeout($SessionctlTest::patience));
	my $count = sub { $node->safe_psql('shop', 'SELECT count(*) FROM counted') };
	for my $round (1 .. $rounds)
	{
		my $before = $count->();
		wait_for('clients at work', sub { $count->() > $before });
		is($admin->run(call('pause_pool', 'shop')), 't', "pause $round");
		wait_for('all to wait', sub { waiting_clients('shop') == $clients });
		$before = $count->();
		is($count->(), $before, 'nothing happens');
		is($admin->run(call('resume_pool', 'shop')), 't', 'resume');
		wait_for('clients at work', sub { $count->() > $before });
	}
	for my $include_superusers ('false', 'true')
	{
		like($admin->run("SELECT sessionctl.lockdown_database('shop', $include_superusers, pool => 'pool')"), qr/\d\z/, 'locked down');
		is($admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE datname = 'shop'}), '0', 'nobody is inside');
		is(paused_databases(), 'shop', 'the clients wait');
		restore_table() if $include_superusers eq 'false';
		is($admin->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'unlocked');
		is(paused_databases(), '', 'and resumed');
		my $before = $count->();
		wait_for('clients at work', sub { $count->() > $before });
	}
	$pgbench->pump_nb;
	ok($pgbench->pumpable, 'all are still there');
	unlike($output, qr/error|abort|fail/i, 'and complained of nothing') or diag($output);
	$pgbench->kill_kill;
};

subtest 'a lockdown that fails lets the clients go on' => sub {
	my $rival = SessionctlTest::Session->new($node);
	$rival->run('BEGIN; ALTER DATABASE shop CONNECTION LIMIT 9');
	like($admin->complaint(q{SELECT sessionctl.lockdown_database('shop', pool => 'pool')}), qr/\AERROR:  55P03: /, 'an error');
	is(paused_databases(), '', 'it is resumed');
	$rival->run('ROLLBACK');
	$console->run('PAUSE shop');
	$admin->run(q{SELECT sessionctl.lockdown_database('shop', pool => 'pool')});
	is($admin->run(q{SELECT sessionctl.unlock_database('shop')}), 't', 'unlocked');
	is(paused_databases(), 'shop', 'a database paused before stays paused');
	$console->run('RESUME shop');
	$admin->run(q{SELECT sessionctl.lockdown_database('shop', pool => 'pool')});
	$admin->run('ALTER SERVER pool RENAME TO puddle');
	is($admin->run(q{SELECT sessionctl.unlock_database('shop')}),
		"WARNING:  database \"shop\" is still paused in PgBouncer\nHINT:  Call sessionctl.resume_pool('pool', 'shop') in the database where that server is defined.\nt",
		'a pool that can not be resumed');
	$admin->run('ALTER SERVER puddle RENAME TO pool');
	is($admin->run(call('resume_pool', 'shop')), 't', 'is, by hand');

	$admin->run(q{SELECT sessionctl.lockdown_database('shop', pool => 'pool')});
	$admin->run('GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO helper; ALTER SERVER pool OWNER TO helper');
	like($admin->run(q{SELECT sessionctl.unlock_database('shop')}), qr/\AWARNING:  database "shop" is still paused in PgBouncer\n.*\nt\z/s,
		'nobody connects where another role, no superuser, says');
	is(paused_databases(), 'shop', 'it is still paused');
	$admin->run('ALTER SERVER pool OWNER TO CURRENT_USER');
	$admin->run(call('resume_pool', 'shop'));

	# Before 14 psql shows the error after the warning.
	my $failed = $admin->run(q{SELECT sessionctl.lockdown_database('shop', pool => 'pool') / 0});
	like($failed, qr/^ERROR:  division by zero$/m, 'a statement that fails after it');
	like($failed, qr/^WARNING:  database "shop" is still paused in PgBouncer\nDETAIL:  The lockdown that paused it was undone\.\nHINT: /m,
		'is told what it leaves');
	is($admin->run(call('resume_pool', 'shop')), 't', 'resumed by hand');

	my $position = log_position($node);
	my $caller = SessionctlTest::Session->new($node);
	$caller->send(q{SELECT sessionctl.lockdown_database('shop', pool => 'pool'), pg_sleep(600)});
	wait_for('the lock', sub {
		$admin->run(q{SELECT wait_event FROM sessionctl.session_activity WHERE pid = } . $caller->pid) eq 'PgSleep';
	});
	$admin->run('SELECT pg_terminate_backend(' . $caller->pid . ')');
	wait_for_log($node, $position, qr/WARNING: .*database "shop" is still paused in PgBouncer$/m);
	wait_for('its end', sub { !is_running($caller->pid) });
	is($admin->run(q{SELECT datconnlimit FROM pg_database WHERE datname = 'shop'}), '-1', 'of a caller that is ended the log tells, and its door is open');
	is($admin->run(call('resume_pool', 'shop')), 't', 'resumed by hand');
	$_->quit for $rival, $caller;
};

subtest 'a pool that is silent when it should be resumed' => sub {
	my $path = $node->host . '/.s.PGSQL.' . ($port + 1);
	my $deaf = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "cannot listen at $path: $!";
	$admin->run(q{SELECT sessionctl.lockdown_database('shop', pool => 'pool')});
	$admin->run("ALTER SERVER pool OPTIONS (SET port '@{[ $port + 1 ]}')");
	like($admin->run(q{SELECT sessionctl.unlock_database('shop')}), qr/\AWARNING:  database "shop" is still paused in PgBouncer\n.*\nt\z/s,
		'does not keep the database locked');
	is($admin->run(q{SELECT datconnlimit FROM pg_database WHERE datname = 'shop'}), '-1', 'it is open');
	$admin->run("ALTER SERVER pool OPTIONS (SET port '$port')");
	is($admin->run(call('resume_pool', 'shop')), 't', 'resumed by hand');
	close $deaf;
	unlink $path;
};

# It lets everybody in, and answers nothing that comes after that.
subtest 'a pool that falls silent after the login' => sub {
	my $path = $node->host . '/.s.PGSQL.' . ($port + 1);
	my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "cannot listen at $path: $!";
	my $child = fork // die "cannot fork: $!";
	if ($child == 0)
	{
		my @clients;
		while (my $client = $socket->accept)
		{
			sysread $client, my $startup, 10_000;
			syswrite $client, 'R' . pack('NN', 8, 0) . 'Z' . pack('N', 5) . 'I';
			push @clients, $client;
		}
		POSIX::_exit(0);
	}
	$admin->run("ALTER SERVER deaf OPTIONS (SET port '@{[ $port + 1 ]}')");
	my $caller = SessionctlTest::Session->new($node);
	like($caller->complaint(call('pause_pool', 'shop', 'deaf')), qr/\AERROR:  08001: could not establish connection\nDETAIL:  Server "deaf" did not answer within 6 s\./,
		'is given up');
	is($caller->run('SELECT count(*) FROM unnest(links.dblink_get_connections())'), '0', 'no connection is left');
	is($caller->run('SELECT 1'), '1', 'and no cancel');
	$caller->quit;
	kill 'KILL', $child;
	waitpid $child, 0;
	unlink $path;
};

subtest 'PgBouncer dies half way' => sub {
	my $busy = through('shop');
	$busy->run('BEGIN; SELECT 1');
	$admin->send("\\set VERBOSITY verbose\n" . call('pause_pool', 'shop'));
	wait_for('the pause', sub { is_paused('shop') });
	$bouncer->signal('KILL');    # newer ones wait for their clients at SIGTERM
	$bouncer->finish;
	my $answer = $admin->answer;
	like($answer, qr/^WARNING:  01000: database "shop" may still be paused in PgBouncer$/m, 'nobody can tell');
	like($answer, qr/^ERROR:  08006: PgBouncer did not pause database "shop"\nDETAIL:  /m, 'an error');
	is(open_connections(), '0', 'no connection is left');
};

$_->quit for $admin, @clients;
unlike(log_since($node, 0), qr/$secret|$wrong/, 'no password is in the log');
done_testing();

# A psql that knows no process of its own: behind PgBouncer it may be another one each time, and the console has none.
package PooledSession;

our @ISA;
BEGIN { @ISA = ('SessionctlTest::Session') }

sub new
{
	my ($class, $node, $port, $database, $user) = @_;
	my $self = bless { node => $node }, $class;
	$database =~ s/([\\'])/\\$1/g;
	my $conninfo = sprintf "host='%s' port=%d dbname='%s' user=%s", $node->host, $port, $database, $user;
	$self->_start_psql($conninfo);
	return $self;
}

sub quit { my ($self) = @_; return $self->_finish_psql }
