# Every session acted on has one complete line in the server log, which names chosen by users cannot forge.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('audit', conf => "listen_addresses = '127.0.0.1'\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE ROLE operator LOGIN; CREATE ROLE duty; GRANT duty TO operator');
$admin->run('GRANT pg_signal_backend TO duty');

sub victim
{
	my ($app, %with) = @_;
	return SessionctlTest::Session->new($node, user => 'app', app => $app, %with);
}

sub session_id
{
	my ($session) = @_;
	return $admin->run('SELECT session_id FROM sessionctl.session_activity WHERE pid = ' . $session->pid);
}

# Ends a victim with this reason (an SQL expression); returns what the log got meanwhile.
sub log_of
{
	my ($reason, $caller) = @_;
	my $victim = victim('victim');
	my $position = log_position($node);
	is(($caller || $admin)->run(qq{SELECT sessionctl.terminate_where(\$\$application_name = 'victim'\$\$, reason => $reason)}),
		'1', 'the victim ended');
	$victim->quit;
	return $position;
}

sub reason_in
{
	my ($position) = @_;
	my @audit = audit_lines($node, $position);
	is(scalar @audit, 1, 'one audit line');
	# From 19 on a session that is terminated tells who sent the signal.
	my @lines = grep { !/DETAIL:  Signal sent by PID/ } log_lines($node, $position, qr/./);
	is(scalar @lines, 2, "and the victim's last, and no more") or diag(@lines);
	my ($reason) = $audit[0] =~ / reason=(.*)\z/;
	return $reason;
}

subtest 'who, on whom, what, why, result' => sub {
	my $operator = SessionctlTest::Session->new($node, user => 'operator');
	$operator->run('SET ROLE duty');
	my $victim = victim('batch', database => 'template1', host => '127.0.0.1');
	my $port = $admin->run('SELECT client_port FROM sessionctl.session_activity WHERE pid = ' . $victim->pid);
	my ($by, $on) = map { session_id($_) } $operator, $victim;
	my $position = log_position($node);
	is( $operator->run(q{SELECT sessionctl.terminate_where($$application_name = 'batch'$$, reason => 'ticket 4711')}),
		'1', 'ended');
	my $state = q{state="idle"} . ($admin->run('SHOW server_version_num') >= 100000 ? q{ wait_event="Client/ClientRead"} : '');
	my $expected = join ' ', 'pg_sessionctl: action=terminate', 'result="terminated"', "session_id=$on",
	  'pid=' . $victim->pid, 'usename="app"', 'datname="template1"', 'application_name="batch"', "client=127.0.0.1:$port",
	  $state, 'session_age="<time>"', 'state_age="<time>"', 'blocking_count=0', 'query="SELECT pg_backend_pid();"',
	  'by_session_user="operator"', 'by_current_user="duty"', "by_session_id=$by",
	  q{condition="application_name = 'batch'"}, 'reason="ticket 4711"';
	is_deeply([ map { s/(_age=)"[\d.]+ \w+"/$1"<time>"/gr } audit_lines($node, $position) ], [$expected], 'the whole line');
	$_->quit for $operator, $victim;
};

subtest 'one line for each session acted on, none for others' => sub {
	my @victims = map { victim('many') } 1 .. 3;
	my $boss = SessionctlTest::Session->new($node, app => 'many');
	my $position = log_position($node);
	$admin->run(q{SELECT sessionctl.safe_count($$application_name = 'many'$$)});
	$admin->run(q{SELECT * FROM sessionctl.preview_where($$application_name = 'many'$$)});
	is(scalar(audit_lines($node, $position)), 0, 'looking leaves no line');
	stop_process($victims[0]->pid);
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'many'$$, timeout => '1 s')});
	my %result = map { /result="([^"]*)" .* pid=(\d+)/ ? ($2 => $1) : () } audit_lines($node, $position);
	is_deeply(
		\%result,
		{
			$victims[0]->pid => 'still running',
			$victims[1]->pid => 'terminated',
			$victims[2]->pid => 'terminated',
		},
		'each with its result; the spared superuser has none');
	$position = log_position($node);
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'many'$$, timeout => '0')});
	like(join("\n", audit_lines($node, $position)), qr/result="signalled" [^\n]* client=local .* reason=NULL\z/,
		'signalled and not awaited, over a Unix socket, without a reason');
	continue_process($victims[0]->pid);
	my $busy = victim('busy');
	$busy->send('SELECT pg_sleep(600)');
	wait_for('pg_sleep', sub {
		$admin->run('SELECT wait_event FROM sessionctl.session_activity WHERE pid = ' . $busy->pid) eq 'PgSleep';
	});
	$position = log_position($node);
	$admin->run(q{SELECT sessionctl.cancel_where($$application_name = 'busy'$$)});
	my @audit = audit_lines($node, $position);
	is(scalar @audit, 1, 'one line for a cancel');
	like($audit[0], qr/action=cancel result="cancelled" .* pid=${\ $busy->pid} /, 'which says so');
	$_->quit for @victims, $boss, $busy;
};

# The lines come when the results are known, whatever becomes of the call.
for my $how ('goes on', 'is cancelled', 'is ended')
{
	subtest "a call that waits and $how" => sub {
		my $caller = SessionctlTest::Session->new($node);
		my ($stuck, @obedient) = map { victim('many') } 1 .. 3;
		my $position = log_position($node);
		my $audit = sub { join ' ', sort map { /result="([^"]*)" .* pid=(\d+)/ ? "$2=$1" : () } audit_lines($node, $position) };
		my @expected = map { $_->pid . '=terminated' } @obedient;
		stop_process($stuck->pid);
		$caller->send(q{SELECT sessionctl.terminate_where($$application_name = 'many'$$, timeout => '1 h')});
		wait_for('the lines of those that have ended', sub { $audit->() eq join ' ', sort @expected });
		continue_process($stuck->pid) if $how eq 'goes on';
		$admin->run('SELECT pg_cancel_backend(' . $caller->pid . ')') if $how eq 'is cancelled';
		$admin->run('SELECT pg_terminate_backend(' . $caller->pid . ')') if $how eq 'is ended';
		$caller->answer;
		wait_for('the call to end', sub { $how ne 'is ended' || !is_running($caller->pid) });
		push @expected, $stuck->pid . '=' . ($how eq 'goes on' ? 'terminated' : 'signalled');
		is($audit->(), join(' ', sort @expected), 'each session has one line');
		continue_process($stuck->pid) if $how ne 'goes on';
		$_->quit for $caller, $stuck, @obedient;
	};
}

subtest 'written to the log, not to the client' => sub {
	my $caller = SessionctlTest::Session->new($node);
	$caller->run('SET client_min_messages = debug1');
	my $victim = victim('victim');
	unlike($caller->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim'$$)}),
		qr/action=/, 'the client sees nothing of it');
	$_->quit for $caller, $victim;
};

subtest 'conditions' => sub {
	my $victim = victim('victim');
	my $position = log_position($node);
	$admin->run(q{SELECT sessionctl.terminate_where($$application_name = $1 AND
		usename = "current_user"() OR pid = $2::integer$$, ARRAY[$$vic"tim$$, '} . $victim->pid . q{', NULL])});
	my @audit = audit_lines($node, $position);
	is(scalar @audit, 1, 'one line');
	my $text = q{application_name = $1 AND usename = \"current_user\"() OR pid = $2::integer};
	like($audit[0], qr/ condition="\Q$text\E" args="vic\\"tim,${\ $victim->pid},NULL" reason=NULL\z/,
		'what was asked, in one line, and the values');
	$victim->quit;

	$victim = victim('victim');
	$position = log_position($node);
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'victim' AND query <> $$
		|| quote_literal(repeat('ü', 5000)))}), '1', 'a long one');
	@audit = audit_lines($node, $position);
	like($audit[0], qr/ condition="application_name = 'victim' [^"]{400,}" reason=NULL\z/, 'is cut');
	ok(length $audit[0] < 1000 && utf8::decode($audit[0]), 'between two characters');
	$victim->quit;

	$victim = victim('victim');
	$position = log_position($node);
	$admin->run(q{SELECT sessionctl.terminate_role_sessions('app')});
	like((audit_lines($node, $position))[0], qr/ condition="usesysid = \$1" args="\d+" /, 'what a recipe asked');
	$victim->quit;
};

subtest 'reasons' => sub {
	is(reason_in(log_of('NULL')), 'NULL', 'none');
	is(reason_in(log_of("''")), '""', 'an empty one is not NULL');
	is(reason_in(log_of("'NULL'")), '"NULL"', 'nor is the word');
	is(reason_in(log_of("E'a \"quoted\" \\\\ one'")), '"a \"quoted\" \\\\ one"', 'quotes and backslashes are escaped');
	is(reason_in(log_of("E'two\\nlines\\r\\n\\tand more'")), '"two lines and more"', 'line ends become blanks');
	is(reason_in(log_of("E'\\x1b[31mred\\x07\\x7f'")), '"[31mred"', 'control characters are stripped');
	is(reason_in(log_of("E'next\\u0085line\\u2028separator'")), '"nextline separator"', 'those beyond ASCII as well');
	is(reason_in(log_of("E'x\" pid=1 result=\"terminated\\nLOG:  forged'")),
		'"x\" pid=1 result=\"terminated LOG: forged"', 'no field can be forged');

	my $long = reason_in(log_of("repeat(E'quote\" new\\nline \\x01\\x1b tab\\t ü€😀 ', 400)"));
	ok(length $long > 400, 'of 10 kB a good part is kept');
	ok(length $long < 1100, 'and cut');
	unlike($long, qr/[\x00-\x1f\x7f]/, 'no control character is left');
	ok(utf8::decode($long), 'no character is cut in two');
	for my $shift (0 .. 3)
	{
		my $reason = reason_in(log_of("repeat('x', $shift) || repeat('😀', 2500)"));
		ok(utf8::decode($reason), "nor with the cut at another byte ($shift)");
		like($reason, qr/\A"x{$shift}\x{1F600}{100,}"\z/, 'whole characters only');
	}
};

subtest 'another encoding' => sub {
	$admin->run(q{CREATE DATABASE euc ENCODING 'EUC_JP' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'});
	my $caller = SessionctlTest::Session->new($node, database => 'euc');
	$caller->run('SET client_encoding = UTF8; CREATE EXTENSION pg_sessionctl');
	# The bytes of these two, a4c2 8eb1, hold what would be a control character in UTF-8.
	is(reason_in(log_of("'ぢｱ'", $caller)), qq{"\xa4\xc2\x8e\xb1"}, 'characters are kept whole');
	$caller->quit;
};

subtest 'names that look like fields' => sub {
	my $name = 'evil" pid=1 role="postgres';
	(my $quoted = $name) =~ s/"/""/g;
	$admin->run(qq{CREATE ROLE "$quoted" LOGIN; CREATE DATABASE "$quoted"});
	my $victim = SessionctlTest::Session->new($node, user => $name, app => 'x" result="spared\\');
	my $position = log_position($node);
	is($admin->run('SELECT sessionctl.terminate_where($$pid = $1::integer$$, ARRAY[\'' . $victim->pid . '\'])'), '1', 'ended');
	my ($line) = audit_lines($node, $position);
	like($line, qr/ usename="evil\\" pid=1 role=\\"postgres" datname="postgres" application_name="x\\" result=\\"spared\\\\" client=/,
		'quotes and backslashes are escaped in every field');
	$victim->quit;

	$admin->run('CREATE ROLE short_lived LOGIN');
	my $orphan = SessionctlTest::Session->new($node, user => 'short_lived');
	$admin->run('DROP ROLE short_lived');
	$position = log_position($node);
	is($admin->run('SELECT sessionctl.terminate_nologin_sessions()'), '1', 'a session of a dropped role');
	like((audit_lines($node, $position))[0], qr/ usename=NULL /, 'has no role name');
	$orphan->quit;
};

done_testing();
