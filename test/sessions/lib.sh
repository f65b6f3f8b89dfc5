# Sourced by test/sessions/run. Several clients at once, each one psql behind two pipes.
# shellcheck shell=bash disable=SC2154 # script/lib.sh sets home, as_user; run sets server_log
# shellcheck disable=SC2034 # pid and reply are what the tests read

patience=180 # seconds, for whatever is waited for

# --- sessions

declare -A to from client pid mark
marks=0
reply= # what came back for the statement received last: rows, notices and errors in their order

connect() { # connect NAME [CONNECTION WORD...]: the session's application_name is NAME
    local name=$1 input output
    forget "$name"
    mkfifo "$home/$name.in" "$home/$name.out"
    psql -XAtq -d "application_name=$name ${*:2}" <"$home/$name.in" >"$home/$name.out" 2>&1 &
    client[$name]=$!
    exec {input}>"$home/$name.in" {output}<"$home/$name.out"
    rm "$home/$name.in" "$home/$name.out"
    to[$name]=$input from[$name]=$output
}

# A name may be used again; the psql of an earlier session with it may still be there.
forget() {
    [[ -n ${client[$1]-} ]] || return 0
    kill "${client[$1]}" 2>/dev/null || true
    local input=${to[$1]} output=${from[$1]}
    exec {input}>&- {output}<&-
    unset "client[$1]" "pid[$1]"
}

session() {
    connect "$@"
    sql "$1" 'SELECT pg_backend_pid()'
    pid[$1]=$reply
    [[ $reply =~ ^[0-9]+$ ]] || give_up "session $1 does not answer: $reply"
}

sessions() {
    local name
    for name; do session "$name" user=app; done
}

give_up() {
    not_ok "$1"
    exit 1
}

send() { # send NAME SQL: without waiting for what comes back
    mark[$1]=$((++marks))
    # The psql of a session that was ended may be gone already.
    { printf '%s;\n\\echo <done %s>\n' "$2" "$marks" >&"${to[$1]}"; } 2>/dev/null || true
}

# A session that was ended answers with the server's last words, and then its psql exits.
receive() { # receive NAME: what came back for the statement sent last
    local line status=0 is_progress=
    reply=
    while IFS= read -r -t "$patience" -u "${from[$1]}" line || { status=$? && false; }; do
        [[ $line == "<done ${mark[$1]}>" ]] && break
        # What a call says that takes long depends on the machine.
        [[ $is_progress && $line == DETAIL:* ]] && is_progress= && continue
        is_progress=
        [[ $line =~ ^NOTICE:\ \ ([0-9]+\ of\ [0-9]+\ session.*|.*still\ waits)\ after\ [0-9]+\ s$ ]] && is_progress=1 && continue
        reply+=${reply:+$'\n'}$line
    done
    ((status <= 128)) || give_up "session $1 did not answer within $patience s"
}

sql() { send "$@" && receive "$1"; } # sql NAME SQL

expect() { # expect NAME SQL EXPECTED TEST
    sql "$1" "$2"
    is "$reply" "$3" "$4"
}

lives() { # lives NAME [TEST]: the session it was
    expect "$1" 'SELECT pg_backend_pid()' "${pid[$1]}" "${2:-$1 lives}"
}

# Its own last words are in the log; psql of 9.5 does not read them when its next statement meets a closed connection.
is_ended() { # is_ended NAME [TEST]: by an administrator's command
    sql "$1" 'SELECT 1'
    reply+=$'\n'$(grep -F "[${pid[$1]}] FATAL:" "$server_log" || true)
    like "$reply" 'connection to server was lost.*terminating connection due to administrator command' "${2:-$1 was ended}"
}

until_true() { # until_true WHAT SQL
    local deadline=$((SECONDS + patience))
    sql admin "$2"
    until [[ $reply == t ]]; do
        ((SECONDS < deadline)) || give_up "waited $patience s in vain: $1 ($reply)"
        sleep 0.02
        sql admin "$2"
    done
}

until_waiting() { # until_waiting NAME: for a lock, on every version
    until_true "$1 waits for a lock" "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE pid = ${pid[$1]} AND NOT granted)"
}

# By the function behind the view: it reads no catalog that may be locked.
until_active() {
    until_true "$1 is active" "SELECT state = 'active' FROM pg_stat_get_activity(${pid[$1]})"
}

until_idle_in_transaction() { # until_idle_in_transaction NAME: aborted or not
    until_true "$1 is idle in a transaction" "SELECT state LIKE 'idle in transaction%' FROM pg_stat_get_activity(${pid[$1]})"
}

# By post_auth_delay: it sleeps already. One that is told to end just before it does sleeps on, and ends afterwards.
until_login_is_delayed() {
    until_true 'a login is under way' "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND mode = 'RowExclusiveLock')"
    sql admin "SELECT pid FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND mode = 'RowExclusiveLock'"
    until grep -q '^State:.S' "/proc/$reply/status" && grep -qE 'nanosleep|select|poll_schedule|^0' "/proc/$reply/wchan"; do sleep 0.02; done
}

until_gone() { # by the function behind the view, from which the view leaves out dropped roles' sessions before 10
    until_true "$1 is gone" "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_get_activity(NULL) WHERE pid = ${pid[$1]})"
}

disconnect() { # disconnect NAME: and wait until the server has noticed
    printf '\\q\n' >&"${to[$1]}"
    wait "${client[$1]}"
    until_gone "$1"
}

# A stopped process is a session that will not go.
freeze() {
    kill -STOP "${pid[$1]}"
    until [[ $(ps -o stat= -p "${pid[$1]}") == T* ]]; do sleep 0.02; done
}
thaw() { kill -CONT "${pid[$1]}"; }

end_sessions() {
    local name
    for name in "${!client[@]}"; do
        thaw "$name" 2>/dev/null || true
        forget "$name"
    done
    wait
}

# --- the server

server_version_num() { psql -XAtqc 'SHOW server_version_num'; }

# The HINT that names the option for whom a guard rail has spared, as the server at hand understands it.
hint_to_include() { # hint_to_include OPTION WHOM
    local sign='=>'
    (($(server_version_num) >= 90500)) || sign=':='
    printf 'HINT:  include_%s %s true acts on %s, too.' "$1" "$sign" "$2"
}

log_position() { stat -c %s "$server_log"; }
log_since() { tail -c "+$(($1 + 1))" "$server_log"; } # log_since POSITION

until_logged() { # until_logged REGEX: since $position
    local deadline=$((SECONDS + patience))
    until log_since "$position" | grep -q "$1"; do
        ((SECONDS < deadline)) || give_up "not in the log: $1"
        sleep 0.02
    done
    ok "in the log: $1"
}

# start_server includes this file. What the last call wrote is gone.
configure() { # configure [SETTING...]: each is a line of postgresql.conf
    printf '%s\n' "$@" | "${as_user[@]}" tee "$home/more.conf" >/dev/null
    sql admin 'SELECT pg_reload_conf()'
}

# The reaper has read the new settings when its status shows them: each call sets another limit that nobody comes near.
configurations=1000000000
configure_reaper() { # configure_reaper [SETTING...]: each without pg_sessionctl.
    configure "${@/#/pg_sessionctl.}" "pg_sessionctl.idle_in_transaction_horizon_age = $((++configurations))" \
        "pg_sessionctl.idle_in_transaction_horizon_idle = '1 h'"
    until_true 'the reaper has the new settings' \
        "SELECT limits LIKE '%idle_in_transaction_horizon_age = $configurations%' FROM sessionctl.reaper_status"
}

# Every server ends well: its sessions have to be connected anew.
restart_server() {
    "${as_user[@]}" pg_ctl -D "$home/data" -m fast -w -s stop
    "${as_user[@]}" pg_ctl -D "$home/data" -l "$server_log" -w -s start >/dev/null
}

# The account of a session says for which rule it was ended, and why; no session is ended before its limit.
is_reaped() { # is_reaped NAME RULE LIMIT WORDS: a regex, in which TIME stands for how long it went on
    local least=$3 regex="^${4/TIME/([0-9.]+ (ms|s|min))} [(]pg_sessionctl[.]$2 is $3[)][.]\$"
    [[ $3 == *transactions ]] && least=0
    until_true "the reaper accounts for $1" "SELECT EXISTS (SELECT 1 FROM sessionctl.session_audit
        WHERE pid = ${pid[$1]} AND application_name = '$1' AND rule = '$2' AND action = 'terminate' AND result = 'terminated')"
    sql admin "SELECT reason FROM sessionctl.session_audit WHERE pid = ${pid[$1]} AND application_name = '$1'"
    if [[ $reply =~ $regex ]]; then
        local lasted=${BASH_REMATCH[1]}
        sql admin "SELECT interval '$lasted' >= interval '$least'"
        is "$reply" t "$1: $2 after $lasted"
    else
        like "$reply" "$regex" "$1: $2"
    fi
}
