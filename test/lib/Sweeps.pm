# The end of the sweeps that follow lockdown_role, NOLOGIN, DROP ROLE and what takes CONNECT. The server has log_min_messages = debug1.
package Sweeps;

use strict;
use warnings;

use Exporter 'import';
use RawSession;
use SessionctlTest;

our @EXPORT = qw(sweepers_exit sweeps_are_over);

# Returns when the sweepers have done their work that the postmaster knows of.
sub sweepers_exit
{
	my ($node) = @_;
	return wait_for('the sweepers to exit', sub {
		my $log = read_file($node->logfile);
		my $begun = () = $log =~ /: +registering background worker "pg_sessionctl sweeper"/g;
		my $done = () = $log =~ /pg_sessionctl sweeper"? \(PID \d+\) exited with exit code 0$/mg;
		$begun == $done;
	});
}

# The same for all that were asked for until now. The postmaster looks for new ones when it comes to it, for all at once,
# and logs what it finds: when the one that is asked for here has ended its victim, it knows of those before it.
sub sweeps_are_over
{
	my ($node) = @_;
	my $admin = SessionctlTest::Session->new($node);
	$admin->run('CREATE ROLE victim LOGIN') if $admin->run(q{SELECT count(*) FROM pg_roles WHERE rolname = 'victim'}) eq '0';
	$admin->run(q{BEGIN; SELECT sessionctl.lockdown_role('victim')});
	my $victim = RawSession->new($node, user => 'victim');    # too late for all but the sweep
	$admin->run('COMMIT');
	my $code = $victim->ended_with || '';
	die "a sweep ended its victim with '$code'" if $code ne '57P01';
	$admin->run(q{SELECT sessionctl.unlock_role('victim')});
	$admin->quit;
	return sweepers_exit($node);
}

1;
