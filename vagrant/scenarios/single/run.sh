#!/usr/bin/env bash
# One master, by the whole way of a person: up, kubectl from outside, provision again, reload, destroy.
#
#   run.sh PROVIDER      docker, libvirt or virtualbox
set -euo pipefail
cd "$(dirname "$0")/../.."
export VAGRANT_DEFAULT_PROVIDER=$1 MASTERS=1 WORKERS=0
kubeconfig=$(mktemp)
trap 'vagrant destroy --force >/dev/null; rm -f "$kubeconfig"' EXIT

step() {
    printf '\n== %s (%s s)\n' "$*" "$SECONDS"
}

on_master() {
    vagrant ssh master1 -c "$1" 2>/dev/null
}

agree() { # WHAT EXPECTED FOUND
    [ "$2" = "$3" ] || {
        printf 'error: %s: expected %s, found %s\n' "$1" "$2" "$3" >&2
        exit 1
    }
}

running() {
    on_master 'sudo docker ps --no-trunc --quiet' | tr -d '\r' | sort
}

step up
vagrant up
step "kubectl from outside"
on_master 'sudo cat /etc/kubernetes/admin.conf' | tr -d '\r' >"$kubeconfig"
agree "/readyz" ok "$(kubectl --kubeconfig "$kubeconfig" get --raw=/readyz)"
agree "the server's address" https://192.168.56.11:6443 \
    "$(kubectl --kubeconfig "$kubeconfig" config view --output=jsonpath='{.clusters[0].cluster.server}')"
kubectl --kubeconfig "$kubeconfig" create configmap kept --from-literal=value=1
step "provision again"
before=$(running)
vagrant provision
agree "running containers" "$before" "$(running)"
step "reload"
vagrant reload
until [ "$(kubectl --kubeconfig "$kubeconfig" get --raw=/readyz --request-timeout=5s 2>/dev/null)" = ok ]; do
    [ "$SECONDS" -lt "${DEADLINE:-900}" ] || agree "/readyz after a reload" ok nothing
    sleep 1
done
kubectl --kubeconfig "$kubeconfig" get configmap kept
step "passed"
