#!/usr/bin/env bash
# What runs, as the API server and the agent say: show.sh VENV
set -euo pipefail
venv=$1

READY_SECONDS=60

unready() {
    "$venv/bin/bootstrap" agent status --output json | grep -q '"ready": *false'
}

# The control plane answers already; startup probes are asked for the first time ten seconds after a start.
if unready; then echo "Waiting for the agent to call every pod ready"; fi
for _ in $(seq "$READY_SECONDS"); do
    unready || break
    sleep 1
done

echo
"$venv/bin/bootstrap" agent status
echo
"$venv/bin/python" - <<'PYTHON'
from pathlib import Path

from bootstrap.kube.https import HttpsApiClient
from bootstrap.kube.kubeconfig import parse_kubeconfig

path = Path("/etc/kubernetes/admin.conf")
client = HttpsApiClient(parse_kubeconfig(path.read_text(), str(path)))
print("\n".join(client.get_text("/readyz", {"verbose": ""}).splitlines()[-1:]))
PYTHON
echo
if command -v kubectl >/dev/null || [ -x "$venv/bin/kubectl" ]; then
    echo "Next: export KUBECONFIG=/etc/kubernetes/admin.conf"
    echo "      $(command -v kubectl || echo "$venv/bin/kubectl") get --raw='/readyz?verbose'"
else
    echo "Next: install kubectl, then export KUBECONFIG=/etc/kubernetes/admin.conf"
fi
echo "      $venv/bin/bootstrap agent status"
echo "      make down        undoes all of this"
