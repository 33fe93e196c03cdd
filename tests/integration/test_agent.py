"""The real agent process on a real Docker Engine, with manifests, names and state of its own."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.host.http import HttpRequest, SystemHttp
from tests.integration.real_agent import RealAgent, free_port, real_agent, wait_until

pytestmark = pytest.mark.docker


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RealAgent]:
    with real_agent(tmp_path) as made:
        made.start()
        yield made


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
