-- session_activity: its columns, and what it says of the session that asks.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_sessionctl;
\set VERBOSITY terse

-- The same columns on every version.
SELECT attname AS "column", format_type(atttypid, atttypmod) AS type
FROM pg_attribute
WHERE attrelid = 'sessionctl.session_activity'::regclass AND attnum > 0 ORDER BY attnum;

-- Oneself.
SELECT pid = pg_backend_pid() AS pid, backend_type, datname = current_database() AS datname, usename = session_user AS usename,
       state, waiting, leader_pid, is_superuser, can_login, blocked_by, blocking_count, protection
FROM sessionctl.session_activity WHERE is_self;
SELECT count(*) FROM sessionctl.session_activity WHERE is_self OR pid = pg_backend_pid();
SELECT session_id = to_hex(trunc(extract(epoch FROM backend_start))::bigint) || '.' || to_hex(pid) AS session_id,
       query LIKE 'SELECT session_id%' AS query,
       idle_for, idle_in_transaction_for, query_age >= '0' AS query_age, xact_age >= query_age AS xact_age,
       session_age >= xact_age AS session_age
FROM sessionctl.session_activity WHERE is_self;

-- The same as core says.
SELECT count(*)
FROM sessionctl.session_activity o
JOIN pg_stat_activity c USING (pid)
WHERE o.is_self
  AND (o.datid, o.datname, o.usesysid, o.usename, o.application_name, o.client_port, o.backend_start, o.xact_start,
       o.query_start, o.state_change, o.state, o.query)
      IS NOT DISTINCT FROM
      (c.datid, c.datname::text, c.usesysid, c.usename::text, c.application_name, c.client_port, c.backend_start, c.xact_start,
       c.query_start, c.state_change, c.state, c.query)
  AND o.client_addr IS NOT DISTINCT FROM c.client_addr
  AND o.client_hostname IS NOT DISTINCT FROM c.client_hostname
  AND o.backend_xid IS NOT DISTINCT FROM c.backend_xid
  AND o.backend_xmin IS NOT DISTINCT FROM c.backend_xmin;

-- Fresh at each statement, also where core's view stands still.
SET application_name = 'before';
BEGIN;
SELECT count(*) FROM pg_stat_activity WHERE pid = pg_backend_pid() AND application_name = 'before';
SET application_name = 'after';
SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid();
SELECT application_name FROM sessionctl.session_activity WHERE is_self;
SELECT count(*) FROM sessionctl.preview_where('is_self and application_name = $1', '{after}');
SELECT xact_start = now() AS xact_start, xact_age > '0' AS xact_age FROM sessionctl.session_activity WHERE is_self;
COMMIT;
RESET application_name;

-- What a session uses is computed only where it is named: by a query, by a condition.
BEGIN;
SET LOCAL track_functions = 'all';
SELECT count(*) > 0 AS sessions FROM sessionctl.session_activity WHERE state IS NOT NULL;
SELECT sessionctl.safe_count('state = $1 and pid is null', '{active}');
SELECT funcname FROM pg_stat_xact_user_functions
WHERE funcname ~ '_(bytes|cpu_time)$' ORDER BY 1;
SELECT count(*) > 0 AS sessions FROM sessionctl.session_activity WHERE is_self AND (cpu_time < '0') IS NOT TRUE;
SELECT sessionctl.safe_count('is_self and (memory_bytes < 0 or temp_bytes < 0)');
SELECT funcname FROM pg_stat_xact_user_functions
WHERE funcname ~ '_(bytes|cpu_time)$' AND calls > 0 ORDER BY 1;
COMMIT;

-- A role that may not see the session of another, here its own session's user, sees of it what core shows to all.
CREATE ROLE regress_sessionctl_low;
SET SESSION AUTHORIZATION regress_sessionctl_low;
SELECT state, session_id IS NOT NULL AS session_id, protection FROM sessionctl.session_activity WHERE is_self;
RESET SESSION AUTHORIZATION;
SELECT backend_start AS began FROM sessionctl.session_activity WHERE is_self \gset
SET ROLE regress_sessionctl_low;
SELECT usename = session_user AS usename, is_self, is_superuser, protection, state, query, session_id, backend_start
FROM sessionctl.session_activity WHERE is_self;
SELECT memory_bytes, cpu_time, read_bytes, write_bytes, temp_bytes FROM sessionctl.session_activity WHERE is_self;
SELECT count(*) FROM (VALUES (pg_backend_pid(), :'began'::timestamptz)) AS s (pid, began)
WHERE sessionctl._memory_bytes(pid, began) IS NOT NULL OR sessionctl._cpu_time(pid, began) IS NOT NULL
   OR sessionctl._read_bytes(pid, began) IS NOT NULL OR sessionctl._write_bytes(pid, began) IS NOT NULL
   OR sessionctl._temp_bytes(pid, began) IS NOT NULL;
RESET ROLE;

-- Nobody changes anything through the view.
UPDATE sessionctl.session_activity SET application_name = 'x';
DELETE FROM sessionctl.session_activity;
DROP ROLE regress_sessionctl_low;
