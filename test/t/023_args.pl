# args: each value takes the type that its place in the condition needs, in every function that takes a condition.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('args', conf => "listen_addresses = '127.0.0.1'\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN');

sub victim { return SessionctlTest::Session->new($node, user => 'app', app => 'victim', @_) }

# A call with one of these sessions chosen by a value ends that one and no other.
sub ends_the_first
{
	my ($condition, $arg, $name, @sessions) = @_;
	my $value = ref $arg ? $arg->($sessions[0]) : $arg;
	is($admin->run("SELECT string_agg(pid::text, ' ') FROM sessionctl.preview_where(\$\$application_name = 'victim' AND $condition\$\$, \$\${$value}\$\$)"),
		$sessions[0]->pid, "$name: preview_where");
	is($admin->run("SELECT sessionctl.terminate_where(\$\$application_name = 'victim' AND $condition\$\$, \$\${$value}\$\$)"), '1',
		"$name: terminate_where");
	ok(!$sessions[0]->lives, "$name: it is gone");
	ok($sessions[1]->lives, "$name: the other one is well");
	$_->quit for @sessions;
	return;
}

subtest 'types' => sub {
	ends_the_first('client_addr = $1', '127.0.0.1', 'inet', victim(host => '127.0.0.1'), victim());
	ends_the_first('client_addr << $1', '127.0.0.0/8', 'a network', victim(host => '127.0.0.1'), victim());
	ends_the_first('pid = $1', sub { $_[0]->pid }, 'integer', victim(), victim());
	ends_the_first('pid = any ($1)', sub { '"{' . $_[0]->pid . ',1}"' }, 'integer[]', victim(), victim());
	ends_the_first('session_id = $1', sub { $admin->run('SELECT session_id FROM sessionctl.session_activity WHERE pid = ' . $_[0]->pid) },
		'text', victim(), victim());
	ends_the_first('usename = any ($1) and pid = $2', sub { '"{app,nobody}",' . $_[0]->pid }, 'text[]', victim(), victim());
	ends_the_first('backend_start = $1', sub { '"' . $admin->run('SELECT backend_start FROM pg_stat_activity WHERE pid = ' . $_[0]->pid) . '"' },
		'timestamptz', victim(), victim());
	ends_the_first('usesysid = $1 and pid = $2', sub { $admin->run(q{SELECT oid FROM pg_roles WHERE rolname = 'app'}) . ',' . $_[0]->pid },
		'oid', victim(), victim());
	ends_the_first('is_self is distinct from $1 and pid = $2', sub { 'true,' . $_[0]->pid }, 'boolean', victim(), victim());
	my ($open, $idle) = (victim(), victim());
	$open->run('BEGIN; SELECT txid_current()');
	ends_the_first('backend_xid = $1', sub { $admin->run('SELECT backend_xid FROM pg_stat_activity WHERE pid = ' . $_[0]->pid) },
		'xid', $open, $idle);
};

subtest 'interval' => sub {
	my $victim = victim();
	$victim->run('SELECT 1');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim' AND idle_for > $1$$, '{1 day}')}), '0', 'longer');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim' AND idle_for < $1$$, '{1 day}')}), '1', 'shorter');
	ok(!$victim->lives, 'it is gone');
	$victim->quit;
};

subtest 'the other functions' => sub {
	for my $function (qw(safe_count cancel_where drain_where))
	{
		my $victim = victim();
		my $answer = $admin->run("SELECT sessionctl.$function('pid = \$1', '{" . $victim->pid . "}')");
		is($answer, $function eq 'cancel_where' ? "NOTICE:  matched 1: 1 not running\n0" : '1', $function);
		$victim->quit;
	}
	for my $function (qw(terminate_report escalate_report))
	{
		my $victim = victim();
		$victim->run('BEGIN');
		is($admin->run("SELECT pid || ' ' || outcome FROM sessionctl.$function('pid = any (\$1)', array['{" . $victim->pid . "}'])"),
			$victim->pid . ' terminated', $function);
		$victim->quit;
	}
};

subtest 'a value that is invalid for its type' => sub {
	like($admin->run_verbose(qq{SELECT sessionctl.terminate_where('$_->[0]', '{$_->[1]}')}),
		qr/\AERROR:  $_->[2]: .*\n(?:HINT: .*\n)?LINE 1: \Q$_->[0]\E\n {8,}\^\n/, "$_->[0] with $_->[1]")
	  for [ 'pid = $1', 'x', '22P02' ], [ 'client_addr = $1', 'x', '22P02' ], [ 'idle_for > $1', 'x', '22007' ],
	  [ 'pid = any ($1)', '1', '22P02' ];
	like($admin->run_verbose(q{SELECT sessionctl.terminate_where('pid = $1')}),
		qr/\AERROR:  42P02: there is no parameter \$1\n.*HINT:  Pass the values of \$1, \$2 \.\.\. in args, an array of text/s, 'no value');
};

done_testing();
