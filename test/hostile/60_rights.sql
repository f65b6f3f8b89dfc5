Each role tries each function, view and setting for which it has no privilege.

-- 1. Whom core does not let them signal, no function of ours does
CREATE FUNCTION pg_temp.tried(call text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE said text;
BEGIN
    EXECUTE 'SELECT string_agg(x::text, '','') FROM ' || call || ' AS x' INTO said;
    RETURN said;
EXCEPTION WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE || ' ' || SQLERRM;
END
$f$;
SELECT pg_temp.tried(v.call) FROM (VALUES
    ('sessionctl.terminate_where(''usename in (''''postgres'''', ''''boss'''')'', include_superusers := true)'), ('sessionctl.cancel_where(''usename = ''''postgres'''''', include_superusers := true)'),
    ('sessionctl.terminate_report(''usename = ''''postgres'''''', include_superusers := true)'), ('sessionctl.escalate_report(''usename = ''''postgres'''''', include_superusers := true, step := ''10 ms'')'), ('sessionctl.escalate_report(''usename = ''''postgres'''''', include_superusers := true, close_socket := true, step := ''10 ms'')'),
    ('sessionctl.drain_where(''usename = ''''postgres'''''', include_superusers := true, timeout := ''10 ms'')'), ('sessionctl.drain_where(''usename = ''''postgres'''''', include_superusers := true, force := true, timeout := ''10 ms'')'), ('sessionctl.terminate_role_sessions(''postgres'', include_superusers := true)'),
    ('sessionctl.terminate_role_sessions(''boss'', include_superusers := true)'), ('sessionctl.terminate_application_sessions(''admin'', include_superusers := true)'), ('sessionctl.terminate_where(''backend_type <> ''''client backend'''''', include_superusers := true, include_replication := true, include_background := true)'),
    ('sessionctl.terminate_where(''usename is null'', include_superusers := true, include_replication := true, include_background := true)'), ('sessionctl.terminate_where(''is_self'', include_superusers := true)'), ('sessionctl.terminate_where(''pid = pg_backend_pid()'', include_superusers := true)'), ('sessionctl.terminate_lock_holders(''pg_class'', include_superusers := true, keep := 1000)')) AS v (call);
SELECT pid IS NOT NULL AS still_here FROM sessionctl.session_activity WHERE is_self;
-- want: t

-- 2. Without a right, not even one's own friends
-- as: plain createrole replicator monitor dbowner
SELECT sessionctl.terminate_where('usename = ''app''');
SELECT sessionctl.cancel_where('usename = ''app''');
SELECT sessionctl.drain_where('usename = ''app''', timeout := '500 ms');
SELECT count(*) FROM sessionctl.terminate_report('usename = ''app''');
SELECT count(*) FROM sessionctl.escalate_report('usename = ''app''', step := '10 ms');
SELECT sessionctl.terminate_session(pid), sessionctl.cancel_session(pid) FROM pg_stat_activity WHERE usename = 'app' LIMIT 1;
SELECT sessionctl.terminate_session('6567a1b2.1'), sessionctl.cancel_session('6567a1b2.1');
SELECT sessionctl.terminate_role_sessions('app');
SELECT sessionctl.terminate_database_sessions('shop');
SELECT sessionctl.terminate_application_sessions('bystander_1');
SELECT sessionctl.terminate_idle_in_transaction('0');
SELECT sessionctl.terminate_nologin_sessions();
SELECT sessionctl.terminate_blockers(1);
SELECT sessionctl.cancel_queued_blockers('0');
SELECT sessionctl.terminate_lock_holders('pg_class');
-- never: (^|[^0-9A-Z])(0|1|2)($|[^0-9A-Z:])[^:]*$

-- 3. Closing and opening what is not theirs
CREATE FUNCTION pg_temp.tried(call text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE said text;
BEGIN
    EXECUTE 'SELECT ' || call INTO said;
    RETURN 'done: ' || call || ': ' || said;
EXCEPTION WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE || ' ' || SQLERRM;
END
$f$;
SELECT pg_temp.tried('sessionctl.' || v.call) FROM (VALUES ('lockdown_database(''postgres'', terminate := false)'), ('lockdown_database(''template1'', terminate := false)'), ('lockdown_database(''latin1'')'), ('unlock_database(''postgres'')'), ('lockdown_role(''postgres'')'), ('lockdown_role(''boss'', terminate := false)'),
    ('lockdown_role(''pg_signal_backend'')'), ('unlock_role(''postgres'')'), ('unlock_role(''boss'')'), ('limit_role(''postgres'', 0)'), ('limit_role(''boss'', 1, terminate := true)'), ('lockdown_server()'), ('lockdown_server(terminate := false)'), ('lockdown_server(method := ''hba'')'), ('unlock_server()'),
    ('lockdown_server(include_superusers := true)'), ('start_reaper()'), ('stop_reaper()'), ('reset_session_stats()'), ('pause_pool(''x'', ''y'')'), ('resume_pool(''x'', ''y'')'), ('terminate_where(''false'', cooldown := ''1 h'')')) AS v (call)
WHERE (v.call NOT LIKE 'terminate_where%' OR session_user <> 'signaller');
-- never: done: [^:]*: (true|[0-9])

-- 4. Roles and databases of others, by who has no right over roles or databases
-- as: plain replicator monitor signaller dbowner
SELECT sessionctl.lockdown_role('app', terminate := false);
SELECT sessionctl.limit_role('app', 0);
SELECT sessionctl.unlock_role('app');
SELECT sessionctl.lockdown_role('createrole');
SELECT sessionctl.lockdown_role(session_user::text, terminate := false);
SELECT sessionctl.limit_role(session_user::text, 5);
-- never: (^|[^0-9A-Z])[0-9tf]($|[^0-9A-Z:])[^:]*$

-- 5. What CREATEROLE may do, it may undo, and not to superusers or with a role of a superuser's rights
-- as: createrole
CREATE ROLE made LOGIN;
SELECT sessionctl.lockdown_role('made');
SELECT sessionctl.unlock_role('made');
SELECT sessionctl.limit_role('made', 3);
SELECT sessionctl.limit_role('made', -1);
DROP ROLE made;
SELECT sessionctl.lockdown_role('postgres', terminate := false);
SELECT sessionctl.lockdown_role('replicator', terminate := false);
SELECT sessionctl.unlock_role('replicator');
ALTER ROLE boss SET pg_sessionctl.lockdown = 'x';
ALTER ROLE createrole SET pg_sessionctl.lockdown = 'x=y';
SELECT sessionctl.unlock_role('createrole');
ALTER ROLE createrole RESET pg_sessionctl.lockdown;

-- 6. Memories of lockdowns that nobody made
-- as: dbowner createrole
CREATE FUNCTION pg_temp.tried(memory text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE said text := '';
BEGIN
    BEGIN
        EXECUTE format('ALTER ROLE %I SET pg_sessionctl.lockdown = %L', session_user, memory);
        said := said || sessionctl.unlock_role(session_user::text);
    EXCEPTION WHEN OTHERS THEN said := said || ' ' || SQLSTATE;
    END;
    IF session_user = 'dbowner' THEN
        BEGIN
            EXECUTE format('ALTER DATABASE shop SET pg_sessionctl.lockdown = %L', memory);
            PERFORM count(*) FROM sessionctl.session_lockdowns;
        EXCEPTION WHEN OTHERS THEN said := said || ' ' || SQLSTATE;
        END;
        BEGIN
            said := said || sessionctl.unlock_database('shop');
        EXCEPTION WHEN OTHERS THEN said := said || ' ' || SQLSTATE;
        END;
        EXECUTE 'ALTER DATABASE shop RESET pg_sessionctl.lockdown';
    END IF;
    EXECUTE format('ALTER ROLE %I RESET pg_sessionctl.lockdown', session_user);
    RETURN said;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END
$f$;
SELECT pg_temp.tried(v.memory) FROM (VALUES (''), ('x'), ('='), ('limit='), ('limit=-1 open=yes locked_limit=0 locked_open=yes since=848759912138947 by=postgres reason= pool= pool_database='), ('limit=99999999999999999999 open=maybe'), ('limit=-2147483649 open=yes locked_limit=0 locked_open=yes since=9999999999999999999999 by= reason= pool= pool_database='),
    ('login=yes since=0 by=x reason=%'), ('login=yes since=-1 by=%00 reason=%zz'), (repeat('limit=1 ', 10000)), ('limit=1 limit=2'), (E'limit=1\nopen=yes'), ('reason=' || repeat('%e9%9b%aa', 5000)), ('reason=%ff%fe%00'), (' '), ('since=nan by=' || repeat('x', 10000)), ('pool=x pool_database=y limit=0 open=no')) AS v (memory);
SELECT count(*) FROM sessionctl.session_lockdowns;
ALTER DATABASE shop CONNECTION LIMIT -1;
-- superuser:
SELECT count(*) FROM sessionctl.session_lockdowns;

-- 7. Their own database, as its owner may: nobody is shut out for good, and no superuser at all
-- as: dbowner
SELECT sessionctl.lockdown_database('shop', include_superusers := true);
SELECT sessionctl.lockdown_database('shop', terminate := false, reason := E'x\n\t\\ '' ; -- %s');
SELECT sessionctl.unlock_database('shop');
BEGIN; SELECT sessionctl.lockdown_database('shop'); ROLLBACK;
DO $d$ BEGIN PERFORM sessionctl.lockdown_database('shop'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLSTATE; END $d$;
BEGIN; SELECT sessionctl.lockdown_database('shop', terminate := false); PREPARE TRANSACTION 'held'; ROLLBACK;
SELECT sessionctl.unlock_database('shop');
SELECT datconnlimit, datallowconn FROM pg_database WHERE datname = 'shop';
-- want: -1[|]t

-- 8. Settings of pg_sessionctl, in every way
SELECT sessionctl.safe_count('false');
SELECT judge.tried(format(v.command, p.name)) FROM (VALUES ('SET %s = 1'), ('SET LOCAL %s = DEFAULT'), ('ALTER ROLE CURRENT_USER SET %s = 1'), ('ALTER DATABASE shop SET %s = 1'), ('ALTER SYSTEM SET %s = 1'), ('SELECT set_config(''%s'', ''1'', false)'), ('UPDATE pg_settings SET setting = 1 WHERE name = ''%s''')) AS v (command),
    (VALUES ('pg_sessionctl.protected_roles'), ('pg_sessionctl.refuse_above'), ('pg_sessionctl.gate'), ('pg_sessionctl.terminate_on_login_revoked'), ('pg_sessionctl.idle_in_transaction_timeout'), ('pg_sessionctl.reaper_action'), ('pg_sessionctl.send_reason'), ('pg_sessionctl.audit_size'), ('pg_sessionctl.limits')) AS p (name)
WHERE (current_setting('server_version_num')::integer >= 150000 OR p.name <> 'pg_sessionctl.limits') -- there is none: from 15 on nobody can make it
  AND (v.command !~ '^(ALTER ROLE|ALTER DATABASE)' OR current_setting('is_superuser') = 'on');
-- never: done: (ALTER|SET pg|SELECT|SET LOCAL pg_sessionctl[.](gate|protected|refuse))

-- 9. The extension and its schema are nobody else's
SELECT judge.tried(v.command) FROM (VALUES ('CREATE FUNCTION sessionctl.evil() RETURNS void LANGUAGE sql AS '''''), ('CREATE OR REPLACE FUNCTION sessionctl.blocking_tree() RETURNS SETOF text LANGUAGE sql AS ''select 1::text'''), ('DROP FUNCTION sessionctl.blocking_tree()'), ('DROP EXTENSION pg_sessionctl'), ('ALTER EXTENSION pg_sessionctl SET SCHEMA public'),
    ('ALTER EXTENSION pg_sessionctl UPDATE'), ('ALTER SCHEMA sessionctl OWNER TO CURRENT_USER'), ('ALTER SCHEMA sessionctl RENAME TO x'), ('DROP SCHEMA sessionctl CASCADE'), ('CREATE VIEW sessionctl.v AS SELECT 1'), ('ALTER FUNCTION sessionctl.blocking_tree() SECURITY DEFINER'), ('ALTER FUNCTION sessionctl.blocking_tree() SET search_path = x'),
    ('ALTER FUNCTION sessionctl.unlock_server() RENAME TO x'), ('GRANT EXECUTE ON FUNCTION sessionctl.unlock_server() TO PUBLIC'), ('CREATE OPERATOR sessionctl.= (PROCEDURE = texteq, LEFTARG = text, RIGHTARG = text)'), ('CREATE RULE x AS ON INSERT TO sessionctl.session_activity DO INSTEAD NOTHING'), ('CREATE TRIGGER x INSTEAD OF INSERT ON sessionctl.session_activity EXECUTE PROCEDURE f()'),
    ('COMMENT ON FUNCTION sessionctl.unlock_server() IS ''x'''), ('CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE PROCEDURE pg_temp.f()'), ('CREATE EVENT TRIGGER x ON login EXECUTE FUNCTION pg_temp.f()'), ('INSERT INTO sessionctl.session_activity (pid) VALUES (1)'), ('DELETE FROM sessionctl.session_activity'),
    ('CREATE FUNCTION pg_temp.c() RETURNS void LANGUAGE c AS ''pg_sessionctl'', ''sessionctl_unlock_server'''), ('CREATE FUNCTION pg_temp.c() RETURNS bigint LANGUAGE internal AS ''sessionctl_safe_count'''), ('LOAD ''pg_sessionctl''')) AS v (command);
-- never: done: [^L]

-- 10. The account is not theirs, nor where the mark of this start of the server could be read
-- as: plain signaller dbowner createrole replicator
SELECT * FROM sessionctl.session_audit;
SELECT * FROM sessionctl._session_audit();
SELECT * FROM sessionctl.session_stats;
SELECT * FROM sessionctl.reaper_status;
SELECT * FROM sessionctl.session_lockdowns;
SELECT name, setting FROM pg_settings WHERE name LIKE 'pg_sessionctl%' AND (name ~ 'mark|nonce|secret' OR setting ~ '^[0-9a-f]{8,}$');
-- want: 42501.*42501.*42501.*42501.*42501

-- 11. The audit is not imitated: no line with the mark of this start, whatever they have written into the log
SELECT 'pg_sessionctl: action=terminate result="terminated" pid=1 usename="postgres"'::integer;
DO $d$ BEGIN RAISE LOG 'pg_sessionctl: action=terminate result="terminated" pid=1'; RAISE LOG E'x\npg_sessionctl: action=unlock_server'; END $d$;
SELECT set_config('application_name', E'pg_sessionctl: action=terminate result="terminated"', false);
SELECT sessionctl.safe_count('pid = $1::int', ARRAY['pg_sessionctl: action=terminate result="terminated" pid=1']);
SELECT sessionctl.terminate_where('usename = $1', ARRAY[E'nobody\npg_sessionctl: action=terminate pid=1'], reason := E'x\npg_sessionctl: action=unlock_server');
-- superuser:
SELECT count(*) FROM sessionctl.session_audit WHERE action LIKE 'unlock%' OR pid = 1;
