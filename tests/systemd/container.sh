# shellcheck shell=bash
# A Debian container with systemd as its first process, for boot.sh. To be sourced.
#
#   container_start FOLDER   makes FOLDER the root of a container and boots it
#   container_end            ends it, whatever state it is in
#   inside COMMAND…          runs a command in it, for a minute at most
#   awaits SECONDS COMMAND…  runs a command again and again until it succeeds

INSIDE_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# The number of the container's first process as the host counts, and of what runs it.
container_init=
container_nspawn=

# Debian as it comes, without anything of ours. Its mirror is the one that this machine's apt uses.
container_debian() {
    local folder=$1 mirror
    # shellcheck disable=SC2016 # apt's own format, not the shell's
    mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME)' | awk '$2 == "bookworm" { print $1; exit }')
    [ -n "$mirror" ] || { echo "apt knows no mirror of Debian 12"; return 1; }
    timeout 400 debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,ca-certificates,curl,git bookworm "$folder" "$mirror" >"$folder.log" 2>&1 ||
        { tail -n 20 "$folder.log"; return 1; }
}

container_start() {
    local folder=$1 children
    # A network of its own: whatever port is used in it is free, and nothing gets out.
    setsid nohup systemd-nspawn --quiet --directory="$folder" --boot --machine="versync-$$" --register=no --keep-unit \
        --link-journal=no --private-network >"$folder.console" 2>&1 </dev/null &
    container_nspawn=$!
    for _ in $(seq 100); do
        read -r children _ <"/proc/$container_nspawn/task/$container_nspawn/children" || true
        container_init=${children-}
        [ -z "$container_init" ] || [ "$(cat "/proc/$container_init/comm")" != systemd ] || break
        sleep 0.1
    done
    awaits 60 container_is_up || { tail -n 30 "$folder.console"; return 1; }
}

container_is_up() {
    case $(inside systemctl is-system-running 2>/dev/null || true) in
        running | degraded) true ;;
        *) false ;;
    esac
}

container_end() {
    local group=
    # With its first process all others of the container end, and then what runs it ends as well.
    if [ -n "$container_init" ]; then
        group=$(sed -n 's|^.*:\(/.*\)/init\.scope$|\1|p' "/proc/$container_init/cgroup" | head -n 1) || true
        kill -KILL "$container_init" 2>/dev/null || true
    fi
    [ -z "$container_nspawn" ] || awaits 15 container_is_gone || kill -KILL "$container_nspawn" 2>/dev/null || true
    container_init='' container_nspawn=''
    # It leaves its control groups behind, empty.
    [ -n "$group" ] || return 0
    for left in /sys/fs/cgroup{,/unified,/systemd}{"$group","${group%/*}/supervisor"}; do
        [ ! -d "$left" ] || find "$left" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}

container_is_gone() {
    ! kill -0 "$container_nspawn" 2>/dev/null
}

inside() {
    timeout 60 nsenter --target "$container_init" --mount --uts --ipc --net --pid --cgroup --root --wd -- \
        env -i PATH="$INSIDE_PATH" HOME=/root LANG=C.UTF-8 "$@"
}

awaits() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.2
    done
}
