"""Images that the agent pulls from a registry, and removes again, on a real Docker Engine."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bootstrap.agent.imagecollector import MINIMUM_AGE
from bootstrap.agent.pulledimages import FILE_NAME
from bootstrap.host.httpserver import fetch_unix
from bootstrap.runtime.docker_engine import DockerEngine
from tests.fixtures.probe_image import ensure_probe_image
from tests.fixtures.registry import Registry, serving_registry
from tests.integration.real_agent import RealAgent, real_agent, wait_until

pytestmark = pytest.mark.docker

KEPT_NAME = "podstrap.test/kept-by-somebody:1"


@pytest.fixture
def registry() -> Iterator[Registry]:
    engine = DockerEngine()
    with serving_registry(engine, ensure_probe_image(engine)) as made:
        yield made
    engine.remove_image(KEPT_NAME)
    engine.close()


@pytest.fixture
def agent(tmp_path: Path, registry: Registry) -> Iterator[RealAgent]:
    """To its mind every disk is too full; its pause image is from the registry, too."""
    with real_agent(tmp_path) as made:
        made.options = {
            "pause-image": registry.publish("pause", "forever"),
            "image-gc-high-threshold": 0,
            "image-gc-low-threshold": 0,
        }
        made.start()
        yield made


def put(agent: RealAgent, registry: Registry, name: str, *steps: str, **spec: object) -> None:
    """A pod of that name, whose container and image are called so too."""
    container = {"name": name, "image": registry.reference(name)}
    agent.write(name, *steps, container=container, **spec)


def take_away(agent: RealAgent, *names: str) -> None:
    for name in names:
        (agent.manifests / f"{name}.yaml").unlink()
    wait_until(lambda: not any(agent.containers(name, running=False) for name in names))


def restart_later(agent: RealAgent, *young: str) -> None:
    """Another agent, for which all but these images were needed longer ago than it waits."""
    agent.stop(signal.SIGKILL)
    record = agent.directory / "state" / FILE_NAME
    needed = {name: datetime.fromisoformat(when) for name, when in json.loads(record.read_text()).items()}
    past = MINIMUM_AGE + timedelta(minutes=1)
    older = {name: when if name in young else when - past for name, when in needed.items()}
    record.write_text(json.dumps({name: when.isoformat() for name, when in older.items()}))
    agent.start()


def present(agent: RealAgent, registry: Registry, names: tuple[str, ...]) -> set[str]:
    return {name for name in names if agent.engine.image(registry.reference(name)) is not None}


def test_an_image_is_pulled_as_soon_as_its_registry_has_it(agent: RealAgent, registry: Registry) -> None:
    put(agent, registry, "late", "print:here", "forever")
    wait_until(lambda: agent.status()["pods"] != [])
    wait_until(lambda: agent.container_status()["reason"] in ("ErrImagePull", "ImagePullBackOff"))
    assert "manifest unknown" in agent.container_status()["message"]
    registry.publish("late")
    assert agent.running("late").image == registry.reference("late")
    told = [event["reason"] for event in json.loads(fetch_unix(agent.socket, "/events").body)["events"]]
    assert told.index("Failed") < told.index("BackOff") < told.index("Started")
    assert "Pulled" in told


def test_images_that_nothing_needs_are_removed_from_a_full_disk(agent: RealAgent, registry: Registry) -> None:
    names = ("running", "finished", "gone", "young", "renamed", "pause")
    for name in names[:-1]:
        registry.publish(name)
    put(agent, registry, "running", "forever")
    put(agent, registry, "finished", "exit:0", restartPolicy="Never")
    leaving = ("gone", "young", "renamed")
    for name in leaving:
        put(agent, registry, name, "forever")
    for name in ("running", *leaving):
        agent.running(name)
    wait_until(lambda: [each.status for each in agent.containers("finished", running=False)] == ["exited"])
    agent.engine.tag(registry.reference("renamed"), KEPT_NAME)
    take_away(agent, *leaving)
    assert present(agent, registry, names) == set(names)

    restart_later(agent, registry.reference("young"))
    wait_until(lambda: "gone" not in present(agent, registry, names))
    assert present(agent, registry, names) == {*names} - {"gone"}
    assert agent.engine.image(agent.image) is not None  # it was not pulled by the agent

    take_away(agent, "running", "finished")
    restart_later(agent)
    wait_until(lambda: present(agent, registry, names) == {"renamed", "pause"})
