"""kube-controller-manager: flags, mounts and probes.

Source: cmd/kubeadm/app/phases/controlplane/manifests.go and volumes.go. Invariant: without the CA's key it is
given no signing files at all, so that its signing controllers stay off.
"""

from __future__ import annotations

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.images import kubernetes_image
from bootstrap.model.kubeadm import HostPathMount
from bootstrap.model.layout import KUBE_CONTROLLER_MANAGER
from bootstrap.model.node import NodeFacts
from bootstrap.render import arguments, environment, volumes
from bootstrap.render.component import Component
from bootstrap.render.probes import Target, probe_host, startup_timeout

_PORT = 10257
_BIND_ADDRESS = "127.0.0.1"
_FLEXVOLUME_DIRECTORY = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"
_LAST_WITH_FLEXVOLUME = (1, 35)


def component(control_plane: ControlPlane, facts: NodeFacts, *, external_ca: bool) -> Component:
    """``external_ca``: the cluster CA's key is not on this machine."""
    settings = control_plane.cluster.controller_manager
    bound = arguments.last_value(settings.extra_args, "bind-address")
    target = Target(probe_host(_BIND_ADDRESS if bound is None else bound))
    flags = _flags(control_plane) | _signing_flags(control_plane, external_ca=external_ca)
    return Component(
        name=KUBE_CONTROLLER_MANAGER,
        image=kubernetes_image(control_plane, KUBE_CONTROLLER_MANAGER),
        command=arguments.command(KUBE_CONTROLLER_MANAGER, flags, settings.extra_args, control_plane.version),
        environment=environment.merged(environment.proxy_variables(facts), settings.extra_envs),
        mounts=_mounts(control_plane, facts),
        port=_PORT,
        liveness=target.liveness("/healthz"),
        readiness=None,
        startup=target.startup("/healthz", startup_timeout(control_plane)),
        requests=(("cpu", "200m"),),
    )


def _flags(control_plane: ControlPlane) -> dict[str, str]:
    pki = control_plane.layout.pki
    kubeconfig = str(control_plane.layout.kubeconfig("controller-manager"))
    return {
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": _BIND_ADDRESS,
        "client-ca-file": f"{pki}/ca.crt",
        "cluster-name": control_plane.cluster.cluster_name,
        "controllers": "*,bootstrapsigner,tokencleaner",
        "kubeconfig": kubeconfig,
        "leader-elect": "true",
        "requestheader-client-ca-file": f"{pki}/front-proxy-ca.crt",
        "root-ca-file": f"{pki}/ca.crt",
        "service-account-private-key-file": f"{pki}/sa.key",
        "use-service-account-credentials": "true",
        **_node_cidr_flags(control_plane),
    }


def _signing_flags(control_plane: ControlPlane, *, external_ca: bool) -> dict[str, str]:
    """Empty rather than absent for an external CA: the defaults of the flags are paths."""
    pki = control_plane.layout.pki
    return {
        "cluster-signing-cert-file": "" if external_ca else f"{pki}/ca.crt",
        "cluster-signing-key-file": "" if external_ca else f"{pki}/ca.key",
    }


def _node_cidr_flags(control_plane: ControlPlane) -> dict[str, str]:
    networking = control_plane.cluster.networking
    if not networking.pod_subnet:
        return {}
    return {
        "allocate-node-cidrs": "true",
        "cluster-cidr": networking.pod_subnet,
        "service-cluster-ip-range": networking.service_subnet,
    }


def _mounts(control_plane: ControlPlane, facts: NodeFacts) -> tuple[HostPathMount, ...]:
    kubeconfig = str(control_plane.layout.kubeconfig("controller-manager"))
    return volumes.merged(
        volumes.certificates(control_plane, facts),
        (volumes.file("kubeconfig", kubeconfig), *_flexvolume(control_plane)),
        control_plane.cluster.controller_manager.extra_volumes,
    )


def _flexvolume(control_plane: ControlPlane) -> tuple[HostPathMount, ...]:
    """Writable: plugins talk to their back ends through sockets in it."""
    version = control_plane.version
    if (version.major, version.minor) > _LAST_WITH_FLEXVOLUME:
        return ()
    extra = control_plane.cluster.controller_manager.extra_args
    path = arguments.last_value(extra, "flex-volume-plugin-dir")
    return (
        volumes.directory("flexvolume-dir", _FLEXVOLUME_DIRECTORY if path is None else path, read_only=False),
    )
