# A Kerberos realm of a test's own, for connections that GSSAPI encrypts.
package Kerberos;

use strict;
use warnings;

use File::Temp;
use IO::Socket::INET;
use IPC::Run;
use SessionctlTest ();

my @running;

# What a server and its clients have to be told: a server finds the realm only in the environment that it is started in.
sub new
{
	my ($class) = @_;
	my $directory = File::Temp->newdir;
	my $self = bless { directory => $directory, keytab => "$directory/server.keytab" }, $class;
	$ENV{KRB5_CONFIG} = "$directory/krb5.conf";
	$ENV{KRB5_KDC_PROFILE} = "$directory/kdc.conf";
	$ENV{KRB5CCNAME} = "FILE:$directory/tickets";
	my $port = $self->{port} = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)->sockport;
	_write("$directory/krb5.conf", <<"END");
[libdefaults]
default_realm = TEST.EXAMPLE
dns_lookup_realm = false
dns_lookup_kdc = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
[realms]
TEST.EXAMPLE = {
	kdc = 127.0.0.1:$port
}
END
	_write("$directory/kdc.conf", <<"END");
[realms]
TEST.EXAMPLE = {
	database_name = $directory/principals
	key_stash_file = $directory/stash
	acl_file = $directory/acl
	kdc_listen = 127.0.0.1:$port
	kdc_tcp_listen = 127.0.0.1:$port
}
END
	return $self;
}

# The file with the keys of the server on this host.
sub keytab { return $_[0]{keytab} }

# Starts it with the server's key and one for this client, who needs no password; what is missing for that, if anything.
sub start
{
	my ($self, $client) = @_;
	my %program = map { $_ => _find($_) } qw(krb5kdc kdb5_util kadmin.local);
	for my $name (sort keys %program)
	{
		return "$name (the packages krb5-kdc and krb5-admin-server) is not installed" if !$program{$name};
	}
	my $keytab = "$self->{directory}/client.keytab";
	_run($program{kdb5_util}, 'create', '-s', '-P', 'master of the tests');
	_run($program{'kadmin.local'}, '-q', $_)
	  for 'addprinc -randkey postgres/localhost', "ktadd -k $self->{keytab} postgres/localhost", "addprinc -randkey $client",
	  "ktadd -k $keytab $client";
	$ENV{KRB5_CLIENT_KTNAME} = $keytab;
	push @running, IPC::Run::start([ $program{krb5kdc}, '-n' ], '<', \undef, '>&', "$self->{directory}/log");
	SessionctlTest::wait_for('the KDC', sub { IO::Socket::INET->new("127.0.0.1:$self->{port}") });
	return;
}

sub _find { my ($name) = @_; return (grep { -x } map { "$_/$name" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin')[0] }

sub _run
{
	my $said;
	IPC::Run::run(\@_, '<', \undef, '>&', \$said) or die "@_: $said";
	return;
}

sub _write
{
	my ($path, $text) = @_;
	open my $file, '>', $path or die "cannot write $path: $!";
	print {$file} $text;
	return close $file;
}

END
{
	my $status = $?;
	eval { $_->kill_kill } for @running;
	$? = $status;
}

1;
