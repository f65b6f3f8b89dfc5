# escalate_report: cancel, terminate, and close the client's connection; each step is reported.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

steps="concat_ws(' ', CASE WHEN cancel_at IS NOT NULL THEN 'cancel' END,
    CASE WHEN terminate_at IS NOT NULL THEN 'terminate' END, CASE WHEN close_at IS NOT NULL THEN 'close' END)"

sessions busy inside open idle bystander
send busy 'SELECT pg_sleep(600)'
send inside 'BEGIN; SELECT pg_sleep(600)'
sql open 'BEGIN; CREATE TEMP TABLE t (a int)'
until_active busy
until_active inside
until_true 'inside has begun to sleep' "SELECT query LIKE '%pg_sleep%' FROM pg_stat_get_activity(${pid[inside]})"
position=$(log_position)
expect admin "SELECT application_name, outcome, $steps FROM sessionctl.escalate_report(
    'application_name IN (''busy'', ''inside'', ''open'', ''idle'')', step := '3 s', reason := 'runaway') ORDER BY 1" \
    $'NOTICE:  matched 4: 2 ended, 1 cancelled, 1 not running
busy|cancelled|cancel
idle|not running|
inside|terminated|cancel terminate
open|terminated|terminate' 'each to its own end'
receive busy
like "$reply" '^ERROR:  canceling statement due to user request' 'the client is told'
for name in busy idle bystander; do lives "$name"; done
until_gone open
for step in "action=cancel result=\"cancelled\".* pid=${pid[busy]} " "action=cancel result=\"cancelled\".* pid=${pid[inside]} " \
    "action=terminate result=\"terminated\".* pid=${pid[inside]} " "action=terminate result=\"terminated\".* pid=${pid[open]} "; do
    until_logged "$step"
done

# A step that all obey costs no later one, nor the rest of its time.
send busy 'SELECT pg_sleep(600)'
until_active busy
until_true 'busy sleeps' "SELECT query LIKE '%pg_sleep%' FROM pg_stat_get_activity(${pid[busy]})"
expect admin "SELECT outcome, $steps, elapsed < '10 min' FROM sessionctl.escalate_report('application_name = \$1', '{busy}', step := '1 h')" \
    'cancelled|cancel|t' 'obeyed at the first step'
receive busy

# One that will not go: what it does is told; its client is cut off where the operating system allows it.
frozen="'application_name = \$1', '{frozen}'"
sessions frozen
send frozen 'SELECT pg_sleep(600)'
until_active frozen
freeze frozen
sql admin "SELECT outcome, $steps, activity, root_command FROM sessionctl.escalate_report($frozen, step := '100 ms')"
like "$reply" 'WARNING:  1 session is still running after .*HINT: .*close_socket.*still running\|cancel terminate\|active for [0-9.]+ s.*\|ss -xp' \
    'still running, with what it does and what can be tried'
sql admin "SELECT outcome, $steps, detail FROM sessionctl.escalate_report($frozen, step := '100 ms', close_socket := true)"
if [[ $reply == *'not permitted|'* ]]; then
    like "$reply" '\|cancel terminate\|(the|this) operating system ' 'not permitted, and why'
else
    like "$reply" 'still running\|cancel terminate close\|$' 'its connection is closed'
    receive frozen
    like "$reply" 'server closed the connection unexpectedly' 'and its client is cut off'
fi
expect admin "SELECT state FROM pg_stat_get_activity(${pid[frozen]})" active 'while the process is there'
thaw frozen
until_gone frozen

# close_socket is for superusers.
sql admin "GRANT EXECUTE ON FUNCTION sessionctl.escalate_report(text, text[], interval, boolean, text, boolean, boolean, boolean, integer, integer, text, text) TO app"
sessions helper
sql helper "SELECT * FROM sessionctl.escalate_report('application_name = \$1', '{idle}', close_socket := true)"
like "$reply" '^ERROR:  permission denied to close the connections of clients' 'close_socket: not for everybody'
sql helper "SELECT outcome FROM sessionctl.escalate_report('application_name = \$1', '{idle}')"
like "$reply" 'not running$' 'the rest: by grant'
lives idle
