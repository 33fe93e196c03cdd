"""Phase ``preflight``: whether the machine is ready, said all at once; then the images.

Invariant: nothing is written to the node's directories.
"""

from __future__ import annotations

from bootstrap.apply import inventory
from bootstrap.errors import BootstrapError, PreflightError
from bootstrap.host.machine import Machine
from bootstrap.images.sources import ImagesMissingError, ensure
from bootstrap.model.layout import COMPONENTS
from bootstrap.phases.context import Context
from bootstrap.phases.observation import component_containers, connected
from bootstrap.phases.phase import Phase
from bootstrap.preflight.check import Problem, Subject
from bootstrap.preflight.checks import PROGRAMS, failure, is_ignored, line, run_checks, sort_out
from bootstrap.preflight.resources import disk_paths

_IMAGE_PULL = "ImagePull"


def preflight(context: Context) -> None:
    check_machine(context)
    ensure_images(context)


def check_machine(context: Context) -> None:
    """Every check of the table; raises PreflightError with all that failed and is not ignored."""
    with context.reporter.step("Checking this machine") as step:
        subject = subject_of(context)
        fatal, warnings = sort_out(run_checks(subject), context.ignored_checks)
        for warning in warnings:
            context.reporter.warn(line(warning))
        if fatal:
            raise failure(fatal)
        step.done("machine is ready")


def ensure_images(context: Context) -> None:
    """Make the images of this node's pods present; raises PreflightError, or warns when that is ignored."""
    try:
        ensure(context.control_plane, context.runtime, context.reporter, context.clock)
    except ImagesMissingError as error:
        problem = Problem(_IMAGE_PULL, error.message, error.remedy)
        if not is_ignored(problem, context.ignored_checks):
            raise PreflightError(error.message, remedy=error.remedy, details=error.details) from error
        context.reporter.warn(line(problem))


def subject_of(context: Context) -> Subject:
    """What the checks look at, taken from a context."""
    machine = context.machine(disk_paths(context.layout), PROGRAMS)
    return Subject(
        control_plane=context.control_plane,
        facts=context.facts,
        files=context.files,
        network=context.network,
        http=context.http,
        machine=machine,
        now=context.clock.now(),
        runtime=context.runtime,
        inventory=inventory.load(context.files, context.layout),
        own_pids=lambda: _agent_pids(context, machine) | _component_pids(context),
    )


def _agent_pids(context: Context, machine: Machine) -> frozenset[int]:
    """Our agent: the one that is loaded for this run, and the one its service says runs."""
    loaded = frozenset({context.agent_service.loaded})
    if not context.agent_service.is_running():
        return loaded
    manifests = str(context.layout.manifests)
    return loaded | frozenset(
        program.pid for program in machine.processes if {"bootstrap", "agent", manifests} <= set(program.argv)
    )


def _component_pids(context: Context) -> frozenset[int]:
    """The running components; none when no engine answers, which is a finding of its own."""
    try:
        with connected(context) as runtime:
            return frozenset(
                container.pid
                for component in COMPONENTS
                for container in component_containers(runtime, component)
                if container.is_running
            )
    except BootstrapError:
        return frozenset()


PREFLIGHT = Phase(
    "preflight",
    "Check that this machine is ready",
    run=preflight,
    options=("config", "ignore-preflight-errors"),
)
