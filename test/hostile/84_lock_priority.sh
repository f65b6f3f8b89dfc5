# Lock priority: nobody raises his own or changes another's, whatever a superuser set stays, and a patience ends nobody whom
# the role that waits may not signal, however it is asked for.
# shellcheck shell=bash disable=SC2154,SC2016 # lib.sh sets pid and reply, run the rest; SQL is quoted as it is

if [[ $server_kind == preloaded ]]; then
    sql admin 'CREATE TABLE held (a int)'
    sql admin 'GRANT ALL ON held TO PUBLIC'
    for role in $roles; do
        sql admin "ALTER ROLE $role SET pg_sessionctl.lock_priority = low"
        session riser user="$role" dbname="$database"
        for command in 'SET pg_sessionctl.lock_priority = high' 'SET LOCAL pg_sessionctl.lock_priority = normal' \
            "SELECT set_config('pg_sessionctl.lock_priority', 'high', false)" "SELECT set_config('PG_SESSIONCTL.Lock_Priority', 'normal', true)" \
            "UPDATE pg_settings SET setting = 'high' WHERE name = 'pg_sessionctl.lock_priority'" \
            "ALTER ROLE $role SET pg_sessionctl.lock_priority = high" "ALTER ROLE $role IN DATABASE shop SET pg_sessionctl.lock_priority = high" \
            'ALTER ROLE app SET pg_sessionctl.lock_priority = low' 'ALTER ROLE ALL SET pg_sessionctl.lock_priority = low' \
            'ALTER DATABASE shop SET pg_sessionctl.lock_priority = high' 'ALTER SYSTEM SET pg_sessionctl.lock_priority = high' \
            'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET pg_sessionctl.lock_priority = high AS $f$SELECT 1$f$'; do
            sql riser "SELECT judge.tried(\$c\$$command\$c\$)"
            like "$reply" '^refused: ' "$role: $command"
        done
        sql riser "ALTER ROLE $role RESET ALL"
        sql riser 'RESET ALL'
        sql riser 'DISCARD ALL'
        expect riser 'SHOW pg_sessionctl.lock_priority' low "$role: it is what the superuser said, whatever was reset"
        session riser user="$role" dbname="$database"
        expect riser 'SHOW pg_sessionctl.lock_priority' low "$role: and so it is at the next login"
        says=$(psql -XAtqw -d "user=$role dbname=$database options='-c pg_sessionctl.lock_priority=high'" -c 'SHOW pg_sessionctl.lock_priority' 2>&1) || true
        like "$says" 'permission denied' "$role: nor in its options"
        sql admin "ALTER ROLE $role RESET pg_sessionctl.lock_priority"
    done
    forget riser

    # Everybody waits for one of low priority; signaller has the right to end it, and is not asked.
    sql admin 'ALTER ROLE app SET pg_sessionctl.lock_priority = low'
    session holder user=app dbname="$database"
    sql holder 'BEGIN; LOCK TABLE held'
    for role in ${roles//signaller/}; do
        position=$(log_position)
        session impatient user="$role" dbname="$database"
        sql impatient "SET check_function_bodies = off; SET pg_sessionctl.blocker_patience = '1 ms'; SET pg_sessionctl.blocker_action = terminate"
        sql impatient "CREATE FUNCTION pg_temp.waits() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET pg_sessionctl.blocker_action = escalate AS 'SELECT count(*) FROM held'"
        send impatient 'SELECT pg_temp.waits()'
        until_waiting impatient
        until log_since "$position" | grep -q 'nobody gives way'; do sleep 0.02; done
        like "$(log_since "$position")" "WARNING:  pg_sessionctl: session ${pid[impatient]} has waited" "$role: is told so"
        lives holder "$role: who is in its way lives"
        sql admin "SELECT pg_terminate_backend(${pid[impatient]})"
        forget impatient
    done
    forget holder
    sql admin 'ALTER ROLE app RESET pg_sessionctl.lock_priority'
    sql admin 'DROP TABLE held'
    sql admin 'SELECT judge.take()'
fi
