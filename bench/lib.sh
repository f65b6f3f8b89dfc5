# Sourced by the programs of bench/; bash. Figures in files, one a line, and the server that they are taken on.
# shellcheck shell=bash source-path=SCRIPTDIR

# shellcheck source=../script/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../script/lib.sh"

figures() { echo "$scratch/figures.$1"; }
calculate() { awk "BEGIN { printf \"$1\", $2 }"; }

note() { echo "$elapsed" >>"$(figures "$1")"; }

median() { # median NAME
    sort -n "$(figures "$1")" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

range() { # range NAME
    sort -n "$(figures "$1")" | awk 'NR == 1 { least = $1 } END { printf "%.1f-%.1f", least, $1 }'
}

cell() { printf '%.1f (%s)' "$(median "$1")" "$(range "$1")"; }

# A running server with the extension, and a program of ours that holds sessions of role app.
prepare() { # prepare PROGRAM MAX_CONNECTIONS
    make_scratch
    choose_pg_config
    [[ -n $PG_CONFIG ]] || die "no PostgreSQL server with headers was found: set PG_CONFIG"
    make_home
    build_and_install
    step "Building $1" "${CC:-cc}" -O2 -Wall -I"$("$PG_CONFIG" --includedir)" -o "$home/$1" "$build/bench/$1.c" \
        -L"$("$PG_CONFIG" --libdir)" -lpq
    start_server "max_connections = $2"
    quietly psql -Xv ON_ERROR_STOP=1 -c 'create extension pg_sessionctl; create role app login' ||
        { show_log; die "the server could not be prepared"; }
}

print_machine() { # print_machine WHAT
    printf '\n%s, %s CPUs (%s), Linux %s, PostgreSQL %s; %s\n' "$(date +%F)" "$(nproc)" \
        "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" "$(server_version)" "$1"
}

# --- one warm connection that asks and measures, one process that plays the clients

patience=600 # s, for an answer

# Their pipes are open for reading and writing, so that nobody waits for the other end.
start_warm() { # sets backend to its process
    mkfifo "$scratch/to_warm" "$scratch/from_warm"
    exec {to_warm}<>"$scratch/to_warm" {from_warm}<>"$scratch/from_warm"
    start "$scratch/from_warm" psql -XAtq <&"$to_warm"
    tell 'select pg_backend_pid();'
    # shellcheck disable=SC2034
    backend=$answer
    tell '\timing on'
}

tell() { # tell TEXT: to psql; sets answer to its last line, and elapsed in ms
    local line
    printf '%s\n\\echo done\n' "$1" >&"$to_warm"
    while IFS= read -rt "$patience" line <&"$from_warm"; do
        case $line in
        done) return ;;
        'Time: '*) elapsed=${line#Time: } elapsed=${elapsed%% ms*} ;;
        *) answer=$line ;;
        esac
    done
    die "the measuring connection is gone: $answer"
}

start_clients() { # start_clients PROGRAM ARGUMENT...: answers each line with one line
    mkfifo "$scratch/to_clients" "$scratch/from_clients"
    exec {to_clients}<>"$scratch/to_clients" {from_clients}<>"$scratch/from_clients"
    start "$scratch/from_clients" "$@" <&"$to_clients"
}

# shellcheck disable=SC2034 # its callers read reply
send_to_clients() { # send_to_clients LINE: sets reply
    reply=
    echo "$1" >&"$to_clients"
    read -rt "$patience" reply <&"$from_clients" || true
}
