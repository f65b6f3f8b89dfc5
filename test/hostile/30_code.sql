Conditions that call user-defined code outside of SECURITY DEFINER functions: it runs with the privileges of its role.

-- 1. Functions labelled STABLE and IMMUTABLE that strike
CREATE FUNCTION pg_temp.sure(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN RETURN pg_temp.strike(); END $f$;
SELECT judge.honest('pg_temp.strikes(pid)'), judge.honest('pg_temp.sure(pid)'), judge.honest('pg_temp.sure(1) and pid > 0');

-- 2. Another role in the middle of it
CREATE FUNCTION pg_temp.as_other(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
DECLARE other text;
BEGIN
    FOREACH other IN ARRAY ARRAY['postgres', 'boss', 'app', 'dbowner', 'createrole', 'pg_signal_backend', 'pg_monitor', 'none', session_user] LOOP
        BEGIN PERFORM set_config('role', other, false); EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN PERFORM set_config('role', other, true); EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN EXECUTE format('SET ROLE %I', other); EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN EXECUTE format('SET SESSION AUTHORIZATION %I', other); EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN PERFORM set_config('session_authorization', other, false); EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
    RETURN true;
END
$f$;
CREATE DOMAIN pg_temp.other AS text CHECK (pg_temp.as_other(1));
SELECT current_user = session_user AS same;
SELECT judge.honest('pg_temp.as_other(pid)');
SELECT judge.honest('''{a}''::pg_temp.other[] is not null and pid > 0');
SELECT sessionctl.safe_count('pg_temp.as_other(pid)') >= 0 AS counted;
SELECT current_user = session_user AS same;
BEGIN;
SELECT sessionctl.safe_count('''{a}''::pg_temp.other[] is not null and pid > 0') >= 0 AS counted;
SELECT current_user = session_user AS same;
COMMIT;
SELECT current_user = session_user AS same;
-- never: (^|[^a-z])f([^a-z]|$)

-- 3. A signal role that is somebody else in the middle of it: the account and the victim read who asked
-- as: signaller
-- since: 90600
CREATE FUNCTION pg_temp.as_member(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM set_config('role', 'pg_signal_backend', false);
    RETURN $1 = 0;
EXCEPTION WHEN OTHERS THEN RETURN false;
END
$f$;
SELECT sessionctl.terminate_where('pg_temp.as_member(pid)', reason := 'x');
SELECT sessionctl.cancel_where('pg_temp.as_member(pid)');
SELECT count(*) FROM sessionctl.terminate_report('pg_temp.as_member(pid)');
SELECT current_user;
-- want: signaller

-- 4. Nested calls: a condition whose function asks again, acts, and asks with another condition
CREATE FUNCTION pg_temp.nested(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM sessionctl.safe_count('usename = $1', '{app}');
    PERFORM count(*) FROM sessionctl.preview_where('pid > 0');
    PERFORM count(*) FROM sessionctl.session_activity;
    PERFORM sessionctl.blocking_tree();
    RETURN $1 > 0;
END
$f$;
CREATE FUNCTION pg_temp.ends(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    BEGIN PERFORM sessionctl.terminate_where('false'); EXCEPTION WHEN insufficient_privilege THEN NULL; END;
    BEGIN PERFORM sessionctl.cancel_where('application_name = $1', '{nobody}'); EXCEPTION WHEN insufficient_privilege THEN NULL; END;
    BEGIN PERFORM sessionctl.drain_where('false'); EXCEPTION WHEN insufficient_privilege THEN NULL; END;
    BEGIN PERFORM count(*) FROM sessionctl.escalate_report('false'); EXCEPTION WHEN insufficient_privilege THEN NULL; END;
    BEGIN PERFORM sessionctl.safe_count('nonsense'); EXCEPTION WHEN undefined_column THEN NULL; END;
    RETURN $1 > 0;
EXCEPTION WHEN OTHERS THEN RETURN $1 > 0;
END
$f$;
SELECT judge.agrees($$pg_temp.nested(pid) and usename = 'app'$$, 'true');
SELECT judge.agrees($$pg_temp.ends(pid) and usename = 'app'$$, 'true');
SELECT judge.agrees($$pg_temp.nested(pid) and pg_temp.ends(pid) and pg_temp.nested(pid)$$, 'true');
-- want: ok: 2

-- 5. Nested without an end
CREATE FUNCTION pg_temp.forever(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    RETURN sessionctl.safe_count('pg_temp.forever(pid)') > 0;
END
$f$;
SET max_stack_depth = '300kB';
SELECT sessionctl.safe_count('pg_temp.forever(pid)');
SELECT judge.honest('pid > 0');
-- want: 54001.*ok
CREATE DOMAIN pg_temp.endless AS text CHECK (sessionctl.safe_count('''{a}''::pg_temp.endless[] is null and pid > 0') > 0);

-- 6. Nested while a literal is analysed
CREATE FUNCTION pg_temp.nested(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM sessionctl.safe_count('usename = $1', '{app}');
    PERFORM count(*) FROM sessionctl.preview_where('pid > 0');
    BEGIN PERFORM sessionctl.safe_count('nonsense'); EXCEPTION WHEN undefined_column THEN NULL; END;
    BEGIN PERFORM sessionctl.terminate_where('nonsense'); EXCEPTION WHEN OTHERS THEN NULL; END;
    RETURN true;
END
$f$;
CREATE DOMAIN pg_temp.nesting AS text CHECK (pg_temp.nested(value));
CREATE TYPE pg_temp.nests AS (a pg_temp.nesting);
SELECT judge.agrees($$'(a)'::pg_temp.nests is not null and usename = 'app'$$, 'true');
-- want: ok: 2

-- 7. Everything that a function can do to the session in the middle of it
CREATE FUNCTION pg_temp.meddle(what text) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    EXECUTE what;
    RETURN true;
EXCEPTION WHEN OTHERS THEN RETURN true;
END
$f$;
CREATE FUNCTION pg_temp.raise(what text) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$ BEGIN EXECUTE what; RETURN true; END $f$;
CREATE FUNCTION pg_temp.tried(what text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    said text;
BEGIN
    said := judge.honest('pg_temp.meddle($1) and pid > 0', ARRAY[what]) || ' ' || judge.honest('pg_temp.raise($1) and pid > 0', ARRAY[what]);
    IF judge.agrees($$usename = 'app'$$, 'true') <> 'ok: 2' THEN
        RETURN 'not ok afterwards: ' || what;
    END IF;
    IF said !~ '^ok: \d+ ' THEN
        RETURN 'not ok: ' || what || ': ' || said;
    END IF;
    RETURN said;
END
$f$;
SELECT pg_temp.tried(v.what) FROM (VALUES ('SELECT 1/0'), ('SET work_mem = 64'), ('RESET ALL'), ('DISCARD ALL'), ('DISCARD PLANS'), ('DISCARD TEMP'), ('SET LOCAL search_path = pg_temp'), ('SET SESSION search_path = pg_temp'),
    ('SET transaction_read_only = off'), ('SET transaction_isolation = serializable'), ('SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE'), ('DECLARE hostile CURSOR WITH HOLD FOR SELECT 1'), ('DECLARE h2 CURSOR FOR SELECT * FROM sessionctl.session_activity'),
    ('FETCH hostile'), ('CLOSE ALL'), ('CREATE TEMP TABLE made (a int)'), ('CREATE TEMP TABLE made ON COMMIT DROP AS SELECT * FROM sessionctl.session_activity'), ('DROP TABLE IF EXISTS made'), ('LISTEN x'), ('NOTIFY x'), ('UNLISTEN *'), ('PREPARE p AS SELECT 1'), ('EXECUTE p'), ('DEALLOCATE ALL'),
    ('SELECT lo_create(0)'), ('SELECT lo_from_bytea(0, ''x'')'), ('SELECT lo_unlink(1)'), ('SELECT lo_open(1, 131072)'), ('SELECT lo_export(1, ''/tmp/x'')'), ('SELECT lo_import(''/etc/passwd'')'),
    ('SELECT pg_advisory_lock(pg_backend_pid())'), ('SELECT pg_advisory_unlock_all()'), ('LOCK TABLE pg_class IN ACCESS SHARE MODE'), ('LOCK TABLE pg_authid'), ('SAVEPOINT x'), ('ROLLBACK'), ('COMMIT'), ('BEGIN'), ('PREPARE TRANSACTION ''x'''), ('VACUUM'), ('CHECKPOINT'), ('LOAD ''pg_sessionctl'''), ('LOAD ''$libdir/pg_sessionctl'''),
    ('DO ''begin perform pg_temp.strike(); end'''), ('SELECT pg_temp.strike()'), ('COPY (SELECT 1) TO ''struck'''), ('COPY (SELECT 1) TO PROGRAM ''cat > struck'''), ('SELECT pg_reload_conf()'), ('SELECT pg_terminate_backend(0)'), ('SELECT pg_cancel_backend(pg_backend_pid())'), ('SELECT pg_stat_clear_snapshot()'),
    ('SELECT pg_notify(''a'', repeat(''x'', 7000))'), ('SELECT txid_current()'), ('SELECT pg_export_snapshot()'), ('SELECT setseed(0)'), ('SELECT set_config(''pg_sessionctl.refuse_above'', ''1'', false)'), ('SELECT set_config(''pg_sessionctl.protected_roles'', ''app'', false)'), ('SET pg_sessionctl.nonsense = 1'),
    ('SET client_encoding = ''LATIN1'''), ('SET client_encoding = ''SQL_ASCII'''), ('SET client_encoding = ''EUC_JP'''), ('RESET client_encoding'), ('ALTER ROLE CURRENT_USER SET work_mem = 64'), ('SECURITY LABEL ON ROLE app IS ''x'''), ('REINDEX INDEX pg_class_oid_index'), ('ALTER TABLE vault.secret OWNER TO CURRENT_USER'),
    ('GRANT ALL ON vault.canary TO PUBLIC'), ('CREATE EXTENSION hstore'), ('DROP EXTENSION pg_sessionctl'), ('ALTER EXTENSION pg_sessionctl UPDATE'), ('EXPLAIN ANALYZE SELECT sessionctl.safe_count(''true'')'), ('SELECT * FROM sessionctl.session_activity FOR UPDATE'), ('ALTER SYSTEM SET work_mem = 64'),
    ('SELECT pg_catalog.set_config(''statement_timeout'', ''1'', false)'), ('RESET statement_timeout'), ('SELECT pg_catalog.set_config(''lock_timeout'', ''1'', false)'), ('RESET lock_timeout')) AS v (what);

-- 8. An ERROR in every way there is
CREATE FUNCTION pg_temp.fails(sqlstate text) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    RAISE EXCEPTION USING ERRCODE = sqlstate, MESSAGE = repeat('long ', 2000) || '%s%n%d', DETAIL = E'a\nb %m', HINT = '%s%s%s%n';
END
$f$;
SELECT judge.honest('pg_temp.fails($1) and pid > 0', ARRAY[v.code]) ~ ('^refused: ' || v.code)
FROM (VALUES ('57014'), ('57P01'), ('57P02'), ('53200'), ('40001'), ('40P01'), ('00001'), ('P0001'), ('22000'), ('42501'), ('0A000'), ('54001'), ('42601'), ('42703')) AS v (code);
SELECT sessionctl.safe_count('pg_temp.fails(''57P01'') and pid > 0');
SELECT sessionctl.safe_count('pg_temp.fails(''57014'') and pid > 0');
SELECT wrap.count_matching('pid / 0 = 1');
-- never: (^|[^a-z])f([^a-z]|$)

-- 9. Errors that are swallowed, thousands of them, in one call
CREATE FUNCTION pg_temp.swallows(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    FOR i IN 1 .. 300 LOOP
        BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END;
        BEGIN PERFORM sessionctl.safe_count('1 = '); EXCEPTION WHEN syntax_error THEN NULL; END;
    END LOOP;
    RETURN true;
END
$f$;
SELECT judge.agrees($$usename = 'app' and pg_temp.swallows(pid)$$, 'true');
-- want: ok: 2

-- 10. A function that sets parameters for itself, and one that is its owner's
CREATE FUNCTION pg_temp.with_set(integer) RETURNS boolean STABLE SET search_path = pg_temp SET standard_conforming_strings = off SET work_mem = '64kB' LANGUAGE plpgsql AS $f$
BEGIN
    RETURN sessionctl.safe_count($$usename = 'app' and application_name <> '\x'$$) >= 0;
END
$f$;
CREATE FUNCTION pg_temp.definer(integer) RETURNS boolean STABLE SECURITY DEFINER LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM pg_temp.strike();
    PERFORM sessionctl.safe_count('pid > 0');
    RETURN true;
END
$f$;
SELECT judge.agrees($$usename = 'app' and pg_temp.with_set(pid)$$, 'true'), judge.agrees($$usename = 'app' and pg_temp.definer(pid)$$, 'true');
-- want: ok: 2

-- 11. Functions that return sets, rows, nothing, and the wrong thing
CREATE FUNCTION pg_temp.rows(integer) RETURNS SETOF boolean STABLE LANGUAGE sql AS 'SELECT true FROM generate_series(1, $1)';
CREATE FUNCTION pg_temp.tab(integer) RETURNS TABLE (a boolean, b integer) STABLE LANGUAGE sql AS 'SELECT true, $1';
CREATE FUNCTION pg_temp.poly(anyelement, anyarray) RETURNS anyelement STABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION pg_temp.variadic(VARIADIC integer[]) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION pg_temp.defaults(a integer DEFAULT 1, b text DEFAULT 'x') RETURNS boolean STABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION pg_temp.nothing() RETURNS void STABLE LANGUAGE sql AS '';
CREATE FUNCTION pg_temp.recursive(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS 'BEGIN RETURN pg_temp.recursive($1 + 1); END';
SELECT judge.honest('pg_temp.rows(pid)'), judge.honest('pid in (select 1 from pg_temp.rows(pid))'), judge.honest('(pg_temp.tab(pid)).a'), judge.honest('exists (select a from pg_temp.tab(s.pid) where a)'),
       judge.honest('pg_temp.poly(pid, array[pid]) = pid'), judge.honest('pg_temp.poly(pid, array[usename]) = pid'), judge.honest('pg_temp.variadic(pid, pid, 1)'), judge.honest('pg_temp.variadic(variadic array[pid])'), judge.honest('pg_temp.defaults(b := usename::text)'),
       judge.honest('pg_temp.nothing() is null'), judge.honest('pg_temp.nothing()'), judge.honest('pg_temp.recursive(pid)');
-- want: ok

-- 12. Subqueries that join, recurse, lock, sample and look at everything
SELECT judge.agrees($$usename = 'app' and exists (with recursive r (n) as (select s.pid union all select n + 1 from r where n < s.pid + 10) select 1 from r)$$, 'true'),
       judge.agrees($$usename = 'app' and pid = (select max(a.pid) from pg_stat_activity as a where a.pid = s.pid)$$, 'true'),
       judge.agrees($$usename = 'app' and exists (select 1 from sessionctl.session_activity as a where a.pid = s.pid)$$, 'true'),
       judge.agrees($$usename = 'app' and exists (select 1 from sessionctl.session_activity as s where s.pid > 0)$$, 'true'),
       judge.honest('exists (select 1 from pg_class for update)'), judge.honest('exists (select 1 from vault.secret where pid > 0)'), judge.honest('exists (select 1 from pg_authid where s.pid > 0)'),
       judge.honest('pid in (select pid from sessionctl.preview_where(''true''))'), judge.honest('exists (with x as (delete from vault.canary returning 1) select 1 from x) and pid > 0'),
       judge.honest('pid > (select count(*) from pg_class as a, pg_class as b, lateral (select s.pid) as c where a.oid < 100)');
-- want: ok: 2

-- 13. Statements that run out of time in the middle of a call
BEGIN; SET LOCAL statement_timeout = '20ms';
SELECT sessionctl.safe_count('(select count(*) from pg_class as a, pg_class as b, pg_class as c, pg_class as d where a.oid::bigint + b.oid::bigint + c.oid::bigint + d.oid::bigint > s.pid) > 0');
ROLLBACK;
CREATE FUNCTION pg_temp.never(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS 'BEGIN LOOP BEGIN LOOP END LOOP; EXCEPTION WHEN query_canceled THEN RETURN true; END; END LOOP; END';
BEGIN; SET LOCAL statement_timeout = '20ms';
SELECT sessionctl.safe_count('case when is_self then pg_temp.never(pid) end') >= 0;
ROLLBACK; ROLLBACK; -- the first one may run out of time as well
SELECT judge.agrees($$usename = 'app'$$, 'true');
-- want: 57014.*ok: 2

-- 14. In a transaction that has failed before, in subtransactions, serializable, read only, deferred
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT judge.agrees($$usename = 'app'$$, 'true');
COMMIT;
BEGIN; SAVEPOINT a; SELECT sessionctl.safe_count('1 / 0 = pid'); ROLLBACK TO a; SELECT judge.agrees($$usename = 'app'$$, 'true'); SAVEPOINT b; SELECT sessionctl.safe_count(''); ROLLBACK TO b; RELEASE a;
CREATE TEMP TABLE written (a integer); INSERT INTO written SELECT sessionctl.safe_count('pid > 0'); SELECT count(*) FROM written;
COMMIT;
DO $d$
BEGIN
    FOR i IN 1 .. 50 LOOP
        BEGIN
            PERFORM sessionctl.safe_count('pg_temp.strikes(pid) and pid / (pid - pid) > 0');
        EXCEPTION WHEN division_by_zero THEN
            CREATE TEMP TABLE again (a integer); DROP TABLE again;
        END;
    END LOOP;
END
$d$;
SHOW transaction_read_only;
-- want: ok: 2.*ok: 2.*1.*off

-- 15. Our own functions inside rules, views, triggers, defaults, indexes, policies and cursors
CREATE TEMP VIEW watched AS SELECT sessionctl.safe_count('usename = ''app''') AS n;
CREATE TEMP TABLE held (a integer DEFAULT sessionctl.safe_count('usename = ''app'''), CHECK (sessionctl.safe_count('pid > 0') >= 0));
INSERT INTO held DEFAULT VALUES;
CREATE INDEX ON held ((sessionctl.safe_count('pid > 0')));
CREATE FUNCTION pg_temp.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM sessionctl.safe_count(''pg_temp.strikes(pid)''); RETURN new; END';
CREATE TRIGGER fire BEFORE INSERT ON held FOR EACH ROW EXECUTE PROCEDURE pg_temp.fire();
INSERT INTO held DEFAULT VALUES;
BEGIN; DECLARE c CURSOR FOR SELECT pid FROM sessionctl.preview_where('usename = ''app'''); FETCH 1 FROM c; SELECT sessionctl.safe_count('false'); FETCH 1 FROM c; ROLLBACK;
PREPARE p(text) AS SELECT sessionctl.safe_count($1); EXECUTE p('pid > 0'); EXECUTE p('nonsense'); EXECUTE p(NULL); DEALLOCATE p;
COPY (SELECT n FROM watched) TO STDOUT;
SELECT n FROM watched, held;
-- want: 2

-- 16. Row security of one's own tables in a condition
-- since: 90500
CREATE TEMP TABLE shielded (pid integer); INSERT INTO shielded SELECT pid FROM pg_stat_activity;
ALTER TABLE shielded ENABLE ROW LEVEL SECURITY; ALTER TABLE shielded FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON shielded USING (pg_temp.strikes(pid) AND sessionctl.safe_count('pg_temp.strikes(pid)') >= 0);
SELECT judge.agrees($$usename = 'app' and s.pid in (select pid from shielded)$$, 'true');
SET row_security = off;
SELECT judge.honest($$s.pid in (select pid from shielded)$$);
-- want: ok: 2

-- 17. Procedures that commit, and anonymous blocks that do
-- since: 110000
CREATE PROCEDURE pg_temp.commits() LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM sessionctl.safe_count('pid > 0'); COMMIT; PERFORM sessionctl.safe_count('pid > 0'); ROLLBACK;
    PERFORM sessionctl.safe_count('''{a}''::pg_temp.switching[] is not null and pid > 0'); COMMIT;
END
$f$;
CREATE FUNCTION pg_temp.calls(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS 'BEGIN CALL pg_temp.commits(); RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END';
CALL pg_temp.commits();
DO $d$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM sessionctl.safe_count('pg_temp.calls(pid)'); COMMIT; END LOOP; END $d$;
SELECT judge.agrees($$usename = 'app'$$, 'true');
-- want: ok: 2

-- 18. Connections to the server itself out of a condition
-- as: plain dbowner
CREATE FUNCTION pg_temp.dials(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    BEGIN PERFORM * FROM public.dblink('dbname=shop user=postgres', 'select 1') AS t (a integer); EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN PERFORM public.dblink_connect('hostile', 'dbname=shop user=postgres'); EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN PERFORM public.dblink_exec('hostile', 'insert into vault.canary values (1)'); EXCEPTION WHEN OTHERS THEN NULL; END;
    RETURN true;
END
$f$;
SELECT judge.agrees($$usename = 'app' and pg_temp.dials(pid)$$, 'true');
-- want: ok: 2
