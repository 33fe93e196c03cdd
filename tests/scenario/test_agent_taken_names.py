"""A container cannot have its name: who has it decides what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.agent.names import CONTAINER_NAME, SANDBOX
from bootstrap.runtime.api import ContainerSpec
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import FakeRuntime

PHANTOM = "0123456789abcdef" * 4


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def names_of(harness: AgentHarness) -> dict[str, str]:
    """Container -> its full name, of all that run."""
    return {
        held.spec.labels[CONTAINER_NAME]: held.spec.name
        for held in harness.engine.containers.values()
        if held.state.is_running
    }


@pytest.mark.parametrize("container", ["main", SANDBOX])
def test_a_name_that_the_engine_keeps_for_nobody_is_gone_around(
    harness: AgentHarness, container: str
) -> None:
    harness.write("web.yaml", document())
    harness.settle()
    first = names_of(harness)
    taken = first[container].removesuffix("0") + "1"
    harness.engine.phantoms[taken] = PHANTOM
    harness.engine.exit(first[container], 1)
    harness.settle()
    after = names_of(harness)
    assert after[container] == f"{taken}_01234567"
    assert len(after) == 2
    harness.restart_agent()
    harness.settle()
    assert names_of(harness) == after
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert not harness.engine.containers


def test_a_name_that_is_given_up_meanwhile_is_used(harness: AgentHarness) -> None:
    class GivenUp(FakeRuntime):
        def inspect(self, container_id: str) -> object:  # type: ignore[override]
            if container_id == PHANTOM:
                self.engine.phantoms.clear()
            return super().inspect(container_id)

    harness.connection = GivenUp
    harness.write("web.yaml", document())
    harness.settle()
    first = names_of(harness)["main"]
    taken = first.removesuffix("0") + "1"
    harness.engine.phantoms[taken] = PHANTOM
    harness.engine.exit(first, 1)
    harness.settle()
    assert names_of(harness)["main"] == taken


def test_a_name_that_somebody_else_has_is_waited_for(harness: AgentHarness) -> None:
    harness.write("web.yaml", document())
    harness.settle()
    first = names_of(harness)["main"]
    runtime = FakeRuntime(harness.engine)
    foreign = runtime.create(ContainerSpec(first.removesuffix("0") + "1", IMAGE))
    harness.engine.exit(first, 1)
    harness.settle()
    assert harness.container().reason == "CreateContainerError"
    runtime.remove(foreign)
    harness.until(lambda: harness.container().state == "running", 15)
