-- Who blocks whom: what there is to see, and what the recipes for locks refuse. Waits need a second session: test/t.
SELECT attrelid::regclass AS view, attname AS column, format_type(atttypid, atttypmod) AS type
FROM pg_attribute
WHERE attrelid IN ('sessionctl.session_blocking'::regclass, 'sessionctl.prepared_transactions'::regclass) AND attnum > 0
ORDER BY attrelid::regclass::text, attnum;

-- Nobody waits here, and this session is in the way of nobody.
SELECT count(*) FROM sessionctl.session_blocking WHERE pg_backend_pid() IN (waiter_pid, blocker_pid);
SELECT count(*) FROM sessionctl.blocking_tree() AS line WHERE line LIKE '%pid ' || pg_backend_pid() || ' %';
SELECT count(*) FROM sessionctl.prepared_transactions WHERE pg_backend_pid() = ANY (blocks);
SELECT blocked_by, blocking_count FROM sessionctl.session_activity WHERE is_self;

-- Who waits for nobody, and who is not there. (The NOTICE of the first has its process ID.)
SET client_min_messages = warning;
SELECT sessionctl.terminate_blockers(pg_backend_pid());
RESET client_min_messages;
SELECT sessionctl.terminate_blockers(0);
SELECT sessionctl.terminate_blockers(-1);

SELECT sessionctl.terminate_blockers(NULL);
SELECT sessionctl.terminate_blockers(1, timeout := '5000');
SELECT sessionctl.terminate_blockers(1, keep := -1);
SELECT sessionctl.terminate_blockers(1, per := 'nothing');

-- Nobody's request blocks others here.
SELECT sessionctl.cancel_queued_blockers('0');
SELECT sessionctl.cancel_queued_blockers('1000000 years');
SELECT sessionctl.cancel_queued_blockers(NULL);
SELECT sessionctl.cancel_queued_blockers('-1 s');
SELECT sessionctl.cancel_queued_blockers('1 s', timeout := '2 h');

CREATE TABLE regress_sessionctl_t (a int PRIMARY KEY, b text);
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t');
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t', mode) FROM unnest(ARRAY['AccessExclusiveLock', 'access exclusive', 'SHARE', 'RowShareLock']) AS mode;
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t', 'EXCLUSIVELY');
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t', '');
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t', NULL);
SELECT sessionctl.terminate_lock_holders(NULL);
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_nothing');
SELECT sessionctl.terminate_lock_holders(1);
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t', timeout := '-1 s');
-- Never the caller.
BEGIN;
LOCK TABLE regress_sessionctl_t;
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t');
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t', include_superusers := true);
SELECT sessionctl.terminate_lock_holders('regress_sessionctl_t_pkey', include_superusers := true);
ROLLBACK;
DROP TABLE regress_sessionctl_t;

-- Lock priority and patience.
CREATE ROLE regress_sessionctl_low LOGIN;
SET pg_sessionctl.lock_priority = urgent;
SET pg_sessionctl.blocker_action = kill;
SET ROLE regress_sessionctl_low;
SET pg_sessionctl.lock_priority = high;
SET pg_sessionctl.blocker_patience = '500 ms';
SET pg_sessionctl.blocker_action = escalate;
SET pg_sessionctl.yield_after = '2 s';
SHOW pg_sessionctl.blocker_patience;
RESET ROLE;
RESET pg_sessionctl.blocker_patience;
RESET pg_sessionctl.blocker_action;
RESET pg_sessionctl.yield_after;
ALTER ROLE regress_sessionctl_low SET pg_sessionctl.lock_priority = low;
SELECT name, setting, unit, context FROM pg_settings WHERE name ~ '^pg_sessionctl\.(lock_priority|blocker_|yield_)' ORDER BY name;
DROP ROLE regress_sessionctl_low;
