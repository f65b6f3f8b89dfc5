# Which sessions the reaper does not end, and until when.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

sql admin 'CREATE ROLE backup LOGIN; CREATE ROLE nightly LOGIN IN ROLE backup; CREATE ROLE guarded LOGIN; CREATE DATABASE quiet'

begin() { # begin NAME CONNECTION WORD...
    session "$@"
    sql "$1" 'BEGIN; SELECT 1'
}

# Each lives until its exemption is taken from it. The bystander, idle for no longer, shows that the reaper was there.
is_exempt() { # is_exempt SETTING NAME...
    local name
    configure_reaper "idle_in_transaction_timeout = '1 h'"
    for name in "${@:2}"; do until_idle_in_transaction "$name"; done
    begin bystander user=app
    configure_reaper "idle_in_transaction_timeout = '300 ms'" "$1"
    is_reaped bystander idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
    for name in "${@:2}"; do
        expect admin "SELECT state FROM pg_stat_activity WHERE pid = ${pid[$name]}" 'idle in transaction' "$name: $1"
    done
}

no_longer() { # no_longer NAME...
    local name
    configure_reaper "idle_in_transaction_timeout = '300 ms'"
    for name; do
        is_reaped "$name" idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
        is_ended "$name" "$name: until it is exempt no longer"
    done
}

configure_reaper "idle_in_transaction_timeout = '1 h'"
begin role user=backup
begin member user=nightly
is_exempt "exempt_roles = 'nobody, backup'" role member
no_longer role member

configure_reaper "idle_in_transaction_timeout = '1 h'"
begin database user=app dbname=quiet
is_exempt "exempt_databases = 'quiet'" database
no_longer database

configure_reaper "idle_in_transaction_timeout = '1 h'"
begin pg_dump user=app
begin batch-7 user=app
is_exempt "exempt_applications = 'pg_dump, batch-*'" pg_dump batch-7
no_longer pg_dump batch-7

configure_reaper "idle_in_transaction_timeout = '1 h'"
begin guarded user=guarded
is_exempt "protected_roles = 'guarded'" guarded
no_longer guarded

configure_reaper "idle_in_transaction_timeout = '1 h'"
begin superuser user=boss
is_exempt 'reap_superusers = off' superuser
configure_reaper "idle_in_transaction_timeout = '300 ms'" 'reap_superusers = on'
is_reaped superuser idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
is_ended superuser 'superuser: with reap_superusers'

configure_reaper
sql admin 'DROP DATABASE quiet; DROP ROLE nightly, backup, guarded'
