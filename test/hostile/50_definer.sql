SECURITY DEFINER functions: the author of a condition, or the caller of a fixed one, gains no privilege of the owner.

-- 1. Names, subqueries and functions that read what the caller may not
CREATE FUNCTION pg_temp.tried(condition text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE n bigint;
BEGIN
    n := wrap.count_matching(condition);
    RETURN 'taken: ' || condition;
EXCEPTION
    WHEN internal_error THEN RETURN 'not ok: ' || SQLERRM;
    WHEN OTHERS THEN RETURN 'refused: ' || SQLSTATE;
END
$f$;
SELECT pg_temp.tried(v.condition || ' and pid > 0') FROM (VALUES
    ('(select max(rolpassword) from pg_authid) is null'), ('exists (select 1 from vault.secret)'), ('exists (select 1 from pg_catalog.pg_authid)'), ('pid in (select 1)'), ('array(select 1) is not null'), ('exists (values (1))'), ('(with x as (select 1) select true from x)'),
    ('has_table_privilege(''vault.secret'', ''select'')'), ('has_database_privilege(''shop'', ''create'')'), ('has_schema_privilege(''vault'', ''usage'')'), ('pg_has_role(''boss'', ''usage'')'), ('has_any_column_privilege(''vault.secret'', ''select'')'),
    ('table_to_xml(''vault.secret'', true, false, '''') is not null'), ('query_to_xml(''select 1'', true, false, '''') is not null'), ('cursor_to_xml(''c'', 1, true, false, '''') is not null'), ('database_to_xml(true, false, '''') is not null'), ('schema_to_xml(''vault'', true, false, '''') is not null'),
    ('current_setting(''data_directory'') is not null'), ('current_setting(''config_file'', true) is not null'), ('set_config(''a.b'', ''c'', false) is not null'), ('pg_read_file(''postgresql.conf'') is not null'), ('pg_ls_dir(''.'') is not null'), ('pg_stat_file(''.'') is not null'), ('lo_import(''postgresql.conf'') > 0'), ('lo_get(1) is not null'), ('loread(1, 1) is not null'),
    ('to_regclass(''vault.secret'') is not null'), ('''vault.secret''::regclass is not null'), ('''boss''::regrole is not null'), ('''now()''::regprocedure is not null'), ('''vault''::regnamespace is not null'), ('pid::regclass is not null'), ('usename::regrole is not null'),
    ('pg_get_functiondef(1) is not null'), ('pg_get_viewdef(1) is not null'), ('pg_get_expr(''x'', 1) is not null'), ('pg_relation_size(''vault.secret'') > 0'), ('pg_database_size(''postgres'') > 0'), ('pg_tablespace_size(''pg_default'') > 0'), ('obj_description(1) is null'), ('format_type(1, 2) is not null'), ('pg_describe_object(1, 1, 1) is null'),
    ('pg_terminate_backend(pid)'), ('pg_cancel_backend(pid)'), ('pg_sleep(1) is null'), ('pg_advisory_lock(1) is null'), ('nextval(''x'') > 0'), ('currval(''x'') > 0'), ('txid_current() > 0'), ('pg_notify(''a'', ''b'') is null'), ('pg_logical_emit_message(false, ''a'', ''b'') is not null'), ('dblink_connect(''dbname=shop'') is not null'), ('public.dblink(''x'') is not null'),
    ('sessionctl.safe_count(''true'') > 0'), ('sessionctl.terminate_where(''true'') > 0'), ('sessionctl._blocking_count(pid) > 0'), ('safe_count(''true'') > 0'), ('_blocked_by(pid) is not null'), ('pg_temp.strike()'), ('pg_temp.strikes(pid)'), ('strike()'), ('xpath(''/a'', ''<a/>''::xml) is null'), ('xmlparse(document ''<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'') is not null'),
    ('row_to_json(s) is not null'), ('to_json(s) is not null'), ('s::text is not null'), ('json_populate_record(s, ''{}'') is null'), ('array_agg(pid) is null'), ('string_agg(query, '''') is null'), ('pg_typeof(pid)::text = ''x'''), ('pg_typeof(pid) = ''vault.secret''::regtype'), ('ts_stat(''select 1'') is null'), ('to_tsvector(query) is not null'), ('pg_stat_get_activity(pid) is null'),
    ('pg_stat_get_backend_activity(1) is null'), ('pg_lock_status() is null'), ('pg_show_all_settings() is null'), ('pg_hba_file_rules() is null'), ('inet_server_addr() is null'), ('version() is not null'), ('pg_postmaster_start_time() is not null'), ('pg_conf_load_time() is not null')) AS v (condition);
-- never: taken: .*(select|values|has_|_to_xml|query_to|cursor|schema_to|database_to|data_directory|config_file|set_config|pg_read|pg_ls|pg_stat_file|lo_|loread|to_reg|pg_get|_size|pg_term|pg_canc|sleep|advis|nextval|currval|txid|notify|logical|dblink|sessionctl|safe_count|_blocked|strike|populate)

-- 2. The words of an error are withheld whenever it comes: while it runs, while it is planned, while it is analysed
SELECT judge.wrapped(v.condition) FROM (VALUES ('query::integer = pid'), ('(query || ''x'')::integer = pid'), ('substring(query, 1)::date is null'), ('query::json is null'), ('query ~ (query || ''['')'),
    ('case when usename = ''app'' then query::integer = 1 else true end'), ('1 / 0 = pid'), ('pid = any (query::integer[])'), ('repeat(query, 1000000000) = query'), ('query like query || ''\''')) AS v (condition);
SELECT judge.wrapped('usename = $1 and query::integer = $2', '{app,1}');

-- 3. A fixed condition is read as it was written, whatever its caller has set
CREATE FUNCTION pg_temp.tried(parameter text, value text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    IF parameter = 'standard_conforming_strings' AND value = 'off' AND current_setting('server_version_num')::integer >= 190000 THEN
        RETURN 'standard_conforming_strings = off, which this server does not know any more';
    END IF;
    PERFORM set_config(parameter, value, false);
    RETURN format('%s = %s: %s', parameter, value, wrap.count_backslash());
EXCEPTION WHEN OTHERS THEN RETURN format('%s = %s: %s', parameter, value, SQLERRM);
END
$f$;
SELECT pg_temp.tried(v.parameter, v.value) FROM (VALUES ('standard_conforming_strings', 'off'), ('backslash_quote', 'on'), ('standard_conforming_strings', 'on'), ('transform_null_equals', 'on'), ('array_nulls', 'off'), ('xmloption', 'document'),
    ('search_path', 'pg_temp'), ('DateStyle', 'German'), ('IntervalStyle', 'sql_standard'), ('TimeZone', 'UTC+14'), ('bytea_output', 'escape'), ('client_encoding', 'LATIN1')) AS v (parameter, value);
-- never: : [^2]
-- want: standard_conforming_strings = off(: 2|, which this server does not know any more)

-- 4. The guide's wrapper, its values and its caller's settings
SET standard_conforming_strings = off;
SELECT wrap.end_report('app'' or true --');
SELECT wrap.end_report('\\'' or true --');
SELECT wrap.end_report(E'app\\' or true --');
SELECT wrap.end_report('postgres'), wrap.end_report('boss'), wrap.end_report(NULL), wrap.end_report(''), wrap.end_report('app');
-- never: [1-9] ended

-- 5. One's own SECURITY DEFINER function, called by a superuser, in his condition and around it
-- as: dbowner
DROP SCHEMA IF EXISTS lair CASCADE;
CREATE SCHEMA lair; GRANT USAGE ON SCHEMA lair TO PUBLIC;
CREATE FUNCTION lair.strikes(anyelement) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    IF current_user IN ('boss', 'postgres') THEN RAISE WARNING 'struck as %', current_user; END IF;
    RETURN true;
END
$f$;
CREATE DOMAIN lair.trap AS text CHECK (lair.strikes(value));
CREATE FUNCTION lair.mine(condition text) RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql AS $f$
BEGIN
    PERFORM lair.strikes(1);
    RETURN sessionctl.safe_count(condition);
END
$f$;
-- superuser:
SELECT lair.mine('pid > 0') > 0, lair.mine('usename = ''app''');
SELECT lair.mine('''{a}''::lair.trap[] is not null and pid > 0');
SELECT lair.mine('lair.strikes(pid)');
SET ROLE dbowner;
SELECT sessionctl.safe_count('lair.strikes(pid)') >= 0;
SELECT sessionctl.safe_count('''{a}''::lair.trap[] is not null and query is not null') >= 0;
RESET ROLE;
DROP SCHEMA lair CASCADE;

-- 6. Counting what one may not see: by order, by a sum, by an error
CREATE FUNCTION pg_temp.tell(text, text) RETURNS boolean STABLE LANGUAGE plpgsql AS $f$
BEGIN
    IF $1 = 'app' AND $2 IS NOT NULL THEN RAISE WARNING 'seen: %', $2; END IF;
    RETURN true;
END
$f$;
SELECT sessionctl.safe_count('pg_temp.tell(usename::text, state_change::text)') > 0;
SELECT count(*) FROM sessionctl.session_activity AS a WHERE usename = 'app' AND (a.state_change IS NOT NULL OR a.xact_start IS NOT NULL OR a.client_port IS NOT NULL OR a.idle_for IS NOT NULL);
-- as: plain dbowner createrole replicator signaller
-- never: seen

-- 7. Whom keep spares is no order by what one may not see
-- as: plain createrole replicator
SELECT count(DISTINCT chosen.pids) FROM (SELECT array_agg(pid ORDER BY pid) AS pids FROM (SELECT DISTINCT ON (k.which) k.which, p.pid FROM (VALUES ('longest_idle'), ('busiest'), ('oldest'), ('newest')) AS k (which),
    LATERAL sessionctl.preview_where('usename = ''app''', keep := 1, keep_which := k.which) AS p WHERE p.outcome <> 'chosen' ORDER BY k.which) AS d GROUP BY d.which) AS chosen;
