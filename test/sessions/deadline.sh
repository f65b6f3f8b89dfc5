# A session that does not end: the call stops waiting with a warning, before the caller's statement_timeout.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

warning='WARNING:  1 session is still running after [0-9.]+ s.*HINT:  '
frozen="'application_name = \$1', '{frozen}'"

sessions frozen other
freeze frozen
sql admin "SELECT sessionctl.terminate_where($frozen, timeout := '500 ms')"
like "$reply" "^NOTICE:  matched 1: 1 still running.*$warning.*"$'\n0$' 'timeout: not counted, but told'
sql admin "SELECT outcome, elapsed > '0' FROM sessionctl.terminate_report($frozen, timeout := '500 ms')"
like "$reply" $'\nstill running\\|t$' 'and so says the report'

# statement_timeout is shorter than what the caller allows: it stops waiting before it.
sql admin "SET statement_timeout = '1 s'; SELECT sessionctl.terminate_where($frozen, timeout := '5 min')"
like "$reply" "$warning.*"$'\n0$' 'a shorter statement_timeout makes no error of it'
expect admin "SELECT sessionctl.terminate_where('application_name = \$1', '{other}', timeout := '5 min')" 1 \
    'nor of a success'
sql admin 'RESET statement_timeout'

# A cancel, and the end of the caller, are obeyed while it waits; the log tells what was done.
position=$(log_position)
session waiter
send waiter "SELECT sessionctl.terminate_where($frozen, timeout := '1 h')"
until_active waiter
until_true 'waiter was cancelled' "SELECT pg_cancel_backend(${pid[waiter]})"
receive waiter
like "$reply" '^ERROR:  canceling statement due to user request' 'the wait can be cancelled'
lives waiter
position=$(log_position)
send waiter "SELECT sessionctl.terminate_where($frozen, timeout := '1 h')"
until_active waiter
sql admin "SELECT pg_terminate_backend(${pid[waiter]})"
until_gone waiter
ok 'the waiting caller can be ended'

# The signal stays in force.
thaw frozen
until_gone frozen
ok 'the session goes as soon as it can'

for interval in "'-1 s'" "'61 min'" NULL; do
    sql admin "SELECT sessionctl.terminate_where('false', timeout := $interval)"
    like "$reply" '^ERROR:  ' "timeout $interval is refused"
done
