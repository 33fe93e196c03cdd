"""The agent as a unit of systemd. Invariant: the unit on disk is the one systemd has read."""

from __future__ import annotations

from bootstrap.host.agentservice import AgentHealth, not_installed, read_or_empty, unit_command
from bootstrap.host.files import Files
from bootstrap.host.machine import command_line
from bootstrap.host.process import ProcessRunner, require_success
from bootstrap.model.layout import Layout


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

    def prepare(self, command: tuple[str, ...]) -> None:
        """Only systemd starts its services."""

    @property
    def loaded(self) -> int:
        return 0

    def install(self, unit: str) -> None:
        if read_or_empty(self._files, self._layout.agent_unit) != unit:
            self._files.write(self._layout.agent_unit, unit, 0o644)
            self._changed = True
        if self._changed or self._property("NeedDaemonReload") == "yes":
            self._systemctl("daemon-reload")
            self._changed = True
        if self._property("UnitFileState") != "enabled":
            self._systemctl("enable", self._unit_name)

    def launch(self) -> None:
        unit = read_or_empty(self._files, self._layout.agent_unit)
        if not unit:
            raise not_installed()
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
