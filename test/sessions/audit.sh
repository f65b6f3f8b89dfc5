# One line in the server log for each session that was acted on.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

sessions victim spared
position=$(log_position)
sql victim "SET application_name = 'it''s \"odd\"'"
expect admin "SELECT sessionctl.terminate_where('pid = ANY (\$1::int[])', '{\"{${pid[victim]}}\"}', reason := E'the month''s end\nfake line')" \
    1 'one session is ended'
line=$(log_since "$position" | grep 'pg_sessionctl: ' || true)
is "$(grep -c . <<<"$line")" 1 'one line for it'
like "$line" 'LOG:  pg_sessionctl: mark=[0-9a-f]{32} action=terminate result="terminated" session_id=[0-9a-f]+\.[0-9a-f]+ pid='"${pid[victim]}"' ' \
    'action, result and session'
like "$line" ' usename="app" datname="postgres" application_name="it.s ..?odd..?" client=local ' 'who it was'
like "$line" ' by_session_user="postgres" by_current_user="postgres" by_session_id=[0-9a-f]+\.[0-9a-f]+ ' 'who did it'
like "$line" " reason=\"the month's end.*fake line\"" 'why, on the same line'

sql admin "SELECT session_id FROM sessionctl.session_activity WHERE pid = ${pid[spared]}"
id=$reply
sql spared "DO \$\$ BEGIN RAISE LOG 'here I am'; END \$\$"
like "$(log_since "$position" | grep 'here I am')" " $id \[${pid[spared]}\] " 'session_id is what %c prints in the log'

position=$(log_position)
sql admin "SELECT sessionctl.terminate_where('pid = pg_backend_pid()')"
sql admin "SELECT sessionctl.cancel_where('pid = \$1::int', '{${pid[spared]}}')"
is "$(log_since "$position" | grep -c 'pg_sessionctl: ' || true)" 0 'no line where nobody was signalled'

send spared 'SELECT pg_sleep(600)'
until_active spared
sql admin "SELECT sessionctl.cancel_where('pid = \$1::int', '{${pid[spared]}}')"
receive spared
like "$(log_since "$position" | grep 'pg_sessionctl: ')" 'action=cancel result="cancelled" .* reason=NULL' 'a line for a cancel'
