"""How fast the agent acts, beside the bare Docker calls for the same containers.

Runs inside a node: ``python -m tests.bench.pods ROUNDS IMAGE PAUSE`` prints rows as JSON. Every moment is
taken from the engine's own events, so that nobody's polling is measured. Invariant: both sides make the same
sandbox and the same container, in turn, on the same engine.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker import APIClient

from tests.bench.measure import Row, encoded

RATIO = 1.5
SLOWEST_RESTART = 0.5
DEADLINE = 30.0
SOCKET = "unix:///run/docker.sock"
NODE = "bench"
CONTAINER = "app"
NAME_LABEL = "io.kubernetes.container.name"
BARE_LABEL = "podstrap.bench"


class Events:
    """Start and die events as they come: (action, attributes, monotonic seconds)."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[str, dict[str, str], float]] = queue.Queue()
        self._stream = APIClient(base_url=SOCKET, version="auto").events(
            decode=True, filters={"event": ["start", "die", "destroy"]}
        )
        threading.Thread(target=self._read, daemon=True).start()

    def wait(self, action: str, **labels: str) -> float:
        """When the next such event arrived; those before it are dropped."""
        deadline = time.monotonic() + DEADLINE
        while True:
            seen, attributes, moment = self._queue.get(timeout=deadline - time.monotonic())
            if seen == action and all(attributes.get(key) == value for key, value in labels.items()):
                return moment

    def _read(self) -> None:
        for event in self._stream:
            self._queue.put((event["Action"], event["Actor"]["Attributes"], time.monotonic()))


class Bare:
    """The same pod by hand: a sandbox with the host's network, and a container in it."""

    def __init__(self, image: str, pause: str) -> None:
        self._docker = APIClient(base_url=SOCKET, version="auto")
        self._image = image
        self._pause = pause

    def start_pod(self) -> tuple[str, str, float]:
        """Sandbox and container ID, and the seconds it took."""
        started = time.monotonic()
        sandbox = self._start(self._pause, {"network_mode": "host", "ipc_mode": "shareable"}, None)
        container = self.start_container(sandbox)
        return sandbox, container, time.monotonic() - started

    def start_container(self, sandbox: str) -> str:
        joined = f"container:{sandbox}"
        return self._start(self._image, {"network_mode": joined, "ipc_mode": joined}, ["forever"])

    def restart_seconds(self, sandbox: str, container: str, events: Events) -> tuple[str, float]:
        """Kill the container and start another one in its place."""
        started = time.monotonic()
        self._docker.kill(container, signal="KILL")
        events.wait("die", **{BARE_LABEL: CONTAINER})
        replacement = self.start_container(sandbox)
        return replacement, time.monotonic() - started

    def remove(self, *containers: str) -> None:
        for container in containers:
            self._docker.remove_container(container, force=True)

    def _start(self, image: str, host: dict[str, Any], command: list[str] | None) -> str:
        created = self._docker.create_container(
            image,
            command=command,
            labels={BARE_LABEL: CONTAINER if command else "sandbox"},
            host_config=self._docker.create_host_config(**host),
        )
        identity: str = created["Id"]
        self._docker.start(identity)
        return identity


class Manifests:
    """A directory the agent watches; files appear and vanish by renaming, as people do it."""

    def __init__(self, base: Path, image: str) -> None:
        self.directory = base / "manifests"
        self.directory.mkdir()
        self._aside = base / "aside"
        self._aside.mkdir()
        self._image = image

    def drop(self, name: str) -> float:
        """Put the pod's manifest in; the moment it was done."""
        (self._aside / name).write_text(json.dumps(self._pod(name)))
        return self.put_back(name)

    def put_back(self, name: str) -> float:
        moment = time.monotonic()
        (self._aside / name).rename(self.directory / f"{name}.json")
        return moment

    def take_away(self, name: str) -> None:
        (self.directory / f"{name}.json").rename(self._aside / name)

    def _pod(self, name: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "hostNetwork": True,
                "terminationGracePeriodSeconds": 2,
                "containers": [{"name": CONTAINER, "image": self._image, "args": ["forever"]}],
            },
        }


@contextlib.contextmanager
def agent(directory: Path, base: Path, pause: str) -> Iterator[None]:
    command = ["bootstrap", "agent", "run", "--manifests", str(directory), "--node-name", NODE]
    command += ["--socket", str(base / "agent.sock"), "--root-dir", str(base / "pods"), "--healthz-port", "0"]
    command += ["--pause-image", pause, "--docker-socket", "/run/docker.sock"]
    with (base / "agent.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + DEADLINE
        while not (base / "agent.sock").exists():
            assert time.monotonic() < deadline, (base / "agent.log").read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def measure(rounds: int, image: str, pause: str, base: Path) -> tuple[Row, ...]:
    events, bare, manifests = Events(), Bare(image, pause), Manifests(base, image)
    ours = {NAME_LABEL: CONTAINER}
    samples: dict[str, list[float]] = {
        name: [] for name in ("dropped", "bare", "killed", "rekilled", "again")
    }
    docker = APIClient(base_url=SOCKET, version="auto")
    with agent(manifests.directory, base, pause):
        for number in range(rounds):
            sandbox, container, seconds = bare.start_pod()
            samples["bare"].append(seconds)
            replacement, seconds = bare.restart_seconds(sandbox, container, events)
            samples["rekilled"].append(seconds)
            bare.remove(container, replacement, sandbox)

            name = f"pod{number}"
            dropped = manifests.drop(name)
            samples["dropped"].append(events.wait("start", **ours) - dropped)
            (identity,) = [
                each["Id"] for each in docker.containers(filters={"label": f"{NAME_LABEL}={CONTAINER}"})
            ]
            killed = time.monotonic()
            docker.kill(identity, signal="KILL")
            samples["killed"].append(events.wait("start", **ours) - killed)
            manifests.take_away(name)
            events.wait("destroy", **{NAME_LABEL: "POD"})
            put_back = manifests.put_back(name)
            samples["again"].append(events.wait("start", **ours) - put_back)
            manifests.take_away(name)
            events.wait("destroy", **{NAME_LABEL: "POD"})
    taken = {name: tuple(values) for name, values in samples.items()}
    calls = "bare Docker calls"
    return (
        Row("manifest dropped to container running", "s", taken["dropped"], RATIO, calls, taken["bare"]),
        Row(
            "container killed to running again, first time",
            "s",
            taken["killed"],
            RATIO,
            calls,
            taken["rekilled"],
            worst=SLOWEST_RESTART,
        ),
        Row(
            "same manifest removed and put back",
            "s",
            taken["again"],
            1.1,
            "the first time",
            taken["dropped"],
        ),
    )


def main() -> None:
    rounds, image, pause = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    with tempfile.TemporaryDirectory() as base:
        print(encoded(measure(rounds, image, pause, Path(base))))


if __name__ == "__main__":
    main()
