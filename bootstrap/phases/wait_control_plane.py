"""Phase ``wait-control-plane``: until every component answers at its health endpoint.

Invariant: nothing is waited for that is known never to come, and giving up always says why.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.errors import BootstrapError, TimedOutError
from bootstrap.model.duration import duration_seconds
from bootstrap.phases.component_health import HealthChecker
from bootstrap.phases.context import Context
from bootstrap.phases.diagnosis import Cause, diagnose
from bootstrap.phases.observation import Observation, component_containers, connected, observe
from bootstrap.phases.phase import Need, Phase
from bootstrap.preflight.ports import holders_text

POLL = 0.05
"""Seconds between two rounds of questions."""

HOPE_INTERVAL = 2.0
"""Seconds between two looks at whether waiting still makes sense."""

HOPELESS_ATTEMPTS = 2
"""Restarts after which a certain cause is believed: a file that was being replaced has settled by then."""

_DEFAULT_TIMEOUT = 240.0
"""timeouts.controlPlaneComponentHealthCheck when it is not given."""

_SHOWN_LOG_LINES = 3
_SHOWN_LOG_WIDTH = 200
_GO_TRACE = re.compile(r"goroutine \d+ \[")
"""Begins the stack trace of a Go program that panicked: what it says stands before."""


class ControlPlaneFailedError(TimedOutError):
    """A component is not healthy and will not get so."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An unhealthy component: what was seen, and what it is likely due to."""

    seen: Observation
    cause: Cause

    @property
    def is_hopeless(self) -> bool:
        tried = self.seen.attempt >= HOPELESS_ATTEMPTS or bool(self.seen.agent)
        return self.cause.certain and tried

    def lines(self) -> tuple[str, ...]:
        """Cause, next command, state of the container, the end of its log."""
        component = self.seen.component
        return (
            f"{component}: {self.cause.text}",
            f"  next: {self.cause.remedy}",
            f"  container: {_state(self.seen)}",
            *(f"  log: {line[:_SHOWN_LOG_WIDTH]}" for line in said(self.seen.log)[-_SHOWN_LOG_LINES:]),
        )


def said(log: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of a log without the stack trace at its end; all when there is nothing else."""
    trace = next((number for number, line in enumerate(log) if _GO_TRACE.match(line)), len(log))
    return log[:trace] or log


def wait_control_plane(context: Context) -> None:
    with context.reporter.step("Waiting for the control plane") as step:
        started = context.clock.monotonic()
        _wait(context, context.control_plane.components, step.update)
        step.done(f"control plane healthy after {context.clock.monotonic() - started:.1f} s")


def wait_for_requests(context: Context) -> None:
    with context.reporter.step("Waiting for the control plane to take requests") as step:
        started = context.clock.monotonic()
        _wait(context, context.control_plane.components, step.update, early=True)
        step.done(f"control plane takes requests after {context.clock.monotonic() - started:.1f} s")


def wait_for_component(context: Context, component: str) -> None:
    """Until the container that runs was made from the manifest as it is now, and is healthy.

    For the apply engine, between components. Raises TimedOutError as the phase does.
    """
    with context.reporter.step(f"Waiting for {component}") as step:
        _wait(context, (component,), step.update, also=lambda name: _old_container(context, name))


def _wait(
    context: Context,
    components: tuple[str, ...],
    tell: Callable[[str], None],
    also: Callable[[str], str] = lambda _component: "",
    *,
    early: bool = False,
) -> None:
    """``also`` is one more question about a component, asked first; ``early`` as ``HealthChecker`` has it."""
    clock, timeout = context.clock, _timeout(context)
    deadline = clock.monotonic() + timeout
    next_look = clock.monotonic() + HOPE_INTERVAL
    problems = dict.fromkeys(components, "")
    checker, well = HealthChecker(context, early=early), "up" if early else "healthy"
    while True:
        before, problems = problems, _ask(checker, problems, also)
        for component, was in before.items():
            answer = problems.get(component, well)
            if answer != (was or well):
                still = f"; waiting for {', '.join(problems)}" if answer == well and problems else ""
                tell(f"{component}: {answer}{still}")
        if not problems:
            return
        now = clock.monotonic()
        if now >= deadline:
            failures = _look(context, problems)
            verb = "is" if len(failures) == 1 else "are"
            raise _gave_up(failures, f"{verb} not healthy after {timeout:g} s")
        if now >= next_look:
            _fail_if_hopeless(context, problems)
            next_look = clock.monotonic() + HOPE_INTERVAL
        clock.wait(threading.Event(), POLL)


def _ask(checker: HealthChecker, pending: dict[str, str], also: Callable[[str], str]) -> dict[str, str]:
    """The components that are not healthy, and what is missing."""
    answers = {component: also(component) or checker.problem(component) for component in pending}
    return {component: problem for component, problem in answers.items() if problem}


def _old_container(context: Context, component: str) -> str:
    """Why the running container is not the manifest's, "" when it is.

    A container is of the manifest as it is now when it was made after that was written.
    """
    path = context.layout.manifest(component)
    written = context.files.real(path).stat().st_mtime
    try:
        with connected(context) as runtime:
            running = [c for c in component_containers(runtime, component) if c.is_running]
    except BootstrapError as error:
        return error.message
    if not running:
        return "no container yet"
    if any(container.created.timestamp() < written for container in running):
        return "the old container still runs"
    return ""


def _fail_if_hopeless(context: Context, problems: dict[str, str]) -> None:
    hopeless = [failure for failure in _look(context, problems) if failure.is_hopeless]
    if hopeless:
        raise _gave_up(hopeless, "cannot become healthy")


def _look(context: Context, problems: dict[str, str]) -> list[Failure]:
    seen = [observe(context, component, answer) for component, answer in problems.items()]
    return [Failure(observation, diagnose(observation)) for observation in seen]


def _gave_up(failures: list[Failure], what: str) -> ControlPlaneFailedError:
    names = ", ".join(failure.seen.component for failure in failures)
    return ControlPlaneFailedError(
        f"{names} {what}",
        remedy="mend what is said above, then run the same command again: it continues",
        details=tuple(line for failure in failures for line in failure.lines()),
    )


def _state(seen: Observation) -> str:
    container = seen.container
    if container is None:
        return "none"
    identity = f"{container.id[:12]}, attempt {seen.attempt + 1}"
    if container.is_running:
        others = f", port {seen.port} held by {holders_text(seen.holders)}" if seen.holders else ""
        return f"{identity}, running; {seen.answer}{others}"
    return f"{identity}, {container.status} with exit code {container.exit_code}"


def _timeout(context: Context) -> float:
    text = context.control_plane.init.timeouts.control_plane_component_health_check
    return duration_seconds(text) if text else _DEFAULT_TIMEOUT


def _missing_manifests(context: Context) -> str:
    missing = [
        str(path)
        for path in map(context.layout.manifest, context.control_plane.components)
        if not context.files.exists(path)
    ]
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing" if missing else ""


def _admin_kubeconfig(context: Context) -> str:
    path = context.layout.kubeconfig("admin")
    return "" if context.files.exists(path) else f"{path} is missing"


def _agent_stopped(context: Context) -> str:
    return "" if context.agent_service.is_running() else "the agent does not run"


_NEEDS = (
    Need(_missing_manifests, "bootstrap init phase etcd local; bootstrap init phase control-plane all"),
    Need(_admin_kubeconfig, "bootstrap init phase kubeconfig admin"),
    Need(_agent_stopped, "bootstrap init phase agent-start"),
)

WAIT_CONTROL_PLANE = Phase(
    "wait-control-plane",
    "Wait until the control plane is healthy",
    run=wait_control_plane,
    needs=_NEEDS,
)

WAIT_FOR_REQUESTS = Phase(
    WAIT_CONTROL_PLANE.name,
    "Wait until the control plane takes requests",
    run=wait_for_requests,
    needs=_NEEDS,
)
"""The first part of it, for a workflow that has something to ask for."""
