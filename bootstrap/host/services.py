"""How the agent is kept running: a systemd unit where systemd is PID 1, a plain daemon elsewhere.

Both take the command line from the unit text, so there is one description of how the agent is run. Whether a
running agent is the wanted one is asked of the process itself (its command line), never of memory: a command
that was killed between installing and restarting is completed by the next one.

Invariant: stopping the agent never stops the pods.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import threading
from pathlib import Path, PurePosixPath
from typing import Protocol

from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.files import Files
from bootstrap.host.http import HttpClient, HttpRequest, NoAnswerError
from bootstrap.host.machine import command_line, running_programs, start_ticks
from bootstrap.host.process import ProcessRunner, require_success
from bootstrap.model.layout import Layout

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
POLL = 0.03
"""Seconds between two looks at whether the agent answers: its start is on the way of every ``init``."""

_SYSTEMD_RUNS = Path("/run/systemd/system")
"""Exists exactly where systemd is PID 1: sd_booted(3)."""


class AgentFailedError(BootstrapError):
    """The agent ended or does not answer; the details are what it logged last."""


class AgentService(Protocol):
    """The agent as a service of this machine."""

    @property
    def manager(self) -> str:
        """ "systemd" or "daemon"."""

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


def choose_service(
    files: Files,
    layout: Layout,
    processes: ProcessRunner,
    http: HttpClient,
    clock: Clock,
    *,
    healthz_port: int = 10248,
    systemd: bool | None = None,
) -> AgentService:
    """systemd's where systemd is PID 1 (``systemd`` None asks the machine), else a plain daemon's."""
    health = AgentHealth(http, clock, healthz_port)
    if _SYSTEMD_RUNS.is_dir() if systemd is None else systemd:
        return SystemdAgentService(files, layout, processes, health)
    return DaemonAgentService(files, layout, health)


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
                raise _failed(service, "the agent ended as soon as it was started")
            if self._clock.monotonic() > deadline:
                raise _failed(service, f"the agent does not answer after {START_TIMEOUT:g} s")
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


class SystemdAgentService:
    """``bootstrap-agent.service``"""

    manager = "systemd"

    def __init__(self, files: Files, layout: Layout, processes: ProcessRunner, health: AgentHealth) -> None:
        self._files = files
        self._layout = layout
        self._processes = processes
        self._health = health
        self._changed = False

    @property
    def _unit_name(self) -> str:
        return self._layout.agent_unit.name

    def install(self, unit: str) -> None:
        if _read(self._files, self._layout.agent_unit) != unit:
            self._files.write(self._layout.agent_unit, unit, 0o644)
            self._changed = True
        if self._changed or self._property("NeedDaemonReload") == "yes":
            self._systemctl("daemon-reload")
            self._changed = True
        if self._property("UnitFileState") != "enabled":
            self._systemctl("enable", self._unit_name)

    def launch(self) -> None:
        unit = _read(self._files, self._layout.agent_unit)
        if not unit:
            raise _not_installed()
        if self._changed or not self.is_running() or not self._runs(unit_command(unit)):
            self._systemctl("--no-block", "restart", self._unit_name)
            self._changed = False

    def start(self) -> None:
        self.launch()
        self._health.wait(self)

    def stop(self) -> None:
        if self._files.exists(self._layout.agent_unit):
            self._systemctl("stop", self._unit_name)

    def uninstall(self) -> None:
        if self._files.exists(self._layout.agent_unit):
            self._systemctl("disable", self._unit_name)
            self._files.remove(self._layout.agent_unit)
            self._systemctl("daemon-reload")

    def is_running(self) -> bool:
        return self._property("ActiveState") in ("active", "activating", "reloading")

    def recent_log(self, lines: int) -> str:
        argv = ("journalctl", "-u", self._unit_name, "-n", str(lines), "-o", "cat", "--no-pager")
        return self._processes.run(argv).stdout

    def _runs(self, command: tuple[str, ...]) -> bool:
        return command_line(int(self._property("MainPID") or 0)) == command

    def _property(self, name: str) -> str:
        argv = ("systemctl", "show", "--property", name, "--value", self._unit_name)
        return self._processes.run(argv).stdout.strip()

    def _systemctl(self, *arguments: str) -> None:
        done = self._processes.run(("systemctl", *arguments))
        require_success(
            done,
            "systemd could not do it for the agent",
            remedy=f"systemctl status {self._unit_name}; journalctl -u {self._unit_name}",
        )


class DaemonAgentService:
    """A process of its own session; its pid file holds the pid and when that process started.

    The unit text is kept beside the program's state, so that the agent can be started again later.
    """

    manager = "daemon"

    def __init__(self, files: Files, layout: Layout, health: AgentHealth) -> None:
        self._files = files
        self._layout = layout
        self._health = health
        self._unit = layout.state / layout.agent_unit.name

    def install(self, unit: str) -> None:
        if _read(self._files, self._unit) != unit:
            self._files.write(self._unit, unit, 0o600)

    def launch(self) -> None:
        unit = _read(self._files, self._unit)
        if not unit:
            raise _not_installed()
        command = unit_command(unit)
        pid = self._pid()
        if pid and command_line(pid) != command:
            self.stop()
            pid = 0
        if not pid:
            self._spawn(command)

    def start(self) -> None:
        self.launch()
        self._health.wait(self)

    def stop(self) -> None:
        pid = self._pid()
        if pid:
            for number, patience in ((signal.SIGTERM, STOP_TIMEOUT), (signal.SIGKILL, STOP_TIMEOUT)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                if self._health.wait_gone(self, patience):
                    break
        self._files.remove(self._layout.agent_pid)

    def uninstall(self) -> None:
        self._files.remove(self._unit)

    def is_running(self) -> bool:
        return self._pid() != 0

    def recent_log(self, lines: int) -> str:
        text = _read(self._files, self._layout.agent_log)
        return "\n".join(text.splitlines()[-lines:])

    def _spawn(self, command: tuple[str, ...]) -> None:
        log = self._files.real(self._layout.agent_log)
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise AgentFailedError(
                f"{command[0]} cannot be run: {error.strerror}", remedy="install podstrap again"
            ) from error
        finally:
            os.close(descriptor)
        self._remember(process.pid)
        # It outlives this program on purpose: nobody waits for it here but start_ticks, which tells a zombie.
        process.returncode = 0

    def _pid(self) -> int:
        """The agent's pid, 0 when it does not run or its pid belongs to another process by now."""
        fields = _read(self._files, self._layout.agent_pid).split()
        if len(fields) == 2 and all(field.isdigit() for field in fields):
            pid, started = map(int, fields)
            if started and start_ticks(pid) == started:
                return pid
        return self._unrecorded_pid()

    def _unrecorded_pid(self) -> int:
        """An agent whose starter was killed before it could write the pid file, 0 when there is none."""
        unit = _read(self._files, self._unit)
        if not unit:
            return 0
        command = unit_command(unit)
        for program in running_programs():
            if program.argv == command:
                self._remember(program.pid)
                return program.pid
        return 0

    def _remember(self, pid: int) -> None:
        self._files.write(self._layout.agent_pid, f"{pid} {start_ticks(pid)}\n", 0o644)


def _not_installed() -> AgentFailedError:
    return AgentFailedError(
        "the agent is not installed on this machine", remedy="bootstrap init phase agent-start"
    )


def _failed(service: AgentService, message: str) -> AgentFailedError:
    log = service.recent_log(20).splitlines()
    return AgentFailedError(message, remedy="bootstrap agent logs", details=tuple(log))


def _read(files: Files, path: PurePosixPath) -> str:
    try:
        return files.read_text(path)
    except FileNotFoundError:
        return ""
