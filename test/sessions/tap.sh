# Sourced by test/sessions/run and test/upgrade. Checks that print TAP, and their total.
# shellcheck shell=bash disable=SC2154 # script/lib.sh sets scratch

ok() { printf 'ok - %s\n' "$1"; }
not_ok() { # not_ok NAME [EXPLANATION]
    printf 'not ok - %s\n' "$1"
    if [[ -n ${2-} ]]; then printf '# %s\n' "${2//$'\n'/$'\n# '}"; fi
}

is() { # is GOT EXPECTED NAME
    if [[ $1 == "$2" ]]; then ok "$3"; else not_ok "$3" "got:"$'\n'"$1"$'\n'"expected:"$'\n'"$2"; fi
}

like() { # like GOT REGEX NAME
    if [[ $1 =~ $2 ]]; then ok "$3"; else not_ok "$3" "got:"$'\n'"$1"$'\n'"no match of:"$'\n'"$2"; fi
}

# Runs tests to the first command that fails, numbers them, and exits with "N passed, N failed".
run_as_tap() { # run_as_tap COMMAND...
    local results=$scratch/results passed failed
    trap - ERR
    set +e
    {
        (set -e; "$@") # in a condition, set -e would do nothing
        # shellcheck disable=SC2181
        (($? == 0)) || not_ok 'the tests come to their end'
    } | awk '/^(not )?ok /{ sub(/ok /, "ok " ++n " ") } { print; fflush() }' | tee "$results"
    passed=$(grep -c '^ok ' "$results")
    failed=$(grep -c '^not ok ' "$results")
    printf '%s passed, %s failed\n' "$passed" "$failed"
    exit $((failed > 0 || passed == 0))
}
