# A lockdown of the server by pg_hba.conf, without preloading.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pid and reply

hba_file=$home/data/pg_hba.conf
hba_sum() { "${as_user[@]}" cat "$hba_file" | cksum; }
told() { psql -XAtqw -d "dbname=postgres user=$1" -c 'SELECT 1' 2>&1 >/dev/null | head -n 1; }

before=$(hba_sum)
sql admin 'SELECT sessionctl.unlock_server()'
is "$reply" $'NOTICE:  the server is not locked down\nf' 'unlock_server finds nothing'
session inside user=app
session chief user=boss
expect admin "SELECT sessionctl.lockdown_server(method := 'hba', reason := 'incident')" 1 'lockdown_server ends all but superusers'
is_ended inside
lives chief
like "$(told app)" 'pg_hba.conf rejects connection' 'and keeps them out'
is "$(told boss)" '' 'but superusers'
expect admin 'SELECT kind, method, locked_by = session_user, reason FROM sessionctl.session_lockdowns' 'server|hba|t|incident' \
    'session_lockdowns tells'
expect admin "SELECT sessionctl.lockdown_server('hba', allow_roles := '{app}', terminate := false)" 0 'another rule'
is "$(told app)" '' 'replaces it'
expect admin 'SELECT sessionctl.unlock_server()' t 'unlock_server'
is "$(hba_sum)" "$before" 'leaves the file as it was'
is "$(told app)" '' 'and lets in'

session other user=app
freeze other
session caller
send caller "SELECT sessionctl.lockdown_server('hba', timeout := '1 min')"
deadline=$((SECONDS + patience))
until [[ $(told app) == *rejects* ]]; do ((SECONDS < deadline)) || give_up 'the door stays open'; done
sql admin "SELECT pg_cancel_backend(${pid[caller]})"
receive caller
like "$reply" 'canceling statement due to user request' 'a call that is cancelled half way'
is "$(hba_sum)" "$before" 'puts the file back'
thaw other

sql admin "SELECT sessionctl.lockdown_server('hba', hold := '1 s')"
like "$reply" "method 'hba' does not support hold" 'a file holds nobody'
