"""Phase ``agent-start``: the static-pod agent watches the manifest directory from now on.

Invariant: an agent that already runs as wanted is adopted, not restarted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.apply import inventory
from bootstrap.model.desired import DesiredFile
from bootstrap.model.pod import decode_pod
from bootstrap.phases.agent_command import KUBELET_ARGUMENTS, agent_command, kubelet_arguments
from bootstrap.phases.context import Context
from bootstrap.phases.manifests import desired_manifests
from bootstrap.phases.phase import Phase
from bootstrap.phases.serving_certificate import ensure_serving_certificate
from bootstrap.render.documents import load
from bootstrap.render.engine import Templates, templates_of
from bootstrap.render.units import render_agent_unit


def start_agent(context: Context) -> None:
    with context.reporter.step("Starting the static-pod agent") as step:
        launch_agent(context)
        ensure_serving_certificate(context)
        context.agent_service.start()
        step.done(f"static-pod agent runs ({context.agent_service.manager})")


def launch_agent(context: Context) -> None:
    """Start it without waiting for it, for a workflow that has something else to do meanwhile."""
    layout, service, files = context.layout, context.agent_service, context.files
    for name, _value in kubelet_arguments(context.control_plane):
        if name not in KUBELET_ARGUMENTS:
            context.reporter.warn(f"nodeRegistration.kubeletExtraArgs: the agent has no option {name}")
    unit = agent_unit(context)
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


def check_unit(context: Context) -> None:
    """Find out what is wrong with the site's template of the unit before anything is written."""
    if context.control_plane.bootstrap.templates.directory:
        agent_unit(context)


def agent_unit(context: Context, templates: Templates | None = None) -> DesiredFile:
    """Raises TemplateFailedError."""
    return render_agent_unit(
        agent_command(context.control_plane),
        layout=context.layout,
        templates=templates or templates_of(context.control_plane.bootstrap.templates.directory),
    )


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
