# pg_sessionctl.statement_timeout cancels statements whatever their users set, and ends the session of a statement that
# continues after the cancel.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use SessionctlTest;
use Test::More;

my $rule = 'statement_timeout';
my $node = new_reaper_server('statement');
my $admin = SessionctlTest::Session->new($node);
$admin->run("CREATE ROLE $_ LOGIN") for qw(calm app);
$admin->run("ALTER ROLE app SET pg_sessionctl.$rule = '300 ms'");
$admin->run('CREATE TABLE held (a int); GRANT ALL ON held TO PUBLIC');
$admin->run('CREATE DATABASE shop');
$admin->run("ALTER DATABASE shop SET pg_sessionctl.$rule = '300 ms'");

sub app { return SessionctlTest::Session->new($node, user => 'app', @_) }

sub lines_about
{
	my ($session) = @_;
	return grep { / pid=${\ $session->pid} / } audit_lines($node, $session->{log_position});
}

sub was_cancelled
{
	my ($session) = @_;
	my $line;
	wait_for('the account of it', sub { ($line) = lines_about($session) });
	return $line;
}

my $cancelled = qr/\AERROR:  canceling statement due to user request$/m;

subtest 'a statement over the limit' => sub {
	my ($calm, $victim) = (SessionctlTest::Session->new($node, user => 'calm'), app());
	$calm->send('SELECT pg_sleep(600)');
	my $said = $victim->run('SELECT pg_sleep(600)');
	like($said, $cancelled, 'is cancelled');
	like($said, qr/^DETAIL:  The statement ran for .* \(pg_sessionctl\.$rule is 300 ms\)\.$/m, 'and its client reads why');
	ok($victim->lives, 'the session stays');
	like(was_cancelled($victim), qr/action=cancel result="cancelled" .* rule="$rule" .*reason="The statement ran for /, 'the account has it');
	is($admin->run("SELECT state FROM pg_stat_activity WHERE pid = " . $calm->pid), 'active', 'without the limit it runs on');
	wait_for('the counter', sub {
		$admin->run("SELECT acted_on, ended FROM sessionctl.session_stats WHERE action = 'cancel' AND rule = '$rule'") eq '1|1';
	});
	is($admin->run('SELECT reaped FROM sessionctl.reaper_status'), '0', 'no session was ended');
	my $other = SessionctlTest::Session->new($node, user => 'calm', database => 'shop');
	like($other->run('SELECT pg_sleep(600)'), $cancelled, 'the limit of a database');
	$admin->run('SELECT pg_cancel_backend(' . $calm->pid . ')');
	$_->quit for $calm, $victim, $other;
};

subtest 'in a transaction' => sub {
	my $victim = app();
	$victim->run('BEGIN; INSERT INTO held VALUES (1); SAVEPOINT s');
	like($victim->run('SELECT pg_sleep(600)'), $cancelled, 'it is cancelled');
	is($victim->run('ROLLBACK TO s; SELECT count(*) FROM held; ROLLBACK'), '1', 'and the transaction can go on after its savepoint');
	$victim->run('BEGIN');
	for (1 .. 2)
	{
		my $control = app();
		like($control->run('SELECT pg_sleep(600)'), $cancelled, 'others are cancelled');
		$control->quit;
	}
	is($victim->run('SELECT 1; COMMIT'), '1', 'while who is idle in a transaction is not');
	is(scalar(lines_about($victim)), 1, 'it was cancelled once');
	$victim->quit;
};

subtest 'users cannot switch it off' => sub {
	my $victim = app(options => '-c statement_timeout=0');
	like($victim->run_verbose("SET $_"), qr/^ERROR:  42501: /m, $_) for "pg_sessionctl.$rule = 0", "pg_sessionctl.$rule TO DEFAULT";
	like($victim->run('SET statement_timeout = 0; SELECT pg_sleep(600)'), $cancelled, 'core\'s own does not matter');
	$victim->run('SELECT 1') for 1 .. 10;
	like($victim->run('SELECT 1\; SELECT pg_sleep(600)'), qr/^ERROR:  canceling statement due to user request$/m, 'nor what came before');
	$victim->quit;
};

subtest 'one that swallows the cancel' => sub {
	my $victim = app();
	$victim->send(q{DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$});
	is(reaped($victim), $rule, 'is ended with its session');
	my ($first, $last) = lines_about($victim);
	like($first, qr/action=cancel result="still running" /, 'the account says that the cancel was in vain');
	like($last, qr/action=terminate result="terminated" .*reason="The statement continued after it was cancelled, in all for /,
		'and then why it was ended');
	$victim->quit;
};

subtest 'a dry run' => sub {
	reconfigure($node, 'pg_sessionctl.reaper_action' => 'log');
	my $victim = app();
	$victim->send('SELECT pg_sleep(600)');
	like(was_cancelled($victim), qr/action=log result="spared" .* rule="$rule" /, 'only tells');
	is($admin->run('SELECT state FROM pg_stat_activity WHERE pid = ' . $victim->pid), 'active', 'it runs on');
	$admin->run('SELECT pg_cancel_backend(' . $victim->pid . ')');
	reconfigure($node, 'pg_sessionctl.reaper_action' => undef);
	$victim->quit;
};

$node->stop('immediate');
done_testing();
