"""Addresses and ports of the machine. Invariant: all is read from the kernel at the moment of asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Listener:
    """A program that listens on a TCP port; ``pid`` 0 and ``program`` "" when it cannot be told."""

    address: str
    port: int
    pid: int = 0
    program: str = ""


class Network(Protocol):
    """What the machine's network looks like."""

    def default_address(self) -> str:
        """The address of the interface that has the default route (IPv4 first); "" when there is none."""

    def local_addresses(self) -> tuple[str, ...]:
        """Every address of every interface, loopback included."""

    def listeners(self, port: int) -> tuple[Listener, ...]:
        """Who listens on a TCP port, over both families."""
