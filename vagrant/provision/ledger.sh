# What provisioning changed on this machine, one fact a line, so that exactly that can be undone, newest first.
# Sourced by the other scripts; LEDGER names the file, and nothing is noted without it: what a test or a developer
# asks for is not `make up`'s to take away.
#
#   package NAME        was installed from the distribution
#   directory PATH      did not exist before
#   unit NAME           was started through systemd
#   daemon PID START    was started by us; START is when (field 22 of /proc/PID/stat), for pids are used again
#   interface NAME      did not exist before the engine made it
#   forward POLICY      of iptables' FORWARD chain, before the engine changed it
#   sysctl NAME VALUE   before the engine changed it

LEDGER=${LEDGER:-}

note() {
    [ -n "$LEDGER" ] || return 0
    mkdir -p "$(dirname "$LEDGER")"
    echo "$*" >>"$LEDGER"
}

require_root() {
    [ "$(id -u)" = 0 ] || {
        echo "error: this changes the machine: run it as root" >&2
        exit 1
    }
}

has_systemd() {
    [ -d /run/systemd/system ]
}

started_at() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

is_running() { # PID START
    [ -n "$2" ] && [ "$(started_at "$1")" = "$2" ]
}
