# A server on which sessions give way to others: role batch has low lock priority, app the default, shop a high one and
# the right to signal both; stranger has a high one, and no right.
package PriorityTest;

use strict;
use warnings;

use Exporter 'import';
use LockTest;
use SessionctlTest;

our @EXPORT = qw(new_priority_server patient gives_way reports_since);

sub new_priority_server
{
	my ($name, %with) = @_;
	my $node = new_lock_server($name, %with, conf => "shared_preload_libraries = 'pg_sessionctl'\n" . ($with{conf} || ''));
	my $admin = SessionctlTest::Session->new($node);
	$admin->run(q{CREATE ROLE batch LOGIN; CREATE ROLE app LOGIN; CREATE ROLE shop LOGIN; CREATE ROLE stranger LOGIN; GRANT batch, app TO shop;
		ALTER ROLE batch SET pg_sessionctl.lock_priority = low; ALTER ROLE shop SET pg_sessionctl.lock_priority = high;
		ALTER ROLE stranger SET pg_sessionctl.lock_priority = high;
		CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 9) AS g; CREATE TABLE u (a int);
		GRANT ALL ON t, u TO PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC; CREATE ROLE owner; GRANT owner TO batch, app, shop, stranger; ALTER TABLE t OWNER TO owner});
	return ($node, $admin);
}

# A session whose patience ends soon, and what it does then.
sub patient
{
	my ($node, $action, %with) = @_;
	my $session = session($node, user => 'shop', %with);
	$session->run("SET pg_sessionctl.blocker_patience = '" . ($with{patience} || '100 ms') . "'; SET pg_sessionctl.blocker_action = $action");
	return $session;
}

# The audit's lines of what was done to this session, without what differs each time.
sub gives_way
{
	my ($node, $position, $session) = @_;
	my $pid = $session->pid;
	return map { /action=(\w+) result="([^"]+)"/ ? "$1 $2" : () }
	  grep { / pid=$pid .* rule="blocker_patience"/ } audit_lines($node, $position);
}

# What the server log says about those who do not give way.
sub reports_since
{
	my ($node, $position) = @_;
	my @reports;
	for (log_lines($node, $position, qr/nobody gives way|is in its way/))
	{
		push @reports, $1 if /(LOG|WARNING):  pg_sessionctl: session \d+ has waited for a lock for .* and nobody gives way$/;
		$reports[-1] .= ": $1" if /DETAIL:  (?:Session|Prepared transaction) \d+ is in its way: (.*)\.$/;
	}
	return @reports;
}

1;
