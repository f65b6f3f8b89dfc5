# Sourced by the programs of bench/; bash. Figures in files, one a line, and the server that they are taken on.
# shellcheck shell=bash source-path=SCRIPTDIR

# shellcheck source=../script/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../script/lib.sh"

figures() { echo "$scratch/figures.$1"; }
calculate() { awk "BEGIN { printf \"$1\", $2 }"; }

# A running server with the extension, and a program of ours that holds sessions of role app.
prepare() { # prepare PROGRAM MAX_CONNECTIONS
    make_scratch
    choose_pg_config
    [[ -n $PG_CONFIG ]] || die "no PostgreSQL server with headers was found: set PG_CONFIG"
    make_home
    build_and_install with_llvm=no
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
