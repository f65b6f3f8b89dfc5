# cancel_where cancels only running statements, and the sessions continue.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

sessions busy idle
send busy 'SELECT pg_sleep(600)'
until_active busy
expect admin "SELECT sessionctl.cancel_where(\$\$application_name IN ('busy', 'idle')\$\$)" \
    $'NOTICE:  matched 2: 1 cancelled, 1 not running\n1' 'one is cancelled, the other runs nothing'
receive busy
is "$reply" 'ERROR:  canceling statement due to user request' 'the statement was cancelled'
lives busy
lives idle

send busy 'SELECT pg_sleep(600)'
until_active busy
expect admin "SELECT sessionctl.cancel_where('application_name = \$1', '{busy}', timeout := '0')" 1 \
    "timeout '0' counts whom it signalled"
receive busy
is "$reply" 'ERROR:  canceling statement due to user request' 'and that one is cancelled, too'

# A transaction in which a statement was cancelled is still open: the session is its client's.
sql idle 'BEGIN; SELECT 1'
send idle 'SELECT pg_sleep(600)'
until_active idle
expect admin "SELECT sessionctl.cancel_where('application_name = \$1', '{idle}')" 1 'inside a transaction'
receive idle
expect admin "SELECT state FROM sessionctl.session_activity WHERE pid = ${pid[idle]}" 'idle in transaction (aborted)' \
    'its transaction stays, aborted'
expect admin "SELECT sessionctl.cancel_where('pid = pg_backend_pid()')" \
    $'NOTICE:  matched 1: 1 spared (self)\n0' 'oneself is spared'

# Waiting for a lock
sessions holder waiter
sql holder 'BEGIN; SELECT pg_advisory_xact_lock(1)'
send waiter 'SELECT pg_advisory_lock(1)'
until_waiting waiter
expect admin "SELECT sessionctl.cancel_where('waiting')" 1 'one that waits for a lock'
receive waiter
like "$reply" '^ERROR:  canceling statement due to user request' 'stops waiting'
lives holder
