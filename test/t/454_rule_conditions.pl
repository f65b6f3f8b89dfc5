# The condition of a session rule means what it means in a call, whichever way it is run, and is checked anew when what it
# needs has changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use RulesTest;
use SessionctlTest;
use Test::More;

my $node = new_rules_server('rule_conditions', conf => "autovacuum = off\n");
my $admin = SessionctlTest::Session->new($node);
my $version = $admin->run('SHOW server_version_num');
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE TABLE public.names (name text);
	INSERT INTO public.names VALUES ('app');
	CREATE FUNCTION public.is_app(text) RETURNS boolean STABLE LANGUAGE sql AS $$SELECT $1 = 'app'$$;
	CREATE FUNCTION public.is_never(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN false; END$$});
my @apps = map { SessionctlTest::Session->new($node, user => 'app', app => "app$_") } 1 .. 3;
$apps[0]->run('BEGIN');
rule($admin, 'another', 'false');
checked_again($admin, 'another'); # so the process that carries them out stays

# What a rule finds, and what a call finds, with the options that both know. A call spares its own session.
sub is_as_in_a_call
{
	my ($session, $condition, %with) = @_;
	my $reply = rule($session, 'r', $condition, %with, enabled => 'false');
	is($reply, '', "a rule: $condition");
	my $options = join '', map { ", $_ := " . RulesTest::literal($with{$_}) } sort keys %with;
	$session->run('SET client_min_messages = warning'); # not what a call says of those it spares
	my $columns = q{coalesce(string_agg(pid || ' ' || outcome, ', ' ORDER BY pid), 'nobody')};
	my $found = $session->run(qq{SELECT $columns FROM sessionctl.test_session_rule('r') WHERE pid <> pg_backend_pid()});
	my $expected = $session->run(qq{SELECT $columns FROM sessionctl.preview_where(} . RulesTest::literal($condition) . "$options) WHERE pid <> pg_backend_pid()");
	is($found, $expected, "as in a call: $condition" . ($options && " with$options"));
	$session->run(q{SELECT sessionctl.drop_session_rule('r')});
	return $found;
}

my @plain = (
	q{true}, q{false}, q{usename = 'app'}, q{usename = 'app' AND state = 'idle in transaction'}, q{pid > 0},
	q{state LIKE 'idle%' AND xact_age >= '0'}, q{application_name = ANY ('{app1,app3}')}, q{application_name IN ('app1', 'app2') AND idle_for >= '0'},
	q{CASE WHEN usename = 'app' THEN application_name <> 'app2' END}, q{backend_start < now() - interval '0'},
	q{now()::date > '2020-01-01' AND now()::time >= '00:00' AND localtime >= '00:00' AND usename = 'app'}, q{now() > '2020-01-01' AND usename = 'app'}, q{now() < '2020-01-01' AND usename = 'app'}, q{extract(hour FROM now()) >= 0 AND usename = 'app'},
	q{blocked_by IS NOT NULL AND usename = 'app'}, q{blocking_count = 0 AND usename = 'app'}, q{coalesce(client_gone, false) = false AND usename = 'app'},
	q{query ~ '^BEGIN'}, q{s.pid = s.pid AND s.usename = 'app'}, q{protection IS NULL}, q{is_superuser}, q{NOT is_superuser AND leader_pid IS NULL},
	q{wait_event_type IS NOT NULL OR usename = 'app'}, q{length(usename) = 3 AND pid % 2 IN (0, 1)}, q{usename = 'app' OR 1 = 2});

subtest 'a superuser' => sub {
	my $own = qr/\b@{[ $apps[0]->pid ]} chosen/;
	like(is_as_in_a_call($admin, $_), /\Afalse|now\(\) <|\Ais_superuser/ ? qr/^(?!.*$own)/ : /IS NULL|NOT is_super/ ? qr/./ : $own, 'and that is right')
		for @plain;
	is_as_in_a_call($admin, $_)
		for q{usename IN (SELECT name FROM public.names)}, q{public.is_app(usename)}, q{EXISTS (SELECT 1 FROM public.names WHERE name = usename)},
		q{(SELECT count(*) FROM public.names) = 1 AND usename = 'app'}, q{usename = (SELECT max(name) FROM public.names)},
		q{public.is_never(pid)}, q{pid IN (SELECT pid FROM pg_stat_activity WHERE usename = 'app')}, q{array_length(ARRAY(SELECT name FROM public.names), 1) = 1 AND usename = 'app'};
	is_as_in_a_call($admin, q{usename = 'app'}, keep => 1, per => 'usename');
	is_as_in_a_call($admin, q{pid > 0}, keep => 1, keep_which => 'newest', per => 'usename, application_name');
	is_as_in_a_call($admin, q{now() > '2020-01-01' AND usename = 'app'}, keep => 2, per => 'datname, state');
	is_as_in_a_call($admin, q{usename IN (SELECT name FROM public.names)}, keep => 1, per => 'state');
	is_as_in_a_call($admin, q{true}, include_superusers => 'true', include_replication => 'true');
};

subtest 'one who is no superuser' => sub {
	plan skip_all => 'pg_signal_backend came with 9.6' if $version < 90600;
	$admin->run('CREATE ROLE ops LOGIN IN ROLE pg_signal_backend');
	my $ops = SessionctlTest::Session->new($node, user => 'ops');
	is_as_in_a_call($ops, $_) for @plain;
	is_as_in_a_call($ops, q{usename = 'app'}, keep => 1, per => 'usename');
	for my $refused (q{usename IN (SELECT name FROM public.names)}, q{public.is_app(usename)}, q{usename::public.names IS NULL}, q{current_setting('port') = usename})
	{
		my $reply = rule($ops, 'r', $refused);
		like($reply, qr/ERROR:  .*not allowed in a condition of a rule whose owner is no superuser\n/, "refused: $refused");
		unlike($reply, qr/SECURITY DEFINER/, 'in words that fit');
	}
	$ops->quit;
};

subtest 'only_when' => sub {
	my $found = sub {
		my ($only_when) = @_;
		my $reply = rule($admin, 'r', q{usename = 'app'}, only_when => $only_when, enabled => 'false');
		return $reply if $reply;
		$reply = $admin->run(q{SELECT count(*) FROM sessionctl.test_session_rule('r')});
		$admin->run(q{SELECT sessionctl.drop_session_rule('r')});
		return $reply;
	};
	is($found->($_), '3', "it is true: $_") for 'true', 'now() > \'2020-01-01\'', '(SELECT count(*) FROM public.names) = 1', 'NOT pg_is_in_recovery()';
	is($found->($_), '0', "it is not true: $_") for 'false', 'NULL', 'now() < \'2020-01-01\'', '(SELECT count(*) FROM public.names) > 1';
	like($found->(q{usename = 'app'}), qr/ERROR:  column "usename" does not exist\n.*HINT:  only_when is one boolean expression about the server, not about a session/s, 'it does not look at a session');
	like($found->('1'), qr/ERROR:  .*boolean/, 'it is boolean');
	like($found->('random() > 2 AND pg_sleep(0) IS NULL'), qr/ERROR:  volatile function pg_sleep/, 'it only looks');
};

subtest 'times are read as when the rule was made' => sub {
	my $at = $admin->run(q{SET TimeZone = 'UTC'; SELECT to_char(backend_start + interval '1 min', 'DD.MM.YYYY HH24:MI:SS') FROM sessionctl.session_activity WHERE pid = } . $apps[0]->pid);
	$admin->run(q{SET DateStyle = 'German'});
	is(rule($admin, 'r', qq{pid = @{[ $apps[0]->pid ]} AND backend_start < '$at'}, enabled => 'false'), '', 'a date as Germans write it, in UTC');
	$admin->run(q{SET DateStyle = 'ISO, MDY'; SET TimeZone = 'Asia/Tokyo'});
	is($admin->run(q{SELECT pid FROM sessionctl.test_session_rule('r')}), $apps[0]->pid, 'it is still that date');
	$admin->run(q{SELECT sessionctl.drop_session_rule('r'); RESET ALL});
};

sub error_of { return status_of($admin, 'r', q{coalesce(last_error, 'none')}) }
sub has_error { my ($regex, $why) = @_; wait_for($why, sub { error_of() =~ $regex }); return pass($why) }

subtest 'what it needs changes' => sub {
	$admin->run('CREATE FUNCTION public.turns(integer) RETURNS boolean STABLE LANGUAGE sql AS $$SELECT false$$');
	is(rule($admin, 'r', q{public.turns(pid) AND usename IN (SELECT name FROM public.names)}), '', 'a function and a table');
	checked_again($admin, 'r');
	is(error_of(), 'none', 'are there');
	$admin->run('ALTER FUNCTION public.turns(integer) VOLATILE');
	has_error(qr/volatile function public.turns\(integer\) is not allowed/, 'the function is volatile now: the whole check is repeated');
	$admin->run('ALTER FUNCTION public.turns(integer) STABLE');
	has_error(qr/^none$/, 'and is stable again');
	$admin->run('ALTER TABLE public.names RENAME TO nouns');
	has_error(qr/relation "public.names" does not exist/, 'the table has another name');
	$admin->run('ALTER TABLE public.nouns RENAME TO names');
	has_error(qr/^none$/, 'and its own again');
	$admin->run('DROP FUNCTION public.turns(integer)');
	has_error(qr/function public.turns\(integer\) does not exist/, 'the function is dropped');
	$admin->run('CREATE FUNCTION public.turns(integer) RETURNS boolean STABLE LANGUAGE sql AS $$SELECT true$$');
	has_error(qr/^none$/, 'and made anew');
	wait_for('it to match', sub { status_of($admin, 'r', 'matched > 0') eq 't' });
	pass('with another meaning');
	$admin->run(q{SELECT sessionctl.drop_session_rule('r')});
};

subtest 'an owner who is no superuser any more' => sub {
	$admin->run('CREATE ROLE boss LOGIN SUPERUSER');
	my $boss = SessionctlTest::Session->new($node, user => 'boss');
	rule($boss, 'r', q{usename IN (SELECT name FROM public.names)});
	checked_again($admin, 'r');
	is(error_of(), 'none', 'a superuser may use subqueries');
	$admin->run('ALTER ROLE boss NOSUPERUSER; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO boss');
	has_error(qr/a subquery is not allowed in a condition of a rule whose owner is no superuser/, 'nobody else');
	$admin->run('ALTER ROLE boss SUPERUSER');
	has_error(qr/^none$/, 'a superuser again');
	$admin->run(q{SELECT sessionctl.drop_session_rule('r')});
	$boss->quit;
};

subtest q{'now' and 'today'} => sub {
	rule($admin, 'now', q{application_name = 'moment' and now() - timestamptz 'now' < interval '500 ms'}, action => 'terminate', streak => 'session');
	checked_again($admin, 'now');
	$admin->run('SELECT pg_sleep(1)');
	my $session = marked_session($node, 'moment');
	wait_for_end($session);
	pass('are those of each check');
	$admin->run(q{SELECT sessionctl.drop_session_rule('now')});
	$session->quit;
};

done_testing();
