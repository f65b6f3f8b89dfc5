# A server that knows the functions of the test module, and what its tests have in common.
package BoundaryTest;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

our @EXPORT = qw(with_held_signal boundary_node begin is_gone bystander is_undisturbed);

sub slurp
{
	my ($path) = @_;
	open my $file, '<', $path or die "cannot read $path: $!";
	local $/;
	return scalar <$file>;
}

# The module's path without its suffix. `make -C test/module` has built it before.
sub module_path
{
	my $directory = $ENV{SESSIONCTL_TEST_MODULE} || "$FindBin::RealBin/../module";
	BAIL_OUT("there is no test module in $directory: build it with make -C test/module")
	  unless grep { -e "$directory/sessionctl_test.$_" } qw(so dylib);
	return "$directory/sessionctl_test";
}

# Starts a server by this, and returns a file's path and the server. Once that file is made the next signal that the server
# sends by pidfd is held: the file is renamed to .held then, and the signal is sent when that is gone. Linux only.
sub with_held_signal
{
	my ($start) = @_;
	my $wanted = tempdir(CLEANUP => 1) . '/signal';
	(my $library = module_path()) =~ s/sessionctl_test$/held_signal.so/;
	local $ENV{LD_PRELOAD} = join ' ', grep { $_ } $ENV{LD_PRELOAD}, $library;
	local $ENV{HELD_SIGNAL} = $wanted;
	return ($wanted, $start->());
}

# A new server, with the schema sessionctl_test in the database postgres.
sub boundary_node
{
	my ($name, @settings) = @_;
	my $node = new_node($name);
	init_node($node);
	$node->append_conf('postgresql.conf', join("\n", 'log_statement = none', @settings, ''));
	$node->start;
	my $functions = slurp("$FindBin::RealBin/../module/functions.sql");
	my $module = module_path();
	my $complaint = SessionctlTest::Session->new($node)->run("\\set module '$module'\n$functions");
	BAIL_OUT("cannot create the functions of the test module: $complaint") if $complaint ne '';
	return $node;
}

# Sends a statement that will not come back soon, and returns when the server runs it.
sub begin
{
	my ($node, $session, $statement) = @_;
	$session->send($statement);
	my $pid = $session->pid;
	$node->poll_query_until('postgres',
		"select state = 'active' and query like \$\$$statement%\$\$ from pg_stat_activity where pid = $pid")
	  or die "the server does not run: $statement";
	return;
}

sub is_gone
{
	my ($pid, $name) = @_;
	return ok(wait_for("the end of process $pid", sub { !is_running($pid) }), $name);
}

# A session that is there from the beginning. A server that restarts after a crash ends it.
sub bystander { return SessionctlTest::Session->new($_[0]) }

sub is_undisturbed
{
	my ($node, $bystander) = @_;
	ok($bystander->lives, 'another session lives on');
	is(join("\n", log_lines($node, 0, qr/server process.* terminated|PANIC/)), '', 'no process crashed');
	return;
}

1;
