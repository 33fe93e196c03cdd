"""Phase ``control-plane``: the static pods of kube-apiserver, kube-controller-manager and kube-scheduler.

Invariant: each step writes its own manifest and no other, in the order in which the components depend on
each other.
"""

from __future__ import annotations

from bootstrap.model.layout import KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from bootstrap.phases.manifests import writer
from bootstrap.phases.phase import Phase

_SHARED = ("config", "cert-dir", "image-repository", "kubernetes-version", "patches", "dry-run")
_APISERVER = (
    "apiserver-advertise-address",
    "apiserver-bind-port",
    "control-plane-endpoint",
    "feature-gates",
    "service-cidr",
)
_CONTROLLER_MANAGER = ("pod-network-cidr",)
"""Source of the options: cmd/kubeadm/app/cmd/phases/init/controlplane.go."""


def _step(name: str, component: str, options: tuple[str, ...] = ()) -> Phase:
    return Phase(
        name, f"Write the manifest of {component}", run=writer(component), options=(*_SHARED, *options)
    )


CONTROL_PLANE = Phase(
    "control-plane",
    "Write the manifests of the control plane",
    steps=(
        _step("apiserver", KUBE_APISERVER, _APISERVER),
        _step("controller-manager", KUBE_CONTROLLER_MANAGER, _CONTROLLER_MANAGER),
        _step("scheduler", KUBE_SCHEDULER),
    ),
    options=(*_SHARED, *_APISERVER, *_CONTROLLER_MANAGER),
)
