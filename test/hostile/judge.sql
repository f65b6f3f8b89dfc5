-- The objects that attackers try to reach, and the functions that check whether they did. Run in database shop by its
-- superuser.
SET client_min_messages = warning;
CREATE EXTENSION pg_sessionctl;

CREATE SCHEMA vault;
CREATE TABLE vault.canary (written_by text);
CREATE TABLE vault.secret AS SELECT 'sesame'::text AS word;

-- Two wrappers as nobody should write them, and the one that the guide shows.
CREATE SCHEMA wrap;
GRANT USAGE ON SCHEMA wrap TO PUBLIC;
CREATE FUNCTION wrap.count_matching(condition text, args text[] DEFAULT '{}') RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN RETURN sessionctl.safe_count(condition, args, include_superusers := true); END $$;
CREATE FUNCTION wrap.count_backslash() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN RETURN sessionctl.safe_count($c$application_name <> 'bystander\_1' and usename = 'app'$c$); END $$;
CREATE FUNCTION wrap.end_report(report_user text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
    AS $$ SELECT sessionctl.terminate_where('application_name = ''report'' and usename = $1', array[report_user]) $$;

-- Everybody may ask these; they run with the rights of who asks.
CREATE SCHEMA judge;
GRANT USAGE ON SCHEMA judge TO PUBLIC;

-- What a condition gives is what it says: each process once, none that is not there, and the count is the preview's.
CREATE FUNCTION judge.honest(condition text, args text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seen record;
    counted bigint;
BEGIN
    PERFORM pg_catalog.pg_stat_clear_snapshot();
    SELECT count(*) AS all_rows, count(DISTINCT p.pid) AS pids, count(a.pid) AS known,
           count(CASE WHEN p.outcome = 'chosen' THEN 1 END) AS chosen
    INTO seen
    FROM sessionctl.preview_where(condition, args) AS p
    LEFT JOIN pg_catalog.pg_stat_get_activity(NULL) AS a ON a.pid = p.pid;
    IF seen.all_rows <> seen.pids OR seen.all_rows <> seen.known THEN
        RETURN pg_catalog.format('not ok: %s rows, %s pids, %s of them known', seen.all_rows, seen.pids, seen.known);
    END IF;
    counted := sessionctl.safe_count(condition, args);
    IF seen.chosen <> counted THEN
        RETURN pg_catalog.format('not ok: %s chosen, %s counted', seen.chosen, counted);
    END IF;
    RETURN 'ok: ' || seen.all_rows;
EXCEPTION WHEN OTHERS THEN
    RETURN pg_catalog.format('refused: %s %s', SQLSTATE, SQLERRM);
END
$$;

-- Those sessions of role app that the condition finds are those that the second opinion, a query of core's view, finds.
CREATE FUNCTION judge.agrees(condition text, second text, args text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    ours bigint;
    theirs bigint;
BEGIN
    PERFORM pg_catalog.pg_stat_clear_snapshot();
    EXECUTE 'SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS s WHERE usename = ''app'' AND (' || second || ')'
    INTO theirs;
    SELECT pg_catalog.count(*) INTO ours FROM sessionctl.preview_where(condition, args) AS p WHERE p.usename = 'app';
    IF ours <> theirs THEN
        RETURN pg_catalog.format('not ok: %s, not %s', ours, theirs);
    END IF;
    RETURN 'ok: ' || ours;
EXCEPTION WHEN OTHERS THEN
    RETURN pg_catalog.format('refused: %s %s', SQLSTATE, SQLERRM);
END
$$;

-- What a wrapper answers, and of an error all that its caller is told. The asker may have a type text of his own.
CREATE FUNCTION judge.wrapped(condition text, args text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail pg_catalog.text;
    hint pg_catalog.text;
    context pg_catalog.text;
BEGIN
    RETURN 'counted ' || wrap.count_matching(condition, args);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    RETURN pg_catalog.format(E'refused: %s %s\n%s\n%s\n%s', SQLSTATE, SQLERRM, detail, hint, context);
END
$$;

-- Whether a command is for the asker.
CREATE FUNCTION judge.tried(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN 'done: ' || command;
EXCEPTION WHEN OTHERS THEN
    RETURN 'refused: ' || SQLSTATE;
END
$$;

-- The superuser's: all that must be the same after an attack. Of objects those that belong to him; of sessions those
-- that watch. Core's own catalog rows as one hash each.
CREATE FUNCTION judge.state() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT 'start ' || pg_postmaster_start_time()
    UNION ALL SELECT 'role ' || a::text FROM pg_authid AS a
    UNION ALL SELECT 'member ' || concat_ws(' ', roleid, member, admin_option) FROM pg_auth_members
    UNION ALL SELECT 'setting ' || concat_ws(' ', setdatabase, setrole, setconfig) FROM pg_db_role_setting
    UNION ALL SELECT 'database ' || concat_ws(' ', datname, datdba, datallowconn, datconnlimit, datacl) FROM pg_database
    UNION ALL SELECT 'schema ' || concat_ws(' ', nspname, nspowner, nspacl) FROM pg_namespace
              WHERE nspname !~ '^pg_(toast_)?temp_' AND nspowner = 10
    UNION ALL SELECT 'relation ' || concat_ws(' ', c.oid, relname, relkind, relacl, row_to_json(c)->'relrowsecurity') FROM pg_class AS c
              JOIN pg_namespace AS n ON n.oid = relnamespace AND nspname !~ '^pg_(toast_)?temp_' AND nspname <> 'pg_toast'
              WHERE relowner = 10 AND c.oid >= 16384
    UNION ALL SELECT 'core relations ' || md5(string_agg(concat_ws(' ', c.oid, relowner, relacl), ',' ORDER BY c.oid))
              FROM pg_class AS c WHERE c.oid < 16384
    UNION ALL SELECT 'function ' || concat_ws(' ', f.oid, f.oid::regprocedure, prosecdef, proacl, provolatile, md5(prosrc))
              FROM pg_proc AS f
              JOIN pg_namespace AS n ON n.oid = pronamespace AND nspname !~ '^pg_temp_' WHERE proowner = 10 AND f.oid >= 16384
    UNION ALL SELECT 'core functions ' || md5(string_agg(concat_ws(' ', f.oid, proowner, proacl, prosecdef, prosrc), ','
              ORDER BY f.oid)) FROM pg_proc AS f WHERE f.oid < 16384
    UNION ALL SELECT 'type ' || concat_ws(' ', t.oid, typname, typacl) FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace
              AND nspname !~ '^pg_(toast_)?temp_' WHERE typowner = 10 AND t.oid >= 16384
    UNION ALL SELECT 'default ' || d::text FROM pg_default_acl AS d
    UNION ALL SELECT 'language ' || concat_ws(' ', lanname, lanowner, lanacl) FROM pg_language
    UNION ALL SELECT 'tablespace ' || concat_ws(' ', spcname, spcowner, spcacl) FROM pg_tablespace
    UNION ALL SELECT 'foreign server ' || s::text FROM pg_foreign_server AS s
    UNION ALL SELECT 'event trigger ' || e::text FROM pg_event_trigger AS e
    UNION ALL SELECT 'extension ' || concat_ws(' ', extname, extowner, extversion) FROM pg_extension
    UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
    UNION ALL SELECT 'prepared ' || gid FROM pg_prepared_xacts
    UNION ALL SELECT 'lockdown ' || concat_ws(' ', kind, name, method) FROM sessionctl.session_lockdowns
    UNION ALL SELECT 'canary ' || count(*) || coalesce(string_agg(written_by, ','), '') FROM vault.canary
    UNION ALL SELECT 'session ' || pid || ' ' || application_name FROM pg_stat_activity
              WHERE application_name IN ('admin', 'bystander_1', 'bystander_2')
    UNION ALL SELECT 'configuration ' || count(*) || ' ' || md5(string_agg(name || setting, ',' ORDER BY name)) FROM pg_settings
              WHERE source = 'configuration file'
$$;
REVOKE ALL ON FUNCTION judge.state() FROM PUBLIC;
CREATE TABLE judge.before (what text);
CREATE FUNCTION judge.take() RETURNS void LANGUAGE sql AS $$
    TRUNCATE judge.before;
    INSERT INTO judge.before SELECT * FROM judge.state();
$$;
REVOKE ALL ON FUNCTION judge.take() FROM PUBLIC;
CREATE FUNCTION judge.verdict() RETURNS text LANGUAGE sql AS $$
    WITH after AS (SELECT * FROM judge.state() AS state(what))
    SELECT coalesce(string_agg(change, E'\n'), 'ok')
    FROM (SELECT '+ ' || what AS change FROM (TABLE after EXCEPT TABLE judge.before) AS more
          UNION ALL
          SELECT '- ' || what FROM (TABLE judge.before EXCEPT TABLE after) AS less) AS changes
$$;
REVOKE ALL ON FUNCTION judge.verdict() FROM PUBLIC;
