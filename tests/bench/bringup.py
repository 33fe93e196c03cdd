"""``bootstrap init`` beside the same four programs as plain processes with the same flags.

Runs inside a node: ``python -m tests.bench.bringup ROUNDS`` prints rows as JSON. Both sides end at the same
moment, every component healthy as ``wait-control-plane`` asks; ours has uploaded the configuration besides.
Invariant: each round starts from a node on which nothing is left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path, PurePosixPath

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.host.files import Files
from bootstrap.model.layout import COMPONENTS, Layout
from bootstrap.phases.component_health import health_checker
from bootstrap.render.documents import load
from tests.bench.measure import Row, encoded

LIMIT = 1.5
DEADLINE = 180.0
LAYOUT = Layout()
PREPARED = ("certs all", "kubeconfig all", "etcd local", "control-plane all")
LOGS = Path("/tmp/plain-logs")


def init_seconds() -> float:
    started = time.perf_counter()
    bootstrap("init")
    seconds = time.perf_counter() - started
    bootstrap("reset", "--yes")
    return seconds


def plain_seconds() -> float:
    for phase in PREPARED:
        bootstrap("init", "phase", *phase.split())
    LOGS.mkdir(exist_ok=True)
    commands = [command_of(LAYOUT.manifest(component)) for component in COMPONENTS]
    context = open_context(GlobalOptions(), output="json")
    started = time.perf_counter()
    processes = [start(command) for command in commands]
    try:
        with health_checker(context) as checker:
            pending = set(COMPONENTS)
            while pending:
                pending = {component for component in pending if checker.problem(component)}
                assert time.perf_counter() < started + DEADLINE, f"not healthy: {pending}"
                time.sleep(0.1)
        return time.perf_counter() - started
    finally:
        for process in processes:
            process.kill()
            process.wait()
        bootstrap("reset", "--yes")
        shutil.rmtree("/var/lib/etcd", ignore_errors=True)


def command_of(manifest: PurePosixPath) -> list[str]:
    pod = load(Files().read_text(manifest))
    assert isinstance(pod, dict)
    command = pod["spec"]["containers"][0]["command"]
    assert isinstance(command, list)
    return command


def start(command: list[str]) -> subprocess.Popen[bytes]:
    with (LOGS / f"{command[0]}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def bootstrap(*arguments: str) -> None:
    done = subprocess.run(["bootstrap", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"


def main() -> None:
    rounds = int(sys.argv[1])
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(plain_seconds())
        ours.append(init_seconds())
        print(f"plain {theirs[-1]:.2f} s, init {ours[-1]:.2f} s", file=sys.stderr, flush=True)
    name = f"`bootstrap init` to healthy and uploaded ({os.cpu_count()} CPUs)"
    print(encoded((Row(name, "s", tuple(ours), LIMIT, "plain processes", tuple(theirs)),)))


if __name__ == "__main__":
    main()
