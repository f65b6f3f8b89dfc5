# Each of pt-kill's options does what doc/guide/from-pt-kill.md says of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('rules_pt_kill', conf => "wal_level = logical\nmax_wal_senders = 2\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN REPLICATION; CREATE ROLE batch LOGIN; CREATE DATABASE shop');

my %is_tested;

sub tested { my ($options, $name) = @_; $is_tested{$_} = 1 for $options =~ /--[\w-]+/g; return $name ? "$options: $name" : $options }

sub drop_rules { return $admin->run('SELECT sessionctl.drop_session_rule(name) FROM sessionctl.session_rules') }

# Rules are off: test_session_rule tells whom a rule would end.
sub would_end
{
	my ($options, $condition, $expected, %with) = @_;
	rule($admin, 'r', $condition, action => 'terminate', %with);
	is($admin->run(q{SELECT string_agg(usename, ',' ORDER BY usename, pid) FROM sessionctl.test_session_rule('r') WHERE outcome = 'chosen'}), $expected, tested($options, $condition));
	return drop_rules();
}

my $idle = SessionctlTest::Session->new($node, user => 'app');
my $busy = SessionctlTest::Session->new($node, user => 'batch', database => 'shop');
$busy->send('SELECT pg_sleep(600) AS report');
wait_for('it to be busy', sub { $admin->run(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%AS report%' AND state = 'active' AND usename = 'batch'}) eq '1' });

subtest 'which sessions' => sub {
	would_end('--busy-time', q{query_age > '0'}, 'batch');
	would_end('--busy-time', q{query_age > '1 h'}, '');
	would_end('--idle-time', q{state = 'idle' AND idle_for > '0'}, 'app');
	would_end('--idle-time', q{state = 'idle' AND idle_for > '1 h'}, '');
	would_end('--match-user', q{usename = 'app'}, 'app');
	would_end('--match-user', q{usename ~ '^app'}, 'app');
	would_end('--ignore-user', q{usename <> 'app'}, 'batch');
	would_end('--match-host', q{client_addr <<= '10.1.0.0/16'}, '');
	would_end('--ignore-host', q{client_addr IS NULL OR NOT client_addr <<= '10.1.0.0/16'}, 'app,batch');
	would_end('--match-db', q{datname = 'shop'}, 'batch');
	would_end('--ignore-db', q{datname <> 'shop'}, 'app');
	would_end('--match-command', q{state = 'active'}, 'batch');
	would_end('--ignore-command', q{state <> 'active'}, 'app');
	would_end('--match-state', q{wait_event_type = 'Lock'}, '');
	would_end('--ignore-state', q{wait_event_type IS DISTINCT FROM 'Lock'}, 'app,batch');
	would_end('--match-info', q{query ~* 'as REPORT'}, 'batch');
	would_end('--ignore-info', q{query !~* 'as REPORT'}, 'app');
	would_end('--match-all --ignore-self', 'true', 'app,batch');
	my $walsender = SessionctlTest::Session->new($node, user => 'app', replication => 'database') if $admin->run('SHOW server_version_num') >= 100000;
	would_end('--replication-threads', 'true', $walsender ? 'app,app,batch' : 'app,batch', include_replication => 'true');
	$walsender->quit if $walsender;
};

subtest 'groups' => sub {
	my $second = SessionctlTest::Session->new($node, user => 'app');
	would_end('--victims', q{usename = 'app'}, 'app', at_most => 1, at_most_within => '1 ms');
	would_end('--victims', q{usename = 'app'}, 'app,app');
	would_end('--victims', q{usename = 'app'}, 'app', keep => 1);
	would_end('--group-by', 'true', 'app', keep => 1, per => 'usename');
	my $others = q{(SELECT count(*) FROM sessionctl.session_activity AS o WHERE o.usename = s.usename AND o.state = '%s') > %s};
	would_end('--query-count', sprintf($others, 'idle', 1), 'app,app');
	would_end('--query-count', sprintf($others, 'active', 1), '');
	my $each = q{usename <> 'postgres' AND NOT EXISTS (SELECT FROM sessionctl.session_activity AS o WHERE o.usename = s.usename AND o.state = 'active' AND o.query_age <= '%s') AND state = 'active'};
	would_end('--each-busy-time', sprintf($each, '0'), 'batch');
	would_end('--each-busy-time', sprintf($each, '1 h'), '');
	my $any = q{EXISTS (SELECT FROM sessionctl.session_activity AS o WHERE o.usename = s.usename AND o.query_age > '%s')};
	would_end('--any-busy-time', sprintf($any, '0'), 'batch');
	would_end('--any-busy-time', sprintf($any, '1 h'), '');
	my $only_when = q{EXISTS (SELECT FROM sessionctl.session_activity WHERE usename = 'batch' AND query_age > '%s')};
	would_end('--any-busy-time', q{usename = 'app'}, 'app,app', only_when => sprintf($only_when, '0'));
	would_end('--any-busy-time', q{usename = 'app'}, '', only_when => sprintf($only_when, '1 h'));
	would_end('--run-time', q{usename = 'app'}, '', only_when => q{now() < '2020-01-01 08:00'});
	$second->quit;
};
$admin->run('SELECT pg_terminate_backend(' . $busy->pid . ')');
$_->quit for $idle, $busy;

# Now they are carried out.
sub victim { return marked_session($node, 'victim') }
my $victims = q{application_name = 'victim'};
set_rules($admin, 'pg_sessionctl.rules' => 'on');

subtest 'what is done' => sub {
	my $session = victim();
	rule($admin, 'kill', $victims, action => 'terminate');
	wait_for_end($session);
	pass(tested('--kill'));
	wait_for('the audit', sub { $admin->run(q{SELECT count(*) FROM sessionctl.session_audit WHERE rule = 'kill' AND result = 'terminated'}) eq '1' });
	pass(tested('--log-dsn --create-log-table'));
	drop_rules();
	$session->quit;

	$session = victim();
	$session->send('SELECT pg_sleep(600)');
	rule($admin, 'kill query', qq{$victims AND query_age > '0'}, action => 'cancel');
	like($session->answer, qr/canceling statement/, tested('--kill-query'));
	ok($session->lives, 'and the session stays');
	drop_rules();

	my $position = log_position($node);
	rule($admin, 'print', $victims);
	wait_for_log($node, $position, qr/action=log result="spared" [^\n]* rule="print"/);
	ok($session->lives, tested('--print'));
	drop_rules();

	my $listener = SessionctlTest::Session->new($node);
	$listener->run('LISTEN pg_sessionctl');
	rule($admin, 'execute', $victims, action => 'notify');
	my $told = '';
	wait_for('the notification', sub { ($told .= $listener->run('SELECT 1')) =~ /notification "pg_sessionctl"/ });
	like($told, qr/"rule": "execute"/, tested('--execute-command'));
	drop_rules();
	$_->quit for $session, $listener;
};

subtest 'when' => sub {
	my @sessions = map { victim() } 1 .. 2;
	my $running = sub { scalar grep { is_running($_->pid) } @sessions };
	rule($admin, 'patient', $victims, action => 'terminate', matching_for => '1 h');
	checked_again($admin, 'patient');
	is($running->(), 2, tested('--wait-before-kill'));
	is($admin->run(q{SELECT DISTINCT outcome, detail FROM sessionctl.test_session_rule('patient')}), 'chosen|once it has matched for matching_for', tested('--test-matching'));
	drop_rules();

	rule($admin, 'slow', $victims, action => 'terminate', at_most => 1, at_most_within => '1 h');
	wait_for('the first to be ended', sub { $running->() == 1 });
	checked_again($admin, 'slow');
	is($running->(), 1, tested('--wait-after-kill'));
	drop_rules();

	rule($admin, 'seldom', 'false', check_every => '1 h');
	rule($admin, 'often', 'false');
	checked_again($admin, 'often') for 1 .. 3;
	is(status_of($admin, 'seldom', 'checks'), '1', tested('--interval'));
	drop_rules();

	rule($admin, 'off', $victims, action => 'terminate', enabled => 'false');
	set_rules($admin, 'pg_sessionctl.rules' => 'off');
	wait_for_no_worker($node);
	is($running->(), 1, tested('--daemonize --pid --stop --sentinel'));
	$_->quit for @sessions;
};

my ($page, $left_out) = split /^## What is left out\n/m, read_file("$FindBin::Bin/../../doc/guide/from-pt-kill.md");
my @rows = map { (split / \| /)[0] } $page =~ /^\| `--.*/mg;
my %is_in_page = map { $_ => 1 } map { /--[a-z-]*[a-z]/g } @rows;
is(join(' ', grep { !$is_tested{$_} } sort keys %is_in_page), '', 'each option of the page is tested');
is(join(' ', grep { !$is_in_page{$_} } sort keys %is_tested), '', 'each that is tested stands there');

done_testing();
