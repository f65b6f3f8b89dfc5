# Two superusers who lock each other out at the same time: one of them stays.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pid and reply

session here user=postgres dbname="$database"
session there user=boss dbname="$database"
for first in here there; do
    if [[ $first == here ]]; then second=there victim=boss other=postgres; else second=here victim=postgres other=boss; fi
    sql "$first" "BEGIN; SELECT sessionctl.lockdown_role('$victim', terminate := false)"
    send "$second" "BEGIN; SELECT sessionctl.lockdown_role('$other', terminate := false)"
    until_true 'the other one has done it, or waits' "SELECT state = 'idle in transaction' OR EXISTS (SELECT 1 FROM pg_locks WHERE pid = ${pid[$second]} AND NOT granted)
        FROM pg_stat_get_activity(${pid[$second]})"
    sql "$first" 'COMMIT'
    receive "$second"
    sql "$second" 'COMMIT'
    sql admin 'SELECT count(*) FROM pg_roles WHERE rolsuper AND rolcanlogin'
    is "$reply" 1 "one superuser may log in, when $first began"
    sql admin "SELECT sessionctl.unlock_role('postgres'), sessionctl.unlock_role('boss')"
    sql admin 'ALTER ROLE postgres LOGIN; ALTER ROLE boss LOGIN; ALTER ROLE postgres RESET ALL; ALTER ROLE boss RESET ALL'
done
forget here
forget there
