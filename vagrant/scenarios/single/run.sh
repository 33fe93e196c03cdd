#!/usr/bin/env bash
# One master, by the whole way of a person: up, a power cut while it is provisioned, provision, kubectl from outside,
# provision again, reload, destroy.
#
#   run.sh PROVIDER      docker, libvirt or virtualbox
#
# DEADLINE is the seconds all of it may take (900). ATTEMPTS is how often a provisioning that failed may be tried again (0):
# an emulated machine may be too slow for kube-apiserver, which ends itself when its first checks take a minute.
set -euo pipefail
cd "$(dirname "$0")/../.."
export VAGRANT_DEFAULT_PROVIDER=$1 MASTERS=1 WORKERS=0
DEADLINE=${DEADLINE:-900}
ATTEMPTS=${ATTEMPTS:-0}
work=$(mktemp -d)
kubeconfig=$work/kubeconfig
trap 'hang_up; rm -rf "$work"; vagrant destroy --force >/dev/null' EXIT

step() {
    printf '\n== %s (%s s)\n' "$*" "$SECONDS"
}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

agree() { # WHAT EXPECTED FOUND
    [ "$2" = "$3" ] || fail "$1: expected $2, found $3"
}

wait_for() { # WHAT COMMAND...
    local what=$1
    shift
    until "$@" 2>/dev/null; do
        [ "$SECONDS" -lt "$DEADLINE" ] || fail "not within $DEADLINE s: $what"
        sleep 1
    done
}

# As `vagrant ssh` does, over one connection: each one more takes an emulated machine seconds, and an answer minutes when it
# is busy.
on_master() {
    ssh -F "$work/ssh" -n -T -o ControlMaster=auto -o ControlPath="$work/connection" -o ControlPersist=yes \
        -o ServerAliveInterval=30 -o ServerAliveCountMax=10 master1 "$1" 2>/dev/null
}

hang_up() {
    [ ! -S "$work/connection" ] || ssh -F "$work/ssh" -o ControlPath="$work/connection" -O exit master1 2>/dev/null || true
    rm -f "$work/connection"
}

learn_the_way() {
    hang_up
    vagrant ssh-config master1 >"$work/ssh"
}

running() {
    on_master 'sudo docker ps --no-trunc --quiet' | sort
}

is_being_installed() {
    [ -n "$(on_master 'ls /opt/podstrap/bin/pip')" ] || ! kill -0 "$provision" 2>/dev/null
}

kubectl() {
    command kubectl --kubeconfig "$kubeconfig" "$@"
}

is_ready() {
    [ "$(kubectl get --raw=/readyz --request-timeout=5s)" = ok ]
}

provision() {
    until vagrant provision; do
        [ $((ATTEMPTS--)) -gt 0 ] || fail "the provisioning failed"
        step "provision, for it failed"
    done
}

step up
vagrant up --no-provision
learn_the_way

step "a power cut while it is provisioned"
vagrant provision >"$work/interrupted" 2>&1 &
provision=$!
wait_for "podstrap is being installed" is_being_installed
on_master 'sudo reboot --force --force' || true
# Vagrant waits for ever for a machine that cannot tell it any more; a person would end it too. It may also have ended
# well: what counts is how far the machine came.
kill "$provision" 2>/dev/null || true
wait "$provision" || true
if grep -q "Next, on your machine" "$work/interrupted"; then fail "the provisioning was not interrupted: $(cat "$work/interrupted")"; fi

step "provision"
vagrant halt --force
vagrant up --no-provision
provision
learn_the_way

step "kubectl from outside"
on_master 'sudo cat /etc/kubernetes/admin.conf' >"$kubeconfig"
agree "/readyz" ok "$(kubectl get --raw=/readyz)"
agree "the server's address" https://192.168.56.11:6443 \
    "$(kubectl config view --output=jsonpath='{.clusters[0].cluster.server}')"
kubectl create configmap kept --from-literal=value=1

step "provision again"
before=$(running)
vagrant provision
agree "running containers" "$before" "$(running)"

step reload
vagrant reload
wait_for "/readyz after a reload" is_ready
kubectl get configmap kept
step passed
