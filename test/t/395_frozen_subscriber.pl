# A stopped subscriber would delay a shutdown for ever without wal_sender_timeout. The sequence of the guide, run from the
# page itself, stops the server; a drain of all clients reports the remaining walsenders.

use strict;
use warnings;

use FindBin;
use IPC::Run;
use lib "$FindBin::Bin/../lib";
use Documentation;
use SessionctlTest;
use Test::More;

my $page = 'doc/guide/maintenance.md';
plan skip_all => "$page does not lie beside these tests" if !-e documentation_root() . "/$page";
my $part = documentation_section($page, 'Stop the server');
my @sequence = $part =~ /^postgres=# (SELECT .*?;)$/msg;
my ($stop) = $part =~ /^\$ (pg_ctl stop .*)$/m;

my $node = new_reaper_server('frozen_subscriber', init => { allows_streaming => 'logical' }, conf => "wal_level = logical\nwal_sender_timeout = 0\n");
my $admin = SessionctlTest::Session->new($node, app => 'psql');
plan skip_all => 'before 10 a walsender of logical replication is not told from others' if $admin->run('SHOW server_version_num') < 100000;
$admin->run("SELECT pg_create_logical_replication_slot('warehouse', 'test_decoding'); CREATE TABLE orders (id int, what text); CREATE ROLE app LOGIN; CREATE ROLE feeder LOGIN REPLICATION");
plan skip_all => 'test_decoding (the package postgresql-contrib) is not installed' if $admin->run("SELECT count(*) FROM pg_replication_slots") ne '1';

my $receiver = IPC::Run::start([ 'pg_recvlogical', '-U', 'feeder', '-d', $node->connstr('postgres'), '-S', 'warehouse', '--start', '--no-loop', '-f', '/dev/null' ], '<', \undef, '>&', \my $said);
wait_for('the stream', sub { $admin->run("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") eq '1' });
my $walsender = $admin->run('SELECT pid FROM pg_stat_replication');
stop_process($receiver->{KIDS}[0]{PID});
# More than sockets hold: it waits in the middle of a message.
$admin->run("INSERT INTO orders SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) AS n");
wait_for('its walsender to be stuck', sub { $admin->run("SELECT wait_event FROM pg_stat_activity WHERE pid = $walsender") =~ /\AWalSenderWriteData\z/i });

my $client = SessionctlTest::Session->new($node, user => 'app');
like($admin->complaint(q{SELECT sessionctl.drain_where($$application_name = 'nobody'$$)}), qr/\A\z/, 'a drain of one application does not report walsenders');
like($admin->complaint(q{SELECT sessionctl.drain_where($$backend_type = 'client backend'$$)}),
	qr/^NOTICE:  00000: 1 walsender is still connected\nDETAIL:  .*wal_sender_timeout.*\nHINT:  .*include_replication/m, 'a drain of all clients does');
ok(is_running($walsender), 'it is there');

$client = SessionctlTest::Session->new($node, user => 'app');
like($admin->run($sequence[0]), qr/^0\z/m, 'guide: the gate');
like($admin->run($sequence[1]), qr/^NOTICE:  1 walsender is still connected\n[^\0]*^1\z/ms, 'guide: the drain of all clients, which tells of it');
is($admin->run($sequence[2]), '1', 'guide: the walsender is gone');
local $ENV{PGDATA} = $node->data_dir;
local $ENV{PATH} = $ENV{PATH};
my $stopped = IPC::Run::run([ 'sh', '-c', $stop ], '<', \undef, '>&', \my $answer, IPC::Run::timeout($SessionctlTest::patience));
ok($stopped, 'guide: the server stops') or diag($answer);
$node->{_pid} = undef;
continue_process($receiver->{KIDS}[0]{PID});
eval { $receiver->finish };

END { if ($receiver) { my $status = $?; eval { $receiver->signal('CONT'); $receiver->kill_kill }; $? = $status } }

done_testing();
