-- Session rules without the library preloaded: what is checked when a rule is made, changed and dropped, and by whom.
-- What they do is test/t/450_rules.pl and after it.

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_sessionctl;
CREATE ROLE regress_sessionctl_rules;
CREATE ROLE regress_sessionctl_other;
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 90600 THEN
        GRANT pg_signal_backend TO regress_sessionctl_rules, regress_sessionctl_other;
    ELSE
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO regress_sessionctl_rules, regress_sessionctl_other;
    END IF;
END
$$;
RESET client_min_messages;

-- What the server says to a statement.
CREATE FUNCTION pg_temp.told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN sqlstate || ' ' || message || CASE detail WHEN '' THEN '' ELSE E'\n  ' || detail END
           || CASE hint WHEN '' THEN '' ELSE E'\n  ' || hint END;
END
$$;
CREATE FUNCTION pg_temp.told_of_rule(arguments text) RETURNS text LANGUAGE sql AS
$$SELECT pg_temp.told('SELECT sessionctl.create_session_rule(''r'', ' || arguments || ')')$$;

-- The condition is checked as terminate_where would, with a caret.
SELECT sessionctl.create_session_rule('r', 'idle_for >');
SELECT sessionctl.create_session_rule('r', 'true', only_when := 'current_database() =');
\pset format unaligned
\pset tuples_only on
SELECT v.condition || ': ' || pg_temp.told_of_rule(v.condition) FROM (VALUES
    ($$'1 + 1'$$), ($$'now() > ''2000-01-01'''$$), ($$'pg_cancel_backend(1)'$$), ($$'true; select 1'$$), ($$'*'$$), ($$''$$), ($$'pid = $1'$$)) AS v (condition);
SELECT v.only_when || ': ' || pg_temp.told_of_rule($$'true', only_when := $$ || v.only_when) FROM (VALUES
    ($$'usename = ''app'''$$), ($$'1'$$), ($$'pg_sleep(1) is null'$$), ($$''$$)) AS v (only_when);

-- The other arguments
SELECT v.name || ': ' || pg_temp.told('SELECT sessionctl.create_session_rule(' || v.name || ', ''true'')') FROM (VALUES
    ($$''$$), ($$E'a\nb'$$), ($$repeat('x', 64)$$)) AS v (name);
SELECT v.option || ': ' || pg_temp.told_of_rule($$'true', $$ || v.option) FROM (VALUES
    ($$action := 'kill'$$),
    ($$matching_for := '-1 s'$$), ($$matching_for := '31 days'$$),
    ($$streak := 'query'$$),
    ($$check_every := '99 ms'$$), ($$check_every := '2 h'$$),
    ($$at_most := 0$$), ($$at_most := 101$$), ($$at_most_within := '0'$$), ($$at_most_within := '25 h'$$),
    ($$step := '0'$$), ($$step := '2 h'$$), ($$timeout := '0'$$), ($$timeout := '2 h'$$),
    ($$action := 'terminate', force := true$$), ($$action := 'terminate', close_socket := true$$), ($$action := 'drain', cooldown := '1 s'$$),
    ($$refuse_above := -1$$), ($$keep := -1$$), ($$keep_which := 'best'$$), ($$cooldown := '2 h'$$),
    ($$only_when := repeat(' ', 65536)$$), ($$reason := repeat('x', 65537)$$)) AS v (option);
SELECT regexp_replace(pg_temp.told_of_rule($$'true', per := 'nosuchcolumn'$$), 'Its columns are.*', '...');

SELECT count(*) FROM sessionctl.session_rules;

-- A restored rule, with the OID that its owner had elsewhere
INSERT INTO sessionctl.session_rule
SELECT 'restored', 'idle_for > ''1 min''', 'terminate', '0', 'statement', NULL, '1 s', NULL, '1 min', true, '2 s', '1 min',
       false, false, NULL, false, false, false, NULL, 0, 'oldest', NULL, '0', 'regress_sessionctl_rules', 0, 'UTC', 'ISO, MDY', 'postgres';
SELECT name, owner, owner_oid = (SELECT oid FROM pg_roles WHERE rolname = 'regress_sessionctl_rules') FROM sessionctl.session_rule;

-- The trigger of its table is none for any other.
CREATE TABLE regress_not_rules (owner text, owner_oid text);
CREATE TRIGGER row_trigger BEFORE INSERT ON regress_not_rules FOR EACH ROW EXECUTE PROCEDURE sessionctl._session_rule_changed();
CREATE TRIGGER statement_trigger AFTER UPDATE ON regress_not_rules FOR EACH STATEMENT EXECUTE PROCEDURE sessionctl._session_rule_changed();
SELECT pg_temp.told($$INSERT INTO regress_not_rules VALUES ('postgres', '')$$);
SELECT pg_temp.told('UPDATE regress_not_rules SET owner = NULL');
DROP TABLE regress_not_rules;

-- Changes
SELECT v.change || ': ' || pg_temp.told('SELECT sessionctl.alter_session_rule(''restored'', ' || v.change || ')') FROM (VALUES
    ($$action := 'kill'$$), ($$condition := '1'$$), ($$only_when := 'true'$$), ($$reset := '{nosuch}'$$), ($$reset := '{condition}'$$), ($$reset := '{NULL}'$$), ($$reset := NULL$$),
    ($$action := 'log', reset := '{action}'$$), ($$reason := 'why', reset := '{{action,step}}'$$)) AS v (change);
SELECT pg_temp.told($$SELECT sessionctl.alter_session_rule('nosuch', action := 'log')$$);

-- NULL for each argument of each function. If that is allowed, the next error is another: the rule exists, or the library is not preloaded.
SELECT proname || ' ' || argument || ': ' || replace(pg_temp.told(format('SELECT sessionctl.%I(%s)', proname, array_to_string(
        ARRAY(SELECT v.given FROM (VALUES ('name', $$name := 'restored'$$), ('condition', $$condition := 'true'$$)) AS v (argument, given)
              WHERE v.argument <> a.argument AND v.argument = ANY (proargnames[1:pronargs])) || (a.argument || ' := NULL'), ', '))), E'\n', '')
FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace, generate_series(1, pronargs) AS i, LATERAL (SELECT proargnames[i] AS argument) AS a
WHERE nspname = 'sessionctl' AND proname LIKE E'%\\_session\\_rule'
ORDER BY proname, i;

-- The owner's, and superusers'; conditions are not everybody's to read.
CREATE FUNCTION pg_temp.told_of_each() RETURNS SETOF text LANGUAGE sql AS $$
SELECT v.call || ': ' || pg_temp.told('SELECT sessionctl.' || v.call) FROM (VALUES
    ('create_session_rule(''r'', ''true'')'), ('alter_session_rule(''restored'', action := ''log'')'), ('test_session_rule(''restored'')'),
    ('drop_session_rule(''restored'')')) AS v (call)
$$;
SET ROLE regress_sessionctl_other;
SELECT name, owner, condition, only_when, action FROM sessionctl.session_rules;
SELECT pg_temp.told_of_each();
SELECT count(*) FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p WHERE has_table_privilege('sessionctl.session_rule', p);
SET ROLE regress_sessionctl_rules;
SELECT name, owner, condition, only_when, action FROM sessionctl.session_rules;

-- What a superuser may write, another role may not: its rules are checked as inside a SECURITY DEFINER function.
SELECT pg_temp.told_of_rule($$'pid in (select 1)'$$);
SELECT pg_temp.told_of_rule($$'true', only_when := '(select true)'$$);
SELECT pg_temp.told_of_rule($$'true', action := 'escalate', close_socket := true$$);
RESET ROLE;

-- A rule acts with its owner's rights: nobody gets those of a function's owner for later.
ALTER FUNCTION pg_temp.told(text) SECURITY DEFINER;
SET ROLE regress_sessionctl_rules;
SELECT pg_temp.told_of_each();
RESET ROLE;
ALTER FUNCTION pg_temp.told(text) SECURITY INVOKER;

SET ROLE regress_sessionctl_rules;
SELECT pg_temp.told_of_each();
RESET ROLE;
SELECT count(*) FROM sessionctl.session_rules;

SET client_min_messages = warning;
DROP OWNED BY regress_sessionctl_rules, regress_sessionctl_other;
DROP ROLE regress_sessionctl_rules, regress_sessionctl_other;
