# Sourced by lib.sh. What must be there to build and test, and how Debian calls it.
# Nothing is asked of the network when nothing is missing.
# shellcheck shell=bash disable=SC2154 # lib.sh sets log

has_command() { command -v "$1" >/dev/null; }
# shellcheck disable=SC2086 # CXX may be "ccache g++"
has_header() { ${CXX:-g++} -x c++ -E - <<<"#include <$1>" >/dev/null 2>&1; }

missing_build_tools() {
    [[ -n ${CXX-} ]] || has_command g++ || echo g++
    has_command make || echo make
    has_header boost/container/small_vector.hpp || echo libboost-dev
    has_header gssapi/gssapi.h || echo libkrb5-dev # PostgreSQL's own headers want it
}

missing_test_tools() {
    has_command prove || echo perl
    has_command ps || echo procps
    has_command faketime || echo faketime # sets the clock of a test's server
    has_command strace || echo strace # stops a test's session at its n-th system call
    has_header gtest/gtest.h || echo libgtest-dev
    perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
}

# A server to be used needs its program and its headers.
is_complete() { # is_complete PG_CONFIG
    [[ -x $("$1" --bindir)/postgres && -e $("$1" --includedir-server)/postgres.h && -e $("$1" --pgxs) ]]
} 2>/dev/null

newest() { sort -V | tail -n 1; }

newest_complete() {
    local candidate
    for candidate in /usr/lib/postgresql/*/bin/pg_config; do
        if is_complete "$candidate"; then echo "$candidate"; fi
    done | newest
}

newest_server() {
    local program
    for program in /usr/lib/postgresql/*/bin/postgres; do
        if [[ -x $program ]]; then cut -d / -f 5 <<<"$program"; fi
    done | newest
}

choose_pg_config() {
    if [[ -n ${PG_CONFIG-} ]]; then
        PG_CONFIG=$(command -v "$PG_CONFIG") || die "there is no PG_CONFIG=$PG_CONFIG"
        is_complete "$PG_CONFIG" || die "PG_CONFIG=$PG_CONFIG has no server or no server headers beside it"
    else
        PG_CONFIG=$(newest_complete)
    fi
}

# One test each needs these, and is skipped without them.
missing_optional_tools() {
    local version
    has_pgbouncer || echo pgbouncer
    version=$(sed -n 's|^/usr/lib/postgresql/\([0-9]*\)/bin/pg_config$|\1|p' <<<"$PG_CONFIG")
    [[ -z $version || -e $("$PG_CONFIG" --pkglibdir)/pg_repack.so ]] || echo "postgresql-$version-repack"
}

# shellcheck disable=SC2120 # sourced by others too
install_missing() { # install_missing [build]: what it takes to test, or only to build and run
    install_required "$@"
    if [[ ${1-} != build ]] && can_install; then install_optional; fi
}

install_required() {
    local missing version
    [[ -z ${CXX-} ]] || has_command "${CXX%% *}" || die "there is no CXX=$CXX"
    mapfile -t missing < <(missing_build_tools)
    if [[ ${1-} != build ]]; then
        mapfile -t -O "${#missing[@]}" missing < <(missing_test_tools)
    fi
    choose_pg_config
    if ((${#missing[@]} == 0)) && [[ -n $PG_CONFIG ]]; then return; fi

    can_install || die "please install by hand: ${missing[*]}${PG_CONFIG:+ }${PG_CONFIG:-, a PostgreSQL server and its headers}"
    refresh_lists
    if [[ -n $PG_CONFIG ]]; then
        install_packages "${missing[@]}"
        return
    fi
    version=$(newest_server)
    if [[ -n $version ]]; then
        # A server that is there gets its headers; another one is not brought in beside it.
        install_packages "${missing[@]}" "postgresql-server-dev-$version"
    else
        version=$(default_version)
        install_packages "${missing[@]}" "postgresql-server-dev-$version"
        without_default_cluster install_packages "postgresql-$version"
    fi
    choose_pg_config
    [[ -n $PG_CONFIG ]] || die "no PostgreSQL server with headers, although its packages are installed"
}

install_optional() {
    local missing package
    mapfile -t missing < <(missing_optional_tools)
    if ((${#missing[@]} == 0)); then return; fi
    refresh_lists
    for package in "${missing[@]}"; do
        if [[ -z $(apt-cache show "$package" 2>/dev/null) ]]; then
            say "This distribution has no package $package"
        elif [[ $package == pgbouncer ]]; then
            without_service pgbouncer install_packages pgbouncer
        else
            install_packages "$package"
        fi
    done
}

are_lists_fresh=no
refresh_lists() {
    if [[ $are_lists_fresh == yes ]]; then return; fi
    say "Refreshing the package lists"
    apt_get update
    are_lists_fresh=yes
}

can_install() { has_command apt-get && { ((EUID == 0)) || has_command sudo; }; }

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# In the foreground: sudo may ask for a password. No service is restarted because a library was renewed.
apt_get() {
    local began=$SECONDS status=0 watcher=
    as_root true # asks now, before something else is shown
    : >"$log"
    if [[ -t 1 ]]; then
        watch_apt "$began" &
        watcher=$!
    fi
    as_root env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -qy -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null || status=$?
    if [[ -n $watcher ]]; then
        kill "$watcher"
        wait "$watcher" 2>/dev/null || true
        printf '\r'
    fi
    if ((status == 0)); then
        printf '    %s\n' "$(apt_progress "$began")"
    else
        show_log "$log"
        die "apt-get $1 failed"
    fi
}

# How far apt is, from what it has written into $log.
apt_progress() { # apt_progress SECONDS: when it began
    local packages
    packages=$(awk '/^[0-9]+ upgraded, / { print $1 + $3 }' "$log")
    [[ -z $packages ]] || printf '%s packages: %s downloaded, %s unpacked, %s set up, ' "$packages" \
        "$(grep -c '^Get:' "$log")" "$(grep -c '^Unpacking ' "$log")" "$(grep -c '^Setting up ' "$log")"
    printf '%s s' "$((SECONDS - $1))"
}

watch_apt() { # watch_apt SECONDS: until it is killed, or all of this is removed
    while [[ -e $log ]]; do
        printf '\r    %s' "$(apt_progress "$1")"
        sleep 0.5
    done 2>/dev/null
}

install_packages() {
    say "Installing packages: $*"
    as_root dpkg --configure -a >"$log" 2>&1 </dev/null || true # finish what a Ctrl-C interrupted
    apt_get install --no-install-recommends "$@"
}

default_version() { # of this distribution: what its package "postgresql" stands for
    apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9.]*\)$/\1/p' | newest
}

# Debian makes and starts a cluster with a new server, unless told not to. It is told for the moment of this
# installation, in a file of our own, which goes away again: the administrator's own settings stay as they are.
cluster_settings=/etc/postgresql-common/createcluster
no_cluster_file=

without_default_cluster() {
    local file=$cluster_settings.d/zz-pg_sessionctl-$$.conf
    no_cluster_file=$file
    as_root mkdir -p "$cluster_settings.d"
    echo 'create_main_cluster = false' | as_root tee "$file" >/dev/null
    [[ $(pg_conftool "$cluster_settings.conf" show -bs create_main_cluster) == off ]] ||
        die "cannot install a server without a cluster: $cluster_settings.conf does not read $file"
    "$@"
    allow_default_cluster
}

allow_default_cluster() {
    [[ -n $no_cluster_file ]] || return 0
    as_root rm -f "$no_cluster_file"
    no_cluster_file=
    as_root rmdir --ignore-fail-on-non-empty "$cluster_settings.d"
}

# --- PgBouncer, for the tests of pools, where the distribution has it

# Its place is not in everybody's PATH.
has_pgbouncer() { has_command pgbouncer || [[ -x /usr/sbin/pgbouncer ]]; }

# --- a KDC, for the test of GSSAPI connections: only where it is asked for, a developer's machine need not become one

install_kdc() {
    [[ ! -x /usr/sbin/krb5kdc || ! -x /usr/sbin/kadmin.local ]] || return 0
    apt_get update
    without_service krb5-kdc without_service krb5-admin-server install_packages krb5-kdc krb5-admin-server
}

# --- a program that only one script needs: sqlsmith, valgrind and the like

install_command() { # install_command COMMAND: its package has the same name
    has_command "$1" && return
    can_install || die "please install by hand: $1"
    apt_get update
    install_packages "$1"
}

# --- what reads the code: only for script/lint

missing_lint_tools() {
    has_command clang-format || echo clang-format
    has_command clang-tidy || echo clang-tidy
    has_command shellcheck || echo shellcheck
}

install_lint_tools() {
    local missing
    mapfile -t missing < <(missing_lint_tools)
    ((${#missing[@]} > 0)) || return 0
    can_install || die "please install by hand: ${missing[*]}"
    apt_get update
    install_packages "${missing[@]}"
}

# --- services

# Debian starts a service with its package, and at each boot. For the moment of this installation a file says no, unless
# the administrator's own answers; a service that was not here before stays disabled afterwards.
services_policy=/usr/sbin/policy-rc.d
no_service_file=

without_service() { # without_service NAME COMMAND...
    local name=$1
    shift
    if [[ ! -e $services_policy ]]; then
        no_service_file=$services_policy
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$no_service_file" >/dev/null
        as_root chmod 755 "$no_service_file"
    fi
    "$@"
    allow_services
    if has_command systemctl; then as_root systemctl disable "$name" >"$log" 2>&1 </dev/null || true; fi
    if [[ -d /run/systemd/system ]]; then as_root systemctl stop "$name" >"$log" 2>&1 </dev/null || true; fi
}

allow_services() {
    [[ -n $no_service_file ]] || return 0
    as_root rm -f "$no_service_file"
    no_service_file=
}
