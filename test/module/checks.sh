# Sourced by script/sanitize and script/valgrind, after lib.sh: their verdicts, and the test module in a server of one
# process, which ends when its input does.
# shellcheck shell=bash disable=SC2154 # lib.sh sets home, build, log and others

passed=0
failed=0

verdict() { # verdict TEXT STATUS
    if (($2 == 0)); then
        printf '    ok: %s\n' "$1"
        passed=$((passed + 1))
    else
        printf '    FAILED: %s\n' "$1"
        failed=$((failed + 1))
    fi
}

finish() {
    printf '%s passed, %s failed\n' "$passed" "$failed"
    exit $((failed > 0))
}

build_module() { # after build_and_install
    make_in test/module
    step "Building the test module" "${make_command[@]}"
}

make_single_user_server() {
    single=$home/single
    step "Making a server for a single user" initdb -D "$single" -U postgres -A trust -E UTF8 --locale=C -N
}

# Such a server takes one statement a line.
define_module_functions() {
    sed "s|:'module'|'$build/test/module/sessionctl_test'|; /^--/d" "$build/test/module/functions.sql" |
        tr '\n' ' ' | sed 's/; */;\n/g' >"$scratch/functions.sql"
    say "Defining the functions of the test module"
    single_user "$scratch/functions.sql" && ! grep -q 'ERROR: ' "$log" && return
    show_log "$log"
    die "failed"
}

# Errors of statements are part of the test; the exit status tells whether the server came to its end. What it says is
# in $log afterwards.
single_user() { # single_user STATEMENTS [WRAPPER...]
    start "$log" "${@:2}" postgres --single -D "$single" postgres <"$1"
    wait "$!"
}
