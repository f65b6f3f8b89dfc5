# The reaper, or a session rule, looks at a session, and then signals it. What the session begins in between waits for the signal, which is held
# there: a commit (one that waits for its standby would report that it gave up), or the next transaction.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../module";
use BoundaryTest qw(with_held_signal);
use SessionctlTest;
use Test::More;

plan skip_all => 'signals are held with a library for Linux' if $^O ne 'linux';

my ($wanted, $node) = with_held_signal(sub { new_reaper_server('held_signal', conf => "wal_level = logical\nmax_wal_senders = 2\npg_sessionctl.rules = on\n") });
my $admin = SessionctlTest::Session->new($node, app => 'admin');
plan skip_all => 'nothing tells what a commit waits for' if $admin->run('SHOW server_version_num') < 100000;
$admin->run('SET synchronous_commit = local');
$admin->run('CREATE ROLE app LOGIN; CREATE TABLE orders (a text); GRANT ALL ON orders TO PUBLIC');
reconfigure($node, 'synchronous_standby_names' => 'nobody');

# What it did before, the limit that is over (or the rule that matches) then, what it does once the signal is held, and what it is
# told. The reaper alone learns of the limit: a session that reads the configuration first waits there already.
sub is_hit_before
{
	my ($name, %with) = @_;
	subtest $name => sub {
		my $position = log_position($node);
		my $session = SessionctlTest::Session->new($node, user => 'app');
		$with{before}->($session);
		write_file($wanted, '');
		# Not waiting for the reaper, which is held, too.
		$admin->run($with{limit} ? "ALTER SYSTEM SET $with{limit} = '1 ms'" : $with{rule});
		kill 'HUP', $admin->run('SELECT pid FROM sessionctl.reaper_status') or die 'no reaper' if $with{limit};
		wait_for('it to be signalled', sub { -e "$wanted.held" });
		$with{then}->($session);
		wait_for('it to wait', sub { wait_event($admin, $session) =~ /^(?:LWLock:|IPC:SyncRep)/ });
		is($admin->run('SELECT state FROM pg_stat_activity WHERE pid = ' . $session->pid), 'active', 'it waits in what it begins');
		unlike(wait_event($admin, $session), qr/SyncRep/, 'it has not committed');
		unlink "$wanted.held" or die $!;
		like($session->answer, $with{told}, 'it is signalled before it does');
		$with{limit} ? reconfigure($node, $with{limit} => undef) : $admin->run(q{SELECT sessionctl.drop_session_rule('held')});
		is(join("\n", log_lines($node, $position, qr/canceling the wait/)), '', 'no wait for a standby is given up');
		is($admin->run('SELECT count(*) FROM orders'), '0', 'and nothing is written');
		$session->quit;
	};
	return;
}

my $ended = qr/^FATAL:  terminating connection due to administrator command/m;
is_hit_before('a commit', limit => 'pg_sessionctl.transaction_timeout', told => $ended,
	before => sub { $_[0]->run(q{BEGIN; INSERT INTO orders VALUES ('late')}) },
	then => sub { $_[0]->send('COMMIT') });
# It has written WAL without a number of its own, which NOTIFY gives it while it commits.
is_hit_before('the commit of a notification', limit => 'pg_sessionctl.transaction_timeout', told => $ended,
	before => sub { $_[0]->run(q{BEGIN; SELECT 1 FROM pg_logical_emit_message(false, 'a', 'b'); NOTIFY news}) },
	then => sub { $_[0]->send('COMMIT') });

# As it begins, it has neither written WAL nor to wait for a standby.
is_hit_before('the commit of a notification and of nothing else', limit => 'pg_sessionctl.transaction_timeout', told => $ended,
	before => sub { $_[0]->run('BEGIN; SET LOCAL synchronous_commit = local; NOTIFY news') },
	then => sub { $_[0]->send('COMMIT') });
# It would be idle then.
is_hit_before('the end of a transaction that has failed', limit => 'pg_sessionctl.idle_in_transaction_timeout', told => $ended,
	before => sub { $_[0]->run('BEGIN; SELECT 1/0') },
	then => sub { $_[0]->send('ROLLBACK') });

$admin->run('SELECT pg_advisory_lock(1)');
is_hit_before('the commit of a statement that is to be cancelled', limit => 'pg_sessionctl.statement_timeout', told => qr/^ERROR:  canceling statement due to user request/m,
	before => sub {
		my ($session) = @_;
		$session->send(q{INSERT INTO orders SELECT 'late' FROM pg_advisory_xact_lock(1)});
		wait_for('it to wait', sub { wait_event($admin, $session) eq 'Lock:advisory' });
	},
	then => sub { $admin->run('SELECT pg_advisory_unlock(1)') });

is_hit_before("the next transaction, $_", limit => $_, told => $ended,
	before => sub { $_[0]->run('SELECT 1') },
	then => sub { $_[0]->send(q{INSERT INTO orders VALUES ('next')}) })
  for qw(pg_sessionctl.idle_session_timeout pg_sessionctl.session_lifetime_timeout);

my $held = q{SELECT sessionctl.create_session_rule('held', $$usename = 'app' AND state LIKE 'idle%'$$, check_every := '100 ms', action := };
is_hit_before("a commit, rule $_", rule => "$held '$_')", told => $ended,
	before => sub { $_[0]->run(q{BEGIN; INSERT INTO orders VALUES ('late')}) },
	then => sub { $_[0]->send('COMMIT') })
  for qw(terminate escalate);
is_hit_before('the next transaction, rule terminate', rule => "$held 'terminate')", told => $ended,
	before => sub { $_[0]->run('SELECT 1') },
	then => sub { $_[0]->send(q{INSERT INTO orders VALUES ('next')}) });

$node->stop;
done_testing();
