# pg_repack (Debian's) with --no-kill-backend beside sessions that it gives up on: they give way to it by their lock priority.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run;
use LockTest;
use PriorityTest;
use SessionctlTest;
use Test::More;

my ($node, $admin) = new_priority_server('pg_repack');
chomp(my $programs = qx(pg_config --bindir));
my $repack = "$programs/pg_repack";
plan skip_all => 'pg_repack is not installed'
  if !-x $repack || $admin->run(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_repack'}) ne '1';
$admin->run('CREATE EXTENSION pg_repack');
my $file = q{SELECT pg_relation_filenode('t')};

# What it says, and whether the table has another file since then.
sub repack
{
	my ($options) = @_;
	local $ENV{PGOPTIONS} = $options;
	my $before = $admin->run($file);
	IPC::Run::run([ $repack, '--no-kill-backend', '--wait-timeout=2', '-t', 'public.t', '-h', $node->host, '-p', $node->port, '-U', 'postgres', 'postgres' ],
		'<', \undef, '>&', \my $said, IPC::Run::timeout(180));
	return ($said, $admin->run($file) ne $before);
}

sub in_transaction
{
	my ($user, $sql) = @_;
	my $session = session($node, user => $user);
	$session->run("BEGIN; $sql");
	return $session;
}

my @batch = map { in_transaction('batch', $_) } 'TABLE t', 'UPDATE t SET b = b + 1 WHERE a = 1';
my $patience = '-c pg_sessionctl.blocker_patience=50ms -c pg_sessionctl.blocker_action=terminate';

my ($said, $is_done) = repack('');
like($said, qr/timed out.*Skipping repack public\.t due to timeout/s, 'without a patience it gives up');
ok(!$is_done, 'and has done nothing');
ok($_->lives, 'nor ended anybody') for @batch;

my $equal = in_transaction('app', 'TABLE t');
($said, $is_done) = repack($patience);
like($said, qr/Skipping repack public\.t due to timeout/, 'so it does where one of those in the way is no lower');
ok(!$is_done, 'and has done nothing');
ok($_->lives, 'nor ended anybody') for @batch, $equal;
$equal->run('COMMIT');

my $position = log_position($node);
($said, $is_done) = repack($patience);
unlike($said, qr/timed out|Skipping/, 'those of lower priority give way to it');
ok($is_done, 'the table has been rewritten');
for my $session (@batch)
{
	wait_for('the audit', sub { gives_way($node, $position, $session) });
	is(join(',', gives_way($node, $position, $session)), 'terminate terminated', 'the audit');
}
is($admin->run('SELECT count(*) FROM t'), '9', 'and has all its rows');
all_end($admin);

$admin->quit;
done_testing();
