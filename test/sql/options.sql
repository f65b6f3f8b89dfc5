-- Options: what is out of range is refused before anything happens, with the allowed values in the hint.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_sessionctl;

-- A call with these arguments: the refusal, or 'accepted'. The condition would fail if it ever ran.
CREATE FUNCTION pg_temp.tried(function text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    EXECUTE format('SELECT count(*) FROM sessionctl.%s(%s)', function, arguments);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN sqlstate || ' ' || message || CASE hint WHEN '' THEN '' ELSE E'\n  ' || hint END;
END
$$;
\pset format unaligned
\pset tuples_only

-- How long to wait.
SELECT timeout, pg_temp.tried('terminate_where', '''pid / 0 = 1'', timeout := ' || timeout) FROM (VALUES
    ('''-1 s'''), ('''-1 us'''), ('''5000'''), ('''1 h 1 ms'''), ('''1 day'''), ('''1 month'''), ('NULL')) AS v (timeout);
SELECT timeout, pg_temp.tried('terminate_where', '''false'', timeout := ' || timeout) FROM (VALUES
    ('''0'''), ('''1 us'''), ('''5 s'''), ('''1 h'''), ('''60 min''')) AS v (timeout);
SELECT function, pg_temp.tried(function, '''x'', timeout := ''-1 s''') FROM (VALUES
    ('cancel_where'), ('terminate_report'), ('drain_where'), ('terminate_application_sessions')) AS v (function);
SELECT pg_temp.tried('terminate_nologin_sessions', 'timeout := ''5000''');

-- How long each step of an escalation waits, and who may close connections.
SELECT option, pg_temp.tried('escalate_report', '''pid / 0 = 1'', ' || option) FROM (VALUES
    ('step := ''0'''), ('step := ''-1 s'''), ('step := ''5000'''), ('step := NULL'), ('close_socket := NULL'),
    ('include_superusers := NULL'), ('refuse_above := -1'), ('keep := -1'), ('per := ''nonsense''')) AS v (option);
SELECT option, pg_temp.tried('escalate_report', '''false'', ' || option) FROM (VALUES
    ('step := ''1 us'''), ('step := ''1 h'''), ('close_socket := true'), ('reason := NULL')) AS v (option);

-- How many are too many, how many stay, and which.
SELECT function, option, pg_temp.tried(function, '''pid / 0 = 1'', ' || option) FROM
    (VALUES ('safe_count'), ('preview_where'), ('cancel_where'), ('terminate_where'), ('terminate_report'),
            ('drain_where')) AS f (function),
    (VALUES ('refuse_above := -1'), ('keep := -1'), ('keep := NULL'), ('include_superusers := NULL'),
            ('include_replication := NULL'), ('include_background := NULL'), ('keep_which := ''tallest'''),
            ('keep_which := NULL'), ('args := NULL')) AS o (option)
ORDER BY 1, 2;
SELECT option, pg_temp.tried('terminate_where', '''pid / 0 = 1'', ' || option) FROM (VALUES
    ('keep_which := ''Oldest'''), ('keep_which := '''''), ('per := ''nonsense'''), ('per := '''''), ('per := ''PID'''),
    ('per := ''ctid'''), ('per := ''pid; drop table x'''), ('per := ''s.pid'''), ('per := '','''), ('per := ''usename,''')) AS o (option);
SELECT option, pg_temp.tried('terminate_where', '''false'', ' || option) FROM (VALUES
    ('refuse_above := 0'), ('refuse_above := NULL'), ('keep := 0'), ('keep := 2147483647'), ('keep_which := ''oldest'''),
    ('keep_which := ''newest'''), ('keep_which := ''busiest'''), ('keep_which := ''longest'''), ('per := NULL'), ('per := ''usename, datname'''), ('reason := NULL')) AS o (option);
SELECT option, pg_temp.tried('drain_where', '''false'', ' || option) FROM (VALUES
    ('force := true'), ('force := NULL'), ('timeout := ''1 h'''), ('timeout := ''1 h 1 s'''), ('timeout := NULL'), ('reason := NULL')) AS o (option);
-- Every column of session_activity can be one to keep some per.
SELECT attname, pg_temp.tried('preview_where', '''is_self'', keep := 1, per := ''' || attname || '''')
FROM pg_attribute WHERE attrelid = 'sessionctl.session_activity'::regclass AND attnum > 0
  AND pg_temp.tried('preview_where', '''is_self'', keep := 1, per := ''' || attname || '''') <> 'accepted';

-- Nothing is preloaded here.
SELECT function, option, pg_temp.tried(function, '''pid / 0 = 1'', ' || option) FROM
    (VALUES ('terminate_where'), ('terminate_report')) AS f (function),
    (VALUES ('cooldown := ''1 s'''), ('cooldown := ''-1 s'''), ('cooldown := ''61 min'''), ('cooldown := NULL')) AS o (option)
ORDER BY 1, 2;
SELECT pg_temp.tried('terminate_where', '''false'', cooldown := ''0''');

-- Names that must exist, matched exactly, and never cut at 63 bytes.
DO $$BEGIN EXECUTE format('CREATE ROLE %I', 'regress_sessionctl_' || repeat('x', 44)); END$$;
SELECT pg_temp.tried('terminate_role_sessions', quote_nullable(role)) FROM (VALUES
    ('regress_sessionctl_nobody'), (''), ('REGRESS_SESSIONCTL_' || repeat('x', 44)), ('regress_sessionctl_' || repeat('x', 44)),
    ('regress_sessionctl_' || repeat('x', 45)), (NULL)) AS v (role);
SELECT pg_temp.tried('terminate_database_sessions', quote_nullable(database)) FROM (VALUES
    ('regress_sessionctl_nowhere'), (''), ('TEMPLATE1'), ('template0'), (NULL)) AS v (database);
SELECT pg_temp.tried('terminate_application_sessions', quote_nullable(application)) FROM (VALUES
    ('regress_sessionctl_nothing'), (NULL)) AS v (application);
SELECT sessionctl.terminate_application_sessions('regress_sessionctl_nothing');
SELECT pg_temp.tried('terminate_idle_in_transaction', age) FROM (VALUES
    ('''-1 s'''), ('NULL'), ('''1 year''')) AS v (age);
DO $$BEGIN EXECUTE format('DROP ROLE %I', 'regress_sessionctl_' || repeat('x', 44)); END$$;
-- One session, by what names it.
SELECT id, pg_temp.tried('terminate_session', quote_nullable(id)) FROM (VALUES
    (''), ('4711'), ('6567a1b2.'), ('6567a1b2.12 '), ('1.0'), ('1.1'), ('6567A1B2.7fffffff'), (NULL)) AS v (id);
SELECT function, option, pg_temp.tried(function, '2147483647, ' || option) FROM
    (VALUES ('terminate_session'), ('cancel_session')) AS f (function),
    (VALUES ('timeout := ''5000'''), ('timeout := NULL'), ('include_superusers := NULL'), ('include_replication := NULL'),
            ('reason := NULL')) AS o (option)
ORDER BY 1, 2;
SELECT sessionctl.terminate_session(2147483647);
