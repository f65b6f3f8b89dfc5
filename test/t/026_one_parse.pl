# A condition is parsed, analysed and run once. Nothing that it calls changes its text, its role or the session's state.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use SessionctlTest;
use Test::More;

my $node = new_server('one_parse', conf => "log_min_messages = log\n");
my $admin = SessionctlTest::Session->new($node);
$admin->run(q{
	CREATE ROLE mallory LOGIN;
	CREATE ROLE bob LOGIN;
	GRANT bob TO mallory;
	CREATE ROLE app LOGIN});
my $mallory = SessionctlTest::Session->new($node, user => 'mallory');
my @apps = map { SessionctlTest::Session->new($node, user => 'app', app => "app$_") } 1 .. 3;
my $started = $admin->run('SELECT pg_postmaster_start_time()');

sub server_is_well
{
	my ($name) = @_;
	is($admin->run('SELECT pg_postmaster_start_time()'), $started, "$name: the server did not restart");
}

subtest 'a literal whose input function changes a parser setting' => sub {
	$mallory->run(q{
		CREATE FUNCTION pg_temp.off(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$BEGIN
			PERFORM set_config('standard_conforming_strings', 'off', false); RETURN true;
		EXCEPTION WHEN OTHERS THEN RETURN true; END$$;
		CREATE DOMAIN pg_temp.d AS text CHECK (pg_temp.off(value));
		CREATE TYPE pg_temp.row AS (a pg_temp.d);
		CREATE TYPE pg_temp.range AS RANGE (subtype = pg_temp.d)});
	my %literals = (array => q{'{a}'::pg_temp.d[]}, row => q{'(a)'::pg_temp.row}, range => q{'[a,b]'::pg_temp.range});
	my $sessions = $admin->run(q{SELECT count(*) FROM pg_stat_activity});
	for my $literal (sort keys %literals)
	{
		for my $union ('union', 'union all')
		{
			my $tail = $union eq 'union' ? 'select 99999, null' : 'select pid, null from pg_stat_activity';
			my $condition = qq{ $literals{$literal} is not null and s.usename <> '\\' || ') $union $tail -- ' };
			my $answer = $mallory->run("SET client_min_messages = warning;
				SELECT count(*) = count(DISTINCT pid) AND count(*) <= $sessions
				FROM sessionctl.preview_where(\$c\$$condition\$c\$)");
			is($answer, 't', "$literal, $union: each process once");
		}
	}
	is($mallory->run('SHOW standard_conforming_strings'), 'on', 'nor does it last');
	server_is_well('literals');
};

subtest 'settings' => sub {
	$mallory->run(q{CREATE FUNCTION pg_temp.sets(name text, value text) RETURNS boolean STABLE LANGUAGE plpgsql
		AS $$BEGIN PERFORM set_config(name, value, false); RETURN true; END$$});
	for my $setting ([ 'search_path', 'pg_temp' ], [ 'work_mem', '99MB' ], [ 'TimeZone', 'Asia/Tokyo' ], [ 'a.b', 'c' ],
		[ 'client_min_messages', 'panic' ], [ 'transform_null_equals', 'on' ])
	{
		my ($name, $value) = @$setting;
		my $show = "SELECT coalesce(current_setting('$name', true), '')";
		my $before = $mallory->run($show);
		$mallory->run("SELECT sessionctl.safe_count(\$\$pg_temp.sets('$name', '$value') AND s.pid > 0\$\$)");
		is($mallory->run($show), $before, "what a condition sets is undone: $name");
	}
	server_is_well('settings');
};

subtest 'the role that the condition runs as' => sub {
	$mallory->run(q{CREATE FUNCTION pg_temp.becomes(who text) RETURNS boolean STABLE LANGUAGE plpgsql
		AS $$BEGIN PERFORM set_config('role', who, false); RETURN true; END$$;
		CREATE FUNCTION pg_temp.becomes_so(who text) RETURNS boolean STABLE LANGUAGE plpgsql
		AS $$BEGIN PERFORM set_config('session_authorization', who, false); RETURN true; END$$});
	for my $change (q{pg_temp.becomes('bob')}, q{pg_temp.becomes_so('mallory')})
	{
		like($mallory->run_verbose("SELECT sessionctl.safe_count(\$\$$change AND application_name = 'own'\$\$)"),
			qr/\AERROR:  42501: cannot set parameter "(role|session_authorization)" within security-restricted operation/,
			"$change is refused");
	}
	is($mallory->run('SELECT current_user'), 'mallory', 'she is who she was');
	server_is_well('roles');
};

subtest 'a condition inside a condition' => sub {
	$admin->run(q{
		CREATE SCHEMA lair AUTHORIZATION mallory;
		CREATE SCHEMA den AUTHORIZATION bob;
		GRANT USAGE ON SCHEMA lair, den TO PUBLIC});
	my $bob = SessionctlTest::Session->new($node, user => 'bob');
	$mallory->run(q{
		CREATE FUNCTION lair.count(condition text) RETURNS bigint STABLE LANGUAGE plpgsql
			AS $$BEGIN RETURN sessionctl.safe_count(condition); END$$;
		CREATE FUNCTION lair.count_as_mallory(condition text) RETURNS bigint STABLE SECURITY DEFINER LANGUAGE plpgsql
			AS $$BEGIN RETURN sessionctl.safe_count(condition); END$$});
	$bob->run(q{
		CREATE FUNCTION den.back() RETURNS bigint STABLE SECURITY DEFINER LANGUAGE plpgsql
			AS $$BEGIN RETURN lair.count_as_mallory('exists (SELECT FROM pg_class WHERE oid = s.pid)'); END$$});
	my $inner = q{exists (SELECT FROM pg_class) AND s.is_self};
	like($mallory->run("SET client_min_messages = warning;
			SELECT count(*) FROM sessionctl.preview_where(\$\$usename = 'app' AND lair.count('$inner') = 0\$\$)"),
		qr/\A3\z/, 'one with the same rights is as free as the outer one');
	my $innermost = $inner =~ s/'/''/gr;
	like($mallory->run("SET client_min_messages = warning;
			SELECT count(*) FROM sessionctl.preview_where(\$\$usename = 'app'
				AND lair.count('lair.count(''$innermost'') = 0 AND s.pid > 0') >= 0\$\$)"),
		qr/\A3\z/, 'so is one inside of that');
	for my $call (q{lair.count_as_mallory('exists (SELECT FROM pg_class WHERE oid = s.pid)')}, 'den.back()')
	{
		like($bob->run_verbose("SELECT sessionctl.safe_count(\$\$s.pid > 0 AND $call >= 0\$\$)"),
			qr/\AERROR:  42501: a subquery is not allowed in a condition inside a SECURITY DEFINER function/,
			"one with other rights is restricted: $call");
	}
	like($mallory->run_verbose(q{SELECT sessionctl.safe_count('s.pid > 0 AND den.back() >= 0')}),
		qr/\AERROR:  42501: a subquery is not allowed/, 'also where those are again the rights of who asked first');
	$bob->quit;
	server_is_well('nesting');
};

subtest 'where core restricts, a condition is restricted' => sub {
	$admin->run(q{
		CREATE FUNCTION public.counts(condition text) RETURNS bigint STABLE LANGUAGE plpgsql
			AS $$BEGIN RETURN sessionctl.safe_count(condition); END$$;
		CREATE MATERIALIZED VIEW public.counted AS
			SELECT public.counts('exists (SELECT FROM pg_class WHERE oid = s.pid)') WITH NO DATA});
	like($admin->run_verbose('REFRESH MATERIALIZED VIEW public.counted'),
		qr/ERROR:  42501: a subquery is not allowed in a condition inside a SECURITY DEFINER function/,
		'a materialized view');
};

subtest 'what is in pg_catalog, but not core\'s' => sub {
	plan skip_all => 'no hstore here' unless $admin->run(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'});
	$admin->run(q{
		CREATE EXTENSION hstore SCHEMA pg_catalog;
		CREATE FUNCTION public.count_for(condition text) RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql
			AS $$BEGIN RETURN sessionctl.safe_count(condition); END$$});
	for my $condition (q{'a=>1'::hstore IS NOT NULL AND s.is_self}, q{hstore('a=>1') IS NOT NULL AND s.is_self},
		q{hstore(usename, 'x') IS NOT NULL}, q{pg_catalog.hstore 'a=>1' ? usename}, q{hstore_in(usename::cstring) IS NOT NULL})
	{
		like($mallory->run_verbose("SELECT public.count_for(\$\$$condition\$\$)"), qr/\AERROR:  42(501|846):/, "refused: $condition");
	}
	$admin->run('DROP EXTENSION hstore CASCADE');
};

subtest 'hooks on statements see the condition' => sub {
	my $watched = SessionctlTest::Session->new($node);
	plan skip_all => 'no auto_explain here' if $watched->run(q{LOAD 'auto_explain'}) =~ /ERROR/;
	$watched->run(q{SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on});
	my $position = log_position($node);
	is($watched->run(q{SELECT sessionctl.safe_count('usename = $1', '{app}')}), '3', 'a condition with a value');
	like(log_since($node, $position), qr/Query Text: SELECT s\.pid FROM sessionctl\.session_activity AS s WHERE usename = \$1/,
		'auto_explain shows our statement with the condition in it');
	$watched->quit;
};

subtest 'pg_stat_statements' => sub {
	plan skip_all => 'no pg_stat_statements here'
	  unless $admin->run(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'});
	$_->quit for @apps, $mallory, $admin;
	$node->append_conf('postgresql.conf',
		"shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = all\n");
	$node->restart;
	$admin = SessionctlTest::Session->new($node);
	$admin->run('CREATE EXTENSION pg_stat_statements');
	$admin->run(q{SET client_min_messages = warning; SELECT sessionctl.safe_count('usename = ''snow'' and s.pid > 42')}) for 1, 2;
	is($admin->run(q{SELECT calls || ' ' || query FROM pg_stat_statements WHERE query LIKE '%AS s WHERE usename%'}),
		'2 SELECT s.pid FROM sessionctl.session_activity AS s WHERE usename = $1 and s.pid > $2',
		'counts both, and knows the places of constants');
};

done_testing();
