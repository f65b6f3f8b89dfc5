# All connection slots are in use, and the operator is no superuser: what the guide says still works.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Documentation;
use SessionctlTest;
use Test::More;

my $page = 'doc/guide/incident.md';
plan skip_all => "$page does not lie beside these tests" if !-e documentation_root() . "/$page";
my ($call) = documentation_section($page, 'All connections are taken') =~ /```sql\n(SELECT .*?);/ms;

my $node = new_reaper_server('all_slots_taken', conf => "max_connections = 18\nsuperuser_reserved_connections = 3\nmax_wal_senders = 2\nwal_level = logical\n");
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
plan skip_all => 'pg_signal_backend came with 9.6' if $version < 90600;
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE ops LOGIN REPLICATION; GRANT pg_signal_backend TO ops');
$node->safe_psql('postgres', 'GRANT ' . ($version < 100000 ? 'SELECT ON pg_stat_activity TO ops' : 'pg_monitor TO ops'));

my $inside = SessionctlTest::Session->new($node, user => 'ops');
my @app = map { SessionctlTest::Session->new($node, user => 'app', app => 'web') } 1 .. 14;
my $full = qr/too many clients already|remaining connection slots are reserved/;
like(refusal($node, 'app'), $full, 'the server is full');
like(refusal($node, 'ops'), $full, 'and does not let the operator in');
is(refusal($node, 'postgres'), '', 'a superuser comes in');

SKIP:
{
	skip 'walsenders have places of their own from 12 on', 2 if $version < 120000;
	my $walsender = SessionctlTest::Session->new($node, user => 'ops', replication => 'database');
	is($walsender->run($call =~ s/keep => 10/keep => 13/r), "NOTICE:  matched 14: 1 ended, 13 spared (kept)\n1", 'a walsender comes in, and makes room');
	is(refusal($node, 'ops'), '', 'the operator comes in');
	$walsender->quit;
}
is($inside->run($call) =~ s/.*\n//r, $version < 120000 ? '4' : '3', 'an operator who is connected makes room as the guide says');
is(refusal($node, 'ops'), '', 'the operator comes in');

done_testing();
