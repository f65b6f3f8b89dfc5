# Sourced by script/demo, script/test and .ci/run; bash. Messages, one temporary directory, children, cleaning up.
#
# Everything is built, installed and run inside $scratch, never as root, and is gone when the script ends, however it
# ends. Only missing packages are installed outside of it.
# shellcheck shell=bash source-path=SCRIPTDIR

set -Eeuo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '==> %s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    complain "$@"
    exit 1
}

# A step's output goes to a log of its own, shown when the step fails.
# shellcheck disable=SC2120 # sourced by others too
show_log() { # show_log [FILE [LINES]]
    printf -- '--- the last lines of its output:\n' >&2
    tail -n "${2:-40}" "${1:-$log}" >&2
    printf -- '---\n' >&2
}

# --- the temporary directory: logs on top, which only we write, and home, which belongs to the unprivileged user

make_scratch() {
    scratch=$(mktemp -d --tmpdir pg_sessionctl.XXXXXX)
    chmod 711 "$scratch"
    log=$scratch/step.log
    watch_over_scratch
}

# A zombie does not run: whoever started it may never ask how it ended. (tail --pid and kill -0 take it for alive.)
runs() { grep -qs '^State:.[^XZ]' "/proc/$1/status"; } # runs PID

# Whom SIGKILL ends cleans nothing up: a process beside us does when we are gone. It belongs to no terminal, and is no
# child that anybody here waits for.
watch_over_scratch() {
    # shellcheck disable=SC2016 # its own shell expands it
    (setsid bash -c "$(declare -f runs processes_inside postmasters_inside end_children)"'
        cd /
        scratch=$1
        while runs "$2"; do sleep 1; done
        [[ -d $scratch ]] || exit 0
        end_children
        rm -rf "$scratch"' watch_over_scratch "$scratch" "$$" </dev/null >/dev/null 2>&1 &)
}

# PostgreSQL refuses root, so whatever is built or run is run as somebody else, who may not be able to enter the
# current directory. An ordinary user stays who he is.
make_home() {
    local user=postgres
    home=$scratch/home
    as_user=(env -C "$home")
    if ((EUID == 0)); then
        id "$user" >/dev/null 2>&1 || user=nobody
        as_user+=(setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups)
        install -d -o "$user" -g "$(id -g "$user")" -m 700 "$home"
    else
        mkdir -m 700 "$home"
    fi
    "${as_user[@]}" mkdir "$home/tmp" 2>/dev/null || die "user $user cannot reach $home: set TMPDIR to a directory open to all"
    export HOME=$home TMPDIR=$home/tmp
}

# A copy of the checkout that the unprivileged user may read and write: what git tracks or would track.
copy_checkout() {
    build=$home/build
    "${as_user[@]}" mkdir "$build"
    checkout_files | tar -C "$repository" --null -T - -cf - | "${as_user[@]}" tar -C "$build" -xf -
}

checkout_files() {
    local file
    # The checkout may belong to another user than the one who runs this (root, or root's clone): git wants to be told.
    git -c safe.directory="$repository" -C "$repository" ls-files -coz --exclude-standard |
        while IFS= read -r -d '' file; do
            if [[ -e $repository/$file ]]; then printf '%s\0' "$file"; fi # else still tracked, but deleted
        done
}

# --- what is asked for

wants() { [[ " ${WITHOUT:-} " != *" $1 "* ]]; } # wants LAYER

# --- children

# Each child has a session of its own: only this script hears the terminal's Ctrl-C, and cleans up in good order. Bash
# makes background children deaf to SIGINT; they get it back. They work inside $home: that is how clean_up finds them.
start() { # start LOG COMMAND...: in the background, as the unprivileged user
    local output=$1
    shift
    setsid "${as_user[@]}" env -C "$home" --default-signal=INT,QUIT "$@" >"$output" 2>&1 <&0 &
}

quietly() { # quietly COMMAND...: its output is in $log afterwards, its exit status is returned
    start "$log" "$@" </dev/null
    wait "$!"
}

step() { # step TEXT COMMAND...: all or nothing
    local text=$1
    shift
    say "$text"
    quietly "$@" && return
    show_log "$log"
    die "failed: $text"
}

# --- the end, on Ctrl-C too

# Whatever works inside $scratch was started by us, directly or not (servers that tests start leave our sessions).
processes_inside() {
    find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$scratch/*" -printf '%h\n' 2>/dev/null |
        sed 's,^/proc/,,'
}

# A postmaster is asked by SIGQUIT: SIGTERM would wait for its clients.
postmasters_inside() {
    find "$scratch" -name postmaster.pid -exec head -qn 1 {} + 2>/dev/null | grep -xF "$(processes_inside)"
}

end_children() {
    local signal pids tries
    for signal in TERM KILL; do
        for ((tries = 0; tries < 100; tries++)); do
            # shellcheck disable=SC2046 # one word each
            kill -QUIT $(postmasters_inside) 2>/dev/null || true
            pids=$(jobs -pr; processes_inside)
            [[ -n $pids ]] || return 0
            # shellcheck disable=SC2086
            kill -"$signal" $pids 2>/dev/null || true
            sleep 0.1
        done
    done
}

clean_up() {
    trap '' INT TERM HUP PIPE
    trap - ERR
    set +e
    allow_default_cluster
    allow_services
    if [[ -n ${scratch-} ]]; then
        end_children 2>/dev/null
        rm -rf "$scratch"
    fi
}

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap '((BASH_SUBSHELL)) || complain "line $LINENO: failed: $BASH_COMMAND"' ERR

# --- a known environment: no variable may lead a client to somebody's real server, or make to other flags

for variable in "${!PG@}"; do
    [[ $variable == PG_CONFIG ]] || unset "$variable"
done
unset variable MAKEFLAGS MAKELEVEL MFLAGS CDPATH
export LC_ALL=C.UTF-8
export DOCUMENTATION= # is not installed: pg_config names the system's own folder for it, also beside a copy of the server
[[ -e /proc/self/fd/0 ]] || exec </dev/null

# shellcheck source=../script/packages.sh
. "$repository/script/packages.sh"
# shellcheck source=../script/server.sh
. "$repository/script/server.sh"
