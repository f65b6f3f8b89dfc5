# drain_where: sessions end after the transaction they are in. reaper_drain.sh plays it on a server that preloads.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

drain="sessionctl.drain_where('application_name ~ \$1', '{^d}'"
session caller

# Who is asked is asked before the first is ended: when the idle session is gone, the others know.
# shellcheck disable=SC2120 # reaper_drain.sh has some
begin_drain() { # begin_drain [OPTIONS]
    session didle user=app
    send caller "SELECT $drain${1-})"
    until_gone didle
}

expect_last() { # expect_last NAME SQL TEST: its answer is empty, but for the server's last words after it
    sql "$1" "$2"
    like "$reply" '^(FATAL:  terminating connection due to administrator command.*)?$' "$3"
}

is_drained() { # is_drained NAME COUNT: by the caller
    receive caller
    is "$reply" "$2" "$1: the count"
    until_gone "$1"
    sql "$1" 'SELECT 1'
    like "$reply" 'connection to server was lost|closed the connection' "$1 was ended"
}

sql admin 'CREATE TABLE drained (a int PRIMARY KEY); GRANT ALL ON drained TO app; ALTER TABLE drained OWNER TO app'

sessions d1
sql d1 'BEGIN; INSERT INTO drained VALUES (1)'
begin_drain
expect d1 'INSERT INTO drained VALUES (2)' '' 'what is begun goes on'
expect_last d1 'COMMIT' 'and commits'
is_drained d1 2

sessions d2
sql d2 'BEGIN; INSERT INTO drained VALUES (3); SAVEPOINT s; INSERT INTO drained VALUES (3)'
begin_drain
expect d2 'ROLLBACK TO s' '' 'a savepoint is no end'
expect d2 'INSERT INTO drained VALUES (4)' '' 'nor what follows on it'
expect_last d2 'COMMIT' 'the commit is'
is_drained d2 2

sessions d3 d4
sql d3 'BEGIN; SELECT 1/0'
sql d4 'BEGIN'
begin_drain
until_gone d3
expect_last d4 'ROLLBACK' 'rolled back'
is_drained d4 3
is_ended d3 'one that has failed is over'

sessions d5
sql d5 'BEGIN; INSERT INTO drained VALUES (5)'
begin_drain
expect_last d5 "PREPARE TRANSACTION 'drained'" 'prepared'
is_drained d5 2
expect admin "COMMIT PREPARED 'drained'" '' 'it remains'
expect admin 'SELECT count(*) FROM drained' 5 'all that was committed is there'

# Commands that commit inside
sessions d6 blocker
sql blocker 'BEGIN; LOCK TABLE drained IN ACCESS EXCLUSIVE MODE'
send d6 'VACUUM drained'
until_waiting d6
begin_drain
sql blocker 'COMMIT'
receive d6
like "$reply" '^(FATAL:  terminating.*)?$' 'VACUUM goes on to its end'
is_drained d6 2
sql admin 'SHOW server_version_num'
if ((reply >= 110000)); then
    sql admin "CREATE PROCEDURE steps() LANGUAGE plpgsql AS \$\$BEGIN
        FOR i IN 11..20 LOOP
            IF i = 15 THEN PERFORM pg_advisory_lock_shared(4711); END IF;
            INSERT INTO drained VALUES (i);
            COMMIT;
        END LOOP; INSERT INTO drained VALUES (21); END\$\$"
    sessions d7
    sql admin 'SELECT pg_advisory_lock(4711)'
    send d7 'CALL steps()'
    until_waiting d7
    begin_drain
    sql admin 'SELECT pg_advisory_unlock(4711)'
    receive d7
    is_drained d7 2
    expect admin 'SELECT count(*) FROM drained WHERE a > 10' 11 'a procedure with all its commits'
fi

# What is left
sessions d8 d9
sql d8 'BEGIN'
position=$(log_position)
sql caller "SELECT $drain, timeout := '1 s')"
like "$reply" 'NOTICE:  matched 2: 1 ended, 1 still running.*WARNING:  1 session has not finished its transaction within [0-9][.][0-9] s.*1$' \
    'one is not over in time'
like "$(log_since "$position" | grep action=drain)" 'result="still running".*result="terminated"|result="terminated".*result="still running"' 'the audit'
expect d8 'COMMIT; SELECT 8' 8 'it goes on'
lives d8
sql d8 'BEGIN'
expect caller "SELECT $drain, timeout := '1 s', force := true)" 1 'forced'
is_ended d8

# Broken off
for how in cancel terminate; do
    sessions d10
    sql d10 'BEGIN'
    begin_drain
    sql admin "SELECT pg_${how}_backend(${pid[caller]})"
    receive caller
    expect d10 'COMMIT; SELECT 10' 10 "$how: who was asked goes on"
    lives d10
    disconnect d10
done
until_gone caller
session caller
disconnect blocker
sql admin 'DROP TABLE drained'
if [[ $(server_version_num) -ge 110000 ]]; then sql admin 'DROP PROCEDURE steps()'; fi
