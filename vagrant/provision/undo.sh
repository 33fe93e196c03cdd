#!/usr/bin/env bash
# Take back what the other scripts changed, as the ledger has it, newest first.
set -euo pipefail
. "$(dirname "$0")/ledger.sh"

STOP_SECONDS=60

stop_daemon() { # PID START
    is_running "$1" "$2" || return 0
    echo "Stopping the Docker Engine"
    kill -TERM "$1"
    local waited=0
    while is_running "$1" "$2"; do
        [ "$waited" -lt $((STOP_SECONDS * 5)) ] || kill -KILL "$1"
        sleep 0.2
        waited=$((waited + 1))
    done
}

# The engine leaves its chains and rules behind; rules that do not name it are not touched.
remove_engine_rules() {
    local table
    for table in iptables ip6tables; do
        "$table-save" 2>/dev/null | grep -vE 'DOCKER|docker0|172\.17\.0\.0/16' | "$table-restore" 2>/dev/null || true
    done
}

# Packages that apt would take away with those named, and those themselves.
taken_with() {
    apt-get --simulate -q purge "$@" | sed -n 's/^\(Purg\|Remv\) \([^ ]*\).*/\2/p' | sort
}

# Those of `packages` that nothing needs that came from elsewhere; the others stay, and are named.
removable() {
    local package
    if [ -z "$(comm -13 <(printf '%s\n' "${packages[@]}" | sort) <(taken_with "${packages[@]}"))" ]; then
        printf '%s\n' "${packages[@]}"
        return
    fi
    for package in "${packages[@]}"; do
        if [ -z "$(comm -13 <(printf '%s\n' "${packages[@]}" | sort) <(taken_with "$package"))" ]; then
            echo "$package"
        else
            echo "Keeping $package: other packages need it by now" >&2
        fi
    done
}

undo() {
    case $1 in
        daemon) stop_daemon "$2" "$3" ;;
        unit) systemctl stop "$2" ;;
        forward)
            remove_engine_rules
            [ -z "${2:-}" ] || iptables -P FORWARD "$2"
            ;;
        sysctl) echo "$3" >"/proc/sys/${2//.//}" ;;
        interface) ip link delete "$2" 2>/dev/null || true ;;
        directory)
            # The engine mounts its data directory on itself and may leave it so.
            while umount "$2" 2>/dev/null; do :; done
            rm -rf --one-file-system "$2"
            ;;
        package) packages+=("$2") ;;
    esac
}

[ -n "$LEDGER" ] && [ -e "$LEDGER" ] || exit 0
require_root
packages=()
mapfile -t facts < <(tac "$LEDGER")
for fact in "${facts[@]}"; do
    # shellcheck disable=SC2086 - a fact is words
    undo $fact
done
[ ${#packages[@]} -eq 0 ] || mapfile -t packages < <(removable)
if [ ${#packages[@]} -gt 0 ]; then
    echo "Removing ${packages[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get purge -q -y "${packages[@]}"
fi
rm -f "$LEDGER"
rmdir "$(dirname "$LEDGER")" 2>/dev/null || true
