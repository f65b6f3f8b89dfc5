# A reaper without a restart, on a server that does not preload the library: the configuration's limits, and no account.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

status='SELECT running, preloaded, limits IS NULL, reaped IS NULL, hint FROM sessionctl.reaper_status'
hint='pg_sessionctl is not in shared_preload_libraries: the reaper does not see limits that SET, ALTER ROLE or ALTER DATABASE set, runs until the next restart of the server, and keeps no statistics.'

expect admin "$status" "f|f|t|t|$hint" 'reaper_status tells what is missing'
for view in session_audit session_stats; do
    sql admin "SELECT 1 FROM sessionctl.$view"
    like "$reply" "ERROR:  $view needs the library to be preloaded.HINT:  Add pg_sessionctl to shared_preload_libraries and restart the server[.]" \
        "so does $view"
done
expect admin 'SELECT sessionctl.stop_reaper()' $'NOTICE:  the reaper is not running\nf' 'nothing to stop'

sessions plain
sql plain 'SELECT sessionctl.start_reaper()'
like "$reply" 'ERROR:  permission denied for function start_reaper' 'start_reaper is not for everybody'
expect admin 'SELECT sessionctl.start_reaper()' \
    $'NOTICE:  this reaper runs until the next restart of the server, and does not see limits that ALTER ROLE or ALTER DATABASE set\nHINT:  Add pg_sessionctl to shared_preload_libraries and restart the server.\nt' \
    'start_reaper tells what it is without preloading'
expect admin "$status" "t|f|t|t|$hint" 'it runs'
expect admin 'SELECT sessionctl.start_reaper()' $'NOTICE:  the reaper is already running\nf' 'one reaper a cluster'

# It obeys the configuration, and spares whom it must.
sessions idler aborted
session vboss user=boss
for name in idler vboss; do sql "$name" 'BEGIN; SELECT 1'; done
sql aborted 'BEGIN; SELECT 1/0'
position=$(log_position)
configure "pg_sessionctl.idle_in_transaction_timeout = '300 ms'"
until_gone idler
until_gone aborted
is_ended idler
is_ended aborted
until_logged "pg_sessionctl: mark=[0-9a-f]* action=terminate result=\"terminated\" .* pid=${pid[idler]} .* rule=\"idle_in_transaction_timeout\" "
lives plain
lives vboss

sql admin 'CREATE DATABASE doomed'
expect admin 'DROP DATABASE doomed' '' 'DROP DATABASE does not wait for it'
configure
expect admin 'SELECT sessionctl.stop_reaper()' t 'stop_reaper'
expect admin "$status" "f|f|t|t|$hint" 'it runs no more'
