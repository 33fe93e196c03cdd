"""Telling systemd how the service is (sd_notify). Invariant: outside systemd every call does nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class ServiceManager:
    """The manager that started this process, found in its environment."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ means Linux's abstract name space.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog = int(environment.get("WATCHDOG_USEC", "0") or 0) if ours else 0

    @property
    def watchdog_seconds(self) -> float | None:
        """How often to call ``alive`` at the least (half of what the manager allows); None when never."""
        return self._watchdog / 2_000_000 if self._watchdog else None

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
                connection.connect(self._address)
                connection.sendall(message.encode())
        except OSError:
            # The manager went away; there is nobody else to tell.
            return
