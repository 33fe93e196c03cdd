"""``agent status`` and ``agent events`` with ``--watch``, of an agent that is killed and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.integration.real_agent import RealAgent, real_agent, wait_until

pytestmark = pytest.mark.docker


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RealAgent]:
    with real_agent(tmp_path) as made:
        made.start()
        yield made


@contextmanager
def watching(agent: RealAgent, *words: str) -> Iterator[list[str]]:
    """The lines that the command has printed so far; it ends with Ctrl-C."""
    argv = [sys.executable, "-m", "bootstrap", "agent", *words, "--watch", f"--socket={agent.socket}"]
    lines: list[str] = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(iter(process.stdout.readline, ""),))
        reader.start()
        try:
            wait_until(lambda: bool(lines))
            yield lines
            assert process.poll() is None, lines
        finally:
            process.send_signal(signal.SIGINT)
            reader.join()
    assert "Traceback" not in "".join(lines)


COMMANDS = {
    ("status",): " Running ",
    ("status", "--output=json"): '"Running"',
    ("events",): " Started ",
    ("events", "--output=json"): '"Started"',
}
"""Each with what it says of a pod that has come up."""


def test_what_is_watched_is_told_as_it_changes_and_outlives_the_agent(agent: RealAgent) -> None:
    agent.write("first", "forever")
    agent.running()
    with ExitStack() as stack:
        watched = {words: stack.enter_context(watching(agent, *words)) for words in COMMANDS}

        def wait_told_of(pod: str) -> None:
            for words, up in COMMANDS.items():
                lines = watched[words]
                wait_until(lambda: any(pod in line and up in line for line in lines))  # noqa: B023

        agent.write("web", "forever")
        wait_told_of("web-")
        agent.stop(signal.SIGKILL)
        for lines in watched.values():
            wait_until(lambda: any("the agent does not run" in line for line in lines))  # noqa: B023
        agent.launch()
        agent.write("other", "forever")
        wait_told_of("other-")
