# What pg_stat_activity hides from a role is hidden here, too, and cannot be found by a condition.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

version=$(server_version_num)
sessions own other
session stranger user=app
sql admin 'CREATE ROLE outsider LOGIN'
session outsider user=outsider
sql other "SELECT 'a secret'"
row="pid, datname, usename, application_name, session_id IS NULL, backend_start IS NULL, state IS NULL, query IS NULL, query_start IS NULL"
expect outsider "SELECT $row FROM sessionctl.session_activity WHERE pid = ${pid[other]}" \
    "${pid[other]}|postgres|app|other|t|t|t|t|t" 'of others only who and where'
expect own "SELECT $row FROM sessionctl.session_activity WHERE pid = ${pid[other]}" \
    "${pid[other]}|postgres|app|other|f|f|f|f|f" 'of the own role everything'
expect admin "SELECT $row FROM sessionctl.session_activity WHERE pid = ${pid[other]}" \
    "${pid[other]}|postgres|app|other|f|f|f|f|f" 'for superusers, too'
expect outsider "SELECT sessionctl.safe_count(\$\$query LIKE '%a secret%' AND NOT is_self\$\$)" 0 'a condition sees NULL there'
expect outsider "SELECT sessionctl.safe_count(\$\$query IS NOT NULL AND pid <> pg_backend_pid()\$\$)" 0 'in all of them'
expect outsider "SELECT count(*) FROM sessionctl.session_activity WHERE query LIKE '%a secret%' AND NOT is_self" 0 'and so does a query'
# Core of 9.4 to today: the columns that it shows of strangers.
shown='pid, datid, datname::text, usesysid, usename::text, application_name'
expect outsider "SELECT count(*) FROM (
    SELECT $shown FROM sessionctl.session_activity WHERE application_name <> ''
    EXCEPT SELECT $shown FROM pg_stat_activity) AS more" 0 'nothing that core does not show'
expect outsider "SELECT count(*) FROM (
    SELECT $shown FROM pg_stat_activity WHERE application_name <> ''
    EXCEPT SELECT $shown FROM sessionctl.session_activity) AS less" 0 'and nothing less'
if ((version >= 100000)); then
    sql admin 'GRANT pg_read_all_stats TO outsider'
    expect outsider "SELECT query FROM sessionctl.session_activity WHERE pid = ${pid[other]}" "SELECT 'a secret';" \
        'pg_read_all_stats sees it (10)'
    sql admin 'REVOKE pg_read_all_stats FROM outsider'
fi
if ((version >= 90500)); then
    sql admin 'GRANT app TO outsider'
    expect outsider "SELECT query FROM sessionctl.session_activity WHERE pid = ${pid[other]}" "SELECT 'a secret';" \
        'so do members of the role (9.5)'
fi

# The same columns everywhere; and core's are core's.
expect admin "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = 'sessionctl.session_activity'::regclass AND attnum > 0 AND NOT attisdropped" \
    'session_id pid backend_start backend_type datid datname usesysid usename application_name client_addr client_hostname client_port state state_change xact_start query_start wait_event_type wait_event waiting backend_xid backend_xmin leader_pid query_id query idle_for idle_in_transaction_for xact_age query_age session_age is_superuser can_login is_self blocked_by blocking_count client_gone memory_bytes cpu_time read_bytes write_bytes temp_bytes protection' \
    'the columns are the same on every version'
sql own 'BEGIN; CREATE TEMP TABLE mine (a int)'
same='pid, backend_start, datid, datname::text, usesysid, usename::text, application_name, client_addr, client_hostname, client_port, state, state_change, xact_start, query_start, backend_xid, backend_xmin, query'
expect admin "SELECT count(*) FROM (
    SELECT $same FROM sessionctl.session_activity WHERE application_name IN ('own', 'other', 'stranger')
    EXCEPT SELECT $same FROM pg_stat_activity) AS different" 0 'core says the same of everything it knows'
expect admin "SELECT count(DISTINCT session_id) FROM sessionctl.session_activity WHERE application_name IN ('own', 'other')" \
    2 'a session_id each'
expect admin "SELECT backend_type FROM sessionctl.session_activity WHERE pid = ${pid[own]}" 'client backend' 'backend_type'

# Ages come from state_change, and the view is fresh inside a transaction.
sql admin 'BEGIN; SELECT count(*) FROM pg_stat_activity, sessionctl.session_activity'
session late user=app
expect admin "SELECT count(*) FROM sessionctl.session_activity WHERE pid = ${pid[late]}" 1 \
    'who came after the transaction began is seen in it'
sql admin 'COMMIT'
expect admin "SELECT idle_in_transaction_for IS NOT NULL, xact_age >= idle_in_transaction_for, query_age IS NULL
    FROM sessionctl.session_activity WHERE pid = ${pid[own]}" 't|t|t' 'ages of one that is idle in a transaction'
