# Sourced by test/hostile/run. One attack: every role's session gets it at the same time, then all are looked at.
# shellcheck shell=bash disable=SC2154 # script/lib.sh, test/sessions/lib.sh and run set what seems unset


database=shop
bystanders='bystander_1 bystander_2'

# --- who watches: a superuser, whom nobody here may end, and two of role app

meet_server() {
    local name
    session admin dbname="$database"
    for name in $bystanders; do meet_bystander "$name"; done
    sql admin 'SELECT judge.take()'
    files_before=$(fingerprint_files)
}
meet_bystander() {
    session "$1" user=app dbname="$database"
    sql "$1" "SELECT 'sesame ' || 1"
}

# What no session shows: the server's own files, and what a program run by the server would have left.
fingerprint_files() {
    (cd "$home/data" && cksum postgresql.conf postgresql.auto.conf pg_hba.conf pg_ident.conf && ls -d struck*) 2>/dev/null || true
    find "$home/data/pg_sessionctl" -type f -name '*gate*' 2>/dev/null || true
}

# --- the verdict, after each attack

found='' shown='' # what is wrong, and the answer shown last

check_server() {
    local files name
    sql admin 'SELECT judge.verdict()'
    if [[ $reply != ok ]]; then
        found+="rights, settings or the server's start have changed: ${reply:-the server crashed}"$'\n'
        meet_again
        return
    fi
    files=$(fingerprint_files)
    if [[ $files != "$files_before" ]]; then
        found+="files have changed: $(diff <(echo "$files_before") <(echo "$files") || true)"$'\n'
        rm -f "$home/data"/struck*
        files_before=$(fingerprint_files)
    fi
    for name in $bystanders; do
        sql "$name" 'SELECT pg_backend_pid()'
        [[ $reply == "${pid[$name]}" ]] && continue
        found+="$name was ended or cancelled: $reply"$'\n'
        meet_bystander "$name"
        sql admin 'SELECT judge.take()'
    done
}

# After a crash the server comes back by itself, and all sessions are gone.
meet_again() {
    local name
    sql admin 'SELECT 1'
    if [[ $reply != 1 ]]; then
        found+=$(grep -E 'PANIC|was terminated by signal' "$server_log" | tail -n 1)$'\n'
        for name in "${!client[@]}"; do forget "$name"; done
        wait_for_server "$(head -n 1 "$home/data/postmaster.pid")"
        meet_server
    fi
    sql admin 'SELECT judge.take()'
}

# --- an attack


declare -a bodies titles

attribute() { sed -n "s/^-- $1: //p" <<<"$2"; } # attribute NAME SECTION

read_sections() { # read_sections FILE: sections begin with "-- N. title"
    local line current=-1
    titles=() bodies=()
    while IFS= read -r line || [[ -n $line ]]; do
        if [[ $line =~ ^--\ [0-9]+\.\ (.*) ]]; then
            titles[++current]=${BASH_REMATCH[1]}
            bodies[current]=
        elif ((current >= 0)); then
            bodies[current]+=$line$'\n'
        fi
    done <"$1"
}

enter() { # enter NAME CONNECTION WORD...: a session as new, whatever was done in it before
    if [[ -n ${client[$1]-} ]]; then
        sql "$1" "ROLLBACK; DISCARD ALL; SELECT 'as new'"
        [[ $reply == *'as new' ]] || forget "$1"
    fi
    [[ -n ${client[$1]-} ]] || session "$@"
    sql "$1" "\\set VERBOSITY verbose
        \\set schema pg_temp
        $arms"
    [[ $reply != *ERROR* ]] || give_up "$1 has no arms: $reply"
}

complain_of() { # complain_of TEXT: the answer is shown once
    found+="$1"$'\n'
    [[ $reply == "$shown" ]] || found+="${reply:0:1500}"$'\n'
    shown=$reply
}

# What comes back is judged by the section's own words, and by what no answer may ever hold: an internal error, the end
# of the connection, what another session runs, a strike that had more rights than its role.
judge_answer() { # judge_answer WHO SECTION
    local regex
    while IFS= read -r regex; do
        if [[ -n $regex && ! $reply =~ $regex ]]; then complain_of "$1: no match of $regex"; fi
    done < <(attribute want "$2")
    while IFS= read -r regex; do
        if [[ -n $regex && $reply =~ $regex ]]; then complain_of "$1: a match of $regex"; fi
    done < <(
        printf '%s\n' '(^|[^0-9A-Z])XX[0-9A-Z]{3}([^0-9A-Z]|$)' 'not ok' 'sesame' 'struck as (postgres|boss)' \
            'server closed the connection|connection to server was lost|terminating connection'
        attribute never "$2"
    )
}

attack() { # attack NAME SECTION
    local role by_superuser=
    local where as since until body
    where=$(attribute 'in' "$2") as=$(attribute as "$2") since=$(attribute since "$2") until=$(attribute until "$2")
    [[ $(attribute on "$2") == "" || $(attribute on "$2") == "$server_kind" ]] || return 0
    ((version >= ${since:-0} && version < ${until:-999999})) || return 0
    body=${2%%$'\n'-- superuser:*}
    [[ $body == "$2" ]] || by_superuser=${2#*$'\n'-- superuser:}
    found=
    attackers=()
    for role in $roles; do
        [[ -z $as || " $as " == *" $role "* ]] || continue
        enter "$role${where:+@$where}" user="$role" dbname="${where:-$database}"
        attackers+=("$role${where:+@$where}")
    done
    ((${#attackers[@]} > 0)) || return 0
    for role in "${attackers[@]}"; do send "$role" "$body"; done
    for role in "${attackers[@]}"; do
        receive "$role"
        judge_answer "$role" "$2"
        [[ -z $where ]] || disconnect "$role" 2>/dev/null || forget "$role"
    done
    if [[ -n $by_superuser ]]; then
        forget boss
        enter boss user=boss dbname="${where:-$database}"
        sql boss "$by_superuser"
        judge_answer 'the superuser' "$2"
        forget boss
    fi
    check_server
    if [[ -z $found ]]; then ok "$server_kind: $1"; else not_ok "$server_kind: $1" "$(head -n 40 <<<"$found")"; fi
}

run_file() { # run_file FILE
    local number
    printf '# %s\n' "$1"
    if [[ $1 == *.sh ]]; then
        run_script "$1"
        return
    fi
    read_sections "$here/$1"
    for ((number = 0; number < ${#titles[@]}; number++)); do
        attack "${1%.sql} $((number + 1)): ${titles[number]}" $'\n'"${bodies[number]}"
    done
}

# Those with several sessions name what they find by themselves; the verdict on the server is the same.
run_script() {
    local status
    set +e
    (
        set -e
        trap 'printf "# line %s of %s: failed: %s\n" "$LINENO" "${BASH_SOURCE[0]##*/}" "$BASH_COMMAND"' ERR
        # shellcheck source=/dev/null
        . "$here/$1"
    )
    status=$?
    set -e
    ((status == 0)) || not_ok "$server_kind: $1 ends well"
    found=
    check_server
    if [[ -z $found ]]; then ok "$server_kind: after $1"; else not_ok "$server_kind: after $1" "$found"; fi
}
