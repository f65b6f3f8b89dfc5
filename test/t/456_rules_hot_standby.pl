# The same session rules are carried out by primary and standbys, each on its own sessions, and by a standby that is
# promoted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

# The standby has no rule at its first look, and is promoted before its next.
my $bare = new_rules_server('rules_bare', init => { allows_streaming => 1 }, conf => "log_min_messages = debug1\n");
my $on_bare = SessionctlTest::Session->new($bare);
$on_bare->run('CREATE ROLE app LOGIN');
$bare->backup('bare');
my $late = new_node('rules_late');
$late->init_from_backup($bare, 'bare', has_streaming => 1);
$late->start;
my $on_late = SessionctlTest::Session->new($late);
wait_for_log($late, 0, qr/starting background worker process "pg_sessionctl rules"/);
wait_for_no_worker($late);
rule($on_bare, 'end', q{application_name = 'victim'}, action => 'terminate', streak => 'session');
wait_for('the rule', sub { $on_late->run('SELECT count(*) FROM sessionctl.session_rules') eq '1' });
$bare->stop('immediate');
$late->promote;
my $waiting = marked_session($late, 'victim');

my $primary = new_rules_server('rules_primary', init => { allows_streaming => 1 });
my $on_primary = SessionctlTest::Session->new($primary);
$on_primary->run('CREATE ROLE app LOGIN');
rule($on_primary, 'end', q{application_name = 'victim'}, action => 'terminate', streak => 'session');
rule($on_primary, 'tell', q{application_name = 'told'}, action => 'notify');
$primary->backup('base');
my $standby = new_node('rules_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
my $second = new_node('rules_second_standby');
$second->init_from_backup($primary, 'base', has_streaming => 1);
$second->start;
my $on_standby = SessionctlTest::Session->new($standby);
is($on_standby->run('SELECT pg_is_in_recovery()'), 't', 'a hot standby');

sub victim { my ($node, $app) = @_; return marked_session($node, $app || 'victim') }

for my $node ($primary, $standby, $second)
{
	my $session = victim($node);
	wait_for_end($session);
	pass($node->name . ' ends its own');
	$session->quit;
}
is($on_standby->run(q{SELECT acted FROM sessionctl.session_rules WHERE name = 'end'}), '1', 'and counts its own');

my $position = log_position($standby);
my $told = victim($standby, 'told');
wait_for_log($standby, $position, qr/action=log result="spared" [^\n]* rule="tell"/);
pass('nobody can be notified on a standby: it is logged');
ok($told->lives, 'and nothing else is done');
$told->quit;

like($on_standby->run(q{SELECT sessionctl.drop_session_rule('end')}), qr/cannot execute DELETE in a read-only transaction/, 'rules are changed on the primary');

$primary->stop('fast');
$standby->promote;
wait_for('the promotion', sub { $on_standby->run('SELECT pg_is_in_recovery()') eq 'f' });
my $session = victim($standby);
wait_for_end($session);
$session->quit;
pass('promoted, it goes on');
rule($on_standby, 'new', q{application_name = 'new'}, action => 'terminate', streak => 'session');
$session = victim($standby, 'new');
wait_for_end($session);
$session->quit;
pass('with new rules, too');
$on_standby->run('LISTEN pg_sessionctl');
$told = victim($standby, 'told');
my $words = '';
wait_for('the notification', sub { ($words .= $on_standby->run('SELECT 1')) =~ /"rule": "tell"/ });
pass('and with notifications');
$told->quit;

wait_for_end($waiting);
is(scalar(my @started = log_lines($late, 0, qr/worker for session rules started/)), 1, 'the log tells of a process that has a rule');
pass('a rule that came between the last look of a standby and its promotion is carried out');
$waiting->quit;

done_testing();
