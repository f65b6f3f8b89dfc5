# A role, a database, and a role in a database can have limits of their own, which their sessions cannot change.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

limit=pg_sessionctl.idle_in_transaction_timeout
configure_reaper "idle_in_transaction_timeout = '1 h'"
for role in hasty calm guest; do sql admin "CREATE ROLE $role LOGIN"; done
for database in quick slow; do sql admin "CREATE DATABASE $database"; done
sql admin "ALTER ROLE hasty SET $limit = '300 ms'; ALTER DATABASE quick SET $limit = '400 ms';
    ALTER ROLE guest IN DATABASE slow SET $limit = '500 ms';
    ALTER ROLE calm SET $limit = 0"

# The reaper, which sleeps for an hour, is woken by the login.
session by_role user=hasty
session by_database user=app dbname=quick
session by_both user=guest dbname=slow
session elsewhere user=guest
session off user=calm dbname=quick
session usual user=app
for wanted in 'by_role 300ms' 'by_database 400ms' 'by_both 500ms' 'elsewhere 1h' 'off 0' 'usual 1h'; do
    expect "${wanted% *}" "SHOW $limit" "${wanted#* }" "SHOW tells session ${wanted% *} its own limit"
done

# A limit is nothing for its own role to change.
session rebel user=hasty
for command in "SET $limit = 0" "SET LOCAL $limit = 0" "ALTER ROLE hasty SET $limit = 0" "SELECT set_config('$limit', '0', false)"; do
    sql rebel "$command"
    like "$reply" "ERROR:  permission denied to set parameter \"$limit\"" "permission denied: $command"
done
sql rebel "SELECT set_config('application_name', 'rebel', false); RESET $limit; RESET ALL; DISCARD ALL"
expect rebel "SHOW $limit" 300ms 'no way back to the default'

for name in elsewhere off usual by_role by_database by_both rebel; do sql "$name" 'BEGIN; SELECT 1'; done
is_reaped by_role idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
is_reaped rebel idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
is_reaped by_database idle_in_transaction_timeout '400 ms' 'The session was idle in transaction for TIME'
is_reaped by_both idle_in_transaction_timeout '500 ms' 'The session was idle in transaction for TIME'
for name in elsewhere off usual; do lives "$name"; done

# A limit of one's own is no matter of the configuration.
configure_reaper "idle_in_transaction_timeout = '300 ms'"
is_reaped usual idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
is_reaped elsewhere idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
lives off 'an own limit of 0 stays off'

# Superusers may, for a session: it is obeyed at once.
session own user=boss
configure_reaper 'reap_superusers = on'
sql own "SET $limit = '300 ms'"
sql own 'BEGIN; SELECT 1'
is_reaped own idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'

configure_reaper
disconnect off
for database in quick slow; do sql admin "DROP DATABASE $database"; done
sql admin 'DROP ROLE hasty, calm, guest'
