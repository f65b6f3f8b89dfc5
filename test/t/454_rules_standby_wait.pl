# Session rules never signal a commit that waits for its synchronous standby, whatever their action.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules_standby_wait', conf => "wal_level = logical\nmax_wal_senders = 2\n");
my $admin = SessionctlTest::Session->new($node);
plan skip_all => 'nothing tells what a commit waits for' if $admin->run('SHOW server_version_num') < 100000;
$admin->run('CREATE ROLE app LOGIN; CREATE TABLE orders (a text); GRANT ALL ON orders TO PUBLIC');
# Before the standby is missed: the rules' own commits would wait for it, too.
$admin->run('SET synchronous_commit = local');
rule($admin, $_, q{application_name = 'committer'}, action => $_, streak => 'session', enabled => 'false', step => '100 ms',
	timeout => '300 ms', ($_ eq 'drain' ? (force => 'true') : ()))
  for qw(cancel terminate escalate drain);
$admin->run(q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'; SELECT pg_reload_conf()});

my $committer = SessionctlTest::Session->new($node, user => 'app', app => 'committer');
sub waits { return $admin->run(q{SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = } . $committer->pid) eq 't' }
$committer->run('SELECT 1');
wait_for('the server to ask for a standby', sub { $admin->run('SHOW synchronous_standby_names') eq 'nobody' });
$committer->send(q{INSERT INTO orders VALUES ('patient')});
wait_for('it to wait for a standby', \&waits);

for my $action (qw(cancel terminate escalate drain))
{
	$admin->run("SELECT sessionctl.alter_session_rule('$action', enabled := true)");
	checked_again($admin, $action);
	checked_again($admin, $action);
	ok(waits(), "$action: it still waits");
	is($admin->run(qq{SELECT outcome, detail FROM sessionctl.test_session_rule('$action')}), 'spared|not acted on: it commits', 'and test_session_rule says so');
	$admin->run("SELECT sessionctl.drop_session_rule('$action')");
}

# It is the oldest match of a rule that may act once, and takes no other's place.
rule($admin, 'one', q{application_name = 'committer'}, action => 'terminate', streak => 'session', at_most => 1, at_most_within => '1 h');
checked_again($admin, 'one');
my $other = SessionctlTest::Session->new($node, user => 'app', app => 'committer');
wait_for_end($other);
ok(waits(), 'the next one is ended in its stead');
is(status_of($admin, 'one', 'acted'), '1', 'and that one alone is counted');
$other->quit;
$admin->run(q{SELECT sessionctl.drop_session_rule('one')});

$admin->run(q{ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()});
is($committer->answer, '', 'its client reads no WARNING');
$committer->quit;

done_testing();
