"""The real agent process on a real Docker Engine, with manifests, names and state of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.http import HttpRequest, NoAnswerError, SystemHttp
from bootstrap.host.httpserver import fetch_unix
from bootstrap.runtime.api import Container
from bootstrap.runtime.docker_engine import DockerEngine
from tests.fixtures.probe_image import ensure_pause_image, ensure_probe_image

pytestmark = pytest.mark.docker

DEADLINE_SECONDS = 60.0
_numbers = itertools.count(1)


class RealAgent:
    """One agent process after another over the same manifests; the pods outlive them."""

    def __init__(self, directory: Path, engine: DockerEngine, image: str) -> None:
        self.directory = directory
        self.engine = engine
        self.image = image
        self.pause_image = ensure_pause_image(engine)
        self.node = f"agent-test-{os.getpid()}-{next(_numbers)}"
        self.labels = {"podstrap.node": self.node}
        self.manifests = directory / "manifests"
        self.manifests.mkdir()
        self.socket = Path(f"/tmp/{self.node}.sock")
        self.process: subprocess.Popen[bytes] | None = None
        self.healthz_port = free_port()
        self.options: dict[str, object] = {}

    def start(self) -> None:
        """Until it has listed its manifests."""
        self.launch()
        wait_until(lambda: self.answers() and self.status()["listed"])

    def launch(self) -> None:
        argv = [sys.executable, "-m", "bootstrap", "agent", "run"]
        options = {
            "manifests": self.manifests,
            "socket": self.socket,
            "node-name": self.node,
            "root-dir": self.directory / "state",
            "log-dir": self.directory / "logs",
            "healthz-port": self.healthz_port,
            "pause-image": self.pause_image,
            **self.options,
        }
        argv += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        log = (self.directory / "log").open("ab")
        with log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def write(self, name: str, *steps: str, container: dict[str, Any] | None = None, **spec: Any) -> None:
        """A manifest whose container runs probe-target with these steps, put there in one motion."""
        main = {
            "name": "main",
            "image": self.image,
            "args": list(steps),
            "securityContext": {"privileged": False},
            **(container or {}),
        }
        document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 5, "containers": [main], **spec},
        }
        temporary = self.manifests / f".{name}"
        temporary.write_text(json.dumps(document))
        temporary.rename(self.manifests / f"{name}.yaml")

    def containers(self, name: str = "main", *, running: bool = True) -> tuple[Container, ...]:
        labels = {**self.labels, "io.kubernetes.container.name": name}
        return self.engine.list(labels, running_only=running)

    def running(self, name: str = "main") -> Container:
        """The one running container of that name, once there is one."""
        wait_until(lambda: len(self.containers(name)) == 1)
        return self.containers(name)[0]

    def replaced(self, old: Container) -> Container:
        wait_until(lambda: [each.id for each in self.containers()] not in ([], [old.id]))
        return self.running()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(fetch_unix(self.socket, "/status").body)
        return found

    def container_status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status()["pods"][0]["containers"][0]
        return found

    def clean(self) -> None:
        with contextlib.suppress(OSError):
            self.stop(signal.SIGKILL)
        for container in self.engine.list(self.labels):
            self.engine.remove(container.id)
        self.socket.unlink(missing_ok=True)

    def answers(self) -> bool:
        try:
            health = HttpRequest("127.0.0.1", self.healthz_port, "/healthz", scheme="http")
            return SystemHttp().fetch(health).body == b"ok" and bool(self.status())
        except NoAnswerError:
            assert self.process is not None
            assert self.process.poll() is None, (self.directory / "log").read_text()
            return False


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RealAgent]:
    engine = DockerEngine()
    made = RealAgent(tmp_path, engine, ensure_probe_image(engine))
    try:
        made.start()
        yield made
    finally:
        made.clean()
        engine.close()


def test_a_pod_starts_is_restarted_replaced_and_removed(agent: RealAgent) -> None:
    agent.write("web", "print:one", "forever")
    first = agent.running()
    assert first.name.startswith(f"k8s_main_web-{agent.node}_default_")
    assert first.name.endswith("_0")

    os.kill(first.pid, signal.SIGKILL)
    second = agent.replaced(first)
    assert second.name.endswith("_1")
    last = agent.container_status()["lastExit"]
    assert (last["exitCode"], last["reason"]) == (137, "Error")

    agent.write("web", "print:two", "forever")
    third = agent.replaced(second)
    assert third.name.endswith("_0")
    wait_until(lambda: agent.engine.logs(third.id) == b"two\n")

    (agent.manifests / "web.yaml").unlink()
    wait_until(lambda: agent.engine.list(agent.labels) == ())
    wait_until(lambda: agent.status()["pods"] == [])


def test_a_killed_agent_adopts_what_runs(agent: RealAgent) -> None:
    agent.write("web", "forever")
    before = agent.running()
    agent.stop(signal.SIGKILL)
    agent.start()
    wait_until(lambda: agent.status()["pods"] != [])
    assert agent.container_status()["state"] == "running"
    assert {each.id for each in agent.containers(running=False)} == {before.id}


def test_stopping_the_agent_leaves_the_pods(agent: RealAgent) -> None:
    agent.write("web", "forever")
    before = agent.running()
    agent.stop()
    assert agent.running().id == before.id
    (agent.manifests / "web.yaml").unlink()
    agent.start()
    wait_until(lambda: agent.engine.list(agent.labels) == ())


def test_the_only_manifest_may_be_a_file(agent: RealAgent) -> None:
    agent.write("web", "forever")
    agent.running()
    agent.stop()
    path = agent.manifests / "web.yaml"
    # The same pod at another path is another pod, but the directory's is not this agent's any more.
    agent.options["manifests"] = path
    agent.start()
    first = agent.running()
    agent.write("web", "forever", terminationGracePeriodSeconds=6)
    second = agent.replaced(first)
    path.write_text(path.read_text()[:100])
    wait_until(lambda: agent.status()["problems"] != [])
    assert agent.running().id == second.id
    path.unlink()
    wait_until(lambda: agent.engine.list(agent.labels) == ())
    agent.write("web", "forever", terminationGracePeriodSeconds=6)
    assert agent.running().name == second.name


def test_a_dead_sandbox_rebuilds_the_pod(agent: RealAgent) -> None:
    agent.write("web", "forever")
    before = agent.running()
    sandbox = agent.running("POD")
    os.kill(sandbox.pid, signal.SIGKILL)
    after = agent.replaced(before)
    assert after.labels["io.kubernetes.sandbox.id"] == agent.running("POD").id != sandbox.id


def test_host_paths_of_every_type(agent: RealAgent, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "given").mkdir(parents=True)
    (data / "file").write_text("x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/tmp/{agent.node}.bind")
        paths = {
            "any": (data / "any", ""),
            "made": (data / "made", "DirectoryOrCreate"),
            "made-file": (data / "made-file", "FileOrCreate"),
            "given": (data / "given", "Directory"),
            "file": (data / "file", "File"),
            "socket": (Path(f"/tmp/{agent.node}.bind"), "Socket"),
            "device": (Path("/dev/null"), "CharDevice"),
        }
        agent.write(
            "web",
            "forever",
            container={"volumeMounts": [{"name": name, "mountPath": f"/m/{name}"} for name in paths]},
            volumes=[
                {"name": name, "hostPath": {"path": str(path), "type": kind}}
                for name, (path, kind) in paths.items()
            ],
        )
        running = agent.running()
    Path(f"/tmp/{agent.node}.bind").unlink()
    inside = Path(f"/proc/{running.pid}/root/m")
    assert sorted(path.name for path in inside.iterdir()) == sorted(paths)
    assert (inside / "file").read_text() == "x"
    assert (data / "any").is_dir()
    assert (data / "made").is_dir()
    assert (data / "made-file").is_file()


def test_a_host_path_that_is_not_what_it_should_be_is_said_and_waited_for(
    agent: RealAgent, tmp_path: Path
) -> None:
    late = tmp_path / "late"
    agent.write(
        "web",
        "forever",
        container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        volumes=[{"name": "v", "hostPath": {"path": str(late), "type": "File"}}],
    )
    wait_until(lambda: agent.status()["pods"] != [] and agent.container_status()["reason"] == "FailedMount")
    assert str(late) in agent.container_status()["message"]
    late.write_text("x")
    agent.running()


def test_a_failed_liveness_probe_restarts_the_container(agent: RealAgent) -> None:
    port = free_port()
    probe = {"tcpSocket": {"port": port, "host": "127.0.0.1"}, "periodSeconds": 1, "failureThreshold": 2}
    agent.write("web", "forever", container={"livenessProbe": probe})
    first = agent.running()
    assert agent.replaced(first).name.endswith("_1")
    assert "liveness probe failed" in (agent.directory / "log").read_text()


def test_an_exec_probe_runs_in_the_container(agent: RealAgent) -> None:
    probe = {"exec": {"command": ["/probe-target", "exit:0"]}, "periodSeconds": 1}
    agent.write("web", "forever", container={"readinessProbe": probe})
    wait_until(lambda: agent.status()["pods"] != [] and agent.container_status()["ready"])


def test_a_pod_on_the_bridge_is_reached_through_its_host_port(agent: RealAgent) -> None:
    port = free_port()
    agent.write(
        "web",
        "serve:8080",
        "forever",
        hostNetwork=False,
        container={
            "ports": [{"containerPort": 8080, "hostPort": port, "hostIP": "127.0.0.1", "name": "http"}],
            "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1},
        },
    )
    running = agent.running()
    wait_until(lambda: bool(agent.container_status()["ready"]))
    request = HttpRequest("127.0.0.1", port, "/hello", scheme="http", timeout=5)
    assert SystemHttp().fetch(request).body == b"/hello\n"
    hosts = Path(f"/proc/{running.pid}/root/etc/hosts").read_text()
    assert f"{agent.running('POD').ip}\tweb-{agent.node}" in hosts


def test_memory_volumes_are_undone_with_the_pod(agent: RealAgent) -> None:
    agent.write(
        "web",
        "forever",
        container={"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
    )
    agent.running()
    state = str(agent.directory / "state")
    assert state in Path("/proc/self/mounts").read_text()
    (agent.manifests / "web.yaml").unlink()
    wait_until(lambda: agent.engine.list(agent.labels) == ())
    wait_until(lambda: state not in Path("/proc/self/mounts").read_text())
