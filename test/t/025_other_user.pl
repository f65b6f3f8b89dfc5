# A condition inside a SECURITY DEFINER function neither runs its author's code with the owner's privileges nor reads
# with them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('other_user');
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE mallory LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE app LOGIN;
	CREATE SCHEMA lair AUTHORIZATION mallory;
	CREATE FUNCTION public.count_matching(condition text) RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql
		AS $$BEGIN RETURN sessionctl.safe_count('(' || condition || ') AND s.pid > 0'); END$$});
my $mallory = SessionctlTest::Session->new($node, user => 'mallory');
my $victim = SessionctlTest::Session->new($node, user => 'app', app => 'victim');

$mallory->run(q{
	CREATE FUNCTION lair.evil() RETURNS integer VOLATILE LANGUAGE plpgsql
		AS $$BEGIN RAISE WARNING 'evil runs as %', current_user; RETURN 1; END$$;
	CREATE FUNCTION lair.check(text) RETURNS boolean STABLE LANGUAGE plpgsql
		AS $$BEGIN PERFORM lair.evil(); RETURN true; END$$;
	CREATE VIEW lair.view AS SELECT lair.evil() AS x;
	CREATE DOMAIN lair.domain AS text CHECK (lair.check(value));
	CREATE TYPE lair.row AS (a lair.domain)});
my %attacks = (
	'a view, through an XML function' => q{table_to_xml('lair.view', true, true, '') IS NOT NULL},
	'a domain, through its input function' => q{domain_in('x', 'lair.domain'::regtype, -1) IS NOT NULL},
	'a domain, through an array' => q{array_in('{x}', 'lair.domain'::regtype, -1) IS NOT NULL},
	'a domain, through a row' => q{record_in('(x)', 'lair.row'::regtype, -1) IS NOT NULL},
	'a domain, by a cast' => q{usename::lair.domain IS NOT NULL},);
for my $name (sort keys %attacks)
{
	my $answer = $mallory->run_verbose("SELECT public.count_matching(\$\$$attacks{$name}\$\$)");
	like($answer, qr/\AERROR:  42501: .* SECURITY DEFINER function/, "$name: refused");
	unlike($answer, qr/evil/, "$name: nobody else's code has run");
}

subtest 'texts of errors are hidden' => sub {
	$victim->run(q{SELECT 'sesame'});
	my $quoting = q{application_name = 'victim' AND query::integer = 1};
	my $answer = $mallory->run_verbose("SELECT public.count_matching(\$\$$quoting\$\$)");
	like($answer, qr/\AERROR:  22P02: the condition raised an error while it ran\n/, 'the caller learns the kind');
	unlike($answer, qr/sesame/, 'and not what another session runs');
	like($admin->run("SELECT sessionctl.safe_count(\$\$$quoting\$\$)"), qr/invalid input syntax .*sesame/,
		'whoever asks with his own rights reads it whole');
};

subtest 'what a wrapper needs is allowed' => sub {
	for my $condition (
		q{usename = 'app' AND application_name LIKE 'vic%'},
		q{usename = 'app' AND session_age < '1 day' AND backend_start > now() - interval '1 day'},
		q{usename = 'app' AND backend_start > clock_timestamp() - interval '1 day'},
		q{usename = 'app' AND datname = current_database() AND pid <> pg_backend_pid()},
		q{usename = 'app' AND usename <> session_user AND usename <> current_user},
		q{usename = 'app' AND state IN ('idle', 'idle in transaction') AND NOT blocked_by && array[1]})
	{
		is($mallory->run("SELECT public.count_matching(\$\$$condition\$\$)"), '1', $condition);
	}
};

# The documentation's wrapper.
subtest 'the wrapper of the documentation' => sub {
	$admin->run(q{
		CREATE FUNCTION end_report(report_user text) RETURNS bigint
		LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
		SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET timezone = 'UTC'
		AS $$ SELECT sessionctl.terminate_where('application_name = ''report'' and usename = $1', array[report_user]) $$;
		REVOKE ALL ON FUNCTION end_report(text) FROM PUBLIC;
		GRANT EXECUTE ON FUNCTION end_report(text) TO clerk});
	my $clerk = SessionctlTest::Session->new($node, user => 'clerk');
	my $report = SessionctlTest::Session->new($node, user => 'app', app => 'report');
	is($clerk->run(q{SELECT end_report('nobody'' or true --')}), '0', 'a value is a value');
	is($clerk->run(q{SELECT end_report('app')}), '1', 'the report ends');
	ok($victim->lives, 'the rest of that role does not');
	like($mallory->run(q{SELECT end_report('app')}), qr/permission denied/, 'only for whom it is');
	$report->quit;

	$admin->run(q{
		CREATE FUNCTION younger_than(age interval, since timestamptz) RETURNS bigint
		LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
		SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET timezone = 'UTC'
		AS $$ SELECT sessionctl.safe_count('application_name = ''victim'' and session_age < $1 and backend_start > $2', array[age::text, since::text]) $$});
	for my $style (q{datestyle = 'SQL, DMY'}, q{datestyle = 'German'}, q{intervalstyle = 'sql_standard'}, q{timezone = 'Asia/Kolkata'})
	{
		$clerk->run("SET $style");
		is($clerk->run(q{SELECT younger_than(interval '1 day 2 hours', clock_timestamp() - interval '1 day')}), '1', "with $style the same values");
		is($clerk->run(q{SELECT younger_than(interval '-1 day +2 hours', clock_timestamp() - interval '1 day')}), '0', "with $style the same sign");
		$clerk->run('RESET ALL');
	}
};

subtest 'a condition that changes the role sees what that role sees' => sub {
	$mallory->run(q{
		CREATE FUNCTION lair.spy(integer) RETURNS boolean STABLE SECURITY DEFINER LANGUAGE plpgsql AS $$BEGIN
			RAISE WARNING 'seen: %', (SELECT query FROM sessionctl.session_activity WHERE usename = 'app');
			RETURN true;
		END$$;
		GRANT USAGE ON SCHEMA lair TO PUBLIC});
	my $answer = $admin->run(q{SELECT sessionctl.safe_count('is_self AND lair.spy(pid)')});
	like($answer, qr/WARNING:  seen: <NULL>/, 'nothing of a stranger\'s session');
	unlike($answer, qr/sesame/, 'not what the superuser who asked may see');
};

$_->quit for $admin, $mallory, $victim;
done_testing();
