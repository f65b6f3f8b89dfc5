# Which sessions block which, read from the lock table: equal to pg_blocking_pids() where the server has it (9.6).
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

if (($(server_version_num) >= 90600)); then has_blocking_pids=t; else has_blocking_pids=f; fi

sorted() { echo "ARRAY(SELECT DISTINCT p FROM unnest($1) AS p ORDER BY p)"; }

# blocks NAME "BLOCKER..." TEST: these, and nobody else
blocks() {
    local blocker expected=
    for blocker in $2; do expected+=${expected:+,}${pid[$blocker]-$blocker}; done
    expect admin "SELECT $(sorted blocked_by) = $(sorted "'{$expected}'::int[]"), waiting
        FROM sessionctl.session_activity WHERE pid = ${pid[$1]}" "t|$([[ -n $2 ]] && echo t || echo f)" "$3: $1 waits for ${2:-nobody}"
    if [[ $has_blocking_pids == t ]]; then
        expect admin "SELECT $(sorted blocked_by) = $(sorted 'pg_blocking_pids(pid)')
            FROM sessionctl.session_activity WHERE pid = ${pid[$1]}" t "$3: $1, as core says"
    fi
}

# in_tree "NAME NAME..." TEST: who stands in the tree, in this order, with a dot for each step to the right
in_tree() {
    local name shown=
    sql admin "SELECT regexp_replace(line, '^( *)(.*)\$', '\\1') || coalesce(substring(line FROM 'pid ([0-9]+)'), substring(line FROM '^ *(prepared|a cycle)'))
        FROM sessionctl.blocking_tree() AS line"
    shown=${reply//  /.}
    for name in "${!pid[@]}"; do shown=${shown//${pid[$name]}/$name}; done
    is "${shown//$'\n'/ }" "$1" "$2: the tree"
}

counts() { # counts "NAME=COUNT..." TEST: how many wait behind each, directly or not
    local pair
    for pair in $1; do
        expect admin "SELECT blocking_count FROM sessionctl.session_activity WHERE pid = ${pid[${pair%=*}]}" \
            "${pair#*=}" "$2: ${pair#*=} behind ${pair%=*}"
    done
}

named_as_in_pg_locks() { # named_as_in_pg_locks TEST: the lock that each waiter waits for
    expect admin "SELECT count(*) > 0, bool_and(b.locktype = l.locktype AND b.mode_wanted = l.mode)
        FROM sessionctl.session_blocking AS b JOIN pg_locks AS l ON l.pid = b.waiter_pid AND NOT l.granted" 't|t' "$1: locktype"
}

waits() { # waits NAME SQL
    send "$1" "$2"
    until_waiting "$1"
}

all_done() { # all_done NAME...: in the order in which they hold
    local name
    for name; do
        receive "$name"
        sql "$name" 'ROLLBACK'
    done
}

sql admin 'CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1), (2, 2); GRANT ALL ON t TO app'
sessions a b c d
begin() {
    local name
    for name; do sql "$name" 'BEGIN'; done
}

test='nobody waits'
blocks a '' "$test"
counts 'a=0 b=0' "$test"
expect admin "SELECT blocked_by = '{}' FROM sessionctl.session_activity WHERE pid = ${pid[a]}" t "$test: an empty array"
expect admin "SELECT sessionctl.safe_count(\$\$application_name = 'a' AND blocked_by <> '{}'\$\$)" 0 "$test: in a condition, too"

test='hard block'
begin a b
sql a 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE'
waits b 'SELECT * FROM t'
blocks b 'a' "$test"
blocks a '' "$test"
counts 'a=1 b=0' "$test"
sql a 'ROLLBACK'
all_done b

test='soft block'
begin a b c
sql a 'SELECT * FROM t'
waits b 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE'
waits c 'SELECT * FROM t'
blocks b 'a' "$test"
blocks c 'b' "$test"
counts 'a=2 b=1 c=0' "$test"
in_tree 'a .b ..c' "$test"
sql a 'ROLLBACK'
all_done b c

test='two waiters for one'
begin a b c
sql a 'SELECT pg_advisory_xact_lock(1)'
waits b 'SELECT pg_advisory_xact_lock(1)'
waits c 'SELECT pg_advisory_xact_lock(1)'
blocks b 'a' "$test"
blocks c 'a b' "$test"
counts 'a=2 b=1 c=0' "$test"
named_as_in_pg_locks "$test"
sql a 'ROLLBACK'
all_done b c

test='an object that is no relation'
sql admin 'ALTER DATABASE postgres OWNER TO app'
begin a b
sql a "COMMENT ON DATABASE postgres IS 'a'"
waits b "COMMENT ON DATABASE postgres IS 'b'"
named_as_in_pg_locks "$test"
sql a 'ROLLBACK'
all_done b

test='two holders'
begin a b c
sql a 'LOCK TABLE t IN SHARE MODE'
sql b 'LOCK TABLE t IN SHARE MODE'
waits c 'LOCK TABLE t IN EXCLUSIVE MODE'
blocks c 'a b' "$test"
counts 'a=1 b=1' "$test"
sql a 'ROLLBACK'
blocks c 'b' 'one of them left'
sql b 'ROLLBACK'
all_done c

test='holder and waiter at once'
begin a b c d
sql a 'LOCK TABLE t IN ACCESS SHARE MODE'
sql b 'LOCK TABLE t IN ACCESS SHARE MODE'
waits a 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE'
waits c 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE'
waits d 'LOCK TABLE t IN ACCESS SHARE MODE'
blocks a 'b' "$test"
blocks c 'a b' "$test"
blocks d 'a c' "$test"
counts 'b=3 a=2 c=1 d=0' "$test"
in_tree 'b .a ..c ..d' "$test"
sql b 'ROLLBACK'
all_done a c d

test='row lock'
begin a b c
sql a 'UPDATE t SET b = 0 WHERE a = 1'
waits b 'UPDATE t SET b = 0 WHERE a = 1'
waits c 'UPDATE t SET b = 0 WHERE a = 1'
blocks b 'a' "$test"
blocks c 'b' "$test"
counts 'a=2 b=1 c=0' "$test"
sql a 'ROLLBACK'
all_done b c

test='chain'
begin a b c d
sql a 'SELECT pg_advisory_xact_lock(1)'
sql b 'SELECT pg_advisory_xact_lock(2)'
sql c 'SELECT pg_advisory_xact_lock(3)'
waits b 'SELECT pg_advisory_xact_lock(1)'
waits c 'SELECT pg_advisory_xact_lock(2)'
waits d 'SELECT pg_advisory_xact_lock(3)'
for pair in 'b a' 'c b' 'd c'; do blocks "${pair% *}" "${pair#* }" "$test"; done
counts 'a=3 b=2 c=1 d=0' "$test"
expect admin "SELECT string_agg(application_name, ' ' ORDER BY application_name) FROM sessionctl.session_activity
    WHERE ${pid[b]} = ANY (blocked_by) OR blocking_count = 3" 'a c' 'both columns in one statement'
expect admin "SELECT sessionctl.terminate_where('blocking_count >= \$1::int and blocked_by = \$2::int[]', array['1', '{}'])" 1 'both work in a condition'
is_ended a
all_done b c d

test='prepared transaction'
sql a 'SELECT 1' # ended above
session e user=app
begin e b
sql e "LOCK TABLE t IN EXCLUSIVE MODE"
sql e "PREPARE TRANSACTION 'p'"
waits b 'LOCK TABLE t IN SHARE MODE'
blocks b '0' "$test"
counts 'b=0 e=0' "$test"
in_tree 'prepared .b' "$test"
expect admin "SELECT waiter_pid = ${pid[b]}, blocker_pid, blocker_gid, lock, mode_wanted, mode_held
    FROM sessionctl.session_blocking" 't||p|public.t|ShareLock|ExclusiveLock' "$test: session_blocking"
expect admin "SELECT gid, owner, database, locks, blocks = ARRAY[${pid[b]}], rollback_command
    FROM sessionctl.prepared_transactions" "p|app|postgres|{\"ExclusiveLock on public.t\"}|t|ROLLBACK PREPARED 'p'" \
    "$test: prepared_transactions"
sql admin "SELECT sessionctl.terminate_blockers(${pid[b]})"
like "$reply" "NOTICE:  1 prepared transaction keeps session ${pid[b]} waiting" "$test: terminate_blockers"
sql admin "ROLLBACK PREPARED 'p'"
all_done b

test='terminate_blockers'
sql e 'ROLLBACK'
begin b c d
sql b 'LOCK TABLE t'
waits c 'SELECT pg_advisory_xact_lock(1), count(*) FROM t'
waits d 'SELECT count(*) FROM t'
expect admin "SELECT sessionctl.terminate_blockers(${pid[d]})" 1 "$test: the root of the queue"
is_ended b
all_done c d

test='a cycle'
session b user=app
begin b c d
sql b 'SELECT pg_advisory_xact_lock(1)'
sql c 'SELECT pg_advisory_xact_lock(2)'
waits b 'SELECT pg_advisory_xact_lock(2)'
waits c 'SELECT pg_advisory_xact_lock(1)'
blocks b 'c' "$test"
blocks c 'b' "$test"
counts 'b=1 c=1' "$test"
expect admin "SELECT sessionctl.terminate_blockers(${pid[b]})" 1 "$test: broken by the end of one"
is_ended c
all_done b
session c user=app

test='terminate_lock_holders'
sql d 'ROLLBACK'
sql admin 'CREATE TABLE heir () INHERITS (t); GRANT ALL ON heir TO app'
begin b c d
sql b 'SELECT count(*) FROM ONLY heir'
sql c "UPDATE ONLY t SET b = 0 WHERE a = 1"
sql d 'SELECT count(*) FROM pg_class'
expect admin "SELECT sessionctl.terminate_lock_holders('t', 'ROW EXCLUSIVE')" 1 "$test: a writer"
is_ended c
expect admin "SELECT sessionctl.terminate_lock_holders('t')" 1 "$test: a reader of an heir, on the fast path"
is_ended b
sql d 'ROLLBACK'
sessions b c
sql admin 'DROP TABLE heir'

test='fast-path lock'
begin c d
sql c 'SELECT * FROM t'
waits d 'LOCK TABLE t IN ACCESS EXCLUSIVE MODE'
blocks d 'c' "$test"
sql c 'ROLLBACK'
all_done d
