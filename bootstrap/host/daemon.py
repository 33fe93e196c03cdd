"""The agent as a plain daemon, for machines without systemd.

Invariant: only a process that is surely the agent is ever signalled, never one that has got its pid since.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from bootstrap.host.agentservice import (
    AgentFailedError,
    AgentHealth,
    not_installed,
    read_or_empty,
    unit_command,
)
from bootstrap.host.files import Files
from bootstrap.host.machine import command_line, running_programs, start_ticks
from bootstrap.host.readyprocess import ReadyProcess
from bootstrap.model.layout import Layout

STOP_TIMEOUT = 30.0


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
        self._ready: ReadyProcess | None = None

    def prepare(self, command: tuple[str, ...]) -> None:
        if not self._files.exists(self._unit):
            with contextlib.suppress(OSError):
                self._ready = ReadyProcess(command)

    @property
    def loaded(self) -> int:
        return self._ready.pid if self._ready else 0

    def install(self, unit: str) -> None:
        if read_or_empty(self._files, self._unit) != unit:
            self._files.write(self._unit, unit, 0o600)

    def launch(self) -> None:
        unit = read_or_empty(self._files, self._unit)
        if not unit:
            raise not_installed()
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
        self._dismiss()
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
        text = read_or_empty(self._files, self._layout.agent_log)
        return "\n".join(text.splitlines()[-lines:])

    def _spawn(self, command: tuple[str, ...]) -> None:
        log = self._files.real(self._layout.agent_log)
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            if self._ready is not None and self._ready.command == command and self._ready.begin(descriptor):
                self._remember(self._ready.pid)
            else:
                self._remember(_started(command, descriptor))
        finally:
            self._dismiss()
            os.close(descriptor)

    def _dismiss(self) -> None:
        if self._ready is not None:
            self._ready.dismiss()
            self._ready = None

    def _pid(self) -> int:
        """The agent's pid, 0 when it does not run or its pid belongs to another process by now."""
        fields = read_or_empty(self._files, self._layout.agent_pid).split()
        if len(fields) == 2 and all(field.isdigit() for field in fields):
            pid, started = map(int, fields)
            if started and start_ticks(pid) == started:
                return pid
        return self._unrecorded_pid()

    def _unrecorded_pid(self) -> int:
        """An agent whose starter was killed before it could write the pid file, 0 when there is none."""
        unit = read_or_empty(self._files, self._unit)
        if not unit:
            return 0
        command = unit_command(unit)
        for program in running_programs():
            if program.argv == command and program.pid != self.loaded:
                self._remember(program.pid)
                return program.pid
        return 0

    def _remember(self, pid: int) -> None:
        self._files.write(self._layout.agent_pid, f"{pid} {start_ticks(pid)}\n", 0o644)


def _started(command: tuple[str, ...], output: int) -> int:
    """The pid of the command, which writes to that descriptor. Raises AgentFailedError."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        raise AgentFailedError(
            f"{command[0]} cannot be run: {error.strerror}", remedy="install podstrap again"
        ) from error
    # It outlives this program on purpose: nobody waits for it here but start_ticks, which tells a zombie.
    process.returncode = 0
    return process.pid
