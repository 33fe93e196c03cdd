"""The command line the agent is run with, as the configuration of the control plane has it. Pure."""

from __future__ import annotations

import sys

from bootstrap.config.defaults import CONTROL_PLANE_TAINT
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.images import pause_image
from bootstrap.model.kubeadm import Taint

KUBELET_ARGUMENTS = ("node-ip", "node-labels", "port", "register-node", "register-with-taints")
"""What nodeRegistration.kubeletExtraArgs may say to the agent: it has these options as a kubelet has them."""


def agent_command(control_plane: ControlPlane) -> tuple[str, ...]:
    """The agent's command line; ``-I`` keeps the working directory and PYTHON* variables out of it."""
    layout, agent = control_plane.layout, control_plane.bootstrap.agent
    options: dict[str, object] = {
        "manifests": layout.manifests,
        "socket": layout.agent_socket,
        "node-name": control_plane.node_name,
        "docker-socket": layout.docker_socket,
        "root-dir": layout.pods.parent,
        "healthz-port": agent.healthz_port,
        "file-check-frequency": agent.file_check_frequency,
        "pause-image": pause_image(control_plane),
        "tls-cert-file": layout.agent_certificate,
        "tls-private-key-file": layout.agent_certificate,
        "client-ca-file": layout.pki / "ca.crt",
        "kubeconfig": layout.kubeconfig("kubelet"),
        "renew-certificates": str(control_plane.bootstrap.agent.renew_certificates).lower(),
        # A kubelet takes the default route's, which is often the wrong one of two networks.
        "node-ip": control_plane.advertise_address,
        "register-with-taints": ",".join(map(_taint, _taints(control_plane))),
    }
    if agent.manifest_url:
        options["manifest-url"] = agent.manifest_url
        options["http-check-frequency"] = agent.http_check_frequency
    if agent.manifest_url_header_file:
        options["manifest-url-header-file"] = agent.manifest_url_header_file
    told = {name: value for name, value in kubelet_arguments(control_plane) if name in KUBELET_ARGUMENTS}
    if told.get("register-node") == "false":
        # The node is a kubelet's, and so is the port on which the API server looks for one.
        options["port"] = 0
    options.update(told)
    words = tuple(word for name, value in options.items() for word in (f"--{name}", str(value)))
    return (sys.executable, "-I", "-m", "bootstrap", "agent", "run", *words)


def kubelet_arguments(control_plane: ControlPlane) -> list[tuple[str, str]]:
    """nodeRegistration.kubeletExtraArgs as pairs."""
    return [(arg.name, arg.value) for arg in control_plane.init.node_registration.kubelet_extra_args]


def _taints(control_plane: ControlPlane) -> tuple[Taint, ...]:
    taints = control_plane.init.node_registration.taints
    return (CONTROL_PLANE_TAINT,) if taints is None else taints


def _taint(taint: Taint) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
