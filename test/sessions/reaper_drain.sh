# drain_where with the library preloaded: the same, and what only a session itself can do.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply, drain.sh drain

configure_reaper
# shellcheck source=drain.sh
. "$repository/test/sessions/drain.sh"

# A statement that comes in one message with the COMMIT does not run.
sql admin 'CREATE SEQUENCE counter; GRANT ALL ON counter TO app'
sessions d11
sql d11 'BEGIN'
begin_drain ", reason := 'we move'"
# psql sends what stands between \; in one message.
sql d11 "COMMIT\\; SELECT nextval('counter')"
like "$reply" 'connection to server was lost|closed the connection' 'ended behind its COMMIT'
receive caller
is "$reply" 2 'the count'
expect admin 'SELECT is_called FROM counter' f 'a statement behind COMMIT does not run'
like "$(grep -F "[${pid[d11]}] " "$server_log")" 'FATAL:  terminating connection due to administrator command.*DETAIL:  .*Reason given by role "postgres": we move' \
    'the reason'

# Traffic: what was acknowledged is there, and nothing else.
sql admin 'CREATE TABLE traffic (client int); GRANT ALL ON traffic TO app'
for round in 1 2 3 4 5 6 7 8 9 10; do
    writers=()
    for writer in 1 2 3 4; do
        # Ends with its connection.
        yes "INSERT INTO traffic VALUES ($writer);" | PGAPPNAME=dtraffic psql -XAt -U app postgres >"$scratch/traffic.$writer" 2>/dev/null &
        writers+=($!)
    done
    until_true 'traffic' 'SELECT count(*) > 200 AND count(DISTINCT client) = 4 FROM traffic'
    expect admin "SELECT $drain)" 4 "traffic: round $round"
    wait "${writers[@]}" || true
    acknowledged=$(cat "$scratch"/traffic.? | grep -c '^INSERT 0 1$')
    expect admin 'SELECT count(*) FROM traffic' "$acknowledged" 'traffic: what was acknowledged is there, and nothing else'
    sql admin 'TRUNCATE traffic'
done
sql admin 'DROP TABLE traffic; DROP SEQUENCE counter'
