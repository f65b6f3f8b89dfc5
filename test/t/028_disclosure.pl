# The caller of a SECURITY DEFINER function reads its NOTICEs, HINTs and DETAILs. They show nothing that
# pg_stat_activity hides from the caller.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('disclosure');
my $admin = SessionctlTest::Session->new($node);
my $tells_waits = $admin->run('SHOW server_version_num') >= 100000;
$admin->run(q{CREATE ROLE app LOGIN; CREATE ROLE low LOGIN; CREATE TABLE sink (a text); GRANT ALL ON sink TO app});

# As the guide's right one: the condition is fixed, the caller gives values.
sub wrap
{
	my ($name, $call, $argument) = @_;
	$admin->run(<<"SQL");
CREATE FUNCTION $name(argument $argument) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS \$\$ SELECT sessionctl.$call \$\$
SQL
	return;
}
wrap(by_type => q{terminate_where('application_name = ''victim'' and backend_type = $1', array[argument])}, 'text');
wrap(by_id => 'terminate_session(argument)', 'text');
wrap(drain => q{drain_where('application_name = $1', array[argument], timeout := '1 h')}, 'text');
wrap(cancel => q{cancel_where('application_name = $1', array[argument], timeout := '300 ms')}, 'text');
wrap(unblock => 'terminate_blockers(argument)', 'integer');

my $low = SessionctlTest::Session->new($node, user => 'low', tells_progress => 1);
my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'victim');
is($low->run(q{SELECT state IS NULL AND backend_start IS NULL FROM pg_stat_activity WHERE application_name = 'victim'}),
	't', 'what is hidden');

# The same of who may see it, so that there is something to be hidden.
sub shown_to { my ($session, $sql, $words, $test) = @_; like($session->complaint($sql), $words, $test); return }

subtest 'what kinds of processes there are' => sub {
	my $sql = q{SELECT by_type('nonsense')};
	is($low->complaint($sql), '', 'is not told the caller of a function');
	shown_to($admin, q{SELECT sessionctl.terminate_where('backend_type = ''nonsense''')}, qr/^HINT:  Now backend_type is: /m, 'but others');
};

subtest 'when a session began' => sub {
	my $wrong = sprintf '1.%x', $victim->pid;
	my $right = $admin->run("SELECT session_id FROM sessionctl.session_activity WHERE pid = @{[ $victim->pid ]}");
	my $answer = $low->complaint("SELECT by_id('$wrong')");
	like($answer, qr/^NOTICE:  00000: you may not see whether process \d+ is session \Q$wrong\E$/m, 'a wrong guess');
	unlike($answer, qr/\Q$right\E/, 'does not get the right answer');
	shown_to($admin, "SELECT sessionctl.terminate_session('$wrong')", qr/^DETAIL:  Process \d+ is now session \Q$right\E/m, 'but others do');
};

subtest 'what it does, while a call waits for it' => sub {
	$victim->run('BEGIN');
	$low->send(q{SELECT drain('victim')});
	my $told = qr/Left: (.*)\.$/m;
	wait_for('its progress', sub { $low->{psql}->pump_nb; $low->{out} =~ $told });
	my ($left) = $low->{out} =~ $told;
	is($left, '1 whose state is hidden from you', 'is not told');
	$victim->run('COMMIT');
	$low->answer;
	$victim->quit;
};

subtest 'that it waits for its client' => sub {
	plan skip_all => 'the server does not tell it' if !$tells_waits;
	my $stalled = SessionctlTest::Session->new($node, user => 'app', app => 'stalled');
	$stalled->send(q{SELECT count(*) FROM (SELECT pg_sleep(600)) AS s});
	wait_for('its statement', sub { $admin->run(q{SELECT state FROM pg_stat_activity WHERE application_name = 'stalled'}) eq 'active' });
	my $pid = $stalled->pid;
	shown_to($admin, "SELECT sessionctl.terminate_blockers($pid)", qr/waits for no lock but in Timeout\/PgSleep/, 'a role that may see it learns the wait event');
	unlike($low->complaint("SELECT unblock($pid)"), qr/PgSleep|Timeout/, 'the caller of a function is not');
	stop_process($pid);
	my $general = qr/A cancel does not end a session's wait for its client/;
	like($low->complaint(q{SELECT cancel('stalled')}), $general, 'nor whether it waits for its client');
	unlike($admin->complaint(q{SELECT sessionctl.cancel_where('application_name = ''stalled''', timeout := '300 ms')}), $general, 'as others are');
	continue_process($pid);
	$stalled->quit;
};

# The expression of an index is computed with the rights of the table's owner, whoever says ANALYZE.
subtest 'in what runs with the rights of a table\'s owner' => sub {
	$admin->run('CREATE DATABASE lows OWNER low');
	my $maker = SessionctlTest::Session->new($node, database => 'lows');
	my $wrong = sprintf '1.%x', $maker->pid;
	my $right = $maker->run('CREATE EXTENSION pg_sessionctl; SELECT session_id FROM sessionctl.session_activity WHERE is_self');
	my $words = qr/you may not see whether process \d+ is session \Q$wrong\E/;
	$maker->run(<<"SQL");
CREATE FUNCTION asks(a integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS \$\$
BEGIN PERFORM sessionctl.terminate_session('$wrong'); RETURN a; END \$\$;
CREATE TABLE indexed (a integer); CREATE INDEX ON indexed (asks(a)); INSERT INTO indexed VALUES (1)
SQL
	my $owner = SessionctlTest::Session->new($node, user => 'low', database => 'lows');
	my $answer = $owner->complaint('ANALYZE indexed');
	like($answer, $words, 'he is not told');
	unlike($answer, qr/\Q$right\E/, 'when the session began');
	$_->quit for $owner, $maker;
};

done_testing();
