/* pg_sessionctl 1.0 */

\echo Use "CREATE EXTENSION pg_sessionctl" to load this file. \quit

-- A plain CREATE SCHEMA fails if the schema exists: its owner might have functions in it.
CREATE SCHEMA sessionctl;
COMMENT ON SCHEMA sessionctl IS
'pg_sessionctl: see, choose, end and keep out sessions. Only its owner may create objects here. The reference is doc/reference.md.';

-- With an older library this script must fail here, not in a later call. A newer library is part of an update, and
-- reports that at each call.
CREATE FUNCTION sessionctl._library_version() RETURNS text
AS 'MODULE_PATHNAME', 'sessionctl_library_version' LANGUAGE C;
COMMENT ON FUNCTION sessionctl._library_version() IS
'Version of the library that this session has loaded.';

DO $$
BEGIN
    IF string_to_array(sessionctl._library_version(), '.')::int[] < '{1,0}' THEN
        RAISE EXCEPTION 'the library of pg_sessionctl is version %, but this script is version 1.0',
                        sessionctl._library_version()
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Install the library of version 1.0 and reconnect; if it is in shared_preload_libraries, restart the server.';
    END IF;
END
$$;

-- See

CREATE FUNCTION sessionctl._session_activity(
    OUT session_id text,
    OUT pid integer,
    OUT backend_start timestamptz,
    OUT backend_type text,
    OUT datid oid,
    OUT datname text,
    OUT usesysid oid,
    OUT usename text,
    OUT application_name text,
    OUT client_addr inet,
    OUT client_hostname text,
    OUT client_port integer,
    OUT state text,
    OUT state_change timestamptz,
    OUT xact_start timestamptz,
    OUT query_start timestamptz,
    OUT wait_event_type text,
    OUT wait_event text,
    OUT waiting boolean,
    OUT backend_xid xid,
    OUT backend_xmin xid,
    OUT leader_pid integer,
    OUT query_id bigint,
    OUT query text,
    OUT idle_for interval,
    OUT idle_in_transaction_for interval,
    OUT xact_age interval,
    OUT query_age interval,
    OUT session_age interval,
    OUT is_superuser boolean,
    OUT can_login boolean,
    OUT is_self boolean,
    OUT protection text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_activity' LANGUAGE C ROWS 100;
COMMENT ON FUNCTION sessionctl._session_activity() IS
'What the view sessionctl.session_activity reads. Use the view.';

-- STABLE, so that the view does not compute them unless they are asked for.
CREATE FUNCTION sessionctl._blocked_by(pid integer) RETURNS integer[]
AS 'MODULE_PATHNAME', 'sessionctl_blocked_by' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._blocked_by(integer) IS
'What the column blocked_by of sessionctl.session_activity shows. Use the view.';

CREATE FUNCTION sessionctl._blocking_count(pid integer) RETURNS integer
AS 'MODULE_PATHNAME', 'sessionctl_blocking_count' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._blocking_count(integer) IS
'What the column blocking_count of sessionctl.session_activity shows. Use the view.';

CREATE FUNCTION sessionctl._client_gone(pid integer, backend_start timestamptz) RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_client_gone' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._client_gone(integer, timestamptz) IS
'What the column client_gone of sessionctl.session_activity shows. Use the view.';

CREATE FUNCTION sessionctl._memory_bytes(pid integer, backend_start timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_memory_bytes' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._memory_bytes(integer, timestamptz) IS
'What the column memory_bytes of sessionctl.session_activity shows. Use the view.';

CREATE FUNCTION sessionctl._cpu_time(pid integer, backend_start timestamptz) RETURNS interval
AS 'MODULE_PATHNAME', 'sessionctl_cpu_time' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._cpu_time(integer, timestamptz) IS
'What the column cpu_time of sessionctl.session_activity shows. Use the view.';

CREATE FUNCTION sessionctl._read_bytes(pid integer, backend_start timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_read_bytes' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._read_bytes(integer, timestamptz) IS
'What the column read_bytes of sessionctl.session_activity shows. Use the view.';

CREATE FUNCTION sessionctl._write_bytes(pid integer, backend_start timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_write_bytes' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._write_bytes(integer, timestamptz) IS
'What the column write_bytes of sessionctl.session_activity shows. Use the view.';

CREATE FUNCTION sessionctl._temp_bytes(pid integer, backend_start timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_temp_bytes' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION sessionctl._temp_bytes(integer, timestamptz) IS
'What the column temp_bytes of sessionctl.session_activity shows. Use the view.';

CREATE VIEW sessionctl.session_activity AS
SELECT a.session_id, a.pid, a.backend_start, a.backend_type, a.datid, a.datname, a.usesysid, a.usename,
       a.application_name, a.client_addr, a.client_hostname, a.client_port,
       a.state, a.state_change, a.xact_start, a.query_start,
       a.wait_event_type, a.wait_event, a.waiting, a.backend_xid, a.backend_xmin, a.leader_pid, a.query_id, a.query,
       a.idle_for, a.idle_in_transaction_for, a.xact_age, a.query_age, a.session_age,
       a.is_superuser, a.can_login, a.is_self,
       sessionctl._blocked_by(a.pid) AS blocked_by,
       sessionctl._blocking_count(a.pid) AS blocking_count,
       sessionctl._client_gone(a.pid, a.backend_start) AS client_gone,
       sessionctl._memory_bytes(a.pid, a.backend_start) AS memory_bytes,
       sessionctl._cpu_time(a.pid, a.backend_start) AS cpu_time,
       sessionctl._read_bytes(a.pid, a.backend_start) AS read_bytes,
       sessionctl._write_bytes(a.pid, a.backend_start) AS write_bytes,
       sessionctl._temp_bytes(a.pid, a.backend_start) AS temp_bytes,
       a.protection
FROM sessionctl._session_activity() AS a;
COMMENT ON VIEW sessionctl.session_activity IS
'One row for each server process, read afresh at each statement. The same columns on every server version; what you may not see is NULL. See the reference.';

COMMENT ON COLUMN sessionctl.session_activity.session_id IS
'Start time and pid as %c prints them in the server log. It names this session and no other, even when the pid is reused.';
COMMENT ON COLUMN sessionctl.session_activity.pid IS
'Process ID. Reused by the operating system; see session_id.';
COMMENT ON COLUMN sessionctl.session_activity.backend_start IS
'When the session began.';
COMMENT ON COLUMN sessionctl.session_activity.backend_type IS
'Kind of process, as in pg_stat_activity; "client backend" for clients. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.datid IS
'Database, OID.';
COMMENT ON COLUMN sessionctl.session_activity.datname IS
'Database, name.';
COMMENT ON COLUMN sessionctl.session_activity.usesysid IS
'Role, OID.';
COMMENT ON COLUMN sessionctl.session_activity.usename IS
'Role, name; NULL also for a role that was dropped meanwhile.';
COMMENT ON COLUMN sessionctl.session_activity.application_name IS
'As the client set it.';
COMMENT ON COLUMN sessionctl.session_activity.client_addr IS
'NULL for a Unix socket.';
COMMENT ON COLUMN sessionctl.session_activity.client_hostname IS
'Only with log_hostname.';
COMMENT ON COLUMN sessionctl.session_activity.client_port IS
'-1 for a Unix socket.';
COMMENT ON COLUMN sessionctl.session_activity.state IS
'active, idle, idle in transaction, idle in transaction (aborted), fastpath function call, disabled, starting.';
COMMENT ON COLUMN sessionctl.session_activity.state_change IS
'When state last changed.';
COMMENT ON COLUMN sessionctl.session_activity.xact_start IS
'When the transaction began; NULL outside of one.';
COMMENT ON COLUMN sessionctl.session_activity.query_start IS
'When the running statement began, or the last one if none runs.';
COMMENT ON COLUMN sessionctl.session_activity.wait_event_type IS
'What kind of event the process waits for, if any. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.wait_event IS
'What the process waits for, if anything. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.waiting IS
'True if it waits for a heavyweight lock.';
COMMENT ON COLUMN sessionctl.session_activity.backend_xid IS
'Transaction ID, if it has one.';
COMMENT ON COLUMN sessionctl.session_activity.backend_xmin IS
'The oldest transaction its snapshot may need.';
COMMENT ON COLUMN sessionctl.session_activity.leader_pid IS
'The leader of a parallel worker; NULL for all others. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.query_id IS
'Identifier of the statement, with compute_query_id. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.query IS
'Text of the running statement, or of the last one; NULL where the caller may not see it.';
COMMENT ON COLUMN sessionctl.session_activity.idle_for IS
'How long the session has waited for its client, in a transaction or not; NULL unless idle.';
COMMENT ON COLUMN sessionctl.session_activity.idle_in_transaction_for IS
'How long it has been idle in a transaction, since state_change; NULL unless it is.';
COMMENT ON COLUMN sessionctl.session_activity.xact_age IS
'How long its transaction has lasted.';
COMMENT ON COLUMN sessionctl.session_activity.query_age IS
'How long the statement has run; NULL unless active.';
COMMENT ON COLUMN sessionctl.session_activity.session_age IS
'How long the session has lasted.';
COMMENT ON COLUMN sessionctl.session_activity.is_superuser IS
'True if its role is a superuser.';
COMMENT ON COLUMN sessionctl.session_activity.can_login IS
'True if its role may (still) log in; false also for a dropped role.';
COMMENT ON COLUMN sessionctl.session_activity.is_self IS
'True for your own session.';
COMMENT ON COLUMN sessionctl.session_activity.blocked_by IS
'Pids of the sessions that it waits for, each once; 0 stands for a prepared transaction. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.blocking_count IS
'How many sessions wait behind it, directly or not. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.client_gone IS
'True if its client has closed its end of the connection; NULL where there is no client or the system does not tell. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.memory_bytes IS
'Memory of its process and its parallel workers that no other process shares. Linux. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.cpu_time IS
'Processor time of its process and its running parallel workers. Linux. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.read_bytes IS
'What its process and its running parallel workers had read from storage. Linux. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.write_bytes IS
'What its process and its running parallel workers had written to storage. Linux. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.temp_bytes IS
'Size of the temporary files of its statements, in all tablespaces. See the reference.';
COMMENT ON COLUMN sessionctl.session_activity.protection IS
'Why you may not act on it with default options; NULL: you may. See the reference.';

CREATE FUNCTION sessionctl._session_blocking(
    OUT waiter_pid integer,
    OUT waiter_session_id text,
    OUT blocker_pid integer,
    OUT blocker_session_id text,
    OUT blocker_gid text,
    OUT locktype text,
    OUT lock text,
    OUT mode_wanted text,
    OUT mode_held text,
    OUT since timestamptz,
    OUT waiter_priority text,
    OUT blocker_priority text,
    OUT due_at timestamptz
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_session_blocking' LANGUAGE C ROWS 10;
COMMENT ON FUNCTION sessionctl._session_blocking() IS
'What the view sessionctl.session_blocking reads. Use the view.';

CREATE VIEW sessionctl.session_blocking AS
SELECT waiter_pid, waiter_session_id, blocker_pid, blocker_session_id, blocker_gid,
       locktype, lock, mode_wanted, mode_held, since, waiter_priority, blocker_priority, due_at
FROM sessionctl._session_blocking();
COMMENT ON VIEW sessionctl.session_blocking IS
'Who waits for whom: one row for each waiting session, each session or prepared transaction that blocks it, and each lock. See the reference.';
COMMENT ON COLUMN sessionctl.session_blocking.waiter_pid IS
'The session that waits.';
COMMENT ON COLUMN sessionctl.session_blocking.waiter_session_id IS
'As in session_activity.';
COMMENT ON COLUMN sessionctl.session_blocking.blocker_pid IS
'The session that blocks it; NULL for a prepared transaction.';
COMMENT ON COLUMN sessionctl.session_blocking.blocker_session_id IS
'As in session_activity.';
COMMENT ON COLUMN sessionctl.session_blocking.blocker_gid IS
'The prepared transaction that blocks it; NULL for a session.';
COMMENT ON COLUMN sessionctl.session_blocking.locktype IS
'As locktype in pg_locks.';
COMMENT ON COLUMN sessionctl.session_blocking.lock IS
'The lock in words; relations of the current database by name, those of others by OID.';
COMMENT ON COLUMN sessionctl.session_blocking.mode_wanted IS
'The mode that the waiter asks for.';
COMMENT ON COLUMN sessionctl.session_blocking.mode_held IS
'The strongest conflicting mode that the blocker holds; NULL: it only waits before it in the queue.';
COMMENT ON COLUMN sessionctl.session_blocking.since IS
'When the wait began, where the server tells. See the reference.';
COMMENT ON COLUMN sessionctl.session_blocking.waiter_priority IS
'The waiter''s pg_sessionctl.lock_priority.';
COMMENT ON COLUMN sessionctl.session_blocking.blocker_priority IS
'The blocker''s; NULL: not known, and so not lower.';
COMMENT ON COLUMN sessionctl.session_blocking.due_at IS
'When the waiter''s pg_sessionctl.blocker_patience with this blocker ends; NULL: never, or not known. See the reference.';

CREATE FUNCTION sessionctl.blocking_tree() RETURNS SETOF text
AS 'MODULE_PATHNAME', 'sessionctl_blocking_tree' LANGUAGE C ROWS 10;
COMMENT ON FUNCTION sessionctl.blocking_tree() IS
'Who blocks whom, as an indented text: at the left the sessions that wait for nobody, those with the most waiters first; under each session, its waiters. See the reference.';

CREATE FUNCTION sessionctl._session_progress(
    OUT session_id text,
    OUT pid integer,
    OUT datname text,
    OUT usename text,
    OUT application_name text,
    OUT action text,
    OUT chosen bigint,
    OUT signalled bigint,
    OUT done bigint,
    OUT remaining bigint,
    OUT since timestamptz,
    OUT until timestamptz
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_session_progress' LANGUAGE C ROWS 1;
COMMENT ON FUNCTION sessionctl._session_progress() IS
'What the view sessionctl.session_progress reads. Use the view.';

CREATE VIEW sessionctl.session_progress AS
SELECT session_id, pid, datname, usename, application_name, action, chosen, signalled, done, remaining, since, until
FROM sessionctl._session_progress();
COMMENT ON VIEW sessionctl.session_progress IS
'The calls under way that act on sessions, and how far each is. See the reference.';
COMMENT ON COLUMN sessionctl.session_progress.session_id IS
'The session that calls, as in session_activity.';
COMMENT ON COLUMN sessionctl.session_progress.pid IS
'Its process ID.';
COMMENT ON COLUMN sessionctl.session_progress.datname IS
'Its database.';
COMMENT ON COLUMN sessionctl.session_progress.usename IS
'Its role.';
COMMENT ON COLUMN sessionctl.session_progress.application_name IS
'As its client set it.';
COMMENT ON COLUMN sessionctl.session_progress.action IS
'What the call does. See the reference.';
COMMENT ON COLUMN sessionctl.session_progress.chosen IS
'How many sessions it acts on.';
COMMENT ON COLUMN sessionctl.session_progress.signalled IS
'How many of them have been signalled, or, by a drain, asked to end.';
COMMENT ON COLUMN sessionctl.session_progress.done IS
'How many of them are proven gone, or for cancel: whose statement has ended.';
COMMENT ON COLUMN sessionctl.session_progress.remaining IS
'How many of them it still waits for, or has not signalled yet. See the reference.';
COMMENT ON COLUMN sessionctl.session_progress.since IS
'When the call began.';
COMMENT ON COLUMN sessionctl.session_progress.until IS
'When it stops waiting at the latest; NULL: it does not wait, or has not begun to.';

CREATE FUNCTION sessionctl._prepared_transactions(
    OUT gid text,
    OUT transaction xid,
    OUT prepared timestamptz,
    OUT age interval,
    OUT owner text,
    OUT database text,
    OUT locks text[],
    OUT blocks integer[],
    OUT rollback_command text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_prepared_transactions' LANGUAGE C ROWS 10;
COMMENT ON FUNCTION sessionctl._prepared_transactions() IS
'What the view sessionctl.prepared_transactions reads. Use the view.';

CREATE VIEW sessionctl.prepared_transactions AS
SELECT gid, transaction, prepared, age, owner, database, locks, blocks, rollback_command
FROM sessionctl._prepared_transactions();
COMMENT ON VIEW sessionctl.prepared_transactions IS
'The prepared transactions of all databases, the oldest first: what each locks, whom it blocks, and the command that ends it. See the reference.';
COMMENT ON COLUMN sessionctl.prepared_transactions.gid IS
'The name that PREPARE TRANSACTION gave it.';
COMMENT ON COLUMN sessionctl.prepared_transactions.transaction IS
'Transaction ID.';
COMMENT ON COLUMN sessionctl.prepared_transactions.prepared IS
'When it was prepared.';
COMMENT ON COLUMN sessionctl.prepared_transactions.age IS
'How long ago that is.';
COMMENT ON COLUMN sessionctl.prepared_transactions.owner IS
'The role that prepared it; it and superusers may end it.';
COMMENT ON COLUMN sessionctl.prepared_transactions.database IS
'The only database in which it can be ended.';
COMMENT ON COLUMN sessionctl.prepared_transactions.locks IS
'The locks that it holds, each with the strongest mode. Row locks are not among them. See the reference.';
COMMENT ON COLUMN sessionctl.prepared_transactions.blocks IS
'Pids of the sessions that wait behind it, directly or not.';
COMMENT ON COLUMN sessionctl.prepared_transactions.rollback_command IS
'The command that ends it, ready for \gexec; NULL in any database but its own.';

-- What VACUUM has to leave

CREATE FUNCTION sessionctl._is_passed_over_by_vacuum(pid integer) RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_is_passed_over_by_vacuum' LANGUAGE C;
COMMENT ON FUNCTION sessionctl._is_passed_over_by_vacuum(integer) IS
'What the view sessionctl.vacuum_horizon reads. Use the view.';

-- Columns of pg_replication_slots that not every server has are read by name.
CREATE VIEW sessionctl.vacuum_horizon AS
SELECT h.kind, h.name, h.pid, h.database, h.owner, h.holds, h.xid, pg_catalog.age(h.xid) AS xid_age, h.held_for, h.remedy
FROM (SELECT CASE WHEN s.backend_type = 'walsender' AND s.datname IS NULL THEN 'standby' ELSE 'session' END AS kind,
             s.application_name AS name,
             s.pid,
             s.datname AS database,
             s.usename AS owner,
             'rows'::text AS holds,
             CASE WHEN s.backend_xmin IS NULL OR pg_catalog.age(s.backend_xid) > pg_catalog.age(s.backend_xmin)
                  THEN s.backend_xid ELSE s.backend_xmin END AS xid,
             s.xact_age AS held_for,
             CASE WHEN s.backend_type = 'walsender' AND s.datname IS NULL THEN
                       'SELECT * FROM sessionctl.vacuum_horizon -- on that standby'
                  WHEN s.backend_type IN ('client backend', 'walsender') THEN
                       pg_catalog.format('SELECT sessionctl.terminate_where(%L%s%s)',
                                         pg_catalog.format('session_id = %L', s.session_id),
                                         CASE WHEN s.is_superuser THEN ', include_superusers := true' ELSE '' END,
                                         CASE WHEN s.backend_type = 'walsender' THEN ', include_replication := true' ELSE '' END)
                  WHEN s.session_id IS NOT NULL THEN pg_catalog.format('SELECT pg_catalog.pg_cancel_backend(%s)', s.pid)
             END AS remedy
      FROM sessionctl.session_activity AS s
      WHERE (s.backend_xid IS NOT NULL OR s.backend_xmin IS NOT NULL)
        AND NOT s.is_self AND s.leader_pid IS NULL AND NOT sessionctl._is_passed_over_by_vacuum(s.pid)
      UNION ALL
      SELECT 'replication slot',
             s.slot_name::text,
             (s.fields ->> 'active_pid')::integer,
             s.database::text,
             NULL,
             x.holds,
             x.xid,
             pg_catalog.clock_timestamp() - (s.fields ->> 'inactive_since')::timestamptz,
             CASE WHEN (s.fields ->> 'synced') = 'true' THEN NULL
                  WHEN NOT s.active THEN pg_catalog.format('SELECT pg_catalog.pg_drop_replication_slot(%L)', s.slot_name)
                  WHEN s.slot_type = 'logical' THEN
                       'SELECT * FROM pg_catalog.pg_stat_replication -- its subscriber has to confirm what it receives'
                  ELSE 'SELECT * FROM sessionctl.vacuum_horizon -- on that standby'
             END
      FROM (SELECT r.*, pg_catalog.row_to_json(r) AS fields FROM pg_catalog.pg_replication_slots AS r) AS s,
           LATERAL (VALUES ('rows'::text, s.xmin), ('catalog rows', s.catalog_xmin)) AS x (holds, xid)
      WHERE x.xid IS NOT NULL
        -- An invalidated slot holds nothing, from 16 on.
        AND ((s.fields ->> 'wal_status') IS DISTINCT FROM 'lost' OR pg_catalog.current_setting('server_version_num')::integer < 160000)
      UNION ALL
      SELECT 'prepared transaction', p.gid, NULL, p.database, p.owner, 'rows', p.transaction, p.age,
             coalesce(p.rollback_command, 'SELECT rollback_command FROM sessionctl.prepared_transactions -- in its database')
      FROM sessionctl.prepared_transactions AS p) AS h
WHERE NOT pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('hot_standby_feedback')::boolean
ORDER BY pg_catalog.age(h.xid) DESC, h.held_for DESC NULLS LAST;
COMMENT ON VIEW sessionctl.vacuum_horizon IS
'What keeps VACUUM from removing dead rows, the oldest first, and what to do about each. See the reference.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.kind IS
'session, standby, replication slot, or prepared transaction. See the reference.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.name IS
'The application_name, the name of the slot, or that of the prepared transaction.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.pid IS
'Process ID of the session, of the walsender, or of the process that uses the slot. See the reference.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.database IS
'The database whose rows are kept; NULL: all databases. See the reference.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.owner IS
'The role of the session or of the prepared transaction.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.holds IS
'rows, or catalog rows: those of system catalogs alone.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.xid IS
'Rows that this transaction, or a later one, has deleted or updated are kept.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.xid_age IS
'How many transactions ago that one was.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.held_for IS
'How long the transaction has lasted, or the slot has had no user. See the reference.';
COMMENT ON COLUMN sessionctl.vacuum_horizon.remedy IS
'What to do about it, as SQL. NULL: nothing here, or you may not see the session. See the reference.';

-- Count and preview

CREATE FUNCTION sessionctl.safe_count(
    condition text,
    args text[] DEFAULT '{}',
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_safe_count' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.safe_count(text, text[], boolean, boolean, boolean, integer, integer, text, text) IS
'How many sessions terminate_where would act on with the same arguments. It acts on none. See the reference.';

CREATE FUNCTION sessionctl.preview_where(
    condition text,
    args text[] DEFAULT '{}',
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS TABLE (
    session_id text,
    pid integer,
    outcome text,
    usename text,
    datname text,
    application_name text,
    client_addr inet,
    state text,
    elapsed interval,
    detail text
)
AS 'MODULE_PATHNAME', 'sessionctl_preview_where' LANGUAGE C ROWS 100;

COMMENT ON FUNCTION sessionctl.preview_where(text, text[], boolean, boolean, boolean, integer, integer, text, text) IS
'One row for each matched session: what terminate_where would do with it (chosen, spared or denied), and why. It acts on none. See the reference.';

-- Act

CREATE FUNCTION sessionctl.cancel_where(
    condition text,
    args text[] DEFAULT '{}',
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_cancel_where' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.cancel_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Cancels the running statements of the matching sessions, which remain connected. Returns how many were really cancelled. See the reference.';

CREATE FUNCTION sessionctl.terminate_where(
    condition text,
    args text[] DEFAULT '{}',
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL,
    cooldown interval DEFAULT '0'
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_where' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval) IS
'Ends the matching sessions. Returns how many are proven gone. See the reference.';

CREATE FUNCTION sessionctl.terminate_report(
    condition text,
    args text[] DEFAULT '{}',
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL,
    cooldown interval DEFAULT '0'
) RETURNS TABLE (
    session_id text,
    pid integer,
    outcome text,
    usename text,
    datname text,
    application_name text,
    client_addr inet,
    state text,
    elapsed interval,
    detail text
)
AS 'MODULE_PATHNAME', 'sessionctl_terminate_report' LANGUAGE C ROWS 100;

COMMENT ON FUNCTION sessionctl.terminate_report(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval) IS
'Ends the matching sessions, as terminate_where does. Returns one row for each: its outcome, how long it took, and why. See the reference.';

CREATE FUNCTION sessionctl.escalate_report(
    condition text,
    args text[] DEFAULT '{}',
    step interval DEFAULT '2 s',
    close_socket boolean DEFAULT false,
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS TABLE (
    session_id text,
    pid integer,
    outcome text,
    usename text,
    datname text,
    application_name text,
    client_addr inet,
    state text,
    elapsed interval,
    detail text,
    cancel_at timestamptz,
    terminate_at timestamptz,
    close_at timestamptz,
    activity text,
    root_command text
)
AS 'MODULE_PATHNAME', 'sessionctl_escalate_report' LANGUAGE C ROWS 100;

COMMENT ON FUNCTION sessionctl.escalate_report(text, text[], interval, boolean, text, boolean, boolean, boolean, integer, integer, text, text) IS
'For sessions that do not end: cancels, then terminates, then closes the connection of the client (close_socket). Never SIGKILL. Returns one row for each matched session. See the reference.';

CREATE FUNCTION sessionctl.drain_where(
    condition text,
    args text[] DEFAULT '{}',
    timeout interval DEFAULT '1 min',
    force boolean DEFAULT false,
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_drain_where' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.drain_where(text, text[], interval, boolean, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends each matching session after the transaction that it is in, an idle one at once. Returns how many are proven gone. See the reference.';

-- One session

CREATE FUNCTION sessionctl.terminate_session(
    session_id text,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_session' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_session(text, interval, text, boolean, boolean, boolean) IS
'Ends the session with this session_id (%c in the server log), never a later one with the same process ID. Returns 1 if it is proven gone, else 0. See the reference.';

CREATE FUNCTION sessionctl.terminate_session(
    pid integer,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_session_by_pid' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_session(integer, interval, text, boolean, boolean, boolean) IS
'Ends the session that has this process ID at the call. Returns 1 if it is proven gone, else 0. See the reference.';

CREATE FUNCTION sessionctl.cancel_session(
    session_id text,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_cancel_session' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.cancel_session(text, interval, text, boolean, boolean, boolean) IS
'Cancels the running statement of the session with this session_id (%c in the server log). Returns 1 if it was really cancelled, else 0. See the reference.';

CREATE FUNCTION sessionctl.cancel_session(
    pid integer,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_cancel_session_by_pid' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.cancel_session(integer, interval, text, boolean, boolean, boolean) IS
'Cancels the running statement of the session that has this process ID at the call. Returns 1 if it was really cancelled, else 0. See the reference.';

-- Recipes

CREATE FUNCTION sessionctl.terminate_role_sessions(
    role text,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_role_sessions' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_role_sessions(text, interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends all sessions of a role. Returns how many are proven gone. See the reference.';

CREATE FUNCTION sessionctl.terminate_database_sessions(
    database text,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_database_sessions' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_database_sessions(text, interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends all sessions in a database. Returns how many are proven gone. See the reference.';

CREATE FUNCTION sessionctl.terminate_application_sessions(
    application text,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_application_sessions' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_application_sessions(text, interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends all sessions with this application_name. Returns how many are proven gone. See the reference.';

CREATE FUNCTION sessionctl.terminate_idle_in_transaction(
    older_than interval,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_idle_in_transaction' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_idle_in_transaction(interval, interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends the sessions that have been idle in a transaction for longer than this. Returns how many are proven gone. See the reference.';

CREATE FUNCTION sessionctl.terminate_nologin_sessions(
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_nologin_sessions' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_nologin_sessions(interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends the sessions of roles that may no longer log in, and of roles that were dropped. Returns how many are proven gone. See the reference.';

CREATE FUNCTION sessionctl.terminate_blockers(
    waiter_pid integer,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_blockers' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_blockers(integer, interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends the sessions that this one waits for, directly or not, and no others. Returns how many are proven gone. See the reference.';

CREATE FUNCTION sessionctl.cancel_queued_blockers(
    older_than interval,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_cancel_queued_blockers' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.cancel_queued_blockers(interval, interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Cancels the statements that have waited for a lock for longer than this and by their request alone block others. Returns how many were really cancelled. See the reference.';

CREATE FUNCTION sessionctl.terminate_lock_holders(
    relation regclass,
    min_mode text DEFAULT 'AccessShareLock',
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_terminate_lock_holders' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.terminate_lock_holders(regclass, text, interval, text, boolean, boolean, boolean, integer, integer, text, text) IS
'Ends the sessions that hold or wait for a lock of at least min_mode on a relation, its partitions, indexes and TOAST tables. Returns how many are proven gone. See the reference.';

-- Keep out: databases and roles

CREATE FUNCTION sessionctl.lockdown_database(
    database text,
    include_superusers boolean DEFAULT false,
    terminate boolean DEFAULT true,
    pool text DEFAULT NULL,
    timeout interval DEFAULT '2 s',
    reason text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_lockdown_database' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.lockdown_database(text, boolean, boolean, text, interval, text) IS
'Closes a database to new connections, then ends the sessions in it. Returns how many are proven gone. unlock_database opens it again. The reason is public. See the reference.';

CREATE FUNCTION sessionctl.unlock_database(database text) RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_unlock_database' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.unlock_database(text) IS
'Ends the lockdown of a database: restores what was there before it. False if the database is not locked down. See the reference.';

CREATE FUNCTION sessionctl.lockdown_role(
    role text,
    terminate boolean DEFAULT true,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_lockdown_role' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.lockdown_role(text, boolean, interval, text) IS
'Locks a role out (NOLOGIN) and ends its sessions. Returns how many are proven gone. unlock_role lets it log in again. The reason is public. See the reference.';

CREATE FUNCTION sessionctl.unlock_role(role text) RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_unlock_role' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.unlock_role(text) IS
'Ends the lockdown of a role: it may log in as it might before. False if the role is not locked down. See the reference.';

CREATE FUNCTION sessionctl.limit_role(
    role text,
    sessions integer,
    terminate boolean DEFAULT false,
    keep_which text DEFAULT 'oldest',
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_limit_role' LANGUAGE C;

COMMENT ON FUNCTION sessionctl.limit_role(text, integer, boolean, text, interval, text) IS
'Sets the connection limit of a role (-1: none), and with terminate ends the sessions above it. Returns how many sessions are above it now. See the reference.';

CREATE FUNCTION sessionctl._session_lockdowns(
    OUT kind text,
    OUT id oid,
    OUT name text,
    OUT method text,
    OUT since timestamptz,
    OUT locked_by text,
    OUT reason text,
    OUT until timestamptz,
    OUT connected bigint,
    OUT restores_to text,
    OUT changed text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_session_lockdowns' LANGUAGE C ROWS 10;
COMMENT ON FUNCTION sessionctl._session_lockdowns() IS
'What the view sessionctl.session_lockdowns reads. Use the view.';

CREATE VIEW sessionctl.session_lockdowns AS
SELECT l.kind,
       l.name,
       l.method,
       l.since,
       l.locked_by,
       l.reason,
       l.until,
       coalesce(l.connected,
       (SELECT pg_catalog.count(*)
        FROM sessionctl.session_activity AS s
        WHERE CASE l.kind
              WHEN 'database' THEN s.datid = l.id AND s.backend_type IS DISTINCT FROM 'parallel worker'
              WHEN 'role' THEN s.usesysid = l.id AND s.backend_type = 'client backend'
              ELSE s.backend_type = 'client backend' END)) AS connected,
       l.restores_to,
       l.changed
FROM sessionctl._session_lockdowns() AS l;

COMMENT ON VIEW sessionctl.session_lockdowns IS
'What pg_sessionctl has locked down in this cluster, and which logins are in a cooldown. See the reference.';
COMMENT ON COLUMN sessionctl.session_lockdowns.kind IS
'database, role, server or cooldown (terminate_where).';
COMMENT ON COLUMN sessionctl.session_lockdowns.name IS
'Of the database or of the role.';
COMMENT ON COLUMN sessionctl.session_lockdowns.method IS
'How sessions are kept out; for a cooldown: the application and the client whose logins are refused. See the reference.';
COMMENT ON COLUMN sessionctl.session_lockdowns.since IS
'When it was locked down for the last time.';
COMMENT ON COLUMN sessionctl.session_lockdowns.locked_by IS
'The role that did it.';
COMMENT ON COLUMN sessionctl.session_lockdowns.reason IS
'The reason that was given. For a database or a role it is public. See the reference.';
COMMENT ON COLUMN sessionctl.session_lockdowns.until IS
'When it ends by itself; NULL: only by unlock. See the reference.';
COMMENT ON COLUMN sessionctl.session_lockdowns.connected IS
'How many sessions are connected all the same. See the reference.';
COMMENT ON COLUMN sessionctl.session_lockdowns.restores_to IS
'What the unlock restores.';
COMMENT ON COLUMN sessionctl.session_lockdowns.changed IS
'What was changed by hand since then, which the unlock keeps; NULL: nothing.';

CREATE VIEW sessionctl.session_limits AS
SELECT l.kind,
       l.name,
       l.connection_limit,
       l.connected,
       CASE WHEN l.is_bound THEN greatest(l.connected - l.connection_limit, 0) END AS over_by
FROM (SELECT 'role'::text AS kind,
             r.rolname::text AS name,
             r.rolconnlimit AS connection_limit,
             (SELECT pg_catalog.count(*) FROM sessionctl.session_activity AS s
              WHERE s.usesysid = r.oid AND s.backend_type = 'client backend') AS connected,
             NOT r.rolsuper AS is_bound
      FROM pg_catalog.pg_roles AS r
      WHERE r.rolconnlimit >= 0
      UNION ALL
      SELECT 'database',
             d.datname,
             d.datconnlimit,
             (SELECT pg_catalog.count(*) FROM sessionctl.session_activity AS s
              WHERE s.datid = d.oid AND s.backend_type = 'client backend'),
             true
      FROM pg_catalog.pg_database AS d
      WHERE d.datconnlimit >= 0) AS l;

COMMENT ON VIEW sessionctl.session_limits IS
'Every role and database with a connection limit, and how many sessions it has now. See the reference.';
COMMENT ON COLUMN sessionctl.session_limits.kind IS
'role or database.';
COMMENT ON COLUMN sessionctl.session_limits.name IS
'Of the role or of the database.';
COMMENT ON COLUMN sessionctl.session_limits.connection_limit IS
'As set.';
COMMENT ON COLUMN sessionctl.session_limits.connected IS
'Clients'' sessions now.';
COMMENT ON COLUMN sessionctl.session_limits.over_by IS
'How many of them are above the limit; NULL for a superuser, for whom limits are not enforced.';
-- Keep out: pools

CREATE FUNCTION sessionctl.pause_pool(server text, database text) RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_pause_pool' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.pause_pool(text, text) IS
'PAUSE of one database in PgBouncer: its clients wait instead of failing until resume_pool. False if it is paused already. See the reference.';

CREATE FUNCTION sessionctl.resume_pool(server text, database text) RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_resume_pool' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.resume_pool(text, text) IS
'RESUME of one database in PgBouncer: its clients continue. False if it is not paused. See the reference.';
-- Keep out: the server

CREATE FUNCTION sessionctl.lockdown_server(
    method text DEFAULT 'gate',
    allow_roles text[] DEFAULT '{}',
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    terminate boolean DEFAULT true,
    hold interval DEFAULT '0',
    until timestamptz DEFAULT NULL,
    timeout interval DEFAULT '5 s',
    reason text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'sessionctl_lockdown_server' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.lockdown_server(text, text[], boolean, boolean, boolean, interval, timestamptz, interval, text) IS
'Closes the server to new logins at once, then ends the sessions that it would now refuse. Returns how many are proven gone. unlock_server opens it again. See the reference.';

CREATE FUNCTION sessionctl.unlock_server() RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_unlock_server' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.unlock_server() IS
'Opens the server that lockdown_server closed, at once. False if it was not locked down. See the reference.';

-- Automate

CREATE FUNCTION sessionctl.start_reaper() RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_start_reaper' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.start_reaper() IS
'Starts the reaper until the next restart of the server. False if one runs already. For superusers. See the reference.';

CREATE FUNCTION sessionctl.stop_reaper() RETURNS boolean
AS 'MODULE_PATHNAME', 'sessionctl_stop_reaper' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.stop_reaper() IS
'Stops the reaper until start_reaper or the next restart of the server. False if none runs. For superusers. See the reference.';

CREATE FUNCTION sessionctl._reaper_status(
    OUT running boolean,
    OUT pid integer,
    OUT since timestamptz,
    OUT preloaded boolean,
    OUT limits text,
    OUT next_deadline timestamptz,
    OUT wakeups bigint,
    OUT watched integer,
    OUT exempt integer,
    OUT reaped bigint,
    OUT last_reaped timestamptz,
    OUT hint text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_reaper_status' LANGUAGE C ROWS 1;
COMMENT ON FUNCTION sessionctl._reaper_status() IS
'What the view sessionctl.reaper_status reads. Use the view.';

CREATE VIEW sessionctl.reaper_status AS
SELECT running, pid, since, preloaded, limits, next_deadline, wakeups, watched, exempt, reaped, last_reaped, hint
FROM sessionctl._reaper_status();
COMMENT ON VIEW sessionctl.reaper_status IS
'One row: whether the reaper runs, its limits and its counters. See the reference.';
COMMENT ON COLUMN sessionctl.reaper_status.running IS
'True if a reaper runs.';
COMMENT ON COLUMN sessionctl.reaper_status.pid IS
'Its process ID.';
COMMENT ON COLUMN sessionctl.reaper_status.since IS
'When it started.';
COMMENT ON COLUMN sessionctl.reaper_status.preloaded IS
'True if pg_sessionctl is in shared_preload_libraries.';
COMMENT ON COLUMN sessionctl.reaper_status.limits IS
'The limits of all sessions that have none of their own, and how many sessions have their own. See the reference.';
COMMENT ON COLUMN sessionctl.reaper_status.next_deadline IS
'When it will check the sessions next; NULL: when a session gets a limit.';
COMMENT ON COLUMN sessionctl.reaper_status.wakeups IS
'How often it checked the sessions since the server started.';
COMMENT ON COLUMN sessionctl.reaper_status.watched IS
'Clients'' sessions at its last check.';
COMMENT ON COLUMN sessionctl.reaper_status.exempt IS
'Those of them that were over a limit, and that it leaves alone: superusers and other exemptions.';
COMMENT ON COLUMN sessionctl.reaper_status.reaped IS
'How many sessions it ended since the server started.';
COMMENT ON COLUMN sessionctl.reaper_status.last_reaped IS
'When it ended the last one.';
COMMENT ON COLUMN sessionctl.reaper_status.hint IS
'Why it ends no session, or only some, and what to change; NULL: nothing.';

-- Automate: rules

-- Changed by the functions below alone. The owner is a role by name and by OID: both must be the same role's.
CREATE TABLE sessionctl.session_rule (
    name text PRIMARY KEY,
    condition text NOT NULL,
    action text NOT NULL,
    matching_for interval NOT NULL,
    streak text NOT NULL,
    only_when text,
    check_every interval NOT NULL,
    at_most integer,
    at_most_within interval NOT NULL,
    enabled boolean NOT NULL,
    step interval NOT NULL,
    timeout interval NOT NULL,
    close_socket boolean NOT NULL,
    force boolean NOT NULL,
    reason text,
    include_superusers boolean NOT NULL,
    include_replication boolean NOT NULL,
    include_background boolean NOT NULL,
    refuse_above integer,
    keep integer NOT NULL,
    keep_which text NOT NULL,
    per text,
    cooldown interval NOT NULL,
    owner text NOT NULL,
    owner_oid oid NOT NULL,
    timezone text NOT NULL,
    datestyle text NOT NULL,
    intervalstyle text NOT NULL
);
COMMENT ON TABLE sessionctl.session_rule IS
'The rules, with the settings under which their conditions are read. It is changed by functions alone. See the reference.';
SELECT pg_catalog.pg_extension_config_dump('sessionctl.session_rule', '');

CREATE FUNCTION sessionctl._session_rule_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'sessionctl_session_rule_changed' LANGUAGE C;
COMMENT ON FUNCTION sessionctl._session_rule_changed() IS
'Trigger: only a superuser writes; a new row belongs to the role of its owner''s name; the rules are read again. See the reference.';

CREATE TRIGGER session_rule_row BEFORE INSERT OR UPDATE OR DELETE ON sessionctl.session_rule
FOR EACH ROW EXECUTE PROCEDURE sessionctl._session_rule_changed();
CREATE TRIGGER session_rule_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON sessionctl.session_rule
FOR EACH STATEMENT EXECUTE PROCEDURE sessionctl._session_rule_changed();
ALTER TABLE sessionctl.session_rule ENABLE ALWAYS TRIGGER session_rule_row, ENABLE ALWAYS TRIGGER session_rule_changed;

CREATE FUNCTION sessionctl.create_session_rule(
    name text,
    condition text,
    action text DEFAULT 'log',
    matching_for interval DEFAULT '0',
    streak text DEFAULT 'statement',
    only_when text DEFAULT NULL,
    check_every interval DEFAULT '1 s',
    at_most integer DEFAULT NULL,
    at_most_within interval DEFAULT '1 min',
    enabled boolean DEFAULT true,
    step interval DEFAULT '2 s',
    timeout interval DEFAULT '1 min',
    close_socket boolean DEFAULT false,
    force boolean DEFAULT false,
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT false,
    include_replication boolean DEFAULT false,
    include_background boolean DEFAULT false,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT 0,
    keep_which text DEFAULT 'oldest',
    per text DEFAULT NULL,
    cooldown interval DEFAULT '0'
) RETURNS void
AS 'MODULE_PATHNAME', 'sessionctl_create_session_rule' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.create_session_rule(text, text, text, interval, text, text, interval, integer, interval, boolean, interval, interval, boolean, boolean, text, boolean, boolean, boolean, integer, integer, text, text, interval) IS
'Makes a rule: what the server does by itself with each session that matches the condition. It acts while pg_sessionctl.rules is on. See the reference.';

CREATE FUNCTION sessionctl.alter_session_rule(
    name text,
    condition text DEFAULT NULL,
    action text DEFAULT NULL,
    matching_for interval DEFAULT NULL,
    streak text DEFAULT NULL,
    only_when text DEFAULT NULL,
    check_every interval DEFAULT NULL,
    at_most integer DEFAULT NULL,
    at_most_within interval DEFAULT NULL,
    enabled boolean DEFAULT NULL,
    step interval DEFAULT NULL,
    timeout interval DEFAULT NULL,
    close_socket boolean DEFAULT NULL,
    force boolean DEFAULT NULL,
    reason text DEFAULT NULL,
    include_superusers boolean DEFAULT NULL,
    include_replication boolean DEFAULT NULL,
    include_background boolean DEFAULT NULL,
    refuse_above integer DEFAULT NULL,
    keep integer DEFAULT NULL,
    keep_which text DEFAULT NULL,
    per text DEFAULT NULL,
    cooldown interval DEFAULT NULL,
    reset text[] DEFAULT '{}'
) RETURNS void
AS 'MODULE_PATHNAME', 'sessionctl_alter_session_rule' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.alter_session_rule(text, text, text, interval, text, text, interval, integer, interval, boolean, interval, interval, boolean, boolean, text, boolean, boolean, boolean, integer, integer, text, text, interval, text[]) IS
'Changes what is given of a rule, and sets what reset names back to its default. For its owner and superusers, who take over a rule without owner. See the reference.';

CREATE FUNCTION sessionctl.drop_session_rule(name text) RETURNS void
AS 'MODULE_PATHNAME', 'sessionctl_drop_session_rule' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.drop_session_rule(text) IS
'Removes a rule. For its owner and superusers. See the reference.';

CREATE FUNCTION sessionctl.test_session_rule(name text) RETURNS TABLE (
    session_id text,
    pid integer,
    outcome text,
    usename text,
    datname text,
    application_name text,
    client_addr inet,
    state text,
    elapsed interval,
    detail text
)
AS 'MODULE_PATHNAME', 'sessionctl_test_session_rule' LANGUAGE C ROWS 100;
COMMENT ON FUNCTION sessionctl.test_session_rule(text) IS
'One row for each session that a rule matches: what it would do with it now, run as its owner. It acts on none. See the reference.';

CREATE FUNCTION sessionctl._session_rule_status(
    OUT name text,
    OUT checks bigint,
    OUT matched bigint,
    OUT acted bigint,
    OUT ended bigint,
    OUT held_back bigint,
    OUT errors bigint,
    OUT last_check timestamptz,
    OUT last_acted timestamptz,
    OUT last_error text,
    OUT check_time interval
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_session_rule_status' LANGUAGE C ROWS 10;
COMMENT ON FUNCTION sessionctl._session_rule_status() IS
'What the view sessionctl.session_rules reads. Use the view.';

CREATE VIEW sessionctl.session_rules AS
SELECT r.name, r.owner,
       CASE WHEN pg_catalog.pg_has_role(r.owner_oid, 'USAGE') THEN r.condition END AS condition,
       CASE WHEN pg_catalog.pg_has_role(r.owner_oid, 'USAGE') THEN r.only_when END AS only_when,
       r.action, r.matching_for, r.streak, r.check_every,
       r.at_most, r.at_most_within, r.enabled, r.step, r.timeout, r.close_socket, r.force, r.reason,
       r.include_superusers, r.include_replication, r.include_background,
       r.refuse_above, r.keep, r.keep_which, r.per, r.cooldown,
       s.checks, s.matched, s.acted, s.ended, s.held_back, s.errors,
       s.last_check, s.last_acted, s.last_error, s.check_time
FROM sessionctl.session_rule AS r LEFT JOIN sessionctl._session_rule_status() AS s ON s.name = r.name;
COMMENT ON VIEW sessionctl.session_rules IS
'The rules, and what each has done. Conditions and errors are shown to the owner and to superusers. See the reference.';
COMMENT ON COLUMN sessionctl.session_rules.name IS
'Of the rule.';
COMMENT ON COLUMN sessionctl.session_rules.owner IS
'The role with whose rights it checks and acts.';
COMMENT ON COLUMN sessionctl.session_rules.condition IS
'Selects the sessions, as in terminate_where; NULL: you may not see it.';
COMMENT ON COLUMN sessionctl.session_rules.only_when IS
'The rule is checked only while this is true; NULL: always, or you may not see it.';
COMMENT ON COLUMN sessionctl.session_rules.action IS
'log, notify, drain, cancel, escalate or terminate.';
COMMENT ON COLUMN sessionctl.session_rules.matching_for IS
'How long a session must match at every check.';
COMMENT ON COLUMN sessionctl.session_rules.streak IS
'What ends that time: a new statement, a new transaction, or only the sessions end.';
COMMENT ON COLUMN sessionctl.session_rules.check_every IS
'How often it is checked.';
COMMENT ON COLUMN sessionctl.session_rules.at_most IS
'How many sessions it acts on within at_most_within; NULL: no bound.';
COMMENT ON COLUMN sessionctl.session_rules.at_most_within IS
'The time for at_most.';
COMMENT ON COLUMN sessionctl.session_rules.enabled IS
'Is it checked at all?';
COMMENT ON COLUMN sessionctl.session_rules.step IS
'How long each step of an escalation waits.';
COMMENT ON COLUMN sessionctl.session_rules.timeout IS
'How long a drained session has to finish.';
COMMENT ON COLUMN sessionctl.session_rules.close_socket IS
'Does an escalation close the connection at last?';
COMMENT ON COLUMN sessionctl.session_rules.force IS
'Is a drained session terminated that does not finish in time?';
COMMENT ON COLUMN sessionctl.session_rules.reason IS
'What its clients are told.';
COMMENT ON COLUMN sessionctl.session_rules.include_superusers IS
'Does it act on superusers?';
COMMENT ON COLUMN sessionctl.session_rules.include_replication IS
'Does it act on walsenders?';
COMMENT ON COLUMN sessionctl.session_rules.include_background IS
'Does it act on background processes?';
COMMENT ON COLUMN sessionctl.session_rules.refuse_above IS
'It acts on nobody while more sessions match; NULL: no bound.';
COMMENT ON COLUMN sessionctl.session_rules.keep IS
'How many of the matching sessions it leaves alone.';
COMMENT ON COLUMN sessionctl.session_rules.keep_which IS
'Which ones.';
COMMENT ON COLUMN sessionctl.session_rules.per IS
'The columns for each of whose values it keeps so many; NULL: of all.';
COMMENT ON COLUMN sessionctl.session_rules.cooldown IS
'How long the same logins are refused.';
COMMENT ON COLUMN sessionctl.session_rules.checks IS
'How often it was checked.';
COMMENT ON COLUMN sessionctl.session_rules.matched IS
'Sessions that matched at the last check.';
COMMENT ON COLUMN sessionctl.session_rules.acted IS
'Sessions that it acted on.';
COMMENT ON COLUMN sessionctl.session_rules.ended IS
'Those of them that ended, or whose statement did.';
COMMENT ON COLUMN sessionctl.session_rules.held_back IS
'Sessions that its brakes held back.';
COMMENT ON COLUMN sessionctl.session_rules.errors IS
'Checks that failed.';
COMMENT ON COLUMN sessionctl.session_rules.last_check IS
'When it was last checked.';
COMMENT ON COLUMN sessionctl.session_rules.last_acted IS
'When it last acted.';
COMMENT ON COLUMN sessionctl.session_rules.last_error IS
'Why it is not checked, or failed last; NULL: it did not, or you may not see it.';
COMMENT ON COLUMN sessionctl.session_rules.check_time IS
'How long its checks have taken in all.';

-- Account

CREATE FUNCTION sessionctl._session_audit(
    OUT acted_at timestamptz,
    OUT action text,
    OUT result text,
    OUT session_id text,
    OUT pid integer,
    OUT usename text,
    OUT datname text,
    OUT application_name text,
    OUT client text,
    OUT state text,
    OUT wait_event_type text,
    OUT wait_event text,
    OUT session_age interval,
    OUT xact_age interval,
    OUT query_age interval,
    OUT state_age interval,
    OUT blocking_count integer,
    OUT query_id bigint,
    OUT query text,
    OUT by_session_user text,
    OUT by_current_user text,
    OUT by_session_id text,
    OUT rule text,
    OUT condition text,
    OUT args text,
    OUT cooldown text,
    OUT detail text,
    OUT reason text,
    OUT mark text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_audit' LANGUAGE C ROWS 1000;
COMMENT ON FUNCTION sessionctl._session_audit() IS
'What the view sessionctl.session_audit reads. Use the view.';

CREATE VIEW sessionctl.session_audit AS
SELECT acted_at, action, result, session_id, pid, usename, datname, application_name, client,
       state, wait_event_type, wait_event, session_age, xact_age, query_age, state_age, blocking_count, query_id, query,
       by_session_user, by_current_user, by_session_id, rule, condition, args, cooldown, detail, reason, mark
FROM sessionctl._session_audit();
COMMENT ON VIEW sessionctl.session_audit IS
'The last sessions acted on through pg_sessionctl, and the last lockdowns and unlocks, the oldest first; kept over a clean restart. See the reference.';
COMMENT ON COLUMN sessionctl.session_audit.acted_at IS
'When the result was known, and the line in the server log was written. If the session did not end: when the call stopped waiting for it.';
COMMENT ON COLUMN sessionctl.session_audit.action IS
'What was done. See the reference.';
COMMENT ON COLUMN sessionctl.session_audit.result IS
'The outcome, as terminate_report names it; of a lockdown, its result. See the reference.';
COMMENT ON COLUMN sessionctl.session_audit.session_id IS
'The session acted on, as %c in the server log; NULL: none.';
COMMENT ON COLUMN sessionctl.session_audit.pid IS
'Its process ID.';
COMMENT ON COLUMN sessionctl.session_audit.usename IS
'Its role, or the one that was locked down.';
COMMENT ON COLUMN sessionctl.session_audit.datname IS
'Its database, or the one that was locked down.';
COMMENT ON COLUMN sessionctl.session_audit.application_name IS
'Its application_name.';
COMMENT ON COLUMN sessionctl.session_audit.client IS
'Address and port of its client, or local.';
COMMENT ON COLUMN sessionctl.session_audit.state IS
'What the session did when it was signalled, or asked to end: as in session_activity. See the reference.';
COMMENT ON COLUMN sessionctl.session_audit.wait_event_type IS
'What kind of event it waited for.';
COMMENT ON COLUMN sessionctl.session_audit.wait_event IS
'What it waited for.';
COMMENT ON COLUMN sessionctl.session_audit.session_age IS
'How long it had lasted.';
COMMENT ON COLUMN sessionctl.session_audit.xact_age IS
'How long its transaction had lasted; NULL outside of one.';
COMMENT ON COLUMN sessionctl.session_audit.query_age IS
'How long its statement had run; NULL unless active.';
COMMENT ON COLUMN sessionctl.session_audit.state_age IS
'How long it had been in that state.';
COMMENT ON COLUMN sessionctl.session_audit.blocking_count IS
'How many sessions waited behind it, directly or not.';
COMMENT ON COLUMN sessionctl.session_audit.query_id IS
'Identifier of its statement, or of the last one, with compute_query_id. See the reference.';
COMMENT ON COLUMN sessionctl.session_audit.query IS
'Text of its statement, or of the last one, cut at 500 bytes.';
COMMENT ON COLUMN sessionctl.session_audit.by_session_user IS
'The session user of the caller; for blocker_patience the role that waited; NULL: the reaper.';
COMMENT ON COLUMN sessionctl.session_audit.by_current_user IS
'The current user of the caller, whose rights applied; NULL: the reaper.';
COMMENT ON COLUMN sessionctl.session_audit.by_session_id IS
'The session that asked or, for blocker_patience, waited; or the reaper''s.';
COMMENT ON COLUMN sessionctl.session_audit.rule IS
'The reaper''s rule, the session rule, or blocker_patience; NULL: a call.';
COMMENT ON COLUMN sessionctl.session_audit.condition IS
'The condition that selected the session; of a recipe, the condition that it stands for.';
COMMENT ON COLUMN sessionctl.session_audit.args IS
'The values of its parameters.';
COMMENT ON COLUMN sessionctl.session_audit.cooldown IS
'How long the same logins are refused.';
COMMENT ON COLUMN sessionctl.session_audit.detail IS
'Of a lockdown or unlock: who is let in, as key=value pairs. See the reference.';
COMMENT ON COLUMN sessionctl.session_audit.reason IS
'The reason given, or what the reaper found.';
COMMENT ON COLUMN sessionctl.session_audit.mark IS
'The mark=... of its line in the server log, which no other line has. Each start of the server has its own mark.';

CREATE FUNCTION sessionctl.audit_mark() RETURNS text
AS 'MODULE_PATHNAME', 'sessionctl_audit_mark' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.audit_mark() IS
'The mark of genuine audit lines in the server log (mark=...) since the server started. See the reference.';

CREATE FUNCTION sessionctl._session_stats(
    OUT action text,
    OUT rule text,
    OUT acted_on bigint,
    OUT ended bigint,
    OUT last_at timestamptz,
    OUT stats_reset timestamptz,
    OUT matched bigint,
    OUT held_back bigint,
    OUT errors bigint,
    OUT check_time interval
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sessionctl_stats' LANGUAGE C ROWS 28;
COMMENT ON FUNCTION sessionctl._session_stats() IS
'What the view sessionctl.session_stats reads. Use the view.';

CREATE VIEW sessionctl.session_stats AS
SELECT action, rule, acted_on, ended, last_at, stats_reset, matched, held_back, errors, check_time
FROM sessionctl._session_stats();
COMMENT ON VIEW sessionctl.session_stats IS
'Counters for monitoring: one row for each action, each rule of the reaper and each session rule. See the reference.';
COMMENT ON COLUMN sessionctl.session_stats.action IS
'terminate, drain, cancel, close_socket, log, or a session rule''s action. See the reference.';
COMMENT ON COLUMN sessionctl.session_stats.rule IS
'The reaper''s rule, the session rule, or blocker_patience or yield_after; NULL: a call.';
COMMENT ON COLUMN sessionctl.session_stats.acted_on IS
'Sessions that were signalled, or for log: reported.';
COMMENT ON COLUMN sessionctl.session_stats.ended IS
'Those of them that were proven gone, or for cancel: whose statement ended.';
COMMENT ON COLUMN sessionctl.session_stats.last_at IS
'When that happened last.';
COMMENT ON COLUMN sessionctl.session_stats.stats_reset IS
'When the counters were set to 0.';
COMMENT ON COLUMN sessionctl.session_stats.matched IS
'Of a session rule: as in session_rules.';
COMMENT ON COLUMN sessionctl.session_stats.held_back IS
'Of a session rule: as in session_rules.';
COMMENT ON COLUMN sessionctl.session_stats.errors IS
'Of a session rule: as in session_rules.';
COMMENT ON COLUMN sessionctl.session_stats.check_time IS
'Of a session rule: as in session_rules.';

CREATE FUNCTION sessionctl.reset_session_stats() RETURNS void
AS 'MODULE_PATHNAME', 'sessionctl_reset_session_stats' LANGUAGE C;
COMMENT ON FUNCTION sessionctl.reset_session_stats() IS
'Sets the counters of session_stats to 0. See the reference.';

-- Help

CREATE FUNCTION sessionctl.help() RETURNS TABLE (topic text, name text, purpose text)
LANGUAGE sql ROWS 45 AS $$
VALUES
    ('see', 'session_activity', 'every session, as pg_stat_activity: idle how long, blocking how many, memory, may you act on it'),
    ('see', 'blocking_tree()', 'who blocks whom, as an indented text'),
    ('see', 'session_blocking', 'who blocks whom, as rows: waiter, blocker, lock, and who is due to give way'),
    ('see', 'prepared_transactions', 'what they lock and whom they block, and the command that ends each'),
    ('see', 'vacuum_horizon', 'who keeps VACUUM from removing dead rows, the oldest first, and what to do about each'),
    ('see', 'session_progress', 'the calls under way that act on sessions, and how far each is'),
    ('choose', 'safe_count(condition, ...)', 'how many sessions a call would act on; acts on none'),
    ('choose', 'preview_where(condition, ...)', 'which ones, and why not the others; acts on none'),
    ('end', 'cancel_where(condition, ...)', 'cancel what they run, keep the sessions; with include_background autovacuum, too'),
    ('end', 'terminate_where(condition, ...)', 'end them, return how many are proven gone; those without a client: condition client_gone'),
    ('end', 'terminate_report(condition, ...)', 'the same, with one row a session'),
    ('end', 'drain_where(condition, ...)', 'end each after the transaction it is in'),
    ('end', 'escalate_report(condition, ...)', 'those that do not end: cancel, then terminate, then close the connection'),
    ('end', 'terminate_session(session_id, ...)', 'one session, as the server log names it'),
    ('end', 'terminate_session(pid, ...)', 'the session that has this pid now'),
    ('end', 'cancel_session(session_id, ...)', 'cancel what it runs, keep the session'),
    ('end', 'cancel_session(pid, ...)', 'the same by its pid'),
    ('end', 'terminate_role_sessions(role, ...)', 'all sessions of a role'),
    ('end', 'terminate_database_sessions(database, ...)', 'all sessions in a database'),
    ('end', 'terminate_application_sessions(application, ...)', 'all sessions with this application_name'),
    ('end', 'terminate_idle_in_transaction(older_than, ...)', 'those that have been idle in a transaction for longer than this'),
    ('end', 'terminate_nologin_sessions(...)', 'those whose role may no longer log in, or was dropped'),
    ('unblock', 'terminate_blockers(waiter_pid, ...)', 'end those that this session waits for, and no others'),
    ('unblock', 'cancel_queued_blockers(older_than, ...)', 'cancel what waits for a lock and blocks others only by its request'),
    ('unblock', 'terminate_lock_holders(relation, ...)', 'end all who hold or wait for a lock on a table, its partitions and indexes included'),
    ('keep out', 'lockdown_database(database, ...)', 'close a database to logins and end the sessions in it'),
    ('keep out', 'unlock_database(database)', 'put back what was there before'),
    ('keep out', 'lockdown_role(role, ...)', 'forbid a role to log in and end its sessions'),
    ('keep out', 'unlock_role(role)', 'put back what was there before'),
    ('keep out', 'lockdown_server(...)', 'an emergency, or a restart: only superusers and the roles that you name may log in'),
    ('keep out', 'unlock_server()', 'allow logins again'),
    ('keep out', 'limit_role(role, sessions, ...)', 'set a connection limit, and count or end the sessions above it'),
    ('keep out', 'pause_pool(server, database)', 'make the clients of PgBouncer wait instead of fail'),
    ('keep out', 'resume_pool(server, database)', 'let them continue'),
    ('keep out', 'session_lockdowns', 'what is locked down now, by whom, why, and until when'),
    ('keep out', 'session_limits', 'roles and databases with a connection limit, and how many sessions are above it'),
    ('automate', 'start_reaper()', 'start the process that enforces limits and lock priority, without a restart of the server'),
    ('automate', 'stop_reaper()', 'stop it'),
    ('automate', 'reaper_status', 'does it run, which limits, how many it has ended'),
    ('automate', 'create_session_rule(name, condition, ...)', 'the server acts by itself on sessions that match a condition'),
    ('automate', 'alter_session_rule(name, ...)', 'change a rule'),
    ('automate', 'drop_session_rule(name)', 'remove it'),
    ('automate', 'test_session_rule(name)', 'what it would do now, one row a session; acts on none'),
    ('automate', 'session_rules', 'the rules, and what each has done'),
    ('account', 'session_audit', 'what was done to which session, by whom and why'),
    ('account', 'audit_mark()', 'the mark of genuine lines in the server log'),
    ('account', 'session_stats', 'counters of what was done, for monitoring'),
    ('account', 'reset_session_stats()', 'set them to 0'),
    ('help', 'help()', 'this list')
$$;
COMMENT ON FUNCTION sessionctl.help() IS
'Lists the views and functions, one line each. See the reference.';

-- Privileges, whatever ALTER DEFAULT PRIVILEGES granted or revoked: everybody may read; only these may act:
-- superusers, from PostgreSQL 9.6 on pg_signal_backend, and from 18 on pg_signal_autovacuum_worker. What they may
-- signal is checked again, session by session, as pg_terminate_backend() does. The account is for superusers and, from
-- 10 on, pg_monitor. The server's gate is for superusers, and for whom they grant it.

DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT 'SCHEMA sessionctl' AS object, acl.grantee
        FROM pg_catalog.pg_namespace AS n, pg_catalog.aclexplode(n.nspacl) AS acl
        WHERE n.nspname = 'sessionctl' AND acl.grantee NOT IN (0, n.nspowner)
        UNION
        SELECT 'FUNCTION ' || f.oid::pg_catalog.regprocedure, acl.grantee
        FROM pg_catalog.pg_proc AS f, pg_catalog.aclexplode(f.proacl) AS acl
        WHERE f.pronamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'sessionctl') AND acl.grantee NOT IN (0, f.proowner)
        UNION
        SELECT 'TABLE ' || c.oid::pg_catalog.regclass, acl.grantee
        FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS acl
        WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'sessionctl') AND acl.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %I', granted.object,
                                  pg_catalog.pg_get_userbyid(granted.grantee));
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA sessionctl FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA sessionctl FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sessionctl FROM PUBLIC;
GRANT USAGE ON SCHEMA sessionctl TO PUBLIC;
GRANT SELECT ON sessionctl.session_activity TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._library_version() TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._session_activity() TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._blocked_by(integer) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._blocking_count(integer) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._client_gone(integer, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._memory_bytes(integer, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._cpu_time(integer, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._read_bytes(integer, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._write_bytes(integer, timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._temp_bytes(integer, timestamptz) TO PUBLIC;
GRANT SELECT ON sessionctl.session_blocking, sessionctl.prepared_transactions TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._session_blocking() TO PUBLIC;
GRANT SELECT ON sessionctl.session_progress TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._session_progress() TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.blocking_tree() TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._prepared_transactions() TO PUBLIC;
GRANT SELECT ON sessionctl.vacuum_horizon TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._is_passed_over_by_vacuum(integer) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.safe_count(text, text[], boolean, boolean, boolean, integer, integer, text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.preview_where(text, text[], boolean, boolean, boolean, integer, integer, text, text) TO PUBLIC;
-- Core's own right to ALTER the database or the role is asked for inside.
GRANT EXECUTE ON FUNCTION sessionctl.lockdown_database(text, boolean, boolean, text, interval, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.unlock_database(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.lockdown_role(text, boolean, interval, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.unlock_role(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.limit_role(text, integer, boolean, text, interval, text) TO PUBLIC;
GRANT SELECT ON sessionctl.session_limits TO PUBLIC;
GRANT SELECT ON sessionctl.session_rules TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl._session_rule_status() TO PUBLIC;
GRANT EXECUTE ON FUNCTION sessionctl.help() TO PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'pg_signal_backend') THEN
        GRANT EXECUTE ON FUNCTION sessionctl.cancel_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_report(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.drain_where(text, text[], interval, boolean, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.escalate_report(text, text[], interval, boolean, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.cancel_session(text, interval, text, boolean, boolean, boolean) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.cancel_session(integer, interval, text, boolean, boolean, boolean) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_session(text, interval, text, boolean, boolean, boolean) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_session(integer, interval, text, boolean, boolean, boolean) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_role_sessions(text, interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_database_sessions(text, interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_application_sessions(text, interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_idle_in_transaction(interval, interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_nologin_sessions(interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_blockers(integer, interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.cancel_queued_blockers(interval, interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.terminate_lock_holders(regclass, text, interval, text, boolean, boolean, boolean, integer, integer, text, text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.create_session_rule(text, text, text, interval, text, text, interval, integer, interval, boolean, interval, interval, boolean, boolean, text, boolean, boolean, boolean, integer, integer, text, text, interval) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.alter_session_rule(text, text, text, interval, text, text, interval, integer, interval, boolean, interval, interval, boolean, boolean, text, boolean, boolean, boolean, integer, integer, text, text, interval, text[]) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.drop_session_rule(text) TO pg_signal_backend;
        GRANT EXECUTE ON FUNCTION sessionctl.test_session_rule(text) TO pg_signal_backend;
    END IF;
    -- 18. They may signal autovacuum workers, and sessions of their own roles.
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'pg_signal_autovacuum_worker') THEN
        GRANT EXECUTE ON FUNCTION
            sessionctl.cancel_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text),
            sessionctl.terminate_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval),
            sessionctl.terminate_report(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval),
            sessionctl.drain_where(text, text[], interval, boolean, text, boolean, boolean, boolean, integer, integer, text, text),
            sessionctl.escalate_report(text, text[], interval, boolean, text, boolean, boolean, boolean, integer, integer, text, text),
            sessionctl.cancel_session(text, interval, text, boolean, boolean, boolean),
            sessionctl.cancel_session(integer, interval, text, boolean, boolean, boolean),
            sessionctl.terminate_session(text, interval, text, boolean, boolean, boolean),
            sessionctl.terminate_session(integer, interval, text, boolean, boolean, boolean),
            sessionctl.terminate_database_sessions(text, interval, text, boolean, boolean, boolean, integer, integer, text, text),
            sessionctl.terminate_blockers(integer, interval, text, boolean, boolean, boolean, integer, integer, text, text),
            sessionctl.cancel_queued_blockers(interval, interval, text, boolean, boolean, boolean, integer, integer, text, text),
            sessionctl.terminate_lock_holders(regclass, text, interval, text, boolean, boolean, boolean, integer, integer, text, text)
        TO pg_signal_autovacuum_worker;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'pg_monitor') THEN
        GRANT SELECT ON sessionctl.reaper_status, sessionctl.session_audit, sessionctl.session_stats TO pg_monitor;
        GRANT SELECT ON sessionctl.session_lockdowns TO pg_monitor;
        GRANT EXECUTE ON FUNCTION sessionctl._session_lockdowns() TO pg_monitor;
        GRANT EXECUTE ON FUNCTION sessionctl._reaper_status() TO pg_monitor;
        GRANT EXECUTE ON FUNCTION sessionctl._session_audit() TO pg_monitor;
        GRANT EXECUTE ON FUNCTION sessionctl.audit_mark() TO pg_monitor;
        GRANT EXECUTE ON FUNCTION sessionctl._session_stats() TO pg_monitor;
    END IF;
END
$$;
