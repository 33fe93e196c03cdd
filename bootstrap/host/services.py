"""How the agent is kept running: a systemd unit where systemd is PID 1, a plain daemon elsewhere.

Invariant: stopping the agent never stops the pods.
"""

from __future__ import annotations

from typing import Protocol


class AgentService(Protocol):
    """The agent as a service of this machine."""

    @property
    def manager(self) -> str:
        """ "systemd" or "daemon"."""

    def install(self, unit: str) -> None:
        """Make the unit text known (systemd only; a daemon needs none)."""

    def start(self) -> None:
        """Start it, or restart it when what was installed changed; returns once it answers /healthz."""

    def stop(self) -> None:
        """Stop it and wait until it is gone; nothing when it does not run."""

    def uninstall(self) -> None:
        """Undo ``install``; nothing when it was not installed."""

    def is_running(self) -> bool: ...

    def recent_log(self, lines: int) -> str:
        """The last lines it logged."""
