# A server that carries out session rules, and what its tests share.
package RulesTest;

use strict;
use warnings;

use Exporter 'import';
use SessionctlTest;
use Test::More;

our @EXPORT = qw(new_rules_server set_rules rule status_of checked_again wait_for_end rule_lines marked_session rules_worker wait_for_no_worker);

sub new_rules_server
{
	my ($name, %with) = @_;
	# A check may take its time on a busy machine, and counts no error then.
	return new_reaper_server($name, %with, conf => "pg_sessionctl.rules = on\npg_sessionctl.rule_timeout = '1 min'\n" . ($with{conf} || ''));
}

# Gives these parameters these values (undef: the default). What carries out the rules obeys soon.
sub set_rules
{
	my ($admin, %settings) = @_;
	for my $name (sort keys %settings)
	{
		my $value = $settings{$name};
		$admin->run("ALTER SYSTEM SET $name TO " . (defined $value ? "'$value'" : 'DEFAULT'));
	}
	return $admin->run('SELECT pg_reload_conf()');
}

sub literal
{
	my ($value) = @_;
	return 'NULL' if !defined $value;
	$value =~ s/'/''/g;
	return "'$value'";
}

# Makes a rule that is checked ten times a second; what the server says.
sub rule
{
	my ($session, $name, $condition, %with) = @_;
	$with{check_every} = '100 ms' if !exists $with{check_every};
	return $session->run('SELECT sessionctl.create_session_rule(' . join(', ', literal($name), literal($condition), map { "$_ := " . literal($with{$_}) } sort keys %with) . ')');
}

# These columns of session_rules.
sub status_of
{
	my ($admin, $name, $columns) = @_;
	return $admin->run("SELECT $columns FROM sessionctl.session_rules WHERE name = " . literal($name));
}

# Returns when the rule has been checked anew, from beginning to end.
sub checked_again
{
	my ($admin, $name) = @_;
	my $before = status_of($admin, $name, 'coalesce(checks, 0)');
	return wait_for("rule $name to be checked", sub { status_of($admin, $name, 'coalesce(checks, 0)') > $before + 1 });
}

sub wait_for_end
{
	my ($session) = @_;
	return wait_for('session ' . $session->pid . ' to end', sub { !is_running($session->pid) });
}

# A session of role app that has given itself this name: a rule may end it at once, and does so after it has logged in.
sub marked_session
{
	my ($node, $name, %with) = @_;
	my $session = SessionctlTest::Session->new($node, user => 'app', %with);
	$session->run("SET application_name = '$name'");
	return $session;
}

# The audit lines of this rule since then.
sub rule_lines
{
	my ($node, $position, $name) = @_;
	return grep { / rule="\Q$name\E"/ } audit_lines($node, $position);
}

# The pid of the process, or nothing.
sub rules_worker
{
	my ($node) = @_;
	return grep { read_file("/proc/$_/cmdline") =~ /pg_sessionctl rules/ } grep { is_running($_) } children_of(postmaster_pid($node));
}

sub wait_for_no_worker
{
	my ($node) = @_;
	return wait_for('no process to carry out rules', sub { !rules_worker($node) });
}

1;
