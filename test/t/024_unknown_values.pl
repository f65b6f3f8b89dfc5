# A condition that compares a column with a value that no session can have gets a NOTICE, and is not refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('unknown_values');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE nobody LOGIN;
	CREATE FUNCTION count_as_owner(condition text) RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql
		AS $$BEGIN RETURN sessionctl.safe_count(condition); END$$});
my $idle = SessionctlTest::Session->new($node, user => 'app', app => 'shop');
my $states = q{HINT:  The values of state are: 'active', 'idle', 'idle in transaction', 'idle in transaction (aborted)', 'fastpath function call', 'disabled', 'starting'.};

sub told
{
	my ($condition, %with) = @_;
	my $call = $with{call} || 'SELECT sessionctl.safe_count';
	my $answer = ($with{by} || $admin)->run("$call(\$c\$$condition\$c\$" . ($with{args} ? ", $with{args}" : '') . ')');
	return $answer;
}

subtest 'no session matched' => sub {
	my $notice = "NOTICE:  no session can have state 'Idle'\n$states\n";
	is(told(q{state = 'Idle'}), "${notice}0", 'safe_count');
	is(told(q{state = 'Idle'}, call => 'SELECT * FROM sessionctl.preview_where') . "\n", $notice, 'preview_where');
	is(told(q{state = 'Idle'}, call => 'SELECT * FROM sessionctl.terminate_report') . "\n", $notice, 'terminate_report');
	is(told(q{state = 'Idle'}, call => "SELECT sessionctl.$_"), "${notice}0", $_) for qw(cancel_where terminate_where drain_where);
	is(told($_), "${notice}0", $_)
	  for q{'Idle' = state}, q{s.state = 'Idle'::text AND usename = 'app'}, q{state IN ('Idle')}, q{state IN ('disabled', 'Idle')},
	  q{state = any ('{Idle}')}, q{usename = 'nobody' OR (state = 'Idle' AND pid > 0)},
	  q{exists (SELECT 1 FROM pg_class WHERE s.state = 'Idle')};
	is(told('state = $1', args => q{'{Idle}'}), "${notice}0", 'a value in args');
	is(told('state = any ($1)', args => q{array['{Idle}']}), "${notice}0", 'several in args');
	is(told(q{state = 'Idle'}, call => 'SELECT count_as_owner'), "${notice}0", 'inside of a SECURITY DEFINER function');
	is(told(q{state = 'a' OR state = 'b'}), "NOTICE:  no session can have state 'a'\n$states\n0", 'only once');
	is(told(qq{state = E'\\n'}), "NOTICE:  no session can have state '\\x0a'\n$states\n0", 'on one line') ;
};

subtest 'a comparison that excludes' => sub {
	my $all = $admin->run(q{SET client_min_messages = warning; SELECT count(*) FROM sessionctl.preview_where('state IS NOT NULL') WHERE outcome = 'chosen'});
	$admin->run('RESET client_min_messages');
	for my $condition (q{state <> 'Idle'}, q{state NOT IN ('disabled', 'Idle')}, q{state <> all ('{Idle}')})
	{
		like(told($condition), qr/\ANOTICE:  no session can have state 'Idle'\n\Q$states\E\n(NOTICE:  matched .*\n)?\d+\z/,
			"told whoever matched: $condition");
	}
	like(told(q{state IS DISTINCT FROM 'Idle'}), qr/\ANOTICE:  no session can have state 'Idle'\n/, 'IS DISTINCT FROM');
	is($admin->run(q{SET client_min_messages = warning; SELECT count(*) FROM sessionctl.preview_where($$state <> 'Idle'$$) WHERE outcome = 'chosen'}),
		$all, 'and not refused');
	$admin->run('RESET client_min_messages');
};

subtest 'other columns' => sub {
	like(told(q{protection = 'superusers'}),
		qr/\ANOTICE:  no session can have protection 'superusers'\nHINT:  The values of protection are: 'self', 'parallel worker', .*'permission denied'\.\n0\z/,
		'protection');
	like(told(q{wait_event_type = 'lock'}),
		qr/\ANOTICE:  no session can have wait_event_type 'lock'\nHINT:  The values of wait_event_type are: 'LWLock', 'Lock', .*'IO'/, 'wait_event_type');
	like(told(q{backend_type = 'client'}),
		qr/\ANOTICE:  no session that you may see has backend_type 'client'\nHINT:  Now backend_type is: .*'client backend'/, 'backend_type');
	my $nobody = SessionctlTest::Session->new($node, user => 'nobody');
	is(told(q{backend_type = 'client'}, by => $nobody),
		"NOTICE:  no session that you may see has backend_type 'client'\nHINT:  Now backend_type is: 'client backend'.\n0", 'as far as it is not hidden');
	$nobody->quit;
};

subtest 'no NOTICE' => sub {
	unlike(told($_), qr/no session|HINT/, $_)
	  for q{state = 'idle in transaction (aborted)'}, q{state IN ('idle', 'Idle')}, q{state LIKE 'Idle%'}, q{usename = 'Idle'},
	  q{state = upper('Idle')}, q{state > 'Idle'}, q{state = usename}, q{state = NULL}, q{state = any ('{}')}, q{'Idle' = 'idle' OR pid = 0},
	  q{backend_type <> 'client'}, q{protection IS NULL}, q{wait_event_type = 'Lock'}, q{wait_event = 'lock'},
	  q{exists (SELECT 1 FROM pg_stat_activity AS a WHERE a.state = 'Idle' AND a.pid = s.pid)}, q{state = 'Idle' OR usename = 'app'};
};

done_testing();
