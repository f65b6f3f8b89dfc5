# Lockdowns of databases and roles, and connection limits.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

refusal() { # refusal DATABASE USER: what a login is told, nothing where it is let in; then it has gone again
    local said
    if said=$(psql -XAtqw -d "dbname=$1 user=$2" -c 'SELECT pg_backend_pid()' 2>&1); then
        until_true "$said to end" "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $said)" >&2
    else
        head -n 1 <<<"$said"
    fi
}

door() { # door DATABASE
    sql admin "SELECT datconnlimit, datallowconn FROM pg_database WHERE datname = '$1'"
    printf '%s' "$reply"
}

sql admin 'CREATE DATABASE shop CONNECTION LIMIT 7'
session inside dbname=shop user=app
session chief dbname=shop user=boss
expect admin "SELECT sessionctl.lockdown_database('shop', reason := 'restore')" \
    $'NOTICE:  matched 2: 1 ended, 1 spared (superuser)\n1' 'lockdown_database ends all but superusers'
is_ended inside
lives chief
like "$(refusal shop app)" 'too many connections for database "shop"' 'and keeps them out'
is "$(refusal shop boss)" '' 'but superusers'
expect admin 'SELECT kind, name, method, reason, connected, restores_to, changed FROM sessionctl.session_lockdowns' \
    'database|shop|connection limit 0|restore|1|connection limit 7|' 'session_lockdowns tells'
expect admin "SELECT sessionctl.lockdown_database('shop', include_superusers := true)" 1 'superusers on request'
like "$(refusal shop boss)" 'not currently accepting connections' 'are kept out'
is "$(door shop)" '0|f' 'by both'
expect admin "SELECT sessionctl.unlock_database('shop')" t 'unlock_database'
is "$(door shop)" '7|t' 'puts back what was before the first'
is "$(refusal shop app)" '' 'and lets in'
sql admin "SELECT sessionctl.unlock_database('shop')"
like "$reply" 'database "shop" is not locked down' 'unlocked already'

sql admin "SELECT sessionctl.lockdown_database('shop'); ALTER DATABASE shop CONNECTION LIMIT 5"
sql admin "SELECT sessionctl.unlock_database('shop')"
like "$reply" 'was changed to 5 after its lockdown and is kept' 'a limit set by hand'
is "$(door shop)" '5|t' 'stays'

sql admin "BEGIN; SELECT sessionctl.lockdown_database('shop')"
like "$reply" 'lockdown_database cannot run inside a transaction block' 'not in a transaction block'
sql admin 'ROLLBACK'
sql admin "SELECT 1 / (sessionctl.lockdown_database('shop') * 0)"
like "$reply" 'division by zero' 'an error in the same statement'
is "$(door shop)" '5|t' 'undoes it'
sql admin "SELECT sessionctl.lockdown_database('shop'), pg_sleep(600)"
like "$reply" 'canceling statement' 'a statement that would hold the lock on'
is "$(door shop)" '5|t' 'is undone'

session rival
sql rival 'BEGIN; ALTER DATABASE shop CONNECTION LIMIT 9'
sql admin "SELECT sessionctl.lockdown_database('shop')"
like "$reply" 'another session is changing the same database or role' 'an open ALTER DATABASE'
sql rival "ROLLBACK; BEGIN; COMMENT ON DATABASE shop IS 'ours'"
sql admin "SELECT sessionctl.lockdown_database('shop')"
like "$reply" 'could not lock logins to database "shop" within 1000 ms' 'a lock on the database'
is "$(refusal shop app)" '' 'nobody has to wait afterwards'
sql rival ROLLBACK

# Past every check, and no session yet.
PGOPTIONS='-c post_auth_delay=600' psql -Xqw -d 'dbname=shop user=app' -c 'SELECT 1' >"$scratch/late" 2>&1 &
late=$!
until_login_is_delayed
sql admin "SELECT sessionctl.lockdown_database('shop')"
like "$reply" '^(NOTICE:  matched 1: 1 already gone'$'\n'')?[01]$' 'a login under way does not hold it up'
wait "$late" || true
like "$(<"$scratch/late")" 'terminating connection due to administrator command|server closed the connection' 'it is ended'
sql admin "SELECT sessionctl.unlock_database('shop')"

session worker user=app
expect admin "SELECT sessionctl.lockdown_role('app')" 1 'lockdown_role ends its sessions'
is_ended worker
like "$(refusal postgres app)" 'role "app" is not permitted to log in' 'and keeps it out'
expect admin "SELECT sessionctl.unlock_role('app')" t 'unlock_role'
is "$(refusal postgres app)" '' 'lets it in'
sql admin "BEGIN; SELECT sessionctl.lockdown_role('app')"
session latecomer user=app
sql admin COMMIT
until_gone latecomer
ok 'who came in until the commit is ended'
sql admin "SELECT sessionctl.unlock_role('app')"
PGOPTIONS='-c post_auth_delay=600' psql -Xqw -d 'dbname=postgres user=app' -c 'SELECT 1' >"$scratch/late" 2>&1 &
late=$!
until_login_is_delayed
sql admin "SELECT sessionctl.lockdown_role('app')"
wait "$late" || true
like "$(<"$scratch/late")" 'terminating connection due to administrator command|server closed the connection' 'so is who was logging in'
sql admin "SELECT sessionctl.unlock_role('app')"

# From 9.5 on one worker takes them all, and the server has eight; a sweep just before may still have one.
sql admin "DO \$\$ BEGIN FOR n IN 1..9 LOOP EXECUTE 'CREATE ROLE crowd_' || n || ' LOGIN'; END LOOP; END \$\$"
sql admin "SELECT sum(sessionctl.lockdown_role('crowd_' || n)) FROM generate_series(1, 9) AS n"
if (($(server_version_num) >= 90500)); then
    is "$reply" 0 'nine roles at once'
    sql admin "SELECT bool_and(sessionctl.unlock_role('crowd_' || n)) FROM generate_series(1, 9) AS n"
else
    like "$reply" 'there is no free background worker slot' 'nine roles at once: a worker for each'
fi

sessions one two three
expect admin "SELECT sessionctl.limit_role('app', 2)" 1 'limit_role tells how many are over it'
expect admin 'SELECT * FROM sessionctl.session_limits ORDER BY kind' $'database|shop|5|0|0\nrole|app|2|3|1' 'so does session_limits'
expect admin "SELECT sessionctl.limit_role('app', 2, terminate := true, keep_which := 'newest')" \
    $'NOTICE:  matched 3: 1 ended, 2 spared (kept)\n0' 'and ends the excess'
is_ended one
lives three
expect admin "SELECT sessionctl.limit_role('app', -1)" 0 'no limit'
