"""What it means to keep the agent running on a machine, and what both ways to do it share.

Both take the command line from the unit text, so there is one description of how the agent is run. Whether a
running agent is the wanted one is asked of the process itself (its command line), never of memory: a command
that was killed between installing and restarting is completed by the next one.

Invariant: stopping the agent never stops the pods.
"""

from __future__ import annotations

import re
import shlex
import threading
from pathlib import PurePosixPath
from typing import Protocol

from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.files import Files
from bootstrap.host.http import HttpClient, HttpRequest, NoAnswerError

START_TIMEOUT = 60.0
POLL = 0.03
"""Seconds between two looks at whether the agent answers: its start is on the way of every ``init``."""


class AgentFailedError(BootstrapError):
    """The agent ended or does not answer; the details are what it logged last."""


class AgentService(Protocol):
    """The agent as a service of this machine."""

    @property
    def manager(self) -> str:
        """ "systemd" or "daemon"."""

    def prepare(self, command: tuple[str, ...]) -> None:
        """On a machine that never had it: have it loaded when it is launched with this command line.

        Without a launch nothing comes of it.
        """

    @property
    def loaded(self) -> int:
        """The pid of the one that ``prepare`` has loaded and that waits, 0 when there is none."""

    def install(self, unit: str) -> None:
        """Make the unit text known; it decides how the agent is run from the next ``start`` on."""

    def launch(self) -> None:
        """Start it, or restart it when what was installed changed; returns at once."""

    def start(self) -> None:
        """``launch``, and wait until it answers /healthz; raises AgentFailedError."""

    def stop(self) -> None:
        """Stop it and wait until it is gone; nothing when it does not run."""

    def uninstall(self) -> None:
        """Undo ``install``; nothing when it was not installed."""

    def is_running(self) -> bool: ...

    def recent_log(self, lines: int) -> str:
        """The last lines it logged."""


def unit_command(unit: str) -> tuple[str, ...]:
    """The command line in a unit's ``ExecStart=``; raises BootstrapError when there is none."""
    joined = unit.replace("\\\n", " ")
    found = re.search(r"^ExecStart=(.+)$", joined, re.MULTILINE)
    if not found:
        raise BootstrapError("the agent's unit has no ExecStart=", remedy="look at the unit's template")
    words = shlex.split(found.group(1))
    return tuple(word.replace("%%", "%").replace("$$", "$") for word in words)


class AgentHealth:
    """Asks the agent's /healthz on the loopback address."""

    def __init__(self, http: HttpClient, clock: Clock, port: int) -> None:
        self._http = http
        self._clock = clock
        self._request = HttpRequest("127.0.0.1", port, "/healthz", scheme="http")

    def answers(self) -> bool:
        try:
            return self._http.fetch(self._request).status == 200
        except NoAnswerError:
            return False

    def wait(self, service: AgentService) -> None:
        """Until it answers; raises AgentFailedError when it ended or START_TIMEOUT is over."""
        deadline = self._clock.monotonic() + START_TIMEOUT
        while not self.answers():
            if not service.is_running():
                raise failed(service, "the agent ended as soon as it was started")
            if self._clock.monotonic() > deadline:
                raise failed(service, f"the agent does not answer after {START_TIMEOUT:g} s")
            self.pause(POLL)

    def wait_gone(self, service: AgentService, seconds: float) -> bool:
        """Until the process is gone, at most ``seconds``."""
        deadline = self._clock.monotonic() + seconds
        while service.is_running():
            if self._clock.monotonic() > deadline:
                return False
            self.pause(POLL)
        return True

    def pause(self, seconds: float) -> None:
        self._clock.wait(threading.Event(), seconds)


def not_installed() -> AgentFailedError:
    """What to raise when there is no unit text."""
    return AgentFailedError(
        "the agent is not installed on this machine", remedy="bootstrap init phase agent-start"
    )


def failed(service: AgentService, message: str) -> AgentFailedError:
    """The failure, with what the agent logged last."""
    log = service.recent_log(20).splitlines()
    return AgentFailedError(message, remedy="bootstrap agent logs", details=tuple(log))


def read_or_empty(files: Files, path: PurePosixPath) -> str:
    """A file's text, "" when it does not exist."""
    try:
        return files.read_text(path)
    except FileNotFoundError:
        return ""
