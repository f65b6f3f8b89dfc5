# Guards: protected roles, walsenders, background processes.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

sql admin 'CREATE ROLE shielded LOGIN; CREATE ROLE child LOGIN IN ROLE shielded'
session shielded user=shielded
session child user=child
sessions plain
expect admin "SET pg_sessionctl.protected_roles = 'shielded'; SELECT sessionctl.terminate_where(\$\$application_name IN ('shielded', 'child', 'plain')\$\$)" \
    $'NOTICE:  matched 3: 1 ended, 2 spared (protected role)\n1' 'protected roles, and their members'
is_ended plain
lives shielded
lives child
expect admin "SELECT protection FROM sessionctl.session_activity WHERE pid = ${pid[child]}" 'protected role' 'the view says so'
sql admin 'RESET pg_sessionctl.protected_roles'
sql shielded "SELECT sessionctl.safe_count('false')"
sql shielded "SET pg_sessionctl.protected_roles = ''"
is "$reply" 'ERROR:  permission denied to set parameter "pg_sessionctl.protected_roles"' 'policy is for superusers'

# A replication connection speaks no SQL before 10.
sql admin 'ALTER ROLE app REPLICATION'
connect standby user=app replication=database
sql standby 'IDENTIFY_SYSTEM'
until_true 'the walsender is in the table' "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'standby'"
sql admin "SELECT pid FROM pg_stat_activity WHERE application_name = 'standby'"
pid[standby]=$reply
expect admin "SELECT backend_type, protection FROM sessionctl.session_activity WHERE pid = ${pid[standby]}" \
    'walsender|replication' 'a walsender is known as one'
expect admin "SELECT sessionctl.terminate_where('application_name = \$1', '{standby}')" \
    $'NOTICE:  matched 1: 1 spared (replication)\n'"$(hint_to_include replication walsenders)"$'\n0' 'replication is spared'
sql standby 'IDENTIFY_SYSTEM'
like "$reply" '^[0-9]+\|' 'it lives'
expect admin "SELECT sessionctl.terminate_where('application_name = \$1', '{standby}', include_replication := true)" 1 \
    'unless it is asked for'
until_gone standby
sql admin 'ALTER ROLE app NOREPLICATION'

sql admin "SELECT sessionctl.terminate_where('usename IS NULL', include_superusers := true, include_replication := true)"
like "$reply" '(^|[(].*not a client[)]'$'\n(HINT: .*\n)?'')0$' 'background processes are spared, whatever is included'
