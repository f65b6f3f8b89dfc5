# The reaper process restarts after a crash, and stays stopped after stop_reaper.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

reaper_pid() { sql admin 'SELECT pid FROM sessionctl.reaper_status'; }

# A worker that dies of something comes back, too, and only the log tells.
is_unharmed() { # is_unharmed TEST: since $position
    is "$(log_since "$position" | grep -E 'worker.* .?pg_sessionctl reaper.* exited with' || true)" '' "$1"
}

works() { # works TEST
    sessions idler
    sql idler 'BEGIN; SELECT 1'
    is_reaped idler idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
    is_ended idler "$1"
}

configure_reaper "idle_in_transaction_timeout = '300 ms'"
works 'it works'
reaper_pid
first=$reply
expect admin "SELECT pg_terminate_backend($first)" t 'the reaper is hit by accident'
until_true 'the reaper is back' "SELECT running AND pid <> $first FROM sessionctl.reaper_status"
works 'it is back, and works'

expect admin 'SELECT sessionctl.start_reaper()' $'NOTICE:  the reaper is already running\nf' 'one reaper a cluster'
expect admin 'SELECT sessionctl.stop_reaper()' t 'stop_reaper'
expect admin 'SELECT running, pid IS NULL, hint FROM sessionctl.reaper_status' 'f|t|Call sessionctl.start_reaper().' 'it runs no more'
expect admin 'SELECT sessionctl.stop_reaper()' $'NOTICE:  the reaper is not running\nf' 'nothing to stop'
# Who was idle while nobody looked is the next one's.
sessions left
sql left 'BEGIN; SELECT 1'
until_idle_in_transaction left
expect admin 'SELECT sessionctl.start_reaper()' \
    $'NOTICE:  this reaper runs until the next restart of the server, which then starts its own\nt' 'start_reaper'
is_reaped left idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
works 'the new one works'

sessions plain
for call in start_reaper stop_reaper; do
    sql plain "SELECT sessionctl.$call()"
    like "$reply" "ERROR:  permission denied for function $call" "$call is not for everybody"
    sql admin "GRANT EXECUTE ON FUNCTION sessionctl.$call() TO app"
    sql plain "SELECT sessionctl.$call()"
    like "$reply" 'ERROR:  must be superuser to (start|stop) the reaper' "$call is for superusers only"
    sql admin "REVOKE EXECUTE ON FUNCTION sessionctl.$call() FROM app"
done

# It is connected to no database, and stops at once with the server.
sql admin 'CREATE DATABASE doomed'
expect admin 'DROP DATABASE doomed' '' 'DROP DATABASE does not wait for it'
reaper_pid
before=$reply
end_sessions
restart_server
position=$(log_position)
session admin
until_true 'the server has started its own' "SELECT running AND pid <> $before FROM sessionctl.reaper_status"
works 'after a restart the server has its own again'
is_unharmed 'the first session that it ends is no trouble'

# A bad value: at reload the old one stays, and the log tells.
position=$(log_position)
configure "pg_sessionctl.idle_in_transaction_timeout = 'soon'"
until_logged 'invalid value for parameter "pg_sessionctl.idle_in_transaction_timeout": "soon"'
works 'the limit is what it was'
configure_reaper
