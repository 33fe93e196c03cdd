"""Phase ``agent-start``: the static-pod agent watches the manifest directory from now on.

Invariant: an agent that already runs as wanted is adopted, not restarted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.apply import inventory
from bootstrap.config.defaults import CONTROL_PLANE_TAINT
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.images import pause_image
from bootstrap.model.kubeadm import Taint
from bootstrap.model.pod import decode_pod
from bootstrap.phases.context import Context
from bootstrap.phases.manifests import desired_manifests
from bootstrap.phases.phase import Phase
from bootstrap.phases.serving_certificate import ensure_serving_certificate
from bootstrap.render.documents import load
from bootstrap.render.units import render_agent_unit

KUBELET_ARGUMENTS = ("node-ip", "node-labels", "register-node", "register-with-taints")
"""What nodeRegistration.kubeletExtraArgs may say to the agent: it has these options as a kubelet has them."""


def agent_command(control_plane: ControlPlane) -> tuple[str, ...]:
    """The agent's command line; ``-I`` keeps the working directory and PYTHON* variables out of it."""
    layout = control_plane.layout
    options = {
        "manifests": layout.manifests,
        "socket": layout.agent_socket,
        "node-name": control_plane.node_name,
        "docker-socket": layout.docker_socket,
        "root-dir": layout.pods.parent,
        "healthz-port": control_plane.bootstrap.agent.healthz_port,
        "file-check-frequency": control_plane.bootstrap.agent.file_check_frequency,
        "pause-image": pause_image(control_plane),
        "tls-cert-file": layout.agent_certificate,
        "tls-private-key-file": layout.agent_certificate,
        "client-ca-file": layout.pki / "ca.crt",
        "kubeconfig": layout.kubeconfig("kubelet"),
        # A kubelet takes the default route's, which is often the wrong one of two networks.
        "node-ip": control_plane.advertise_address,
        "register-with-taints": ",".join(map(_taint, _taints(control_plane))),
        **{name: value for name, value in _kubelet_arguments(control_plane) if name in KUBELET_ARGUMENTS},
    }
    words = tuple(word for name, value in options.items() for word in (f"--{name}", str(value)))
    return (sys.executable, "-I", "-m", "bootstrap", "agent", "run", *words)


def _kubelet_arguments(control_plane: ControlPlane) -> list[tuple[str, str]]:
    return [(arg.name, arg.value) for arg in control_plane.init.node_registration.kubelet_extra_args]


def _taints(control_plane: ControlPlane) -> tuple[Taint, ...]:
    taints = control_plane.init.node_registration.taints
    return (CONTROL_PLANE_TAINT,) if taints is None else taints


def _taint(taint: Taint) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


def start_agent(context: Context) -> None:
    with context.reporter.step("Starting the static-pod agent") as step:
        launch_agent(context)
        ensure_serving_certificate(context)
        context.agent_service.start()
        step.done(f"static-pod agent runs ({context.agent_service.manager})")


def launch_agent(context: Context) -> None:
    """Start it without waiting for it, for a workflow that has something else to do meanwhile."""
    layout, service, files = context.layout, context.agent_service, context.files
    for name, _value in _kubelet_arguments(context.control_plane):
        if name not in KUBELET_ARGUMENTS:
            context.reporter.warn(f"nodeRegistration.kubeletExtraArgs: the agent has no option {name}")
    unit = render_agent_unit(
        agent_command(context.control_plane),
        layout=layout,
        site_templates=context.control_plane.bootstrap.templates.directory,
    )
    inventory.record(
        files,
        layout,
        _traces(context),
        directories=(layout.manifests, *_directories_of_pods(context)),
        nodes=(context.control_plane.node_name,),
    )
    files.make_directory(layout.manifests, 0o700)
    service.install(unit.content)
    service.launch()


def _directories_of_pods(context: Context) -> Iterator[PurePosixPath]:
    """What the agent is going to make: its own directories, and those that pods ask it to create."""
    layout = context.layout
    yield from (layout.pods, layout.pod_logs, layout.container_logs)
    for manifest in desired_manifests(context):
        for volume in decode_pod(load(manifest.content)).pod.spec.volumes:
            if volume.host_path is not None and volume.host_path.type == "DirectoryOrCreate":
                yield PurePosixPath(volume.host_path.path)


def _traces(context: Context) -> tuple[PurePosixPath, ...]:
    """What the service leaves outside the program's own directories."""
    layout = context.layout
    return (layout.agent_unit,) if context.agent_service.manager == "systemd" else (layout.agent_log,)


AGENT_START = Phase("agent-start", "Start the static-pod agent", run=start_agent)
