"""``python -m tests.bench.plain``, run in a lab node: the programs of its manifests, without containers.

Prints the seconds until all of them are healthy, then ends them. This is the floor: what etcd and Kubernetes
themselves need with exactly these flags on this machine.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import yaml

from bootstrap.host.http import HttpRequest, NoAnswerError, SystemHttp
from bootstrap.model.layout import COMPONENTS, Layout

POLL = 0.05
"""Seconds between two rounds of questions."""

HEALTH = (
    HttpRequest("127.0.0.1", 2381, "/readyz", scheme="http"),
    HttpRequest("127.0.0.1", 6443, "/readyz"),
    HttpRequest("127.0.0.1", 10257, "/healthz"),
    HttpRequest("127.0.0.1", 10259, "/healthz"),
)
DEADLINE_SECONDS = 120.0


def main() -> None:
    commands = [command_of(Layout().manifest(component)) for component in COMPONENTS]
    started = time.monotonic()
    programs = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        wait_healthy(started + DEADLINE_SECONDS)
        print(time.monotonic() - started)
    finally:
        for program in programs:
            program.kill()
            program.wait()


def command_of(manifest: object) -> list[str]:
    pod = yaml.safe_load(Path(str(manifest)).read_text())
    command: list[str] = pod["spec"]["containers"][0]["command"]
    return command


def wait_healthy(deadline: float) -> None:
    http = SystemHttp()
    pending = list(HEALTH)
    while pending:
        assert time.monotonic() < deadline, f"not healthy: {pending}"
        pending = [request for request in pending if not answers(http, request)]
        if pending:
            time.sleep(POLL)


def answers(http: SystemHttp, request: HttpRequest) -> bool:
    try:
        return http.fetch(request).status == 200
    except NoAnswerError:
        return False


if __name__ == "__main__":
    main()
