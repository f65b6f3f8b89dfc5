# Who may end whose session: as pg_terminate_backend() decides on this version, session by session.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh sets pid and reply

version=$(server_version_num)
sql admin "CREATE ROLE owner LOGIN; CREATE ROLE member LOGIN IN ROLE owner; CREATE ROLE stranger LOGIN;
    CREATE ROLE noinherit LOGIN NOINHERIT IN ROLE owner; CREATE ROLE bossy LOGIN IN ROLE boss"
callers='boss owner member noinherit bossy stranger'
if ((version >= 90600)); then
    sql admin 'CREATE ROLE signaller LOGIN IN ROLE pg_signal_backend'
    callers+=' signaller'
fi
functions="cancel_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text)
terminate_where(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval)
terminate_report(text, text[], interval, text, boolean, boolean, boolean, integer, integer, text, text, interval)"

# Nobody acts without a grant, but everybody may count.
session stranger user=stranger
sql stranger "SELECT sessionctl.terminate_where('false')"
is "$reply" 'ERROR:  permission denied for function terminate_where' 'without a grant'
expect stranger "SELECT sessionctl.safe_count('false')" 0 'counting is free'
if ((version >= 90600)); then
    session signaller user=signaller
    expect signaller "SELECT sessionctl.terminate_where('false')" 0 'pg_signal_backend has the grant'
fi

while read -r function; do
    for role in $callers; do sql admin "GRANT EXECUTE ON FUNCTION sessionctl.$function TO \"$role\""; done
done <<<"$functions"

# core NAME TARGET: what core does with that session: yes or no
core() {
    sql "$1" "SELECT pg_terminate_backend(${pid[$2]})"
    if [[ $reply == t ]]; then reply=yes; else reply=no; fi
}

# ours NAME TARGET: the same by our functions
ours() {
    sql "$1" "SELECT outcome FROM sessionctl.terminate_report('pid = \$1::int', '{${pid[$2]}}', include_superusers := true)"
    case $reply in
        *terminated) reply=yes ;;
        *denied) reply=no ;;
    esac
}

agreed=
for caller in $callers; do
    [[ -n ${pid[$caller]-} ]] || session "$caller" user="$caller"
    for target in boss owner member stranger; do
        session victim user="$target"
        sql "$caller" "SELECT outcome FROM sessionctl.preview_where('pid = \$1::int', '{${pid[victim]}}', include_superusers := true)"
        case $reply in *chosen) foretold=yes ;; *denied) foretold=no ;; *) foretold=$reply ;; esac
        ours "$caller" victim
        done_by_us=$reply
        if [[ $done_by_us == yes ]]; then
            is_ended victim "$caller ends $target"
            session victim user="$target"
        else
            lives victim "$caller leaves $target alone"
        fi
        core "$caller" victim
        is "$foretold $done_by_us" "$reply $reply" "$caller and a session of $target: preview, act and core agree"
        agreed+=${agreed:+ }$caller-$target=$reply
        if [[ $reply == yes ]]; then until_gone victim; else disconnect victim; fi
    done
done

# So much for agreement; and this is what each version promises.
expected() { # expected CALLER-TARGET ANSWER TEST
    like " $agreed " " $1=$2 " "$3"
}
expected boss-boss yes 'a superuser ends superusers'
expected boss-stranger yes 'a superuser ends anybody'
expected owner-owner yes 'everybody ends his own'
expected stranger-owner no 'a stranger ends nobody else'
expected member-boss no 'superusers are for superusers'
expected bossy-boss no 'even for members of a superuser role'
if ((version >= 90500)); then
    expected member-owner yes 'from 9.5 a member ends sessions of its role'
else
    expected member-owner no 'before 9.5 membership does not count'
fi
if ((version >= 90600)); then
    expected signaller-stranger yes 'from 9.6 pg_signal_backend ends anybody'
    expected signaller-boss no 'but superusers'
fi

# One that may not be ended does not spare the others.
session mixed user=member
session own user=owner
session foreign user=stranger
if ((version >= 90500)); then answer='1 ended, 1 denied'$'\n'1; else answer='2 denied'$'\n'0; fi
expect mixed "SELECT sessionctl.terminate_where('application_name = ANY (\$1::text[])', '{\"{own,foreign}\"}')" \
    "NOTICE:  matched 2: $answer" 'a denied session does not stop the rest'
lives foreign
