# Sessions take and request locks of all modes at random: the wait graph always equals pg_blocking_pids(), for all roles.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use LockTest;
use SessionctlTest;
use Test::More;

my $node = new_lock_server('blocking_random');
my $admin = SessionctlTest::Session->new($node);
my @modes = ('ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE');
$admin->run(q{CREATE ROLE app LOGIN; CREATE TABLE t1 (a int, b int); CREATE TABLE t2 (a int, b int); CREATE TABLE t3 (a int, b int);
	INSERT INTO t1 VALUES (1, 0), (2, 0); GRANT ALL ON t1, t2, t3 TO app});

sub one_of { return $_[ int rand @_ ] }

my $step = 0;

sub random_statement
{
	$step++;
	my $kind = int rand 10;
	my $sql = $kind < 5 ? 'LOCK TABLE ' . one_of(qw(t1 t2 t3)) . ' IN ' . one_of(@modes) . ' MODE'
	  : $kind < 7 ? 'SELECT ' . one_of('pg_advisory_xact_lock', 'pg_advisory_xact_lock_shared') . '(' . one_of(1, 2) . ')'
	  : $kind < 9 ? 'UPDATE t1 SET b = b WHERE a = ' . one_of(1, 2)
	  : 'SELECT * FROM t1 WHERE a = ' . one_of(1, 2) . ' FOR SHARE';
	return "$sql /* $step */";
}

# It holds what it asked for, or waits for it.
sub settle
{
	my ($session) = @_;
	my $state;
	wait_for("step $step to settle", sub {
		$state = shown($admin, $session, "CASE WHEN query NOT LIKE '%/* $step */%' THEN '' WHEN waiting THEN 'waits' WHEN state LIKE 'idle%' THEN 'idle' ELSE '' END");
	});
	return $state;
}

for my $seed (map { $ENV{LOCK_SEED} || $_ } 1 .. ($ENV{LOCK_SEED} ? 1 : 4))
{
	srand $seed;
	my %idle = map { $_->pid => $_ } map { session($node) } 1 .. 14;
	$_->run('BEGIN') for values %idle;
	for (1 .. 40)
	{
		last if !%idle;
		my $session = $idle{ one_of(sort keys %idle) };
		$session->send(random_statement());
		delete $idle{ $session->pid } if settle($session) eq 'waits';
	}
	my $waiting = $admin->run('SELECT count(*) FROM sessionctl.session_activity WHERE waiting');
	cmp_ok($waiting, '>', 3, "seed $seed: $waiting sessions wait");
	is_as_core_says($admin, "seed $seed");
	my $tree = tree($admin);
	my @shown = $tree =~ /^ *pid (\d+)/mg;
	my %times;
	$times{$_}++ for @shown;
	is(join(' ', grep { $times{$_} > 1 } @shown), '', "seed $seed: everybody stands once in the tree");
	is($admin->run('SELECT pid FROM sessionctl.session_activity WHERE blocked_by <> \'{}\' OR blocking_count > 0 ORDER BY pid'),
		join("\n", sort { $a <=> $b } @shown), "seed $seed: all who wait, and who are waited for");
	all_end($admin);
}
$admin->quit;
done_testing();
