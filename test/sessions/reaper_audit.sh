# The reaper's status, audit and counters, and who may read them.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # lib.sh sets pid and reply; \$1 belongs to a condition

rule=idle_in_transaction_timeout
audit_of() { # audit_of NAME WHAT
    printf "SELECT %s FROM sessionctl.session_audit WHERE pid = %s AND application_name = '%s'" "$2" "${pid[$1]}" "$1"
}
counted() { # counted ACTION
    sql admin "SELECT acted_on || ' ' || coalesce(ended, 0) FROM sessionctl.session_stats WHERE action = '$1' AND rule = '$rule'"
}

# --- a dry run: told once, done to nobody

configure_reaper 'reaper_action = log' "$rule = '300 ms'"
sql admin 'SELECT sessionctl.reset_session_stats()'
for name in first second; do
    sessions "$name"
    sql "$name" BEGIN # a second statement would begin another idleness
    until_true "the reaper tells of $name" "SELECT EXISTS ($(audit_of "$name" 1))"
done
for name in first second; do
    expect admin "$(audit_of "$name" 'action, result, usename, datname, client, rule, by_session_user IS NULL, by_current_user IS NULL')" \
        "log|spared|app|postgres|local|$rule|t|t" "reaper_action = log tells once of $name"
done
counted log
is "$reply" '2 0' 'two were told of, none ended'
# What a session does ends its offence; the next idleness is another one.
for name in first second; do
    lives "$name"
    until_true "the reaper tells of another offence of $name" "SELECT count(*) = 2 FROM ($(audit_of "$name" 1)) AS told"
done
ok 'once for each offence'

# --- and what follows from it

sql admin 'SELECT sessionctl.reset_session_stats()'
expect admin 'SELECT sum(acted_on), sum(ended), count(last_at) FROM sessionctl.session_stats' '0|0|0' 'reset_session_stats'
sql admin 'SELECT reaped FROM sessionctl.reaper_status'
reaped=$reply
configure_reaper "$rule = '300 ms'"
for name in first second; do
    until_gone "$name"
    until_true "the reaper accounts for $name" "SELECT EXISTS ($(audit_of "$name" 1) AND action = 'terminate')"
    expect admin "$(audit_of "$name" "result, rule, reason LIKE 'The session was idle in transaction for %'") AND action = 'terminate'" \
        "terminated|$rule|t" "the account of $name"
done
counted terminate
is "$reply" '2 2' 'session_stats: two ended'
expect admin "SELECT reaped - $reaped, last_reaped IS NOT NULL FROM sessionctl.reaper_status" '2|t' 'reaper_status: two reaped'
expect admin "SELECT count(DISTINCT a.by_session_id) FROM sessionctl.session_audit AS a, sessionctl.session_activity AS s, sessionctl.reaper_status AS r
    WHERE a.pid IN (${pid[first]}, ${pid[second]}) AND s.pid = r.pid AND s.session_id = a.by_session_id" 1 'by whom: the reaper'

# --- what people do stands beside it

sessions victim
sql admin "SELECT sessionctl.terminate_where('application_name = \$1', '{victim}', reason := 'why not')"
expect admin "$(audit_of victim 'action, result, by_session_user, by_current_user, rule IS NULL, condition, reason')" \
    'terminate|terminated|postgres|postgres|t|application_name = $1|why not' 'the account of a call'
expect admin "SELECT acted_on, ended FROM sessionctl.session_stats WHERE action = 'terminate' AND rule IS NULL" '1|1' \
    'session_stats counts it'

# --- the reaper itself

configure_reaper "$rule = '10 min'" "transaction_timeout = '1 h'"
expect admin "SELECT running, preloaded, since < now(), limits LIKE '%$rule = 10 min%' AND limits LIKE '%transaction_timeout = 1 h%',
    next_deadline > now(), wakeups > 0, watched >= 1, hint IS NULL FROM sessionctl.reaper_status" 't|t|t|t|t|t|t|t' 'reaper_status'
expect admin "SELECT application_name, datname IS NULL FROM pg_stat_get_activity(NULL) AS a
    LEFT JOIN pg_database AS d ON d.oid = a.datid WHERE a.pid = (SELECT pid FROM sessionctl.reaper_status)" \
    'pg_sessionctl reaper|t' 'pg_stat_activity shows it, connected to no database'

sessions plain
for view in reaper_status session_audit session_stats; do
    sql plain "SELECT 1 FROM sessionctl.$view"
    like "$reply" "ERROR:  permission denied for (relation|view|table) $view" "$view is not for everybody"
done
if (($(server_version_num) >= 100000)); then
    sql admin 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor'
    session monitor user=monitor
    for view in reaper_status session_audit session_stats; do
        expect monitor "SELECT count(*) > 0 FROM sessionctl.$view" t "$view is for pg_monitor (10)"
    done
    disconnect monitor
    sql admin 'DROP ROLE monitor'
fi

# --- a clean restart keeps the account

sql admin 'SELECT count(*), max(acted_at) FROM sessionctl.session_audit'
before=$reply
end_sessions
restart_server
session admin
expect admin 'SELECT count(*), max(acted_at) FROM sessionctl.session_audit' "$before" 'session_audit is kept over a clean restart'
expect admin 'SELECT sum(acted_on) FROM sessionctl.session_stats' 0 'session_stats begins anew'
configure_reaper
