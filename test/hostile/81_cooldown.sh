# A superuser's cooldown outlasts whatever a role does that may end its own sessions.
# shellcheck shell=bash disable=SC2154 # lib.sh sets pid and reply

if [[ $server_kind == preloaded && " $roles " == *' signaller '* ]]; then
    session crawler user=app dbname="$database"
    sql admin "SELECT sessionctl.terminate_where('application_name = ''crawler''', cooldown := '1 h', reason := 'the superuser''s')"
    is "$reply" 1 'the superuser sets a cooldown'
    session washer user=signaller dbname="$database"
    for round in 1 2 3 4 5 6; do
        for number in {1..25}; do
            psql -XAtq -d "application_name=wash_${round}_$number user=signaller dbname=$database" -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
        done
        until_true 'they are all there' "SELECT count(*) = 25 FROM pg_stat_activity WHERE application_name LIKE 'wash\\_${round}\\_%' AND state = 'active'"
        sql washer "SELECT sessionctl.terminate_where('application_name like ''wash%''', cooldown := '1 h', timeout := '30 s')"
        like "$reply" '25$' "round $round: 25 sessions of his own"
    done
    # It can't be made another's, by prolonging it, either.
    sql washer "SELECT sessionctl.terminate_where('application_name = ''crawler''', cooldown := '2 h')"
    says=$(psql -XAtqw -d "application_name=crawler user=app dbname=$database" -c 'SELECT 1' 2>&1) || true
    like "$says" 'may not log in' "the superuser's cooldown holds"
    like "$says" 'role "postgres".*the superuser' 'and is his'
    forget washer
    sql admin 'SELECT judge.take()'
fi
