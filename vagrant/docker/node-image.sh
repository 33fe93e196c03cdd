#!/usr/bin/env bash
# A machine as a Docker image: Debian with systemd, sshd and a Docker Engine, from Debian's packages alone.
#
#   node-image.sh [NAME]        makes the image NAME (podstrap-node) unless the engine has it
#   node-image.sh --root FILE   only writes its root file system, a tar, to FILE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

RELEASE=bookworm
PACKAGES=(systemd-sysv dbus openssh-server sudo python3 python3-venv docker.io iptables iproute2 kmod procps
    ca-certificates rsync less)

write_root() { # FILE
    local work
    work=$(mktemp -d)
    # shellcheck disable=SC2064 - the directory of now
    trap "rm -rf '$work'" EXIT
    # Policy says which services may start while packages are installed: none, this is not the machine they are for.
    mmdebstrap --mode=root --variant=minbase --include="$(IFS=, && echo "${PACKAGES[*]}")" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook="copy-in '$here/node-init' /" \
        --customize-hook="upload '$here/node-setup' /node-setup" \
        --customize-hook="upload '$here/vagrant.pub' /vagrant.pub" \
        --customize-hook='chroot "$1" sh /node-setup' \
        "$RELEASE" "$work/root.tar"
    mv "$work/root.tar" "$1"
}

if [ "${1:-}" = --root ]; then
    write_root "$2"
    exit 0
fi
image=${1:-podstrap-node}
if docker image inspect "$image" >/dev/null 2>&1; then exit 0; fi
"$here/../provision/packages.sh" mmdebstrap
file=$(mktemp --suffix=.tar)
write_root "$file"
docker import -c 'ENV container=docker' -c 'CMD ["/node-init"]' "$file" "$image"
rm -f "$file"
