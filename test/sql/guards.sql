-- The settings: their form, who may set them, and a guard rail that names nobody.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_sessionctl;
LOAD 'pg_sessionctl';
\set VERBOSITY terse

SELECT name, setting, context, vartype, min_val FROM pg_settings WHERE name LIKE 'pg\_sessionctl.%' ORDER BY 1;

-- Lists of names: spaces around a name are not part of it, double quotes keep what is inside.
CREATE ROLE regress_sessionctl_a;
CREATE ROLE "regress_sessionctl ""B"", C";
SET pg_sessionctl.protected_roles = 'regress_sessionctl_a';
SET pg_sessionctl.protected_roles = '  regress_sessionctl_a ,"regress_sessionctl ""B"", C"  ';
SELECT sessionctl.safe_count('false');
SET pg_sessionctl.protected_roles = regress_sessionctl_a, regress_sessionctl_a;
SELECT sessionctl.safe_count('false');
SET pg_sessionctl.protected_roles = '';
SELECT sessionctl.safe_count('false');
\set VERBOSITY default
SET pg_sessionctl.protected_roles = 'a,,b';
\set VERBOSITY terse
SET pg_sessionctl.protected_roles = ',a';
SET pg_sessionctl.protected_roles = 'a,';
SET pg_sessionctl.protected_roles = ',';
SET pg_sessionctl.protected_roles = '"a';
SET pg_sessionctl.protected_roles = '""';
SET pg_sessionctl.protected_roles = '"a" b';
SHOW pg_sessionctl.protected_roles;

-- A name that no role has is told each time. Nothing is folded to lower case.
SET pg_sessionctl.protected_roles = 'regress_sessionctl_a, regress_sessionctl_z, REGRESS_SESSIONCTL_A, "regress_sessionctl_a "';
SELECT sessionctl.safe_count('false');
SELECT count(*) FROM sessionctl.session_activity WHERE is_self;
RESET pg_sessionctl.protected_roles;

SET pg_sessionctl.refuse_above = -1;
SET pg_sessionctl.refuse_above = 'many';
SET pg_sessionctl.refuse_above = 10;
SHOW pg_sessionctl.refuse_above;
RESET pg_sessionctl.refuse_above;

-- Superusers only, also by way of a function's or a role's settings.
SET ROLE regress_sessionctl_a;
SET pg_sessionctl.protected_roles = '';
SET pg_sessionctl.refuse_above = 0;
SELECT set_config('pg_sessionctl.refuse_above', '0', false);
ALTER ROLE regress_sessionctl_a SET pg_sessionctl.refuse_above = 0;
SHOW pg_sessionctl.refuse_above;
RESET ROLE;
-- Before the library is loaded the server does not know them and takes anything; then it is dropped.
\c -
SET client_min_messages = warning;
SET ROLE regress_sessionctl_a;
SET pg_sessionctl.refuse_above = 1;
SELECT sessionctl.safe_count('false');
SHOW pg_sessionctl.refuse_above;
RESET ROLE;

-- Oneself is always spared, whatever the options.
SELECT outcome, detail FROM sessionctl.preview_where('is_self', include_superusers := true, include_replication := true, include_background := true);
SELECT sessionctl.terminate_where('is_self', include_superusers := true, include_replication := true, include_background := true);
SET client_min_messages = notice;
SELECT sessionctl.terminate_where('pid = pg_backend_pid()');
SELECT sessionctl.cancel_where('is_self', timeout := '0');
SELECT sessionctl.safe_count('is_self', refuse_above := 1);

DROP ROLE regress_sessionctl_a;
DROP ROLE "regress_sessionctl ""B"", C";
