# A role holds the lock that logins to a database wait for, by a long statement or by code that takes no cancel: a
# superuser can still log in.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pid and reply

session holder user=dbowner dbname=latin1
for goes_on in "pg_sleep(40)" "(SELECT count(*) FROM generate_series(1, 2000000000) AS n WHERE n < 0)" "pg_temp.deaf()"; do
    session holder user=dbowner dbname=latin1
    sql holder "CREATE FUNCTION pg_temp.deaf() RETURNS void LANGUAGE plpgsql AS \$f\$ BEGIN
        WHILE pg_catalog.clock_timestamp() < pg_catalog.now() + interval '40 s' LOOP
            BEGIN PERFORM pg_catalog.pg_sleep(1); EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP;
    END \$f\$"
    send holder "SELECT sessionctl.lockdown_database('shop', terminate := false), $goes_on"
    until_true 'the database is being locked down' "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE classid = 'pg_database'::regclass AND mode = 'ExclusiveLock' AND granted)"
    psql -XAtqw -d 'user=boss dbname=shop' -c 'SELECT 1' >/dev/null
    receive holder
    like "$reply" 'ERROR|FATAL' "who holds the login lock is not let go on: $goes_on"
    forget holder
    sql admin "SELECT sessionctl.unlock_database('shop')"
    sql admin 'ALTER DATABASE shop CONNECTION LIMIT -1'
done
