# Conditions that try to do more than read sessions are refused, and no session is signalled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('condition');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE app LOGIN;
	CREATE ROLE mallory LOGIN PASSWORD 'sesame';
	CREATE SCHEMA lair AUTHORIZATION mallory;
	GRANT CREATE ON SCHEMA public TO mallory;
	CREATE SEQUENCE lair.counter;
	CREATE TABLE lair.log (who text)});
my $mallory = SessionctlTest::Session->new($node, user => 'mallory', app => 'mallory');
my @victims = map { SessionctlTest::Session->new($node, user => 'app', app => 'victim') } 1 .. 2;
my $everybody = "application_name = 'victim'";

sub everybody_is_well
{
	my ($position, $name) = @_;
	my @signalled = log_lines($node, $position, qr/pg_sessionctl: mark=|terminating connection|canceling statement/);
	return ok(@signalled == 0 && !grep({ !$_->lives } @victims), "$name: nobody was signalled");
}

# Each function that acts refuses this condition with this SQLSTATE, text and hint, and signals nobody.
sub refuses
{
	my ($name, $condition, $sqlstate, $expected, $session) = @_;
	$session ||= $admin;
	my $position = log_position($node);
	for my $call (
		"sessionctl.terminate_where(\$condition\$$condition\$condition\$, include_superusers => true)",
		"sessionctl.cancel_where(\$condition\$$condition\$condition\$, include_superusers => true)",
		"count(*) FROM sessionctl.terminate_report(\$condition\$$condition\$condition\$, include_superusers => true)")
	{
		my ($function) = $call =~ /sessionctl\.(\w+)/;
		like($session->complaint("SELECT $call"), qr/\AERROR:  $sqlstate: .*$expected/s, "$name: $function refuses");
	}
	return everybody_is_well($position, $name);
}

subtest 'a second statement, or more than one expression' => sub {
	my $one = qr/HINT:  A condition is one boolean expression/;
	refuses('a second statement', "true; DROP TABLE lair.log", '42601', $one);
	refuses('a second statement behind a closed parenthesis', "true); DROP TABLE lair.log; SELECT (1", '42601', $one);
	refuses('a comment that swallows the rest', "true) --", '42601', $one);
	refuses('an open comment', "true /*", '42601', '');
	is($admin->run("SELECT sessionctl.safe_count(\$\$$everybody -- all of them\$\$)"), '2', 'a comment at the end is harmless');
	refuses('a star', '*', '42601', $one);
	refuses('DISTINCT', "DISTINCT $everybody", '42601', $one);
	refuses('a name behind the expression', "$everybody nonsense", '42601', $one);
	refuses('UNION behind a closed parenthesis', "false) UNION SELECT pid, NULL FROM pg_stat_activity WHERE (true",
		'42601', $one);
	refuses('ORDER BY behind a closed parenthesis', "true) ORDER BY (1", '42601', $one);
	refuses('OR behind a closed parenthesis', "usename = 'nobody') OR (true", '42601', $one);
	refuses('ORDER BY', "$everybody ORDER BY 1", '42601', $one);
	refuses('two expressions', "true, true", '42601', $one);
	refuses('an alias', "true AS x", '42601', $one);
	refuses('INTO', "true INTO lair.loot", '42601', $one);
	is($admin->run("SELECT to_regclass('lair.log')"), 'lair.log', 'no second statement ever ran');
};

subtest 'not boolean, unknown names, errors while it runs' => sub {
	refuses('an integer', 'pid', '42804', 'must be type boolean');
	refuses('a text', 'usename', '42804', 'must be type boolean');
	refuses('an unknown column', 'nonsense = 1', '42703', 'column "nonsense" does not exist');
	refuses('a syntax error', 'usename = = 1', '42601', 'syntax error at or near "="');
	# A victim matches before the last row fails.
	refuses('division by zero', "$everybody OR 1 / (pid - pid) = 1", '22012', 'division by zero');
	refuses('a failing cast', "$everybody OR usename::integer = 1", '22P02', 'invalid input syntax');
	refuses('a missing argument', '$1 = usename', '42P02', 'there is no parameter \$1');
	refuses('nothing', '', '42601', "HINT:  Use 'true' to select every session");
	refuses('blanks', " \t\n ", '42601', "HINT:  Use 'true' to select every session");
	is( $admin->complaint('SELECT sessionctl.terminate_where(NULL)'),
		qq{ERROR:  22004: argument "condition" must not be null\nHINT:  Use 'true' to select every session.}, 'NULL');

	my $answer = $admin->run(q{SELECT sessionctl.safe_count($$usename <> 'äöü€' AND nonsense = 1$$)});
	my ($line, $caret) = $answer =~ /^LINE 1: (.*)\n(.*\^)$/m;
	utf8::decode($line);
	is(substr($line, length($caret) - 1 - length('LINE 1: '), 8), 'nonsense', 'the caret counts characters, not bytes')
	  or diag($answer);
};

subtest 'volatile functions' => sub {
	my $volatile = 'volatile function .* is not allowed in a condition';
	$admin->run(q{
		CREATE FUNCTION lair.note() RETURNS boolean VOLATILE LANGUAGE sql AS 'SELECT true';
		CREATE FUNCTION lair.same(integer, integer) RETURNS boolean VOLATILE LANGUAGE sql AS 'SELECT $1 = $2';
		CREATE OPERATOR lair.=== (PROCEDURE = lair.same, LEFTARG = integer, RIGHTARG = integer);
		CREATE FUNCTION lair.add(integer, integer) RETURNS integer VOLATILE LANGUAGE sql AS 'SELECT $1 + $2';
		CREATE AGGREGATE lair.total(integer) (SFUNC = lair.add, STYPE = integer, INITCOND = '0');
		CREATE DOMAIN lair.picky AS text CHECK (lair.note())});
	refuses('in the constraint of a domain', "application_name::lair.picky = 'victim'", '0A000',
		'domain lair.picky is not allowed in a condition');
	my %calls = (
		'nextval' => "pid = nextval('lair.counter')",
		'setval' => "pid = setval('lair.counter', 7)",
		'pg_terminate_backend' => 'pg_terminate_backend(pid)',
		'pg_cancel_backend' => 'pg_cancel_backend(pid)',
		'lo_export' => "lo_export(1, '/tmp/x') = pid",
		'lo_unlink' => 'lo_unlink(1) = pid',
		'set_config' => "set_config('search_path', 'lair', false) = usename",
		'pg_reload_conf' => "pg_reload_conf() AND $everybody",
		'pg_rotate_logfile' => "pg_rotate_logfile() AND $everybody",
		'pg_sleep' => "pg_sleep(1)::text = usename",
		'pg_advisory_lock' => "pg_advisory_lock(1)::text = usename",
		'query_to_xml' => "query_to_xml('DROP TABLE lair.log', true, true, '')::text = usename",
		'our own terminate_where' => "sessionctl.terminate_where('true') = pid",
		'our own safe_count' => "sessionctl.safe_count('true') = pid",
		'one of a user' => "lair.note() AND $everybody",
		'behind an operator' => 'pid OPERATOR(lair.===) 1',
		'in a subquery' => "$everybody AND exists (SELECT nextval('lair.counter'))",
		'in FROM of a subquery' => 'exists (SELECT FROM pg_terminate_backend(s.pid) AS done WHERE done)',
		'in a CTE' => "$everybody AND exists (WITH c AS (SELECT pg_reload_conf() AS x) SELECT FROM c)",
		'in VALUES' => "usename IN (VALUES (set_config('search_path', 'lair', false)))",
		'in LIMIT' => "$everybody AND exists (SELECT LIMIT nextval('lair.counter'))",
		'in ORDER BY' => "$everybody AND exists (SELECT 1 FROM pg_class ORDER BY nextval('lair.counter'))",
		'in what an aggregate calls' => "$everybody AND (SELECT lair.total(1) FROM pg_class) > 0",
		'in an aggregate' => "$everybody AND (SELECT sum(nextval('lair.counter')) FROM pg_class) > 0",
		'in a CASE that is never reached' => "CASE WHEN $everybody THEN true ELSE pg_reload_conf() END",
		'in ANY' => "pid = ANY (ARRAY[nextval('lair.counter')])",);
	refuses($_, $calls{$_}, '0A000', $volatile) for sort keys %calls;
	is($admin->run('SELECT is_called FROM lair.counter'), 'f', 'the sequence never moved');

	refuses('rows locked in a subquery', "$everybody AND exists (SELECT FROM lair.log FOR UPDATE)", '0A000', '');
	is($admin->run("SELECT sessionctl.safe_count(\$\$$everybody AND $_\$\$)"), '2', "$_ is allowed")
	  for 'clock_timestamp() > backend_start', 'random() >= 0', 'cardinality(pg_blocking_pids(pid)) = 0',
	  "timeofday() <> ''", 'NOT pg_is_in_recovery()', 'NOT exists (SELECT FROM pg_locks l WHERE l.pid = s.pid)';
};

subtest 'the transaction is read-only, and only meanwhile' => sub {
	# A function that calls itself stable but writes.
	$admin->run(q{CREATE FUNCTION lair.liar() RETURNS boolean STABLE LANGUAGE sql
		AS $$SELECT nextval('lair.counter') > 0$$});
	refuses('a liar', "lair.liar() AND $everybody", '25006', 'read-only transaction');
	is($admin->run('BEGIN; SELECT sessionctl.safe_count($$usename = $$ || quote_literal(1)); CREATE TABLE lair.later ();
			ROLLBACK'), '0', 'the same transaction may write afterwards');
	my $failing = q{DO $$BEGIN PERFORM sessionctl.safe_count('1 / 0 = pid');
		EXCEPTION WHEN division_by_zero THEN CREATE TABLE lair.later (); END$$};
	is($admin->run("SET search_path = lair; BEGIN; $failing; SHOW search_path; ROLLBACK; RESET search_path"),
		'lair', 'also after an error, and search_path is what it was');
};

subtest 'a condition that never looks at the session' => sub {
	my $blind = 'does not look at the session.*HINT:  It would match every session or none';
	refuses('user, which is current_user', q{user <> 'x'}, '22023', $blind);
	refuses('a subquery that names only itself', 'exists (SELECT 1 FROM pg_locks WHERE pid = pid)', '22023', $blind);
	refuses('a subquery with columns of the same name',
		q{exists (SELECT 1 FROM pg_stat_activity WHERE usename = 'app' AND state = 'idle')}, '22023', $blind);
	refuses('a truth', '1 = 1', '22023', $blind);
	refuses('a cast literal', q{'t'::boolean}, '22023', $blind);
	refuses('a negated literal', 'NOT false', '22023', $blind);
	refuses('the null', 'NULL', '22023', $blind);

	$admin->run('SET client_min_messages = warning');
	my $all = $admin->run("SELECT count(*) FROM sessionctl.session_activity");
	is($admin->run("SELECT count(*) FROM sessionctl.preview_where('$_')"), $all, "'$_' selects every process")
	  for 'true', 'TRUE', ' true ', '(true)';
	is($admin->run("SELECT count(*) FROM sessionctl.preview_where('false')"), '0', "'false' selects none");
	$admin->run('RESET client_min_messages');
	is($admin->run("SELECT sessionctl.safe_count(\$\$$everybody AND $_\$\$)"), '2', "$_ looks")
	  for 's.pid > 0', 'NOT s IS NULL', "(SELECT true WHERE s.pid > 0)",
	  "exists (SELECT FROM (SELECT 1 AS one) AS x WHERE exists (SELECT FROM pg_class WHERE s.pid > x.one))",
	  "usename NOT IN (SELECT usename FROM pg_user WHERE usesuper)";
	is($admin->run("SELECT sessionctl.safe_count('exists (SELECT FROM pg_roles r WHERE r.oid = s.usesysid AND r.rolname = \$1)',
			'{app}')"), '2', 'from inside a subquery, s names the session');
};

subtest 'old spellings' => sub {
	my $idle = q{HINT:  Since PostgreSQL 9.2 write state = 'idle'};
	refuses('<IDLE>', q{query = '<IDLE>'}, '22023', $idle);
	refuses('<IDLE> in transaction', q{query = '<IDLE> in transaction'}, '22023', $idle);
	refuses('procpid', 'procpid = 1', '42703', 'HINT:  The column is called pid');
	refuses('current_query', q{current_query = 'x'}, '42703', 'HINT:  The column is called query');
};

subtest 'args' => sub {
	is($admin->run(q{SELECT sessionctl.safe_count('usename = $1 AND application_name = $2', '{app,victim}')}),
		'2', 'values by place');
	is($admin->run(q{SELECT sessionctl.safe_count('usename = $1', ARRAY[$$app' OR true --$$])}),
		'0', 'a value is never syntax');
	is($admin->run(q{SELECT sessionctl.safe_count('usename = $1', '{NULL}')}), '0', 'a NULL matches nothing');
	is($admin->run(q{SELECT sessionctl.safe_count('pid = ANY ($1::integer[])', ARRAY['}
				. '{' . $victims[0]->pid . '}' . q{'])}), '1', 'a value can be cast');
};

subtest 'operators and functions made by another role' => sub {
	# What works without a pinned search_path: public is on the path of the superuser who calls.
	$mallory->run(q{
		CREATE FUNCTION public.always(name, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
		CREATE OPERATOR public.= (PROCEDURE = public.always, LEFTARG = name, RIGHTARG = varchar);
		CREATE FUNCTION public.always(text, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
		CREATE OPERATOR public.= (PROCEDURE = public.always, LEFTARG = text, RIGHTARG = varchar);
		CREATE FUNCTION public.left(text, bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'x'$$;
		CREATE VIEW public.session_activity AS SELECT 1 AS pid;
		CREATE VIEW public.pg_locks AS SELECT pid FROM pg_catalog.pg_stat_activity});
	is($admin->run(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'nobody'::varchar}) > 0,
		1, "in an ordinary query mallory's operator wins");
	is($admin->run(q{SELECT sessionctl.terminate_where($$usename = 'nobody'::varchar$$)}), '0', 'in a condition it does not');
	is($admin->run(q{SELECT sessionctl.terminate_where($$application_name = 'nobody'::varchar$$)}), '0', 'nor on a text');
	is($admin->run(q{SELECT sessionctl.terminate_where($$left(usename, 1::bigint) = 'x'$$)}) =~ /ERROR/, 1, 'nor a function');
	is($admin->run(q{SELECT sessionctl.terminate_where($$s.pid IN (SELECT pid FROM pg_locks) AND usename = 'app'$$)}),
		'0', 'nor a view');

	# A more exact overload of our functions, wherever the superuser's search_path finds it.
	$mallory->run(q{
		CREATE FUNCTION public.terminate_where(text, text) RETURNS bigint LANGUAGE plpgsql
			AS $$BEGIN INSERT INTO lair.log VALUES (current_user); RETURN 42; END$$;
		CREATE FUNCTION public.terminate_where(text) RETURNS bigint LANGUAGE plpgsql
			AS $$BEGIN INSERT INTO lair.log VALUES (current_user); RETURN 42; END$$});
	like($mallory->run(q{CREATE FUNCTION sessionctl.terminate_where(text, text) RETURNS bigint LANGUAGE sql AS 'SELECT 1'}),
		qr/permission denied for schema sessionctl/, 'nobody else can make an overload beside ours');
	is($admin->run(q{SELECT terminate_where('false', '{}')}), '42', 'the trap works on an unqualified call');
	$admin->run('TRUNCATE lair.log');
	is($admin->run(q{SELECT sessionctl.terminate_where('false', '{}')}), '0', 'and not on a call as documented');
	is($admin->run(q{SELECT sessionctl.terminate_where('false')}), '0', 'nor with one argument');
	is($admin->run(q{SET search_path = public, sessionctl; SELECT sessionctl.terminate_where('false', '{}'); RESET search_path}),
		'0', 'nor with both schemas on the path');
	is($admin->run('SELECT count(*) FROM lair.log'), '0', 'nothing of mallory ran as a superuser');

	my $squat = SessionctlTest::Session->new($node, database => 'template1');
	$squat->run('GRANT CREATE ON DATABASE template1 TO mallory');
	SessionctlTest::Session->new($node, user => 'mallory', database => 'template1')->run('CREATE SCHEMA sessionctl');
	like($squat->run('CREATE EXTENSION pg_sessionctl'), qr/schema "sessionctl" already exists/,
		'a schema that mallory made first is not taken over');
	ok($_->lives, 'the victim is well') for @victims;
};

subtest 'inside a SECURITY DEFINER function' => sub {
	$admin->run(q{
		CREATE FUNCTION public.count_matching(condition text) RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql
			AS $$BEGIN RETURN sessionctl.safe_count('(' || condition || ') AND s.pid > 0'); END$$;
		CREATE FUNCTION public.end_matching(condition text) RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql
			AS $$BEGIN RETURN sessionctl.terminate_where('(' || condition || ') AND s.pid > 0'); END$$;
		CREATE FUNCTION public.end_of_application(application text) RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql
			AS $$BEGIN RETURN sessionctl.terminate_where('application_name = $1 AND usename = ''app''', ARRAY[application]); END$$});
	$mallory->run(q{
		CREATE FUNCTION lair.spy(text) RETURNS boolean STABLE LANGUAGE plpgsql
			AS $$BEGIN RAISE NOTICE 'as %', current_user; RETURN true; END$$;
		CREATE FUNCTION lair.spy(text, text) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT lair.spy($1)';
		CREATE OPERATOR lair.~~~ (PROCEDURE = lair.spy, LEFTARG = text, RIGHTARG = text);
		CREATE DOMAIN lair.nosy AS text CHECK (lair.spy(value))});
	$admin->run(q{CREATE SCHEMA vault; CREATE TABLE vault.secret AS SELECT 'sesame'::text AS word});
	my %attacks = (
		'a subquery' => '(SELECT max(rolpassword) FROM pg_authid)::integer = pid',
		'a subquery in EXISTS' => 'exists (SELECT FROM pg_authid WHERE rolpassword::integer = s.pid)',
		'a function' => 'lair.spy(usename)',
		'an operator' => 'usename::text OPERATOR(lair.~~~) usename::text',
		'a domain' => 'usename::lair.nosy IS NOT NULL',
		'a table read through an XML function' =>
		  q{table_to_xml('vault.secret', true, false, '')::text::integer = pid},
		'a schema read through an XML function' => q{schema_to_xml('vault', true, false, '')::text::integer = pid},
		'a secret setting' => q{current_setting('log_directory')::integer = pid},);
	$admin->run(q{ALTER SYSTEM SET log_directory = 'sesame'; SELECT pg_reload_conf()});
	wait_for('the setting', sub { $admin->run('SHOW log_directory') eq 'sesame' });
	for my $name (sort keys %attacks)
	{
		for my $wrapper (qw(count_matching end_matching))
		{
			my $position = log_position($node);
			my $answer = $mallory->run_verbose("SELECT public.$wrapper(\$\$$attacks{$name}\$\$)");
			like($answer, qr/\AERROR:  42501: .*SECURITY DEFINER.*HINT:  It (would|could) run .*that function's rights/s,
				"$name in $wrapper is refused");
			unlike($answer, qr/SCRAM-SHA-256|sesame|NOTICE/, "$name tells no secret");
			everybody_is_well($position, "$name in $wrapper");
		}
	}
	is($mallory->run(q{SELECT public.count_matching($$usename = 'app'$$)}), '2', 'columns and built-in operators serve');
	is($mallory->run(q{SELECT public.end_of_application('nobody'' OR true --')}), '0', 'the right wrapper takes values');
	my $extra = SessionctlTest::Session->new($node, user => 'app', app => 'extra');
	is($mallory->run(q{SELECT public.end_of_application('extra')}), '1', 'and does what its owner may do');
	ok($_->lives, 'the victim is well') for @victims;
	is($admin->run(q{SET ROLE app; SELECT sessionctl.safe_count('usename IN (SELECT rolname FROM pg_roles)'); RESET ROLE}) =~ /^\d+$|NOTICE/,
		1, 'SET ROLE alone restricts nothing');
	$extra->quit;
};

done_testing();
