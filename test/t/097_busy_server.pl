# terminate_where('true') on a busy server with replicas ends its 50 clients and nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

use constant CLIENTS => 50;

my $node = new_server('busy',
	init => { allows_streaming => 'logical' },
	conf => "max_connections = 100\nmax_worker_processes = 16\nautovacuum_naptime = 1s\n");
my $admin = SessionctlTest::Session->new($node, app => 'admin');
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE replicator LOGIN REPLICATION;
	CREATE TABLE published (a int PRIMARY KEY);
	CREATE PUBLICATION pub FOR TABLE published;
	GRANT SELECT ON published TO replicator;
	CREATE TABLE wide AS SELECT generate_series(1, 20000) AS a;
	GRANT SELECT ON wide TO app});

sub activity
{
	my ($what, $where) = @_;
	return $admin->run("SELECT $what FROM pg_stat_activity WHERE $where ORDER BY 1");
}

# A standby that streams, and a subscriber; both connect with a role that is no superuser.
my $conninfo = $node->connstr('postgres') . ' user=replicator';
my $standby = new_standby($node, conninfo => "$conninfo application_name=standby");
my $subscriber = new_node('subscriber');
init_node($subscriber);
$subscriber->start;
$subscriber->safe_psql('postgres', 'CREATE TABLE published (a int PRIMARY KEY)');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION sub CONNECTION \$\$$conninfo\$\$ PUBLICATION pub");
$node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pg_stat_replication WHERE state = 'streaming'})
  or die 'no replicas';
wait_for('the first copy to be over', sub { activity('count(*)', q{backend_type = 'walsender'}) eq '2' });

keep_autovacuum_busy($admin);
my $autovacuum = q{query LIKE 'autovacuum: VACUUM%dirty%'};
wait_for('an autovacuum worker', sub { activity('count(*)', $autovacuum) eq '1' });

# Two parallel queries: one of a client, one of another superuser.
my @parallel = (options => join ' ', map { "-c $_" } 'max_parallel_workers_per_gather=2', 'parallel_setup_cost=0',
	'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0');
my $boss = SessionctlTest::Session->new($node, user => 'boss', @parallel);
my $idle_boss = SessionctlTest::Session->new($node, user => 'boss');
my @clients = map { SessionctlTest::Session->new($node, user => 'app', app => 'client', @parallel) } 1 .. CLIENTS;
for my $leader ($boss, $clients[0])
{
	$leader->send(q{SELECT count(*) FROM wide WHERE pg_sleep(600)::text = 'never'});
	my $workers = 'SELECT count(*) FROM sessionctl.session_activity WHERE leader_pid = ' . $leader->pid;
	wait_for('parallel workers', sub { $admin->run($workers) >= 1 });
}
$clients[1]->run('BEGIN; SELECT count(*) FROM wide');
$clients[2]->send('SELECT pg_sleep(600)');

my $workers_of_client = join '|', map { "\\[$_\\]" } split /\n/,
  $admin->run('SELECT pid FROM sessionctl.session_activity WHERE leader_pid = ' . $clients[0]->pid);

# Everything but the clients and their parallel workers.
my $others = "(usename IS DISTINCT FROM 'app') AND (backend_type <> 'autovacuum worker' OR $autovacuum)";
my $identity = "pid || ' ' || backend_start || ' ' || backend_type";
my $before = activity($identity, $others);
like($before, qr/ $_$/m, "there is a $_")
  for 'autovacuum worker', 'autovacuum launcher', 'checkpointer', 'walwriter', 'walsender', 'parallel worker',
  'logical replication launcher', 'client backend';
my $receiver = $standby->safe_psql('postgres', 'SELECT pid FROM pg_stat_wal_receiver');
my $applier = $subscriber->safe_psql('postgres', 'SELECT pid FROM pg_stat_subscription WHERE relid IS NULL');

like($admin->run(q{SELECT sessionctl.safe_count('true')}), qr/^@{[ CLIENTS ]}\z/m, 'safe_count');
my $position = log_position($node);
my $answer = $admin->run(q{SELECT sessionctl.terminate_where('true')});
like($answer, qr/^@{[ CLIENTS ]}\z/m, 'all clients ended, and counted once each');
my ($spared) = $answer =~ /\ANOTICE:  matched \d+: 50 ended, \d+ spared \((.*)\)$/m;
like($spared, qr/(\A|, )\d+ $_(,|\z)/, "told of: $_")
  for 'self', 'superuser', 'replication', 'parallel worker', 'background process', 'not a client';
like($answer, qr/^HINT:  include_superusers => true acts on superusers, include_replication .* walsenders, include_background .* background processes, too\.$/m,
	'and of the options for them');
unlike($answer, qr/WARNING|denied|already gone/, 'and nothing went wrong');

is(activity('count(*)', q{usename = 'app' AND backend_type = 'client backend'}), '0', 'no client is left');
is(activity($identity, $others), $before, 'everything else is the same process as before');
is(scalar(audit_lines($node, $position)), CLIENTS, 'one audit line for each client');
# Up to 13 the workers that lose their leader end with the same message as a session.
my @terminated = grep { !/$workers_of_client/ } log_lines($node, $position, qr/FATAL:  terminating connection/);
is(scalar(@terminated), CLIENTS, 'that many were terminated') or diag(log_lines($node, $position, qr/FATAL/));

$admin->run('INSERT INTO published VALUES (1)');
wait_for("the $_->[0] to have it", sub { $_->[1]->safe_psql('postgres', 'SELECT count(*) FROM published') eq '1' })
  for [ standby => $standby ], [ subscriber => $subscriber ];
is($standby->safe_psql('postgres', 'SELECT pid FROM pg_stat_wal_receiver'), $receiver, 'the standby never lost its stream');
is($subscriber->safe_psql('postgres', 'SELECT pid FROM pg_stat_subscription WHERE relid IS NULL'),
	$applier, 'nor did the subscriber');
ok($idle_boss->lives, 'the other superuser lives');
$admin->run('SELECT pg_cancel_backend(' . $boss->pid . ')');
like($boss->answer, qr/canceling statement/, 'and so does the one with the parallel query');

$_->quit for $boss, $idle_boss, @clients;
$subscriber->stop;
$standby->stop;
done_testing();
