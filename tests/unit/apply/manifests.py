"""A control plane manifest as kubeadm writes it, and small edits of it, for the tests of this package."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import yaml

Pod = dict[str, Any]

API_SERVER: Pod = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "labels": {"component": "kube-apiserver", "tier": "control-plane"},
        "name": "kube-apiserver",
        "namespace": "kube-system",
    },
    "spec": {
        "containers": [
            {
                "command": [
                    "kube-apiserver",
                    "--advertise-address=192.0.2.10",
                    "--allow-privileged=true",
                    "--service-account-issuer=https://new.example",
                    "--service-account-issuer=https://old.example",
                ],
                "env": [{"name": "HTTP_PROXY", "value": "http://proxy"}, {"name": "NO_PROXY", "value": "*"}],
                "image": "registry.k8s.io/kube-apiserver:v1.36.3",
                "imagePullPolicy": "IfNotPresent",
                "livenessProbe": {
                    "failureThreshold": 8,
                    "httpGet": {"host": "192.0.2.10", "path": "/livez", "port": 6443, "scheme": "HTTPS"},
                    "initialDelaySeconds": 10,
                    "periodSeconds": 10,
                    "timeoutSeconds": 15,
                },
                "name": "kube-apiserver",
                "ports": [{"containerPort": 6443, "name": "probe-port", "protocol": "TCP"}],
                "resources": {"requests": {"cpu": "250m"}},
                "volumeMounts": [
                    {"mountPath": "/etc/ssl/certs", "name": "ca-certs", "readOnly": True},
                    {"mountPath": "/etc/kubernetes/pki", "name": "k8s-certs", "readOnly": True},
                ],
            }
        ],
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "volumes": [
            {"hostPath": {"path": "/etc/ssl/certs", "type": "DirectoryOrCreate"}, "name": "ca-certs"},
            {
                "hostPath": {"path": "/etc/kubernetes/pki", "type": "DirectoryOrCreate"},
                "name": "k8s-certs",
            },
        ],
    },
    "status": {},
}


def api_server(edit: Callable[[Pod], object] = lambda _pod: None) -> str:
    """The manifest as text, after ``edit`` changed the decoded pod."""
    pod = copy.deepcopy(API_SERVER)
    edit(pod)
    return yaml.safe_dump(pod)


def container(pod: Pod) -> dict[str, Any]:
    """The only container of a pod."""
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found
