-- Default privileges neither give away nor take what the script grants.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_sessionctl;
CREATE ROLE regress_sessionctl_stranger;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO regress_sessionctl_stranger;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_sessionctl_stranger;
CREATE EXTENSION pg_sessionctl;

SELECT has_schema_privilege('regress_sessionctl_stranger', 'sessionctl', 'USAGE') AS uses,
       has_schema_privilege('regress_sessionctl_stranger', 'sessionctl', 'CREATE') AS creates;
SELECT p.proname, count(*) AS may_call
FROM pg_proc AS p
WHERE p.pronamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = 'sessionctl')
  AND has_function_privilege('regress_sessionctl_stranger', p.oid, 'EXECUTE')
GROUP BY p.proname ORDER BY p.proname::text COLLATE "C";
SELECT has_table_privilege('regress_sessionctl_stranger', 'sessionctl.session_activity', 'SELECT') AS looks,
       has_table_privilege('regress_sessionctl_stranger', 'sessionctl.session_activity', 'INSERT') AS writes;
SET ROLE regress_sessionctl_stranger;
SELECT count(*) > 0 AS sees FROM sessionctl.session_activity;
RESET ROLE;

ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM regress_sessionctl_stranger;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_sessionctl_stranger;
DROP EXTENSION pg_sessionctl;
DROP ROLE regress_sessionctl_stranger;
CREATE EXTENSION pg_sessionctl;
