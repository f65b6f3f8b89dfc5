# Sourced by lib.sh. A private copy of the PostgreSQL installation, the extension in it, a throwaway server on it.
# shellcheck shell=bash disable=SC2154 # lib.sh sets scratch, home, as_user, build

# PostgreSQL looks for its files relative to its program: copies of the programs, with links to all the rest, make an
# installation of our own. So the extension is installed without root, and no server that runs here ever meets it.
copy_installation() {
    local root=$home/root bin directory option
    bin=$("$PG_CONFIG" --bindir)
    for option in --sharedir --pkglibdir --pkgincludedir --includedir-server; do
        directory=$("$PG_CONFIG" "$option")
        [[ -e $root$directory ]] && continue # inside one of the others
        "${as_user[@]}" mkdir -p "$root$directory"
        "${as_user[@]}" cp -rs "$directory/." "$root$directory"
    done
    "${as_user[@]}" mkdir -p "$root$bin"
    "${as_user[@]}" find "$bin" -maxdepth 1 -regextype posix-extended \
        -regex '.*/(postgres|initdb|psql|pg[^/]*|(create|drop)(db|user)|vacuumdb)' -exec cp -t "$root$bin" {} +
    "${as_user[@]}" find "$root" -name '*sessionctl*' -prune -exec rm -rf {} + # one that is installed here already
    name_our_own "$root"
    PG_CONFIG=$root$bin/pg_config
    PATH=$root$bin:$PATH
    "${as_user[@]}" "$PG_CONFIG" --version >/dev/null ||
        die "programs do not run in $scratch (mounted noexec?): set TMPDIR to another directory"
}

# Not every pg_config looks around where it lies: Debian's up to 13 names the system's directories everywhere.
name_our_own() { # name_our_own ROOT: replaces its pg_config
    local theirs
    theirs=$(realpath -s "$(command -v "$PG_CONFIG")")
    "${as_user[@]}" rm -f "$1$bin/pg_config"
    "${as_user[@]}" tee "$1$bin/pg_config" >/dev/null <<WRAPPER
#!/bin/sh
case \$1 in
    --bindir | --sharedir | --pkglibdir) echo "$1\$("$theirs" "\$1")" ;;
    *) exec "$theirs" "\$@" ;;
esac
WRAPPER
    "${as_user[@]}" chmod +x "$1$bin/pg_config"
}

# TAP tests make a hundred clusters, most of them alike: from now on initdb copies one that it made with the same options.
keep_clusters() {
    local program=${PG_CONFIG%/*}/initdb
    "${as_user[@]}" mkdir "$home/clusters"
    "${as_user[@]}" mv "$program" "$program.bare"
    "${as_user[@]}" tee "$program" >/dev/null <<WRAPPER
#!/usr/bin/env bash
set -e
options=() directory=
while ((\$# > 0)); do
    case \$1 in
        -D | --pgdata) directory=\$2 && shift ;;
        *) options+=("\$1") ;;
    esac
    shift
done
[[ -n \$directory ]] || exec "$program.bare" "\${options[@]}" # --version
kept=$home/clusters/\$(md5sum <<<"\${options[*]}" | cut -c 1-32)
exec {lock}>"\$kept.lock"
flock "\$lock"
if [[ ! -e \$kept ]]; then
    "$program.bare" -D "\$kept.new" "\${options[@]}" {lock}>&-
    mv "\$kept.new" "\$kept"
fi
exec {lock}>&-
mkdir -p -m 700 "\$directory"
cp -a "\$kept/." "\$directory"
WRAPPER
    "${as_user[@]}" chmod +x "$program"
}

make_flags=() # for every make

make_in() { # make_in DIRECTORY ARGUMENTS...: the command line of a make in the copy of the checkout
    make_command=(make -C "$build/$1" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" ${CXX:+CXX="$CXX"} "${make_flags[@]}" "${@:2}")
}

build_and_install() {
    say "Copying the checkout and PostgreSQL $(server_version) to $scratch"
    copy_checkout
    copy_installation
    make_in .
    build_with_progress "${make_command[@]}"
    make_in . install
    step "Installing it in the copy" "${make_command[@]}"
}

# From the number of lines: a processor compiles some 200 in a second.
build_time() {
    local lines processors
    processors=$(nproc)
    lines=$(find "$build/src" -name '*.[ch]pp' -exec cat {} + | wc -l)
    # One file has half of all lines: more than two processors do not help.
    printf 'about %s s on %s processor%s that nobody else uses' "$((lines / 200 / (processors > 1 ? 2 : 1)))" \
        "$processors" "$( ((processors == 1)) || echo s)"
}

# A reader in front of a terminal wants to know that it goes on.
build_with_progress() { # build_with_progress MAKE...
    local units made child began=$SECONDS
    units=$("${as_user[@]}" "$@" -n | grep -c -- ' -c -o ')
    say "Building pg_sessionctl: $units files, $(build_time)"
    start "$log" "$@" </dev/null
    child=$!
    while [[ -t 1 ]] && runs "$child"; do
        made=$(find "$build" -name '*.o' 2>/dev/null | wc -l) || true
        printf '\r    %s of %s after %s s' "$made" "$units" "$((SECONDS - began))"
        sleep 0.5
    done
    [[ ! -t 1 ]] || printf '\r'
    if wait "$child"; then
        printf '    %s files after %s s     \n' "$units" "$((SECONDS - began))"
    else
        show_log "$log"
        die "failed: building pg_sessionctl"
    fi
}

server_version() { "$PG_CONFIG" --version | cut -d ' ' -f 2; }

# The socket lies in a directory that nobody else can enter, and nothing listens on the network.
start_server() { # start_server SETTING...: each is a line of postgresql.conf
    export PGHOST=$home/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    "${as_user[@]}" mkdir -m 700 "$PGHOST"
    ((${#PGHOST} < 90)) || die "$PGHOST is too long for a socket: set TMPDIR to a shorter one"
    step "Making a throwaway server in $home/data" \
        initdb -D "$home/data" -U postgres -A trust -E UTF8 --locale=C -N # 9.6 and before: --nosync, later --no-sync
    printf '%s\n' "unix_socket_directories = '$PGHOST'" "listen_addresses = ''" "port = $PGPORT" \
        'fsync = off' 'shared_buffers = 16MB' 'wal_level = logical' \
        'max_wal_senders = 4' 'max_replication_slots = 4' 'logging_collector = off' 'autovacuum_naptime = 1d' "$@" |
        "${as_user[@]}" tee -a "$home/data/postgresql.conf" >/dev/null
    printf '%s\n' 'local all all trust' 'local replication all trust' |
        "${as_user[@]}" tee "$home/data/pg_hba.conf" >/dev/null

    say "Starting it on a private socket"
    # shellcheck disable=SC2119
    run_server
}

# shellcheck disable=SC2120 # others give some
run_server() { # run_server OPTION...: of postgres
    server_log=${server_log:-$scratch/server.log}
    start "$server_log" postgres -D "$home/data" "$@" </dev/null
    server=$!
    wait_for_server "$server"
}

stop_server() {
    kill -INT "$server"
    wait "$server" || true
}

wait_for_server() { # wait_for_server PID
    local deadline=$((SECONDS + 120))
    until pg_isready -q; do
        if ((SECONDS > deadline)) || ! runs "$1"; then
            show_log "$server_log"
            die "the throwaway server did not start"
        fi
        sleep 0.1
    done
}

ask() { "${as_user[@]}" psql -XAtqc "$1"; } # ask SQL: prints the bare answer

wait_until() { # wait_until WHAT SQL: until it answers true
    local deadline=$((SECONDS + 120))
    until [[ $(ask "$2") == t ]]; do
        ((SECONDS < deadline)) || die "waited two minutes in vain until $1"
        sleep 0.1
    done
}
