# Each of pt-kill's options that chooses, limits or acts, as doc/guide/rules.md has it for rules.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('rules_pt_kill');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE batch LOGIN; CREATE DATABASE shop');

# Rules are off: test_session_rule tells whom a rule would end.
sub would_end
{
	my ($condition, %with) = @_;
	rule($admin, 'r', $condition, action => 'terminate', %with);
	my $who = $admin->run(q{SELECT string_agg(usename, ',' ORDER BY usename, pid) FROM sessionctl.test_session_rule('r') WHERE outcome = 'chosen'});
	$admin->run(q{SELECT sessionctl.drop_session_rule('r')});
	return $who;
}

my $idle = SessionctlTest::Session->new($node, user => 'app');
my $busy = SessionctlTest::Session->new($node, user => 'batch', database => 'shop');
$busy->send('SELECT pg_sleep(600) AS report');
wait_for('it to be busy', sub { $admin->run(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%AS report%' AND state = 'active' AND usename = 'batch'}) eq '1' });

is(would_end(q{query_age > '0'}), 'batch', '--busy-time');
is(would_end(q{state = 'idle' AND idle_for > '0'}), 'app', '--idle-time');
is(would_end(q{usename = 'app'}), 'app', '--match-user');
is(would_end(q{usename <> 'app'}), 'batch', '--ignore-user');
is(would_end(q{client_addr <<= '10.1.0.0/16'}), '', '--match-host');
is(would_end(q{datname = 'shop'}), 'batch', '--match-db');
is(would_end(q{state = 'active'}), 'batch', '--match-command');
is(would_end(q{wait_event_type = 'Lock'}), '', '--match-state');
is(would_end(q{query ~* 'as report'}), 'batch', '--match-info');
is(would_end('true'), 'app,batch', '--match-all');
my $second = SessionctlTest::Session->new($node, user => 'app');
is(would_end(q{usename = 'app'}, at_most => 1), 'app', '--victims oldest');
is(would_end(q{usename = 'app'}), 'app,app', '--victims all');
is(would_end(q{usename = 'app'}, keep => 1), 'app', '--victims all-but-oldest');
is(would_end('true', keep => 1, per => 'usename'), 'app', '--group-by');
my $count = q{(SELECT count(*) FROM sessionctl.session_activity AS o WHERE o.usename = s.usename%s) > 1};
is(would_end(sprintf $count, ''), 'app,app', '--query-count');
is(would_end(sprintf $count, q{ AND o.query_age > '0'}), '', '--each-busy-time');
is(would_end(q{usename = 'app'}, only_when => q{EXISTS (SELECT FROM sessionctl.session_activity WHERE query_age > '0' AND usename = 'batch')}), 'app,app', '--any-busy-time');
is(would_end(q{usename = 'app'}, only_when => q{EXISTS (SELECT FROM sessionctl.session_activity WHERE query_age > '1 h')}), '', 'when nobody is so busy');
is(would_end(q{usename = 'app'}, refuse_above => 1), '', 'and what pt-kill has not: refuse_above');

done_testing();
