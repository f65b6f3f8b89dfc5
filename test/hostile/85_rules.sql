Session rules: a rule is its owner's, and never anybody else's hand.

-- 1. Who may make rules at all
-- as: plain dbowner createrole replicator monitor
-- never: made
CREATE FUNCTION pg_temp.tried(statement text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    EXECUTE statement;
    RETURN 'made: ' || statement;
EXCEPTION
    WHEN internal_error THEN RETURN 'not ok: ' || SQLERRM;
    WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE;
END
$f$;
SELECT pg_temp.tried(v.statement) FROM (VALUES
    ($$SELECT sessionctl.create_session_rule('mine', 'true', 'terminate')$$),
    ($$SELECT sessionctl.alter_session_rule('mine', enabled := true)$$),
    ($$SELECT sessionctl.drop_session_rule('mine')$$),
    ($$SELECT count(*) FROM sessionctl.test_session_rule('mine')$$),
    ($$INSERT INTO sessionctl.session_rule (name, condition, owner, owner_oid) VALUES ('mine', 'true', 'boss', 10)$$),
    ($$UPDATE sessionctl.session_rule SET condition = 'true'$$),
    ($$DELETE FROM sessionctl.session_rule$$),
    ($$TRUNCATE sessionctl.session_rule$$),
    ($$COPY sessionctl.session_rule TO STDOUT$$),
    ($$ALTER TABLE sessionctl.session_rule DISABLE TRIGGER ALL$$),
    ($$CREATE TRIGGER t BEFORE INSERT ON sessionctl.session_rule FOR EACH ROW EXECUTE PROCEDURE sessionctl._session_rule_changed()$$)) AS v (statement);

-- 2. A rule of one who is no superuser is as restricted as a condition inside a SECURITY DEFINER function
-- as: signaller
-- on: preloaded
-- never: made
SET client_min_messages = error;
CREATE FUNCTION pg_temp.tried(condition text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM sessionctl.create_session_rule('attempt', condition || ' and pid > 0', enabled := false);
    PERFORM sessionctl.drop_session_rule('attempt');
    RETURN 'made: ' || condition;
EXCEPTION
    WHEN internal_error THEN RETURN 'not ok: ' || SQLERRM;
    WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE;
END
$f$;
SELECT pg_temp.tried(v.condition) FROM (VALUES
    ('pg_temp.strike()'), ('pg_temp.strikes(pid)'), ('strikes(pid)'), ('''a''::pg_temp.striking is not null'), ('''{a}''::pg_temp.striking[] is not null'), ('''a''::striking is not null'), ('cast(usename as pg_temp.striking) is not null'), ('pg_temp.switch(pid)'),
    ('set_config(''role'', ''boss'', false) is not null'), ('set_config(''pg_sessionctl.rules'', ''on'', false) is not null'), ('current_setting(''data_directory'') is not null'), ('pg_terminate_backend(pid)'), ('pg_cancel_backend(pid)'), ('pg_sleep(600) is null'), ('pg_advisory_lock(1) is null'),
    ('exists (select 1 from vault.secret)'), ('exists (select 1 from pg_authid)'), ('(select true)'), ('pid in (select 1)'), ('table_to_xml(''vault.secret'', true, false, '''') is not null'), ('query_to_xml(''select 1'', true, false, '''') is not null'), ('has_table_privilege(''vault.secret'', ''select'')'),
    ('sessionctl.terminate_where(''true'') > 0'), ('sessionctl.safe_count(''true'') > 0'), ('sessionctl.create_session_rule(''x'', ''true'') is null'), ('wrap.count_matching(''true'') > 0'), ('pg_read_file(''postgresql.conf'') is not null'), ('lo_import(''postgresql.conf'') > 0'), ('public.dblink(''x'') is not null'),
    ('''vault.secret''::regclass is not null'), ('pg_typeof(pid) = ''vault.secret''::regtype'), ('s::text is not null'), ('row_to_json(s) is not null'), ('nextval(''x'') > 0'), ('random() > 2')) AS v (condition);

-- 3. The same in only_when, which looks at the server
-- as: signaller
-- on: preloaded
-- never: made
SET client_min_messages = error;
CREATE FUNCTION pg_temp.tried(only_when text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM sessionctl.create_session_rule('attempt', 'pid > 0', only_when := only_when, enabled := false);
    PERFORM sessionctl.drop_session_rule('attempt');
    RETURN 'made: ' || only_when;
EXCEPTION
    WHEN internal_error THEN RETURN 'not ok: ' || SQLERRM;
    WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE;
END
$f$;
SELECT pg_temp.tried(v.only_when) FROM (VALUES
    ('pg_temp.strike()'), ('pg_temp.strikes(1)'), ('strikes(1)'), ('''{a}''::pg_temp.striking[] is not null'), ('pid > 0'), ('s.pid > 0'), ('(select true)'), ('exists (select 1 from vault.secret)'), ('true; select 1'), ('true) or (true'), ('*'), ('1'), (''), ('true union select true'),
    ('set_config(''role'', ''boss'', false) is not null'), ('pg_sleep(600) is null'), ('pg_terminate_backend(1)'), ('current_setting(''data_directory'') is not null'), ('sessionctl.safe_count(''true'') > 0'), ('true from pg_class'), ('$1'), ('count(*) > 0'), ('sum(1) over () > 0')) AS v (only_when);

-- 4. Neither inside a SECURITY DEFINER function, nor for another role
-- as: signaller
-- on: preloaded
-- never: made
SET client_min_messages = error;
CREATE FUNCTION pg_temp.make(name text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM sessionctl.create_session_rule(name, 'pid > 0', enabled := false);
    RETURN 'made: ' || name;
EXCEPTION WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE;
END
$f$;
SELECT pg_temp.make('definer');
SET ROLE boss;
SET SESSION AUTHORIZATION boss;
SELECT current_user = 'boss' AND 'made' = 'made ';

-- 5. What is nobody else's business
-- as: signaller
-- on: preloaded
-- never: sesame|secret condition|made
SET client_min_messages = error;
SELECT count(*) FROM sessionctl.session_rules WHERE condition IS NOT NULL AND owner <> current_user::text AND 'made' || condition = '';
SELECT 'made: ' || condition FROM sessionctl.session_rules WHERE owner <> current_user::text AND condition IS NOT NULL;
SELECT 'made: ' || last_error FROM sessionctl.session_rules WHERE owner <> current_user::text AND last_error IS NOT NULL;

-- 6. The settings are the server's
-- on: preloaded
-- want: pg_sessionctl.rules".*pg_sessionctl.rules_database".*pg_sessionctl.rule_timeout"
SET pg_sessionctl.rules = on;
SET pg_sessionctl.rules_database = shop;
SET pg_sessionctl.rule_timeout = '1 min';
