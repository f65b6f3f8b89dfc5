# The worker that carries out rules, among rules whose owners change and whose functions misbehave.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pid and reply

rule_says() { # rule_says NAME COLUMN: as the superuser sees it
    sql admin "SELECT $2 FROM sessionctl.session_rules WHERE name = '$1'"
}
until_rule() { until_true "rule $1: $2" "SELECT coalesce($2, false) FROM sessionctl.session_rules WHERE name = '$1'"; }
make_rule() { # make_rule SESSION NAME CONDITION [OPTIONS]
    sql "$1" "SELECT sessionctl.create_session_rule('$2', \$c\$$3\$c\$${4:+, $4})"
    [[ $reply != *ERROR* ]] || not_ok "rule $2 is made" "$reply"
}
# The rule "steady" goes on whatever the others do.
steady_goes_on() { # steady_goes_on TEST
    rule_says steady checks
    until_rule steady "checks > $reply + 2"
    ok "$1: the other rules are checked"
    sql admin 'SELECT count(*) FROM sessionctl.reaper_status'
    is "$reply" 1 "$1: the reaper is there"
}

if [[ $server_kind == preloaded && " $roles " == *' signaller '* ]]; then
    sql admin "ALTER SYSTEM SET pg_sessionctl.rules = on"
    sql admin "ALTER SYSTEM SET pg_sessionctl.rules_database = shop"
    sql admin 'SELECT pg_reload_conf()'
    sql admin 'CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO PUBLIC'
    sql admin "CREATE FUNCTION trap.deaf(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS \$f\$
        BEGIN
            LOOP
                BEGIN
                    PERFORM pg_sleep(60);
                EXCEPTION WHEN query_canceled THEN NULL;
                END;
            END LOOP;
        END \$f\$"
    sql admin "CREATE FUNCTION trap.sleepy(integer) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT pg_sleep(60) IS NULL'"
    sql admin "CREATE FUNCTION trap.greedy(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS \$f\$
        BEGIN RETURN length(repeat('x', 1000000000) || repeat('y', 1000000000)) > \$1; END \$f\$"
    sql admin "CREATE FUNCTION trap.deep(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS \$f\$
        BEGIN RETURN trap.deep(\$1); END \$f\$"
    sql admin "CREATE FUNCTION trap.meddling(integer) RETURNS boolean STABLE LANGUAGE plpgsql AS \$f\$
        BEGIN
            PERFORM set_config('search_path', 'trap', false), set_config('standard_conforming_strings', 'on', false),
                set_config('TimeZone', 'UTC+14', false), set_config('statement_timeout', '0', false);
            RETURN false;
        END \$f\$"
    session owner user=signaller dbname="$database"

    # What a condition of one's own may see is what its owner may see.
    make_rule admin steady "usename = 'nobody'"
    make_rule owner spy "query like 'sesame%'" "action := 'terminate'"
    make_rule owner harmless "usename = 'app' and application_name = 'nobody'"
    until_rule spy 'checks > 1'
    expect admin "SELECT matched FROM sessionctl.session_rules WHERE name = 'spy'" 0 "a rule sees what its owner sees"
    sql owner "SELECT sessionctl.drop_session_rule('spy')"

    # Its owner is changed, and changed back.
    for change in 'REVOKE pg_signal_backend FROM signaller|GRANT pg_signal_backend TO signaller' \
        'ALTER ROLE signaller RENAME TO other|ALTER ROLE other RENAME TO signaller'; do
        sql admin "${change%|*}"
        until_rule harmless 'last_error is not null'
        ok "not checked after ${change%|*}"
        steady_goes_on "after ${change%|*}"
        sql admin "${change#*|}"
        until_rule harmless 'last_error is null'
        ok "checked again after ${change#*|}"
    done

    # A superuser's rule may call anything, and loses that with the superuser's rights.
    sql admin 'CREATE ROLE fallen LOGIN SUPERUSER'
    session fallen user=fallen dbname="$database"
    make_rule fallen grand "exists (select 1 from vault.secret) and usename = 'nobody'"
    until_rule grand 'checks > 1 and last_error is null'
    sql admin 'ALTER ROLE fallen NOSUPERUSER; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl TO fallen'
    until_rule grand "last_error like '%a subquery is not allowed%'"
    ok 'a demoted owner has a restricted rule'
    sql owner "SELECT count(*) FROM sessionctl.session_rules WHERE name = 'grand' AND (last_error IS NOT NULL OR condition IS NOT NULL)"
    is "$reply" 0 'and its error and condition are not shown to others'
    sql admin 'REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sessionctl FROM fallen'
    forget fallen
    sql admin 'DROP ROLE fallen'
    until_rule grand "last_error like '%does not exist%'"
    sql admin 'CREATE ROLE fallen LOGIN SUPERUSER'
    rule_says grand checks
    until_rule grand "checks > $reply and last_error is not null"
    ok 'a role made anew under the name of the owner does not inherit the rule'
    sql admin "SELECT sessionctl.drop_session_rule('grand'); DROP ROLE fallen"

    # Functions that do not end, or fail in every way.
    for trap in sleepy greedy deep; do
        make_rule admin "$trap" "trap.$trap(pid)"
        until_rule "$trap" 'errors > 0 and last_error is not null'
        ok "trap.$trap: an error of its rule"
        steady_goes_on "trap.$trap"
        sql admin "SELECT sessionctl.drop_session_rule('$trap')"
    done
    make_rule admin meddling 'trap.meddling(pid)'
    until_rule meddling 'checks > 2 and last_error is null'
    steady_goes_on 'trap.meddling'
    sql admin "SELECT sessionctl.drop_session_rule('meddling')"
    make_rule admin deaf 'trap.deaf(pid)'
    until_rule deaf 'last_error is not null'
    steady_goes_on 'trap.deaf'
    rule_says deaf errors
    before=$reply
    steady_goes_on 'trap.deaf, later'
    rule_says deaf errors
    is "$reply" "$before" 'it is switched off'

    # A function that is replaced by a volatile one is checked again.
    sql admin "CREATE FUNCTION trap.turned(integer) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT false'"
    make_rule admin turned 'trap.turned(pid)'
    until_rule turned 'checks > 1 and last_error is null'
    sql admin 'ALTER FUNCTION trap.turned(integer) VOLATILE'
    until_rule turned "last_error like '%volatile function%'"
    ok 'a function that has become volatile is refused'
    sql admin 'DROP FUNCTION trap.turned(integer)'
    until_rule turned "last_error like '%does not exist%'"
    sql admin "CREATE FUNCTION trap.turned(integer) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT false'"
    until_rule turned 'last_error is null'
    ok 'the rule mends itself'

    sql admin 'DELETE FROM sessionctl.session_rule'
    sql admin 'DROP SCHEMA trap CASCADE'
    sql admin 'ALTER SYSTEM RESET ALL'
    sql admin 'SELECT pg_reload_conf()'
    until_true 'rules are off' "SELECT current_setting('pg_sessionctl.rules') = 'off'"
    forget owner
    sql admin 'SELECT judge.take()'
    files_before=$(fingerprint_files)
fi
