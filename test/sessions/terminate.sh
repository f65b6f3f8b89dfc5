# terminate_where: sessions that it counts are gone, sessions that it spares are alive.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

sessions v1 v2 v3 bystander
session vboss user=boss
superusers=$(hint_to_include superusers superusers)
expect admin "SELECT sessionctl.safe_count(\$\$application_name LIKE 'v%'\$\$)" \
    $'NOTICE:  matched 4: 3 to act on, 1 spared (superuser)\n'"$superusers"$'\n3' 'safe_count: three, and a superuser'
expect admin "SELECT sessionctl.terminate_where(\$\$application_name LIKE 'v%' OR pid = pg_backend_pid()\$\$)" \
    $'NOTICE:  matched 5: 3 ended, 2 spared (1 self, 1 superuser)\n'"$superusers"$'\n3' 'terminate_where counts what it ended'
expect admin "SELECT count(*) FROM pg_stat_activity WHERE pid IN (${pid[v1]}, ${pid[v2]}, ${pid[v3]})" 0 \
    'who was counted is gone at once'
for name in v1 v2 v3; do is_ended "$name"; done
for name in vboss bystander admin; do lives "$name"; done

expect admin "SELECT sessionctl.terminate_where('application_name = \$1', args := '{vboss}', include_superusers := true)" \
    1 'a superuser on request; all ended: no notice'
is_ended vboss

expect admin "SELECT sessionctl.terminate_where('application_name = \$1', '{nobody}')" 0 'nobody matches: zero'

sessions w1 w2
expect admin "SELECT pid, outcome, usename, datname, application_name, state, elapsed >= '0', detail
    FROM sessionctl.terminate_report('application_name ~ \$1', '{^w}') ORDER BY application_name" \
    "${pid[w1]}|terminated|app|postgres|w1|idle|t|
${pid[w2]}|terminated|app|postgres|w2|idle|t|" 'terminate_report: a row each'

sessions s1
expect admin "SELECT sessionctl.terminate_where('application_name = \$1', '{s1}', timeout := '0')" 1 \
    "timeout '0' counts whom it signalled"
until_gone s1

# A statement is no protection, a transaction neither.
sessions busy open
send busy 'SELECT pg_sleep(600)'
until_active busy
sql open 'BEGIN; CREATE TABLE never (a int)'
expect admin "SELECT sessionctl.terminate_role_sessions('app', keep := 1, per := 'usename', keep_which := 'oldest')" \
    $'NOTICE:  matched 3: 2 ended, 1 spared (kept)\n2' 'keep: the oldest session of the role stays'
lives bystander
expect admin "SELECT to_regclass('never') IS NULL" t 'what it did not commit is rolled back'

sessions x1 x2
sql admin "SELECT sessionctl.terminate_where('application_name ~ \$1', '{^x}', refuse_above := 1)"
like "$reply" '^ERROR:  2 sessions .* more than refuse_above [(]1[)]' 'refuse_above refuses'
lives x1 'and nobody was signalled'
lives x2
expect admin "SELECT sessionctl.terminate_database_sessions('postgres')" \
    $'NOTICE:  matched 4: 3 ended, 1 spared (self)\n3' 'terminate_database_sessions'

# Dropped meanwhile, or not to log in any more
sql admin 'CREATE ROLE leaver LOGIN; CREATE ROLE dropped LOGIN'
session leaver user=leaver
session dropped user=dropped
sessions stays
sql admin 'ALTER ROLE leaver NOLOGIN; DROP ROLE dropped'
expect admin 'SELECT sessionctl.terminate_nologin_sessions()' 2 'terminate_nologin_sessions: dropped roles, too'
is_ended leaver
is_ended dropped
lives stays
sql admin 'DROP ROLE leaver'
