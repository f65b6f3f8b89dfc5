# Look-ups that find nothing, because of a concurrent change, in a catalog, or at a remote server, give an error or the
# right answer, and never crash the server.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use GateTest;
use IO::Socket::UNIX;
use POSIX ();
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('lookups');
my $admin = SessionctlTest::Session->new($node);
my $started = $admin->run('SELECT pg_postmaster_start_time()');

sub server_lives
{
	my ($name) = @_;
	return is($admin->run('SELECT pg_postmaster_start_time()'), $started, "$name: the server is the one it was");
}

# --- settings of databases, as a superuser may write them by hand

sub lockdowns { return $admin->run('SELECT kind, name, restores_to FROM sessionctl.session_lockdowns ORDER BY 1, 2') }
sub set_configuration
{
	my ($array) = @_;
	return $admin->run("UPDATE pg_db_role_setting SET setconfig = $array WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = 'shop')");
}

$admin->run('CREATE DATABASE shop');
$admin->run("ALTER DATABASE shop SET work_mem = '1MB'");

subtest 'NULL among the settings of a database' => sub {
	set_configuration(q{ARRAY[NULL, 'work_mem=1MB', NULL]});
	is(lockdowns(), '', 'no lockdown');
	set_configuration(q{ARRAY[NULL, 'pg_sessionctl.lockdown=nonsense']});
	is(lockdowns(), 'database|shop|not readable: use ALTER', 'one behind it is found');
	set_configuration(q{'{}'});
	is(lockdowns(), '', 'nothing at all');
	set_configuration(q{ARRAY['work_mem=1MB']});    # core itself can't add to an empty array
	server_lives('NULL');
};

subtest 'an invalid time in the stored lockdown' => sub {
	$admin->run('SELECT sessionctl.lockdown_database(\'shop\', reason => \'stays\')');
	is($admin->run('SELECT reason FROM sessionctl.session_lockdowns'), 'stays', 'locked down');
	for my $time ('9223372036854775807', '-9223372036854775808', '9223371331200000000', '-211813488000000001')
	{
		set_configuration(qq{ARRAY(SELECT regexp_replace(s, 'since=-?[0-9]+', 'since=$time') FROM unnest(setconfig) AS s)});
		is(lockdowns(), 'database|shop|not readable: use ALTER', "since=$time");
	}
	$admin->run('ALTER DATABASE shop RESET pg_sessionctl.lockdown');
	$admin->run('ALTER DATABASE shop CONNECTION LIMIT -1');
};

# --- the other end of a connection

SKIP: {
	skip 'dblink (the package postgresql-contrib) is not installed', 1
	  if !$admin->run(q{SELECT 1 FROM pg_available_extensions WHERE name = 'dblink'});
	my $port = $node->port == 65535 ? 1024 : $node->port + 1;    # in a directory of sockets that is ours alone
	my $path = $node->host . "/.s.PGSQL.$port";

	sub message { my ($type, $content) = @_; return $type . pack('N', 4 + length $content) . $content }

	# One row of so many columns, as texts; undef is NULL.
	sub table_of
	{
		my (@values) = @_;
		my $columns = join '', map { "c$_\0" . pack('NnNnNn', 0, 0, 25, 65535, 4294967295, 0) } 1 .. @values;
		my $row = join '', map { defined $_ ? pack('N/a*', $_) : pack('N', 4294967295) } @values;
		return message('T', pack('n', scalar @values) . $columns) . message('D', pack('n', scalar @values) . $row)
		  . message('C', "SHOW\0");
	}

	sub read_bytes
	{
		my ($socket, $length) = @_;
		my $bytes = '';
		while (length $bytes < $length)
		{
			my $got = $socket->sysread($bytes, $length - length $bytes, length $bytes);
			return if !$got;
		}
		return $bytes;
	}

	# A console that answers SHOW DATABASES with this row, and says yes to everything else.
	sub console
	{
		my (@values) = @_;
		unlink $path;
		my $listening = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "cannot listen at $path: $!";
		local $SIG{TERM} = 'DEFAULT';    # PostgreSQL's modules die of it, and stop the server at their end
		my $pid = fork;
		die "cannot fork: $!" if !defined $pid;
		return $pid if $pid;
		while (my $client = $listening->accept)
		{
			next if fork;    # two connections at a time
			my $length = read_bytes($client, 4) or POSIX::_exit(0);
			read_bytes($client, unpack('N', $length) - 4);
			$client->syswrite(message('R', pack 'N', 0) . message('Z', 'I'));
			while (my $type = read_bytes($client, 1))
			{
				my $text = read_bytes($client, unpack('N', read_bytes($client, 4)) - 4);
				last if $type ne 'Q';
				my $answer = $text =~ /^SHOW DATABASES/ ? table_of(@values) : message('C', "OK\0");
				$client->syswrite($answer . message('Z', 'I'));
			}
			POSIX::_exit(0);
		}
		POSIX::_exit(0);
	}

	subtest 'a console that answers NULL' => sub {
		$admin->run('CREATE EXTENSION dblink');
		$admin->run("CREATE SERVER pool FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '@{[ $node->host ]}', port '$port', dbname 'pgbouncer')");
		$admin->run("CREATE USER MAPPING FOR CURRENT_USER SERVER pool OPTIONS (user 'boss')");
		my %rows = (
			'nothing but NULL' => [ (undef) x 13 ],
			'no name' => [ (undef) x 11, '1', '0' ],
			'not whether it is paused' => [ 'shop', (undef) x 12 ],
		);
		for my $name (sort keys %rows)
		{
			my $pid = console(@{ $rows{$name} });
			is($admin->run(q{SELECT sessionctl.pause_pool('pool', 'shop')}), 't', "$name: not paused before");
			kill 'TERM', $pid;
			waitpid $pid, 0;
		}
		unlink $path;
		server_lives('NULL');
	};

	subtest 'a role that was dropped meanwhile' => sub {
		$admin->run('GRANT USAGE ON SCHEMA sessionctl TO PUBLIC; GRANT EXECUTE ON FUNCTION sessionctl.pause_pool(text, text) TO PUBLIC');
		$admin->run('CREATE ROLE ghost LOGIN');
		my $ghost = SessionctlTest::Session->new($node, user => 'ghost');
		$admin->run('DROP ROLE ghost');
		like($ghost->complaint(q{SELECT sessionctl.pause_pool('pool', 'shop')}),
			qr/\AERROR:  42704: role with OID \d+ has no user mapping for server "pool"\n/, 'is told by its number');
		$ghost->quit;
	};
}

# --- arguments at the edge

subtest "a time that is 0 in PostgreSQL's representation" => sub {
	like(answer_of($admin, q{sessionctl.lockdown_server(until => '2000-01-01 00:00:00+00')}),
		qr/\AERROR:  22023: until must be in the future\n/, 'is in the past');
	like(answer_of($admin, q{sessionctl.lockdown_server(until => '-infinity')}),
		qr/\AERROR:  22023: until must be in the future\n/, 'as is -infinity');
};

server_lives('all of it');
$admin->quit;
$node->stop;
done_testing();
