-- What CREATE EXTENSION makes, who may use it, and when it refuses.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_sessionctl;
\set VERBOSITY terse
CREATE TEMP VIEW functions AS
SELECT p.oid AS id, p.proname, p.prosecdef, p.proisstrict, p.provolatile, p.pronargs, p.pronargdefaults, p.proargnames,
       row_to_json(p)->>'proparallel' AS proparallel -- NULL before 9.6
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'sessionctl';

-- Somebody made the schema first, and could own functions in it.
CREATE ROLE regress_sessionctl_squatter;
CREATE SCHEMA sessionctl AUTHORIZATION regress_sessionctl_squatter;
CREATE EXTENSION pg_sessionctl;
DROP SCHEMA sessionctl;

-- Only a superuser installs it, and only where it belongs.
SET ROLE regress_sessionctl_squatter;
CREATE EXTENSION pg_sessionctl;
RESET ROLE;
CREATE EXTENSION pg_sessionctl SCHEMA public;
CREATE EXTENSION pg_sessionctl;
ALTER EXTENSION pg_sessionctl SET SCHEMA public;

-- All functions with all their parameters.
\pset format unaligned
SELECT proname AS function, pg_get_function_arguments(id) AS arguments
FROM functions WHERE proname NOT LIKE '\_%' ORDER BY 1, 2;
SELECT proname AS function, pg_get_function_result(id) AS result
FROM functions WHERE proname NOT LIKE '\_%' ORDER BY 1;

\pset format aligned
-- None is strict, safe to run in a parallel worker, or runs as its owner; all but the view's own are volatile.
SELECT proname FROM functions
WHERE prosecdef OR proisstrict OR proparallel <> 'u'
   OR (provolatile <> 'v' AND proname NOT IN ('_blocked_by', '_blocking_count', '_client_gone', '_memory_bytes', '_cpu_time', '_read_bytes', '_write_bytes', '_temp_bytes'));
-- Optional arguments stand last, so that a call by position keeps its meaning.
SELECT proname FROM functions WHERE proname !~ '^_|_pool$' AND proname NOT IN ('limit_role', 'create_session_rule') AND pronargs - pronargdefaults > 1;

-- help() has one line for each function and view that is there for users, and none that does not exist. It calls functions
-- by the arguments that they must have, then dots if there are more.
SELECT coalesce(here.name, line.name) AS name, here.name IS NOT NULL AS exists, count(line.name) AS lines
FROM (SELECT proname || '(' || array_to_string((coalesce(proargnames, '{}'))[1:pronargs - pronargdefaults] || CASE WHEN pronargdefaults > 0 THEN ARRAY['...'] ELSE '{}' END, ', ') || ')'
      FROM functions WHERE proname NOT LIKE '\_%'
      UNION
      SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'sessionctl') AND relkind IN ('v', 'm', 'r', 'f', 'p') AND relname <> 'session_rule') AS here (name)
FULL JOIN sessionctl.help() AS line USING (name)
GROUP BY 1, 2 HAVING count(here.name) <> 1 OR count(line.name) <> 1;
SELECT name FROM sessionctl.help() WHERE purpose !~ '^[ -~]{5,100}$';
-- What belongs together stands together.
SELECT string_agg(topic, ', ' ORDER BY first) AS topics FROM (SELECT topic, min(n) AS first, max(n) - min(n) + 1 = count(*) AS together
      FROM (SELECT topic, row_number() OVER () AS n FROM sessionctl.help()) AS line GROUP BY topic) AS topics WHERE together;

-- What the planner is told of how many rows come back: as many as there are sessions at most, or what is kept.
SELECT proname, prorows FROM pg_proc
WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'sessionctl') AND proretset AND prorows > 100;
SELECT prorows BETWEEN 0.8 * lines AND 1.2 * lines AS is_right
FROM pg_proc, (SELECT count(*) AS lines FROM sessionctl.help()) AS help
WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'sessionctl') AND proname = 'help';

-- Everything has a comment.
SELECT count(*) > 0 AS members,
       count(*) FILTER (WHERE coalesce(obj_description(objid, classid::regclass::text), '') = '') AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND classid <> 'pg_type'::regclass -- row types, members in their own right from some version on
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_sessionctl');
SELECT attname FROM pg_attribute
WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'sessionctl') AND relkind = 'v') AND attnum > 0
  AND coalesce(col_description(attrelid, attnum), '') = '';

-- A comment is short, so that \df+ and \d+ stay readable: the reference has the rest, and each function and view names it.
SELECT pg_describe_object(classoid, objoid, c.objsubid) AS object, length(description)
FROM pg_description AS c JOIN pg_depend ON classid = classoid AND objid = objoid
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_sessionctl')
  AND (length(regexp_replace(description, ' See the reference\.$', '')) > 200
       OR description NOT LIKE '% See the reference.' AND description NOT LIKE '% Use the view.'
          AND c.objsubid = 0 AND classid <> 'pg_namespace'::regclass
          AND (classid, objid) <> ('pg_proc'::regclass, 'sessionctl._library_version()'::regprocedure));

-- Who may do what: everybody may look, nobody else may make anything here, nobody may act.
SELECT has_schema_privilege('public', 'sessionctl', 'usage') AS usage,
       has_schema_privilege('public', 'sessionctl', 'create') AS "create",
       has_table_privilege('public', 'sessionctl.session_activity', 'select') AS "select",
       has_table_privilege('public', 'sessionctl.session_activity', 'insert, update, delete, trigger') AS other;
SELECT proname AS function, has_function_privilege('public', id, 'execute') AS everybody
FROM functions WHERE proname NOT LIKE '\_%' ORDER BY 1;
-- Where the server has such roles: who may signal may call everything but the reaper's, the account's, the pools'
-- and the gate's, which are for superusers; who may monitor reads the first two.
SELECT proname FROM functions, pg_roles
WHERE rolname = 'pg_signal_backend'
  AND has_function_privilege(rolname, id, 'execute') <> (proname !~ 'reaper|audit|stats|lockdowns|pool|_server|_rule_owner|_rule_changed');
SELECT proname FROM functions, pg_roles
WHERE rolname = 'pg_monitor' AND proname ~ 'reaper|audit|stats|lockdowns'
  AND has_function_privilege(rolname, id, 'execute') <> (proname LIKE '\_%' OR proname = 'audit_mark');
SET ROLE regress_sessionctl_squatter;
SELECT sessionctl.terminate_where('false');
SELECT sessionctl.safe_count('false');
CREATE FUNCTION sessionctl.terminate_where(text, text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
RESET ROLE;

-- It goes without a trace, and can be made again.
DROP EXTENSION pg_sessionctl;
SELECT count(*) FROM pg_namespace WHERE nspname = 'sessionctl';
CREATE EXTENSION pg_sessionctl;
SELECT sessionctl.safe_count('false');
DROP ROLE regress_sessionctl_squatter;
