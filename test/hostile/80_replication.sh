# A walsender with a database runs SQL: it passes neither the gate nor a cooldown.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pid and reply

comes_in() { # comes_in NAME ROLE: as a walsender with a database; every version knows this command
    session_says=$(psql -Xw -d "application_name=$1 user=$2 dbname=$database replication=database" -c 'IDENTIFY_SYSTEM' 2>&1) || true
}

if [[ $server_kind == preloaded ]]; then
    sql admin "SELECT sessionctl.lockdown_server(include_superusers := true, include_replication := true, terminate := false)"
    for role in replicator boss; do
        comes_in side "$role"
        like "$session_says" 'locked down' "the gate keeps a walsender of $role out"
    done
    sql admin 'SELECT sessionctl.unlock_server()'
    sql admin "SELECT sessionctl.lockdown_server(include_superusers := true, terminate := false)"
    for role in replicator boss; do
        comes_in side "$role"
        like "$session_says" 'locked down' "also where physical replication may come in: $role"
    done
    sql admin 'SELECT sessionctl.unlock_server()'

    session cooled user=replicator dbname="$database"
    sql admin "SELECT sessionctl.terminate_where('application_name = ''cooled''', cooldown := '1 h')"
    is "$reply" 1 'a session is ended with a cooldown'
    comes_in cooled replicator
    like "$session_says" 'may not log in' 'a cooldown binds its walsenders'
    sql admin 'SELECT judge.take()'
fi
