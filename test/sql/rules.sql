-- Session rules without the library preloaded: what is checked when a rule is made, changed and dropped, and by whom.
-- What they do is test/t/450_rules.pl and after it.

\set SHOW_CONTEXT never
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

-- The condition is checked as terminate_where would, with a caret.
SELECT sessionctl.create_session_rule('r', 'idle_for >');
SELECT sessionctl.create_session_rule('r', 'idle_fr > ''1 min''');
SELECT sessionctl.create_session_rule('r', '1 + 1');
SELECT sessionctl.create_session_rule('r', 'now() > ''2000-01-01''');
SELECT sessionctl.create_session_rule('r', 'pid = nextval(''s'')');
SELECT sessionctl.create_session_rule('r', '');
SELECT sessionctl.create_session_rule('r', 'true', only_when := 'nosuchfunction()');

-- The other arguments
SELECT sessionctl.create_session_rule(NULL, 'true');
SELECT sessionctl.create_session_rule('', 'true');
SELECT sessionctl.create_session_rule(E'a\nb', 'true');
SELECT sessionctl.create_session_rule(repeat('x', 64), 'true');
SELECT sessionctl.create_session_rule('r', NULL);
SELECT sessionctl.create_session_rule('r', 'true', action := 'kill');
SELECT sessionctl.create_session_rule('r', 'true', action := NULL);
SELECT sessionctl.create_session_rule('r', 'true', matching_for := '-1 s');
SELECT sessionctl.create_session_rule('r', 'true', matching_for := '31 days');
SELECT sessionctl.create_session_rule('r', 'true', streak := 'query');
SELECT sessionctl.create_session_rule('r', 'true', check_every := '99 ms');
SELECT sessionctl.create_session_rule('r', 'true', check_every := '2 h');
SELECT sessionctl.create_session_rule('r', 'true', at_most := 0);
SELECT sessionctl.create_session_rule('r', 'true', at_most := 101);
SELECT sessionctl.create_session_rule('r', 'true', at_most_within := '0');
SELECT sessionctl.create_session_rule('r', 'true', step := '0');
SELECT sessionctl.create_session_rule('r', 'true', timeout := '0');
SELECT sessionctl.create_session_rule('r', 'true', action := 'terminate', force := true);
SELECT sessionctl.create_session_rule('r', 'true', action := 'terminate', close_socket := true);
SELECT sessionctl.create_session_rule('r', 'true', action := 'drain', cooldown := '1 s');
SELECT sessionctl.create_session_rule('r', 'true', refuse_above := -1);
SELECT sessionctl.create_session_rule('r', 'true', keep := -1);
SELECT sessionctl.create_session_rule('r', 'true', keep_which := 'best');
SELECT sessionctl.create_session_rule('r', 'true', per := 'nosuchcolumn');
SELECT sessionctl.create_session_rule('r', 'true', cooldown := '2 h');

-- All is well, but the library is not preloaded.
SELECT sessionctl.create_session_rule('r', 'idle_for > ''1 min''', action := 'terminate');

SELECT count(*) FROM sessionctl.session_rules;

-- A restored rule, with the OID that its owner had elsewhere
INSERT INTO sessionctl.session_rule
SELECT 'restored', 'idle_for > ''1 min''', 'terminate', '0', 'statement', NULL, '1 s', NULL, '1 min', true, '2 s', '1 min',
       false, false, NULL, false, false, false, NULL, 0, 'oldest', NULL, '0', 'regress_sessionctl_rules', 0, 'UTC', 'ISO, MDY', 'postgres';
SELECT name, owner, owner_oid = (SELECT oid FROM pg_roles WHERE rolname = 'regress_sessionctl_rules') AS is_its FROM sessionctl.session_rule;

-- Changes
SELECT sessionctl.alter_session_rule('nosuch', action := 'log');
SELECT sessionctl.alter_session_rule('restored', action := 'kill');
SELECT sessionctl.alter_session_rule('restored', condition := 'idle_fr > ''1 min''');
SELECT sessionctl.alter_session_rule('restored', reset := '{nosuch}');
SELECT sessionctl.alter_session_rule('restored', reset := '{condition}');
SELECT sessionctl.alter_session_rule('restored', reset := '{NULL}');
SELECT sessionctl.alter_session_rule('restored', action := 'log', reset := '{action}');
SELECT sessionctl.alter_session_rule('restored', reason := 'why', reset := '{action}');

-- The owner's, and superusers'; conditions are not everybody's to read.
SET ROLE regress_sessionctl_other;
SELECT name, owner, condition, only_when, action FROM sessionctl.session_rules;
SELECT sessionctl.alter_session_rule('restored', action := 'log');
SELECT sessionctl.drop_session_rule('restored');
SELECT sessionctl.test_session_rule('restored');
SELECT * FROM sessionctl.session_rule;
DELETE FROM sessionctl.session_rule;
SET ROLE regress_sessionctl_rules;
SELECT name, owner, condition, only_when, action FROM sessionctl.session_rules;
SELECT sessionctl.drop_session_rule('nosuch');
RESET ROLE;

-- What a superuser may write, another role may not: its rules are checked as inside a SECURITY DEFINER function.
SET ROLE regress_sessionctl_rules;
SELECT sessionctl.create_session_rule('r', 'pid in (select 1)');
SELECT sessionctl.create_session_rule('r', 'true', action := 'escalate', close_socket := true);
RESET ROLE;

-- A rule acts with its owner's rights: nobody gets those of a function's owner for later.
CREATE FUNCTION make_rule() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$SELECT sessionctl.create_session_rule('r', 'true')$$;
CREATE FUNCTION drop_rule() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$SELECT sessionctl.drop_session_rule('restored')$$;
SELECT make_rule();
SELECT drop_rule();

SET ROLE regress_sessionctl_rules;
SELECT sessionctl.drop_session_rule('restored');
RESET ROLE;
SELECT count(*) FROM sessionctl.session_rules;

DROP FUNCTION make_rule(), drop_rule();
SET client_min_messages = warning;
DROP OWNED BY regress_sessionctl_rules, regress_sessionctl_other;
DROP ROLE regress_sessionctl_rules, regress_sessionctl_other;
