"""Thresholds, gating and verdicts."""

from __future__ import annotations

import pytest

from bootstrap.agent.probe import (
    Kind,
    Outcome,
    ProbeState,
    Result,
    Verdict,
    after,
    is_wanted,
    verdict,
)
from bootstrap.model.podspec import Container, Probe, TCPSocketAction

LETTERS: dict[str, Result] = {"+": "success", "-": "failure", "?": "error"}


def probe(success: int = 1, failure: int = 3) -> Probe:
    return Probe(tcp_socket=TCPSocketAction(port=1), success_threshold=success, failure_threshold=failure)


def state_after(series: str, of: Probe) -> ProbeState:
    state = ProbeState()
    for letter in series:
        state = after(state, of, Outcome(LETTERS[letter]))
    return state


@pytest.mark.parametrize(
    ("series", "passed"),
    [
        ("", None),
        ("+", True),
        ("--", None),
        ("---", False),
        ("--+--", True),
        ("---+", True),
        ("+--", True),
        ("+---", False),
        ("--?-", False),
        ("?", None),
    ],
)
def test_consecutive_results_decide(series: str, passed: bool | None) -> None:
    assert state_after(series, probe()).passed is passed


def test_a_success_threshold_needs_a_row_of_successes() -> None:
    assert state_after("+-++", probe(success=3)).passed is None
    assert state_after("+-+++", probe(success=3)).passed is True


def container(*kinds: Kind) -> Container:
    probes = {f"{kind}_probe": probe() for kind in kinds}
    return Container(name="main", image="app:1", **probes)  # type: ignore[arg-type]


PASSED, FAILED, OPEN = ProbeState(passed=True), ProbeState(passed=False, message="refused"), ProbeState()


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ({}, {"startup"}),
        ({"startup": OPEN}, {"startup"}),
        ({"startup": PASSED}, {"liveness", "readiness"}),
        ({"startup": FAILED}, set()),
        ({"startup": PASSED, "liveness": PASSED}, {"liveness", "readiness"}),
        ({"startup": PASSED, "liveness": FAILED}, {"readiness"}),
    ],
)
def test_others_wait_for_the_startup_probe(states: dict[Kind, ProbeState], wanted: set[Kind]) -> None:
    everything = container("startup", "liveness", "readiness")
    kinds: tuple[Kind, ...] = ("startup", "liveness", "readiness")
    assert {kind for kind in kinds if is_wanted(everything, states, kind)} == wanted


@pytest.mark.parametrize(
    ("kinds", "states", "expected"),
    [
        ((), {}, Verdict(started=True, ready=True)),
        (("readiness",), {}, Verdict(started=True, ready=False)),
        (("readiness",), {"readiness": PASSED}, Verdict(started=True, ready=True)),
        (("startup",), {}, Verdict(started=False, ready=False)),
        (("startup",), {"startup": PASSED}, Verdict(started=True, ready=True)),
        (
            ("startup",),
            {"startup": FAILED},
            Verdict(False, False, "startup probe failed: refused", "refused"),
        ),
        (("liveness",), {}, Verdict(started=True, ready=True)),
        (
            ("liveness",),
            {"liveness": FAILED},
            Verdict(True, True, "liveness probe failed: refused", "refused"),
        ),
    ],
)
def test_verdict(kinds: tuple[Kind, ...], states: dict[Kind, ProbeState], expected: Verdict) -> None:
    assert verdict(container(*kinds), states) == expected
