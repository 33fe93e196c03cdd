"""The agent as a service, without a process."""

from __future__ import annotations

from bootstrap.errors import BootstrapError


class FakeAgentService:
    """``history`` has every change in order."""

    manager = "daemon"

    def __init__(self) -> None:
        self.history: list[str] = []
        self.unit = ""
        self.running = False
        self.log = ""
        self.refuses_to_start = ""
        self._running_unit = ""

    def prepare(self, command: tuple[str, ...]) -> None:
        """Without a process there is nothing to load."""

    @property
    def loaded(self) -> int:
        return 0

    def install(self, unit: str) -> None:
        if unit != self.unit:
            self.history.append("install")
        self.unit = unit

    def launch(self) -> None:
        if self.refuses_to_start:
            raise BootstrapError(self.refuses_to_start)
        if self.running and self._running_unit == self.unit:
            return
        self.history.append("restart" if self.running else "start")
        self.running = True
        self._running_unit = self.unit

    def start(self) -> None:
        self.launch()

    def stop(self) -> None:
        if self.running:
            self.history.append("stop")
        self.running = False

    def uninstall(self) -> None:
        if self.unit:
            self.history.append("uninstall")
        self.unit = ""

    def is_running(self) -> bool:
        return self.running

    def recent_log(self, lines: int) -> str:
        return "\n".join(self.log.splitlines()[-lines:])
