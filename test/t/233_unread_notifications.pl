# A client that listens and never reads: its session is shown as idle, but is in a transaction with a snapshot, in the
# middle of sending notifications.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

plan skip_all => 'client_silence_timeout needs Linux' if $^O ne 'linux';

my $node = new_reaper_server('unread', conf => "listen_addresses = '127.0.0.1'\n");
my $admin = SessionctlTest::Session->new($node);
plan skip_all => 'client_silence_timeout needs PostgreSQL 10' if $admin->run('SHOW server_version_num') < 100000;
$admin->run("CREATE ROLE $_ LOGIN") for qw(calm app saver);
$admin->run(q{ALTER ROLE app SET pg_sessionctl.client_silence_timeout = '500 ms'});
$admin->run("ALTER ROLE saver SET pg_sessionctl.idle_in_transaction_horizon_$_") for 'age = 20', q{idle = '500 ms'};

sub shows
{
	my ($session, $column) = @_;
	return $admin->run("SELECT $column FROM pg_stat_activity WHERE pid = " . $session->pid);
}

sub listener
{
	my (%with) = @_;
	my $session = RawSession->new($node, %with);
	$session->query('LISTEN news')->expect('Z');
	return $session;
}

# More than the buffers between the two hold.
sub tell_news
{
	my (@listeners) = @_;
	$admin->run(q{SELECT count(pg_notify('news', n || repeat('x', 7900))) FROM generate_series(1, 6000) AS n});
	for my $session (@listeners)
	{
		wait_for('it to be stuck', sub { shows($session, q{state || ' ' || coalesce(wait_event, '')}) eq 'idle ClientWrite' });
	}
	return;
}

for my $way ([ 'a Unix socket', 0 ], [ 'TCP', 1 ])
{
	my ($name, $tcp) = @$way;
	subtest "over $name" => sub {
		my ($calm, $victim, $saver) = map { listener(user => $_, tcp => $tcp) } qw(calm app saver);
		my $idle = listener(user => 'app', app => 'reader', tcp => $tcp);
		$idle->query('UNLISTEN *')->expect('Z');
		tell_news($calm);
		is(shows($calm, 'backend_xmin IS NOT NULL'), 't', 'it holds back the horizon');
		is($admin->run('SELECT xact_start IS NULL AND xact_age IS NULL FROM sessionctl.session_activity WHERE pid = ' . $calm->pid), 't', 'in no transaction of its client');
		is(reaped($victim), 'client_silence_timeout', 'client_silence_timeout ends it');
		my ($line) = grep { /pid=${\ $victim->pid} / } audit_lines($node, $victim->{log_position});
		like($line, qr/reason="The session waited for its client to read notifications for /, 'and the account tells why');
		$admin->run('SELECT txid_current()') for 1 .. 40;
		is(reaped($saver), 'idle_in_transaction_horizon_age', 'so does idle_in_transaction_horizon_age');
		($line) = grep { /pid=${\ $saver->pid} / } audit_lines($node, $saver->{log_position});
		like($line, qr/reason="The session waited for its client to read notifications for .* and held back the vacuum horizon by \d+ transactions/,
			'and the account tells why');
		is(shows($calm, q{state || ' ' || coalesce(wait_event, '')}), 'idle ClientWrite', 'without a limit it stays');
		$idle->query('SELECT 1')->expect('Z');
		pass('who waits for a statement stays');
		$admin->run('SELECT pg_terminate_backend(' . $calm->pid . ')');
		$_->quit for $calm, $victim, $saver, $idle;
	};
}

$node->stop;
done_testing();
