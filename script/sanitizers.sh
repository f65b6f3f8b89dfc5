# Sourced by script/sanitize and script/fuzz, after lib.sh and checks.sh: a build with AddressSanitizer and
# UndefinedBehaviorSanitizer, a server that loads them, and their reports.
# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154 # lib.sh sets home and others, and reads make_flags; some call new_reports with a file

export CXX=g++
export SESSIONCTL_SANITIZED=1 # tests that measure memory stand back
make_flags=("SANITIZE=address,undefined" INSTALL_STRIP_FLAG=)

# --- reports: AddressSanitizer writes files, its sibling to stderr, which ends up in the servers' logs

fault='ERROR: (Address|Leak)Sanitizer|runtime error: '

make_reports() {
    reports=$home/reports
    known=$scratch/known # lines of reports that were dealt with
    "${as_user[@]}" mkdir "$reports"
    : >"$known"
}
new_reports() { # new_reports [FILE]: FILE:LINE of each
    { grep -rHE "$fault" "$reports" "$build/tmp_check" ${server_log:+"$server_log"} "$@" 2>/dev/null || true; } |
        sort -u | comm -23 - "$known"
}
forget_reports() { sort -u -o "$known" - "$known" <<<"$1"; }
show_reports() { # show_reports LINES: the first few, with what follows them
    head -n 3 <<<"$1" | while IFS=: read -r file line; do
        printf -- '--- %s\n' "${file##*/}"
        grep -FA 25 -m 1 -e "$line" "$file"
    done
}

check() { # check TEXT COMMAND...: passes if the command does and no sanitizer complains
    local text=$1 status=0 found
    shift
    quietly "$@" || { status=$?; grep -A 10 '^ *not ok' "$log" | head -n 100 || true; show_log "$log" 60; }
    found=$(new_reports)
    if [[ -n $found ]]; then
        status=1
        show_reports "$found"
        forget_reports "$found"
    fi
    verdict "$text" "$status"
}

# --- the server: not instrumented itself, so the sanitizer's library has to be loaded before it

runtime() { # runtime LIBRARY: where the compiler keeps it
    local file
    file=$("$CXX" -print-file-name="$1")
    [[ $file == /* ]] || die "$CXX has no $1"
    echo "$file"
}

# The sanitizer wants to be up before the other libraries the server loads: one of them (libgpg-error) allocates while
# it holds a lock of the C library's message catalogues, and the sanitizer, starting then, leaves that lock broken.
make_early_start() {
    early=$home/early.so
    printf '%s\n' '#include <cstdlib>' '[[gnu::constructor]] static void early() { std::free(std::malloc(1)); }' |
        "${as_user[@]}" "$CXX" -x c++ -O0 -shared -fPIC -Wl,-z,initfirst -o "$early" -
}

# A script in the place of the server's program: initdb, pg_ctl and the TAP tests all start it by that name, and only
# the server, not what starts it, runs with the library. Leaks are valgrind's job: the server never frees all. One test
# asks for more memory than there is, and wants null.
preload_sanitizer() {
    local program=${PG_CONFIG%/*}/postgres preload
    preload="$(runtime libasan.so) $(runtime libstdc++.so)"
    make_early_start
    preload+=" $early"
    "${as_user[@]}" mv "$program" "$program.bare"
    "${as_user[@]}" tee "$program" >/dev/null <<WRAPPER
#!/usr/bin/env bash
export LD_PRELOAD="$preload"
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:log_path=$reports/address
export UBSAN_OPTIONS=print_stacktrace=1
exec -a "\$0" "\$0.bare" "\$@"
WRAPPER
    "${as_user[@]}" chmod +x "$program"
}
