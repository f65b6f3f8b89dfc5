# Who may no longer log in, or connect, is ended when the command commits, in whatever transaction it runs.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # lib.sh sets pid and reply

sql admin 'SET pg_sessionctl.terminate_on_login_revoked = on'
sql admin 'CREATE ROLE staff; GRANT CONNECT ON DATABASE postgres TO staff; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC'

# ended_by NAME SQL: NAME is a session of role leaver, whose access the commands take
ended_by() {
    sql admin 'CREATE ROLE leaver LOGIN IN ROLE staff'
    session "$1" user=leaver
    session stays
    sql admin "$2"
    until_gone "$1"
    is_ended "$1" "ended by: $2"
    lives stays
    disconnect stays
    sql admin 'DROP ROLE IF EXISTS leaver'
}

ended_by alone 'ALTER ROLE leaver NOLOGIN'
ended_by dropped 'DROP ROLE leaver'
ended_by in_block 'BEGIN; ALTER ROLE leaver NOLOGIN; COMMIT'
ended_by in_string 'SELECT 1 \; ALTER ROLE leaver NOLOGIN'
ended_by in_function 'DO $$ BEGIN ALTER ROLE leaver NOLOGIN; END $$'
ended_by without_connect 'REVOKE staff FROM leaver'
if (($(server_version_num) >= 160000)); then # each membership has its own
    ended_by without_inheritance 'REVOKE INHERIT OPTION FOR staff FROM leaver'
else
    ended_by without_inheritance 'ALTER ROLE leaver NOINHERIT'
fi
ended_by without_both 'REVOKE staff FROM leaver \; ALTER ROLE leaver NOLOGIN'

sql admin 'GRANT CONNECT ON DATABASE postgres TO PUBLIC; DROP OWNED BY staff; DROP ROLE staff; RESET pg_sessionctl.terminate_on_login_revoked'
