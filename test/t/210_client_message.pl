# The message that a client reads when its session is terminated or its statement canceled has the reason and a HINT.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_reaper_server('client_message');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE "Duty ""x""" LOGIN SUPERUSER; CREATE TABLE held (a int); GRANT ALL ON held TO app});
my $ended = 'FATAL:  terminating connection due to administrator command';
my $length = qr/\d+(\.\d)? (ms|s|min)/;

sub victim
{
	my (%with) = @_;
	return SessionctlTest::Session->new($node, user => 'app', app => 'victim', %with);
}

# What a session that has ended reads when it says something, but for the server's silence after it.
sub end_messages
{
	my ($session) = @_;
	my $words = join "\n", grep { /^(FATAL|DETAIL|HINT): / } split /\n/, $session->run('SELECT 1');
	$session->quit;
	return $words;
}

# The only limit in force.
my %limits;

sub limit_to
{
	my (%now) = @_;
	$limits{$_} = undef for keys %limits;
	%limits = (%limits, map { ("pg_sessionctl.$_" => $now{$_}) } keys %now);
	return reconfigure($node, %limits);
}

subtest 'idle in transaction' => sub {
	limit_to(idle_in_transaction_timeout => '300 ms');
	my $victim = victim();
	$victim->run('BEGIN');
	reaped($victim);
	like(end_messages($victim), qr/^$ended
DETAIL:  The session was idle in transaction for $length \(pg_sessionctl\.idle_in_transaction_timeout is 300 ms\)\.
HINT:  Commit or roll back [^\n]+\.\z/, 'how long, the limit, and what to do');
};

subtest 'while others wait' => sub {
	limit_to(idle_in_transaction_blocking_timeout => '300 ms');
	my ($blocker, @waiters) = map { victim() } 1 .. 3;
	# Stopped, so that both wait before it is ended.
	my $reaper = $admin->run('SELECT pid FROM sessionctl.reaper_status');
	stop_process($reaper);
	$blocker->run('BEGIN; LOCK TABLE held');
	$_->send('BEGIN; LOCK TABLE held; COMMIT') for @waiters;
	wait_for('both to wait', sub {
		$admin->run('SELECT blocking_count FROM sessionctl.session_activity WHERE pid = ' . $blocker->pid) eq '2';
	});
	continue_process($reaper);
	reaped($blocker);
	like(end_messages($blocker), qr/^$ended
DETAIL:  The session was idle in transaction for $length while 2 sessions waited for it \(pg_sessionctl\.idle_in_transaction_blocking_timeout is 300 ms\)\.
HINT:  /, 'how many');
	$_->answer, $_->quit for @waiters;
};

subtest 'holding back the vacuum horizon' => sub {
	my $victim = victim();
	$victim->run('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE held');
	$admin->run('SELECT txid_current()') for 1 .. 3;
	$admin->run(q{ALTER ROLE app SET pg_sessionctl.idle_in_transaction_horizon_age = 1});
	$admin->run(q{ALTER ROLE app SET pg_sessionctl.idle_in_transaction_horizon_idle = '300 ms'});
	my $limited = victim();
	$limited->run('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE held');
	$admin->run('SELECT txid_current()') for 1 .. 3;
	is(reaped($limited), 'idle_in_transaction_horizon_age', 'is ended');
	like(end_messages($limited), qr/^$ended
DETAIL:  The session was idle in transaction for $length and held back the vacuum horizon by \d+ transactions \(pg_sessionctl\.idle_in_transaction_horizon_age is 1 transaction\)\.
HINT:  /, 'by how many transactions');
	$admin->run("ALTER ROLE app RESET pg_sessionctl.$_") for qw(idle_in_transaction_horizon_age idle_in_transaction_horizon_idle);
	$victim->quit;
};

subtest 'other limits' => sub {
	my ($idle, $long) = map { victim() } 1 .. 2;
	$long->run('BEGIN');
	limit_to(idle_session_timeout => '300 ms', transaction_timeout => '300 ms');
	reaped($_) for $idle, $long;
	limit_to();
	like(end_messages($idle), qr/^$ended
DETAIL:  The session was idle for $length \(pg_sessionctl\.idle_session_timeout is 300 ms\)\.
HINT:  Connect again/, 'an idle session');
	like(end_messages($long), qr/^$ended
DETAIL:  The transaction lasted for $length \(pg_sessionctl\.transaction_timeout is 300 ms\)\.
HINT:  Do the work in shorter transactions/, 'a long transaction');
};

# Ends a victim with this reason (an SQL expression); what it reads.
sub ended_with
{
	my ($reason, $caller, %with) = @_;
	my $victim = victim(%with);
	is(($caller || $admin)->run(qq{SELECT sessionctl.terminate_where(\$\$application_name = 'victim'\$\$, reason => $reason)}),
		'1', 'the victim ended');
	return end_messages($victim);
}

sub reason_told
{
	my ($words) = @_;
	my ($reason) = $words =~ /^$ended\nDETAIL:  Reason given by role "postgres": ([^\n]*)\z/;
	return defined $reason ? $reason : "not the reason: $words";
}

subtest 'a reason' => sub {
	is(reason_told(ended_with("'ticket 4711'")), 'ticket 4711', 'is told, and who gave it');
	is(ended_with('NULL'), $ended, 'none, nothing is told');
	my $duty = SessionctlTest::Session->new($node, user => 'Duty "x"');
	is(ended_with(q{'once'}, $duty), qq{$ended\nDETAIL:  Reason given by role "Duty "x"": once},
		'the role as it is called');
	$duty->quit;
	is(reason_told(ended_with(q{'it''s "so" \ %s %m'})), q{it's "so" \ %s %m}, 'quotes, backslashes, per cent signs');
	is(reason_told(ended_with(q{E'two\nlines\r\n\tHINT:  and more'})), 'two lines HINT: and more', 'it is one line');
	is(reason_told(ended_with(q{E'\x1b[31mred\x07'})), '[31mred', 'without control characters');
	is(reason_told(ended_with(q{'größer als 5 €'})), 'größer als 5 €', 'in any script');
	for my $shift (0 .. 3)
	{
		my $reason = reason_told(ended_with("repeat('x', $shift) || repeat('😀', 2500)"));
		ok(utf8::decode($reason), "a long one is cut between two characters ($shift)");
		like($reason, qr/\Ax{$shift}\x{1F600}{100,}\z/, 'and told in good part');
	}
};

sub busy_victim
{
	my ($sql) = @_;
	my $victim = victim();
	$victim->send($sql);
	wait_for('work', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $victim->pid) eq 'PgSleep';
	});
	return $victim;
}

subtest 'a cancelled statement' => sub {
	my $victim = busy_victim('SELECT pg_sleep(600)');
	my $cancel = q{SELECT sessionctl.cancel_where($$application_name = 'victim'$$, reason => %s)};
	is($admin->run(sprintf $cancel, "'too expensive'"), '1', 'cancelled');
	is($victim->answer, qq{ERROR:  canceling statement due to user request\nDETAIL:  Reason given by role "postgres": too expensive},
		'the reason is told');
	is($victim->run('SELECT 1'), '1', 'it goes on');
	my $waits = sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $victim->pid) eq 'PgSleep';
	};
	my %cancels = (
		'pg_cancel_backend()' => sub { $admin->run('SELECT pg_cancel_backend(' . $victim->pid . ')') },
		'cancel_where without a reason' => sub { $admin->run(sprintf $cancel, 'NULL') });
	for my $what (sort keys %cancels)
	{
		$victim->send('SELECT pg_sleep(600)');
		wait_for('work', $waits);
		$cancels{$what}->();
		my $answer = $victim->answer;
		like($answer, qr/^ERROR:  canceling statement due to /, "the next cancel, by $what");
		unlike($answer, qr/DETAIL/, 'is not for that reason');
	}
	is($victim->run(q{SET statement_timeout = '10 ms'; SELECT pg_sleep(600)}),
		'ERROR:  canceling statement due to statement timeout', 'nor is its own timeout');
	$admin->run('SELECT pg_terminate_backend(' . $victim->pid . ')');
	is(end_messages($victim), $ended, 'nor is its end');
};

subtest 'told to the server log, too' => sub {
	my $victim = victim();
	my $position = log_position($node);
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$, reason => 'for the log')});
	wait_for_log($node, $position, qr/DETAIL:  .*Reason given by role "postgres": for the log/);
	pass('beside its FATAL');
	$victim->quit;
};

subtest 'databases in other encodings' => sub {
	$admin->run("CREATE DATABASE $_ ENCODING '$_' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'") for qw(euc_jp latin1);
	my %callers = map { $_ => SessionctlTest::Session->new($node, database => $_, app => 'caller') } qw(postgres euc_jp latin1);
	$callers{$_}->run('SET client_encoding = UTF8; CREATE EXTENSION pg_sessionctl') for qw(euc_jp latin1);
	my %reasons = (postgres => "'ü 😀 ぢ'", latin1 => "'größer'", euc_jp => "'ぢｱ'");
	for my $from (sort keys %callers)
	{
		for my $to (sort keys %callers)
		{
			for my $client (qw(UTF8 LATIN1 SQL_ASCII))
			{
				next if $to eq 'euc_jp' && $client eq 'LATIN1';    # core has no such conversion
				my $words = ended_with($reasons{$from}, $callers{$from}, database => $to, options => "-c client_encoding=$client");
				like($words, qr/^$ended\nDETAIL:  Reason given by role "postgres": /, "from $from to $to, its client $client");
			}
		}
	}
	is($admin->run('SELECT 1'), '1', 'the server is well');
	$_->quit for values %callers;
};

subtest 'switched off' => sub {
	limit_to(send_reason => 'off', idle_in_transaction_timeout => '300 ms');
	my $victim = victim();
	$victim->run('BEGIN');
	reaped($victim);
	is(end_messages($victim), $ended, 'core\'s words alone, from the reaper');
	is(ended_with("'ticket 4711'"), $ended, 'and from who gave a reason');
	limit_to();
};

subtest 'not preloaded' => sub {
	$_->quit for $admin;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	is(ended_with("'ticket 4711'"), $ended, 'nothing is told to the client');
	like((audit_lines($node, 0))[-1], qr/reason="ticket 4711"\z/, 'but the log has it');
};

done_testing();
