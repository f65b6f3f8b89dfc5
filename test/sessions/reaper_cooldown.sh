# A cooldown refuses logins of the same role, application and client address for a while.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # lib.sh sets pid and reply

told() { psql -XAtqw -d "dbname=postgres user=$1 $2" -c 'SELECT 1' 2>&1 | head -n 2 | tr '\n' ' '; } # told ROLE WORDS
cool_down() { # cool_down CONDITION OPTIONS
    sql admin "SELECT sessionctl.terminate_where(\$\$$1\$\$, $2)"
}
refused='FATAL: +role "app" with application "pool" may not log in for another [123][0-9][0-9][0-9] s DETAIL: +Its sessions from this address were ended by role "postgres" with a cooldown'

position=$(log_position)
session pool user=app
cool_down "application_name = 'pool'" "cooldown := '1 h', reason := 'haywire'"
is "$reply" 1 'a session is ended with a cooldown'
like "$(told app application_name=pool)" "$refused: haywire" 'it is refused, with the reason'
is "$(told app application_name=web)" '1 ' 'another application is not'
is "$(told app "application_name=web options='-c application_name=pool'")" '1 ' 'by the name in the request'
is "$(told boss application_name=pool)" '1 ' 'a superuser is not'
expect admin "SELECT name, method, locked_by, until - since, connected, reason FROM sessionctl.session_lockdowns" \
    'app|application "pool", client local|postgres|01:00:00|0|haywire' 'session_lockdowns tells'
until_logged 'condition="application_name = .pool." cooldown="1 h" reason="haywire"'

# The name that counts is the one in the client's request.
session first user=app
sql first "SET application_name = 'second'"
cool_down "application_name = 'second'" "cooldown := '1 h'"
is "$reply" 1 'a session that has another name by now'
like "$(told app application_name=first)" 'FATAL: +role "app" with application "first" may not log in' 'is refused by its first'
is "$(told app application_name=second)" '1 ' 'which the second is not'

session nameless user=app application_name=
cool_down "application_name = '' and usename = 'app'" "cooldown := '1 h'"
is "$reply" 1 'a session without a name'
like "$(told app application_name=)" 'FATAL: +role "app" may not log in' 'is refused without one'
is "$(told app application_name=named)" '1 ' 'which one with a name is not'

session odd user=app "application_name='a \"b\" größer'"
cool_down "pid = ${pid[odd]}" "cooldown := '1 h'"
is "$reply" 1 'a name that is not ASCII'
like "$(told app "application_name='a \"b\" größer'")" 'FATAL: +role "app" with application "a "b" gr.*er" may not log in' 'is refused as well'

session brief user=app
cool_down "application_name = 'brief'" "cooldown := '1 s'"
deadline=$((SECONDS + patience))
until [[ $(told app application_name=brief) == '1 ' ]]; do ((SECONDS < deadline)) || give_up 'a cooldown does not end'; done
ok 'it ends by itself'

restart_server
session admin
is "$(told app application_name=pool)" '1 ' 'a restart ends all'
cool_down false "cooldown := '2 h'"
like "$reply" 'ERROR: +cooldown must not be longer than one hour.*HINT: +Valid values are' 'an hour is the longest'
