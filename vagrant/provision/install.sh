#!/usr/bin/env bash
# podstrap into a venv of its own, over an older one too, and its component images into the Docker Engine.
#
#   install.sh           from the bundle it lies in: no package index and no registry are asked
#   install.sh TREE      from a source tree; what it depends on comes from PyPI, no images
#
# PREFIX is the venv (/opt/podstrap), KUBERNETES_VERSION the release of the images when not the newest. Safe to run again after any interruption. An agent that runs is restarted
# when, and only when, what is installed changed; its pods are not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PREFIX=${PREFIX:-/opt/podstrap}
UNIT=bootstrap-agent.service

fail() { # MESSAGE NEXT
    printf 'error: %s\nnext: %s\n' "$1" "$2" >&2
    exit 1
}

check() {
    [ "$(id -u)" = 0 ] || fail "this changes the machine" "run it as root"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Python 3.11 or newer is needed" "install python3 and python3-venv of the distribution"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python's venv module is missing" "install python3-venv of the distribution"
    if [ $# = 0 ]; then
        [ -d "$here/wheels" ] || fail "$here holds no bundle" "make bundle, or give a source tree: $0 TREE"
        (cd "$here" && sha256sum --quiet --check SHA256SUMS >&2) ||
            fail "the bundle is damaged" "copy it again"
    fi
}

# What is installed, file by file; nothing at first.
installed() {
    find "$PREFIX"/lib/ -path '*.dist-info/RECORD' -exec cat {} + 2>/dev/null |
        sed -e '/\.dist-info\//d' -e '/\.pyc,/d' | sort | sha256sum || true
}

# The wheels of the bundle, by their checksums; of a tree nothing is known.
source_of() { # [TREE]
    [ $# -gt 0 ] || grep ' wheels/' "$here/SHA256SUMS" | sha256sum
}

install_program() { # [TREE]
    local again=(--no-deps --force-reinstall) options=(-q --disable-pip-version-check) from wheel
    from=$(source_of "$@")
    if [ -n "$from" ] && [ "$from" = "$(cat "$PREFIX/installed-from" 2>/dev/null)" ]; then return; fi
    # What an interrupted run left may be a venv without pip.
    if ! "$PREFIX/bin/python" -m pip --version >/dev/null 2>&1; then
        python3 -m venv --clear "$PREFIX"
        again=()
    fi
    rm -f "$PREFIX/installed-from"
    if [ $# = 0 ]; then
        wheel=$(echo "$here"/wheels/podstrap-*.whl)
        options+=(--no-index --find-links "$here/wheels")
    else
        wheel=$1
    fi
    "$PREFIX/bin/python" -m pip install "${options[@]}" --upgrade "$wheel"
    # The same version may have been built anew.
    [ ${#again[@]} = 0 ] || "$PREFIX/bin/python" -m pip install "${options[@]}" "${again[@]}" "$wheel"
    ln -sf "$PREFIX/bin/bootstrap" /usr/local/bin/bootstrap
    echo "$from" >"$PREFIX/installed-from"
}

load_images() {
    local archives=("$here"/images/*.tar)
    [ -e "${archives[0]}" ] || return 0
    docker version >/dev/null 2>&1 ||
        fail "no Docker Engine answers on this machine" "install and start it (docker.io), then run this again"
    local release=()
    [ -z "${KUBERNETES_VERSION:-}" ] || release=(--kubernetes-version "$KUBERNETES_VERSION")
    if "$PREFIX/bin/bootstrap" images list "${release[@]}" | grep -vE '/coredns|/kube-proxy' | grep -q ' absent$'; then
        "$PREFIX/bin/bootstrap" images load "${release[@]}" "${archives[@]}"
    fi
}

restart_agent() {
    if [ -e "/etc/systemd/system/$UNIT" ]; then
        systemctl try-restart "$UNIT"
    elif "$PREFIX/bin/bootstrap" agent status >/dev/null 2>&1; then
        echo "The agent that runs is still the older one; end it, then: bootstrap init phase agent-start"
    fi
}

check "$@"
install_program "$@"
# Written last: whoever was interrupted between the two restarts the agent the next time.
if [ "$(installed)" != "$(cat "$PREFIX/agent-knows" 2>/dev/null)" ]; then
    restart_agent
    installed >"$PREFIX/agent-knows"
fi
[ $# -gt 0 ] || load_images
echo "podstrap $("$PREFIX/bin/bootstrap" version --output short) is in $PREFIX"
