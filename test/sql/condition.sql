-- Conditions: what passes, what is refused, and how it is told.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_sessionctl;

-- What becomes of a condition: does it match the session that asks (1 or 0), or the refusal. Without the argument
-- types of functions, which differ between servers.
CREATE FUNCTION pg_temp.tried(condition text, args text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    RETURN (SELECT count(*) FROM sessionctl.preview_where('is_self and (' || condition || ')', args));
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN sqlstate || ' ' || regexp_replace(message, '(function [a-z_.]+)\(.*?\)', '\1')
           || CASE hint WHEN '' THEN '' ELSE E'\n  ' || hint END;
END
$$;
-- The same without our own part of it, which looks at the session and closes a parenthesis: does it match any?
CREATE FUNCTION pg_temp.alone(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    RETURN (SELECT (count(*) > 0)::integer FROM sessionctl.preview_where(condition));
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN sqlstate || ' ' || message || CASE hint WHEN '' THEN '' ELSE E'\n  ' || hint END;
END
$$;

-- With a caret into the caller's own text.
SELECT sessionctl.safe_count('usename = $$x$$ and nonsense > 1');
SELECT sessionctl.safe_count('usename = $$x$$
    and state = = $$idle$$');
SELECT sessionctl.safe_count('pid');
SELECT sessionctl.safe_count('usename = $$x$$; select 1');
SELECT sessionctl.safe_count('pid > 0 and set_config($$a.b$$, $$c$$, false) = usename');
SELECT sessionctl.safe_count('query = ''<IDLE>''');
SELECT sessionctl.safe_count('datname = $1');
\set VERBOSITY terse
SELECT sessionctl.safe_count('pid / 0 = 1');
\pset format unaligned
\pset tuples_only

-- One expression.
SELECT condition, pg_temp.alone(condition) FROM (VALUES
    ('true; select 1'),
    ('true); select (1'),
    ('true --'),
    ('true) --'),
    ('true /*'),
    ('pid > 0 --'),
    ('false) union select pid, null from pg_stat_activity where (true'),
    ('true) order by (1'),
    ('false) or (true'),
    ('pid > 0 order by 1'),
    ('pid > 0 union select true'),
    ('pid > 0, true'),
    ('true as x'),
    ('distinct pid'),
    ('true from pg_class'),
    ('select true'),
    (''),
    (E' \n\t ')) AS v (condition);
SELECT pg_temp.alone(NULL);

-- A star is no expression.
SELECT condition, pg_temp.alone(condition) FROM (VALUES
    ('*'),
    ('(*)'),
    ('* is null'),
    ('pid > 0 nonsense'),
    ('exists (select * from pg_class where oid = s.pid) or s.pid > 0')) AS v (condition);

-- What does more than look, and what nobody has looked at yet.
SELECT condition, pg_temp.tried(condition) FROM (VALUES
    ('exists (select 1 from pg_class for update)'),
    ('exists (with c as (delete from pg_class returning 1) select 1 from c)')) AS v (condition);

-- One parse: what a literal's input function sets changes nothing of how the rest is read, and nothing for later.
CREATE FUNCTION pg_temp.off(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('standard_conforming_strings', 'off', false);
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN true; -- from 19 on it is always on
END$$;
CREATE DOMAIN pg_temp.hostile AS text CHECK (pg_temp.off(value));
CREATE TYPE pg_temp.wrapped AS (a pg_temp.hostile);
SELECT pg_temp.alone($$ '(a)'::pg_temp.wrapped is not null and s.usename <> ('\' || ') union select 99999, null -- ') $$);
SELECT pg_temp.alone($$ '(a)'::pg_temp.wrapped is not null and s.usename <> ('\' || ') union all select pid, null from pg_stat_activity -- ') $$);
SHOW standard_conforming_strings;
-- Nor do the caller's own settings.
SET transform_null_equals = on;
SET array_nulls = off;
SELECT pg_temp.off('') AS off;
SET backslash_quote = on;
SELECT pg_temp.tried($$usename = null$$), pg_temp.tried($$length('\\n') = 3$$),
    pg_temp.tried($$('{NULL}'::text[])[1] is null$$);
RESET transform_null_equals;
RESET array_nulls;
RESET standard_conforming_strings;
RESET backslash_quote;

-- The one who asks stays the same.
CREATE FUNCTION pg_temp.other() RETURNS boolean STABLE LANGUAGE sql
    AS $$SELECT set_config('role', 'none', false) = 'none'$$;
SELECT pg_temp.tried('pg_temp.other()');
-- A condition may ask for another one.
CREATE FUNCTION pg_temp.nested() RETURNS bigint STABLE LANGUAGE sql
    AS $$SELECT sessionctl.safe_count('is_self and exists (select 1 from pg_class)')$$;
SELECT pg_temp.tried('pg_temp.nested() >= 0');

-- Boolean.
SELECT condition, pg_temp.alone(condition) FROM (VALUES ('pid'), ('usename'), ('s.*'), ('''x'' || usename')) AS v (condition);

-- No volatile function in the caller's own text, wherever it stands.
CREATE SEQUENCE regress_sessionctl_sequence;
CREATE FUNCTION regress_sessionctl_volatile() RETURNS boolean VOLATILE LANGUAGE sql AS 'SELECT true';
SELECT condition, pg_temp.tried(condition) FROM (VALUES
    ('nextval(''public.regress_sessionctl_sequence'') > 0'),
    ('setval(''public.regress_sessionctl_sequence'', 9) > 0'),
    ('pg_terminate_backend(pid)'),
    ('pg_cancel_backend(pid)'),
    ('lo_export(1, ''/tmp/x'') = 1'),
    ('lo_unlink(1) = 1'),
    ('set_config(''a.b'', ''c'', false) = usename'),
    ('pg_reload_conf()'),
    ('pg_rotate_logfile()'),
    ('pg_sleep(0)::text = usename'),
    ('pg_advisory_lock(1)::text = usename'),
    ('query_to_xml(''select 1'', true, true, '''')::text = usename'),
    ('query_to_xmlschema(''select 1'', true, true, '''')::text = usename'),
    ('query_to_xml_and_xmlschema(''select 1'', true, true, '''')::text = usename'),
    ('cursor_to_xml(''c'', 1, true, true, '''')::text = usename'),
    ('cursor_to_xmlschema(''c'', true, true, '''')::text = usename'),
    ('sessionctl.terminate_where(''true'') = pid'),
    ('sessionctl.safe_count(''true'') = pid'),
    ('public.regress_sessionctl_volatile()'),
    ('exists (select nextval(''public.regress_sessionctl_sequence''))'),
    ('exists (select 1 from pg_terminate_backend(s.pid) as done where done)'),
    ('exists (with c as (select pg_reload_conf() as x) select 1 from c)'),
    ('usename in (values (set_config(''a.b'', ''c'', false)))'),
    ('exists (select 1 limit nextval(''public.regress_sessionctl_sequence''))'),
    ('(select sum(nextval(''public.regress_sessionctl_sequence'')) from pg_class) > 0'),
    ('case when true then true else pg_reload_conf() end'),
    ('pid = any (array[nextval(''public.regress_sessionctl_sequence'')])')) AS v (condition);
SELECT is_called FROM regress_sessionctl_sequence;

-- The planner may run an operator's negator or commutator in its place.
CREATE FUNCTION regress_sessionctl_calm(integer, integer) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT $1 = $2';
CREATE FUNCTION regress_sessionctl_busy(integer, integer) RETURNS boolean VOLATILE LANGUAGE sql AS 'SELECT $1 <> $2';
CREATE OPERATOR public.=== (PROCEDURE = regress_sessionctl_calm, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR public.!== (PROCEDURE = regress_sessionctl_busy, LEFTARG = integer, RIGHTARG = integer,
    NEGATOR = OPERATOR(public.===));
SELECT pg_temp.tried('not (pid operator(public.===) 0)');
SELECT pg_temp.tried('not (pid operator(public.===) any (array[0]))');
DROP OPERATOR public.!== (integer, integer);
DROP OPERATOR public.=== (integer, integer);
DROP FUNCTION regress_sessionctl_calm(integer, integer);
DROP FUNCTION regress_sessionctl_busy(integer, integer);

-- Those that only look may stand there.
SELECT condition, pg_temp.tried(condition) FROM (VALUES
    ('clock_timestamp() >= backend_start'),
    ('random() >= 0'),
    ('timeofday() <> '''''),
    ('not pg_is_in_recovery() or pg_is_in_recovery()'),
    ('not exists (select 1 from pg_locks l where l.pid = s.pid and not granted)')) AS v (condition);
SELECT pg_temp.tried('cardinality(pg_blocking_pids(pid)) = 0') FROM pg_proc WHERE proname = 'pg_blocking_pids'
UNION ALL SELECT '1' WHERE NOT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'pg_blocking_pids');

-- Nobody in the way is the empty array, on every server.
SELECT pg_temp.tried('blocked_by = ''{}''');

-- It looks at the session, or is the literal true or false.
SELECT condition, pg_temp.alone(condition) FROM (VALUES
    ('true'),
    ('TRUE'),
    (' (true) '),
    ('false'),
    ('user <> ''x'''),
    ('current_user = session_user'),
    ('1 = 1'),
    ('not false'),
    ('''t''::boolean'),
    ('true::boolean'),
    ('null'),
    ('exists (select 1 from pg_locks where pid = pid)'),
    ('exists (select 1 from pg_stat_activity where state = ''idle'')'),
    ('exists (select 1 from pg_stat_activity s where s.pid > 0)')) AS v (condition);
SELECT condition, pg_temp.alone(condition) FROM (VALUES
    ('s.pid > 0'),
    ('not s is null'),
    ('session_activity.pid > 0'),
    ('usename not in (select usename from pg_user where not usesuper)'),
    ('exists (select 1 from pg_stat_activity where pid = s.pid)'),
    ('exists (select 1 from (select 1 as one) as x where exists (select 1 from pg_class where s.pid > x.one))'),
    ('(with c as (select s.pid as p) select p > 0 from c)')) AS v (condition);

-- Old spellings.
SELECT condition, pg_temp.tried(condition) FROM (VALUES
    ('query = ''<IDLE>'''),
    ('query = ''<IDLE> in transaction'''),
    ('query like ''<IDLE>%'''),
    ('procpid = 1'),
    ('current_query = ''x''')) AS v (condition);

-- Values beside the text.
SELECT pg_temp.tried('datname = $1 and pid = $2::integer', ARRAY[current_database(), pg_backend_pid()::text]);
SELECT pg_temp.tried('datname = $1', ARRAY['x'' or true --']);
SELECT pg_temp.tried('datname = $1', ARRAY[NULL::text]);
SELECT pg_temp.tried('datname = $2', ARRAY['x']);
SELECT pg_temp.tried('pid > 0', NULL);
-- Each takes the type that its place needs.
SELECT condition, pg_temp.tried(condition, args) FROM (VALUES
    ('pid = $1', ARRAY[pg_backend_pid()::text]),
    ('pid = any ($1)', ARRAY['{' || pg_backend_pid() || '}']),
    ('client_addr is null or client_addr <> $1', ARRAY['10.0.0.1']),
    ('session_age < $1', ARRAY['1 day']),
    ('backend_start > $1', ARRAY['2000-01-01']),
    ('$1 is null or usename = $1', ARRAY[NULL::text]),
    ('$1 is null or usename = $1', ARRAY['nobody']),
    ('usename in ($1, $2) or $1 = $2', ARRAY['nobody', 'nobody']),
    ('coalesce($1, usename) = usename', ARRAY[NULL::text]),
    ('$1', ARRAY['true']),
    ('is_self = $1', ARRAY['false']),
    ('pid > 0', ARRAY['unused'])) AS v (condition, args);
SELECT left(pg_temp.tried('pid = $1', ARRAY['x']), 5);

-- What is easily mistaken, and the hint for it.
SELECT condition, pg_temp.alone(condition) FROM (VALUES
    ('pid = $1'),
    ('usename = regina'),
    ('usename = "regina"'),
    ('usename = regina.west'),
    ('state = idle and pid > 0'),
    ('exists (select 1 from regress_sessionctl_nothing where s.pid > 0)')) AS v (condition);

-- Names are looked up where nobody else makes any, in a read-only transaction, and only meanwhile.
CREATE SCHEMA regress_sessionctl_lair;
SET search_path = regress_sessionctl_lair, pg_catalog;
CREATE FUNCTION always(name, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR = (PROCEDURE = always, LEFTARG = name, RIGHTARG = varchar);
CREATE FUNCTION always(text, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR = (PROCEDURE = always, LEFTARG = text, RIGHTARG = varchar);
CREATE VIEW pg_locks AS SELECT pid FROM pg_catalog.pg_stat_activity;
CREATE TEMP TABLE session_activity (pid integer);
SELECT 'a'::text = 'b'::varchar;
SELECT pg_temp.tried('usename = ''nobody''::varchar');
SELECT pg_temp.tried('exists (select 1 from pg_locks l where l.pid = s.pid and l.locktype is null)');
SELECT pg_temp.tried('current_setting(''search_path'') = ''pg_catalog, sessionctl, pg_temp''');
SELECT pg_temp.tried('current_setting(''transaction_read_only'') = ''on''');
BEGIN;
SELECT pg_temp.tried('true'), pg_temp.tried('1 / 0 = pid');
SELECT sessionctl.safe_count('false');
SHOW search_path;
CREATE TABLE written ();
ROLLBACK;
CREATE FUNCTION writer() RETURNS boolean STABLE LANGUAGE sql AS
$$SELECT nextval('public.regress_sessionctl_sequence') > 0$$;
SELECT pg_temp.tried('regress_sessionctl_lair.writer()');
SELECT pg_temp.tried('exists (select 1 from regress_sessionctl_lair.pg_locks for update)') LIKE '0A000%';

-- Inside a SECURITY DEFINER function a condition has columns, values, and what pg_catalog offers.
CREATE FUNCTION wrapper(condition text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS
$$BEGIN RETURN pg_temp.tried(condition); END$$;
CREATE FUNCTION spy(text) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION spy(text, text) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR ~~~ (PROCEDURE = spy, LEFTARG = text, RIGHTARG = text);
CREATE DOMAIN nosy AS text CHECK (regress_sessionctl_lair.spy(value));
SELECT condition, wrapper(condition) FROM (VALUES
    ('usename <> ''x'' and application_name like ''%'' and age(now(), backend_start) < ''1 day'''),
    ('(select max(rolpassword) from pg_authid)::integer = pid'),
    ('exists (select 1 from pg_authid where rolpassword::integer = s.pid)'),
    ('regress_sessionctl_lair.spy(usename)'),
    ('usename operator(regress_sessionctl_lair.~~~) usename'),
    ('usename::regress_sessionctl_lair.nosy is not null'),
    ('usename collate "C" = ''x'''),
    ('usename collate regress_sessionctl_lair."C" = ''x'''),
    ('is_self and now() > ''2000-01-01'''),
    ('is_self and usename <> all (''{a,b}''::text[]) and pid <> ''1''::integer')) AS v (condition);
-- Not even by a literal, which the analysis already reads.
CREATE FUNCTION noisy(text) RETURNS boolean STABLE LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$;
CREATE DOMAIN loud AS text CHECK (regress_sessionctl_lair.noisy(value));
CREATE TYPE loud_row AS (a loud);
CREATE TYPE loud_range AS RANGE (subtype = loud);
CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (regress_sessionctl_lair.noisy(value));
SELECT condition, wrapper(condition) FROM (VALUES
    ('''(a)''::regress_sessionctl_lair.loud_row is not null'),
    ('''[a,b]''::regress_sessionctl_lair.loud_range is not null'),
    ('regress_sessionctl_lair.loud_row ''(a)'' is not null'),
    ('regress_sessionctl_lair.loud_row(''(a)'') is not null'),
    ('''a''::loud is not null'),
    ('''a''::pg_temp.text is not null'),
    ('''x''::text <> usename and is_self'),
    ('text ''x'' <> usename and is_self'),
    ('cast(''x'' as text) <> usename and is_self')) AS v (condition);
-- Its caller's settings change nothing of it, nor does it restrict the conditions of a caller's caller.
SELECT pg_temp.off('') AS off;
SET DateStyle = 'SQL, DMY';
SELECT wrapper($$is_self and length('\\n') = 3$$), wrapper($$is_self and '2000-01-02'::timestamptz < '2000-01-03'$$),
    wrapper($$is_self and '01/02/2000'::timestamptz < '2000-01-03'$$);
RESET standard_conforming_strings;
RESET DateStyle;
-- Nor those functions of pg_catalog that read what the caller may not.
SELECT condition, wrapper(condition) ~ '^(42501|0A000) ' AS refused FROM (VALUES
    ('table_to_xml(''pg_authid'', true, false, '''')::text = usename'),
    ('schema_to_xml(''pg_catalog'', true, false, '''')::text = usename'),
    ('database_to_xml(true, false, '''')::text = usename'),
    ('current_setting(''data_directory'') = usename')) AS v (condition);

SET client_min_messages = warning;
RESET search_path;
DROP SCHEMA regress_sessionctl_lair CASCADE;
DROP FUNCTION regress_sessionctl_volatile();
DROP SEQUENCE regress_sessionctl_sequence;
