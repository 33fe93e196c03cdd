"""A failure nobody foresaw, in one pod, and what becomes of it and the others."""

from __future__ import annotations

from pathlib import Path

from bootstrap.agent.worker import SURPRISE_RETRY_SECONDS
from tests.fakes.agent import AgentHarness, document
from tests.fakes.runtime import FakeRuntime


class Surprising(FakeRuntime):
    """Fails once in a way no adapter translates."""

    failures = 0

    def create(self, spec: object) -> str:
        if Surprising.failures:
            Surprising.failures -= 1
            raise ZeroDivisionError
        return super().create(spec)  # type: ignore[arg-type]


def test_a_pod_is_tried_again_after_a_failure_nobody_foresaw(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    harness.connection = Surprising
    harness.write("web.yaml", document("web"))
    harness.agent.sync()
    (worker,) = harness.agent.workers.values()
    Surprising.failures = 1
    assert worker.turn() == SURPRISE_RETRY_SECONDS
    harness.settle()
    assert harness.pod().phase == "Running"


def test_a_probe_is_asked_again_after_a_failure_nobody_foresaw(tmp_path: Path) -> None:
    harness = AgentHarness(tmp_path)
    asked = 0

    def fetch(_request: object) -> object:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError

    harness.http.fetch = fetch  # type: ignore[method-assign, assignment]
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1}
    harness.write(
        "web.yaml", document("web", containers=[{"name": "main", "image": "app:1", "readinessProbe": probe}])
    )
    harness.settle()
    harness.advance(5)
    assert asked > 2
