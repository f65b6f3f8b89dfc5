# Sessions that wait for each other's locks, and go on waiting: no deadlock is looked for before the test is over.
package LockTest;

use strict;
use warnings;

use Exporter 'import';
use SessionctlTest;
use Test::More;

our @EXPORT = qw(new_lock_server session waits shown tree follow all_end is_as_core_says);

my @sessions;

sub new_lock_server
{
	my ($name, %with) = @_;
	my $conf = "deadlock_timeout = 1h\nmax_prepared_transactions = 8\nautovacuum = off\nmax_connections = 40\n";
	return new_server($name, %with, conf => $conf . ($with{conf} || ''));
}

sub session
{
	my ($node, %with) = @_;
	push @sessions, SessionctlTest::Session->new($node, user => 'app', %with);
	return $sessions[-1];
}

sub shown
{
	my ($admin, $session, $columns) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.session_activity WHERE pid = " . $session->pid);
}

# Sends what has to wait, and returns when it does.
sub waits
{
	my ($admin, $session, $sql) = @_;
	$session->send($sql);
	return wait_for("session to wait in: $sql", sub { shown($admin, $session, 'waiting') eq 't' });
}

# The tree, with names in the place of process IDs and points in time.
sub tree
{
	my ($admin, %name) = @_;
	my $text = $admin->run('SELECT sessionctl.blocking_tree()');
	my %of = map { $name{$_}->pid => $_ } keys %name;
	$text =~ s/\bpid (\d+)/exists $of{$1} ? $of{$1} : "pid $1"/ge;
	$text =~ s/\b\d+(\.\d+)? (ms|s|min)\b/TIME/g;
	$text =~ s/ waits TIME for/ waits for/g;
	$text =~ s/ in a statement that runs for TIME//g;
	$text =~ s/\btransaction \d+/transaction N/g;
	return $text;
}

# Who is named in the tree, each with a dot for each step to the right.
sub follow
{
	my ($tree) = @_;
	return join ' ', map { /\A((?:  )*)(\w+)/ ? ('.' x (length($1) / 2)) . $2 : "?$_" } split /\n/, $tree;
}

# Ends them in whatever they are.
sub all_end
{
	my ($admin) = @_;
	$admin->run(join '', map { 'SELECT pg_terminate_backend(' . $_->pid . ');' } @sessions);
	$_->quit for splice @sessions;
	return;
}

# pg_blocking_pids() may tell a session twice; the two look one after the other.
sub is_as_core_says
{
	my ($admin, $what) = @_;
	my $sorted = sub { "ARRAY(SELECT DISTINCT unnest($_[0]) ORDER BY 1)" };
	my $different = sprintf 'SELECT pid, %s, %s FROM sessionctl.session_activity WHERE %1$s <> %2$s',
	  $sorted->('blocked_by'), $sorted->('pg_blocking_pids(pid)');
	my $rows = sprintf 'SELECT s.pid, %s FROM sessionctl.session_activity AS s WHERE %1$s <> ARRAY(SELECT DISTINCT
		coalesce(b.blocker_pid, 0) FROM sessionctl.session_blocking AS b WHERE b.waiter_pid = s.pid ORDER BY 1) AND leader_pid IS NULL',
	  $sorted->('pg_blocking_pids(s.pid)');
	my ($said, $listed);
	for (1 .. 200)
	{
		($said, $listed) = ($admin->run($different), $admin->run($rows));
		last if "$said$listed" eq '';
		select undef, undef, undef, 0.01;
	}
	is($said, '', "$what: blocked_by is what pg_blocking_pids() says");
	return is($listed, '', "$what: so is session_blocking");
}

1;
