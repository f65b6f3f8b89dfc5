# The message that a client reads when its session is ended has the reason and a HINT.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

# A server that closes the connection without its last words (the first test release of 9.5) mostly has nothing to read:
# there the words in its log are all there is.
sends_last_words=true
for probe in p1 p2 p3 p4 p5; do
    session $probe user=app
    sql admin "SELECT pg_terminate_backend(${pid[$probe]})"
    until_gone $probe
    sql $probe 'SELECT 1'
    if [[ $reply != *'FATAL:  terminating connection due to administrator command'* ]]; then sends_last_words=false; fi
done
$sends_last_words || printf '# the client reads nothing: this server ends the connection without its last words\n'

says() { # says NAME REGEX TEST: to the client and in the log
    until_gone "$1"
    sql "$1" 'SELECT 1'
    if $sends_last_words; then like "$reply" "FATAL:  terminating connection due to administrator command.*$2" "$3"; fi
    like "$(grep -F "[${pid[$1]}] " "$server_log")" "FATAL:  terminating connection due to administrator command.*$2" "$3 (log)"
}

says_nothing() { # says_nothing NAME TEST: beyond core's own words
    until_gone "$1"
    sql "$1" 'SELECT 1'
    reply+=$(grep -F "[${pid[$1]}] " "$server_log" | sed -n '/FATAL:/,$p')
    if [[ $reply == *'Reason given'* || $reply == *'pg_sessionctl.'* || $reply == *HINT:* ]]; then not_ok "$2" "$reply"; else ok "$2"; fi
}

# --- the reaper's

sessions idler
sql idler 'BEGIN; SELECT 1'
configure_reaper "idle_in_transaction_timeout = '300 ms'"
says idler 'DETAIL:  .*The session was idle in transaction for [0-9.]+ m?s [(]pg_sessionctl.idle_in_transaction_timeout is 300 ms[)][.].*HINT:  Commit or roll back as soon as the work is done; connect again and repeat what was not committed[.]' \
    'the limit, and how long it was idle'

sql admin 'CREATE TABLE wanted (a int); GRANT ALL ON wanted TO PUBLIC'
configure_reaper
sessions blocker w1 w2
sql blocker 'BEGIN; LOCK TABLE wanted'
for name in w1 w2; do
    send "$name" 'BEGIN; LOCK TABLE wanted; COMMIT'
    until_waiting "$name"
done
configure_reaper "idle_in_transaction_blocking_timeout = '300 ms'"
says blocker 'while 2 sessions waited for it [(]pg_sessionctl.idle_in_transaction_blocking_timeout is 300 ms[)][.]' \
    'how many it blocked'
for name in w1 w2; do receive "$name"; done
sql admin 'DROP TABLE wanted'

configure_reaper 'send_reason = off' "idle_session_timeout = '300 ms'"
sessions idler
says_nothing idler 'send_reason = off'

# --- a person's: another user's text is shown as such

configure_reaper
sessions guest
expect admin "SELECT sessionctl.terminate_where('application_name = \$1', '{guest}', reason := E'we move:\nback at six')" 1 \
    'a reason is given'
says guest 'DETAIL:  .*Reason given by role "postgres": we move: back at six' 'who gave which reason'

sessions guest
expect admin "SELECT sessionctl.terminate_where('application_name = \$1', '{guest}')" 1 'no reason is given'
says_nothing guest 'nor shown'

sessions guest
send guest 'SELECT pg_sleep(600)'
until_active guest
expect admin "SELECT sessionctl.cancel_where('application_name = \$1', '{guest}', reason := 'too long')" 1 'a statement is cancelled'
receive guest
like "$reply" 'ERROR:  canceling statement due to user request.*DETAIL:  .*Reason given by role "postgres": too long' \
    'for a reason that its client reads'
send guest 'SELECT pg_sleep(600)'
until_active guest
sql admin "SELECT pg_cancel_backend(${pid[guest]})"
receive guest
if [[ $reply == *'canceling statement'* && $reply != *'Reason given'* ]]; then ok 'which is not that of the next'; else not_ok 'which is not that of the next' "$reply"; fi
sql admin "SELECT pg_terminate_backend(${pid[guest]})"
until_gone guest
says_nothing guest 'nor of another end'
