#!/usr/bin/env bash
# A running Docker Engine, installed from the distribution when there is none.
#
#   docker-engine.sh install             the programs alone
#   docker-engine.sh start               installed and running; undo.sh takes back what this did
#   docker-engine.sh during COMMAND...   running while COMMAND runs; stopped again only if it was started for it
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/ledger.sh"

START_SECONDS=60
LOG=/var/log/podstrap-dockerd.log

answers() {
    docker version >/dev/null 2>&1
}

install() {
    if command -v dockerd >/dev/null && command -v docker >/dev/null; then return; fi
    for directory in /var/lib/docker /var/lib/containerd /etc/docker; do
        [ -e "$directory" ] || note "directory $directory"
    done
    # Where the client is a package of its own, the engine only recommends it.
    local client=()
    apt-cache show docker-cli >/dev/null 2>&1 && client=(docker-cli)
    "$here/packages.sh" docker.io "${client[@]}" iptables ca-certificates
    command -v docker >/dev/null || "$here/packages.sh" docker-cli
}

note_what_the_engine_changes() {
    ip link show docker0 >/dev/null 2>&1 || note "interface docker0"
    note "sysctl net.ipv4.ip_forward $(cat /proc/sys/net/ipv4/ip_forward)"
    note "forward $(iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p')"
}

start() {
    if answers; then return; fi
    require_root
    install
    if answers; then
        # The package started it.
        note "unit docker.service"
        note "unit docker.socket"
        return
    fi
    note_what_the_engine_changes
    echo "Starting the Docker Engine"
    if has_systemd; then
        systemctl start docker.service
        note "unit docker.service"
        note "unit docker.socket"
    else
        setsid dockerd >>"$LOG" 2>&1 </dev/null &
        note "daemon $! $(started_at $!)"
    fi
    local waited=0
    until answers; do
        if [ "$waited" -ge $((START_SECONDS * 5)) ]; then
            echo "error: the Docker Engine does not answer after $START_SECONDS s; its log ends:" >&2
            tail -n 20 "$LOG" >&2 || true
            echo "next: read $LOG (or journalctl -u docker), then run the same command again" >&2
            exit 1
        fi
        sleep 0.2
        waited=$((waited + 1))
    done
}

during() {
    install
    if answers; then "$@"; return; fi
    LEDGER=$(mktemp -d)/ledger
    export LEDGER
    trap '"$here/undo.sh"' EXIT
    start
    # What the command installs is for longer than this engine.
    env -u LEDGER "$@"
}

"$@"
