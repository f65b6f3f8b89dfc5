# Session rules: what each action does, to whom, once a match, and what is told of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RawSession;
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rules');
my $admin = SessionctlTest::Session->new($node);
$admin->run('CREATE ROLE app LOGIN; CREATE TABLE t (a int); GRANT ALL ON t TO app');

sub victim { my (%with) = @_; return marked_session($node, 'victim', %with) }

sub drop_rules { return $admin->run('SELECT sessionctl.drop_session_rule(name) FROM sessionctl.session_rules') }

subtest 'no rule, no process' => sub {
	wait_for_no_worker($node);
	is(rule($admin, 'quiet', 'false'), '', 'a rule is made');
	checked_again($admin, 'quiet');
	is(scalar(my @one = rules_worker($node)), 1, 'and carried out by one process');
	is($admin->run(q{SELECT count(*) FROM sessionctl.session_activity WHERE backend_type LIKE '%rules%' AND protection = 'not a client'}),
		'1', 'which nobody may end by mistake') if $admin->run('SHOW server_version_num') >= 110000;
	rule($admin, 'itself', 'pid = ' . (rules_worker($node))[0], action => 'terminate', include_superusers => 'true', include_replication => 'true', include_background => 'true');
	checked_again($admin, 'itself');
	is(status_of($admin, 'itself', 'matched, acted'), '0|0', 'nor any rule');
	like($admin->run(q{SELECT outcome, detail FROM sessionctl.test_session_rule('itself')}), qr/\A(spared\|not a client)?\z/, 'as test_session_rule says');
	drop_rules();
	wait_for_no_worker($node);
	pass('which ends with the last rule');
	my $wakeups = $admin->run('SELECT wakeups FROM sessionctl.reaper_status');
	SessionctlTest::Session->new($node, user => 'app')->quit for 1 .. 5;
	is($admin->run('SELECT wakeups FROM sessionctl.reaper_status'), $wakeups, 'and without one the reaper sleeps on');
};

subtest 'terminate' => sub {
	my $session = victim();
	my $other = SessionctlTest::Session->new($node, user => 'app');
	my $superuser = marked_session($node, 'victim', user => 'postgres');
	$_->run('BEGIN') for $session, $other, $superuser;
	rule($admin, 'sleepers', q{idle_in_transaction_for > '0' AND application_name = 'victim'}, action => 'terminate', reason => 'do not sleep');
	wait_for_end($session);
	like($session->end_messages, qr/FATAL:  terminating connection due to administrator command\nDETAIL:  Rule "sleepers": do not sleep/, 'says which rule, and why');
	wait_for_log($node, $session->{log_position}, qr/action=terminate result="terminated" [^\n]* rule="sleepers"/);
	like((rule_lines($node, $session->{log_position}, 'sleepers'))[0], qr/by_current_user="postgres".* reason="do not sleep"/, 'as does the log');
	is($admin->run(q{SELECT action, result, rule, reason FROM sessionctl.session_audit ORDER BY acted_at DESC LIMIT 1}),
		'terminate|terminated|sleepers|do not sleep', 'and the audit');
	ok($other->lives, 'who does not match lives');
	ok($superuser->lives, 'and so does a superuser');
	is(status_of($admin, 'sleepers', 'acted, ended, held_back, errors, last_error IS NULL'), '1|1|0|0|t', 'session_rules counts');
	is($admin->run(q{SELECT action, acted_on, ended, last_at IS NOT NULL, held_back, errors, check_time > '0' FROM sessionctl.session_stats WHERE rule = 'sleepers'}), 'terminate|1|1|t|0|0|t', 'and session_stats, too');
	drop_rules();
	$_->quit for $session, $other, $superuser;
};

subtest 'cancel' => sub {
	my $session = victim();
	$session->send('SELECT pg_sleep(600)');
	rule($admin, 'busy', q{query_age > '0' AND application_name = 'victim'}, action => 'cancel', reason => 'too long');
	like($session->answer, qr/ERROR:  canceling statement due to user request\nDETAIL:  Rule "busy": too long/, 'ends the statement');
	ok($session->lives, 'not the session');
	$session->send('SELECT pg_sleep(600)');
	like($session->answer, qr/canceling statement/, 'and the next one that matches, too');
	drop_rules();
	$session->quit;
};

subtest 'drain' => sub {
	my ($busy, $idle) = (victim(), victim());
	$busy->run('BEGIN; INSERT INTO t VALUES (1)');
	rule($admin, 'out', q{application_name = 'victim'}, action => 'drain', streak => 'session');
	wait_for_end($idle);
	checked_again($admin, 'out');
	is($busy->run('INSERT INTO t VALUES (2); COMMIT'), '', 'a transaction comes to its end');
	wait_for_end($busy);
	is($admin->run('SELECT count(*) FROM t'), '2', 'and is committed');
	wait_for('both to be counted', sub { status_of($admin, 'out', 'ended') eq '2' });
	drop_rules();
	$_->quit for $busy, $idle;
};

subtest 'drain with force' => sub {
	my $session = victim();
	$session->run('BEGIN; INSERT INTO t VALUES (3)');
	rule($admin, 'out', q{application_name = 'victim'}, action => 'drain', streak => 'session', timeout => '200 ms', force => 'true');
	wait_for_end($session);
	wait_for('it to be counted', sub { status_of($admin, 'out', 'ended') >= 1 });
	pass('ends who does not finish in time');
	drop_rules();
	$session->quit;
};

subtest 'escalate' => sub {
	my $session = victim();
	$session->run(q{BEGIN; SET application_name = 'victim in transaction'});
	rule($admin, 'steps', q{application_name = 'victim in transaction'}, action => 'escalate', step => '200 ms');
	wait_for_end($session);
	wait_for('it to be counted', sub { status_of($admin, 'steps', 'ended') eq '1' });
	pass('ends who runs no statement by its second step');
	drop_rules();
	$session->quit;
};

subtest 'log' => sub {
	my $session = victim();
	my $position = log_position($node);
	rule($admin, 'seen', q{application_name = 'victim' AND state = 'idle'}, reason => 'seen');
	wait_for_log($node, $position, qr/action=log result="spared" [^\n]* rule="seen"/);
	checked_again($admin, 'seen');
	is(scalar(my @once = rule_lines($node, $position, 'seen')), 1, 'once a match, not once a check');
	$session->run('SELECT 1');
	wait_for('a new match to be told', sub { rule_lines($node, $position, 'seen') == 2 });
	ok($session->lives, 'and nothing else is done');
	drop_rules();
	$session->quit;
};

subtest 'pg_sessionctl.rules = log' => sub {
	my $session = victim();
	set_rules($admin, 'pg_sessionctl.rules' => 'log');
	my $position = log_position($node);
	rule($admin, 'dry', q{application_name = 'victim'}, action => 'terminate', at_most => 2, at_most_within => '1 h');
	wait_for_log($node, $position, qr/action=log result="spared" [^\n]* rule="dry"/);
	checked_again($admin, 'dry');
	ok($session->lives, 'ends nobody');
	set_rules($admin, 'pg_sessionctl.rules' => 'off');
	wait_for_no_worker($node);
	pass('off: no process');
	$position = log_position($node);
	set_rules($admin, 'pg_sessionctl.rules' => 'log');
	wait_for_log($node, $position, qr/action=log result="spared" [^\n]* rule="dry"/);
	set_rules($admin, 'pg_sessionctl.rules' => 'on');
	wait_for_end($session);
	pass('on: who was only told of is ended, and what was only told counts for no brake');
	drop_rules();
	$session->quit;
};

subtest 'pg_sessionctl.rules = off' => sub {
	rule($admin, 'rare', 'false', check_every => '1 h');
	wait_for('its check', sub { status_of($admin, 'rare', 'checks') eq '1' });
	set_rules($admin, 'pg_sessionctl.rules' => 'off');
	wait_for_no_worker($node);
	pass('ends the process at once, however rarely a rule is checked');
	set_rules($admin, 'pg_sessionctl.rules' => 'on');
	drop_rules();
};

subtest 'several rules in a dry run' => sub {
	my $session = victim();
	set_rules($admin, 'pg_sessionctl.rules' => 'log');
	$admin->run('BEGIN');
	rule($admin, 'a strong', q{application_name = 'victim'}, action => 'terminate');
	rule($admin, 'b weak', q{application_name = 'victim'}, action => 'log');
	$admin->run('COMMIT');
	wait_for('one to act', sub { status_of($admin, 'a strong', 'acted') eq '1' });
	checked_again($admin, 'b weak');
	is(status_of($admin, 'b weak', 'matched, acted'), '1|0', 'the strongest alone tells what it would do');
	set_rules($admin, 'pg_sessionctl.rules' => 'on');
	drop_rules();
	$session->quit;
};

subtest 'a stronger rule that cannot act' => sub {
	my $session = victim();
	$admin->run('BEGIN');
	rule($admin, 'a cancel', q{application_name = 'victim'}, action => 'cancel');
	rule($admin, 'b told', q{application_name = 'victim'}, action => 'log');
	$admin->run('COMMIT');
	wait_for('the weaker one to act', sub { status_of($admin, 'b told', 'acted') eq '1' });
	is(status_of($admin, 'a cancel', 'matched, acted'), '1|0', 'leaves the session to the weaker one');
	drop_rules();
	$session->quit;
};

subtest 'an action without effect' => sub {
	my $session = victim();
	stop_process($session->pid);
	my $position = log_position($node);
	rule($admin, 'stuck', 'pid = ' . $session->pid, action => 'terminate', timeout => '200 ms');
	wait_for_log($node, $position, qr/action=terminate result="still running" [^\n]* rule="stuck"/);
	checked_again($admin, 'stuck') for 1 .. 3;
	is(status_of($admin, 'stuck', 'matched, acted, ended'), '1|1|0', 'is not repeated in the same match');
	drop_rules();
	rule($admin, 'stuck', 'pid = ' . $session->pid, action => 'terminate');
	rule($admin, 'other', 'false');    # for which the process stays
	wait_for('it to act', sub { status_of($admin, 'stuck', 'acted') eq '1' });
	$admin->run(q{SELECT sessionctl.drop_session_rule('stuck')});
	checked_again($admin, 'other');
	$position = log_position($node);
	rule($admin, 'stuck', 'false');
	checked_again($admin, 'stuck');
	continue_process($session->pid);
	wait_for_end($session);
	wait_for_log($node, $position, qr/action=terminate result="terminated" [^\n]* rule="stuck"/);
	is(status_of($admin, 'stuck', 'acted, ended'), '0|0', 'what ends later is not counted for a rule that was made anew');
	drop_rules();
	$session->quit;
};

subtest 'notify' => sub {
	my $listener = SessionctlTest::Session->new($node);
	$listener->run('LISTEN pg_sessionctl');
	my $session = victim();
	rule($admin, 'told', q{application_name = 'victim'}, action => 'notify');
	my $pid = $session->pid;
	my $told = '';
	wait_for('the notification', sub { ($told .= $listener->run('SELECT 1')) =~ /notification "pg_sessionctl"/ });
	like($told, qr/payload "\{"pid": $pid, "rule": "told", "usename": "app", "datname": "postgres", "application_name": "victim"\}"/, 'says who matched');
	ok($session->lives, 'and nothing else is done');
	drop_rules();
	$_->quit for $session, $listener;

	$listener = RawSession->new($node, user => 'postgres');
	$listener->query('LISTEN pg_sessionctl');
	$listener->expect('Z');
	rule($admin, 'told', q{application_name = 'victim'}, action => 'notify');
	$session = victim();
	like($listener->expect('A'), qr/"rule": "told"/, 'one who only listens is told at once');
	drop_rules();
	$_->quit for $session, $listener;
};

subtest 'matching_for' => sub {
	my ($steady, $moving) = (victim(), victim());
	rule($admin, 'long', q{application_name = 'victim' AND state = 'idle'}, action => 'terminate', matching_for => '1 s');
	wait_for('the first to be ended', sub { $moving->run('SELECT 1'); !is_running($steady->pid) });
	ok($moving->lives, 'a new statement begins it anew');
	drop_rules();
	$_->quit for $steady, $moving;
};

subtest 'at_most, oldest match first' => sub {
	my @sessions = map { victim() } 1 .. 4;
	rule($admin, 'few', q{application_name = 'victim'}, action => 'terminate', at_most => 2, at_most_within => '1 h');
	wait_for('two to be ended', sub { 2 == grep { !is_running($_->pid) } @sessions });
	checked_again($admin, 'few');
	is(scalar(grep { is_running($_->pid) } @sessions), 2, 'and no more');
	is(status_of($admin, 'few', 'acted, held_back'), '2|2', 'counted');
	is($admin->run(q{SELECT outcome, detail, count(*) FROM sessionctl.test_session_rule('few') GROUP BY 1, 2}), 'spared|held back: at_most|2', 'and shown by test_session_rule');
	$admin->run(q{SELECT sessionctl.alter_session_rule('few', reason := 'changed')});
	checked_again($admin, 'few');
	is(scalar(grep { is_running($_->pid) } @sessions), 2, 'nor after a change of the rule');
	drop_rules();
	rule($admin, 'few', q{application_name = 'victim'}, action => 'terminate', at_most => 2, at_most_within => '1 h');
	checked_again($admin, 'few');
	is(scalar(grep { is_running($_->pid) } @sessions), 2, 'nor where it is made anew');
	my ($worker) = rules_worker($node);
	my $position = log_position($node);
	$admin->run("SELECT pg_terminate_backend($worker)");
	wait_for('a new worker', sub { my ($new) = rules_worker($node); $new && $new != $worker });
	checked_again($admin, 'few');
	is(scalar(grep { is_running($_->pid) } @sessions), 2, 'nor after the worker has been started anew');
	ok(log_lines($node, $position, qr/DETAIL:  What sessions matched before is not known: matching_for begins anew/), 'which the log says');
	drop_rules();
	$_->quit for @sessions;
};

subtest 'at_most one within a time: the least time between two' => sub {
	my @sessions = map { victim() } 1 .. 3;
	my $began = $admin->run('SELECT clock_timestamp()');
	rule($admin, 'one by one', q{application_name = 'victim'}, action => 'terminate', at_most => 1, at_most_within => '1500 ms', matching_for => '100 ms');
	wait_for('all to be ended', sub { !grep { is_running($_->pid) } @sessions });
	is($admin->run("SELECT clock_timestamp() - '$began' >= interval '3 s'"), 't', 'three take two of them');
	wait_for('them to be counted', sub { status_of($admin, 'one by one', 'ended') eq '3' });
	is(status_of($admin, 'one by one', 'held_back'), '2', 'who waits is counted once');
	drop_rules();
	$_->quit for @sessions;
};

subtest 'refuse_above' => sub {
	my @sessions = map { victim() } 1 .. 3;
	rule($admin, 'none', q{application_name = 'victim'}, action => 'terminate', refuse_above => 2, matching_for => '100 ms');
	checked_again($admin, 'none');
	checked_again($admin, 'none');
	is(scalar(grep { is_running($_->pid) } @sessions), 3, 'too many match: nobody is ended');
	like($admin->run(q{SELECT DISTINCT detail FROM sessionctl.test_session_rule('none')}), qr/refuse_above/, 'and test_session_rule says so');
	shift(@sessions)->quit;
	wait_for_end($_) for @sessions;
	pass('two are not too many');
	drop_rules();
	$_->quit for @sessions;
};

subtest 'keep, per role' => sub {
	my ($old, $new) = (victim(), victim());
	rule($admin, 'rest', q{application_name = 'victim'}, action => 'terminate', keep => 1, keep_which => 'newest', per => 'usename');
	wait_for_end($old);
	checked_again($admin, 'rest');
	ok($new->lives, 'the newest lives');
	drop_rules();
	$_->quit for $old, $new;
};

subtest 'only_when' => sub {
	my $session = victim();
	$admin->run('CREATE TABLE mood (is_bad boolean); INSERT INTO mood VALUES (false)');
	rule($admin, 'bad mood', q{application_name = 'victim'}, action => 'terminate', only_when => 'EXISTS (SELECT FROM public.mood WHERE is_bad)');
	checked_again($admin, 'bad mood');
	ok($session->lives, 'not true: nobody is ended');
	$admin->run('UPDATE mood SET is_bad = true');
	wait_for_end($session);
	pass('true: it is');
	drop_rules();
	$session->quit;
};

subtest 'two rules match one session' => sub {
	my $position = log_position($node);
	my $open = victim();
	$admin->run(q{BEGIN});
	rule($admin, 'a cancel', q{application_name = 'victim'}, action => 'log');
	rule($admin, 'b end', q{application_name = 'victim'}, action => 'terminate');
	rule($admin, 'c end', q{application_name = 'victim'}, action => 'terminate');
	$admin->run('COMMIT');
	wait_for_end($open);
	wait_for('it to be counted', sub { status_of($admin, 'b end', 'ended') eq '1' });
	is($admin->run('SELECT name, acted FROM sessionctl.session_rules ORDER BY name'), "a cancel|0\nb end|1\nc end|0", 'the strongest acts, then the first by name, and only it is charged');
	drop_rules();
	$open->quit;
};

subtest 'two make a rule of one name' => sub {
	my $other = SessionctlTest::Session->new($node);
	$admin->run('BEGIN');
	rule($admin, 'twice', 'false');
	$other->send(q{SELECT sessionctl.create_session_rule('twice', 'false')});
	wait_for('the other one to wait', sub { $other->has_answered || $admin->run('SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ' . $other->pid) });
	$admin->run('COMMIT');
	like($other->answer, qr/ERROR:  (session rule "twice" already exists|another session is changing the same rule)/, 'the second one is told so');
	drop_rules();
	$other->quit;
};

subtest 'test_session_rule' => sub {
	set_rules($admin, 'pg_sessionctl.rules' => 'off');
	my $session = victim();
	my $superuser = marked_session($node, 'victim', user => 'postgres');
	like(rule($admin, 'tried', q{application_name = 'victim'}, action => 'terminate', matching_for => '1 min'), qr/NOTICE:  session rules are not carried out/, 'the rule is not carried out');
	is($admin->run(q{SELECT usename, outcome, detail FROM sessionctl.test_session_rule('tried') ORDER BY 1}),
		"app|chosen|once it has matched for matching_for\npostgres|spared|superuser", 'what it would do');
	ok($session->lives, 'and does not do');
	$admin->run(q{SELECT sessionctl.alter_session_rule('tried', enabled := false)});
	is($admin->run(q{SELECT outcome, detail FROM sessionctl.test_session_rule('tried') WHERE usename = 'app'}), 'chosen|once the rule is enabled', 'or would do if it were enabled');
	drop_rules();
	$_->quit for $session, $superuser;
};

done_testing();
