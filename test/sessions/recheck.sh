# A session that changes between its selection and the signal is not signalled. A lock that the condition, or a look-up of
# a role, waits for delays the call in between.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

sessions gate v1 v2
sql admin "CREATE FUNCTION passes_gate() RETURNS boolean LANGUAGE plpgsql STABLE AS
    \$\$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN true; END \$\$"
session caller
close_gate() { sql gate 'SELECT pg_advisory_lock(7)'; }
open_gate() { sql gate 'SELECT pg_advisory_unlock(7)'; }

close_gate
send caller "SELECT sessionctl.terminate_where('application_name ~ \$1 AND public.passes_gate()', '{^v}')"
until_waiting caller
disconnect v1
open_gate
receive caller
is "$reply" $'NOTICE:  matched 2: 1 ended, 1 already gone\n1' 'who left by himself is not counted'
is_ended v2

# Another statement is not the one that was chosen.
sessions v1 v2
for name in v1 v2; do
    send "$name" 'SELECT pg_sleep(600)'
    until_active "$name"
done
close_gate
send caller "SELECT sessionctl.cancel_where('application_name ~ \$1 AND public.passes_gate()', '{^v}')"
until_waiting caller
sql admin "SELECT pg_cancel_backend(${pid[v1]})"
receive v1
send v1 'SELECT pg_sleep(601)'
until_true 'v1 runs another statement' \
    "SELECT state = 'active' AND query LIKE '%601%' FROM pg_stat_activity WHERE pid = ${pid[v1]}"
open_gate
receive caller
is "$reply" $'NOTICE:  matched 2: 1 cancelled, 1 no longer matches\n1' 'the later statement is left alone'
receive v2
expect admin "SELECT state FROM pg_stat_activity WHERE pid = ${pid[v1]}" active 'it runs on'

close_gate
send caller "SELECT sessionctl.cancel_where('application_name = \$1 AND public.passes_gate()', '{v1}')"
until_waiting caller
sql admin "SELECT pg_cancel_backend(${pid[v1]})"
receive v1
open_gate
receive caller
is "$reply" $'NOTICE:  matched 1: 1 not running\n0' 'who finished meanwhile runs nothing'

# terminate_idle_in_transaction takes the sessions as they are, then looks up their roles. Of these roles the
# caller knows nothing yet, and the table of roles is locked.
sql admin 'CREATE ROLE waker LOGIN; CREATE ROLE sleeper LOGIN'
session waker user=waker
session sleeper user=sleeper
session recipe
for name in waker sleeper; do sql "$name" 'BEGIN; SELECT 1'; done
session locker
sql locker 'BEGIN; LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE'
send recipe "SELECT sessionctl.terminate_idle_in_transaction('0')"
until_waiting recipe
send waker 'SELECT pg_sleep(600)'
until_active waker
sql locker 'ROLLBACK'
receive recipe
is "$reply" $'NOTICE:  matched 3: 1 ended, 1 no longer matches, 1 spared (superuser)\n'"$(hint_to_include superusers superusers)"$'\n1' 'who works again is left alone'
is_ended sleeper
expect admin "SELECT state FROM pg_stat_activity WHERE pid = ${pid[waker]}" active 'its statement runs on'
expect admin "SELECT sessionctl.terminate_idle_in_transaction('1 hour')" 0 'who is not idle for long is not matched'
sql admin "SELECT pg_cancel_backend(${pid[waker]})"
receive waker
until_true 'waker is aborted' "SELECT state = 'idle in transaction (aborted)' FROM pg_stat_activity WHERE pid = ${pid[waker]}"
expect admin "SELECT sessionctl.terminate_idle_in_transaction('0')" 1 'an aborted transaction is an open one'
is_ended waker
