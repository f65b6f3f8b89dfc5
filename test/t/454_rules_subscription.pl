# Session rules are not replicated: what a subscription brings is left out, so that nobody gets a superuser's rights by
# what he writes elsewhere.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $publisher = new_reaper_server('rules_publisher', init => { allows_streaming => 'logical' });
my $there = SessionctlTest::Session->new($publisher);
plan skip_all => 'subscriptions came with 10' if $there->run('SHOW server_version_num') < 100000;
$there->run('CREATE TABLE told (a int PRIMARY KEY); CREATE PUBLICATION everything FOR ALL TABLES');
rule($there, 'copied', q{application_name = 'victim'}, action => 'terminate', streak => 'session');

my $node = new_rules_server('rules_subscriber', conf => "wal_retrieve_retry_interval = '100 ms'\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE TABLE told (a int PRIMARY KEY)');
rule($admin, 'own', q{application_name = 'own victim'}, action => 'terminate', streak => 'session', reason => 'as it was');

sub rules { return $admin->run(q{SELECT string_agg(name || ' ' || coalesce(reason, ''), ',' ORDER BY name) FROM sessionctl.session_rules}) }

# Returns when all that was written there has come.
my $told = 0;
sub replicated
{
	$told++;
	$there->run("INSERT INTO told VALUES ($told)");
	return wait_for('what was written to come', sub { $admin->run("SELECT count(*) FROM told WHERE a = $told") eq '1' });
}

my $conninfo = $publisher->connstr('postgres') . ' user=postgres';
$conninfo =~ s/'/''/g;
is($admin->run("SET client_min_messages = error; CREATE SUBSCRIPTION everything CONNECTION '$conninfo' PUBLICATION everything"), '', 'subscribed');
wait_for('the first copy', sub { $admin->run(q{SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'}) eq '0' });
is(rules(), 'own as it was', 'the first copy brings no rule');

rule($there, 'new', q{application_name = 'victim'}, action => 'terminate', streak => 'session');
rule($there, 'own', 'false', action => 'terminate', reason => 'changed');
$there->run(q{SELECT sessionctl.alter_session_rule('own', reason := 'changed again')});
replicated();
is(rules(), 'own as it was', 'nor does a change there');
$there->run(q{SELECT sessionctl.drop_session_rule('own')});
replicated();
is(rules(), 'own as it was', 'nor does one take a rule away');
my $session = marked_session($node, 'own victim');
wait_for_end($session);
pass('the own rule is carried out');
$session->quit;
is(rule($admin, 'another', 'false'), '', 'and others are made as before');

my $position = log_position($node);
$there->run('TRUNCATE sessionctl.session_rule');
SKIP: {
	skip 'TRUNCATE is replicated from 11 on', 1 if $admin->run('SHOW server_version_num') < 110000;
	wait_for_log($node, $position, qr/ERROR:  cannot write the table of session rules/);
	is(rules(), 'another ,own as it was', 'TRUNCATE is refused');
}

done_testing();
