"""The walkthrough of a static pod from a manifest URL, and log files, on a real Docker Engine."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.host.http import HttpRequest, NoAnswerError, SystemHttp
from bootstrap.host.httpserver import fetch_unix
from tests.integration.real_agent import RealAgent, real_agent, wait_until

pytestmark = pytest.mark.docker

TOKEN = "a-secret-of-the-test"


class ManifestServer(http.server.ThreadingHTTPServer):
    """Answers ``reply`` (status, body) to who has the token, and counts what it answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = (200, b"")
        self.answered = 0
        self.goes_on = threading.Event()
        self.is_endless = threading.Event()

    def lists(self, *pods: dict[str, Any]) -> None:
        self.answers(200, json.dumps({"apiVersion": "v1", "kind": "PodList", "items": pods}).encode())

    def answers(self, status: int, body: bytes) -> None:
        """From now on; returns when two answers were given, so that the first has been acted on."""
        self.reply = status, body
        seen = self.answered
        wait_until(lambda: self.answered >= seen + 3)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ManifestServer

    def do_GET(self) -> None:
        if self.server.goes_on.is_set():
            self._answer_for_ever()
            return
        status, body = self.server.reply if self.headers["X-Token"] == TOKEN else (403, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.answered += self.headers["X-Token"] == TOKEN

    def _answer_for_ever(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while self.server.goes_on.is_set():
                self.wfile.write(b" " * 100)
                self.server.is_endless.set()
                time.sleep(0.01)

    def log_message(self, *_arguments: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[ManifestServer]:
    with ManifestServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def agent(tmp_path: Path, server: ManifestServer) -> Iterator[RealAgent]:
    """Its directory is there, too; the server's first answer is an empty list."""
    headers = tmp_path / "headers"
    headers.touch(0o600)
    headers.write_text(f"X-Token: {TOKEN}\n")
    server.reply = (200, b'{"apiVersion": "v1", "kind": "PodList"}')
    with real_agent(tmp_path) as made:
        made.options = {
            "manifest-url": f"http://127.0.0.1:{server.server_port}/pods",
            "manifest-url-header-file": headers,
            "http-check-frequency": "100ms",
            "container-log-max-size": "4Ki",
            "container-log-max-files": 2,
        }
        made.start()
        yield made


def static_web(image: str) -> dict[str, Any]:
    """The pod of the Kubernetes documentation's walkthrough."""
    return {
        "metadata": {"name": "static-web", "labels": {"app": "static"}},
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "containers": [
                {
                    "name": "web",
                    "image": image,
                    "args": ["serve:80", "forever"],
                    "ports": [{"name": "web", "containerPort": 80, "protocol": "TCP"}],
                }
            ],
        },
    }


def answers(address: str) -> bool:
    """Whether the pod serves on its own address."""
    try:
        request = HttpRequest(address, 80, "/x", scheme="http", timeout=5)
        return SystemHttp().fetch(request).body == b"/x\n"
    except NoAnswerError:
        return False


def told(agent: RealAgent) -> list[str]:
    events = json.loads(fetch_unix(agent.socket, "/events").body)["events"]
    return [event["reason"] for event in events]


def test_the_walkthrough_over_http(agent: RealAgent, server: ManifestServer) -> None:
    server.lists(static_web(agent.image))
    first = agent.running("web")
    assert first.name.startswith(f"k8s_web_static-web-{agent.node}_default_")
    assert first.name.endswith("_0")
    sandbox = agent.running("POD")
    assert sandbox.labels["app"] == "static"
    assert sandbox.labels["annotation.kubernetes.io/config.source"] == "http"
    wait_until(lambda: answers(sandbox.ip))

    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: agent.container_status()["restarts"] == 1)
    second = agent.running("web")
    assert second.name.endswith("_1")

    for status, body in ((500, b"no"), (200, b""), (200, b"{garbage"), (200, b"<html>"), (404, b"")):
        server.answers(status, body)
        assert agent.running("web").id == second.id
        (problem,) = agent.status()["problems"]
        assert problem["kept"]
    server.lists(static_web(agent.image))
    assert agent.running("web").id == second.id
    assert agent.status()["problems"] == []

    server.lists()
    wait_until(lambda: agent.engine.list(agent.labels) == ())
    server.lists(static_web(agent.image))
    assert agent.running("web").name == first.name
    assert {"Created", "Started", "Killing"} <= set(told(agent))
    assert TOKEN not in (agent.directory / "log").read_text()


def test_an_answer_that_never_ends_holds_up_nothing_else(agent: RealAgent, server: ManifestServer) -> None:
    server.lists(static_web(agent.image))
    first = agent.running("web")
    server.goes_on.set()
    try:
        server.is_endless.wait(10)
        agent.write("file", "forever")
        agent.running("main")
        os.kill(first.pid, signal.SIGKILL)
        wait_until(lambda: [each.id for each in agent.containers("web")] not in ([], [first.id]))
        (agent.manifests / "file.yaml").unlink()
        wait_until(lambda: agent.containers("main", running=False) == ())
        assert server.is_endless.is_set()
    finally:
        server.goes_on.clear()
    server.lists()
    wait_until(lambda: agent.engine.list(agent.labels) == ())


def test_a_server_that_is_gone_keeps_its_pods_over_a_restart_of_the_agent(
    agent: RealAgent, server: ManifestServer
) -> None:
    agent.write("file", "forever")
    server.lists(static_web(agent.image))
    web, main = agent.running("web"), agent.running("main")
    agent.stop(signal.SIGKILL)
    server.reply = (503, b"")
    (agent.manifests / "file.yaml").unlink()
    agent.launch()
    wait_until(lambda: agent.answers() and agent.status()["problems"] != [])
    assert (agent.running("web").id, agent.running("main").id) == (web.id, main.id)
    server.lists(static_web(agent.image))
    wait_until(lambda: agent.containers("main", running=False) == ())
    assert agent.running("web").id == web.id


def test_logs_are_found_where_a_kubelet_has_them_and_are_rotated(agent: RealAgent) -> None:
    lines = [f"line {number:03} {'x' * 80}" for number in range(100)]
    agent.write("web", *(f"print:{line}" for line in lines), "forever")
    first = agent.running()
    name, logs = f"web-{agent.node}", agent.directory / "logs"
    link = logs / "pods" / f"default_{name}_{first.labels['io.kubernetes.pod.uid']}" / "main" / "0.log"
    wait_until(link.is_file)
    wait_until(lambda: "line 099" in link.read_text())
    assert link.stat().st_size <= 4096 + 256
    assert Path(f"{first.log_path}.1").is_file()
    assert not Path(f"{first.log_path}.2").exists()
    other = logs / "containers" / f"{name}_default_main-{first.id}.log"
    assert other.resolve() == Path(first.log_path).resolve()

    os.kill(first.pid, signal.SIGKILL)
    agent.replaced(first)
    wait_until((link.parent / "1.log").is_file)
    assert link.is_file()  # the dead one is kept, and so is its log
    (agent.manifests / "web.yaml").unlink()
    wait_until(lambda: not list((logs / "pods").iterdir()) and not list((logs / "containers").iterdir()))
