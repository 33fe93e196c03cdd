"""What a series of probe results means for a container. Pure.

Source: pkg/kubelet/prober/worker.go. Invariants: below its threshold a result changes nothing; an error of
the prober itself is no result; liveness and readiness do not count before a startup probe has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from bootstrap.model.podspec import Container, Probe

Kind = Literal["startup", "liveness", "readiness"]
KINDS: tuple[Kind, ...] = ("startup", "liveness", "readiness")

Result = Literal["success", "failure", "error"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One probe; ``message`` says what went wrong."""

    result: Result
    message: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the probes of one container say. ``failing`` is why it must be stopped, "" if it need not be.

    ``grace`` is the failed probe's own, in seconds; None leaves the pod's.
    """

    started: bool = True
    ready: bool = True
    failing: str = ""
    message: str = ""
    grace: int | None = None


@dataclass(frozen=True, slots=True)
class ProbeState:
    """``passed`` None: undecided. ``run`` results like ``last`` came in a row."""

    passed: bool | None = None
    last: Result | None = None
    run: int = 0
    message: str = ""


def probe_of(container: Container, kind: Kind) -> Probe | None:
    return {
        "startup": container.startup_probe,
        "liveness": container.liveness_probe,
        "readiness": container.readiness_probe,
    }[kind]


def after(state: ProbeState, probe: Probe, outcome: Outcome) -> ProbeState:
    """The state once this outcome is known."""
    if outcome.result == "error":
        return replace(state, message=outcome.message)
    run = state.run + 1 if outcome.result == state.last else 1
    threshold = probe.success_threshold if outcome.result == "success" else probe.failure_threshold
    passed = state.passed if run < threshold else outcome.result == "success"
    return ProbeState(passed, outcome.result, run, outcome.message)


def is_wanted(container: Container, states: dict[Kind, ProbeState], kind: Kind) -> bool:
    """Whether this probe runs now."""
    if probe_of(container, kind) is None:
        return False
    started = container.startup_probe is None or _state(states, "startup").passed is True
    if kind == "startup":
        return not started and _state(states, "startup").passed is None
    doomed = _state(states, "startup").passed is False or _state(states, "liveness").passed is False
    return started and (kind == "readiness" or not doomed)


def verdict(container: Container, states: dict[Kind, ProbeState]) -> Verdict:
    """All probes of a running container taken together."""
    startup, liveness, readiness = (_state(states, kind) for kind in KINDS)
    started = container.startup_probe is None or startup.passed is True
    ready = started and (container.readiness_probe is None or readiness.passed is True)
    failing, failed = "", None
    if startup.passed is False:
        failing, failed = f"startup probe failed: {startup.message}", container.startup_probe
    elif liveness.passed is False:
        failing, failed = f"liveness probe failed: {liveness.message}", container.liveness_probe
    grace = failed.termination_grace_period_seconds if failed else None
    worst = next((state.message for state in (startup, liveness, readiness) if state.message), "")
    return Verdict(started, ready, failing, worst, grace)


def _state(states: dict[Kind, ProbeState], kind: Kind) -> ProbeState:
    return states.get(kind, ProbeState())
