Unusual values for every argument of every function.

-- 1. Every function of the schema, every argument once with each nasty value of its type, all others as they should be
CREATE FUNCTION pg_temp.nasty(type text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT CASE type
        WHEN 'text' THEN ARRAY['NULL', '''''', ''' ''', 'repeat(''x'', 10000)', 'repeat(E''\u00e9'', 63)', 'E''\n\t''', 'chr(1)', '''%s%n%d''', '''"''', '''\''', '''''''''', '''$1''', '''{}''', '''NULL''', '''false''', '''is_self''', '''*''', '''0''', '''pg_temp''', '''public''']
        WHEN 'text[]' THEN ARRAY['NULL', '''{}''', '''{NULL}''', '''{NULL,NULL,a}''', '''{{a,b},{c,d}}''', '''[-5:-4]={a,b}''', '''[2147483646:2147483647]={a,b}''', 'array_fill(''x''::text, ARRAY[1000])', 'array_fill(NULL::text, ARRAY[70000])', 'ARRAY[repeat(''x'', 1000000)]']
        WHEN 'boolean' THEN ARRAY['NULL', 'true', 'false']
        WHEN 'integer' THEN ARRAY['NULL', '0', '-1', '1', '2147483647', '-2147483648', 'pg_backend_pid()']
        WHEN 'interval' THEN ARRAY['NULL', '''0''', '''-1 s''', '''1 us''', '''178000000 years''', '''-178000000 years''', '''2147483647 days''', '''1 mon -30 days''', '''2562047788:00:54.775807''', '''-2562047788:00:54.775808''']
        WHEN 'timestamp with time zone' THEN ARRAY['NULL', '''infinity''', '''-infinity''', '''4714-11-24 00:00:00+00 BC''', '''294276-12-31 23:59:59+00''', '''1970-01-01''', 'now()']
        WHEN 'regclass' THEN ARRAY['NULL', '0', '1', '4294967295', '''pg_class''', '''pg_toast.pg_toast_1255''', '''pg_authid_rolname_index''']
        ELSE ARRAY['NULL'] END
$f$;
CREATE FUNCTION pg_temp.usual(name text, type text) RETURNS text LANGUAGE sql AS $f$
    SELECT CASE WHEN type = 'text' AND name = 'condition' THEN '''false''' WHEN name = 'keep_which' THEN '''oldest''' WHEN name = 'per' THEN 'NULL' WHEN name = 'min_mode' THEN '''AccessShareLock''' WHEN name = 'method' THEN '''gate'''
        WHEN type = 'text' THEN '''nothing_here''' WHEN type = 'text[]' THEN '''{}''' WHEN type = 'boolean' THEN 'false' WHEN name = 'keep' THEN '1000' WHEN type = 'integer' THEN '0' WHEN type = 'interval' THEN '''10 ms''' WHEN type = 'regclass' THEN '''judge.before''' ELSE 'NULL' END
$f$;
CREATE FUNCTION pg_temp.everything() RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    f record;
    names text[];
    types text[];
    arguments text;
    value text;
    calls integer := 0;
BEGIN
    FOR f IN
        SELECT p.oid::regproc::text AS name, p.pronargs, p.proargnames, p.proargtypes FROM pg_proc AS p
        WHERE pronamespace = (SELECT n.oid FROM pg_namespace AS n WHERE nspname = 'sessionctl') AND proname !~ 'server$|^reaper_st|stats_reset|_pool$' ORDER BY p.oid::regprocedure::text
    LOOP
        SELECT array_agg(format_type(t.oid, NULL) ORDER BY t.number) INTO types FROM unnest(f.proargtypes) WITH ORDINALITY AS t (oid, number);
        FOR i IN 1 .. greatest(f.pronargs, 1) LOOP
            FOREACH value IN ARRAY CASE WHEN f.pronargs = 0 THEN ARRAY['NULL'] ELSE pg_temp.nasty(types[i]) END LOOP
                SELECT coalesce(string_agg(CASE WHEN n = i THEN value ELSE pg_temp.usual(f.proargnames[n], types[n]) END, ', ' ORDER BY n), '') INTO arguments FROM generate_series(1, f.pronargs) AS n;
                BEGIN
                    EXECUTE format('SELECT count(*) FROM %s(%s)', f.name, arguments);
                EXCEPTION
                    WHEN internal_error THEN RETURN format('not ok: %s(%s): %s', f.name, arguments, SQLERRM);
                    WHEN query_canceled THEN RETURN format('not ok: %s(%s): %s', f.name, arguments, SQLERRM);
                    WHEN OTHERS THEN IF SQLSTATE LIKE 'XX%' THEN RETURN format('not ok: %s(%s): %s', f.name, arguments, SQLERRM); END IF;
                END;
                calls := calls + 1;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN CASE WHEN calls > 200 THEN 'all answered' ELSE 'not ok: ' || calls END;
END
$f$;
SELECT pg_temp.everything();
-- want: all answered

-- 2. Conditions that match, with nasty options beside them
CREATE FUNCTION pg_temp.tried(call text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE n bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM sessionctl.preview_where(''usename = ''''app'''''', ' || call || ')' INTO n;
    RETURN 'ok: ' || n;
EXCEPTION
    WHEN internal_error THEN RETURN 'not ok: ' || SQLERRM;
    WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE || ' ' || left(SQLERRM, 100);
END
$f$;
SELECT pg_temp.tried(v.call) FROM (VALUES ('keep := 2147483647'), ('keep := -1'), ('keep := 1, per := ''pid'''), ('keep := 1, per := ''query'''), ('keep := 1, per := ''blocked_by'''), ('keep := 1, per := ''*'''), ('keep := 1, per := ''s.pid'''), ('keep := 1, per := ''pid) --'''), ('keep := 1, per := ''pid, usename'''), ('keep := 1, per := ''ctid'''),
    ('keep := 1, per := ''tableoid'''), ('keep := 1, per := ''oid'''), ('keep := 1, per := ''"pid"'''), ('keep := 1, per := ''PID'''), ('keep := 1, per := ''blocking_count'''), ('keep := 1, per := ''is_self'''), ('keep := 1, per := repeat(''x'', 10000)'), ('keep := 1, per := '''''), ('keep := 1, keep_which := ''nothing'''), ('keep := 1, keep_which := '''''), ('keep := 1, keep_which := ''OLDEST'''),
    ('keep_which := NULL'), ('keep := NULL'), ('refuse_above := 0'), ('refuse_above := -1'), ('refuse_above := 2147483647'), ('include_superusers := NULL'), ('include_replication := NULL'), ('include_background := NULL'), ('args := NULL'), ('args := ''{NULL}'''), ('args := ''{{a,b}}'''), ('args := array_fill(NULL::text, ARRAY[70000])'), ('args := ''[0:0]={x}''')) AS v (call);

-- 3. args by the type of their place, and nasty ones
SELECT judge.agrees('usename = $1', 'true', '{app}'), judge.agrees('pid = any ($1) or usename = $2', 'true', '{"{1,2}",app}'), judge.agrees('$1 is null or usename = $1', 'true', '{app}'), judge.agrees('usename = $1 and pid > 0', 'true', '{app,unused}'),
       judge.agrees('usename = $1', 'true', '[5:5]={app}');
SELECT judge.honest(v.condition, v.args) FROM (VALUES ('pid = $1', '{x}'::text[]), ('pid = $1', '{NULL}'), ('client_addr = $1', '{127.0.0.1}'), ('client_addr = $1', '{x}'), ('idle_for > $1', '{infinity}'), ('idle_for > $1', '{1 h}'), ('backend_start > $1', '{infinity}'), ('backend_start > $1', '{x}'), ('blocked_by = $1', '{"{NULL}"}'),
    ('$1', '{true}'), ('$1', '{x}'), ('$1::boolean', '{t}'), ('$1 and pid > 0', '{t}'), ('$2 = usename', '{a}'), ('$1 = $1', '{a}'), ('$1 is null', '{NULL}'), ('$0 = usename', '{a}'), ('$2147483647 = usename', '{a}'), ('$2147483648 = usename', '{a}'), ('$65536 = usename', '{a}'), ('usename = $1', '{{app,b},{c,d}}'), ('usename = $4', '{{app,b},{c,d}}'),
    ('usename = $1::pg_temp.switching', '{app}'), ('$1::pg_temp.striking[] is not null and pid > 0', '{"{a}"}'), ('usename = any ($1::pg_temp.switching[])', '{"{app}"}'), ('$1 = row(pid)', '{(1)}'), ('row($1, $2) = row(pid, usename)', '{1,app}'), ('$1 between $2 and pid', '{1,2}'), ('pid in ($1, $2)', '{1,2}'), ('case $1 when pid then true end', '{1}'),
    ('(select $1::int) = pid', '{1}'), ('pid in (select $1::int)', '{1}'), ('exists (select $1 from pg_locks as l where l.pid = s.pid and l.mode = $1)', '{x}'), ('coalesce($1, usename) = usename', '{app}'), ('usename like $1', '{a%}'), ('usename ~ $1', '{[}'), ('usename collate $1 = ''x''', '{C}'), ('interval $1 > idle_for', '{1}'), ('$1::regclass::oid > 0 and pid > 0', '{pg_class}'), ('usename = $1 || $2', '{a,pp}')) AS v (condition, args);
-- want: ok: 2.ok: 2.ok: 2.ok: 2.ok: 2
-- never: refused: XX

-- 4. Texts of many megabytes, as condition, reason and value
-- as: plain signaller
SELECT judge.honest('usename = ''' || repeat('x', 5000000) || '''');
SELECT judge.honest('usename = $1', ARRAY[repeat('x', 5000000)]);
SELECT judge.honest(repeat(' ', 5000000) || 'usename = ''app''');
SELECT length(SQLERRM_of) FROM (SELECT judge.honest(repeat('nonsense ', 100000)) AS SQLERRM_of) AS x;
SELECT sessionctl.terminate_where('false', reason := repeat(E'\u96ea', 1000000));
-- never: XX

-- 5. The longest text there is: it may take its time, and answers to a timeout
-- as: plain
SET statement_timeout = '5s';
SELECT left(judge.honest(repeat('x', 1073741700)), 100);
SELECT left(judge.honest('usename = $1', ARRAY[repeat('x', 1073741600)]), 100);
SELECT sessionctl.safe_count('repeat(usename, 1000000000) = query');
RESET statement_timeout;
SELECT judge.agrees('usename = ''app''', 'true');
-- want: ok: 2

-- 6. Names of 10,000 bytes, of bytes that cut a character, with quotes and newlines
SELECT sessionctl.terminate_role_sessions(repeat('x', 10000));
SELECT sessionctl.terminate_role_sessions('a' || repeat(E'\u96ea', 30));
SELECT sessionctl.terminate_database_sessions(E'a"b''c\nd');
SELECT sessionctl.terminate_application_sessions(repeat(E'\u96ea', 3000));
SELECT sessionctl.lockdown_role(repeat('y', 10000));
SELECT sessionctl.lockdown_role(E'x\n"; DROP ROLE app; --');
SELECT sessionctl.lockdown_database(repeat('y', 10000));
SELECT sessionctl.unlock_database(E'a\r\nb');
SELECT sessionctl.limit_role(E'pg\\_%', 1);
SELECT sessionctl.pause_pool(repeat('p', 10000), 'x');
SELECT sessionctl.pause_pool(E'p'',''x''); alter role att superuser; --', 'x');
SELECT sessionctl.terminate_lock_holders('pg_class', E'Access\nShare');
SELECT sessionctl.terminate_lock_holders('pg_class', repeat('L', 10000));

-- 7. Bytes that are no UTF-8, out of a database that asks for none
-- in: sql_ascii
SELECT sessionctl.safe_count(E'usename = ''\xff\xfe''');
SELECT sessionctl.safe_count('usename = $1', ARRAY[E'\xe9\x9b']);
SELECT sessionctl.safe_count('usename = $1', ARRAY[E'\xc0\x80']);
SELECT sessionctl.safe_count(E'\xff');
SELECT sessionctl.safe_count(E'usename = ''x'' and \xe9 > 0');
SELECT set_config('application_name', E'\xe9\xff\x80', false) IS NOT NULL;
SELECT count(*) >= 0 FROM sessionctl.preview_where('true', keep := 1, per := 'application_name');
SELECT count(*) >= 0 FROM sessionctl.preview_where('true', per := E'\xff');
SELECT sessionctl.terminate_where('false', reason := E'\xe9\x9b\xff');
SELECT sessionctl.terminate_role_sessions(E'\xff\xfe');
SELECT sessionctl.lockdown_role(E'\xe9');
SELECT sessionctl.lockdown_database(E'\xe9\x9b', reason := E'\xff');
SELECT sessionctl.blocking_tree();
SELECT count(*) >= 0 FROM sessionctl.session_activity;
-- want: t

-- 8. The same out of LATIN1
-- in: latin1
SELECT sessionctl.safe_count(E'usename = ''\xff\xfe''');
SELECT sessionctl.safe_count('usename = $1', ARRAY[E'\xe9\x80']);
SELECT set_config('application_name', E'\xe9\xff\x80', false) IS NOT NULL;
SELECT count(*) > 0 FROM sessionctl.preview_where('true', keep := 1, per := 'application_name');
SELECT sessionctl.terminate_where('false', reason := E'\xe9\xff');
SELECT sessionctl.terminate_role_sessions(E'\xff\xfe');
SELECT count(*) > 0 FROM sessionctl.session_activity;
SELECT count(*) >= 0 FROM sessionctl.session_limits;
-- want: t

-- 9. Names that this database's encoding can't show
-- in: euc_jp
SELECT set_config('application_name', E'x', false) IS NOT NULL;
SELECT count(*) > 0 FROM sessionctl.session_activity;
SELECT sessionctl.safe_count('usename = ''x''');
SELECT sessionctl.terminate_role_sessions('y');
SELECT sessionctl.blocking_tree();
-- want: t

-- 10. The views' functions themselves, with and without a place for what they return
SELECT count(*) > 0 FROM sessionctl._session_activity();
SELECT (sessionctl._session_activity()).pid > 0 LIMIT 1;
SELECT sessionctl._session_activity() IS NOT NULL LIMIT 1;
SELECT (SELECT sessionctl._session_blocking());
SELECT sessionctl._prepared_transactions();
SELECT sessionctl._blocked_by(NULL), sessionctl._blocked_by(-1), sessionctl._blocked_by(0), sessionctl._blocked_by(2147483647), sessionctl._blocked_by(pg_backend_pid());
SELECT sessionctl._blocking_count(NULL), sessionctl._blocking_count(-2147483648), sessionctl._blocking_count(pg_backend_pid());
SELECT a.* FROM generate_series(1, 3), LATERAL sessionctl._session_activity() AS a LIMIT 0;
SELECT sessionctl.blocking_tree() FROM generate_series(1, 3);
SELECT count(*) > 0 FROM sessionctl._session_activity() AS a (x);
SELECT * FROM ROWS FROM (sessionctl.blocking_tree(), sessionctl._session_activity()) LIMIT 0;
DECLARE c CURSOR WITH HOLD FOR SELECT pid FROM sessionctl._session_activity(); FETCH 1 FROM c; MOVE BACKWARD 1 IN c; FETCH ALL FROM c; CLOSE c;
SELECT sessionctl.preview_where('true') IS NOT NULL LIMIT 1;
SELECT CASE WHEN false THEN sessionctl.safe_count('nonsense') END, coalesce(1, sessionctl.safe_count('nonsense'));
-- want: t
