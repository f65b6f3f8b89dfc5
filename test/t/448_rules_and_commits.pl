# Who commits again and again is no less bound by rules than who does not commit.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules_and_commits', conf => "fsync = on\ncommit_siblings = 0\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE TABLE orders (a int); GRANT ALL ON orders TO app');

sub is_caught
{
	my ($name, $action, $setting, $told) = @_;
	return subtest $name => sub {
		my $session = SessionctlTest::Session->new($node, user => 'app');
		$session->run('SET synchronous_commit = off') if !$setting;
		$admin->run("ALTER SYSTEM SET commit_delay = $setting; SELECT pg_reload_conf()") if $setting;
		$session->send('DO $$ BEGIN LOOP INSERT INTO orders VALUES (1); COMMIT; END LOOP; END $$');
		wait_for('it to commit', sub { $admin->run('SELECT count(*) > 1 FROM orders') eq 't' });
		# Its first check is at once, and the next one is not awaited.
		rule($admin, 'loop', q{usename = 'app' and state = 'active'}, action => $action, check_every => '1 h');
		like($session->answer, $told, 'is caught');
		is(status_of($admin, 'loop', 'acted >= 1, errors'), 't|0', 'by the rule');
		$admin->run(q{SELECT sessionctl.drop_session_rule('loop'); ALTER SYSTEM RESET commit_delay; SELECT pg_reload_conf(); TRUNCATE orders});
		$session->quit;
	};
}

my $cancelled = qr/\AERROR:  canceling statement due to user request$/m;
is_caught('a procedure that is nearly always in a commit', 'cancel', 100_000, $cancelled);
is_caught('a procedure that commits within microseconds', 'cancel', 0, $cancelled);
is_caught('the same, terminated', 'terminate', 0, qr/terminating connection/);

$admin->quit;
$node->stop;
done_testing();
