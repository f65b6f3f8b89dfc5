User-defined operators, with the functions that the planner uses instead of them.

-- 1. A negator and a commutator that strike, outside of SECURITY DEFINER: with the caller's rights alone
CREATE FUNCTION pg_temp.same(text, text) RETURNS boolean STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 = $2; END';
CREATE FUNCTION pg_temp.other(text, text) RETURNS boolean STABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_temp.strike(); RETURN $1 <> $2; END';
CREATE OPERATOR pg_temp.=== (PROCEDURE = pg_temp.same, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.!==), COMMUTATOR = OPERATOR(pg_temp.===));
CREATE OPERATOR pg_temp.!== (PROCEDURE = pg_temp.other, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.===), COMMUTATOR = OPERATOR(pg_temp.!==));
SELECT judge.honest('not (usename::text operator(pg_temp.===) ''x'')'), judge.honest('''x'' operator(pg_temp.===) usename::text'), judge.honest('usename::text operator(pg_temp.===) any (array[''x''])'),
       judge.honest('not (usename::text operator(pg_temp.===) all (array[''x'']))');

-- 2. A volatile negator or commutator is seen
CREATE FUNCTION pg_temp.same(text, text) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT $1 = $2';
CREATE FUNCTION pg_temp.other(text, text) RETURNS boolean VOLATILE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_temp.strike(); RETURN $1 <> $2; END';
CREATE OPERATOR pg_temp.=== (PROCEDURE = pg_temp.same, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.!==));
CREATE OPERATOR pg_temp.!== (PROCEDURE = pg_temp.other, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.===));
SELECT judge.honest('not (usename::text operator(pg_temp.===) ''x'')'), judge.honest('usename::text operator(pg_temp.!==) ''x''');
-- want: refused.*refused

-- 3. Inside a SECURITY DEFINER function none of them
CREATE FUNCTION pg_temp.same(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2';
CREATE FUNCTION pg_temp.other(text, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_temp.strike(); RETURN $1 <> $2; END';
CREATE OPERATOR pg_temp.=== (PROCEDURE = pg_temp.same, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.!==));
CREATE OPERATOR pg_temp.!== (PROCEDURE = pg_temp.other, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.===));
-- A core function under an operator of one's own, whose negator strikes.
CREATE OPERATOR pg_temp.@@@ (PROCEDURE = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.!@@));
CREATE OPERATOR pg_temp.!@@ (PROCEDURE = pg_temp.other, LEFTARG = text, RIGHTARG = text, NEGATOR = OPERATOR(pg_temp.@@@));
CREATE OPERATOR pg_temp.#### (PROCEDURE = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text, COMMUTATOR = OPERATOR(pg_temp.###));
SELECT judge.wrapped(v.condition) FROM (VALUES ('not (usename::text operator(pg_temp.===) ''x'')'), ('not (usename::text operator(pg_temp.@@@) ''x'')'), ('usename::text operator(pg_temp.@@@) ''x'''),
    ('not (usename::text operator(pg_temp.@@@) any (array[''x'']))'), ('not (usename::text operator(pg_temp.@@@) all (array[''x'']))'), ('(usename::text, pid) operator(pg_temp.@@@) (''x''::text, 1)'), ('usename::text @@@ ''x'''),
    ('not (usename::text === ''x'')'), ('case usename::text when ''x'' then true else false end'), ('not (usename::text operator(pg_temp.####) ''x'')'), ('usename is distinct from ''x''')) AS v (condition);

-- 4. In the schema public of a database's owner: the same with a search_path that finds them
-- as: dbowner
DROP SCHEMA IF EXISTS lair CASCADE;
CREATE SCHEMA lair; GRANT USAGE ON SCHEMA lair TO PUBLIC;
CREATE FUNCTION lair.strikes(boolean) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $f$
BEGIN
    IF current_user IN ('boss', 'postgres') THEN RAISE WARNING 'struck as %', current_user; END IF;
    RETURN $1;
END
$f$;
CREATE FUNCTION lair.eq(name, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT lair.strikes(true)';
CREATE FUNCTION lair.eq(text, varchar) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT lair.strikes(true)';
CREATE FUNCTION lair.eq(name, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT lair.strikes(true)';
CREATE FUNCTION lair.eq(integer, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT lair.strikes(true)';
CREATE OPERATOR lair.= (PROCEDURE = lair.eq, LEFTARG = name, RIGHTARG = varchar);
CREATE OPERATOR lair.= (PROCEDURE = lair.eq, LEFTARG = text, RIGHTARG = varchar);
CREATE OPERATOR lair.= (PROCEDURE = lair.eq, LEFTARG = name, RIGHTARG = text);
CREATE OPERATOR lair.= (PROCEDURE = lair.eq, LEFTARG = integer, RIGHTARG = integer);
CREATE FUNCTION lair.lower(name) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lair.strikes(true)::text';
CREATE FUNCTION lair.safe_count(text) RETURNS bigint LANGUAGE sql AS 'SELECT lair.strikes(true)::integer::bigint';
CREATE VIEW lair.pg_stat_activity AS SELECT lair.strikes(true), 1 AS pid;
CREATE DOMAIN lair.text AS pg_catalog.text CHECK (lair.strikes(true));
ALTER DATABASE shop SET search_path = lair, public;
-- superuser:
SET search_path = lair, pg_catalog;
SELECT sessionctl.safe_count('usename = ''x''::varchar and application_name = ''y''::varchar and pid = 1');
SELECT sessionctl.safe_count('lower(usename) = ''x'' and pid in (select pid from pg_stat_activity)');
SELECT sessionctl.safe_count('usename = $1::text', '{x}');
SELECT count(*) FROM sessionctl.preview_where('pid = 1', per := 'usename');
SELECT sessionctl.terminate_role_sessions('plain', keep := 1000);
SELECT count(*) FROM sessionctl.session_activity;
SELECT count(*) FROM sessionctl.session_blocking;
SELECT count(*) FROM sessionctl.session_limits;
SELECT count(*) FROM sessionctl.session_lockdowns;
SELECT count(*) FROM sessionctl.prepared_transactions;
SELECT count(*) FROM sessionctl.reaper_status;
SELECT sessionctl.lockdown_role('app', terminate := false);
SELECT sessionctl.unlock_role('app');
SELECT sessionctl.limit_role('app', -1);
ALTER DATABASE shop RESET search_path;
DROP SCHEMA lair CASCADE;

-- 5. Aggregates, ordered ones, window functions, and estimators of one's own
CREATE FUNCTION pg_temp.step(integer, integer) RETURNS integer VOLATILE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_temp.strike(); RETURN $2; END';
CREATE AGGREGATE pg_temp.busy(integer) (SFUNC = pg_temp.step, STYPE = integer);
CREATE AGGREGATE pg_temp.ordered(ORDER BY integer) (SFUNC = pg_temp.step, STYPE = integer);
SELECT judge.honest('pid = (select pg_temp.busy(1))'), judge.honest('pid = (select pg_temp.busy(s.pid))'), judge.honest('pid = (select pg_temp.busy(s.pid) over ())'), judge.honest('pid = (select pg_temp.ordered() within group (order by s.pid))'),
       judge.honest('pg_temp.busy(pid) = 1'), judge.honest('pg_temp.busy(pid) over () = 1'), judge.honest('pid = (select row_number() over (order by s.pid))');
SELECT judge.wrapped(v.condition) FROM (VALUES ('pid = (select pg_temp.busy(1))'), ('count(*) > 1')) AS v (condition);
CREATE FUNCTION pg_temp.near(integer, integer) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT $1 > 0';
CREATE OPERATOR pg_temp.~~> (PROCEDURE = pg_temp.near, LEFTARG = integer, RIGHTARG = integer, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
SELECT judge.agrees('pid operator(pg_temp.~~>) 1', 'true'), judge.honest('usename = ''app'' and exists (select 1 from pg_locks as l where l.pid operator(pg_temp.~~>) s.pid)'), judge.honest('usename = ''app'' and pid in (select l.pid from pg_locks as l where l.pid operator(pg_temp.~~>) 1)');
-- want: ok: 2

-- 6. An extension that its owner puts into pg_catalog is not core
-- as: dbowner
-- since: 130000
CREATE EXTENSION hstore SCHEMA pg_catalog;
SELECT judge.wrapped(v.condition) FROM (VALUES ('hstore(usename::text, query) is not null and pid > 0'), ('''a=>b''::hstore is not null and pid > 0'), ('''a=>b''::pg_catalog.hstore is not null and pid > 0'),
    ('(hstore(usename::text, query) -> ''postgres'') is not null'), ('populate_record(null::pg_class, ''a=>b''::hstore) is not null and pid > 0'), ('usename = any (akeys(hstore(usename::text, query)))')) AS v (condition);
SELECT judge.honest('hstore(usename::text, ''x'') is not null');
DROP EXTENSION hstore;
-- never: counted [0-9]
