# The deadline of a lock ends with the transaction, or subtransaction, that releases the lock.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

my $node = boundary_node('lock_deadline');
my $bystander = bystander($node);
my $session = SessionctlTest::Session->new($node);
my $start = 'PERFORM sessionctl_test.start_lock_deadline();';
my $why = 'DETAIL:  It held the lock that logins to a database need for longer than 2 s\.';

# Three seconds are longer than any deadline.
sub within
{
	my ($body, $seconds) = @_;
	return $session->complaint("DO \$\$ BEGIN $body PERFORM pg_sleep($seconds); END \$\$");
}

sub sub_transaction { return "BEGIN $_[0] EXCEPTION WHEN division_by_zero THEN NULL; END;" }
my $fails = 'PERFORM 1 / 0;';
my $cancelled = qr/\AERROR:  57014: canceling statement due to user request\n$why\z/;

like(within($start, 600), $cancelled, 'a transaction');
like(within(sub_transaction($start), 600), $cancelled, 'a subtransaction hands it on');
like(within(sub_transaction(sub_transaction($start)), 600), $cancelled, 'and on');
is(within(sub_transaction("$start $fails"), 3), '', 'or takes it back');
is(within(sub_transaction(sub_transaction($start) . $fails), 3), '', 'whatever one inside has handed on');
like(within($start . sub_transaction($fails), 600), $cancelled, 'but not that of who surrounds it');
is($session->run('SELECT pg_sleep(3)'), '', 'afterwards no statement is cancelled');
is($session->complaint("BEGIN; SELECT sessionctl_test.start_lock_deadline(); SAVEPOINT s; SELECT 1 / 0; ROLLBACK TO s; COMMIT; SELECT pg_sleep(3)"),
	'ERROR:  22012: division by zero', 'nor after a savepoint');
ok($session->lives, 'and the session goes on');

# Between statements a cancel means nothing.
$session->run('BEGIN; SELECT sessionctl_test.start_lock_deadline()');
is_gone($session->pid, 'a transaction that is left open ends with its session');

is_undisturbed($node, $bystander);
done_testing();
