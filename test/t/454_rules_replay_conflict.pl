# Where replay ends the check of a session rule on a standby, the others are carried out by the same process.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $primary = new_rules_server('rules_primary', init => { allows_streaming => 1 }, conf => "max_standby_streaming_delay = 0\npg_sessionctl.rule_timeout = '1 s'\n");
my $admin = SessionctlTest::Session->new($primary);
$admin->run(q{CREATE ROLE app LOGIN; CREATE TABLE names (name text); INSERT INTO names VALUES ('nobody');
	CREATE FUNCTION slow() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT pg_sleep(0.1) IS NOT NULL'});
rule($admin, 'slow', q{application_name IN (SELECT name FROM public.names WHERE public.slow())});
rule($admin, 'good', q{application_name = 'victim'}, action => 'terminate', streak => 'session');
$primary->backup('base');
my $standby = new_node('rules_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
my $there = SessionctlTest::Session->new($standby);
checked_again($there, 'slow');
my ($before) = rules_worker($standby);

my $position = log_position($standby);
my $conflict = qr/canceling statement due to conflict with recovery/;
wait_for('a check to be ended', sub { $admin->run('VACUUM FULL names'); status_of($there, 'slow', 'last_error') =~ $conflict });
my $session = marked_session($standby, 'victim');
wait_for_end($session);
pass('the other rule is carried out');
my ($after) = rules_worker($standby);
is($after, $before, 'by the same process');
is(join("\n", log_lines($standby, $position, qr/terminating connection due to conflict/)), '', 'which no conflict has ended');
$session->quit;

done_testing();
