# Each limit ends the sessions over it, and no others.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

# --- idle in a transaction

sessions idler aborted outside
sql idler 'BEGIN; SELECT 1'
sql aborted 'BEGIN; SELECT 1/0'
until_idle_in_transaction idler
until_idle_in_transaction aborted
configure_reaper "idle_in_transaction_timeout = '1 h'"
lives outside
expect admin "SELECT count(*) FROM pg_stat_activity
    WHERE pid IN (${pid[idler]}, ${pid[aborted]}) AND state LIKE 'idle in transaction%'" 2 'nobody is over a limit of an hour'
configure_reaper "idle_in_transaction_timeout = '300 ms'"
is_reaped idler idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
is_reaped aborted idle_in_transaction_timeout '300 ms' 'The session was idle in transaction for TIME'
is_ended idler
is_ended aborted
lives outside 'who is idle in no transaction lives'

# --- a shorter one for who is in the way

sql admin 'CREATE TABLE wanted (a int); GRANT ALL ON wanted TO PUBLIC'
configure_reaper
sessions harmless blocker waiter
for name in harmless blocker; do sql "$name" 'BEGIN; SELECT 1'; done
sql blocker 'LOCK TABLE wanted'
send waiter 'BEGIN; LOCK TABLE wanted; COMMIT'
until_waiting waiter
configure_reaper "idle_in_transaction_blocking_timeout = '300 ms'"
is_reaped blocker idle_in_transaction_blocking_timeout '300 ms' \
    'The session was idle in transaction for TIME while 1 session waited for it'
receive waiter
is "$reply" '' 'who waited for it goes on'
is_ended blocker
lives waiter
lives harmless 'who is idle for longer, but in nobody'"'"'s way, lives'
sql harmless 'ROLLBACK'

# Somebody comes to wait while the reaper sleeps: nothing tells it, it looks.
sql harmless 'BEGIN; LOCK TABLE wanted'
until_idle_in_transaction harmless
send waiter 'BEGIN; LOCK TABLE wanted; COMMIT'
is_reaped harmless idle_in_transaction_blocking_timeout '300 ms' \
    'The session was idle in transaction for TIME while 1 session waited for it'
receive waiter

# --- a transaction, whatever goes on in it

sessions drip busy between
sql drip 'BEGIN; SELECT 1'
send busy 'SELECT pg_sleep(600)'
until_active busy
configure_reaper "transaction_timeout = '500 ms'" "idle_in_transaction_timeout = '1 h'"
until [[ $reply == *FATAL* || $reply == *'connection to server was lost'* ]]; do sql drip 'SELECT 1'; done
is_reaped drip transaction_timeout '500 ms' 'The transaction lasted for TIME'
is_reaped busy transaction_timeout '500 ms' 'The transaction lasted for TIME'
is_ended busy
lives between 'who is in no transaction lives'

# --- idle in no transaction

configure_reaper
sessions idler inside listener
sql inside 'BEGIN; SELECT 1'
sql listener 'LISTEN news'
configure_reaper "idle_session_timeout = '300 ms'"
is_reaped idler idle_session_timeout '300 ms' 'The session was idle for TIME'
is_reaped listener idle_session_timeout '300 ms' 'The session was idle for TIME'
is_ended idler
expect admin "SELECT state FROM pg_stat_activity WHERE pid = ${pid[inside]}" 'idle in transaction' \
    'who is idle in a transaction lives'

# --- who holds back the vacuum horizon

sql admin "CREATE ROLE reader LOGIN;
    ALTER ROLE reader SET pg_sessionctl.idle_in_transaction_horizon_age = 20;
    ALTER ROLE reader SET pg_sessionctl.idle_in_transaction_horizon_idle = '1 ms'"
configure_reaper
session holder user=reader
session free user=reader
sql free 'BEGIN; SELECT 1'
sql holder 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1'
until_idle_in_transaction holder
expect admin "SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = ${pid[holder]}" t 'a snapshot is held'
for ((i = 0; i < 30; i++)); do sql admin 'SELECT txid_current()'; done
is_reaped holder idle_in_transaction_horizon_age '20 transactions' \
    'The session was idle in transaction for TIME and held back the vacuum horizon by [0-9]+ transactions'
is_ended holder
lives free 'who holds back nothing lives'

# --- a client that falls silent in the middle of a statement

silence="DO \$\$ BEGIN
    SET pg_sessionctl.client_silence_timeout = '300 ms';
    RESET pg_sessionctl.client_silence_timeout;
EXCEPTION WHEN feature_not_supported THEN RAISE NOTICE '%, %', SQLSTATE, SQLERRM; END \$\$"
if (($(server_version_num) < 100000)); then
    expect admin "$silence" 'NOTICE:  0A000, pg_sessionctl.client_silence_timeout is not supported by this server' \
        'client_silence_timeout is refused before 10'
else
    expect admin "$silence" '' 'client_silence_timeout is accepted (10)'
    sessions silent patient
    send patient 'SELECT pg_sleep(600)'
    until_active patient
    printf 'COPY wanted FROM STDIN;\n' >&"${to[silent]}"
    until_active silent
    configure_reaper "client_silence_timeout = '300 ms'"
    is_reaped silent client_silence_timeout '300 ms' \
        'The session waited for its client, in the middle of a statement, for TIME'
    expect admin "SELECT state FROM pg_stat_activity WHERE pid = ${pid[patient]}" active 'whose client waits for it lives'
fi

sql admin 'DROP TABLE wanted'
configure_reaper
