# A call that has signalled sessions returns its count, however long it takes to report them, and statement_timeout
# remains in force for the rest of the statement.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest;
use SessionctlTest;
use Test::More;

use constant VICTIMS => 12;

my $node = boundary_node('statement_timeout', q{log_line_prefix = '%m %c [%p] '});
$node->safe_psql('postgres', 'CREATE EXTENSION pg_sessionctl; CREATE ROLE app LOGIN');
my $admin = SessionctlTest::Session->new($node);

sub victims { return map { SessionctlTest::Session->new($node, user => 'app') } 1 .. VICTIMS }
sub call { my ($function, $more) = @_; return "SELECT sessionctl.$function(\$\$usename = 'app'\$\$" . ($more // '') . ')' }

my $caller = SessionctlTest::Session->new($node);
$caller->run(call('safe_count'));    # loads the library
$caller->run('SELECT sessionctl_test.slow_log(100)');

# The log alone takes longer than the statement may.
for my $case (
	[ 'terminate_where', call('terminate_where'), 'terminated' ],
	[ 'drain_where', call('drain_where'), 'terminated' ],
	[ 'escalate_report', "SELECT count(*) FILTER (WHERE outcome = 'terminated') FROM sessionctl.escalate_report(\$\$usename = 'app'\$\$)", 'terminated', q{BEGIN} ],
	[ 'cancel_where', call('cancel_where'), 'cancelled', 'SELECT pg_sleep(600)' ])
{
	my ($name, $sql, $result, $statement) = @$case;
	subtest $name => sub {
		my @victims = victims();
		if ($statement)
		{
			$_->send($statement) for @victims;
			my $state = $statement eq 'BEGIN' ? 'idle in transaction' : 'active';
			wait_for('the statements', sub { $admin->run("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = '$state'") == VICTIMS });
		}
		my $position = log_position($node);
		my $answer = $caller->run("SET statement_timeout = '500 ms'; $sql");
		unlike($answer, qr/ERROR/, 'no error');
		my ($count) = $answer =~ /^(\d+)\z/m;
		is($count, scalar(grep { /result="$result"/ } audit_lines($node, $position)), 'the count is true');
		is(scalar(audit_lines($node, $position)), VICTIMS, 'every session is in the audit');
		$caller->run('RESET statement_timeout');
		$node->safe_psql('postgres', call('terminate_where'));
		$_->quit for @victims;
	};
}

$caller->run('SELECT sessionctl_test.slow_log(0)');

subtest 'the rest of the statement' => sub {
	my @victims = victims();
	like($caller->run("SET statement_timeout = '2 s'; " . call('terminate_where') . ', pg_sleep(600)'),
		qr/ERROR:  canceling statement due to statement timeout/, 'is cancelled in time');
	$_->quit for @victims;
	@victims = victims();
	like($caller->run('DO $do$ BEGIN PERFORM sessionctl_test.slow_log(300); PERFORM sessionctl.terminate_where($$usename = \'app\'$$); PERFORM pg_sleep(600); END $do$'),
		qr/ERROR:  canceling statement due to statement timeout/, 'also when the report has taken longer');
	$caller->run('RESET statement_timeout; SELECT sessionctl_test.slow_log(0)');
	is($caller->run('SELECT pg_sleep(3)'), '', 'the next one is not');
	$_->quit for @victims;
};

subtest 'calls one after the other' => sub {
	for my $case ([ 'that find nobody', '' ], [ 'that end somebody each', q{PERFORM sessionctl_test.slow_log(300);} ])
	{
		my ($what, $before) = @$case;
		my @victims = victims();
		my $loop = q{FOR i IN 1 .. 10000 LOOP PERFORM sessionctl.terminate_where($$pid = (SELECT max(pid) FROM pg_stat_activity WHERE usename = 'app') AND usename = 'app'$$); PERFORM pg_sleep(0.1); END LOOP;};
		$loop =~ s/= 'app'/= 'nobody'/g if !$before;
		like($caller->run("SET statement_timeout = '1 s'; DO \$do\$ BEGIN $before $loop END \$do\$"),
			qr/ERROR:  canceling statement due to statement timeout/, "$what do not keep the statement going");
		$caller->run('RESET statement_timeout; SELECT sessionctl_test.slow_log(0)');
		$admin->run(call('terminate_where'));
		$_->quit for @victims;
	}
};

subtest 'a cancel' => sub {
	my @victims = victims();
	stop_process($victims[0]->pid);
	$caller->send("SET statement_timeout = '10 min'; " . call('terminate_where', q{, timeout := '10 min'}));
	wait_for('the signals', sub { $admin->run(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'}) eq '1' });
	$admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')');
	like($caller->answer, qr/ERROR:  canceling statement due to user request/, 'is obeyed while the timeout is deferred');
	continue_process($victims[0]->pid);
	$_->quit for @victims;
};

is_undisturbed($node, $admin);
$_->quit for $caller, $admin;
done_testing();
