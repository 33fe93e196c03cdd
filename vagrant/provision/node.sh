#!/usr/bin/env bash
# A lab machine, from a bare one; run by Vagrant as root, and again by `vagrant provision`: it converges.
#
#   ROLE                 master or worker; only master 1 gets a control plane
#   NUMBER               of the master or worker
#   NODE_IP              the address on the lab's network (eth1), never that of the default route
#   KUBERNETES_VERSION   the release, "" for the newest
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
. "$here/ledger.sh"

fail() { # MESSAGE NEXT
    printf 'error: %s\nnext: %s\n' "$1" "$2" >&2
    exit 1
}

check_address() {
    local ours
    case $NODE_IP in
        127.*) fail "$NODE_IP is a loopback address" "vagrant destroy, then vagrant up" ;;
    esac
    ours=" $(hostname --all-ip-addresses) "
    case $ours in
        *" $NODE_IP "*) ;;
        *)
            fail "no interface has the address $NODE_IP; this machine has$ours" \
                "look at the lab's network of the provider (eth1), then: vagrant reload --provision"
            ;;
    esac
}

# Boxes and Vagrant map the name to 127.0.x.1; certificates and etcd need an address that others reach.
name_means_address() {
    local hosts
    hosts=$(grep -vE "^127\.0\.[12]\.1[[:space:]]|^${NODE_IP//./\\.}[[:space:]]" /etc/hosts || true)
    # Written in place: in a container the file is a mount of its own.
    printf '%s\n%s %s\n' "$hosts" "$NODE_IP" "$(hostname)" >/etc/hosts
}

install_podstrap() {
    if [ -x "$tree/vagrant/bundle/install.sh" ]; then
        "$tree/vagrant/bundle/install.sh"
    else
        "$here/packages.sh" python3 python3-venv
        "$here/install.sh" "$tree"
    fi
}

load_images() {
    local archives=("$tree"/vagrant/images/*.tar)
    [ -e "${archives[0]}" ] || return 0
    if bootstrap images list "${release[@]}" | grep -vE '/coredns|/kube-proxy' | grep -q ' absent$'; then
        bootstrap images load "${release[@]}" "${archives[@]}"
    fi
}

require_root
for name in ROLE NUMBER NODE_IP; do
    [ -n "${!name:-}" ] || fail "$name is not set" "run this by Vagrant: vagrant provision"
done
release=()
[ -z "${KUBERNETES_VERSION:-}" ] || release=(--kubernetes-version "$KUBERNETES_VERSION")
export PATH=/usr/local/bin:$PATH

check_address
name_means_address
"$here/docker-engine.sh" start
install_podstrap
load_images
if [ "$ROLE $NUMBER" = "master 1" ]; then
    bootstrap init --apiserver-advertise-address "$NODE_IP" "${release[@]}"
    echo "Next, on your machine: vagrant ssh master1 -c 'sudo cat /etc/kubernetes/admin.conf' >kubeconfig"
else
    echo "$ROLE $NUMBER has the engine, podstrap and the images; a control plane runs on master 1 alone so far"
fi
