# Sourced by script/matrix. Debian chroots with one PostgreSQL version each, made once and kept in $cache.
# shellcheck shell=bash disable=SC2154 # matrix sets cache; lib.sh the rest

# Which Debian has which version, and the suite it takes the server from when that is another one.
suites() { # suites VERSION
    case $1 in
        13) echo bullseye ;;
        15) echo bookworm ;;
        17) echo trixie ;;
        18) echo forky ;;
        19) echo forky experimental ;;
        *) return 1 ;;
    esac
}

# Where this machine gets Debian from; where it is no Debian, debootstrap knows an archive.
mirror() {
    # shellcheck disable=SC2016 # for apt-get
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1
}

prepare_chroots() {
    ((EUID == 0)) || die "chroots need root: run it as root, or give --pg-config PATH... alone"
    unshare --mount --pid --fork mount -t tmpfs none /mnt 2>/dev/null ||
        die "this root may not mount (a container?): give --pg-config PATH... alone"
    mkdir -p "$cache"
    cache=$(cd "$cache" && pwd -P)
    exec {cache_lock}>"$cache/lock"
    flock --nonblock "$cache_lock" || die "another run works in $cache"
    install_command debootstrap
}

# Mounts and processes are those of a namespace of their own: they end with the command, however it ends. The machine's
# kernel settings can only be read.
# shellcheck disable=SC2016 # for the inner shell
enter='
    root=$0
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    exec chroot "$root" env -i -C / "$@"'

start_inside() { # start_inside LOG ROOT COMMAND...: in the background
    start "$1" unshare --mount --pid --ipc --fork --kill-child sh -ec "$enter" "$2" \
        LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:3}" </dev/null
}

inside() { # inside ROOT COMMAND...: its output is in $log afterwards, its exit status is returned
    start_inside "$log" "$@"
    wait "$!"
}

# A debootstrap that is older than the suite does not know it by name: it is made as unstable is, like every suite.
bootstrap() { # bootstrap SUITE ROOT: what it mounts ends with it, too
    local archive proxy='' recipe=/usr/share/debootstrap/scripts/sid
    archive=$(mirror)
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    quietly env ${proxy:+http_proxy="$proxy"} unshare --mount --pid --fork --kill-child --mount-proc \
        debootstrap --variant=minbase --include=ca-certificates "$1" "$2" "${archive:-https://deb.debian.org/debian}" "$recipe"
}

# No cluster is made and no service started in there.
keep_quiet() { # keep_quiet ROOT
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    mkdir -p "$1/etc/postgresql-common/createcluster.d"
    echo 'create_main_cluster = false' >"$1/etc/postgresql-common/createcluster.d/none.conf"
}

# What this machine's apt knows about the way to its archive holds in there, too.
share_access() { # share_access ROOT
    apt-config dump | grep -E '^Acquire::(Check-Valid-Until|https?::Proxy) ' >"$1/etc/apt/apt.conf.d/90access" || true
}

# From where the others come; only that one server and its libraries are taken from there.
add_suite() { # add_suite ROOT SUITE VERSION
    sed -E "s/^(deb [^ ]+) [^ ]+/\1 $2/" "$1/etc/apt/sources.list" >"$1/etc/apt/sources.list.d/$2.list"
    printf '%s\n' "Package: src:postgresql-$3" "Pin: release a=$2" 'Pin-Priority: 990' >"$1/etc/apt/preferences.d/$2"
}

make_chroot() { # make_chroot VERSION: complete, or not there
    local version=$1 suite extra root=$cache/$1.new
    read -r suite extra < <(suites "$version")
    rm -rf --one-file-system "$root"
    bootstrap "$suite" "$root" || return
    keep_quiet "$root"
    share_access "$root"
    [[ -z $extra ]] || add_suite "$root" "$extra" "$version"
    inside "$root" apt-get -qy update || return
    inside "$root" apt-get -qy install --no-install-recommends \
        "postgresql-$version" "postgresql-server-dev-$version" git || return
    mv "$root" "$cache/$version"
}

# The same files as in a copy_checkout. They come without their repository: they get one, for git to list them.
copy_checkout_into() { # copy_checkout_into ROOT
    rm -rf "$1/checkout"
    mkdir "$1/checkout"
    checkout_files | tar -C "$repository" --null -T - -cf - | tar -C "$1/checkout" --no-same-owner -xf -
    inside "$1" git init -q /checkout || die "no git in $1"
}
