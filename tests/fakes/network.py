"""A machine's addresses and listening programs, as the test says."""

from __future__ import annotations

from collections.abc import Callable

from bootstrap.host.network import Listener


class FakeNetwork:
    """``open_port`` and ``close_port`` are what programs do; ``on_look`` is called before anybody looks."""

    def __init__(self, address: str = "192.0.2.10") -> None:
        self.address = address
        self.on_look: Callable[[], None] = lambda: None
        self._listeners: list[Listener] = []

    def default_address(self) -> str:
        return self.address

    def local_addresses(self) -> tuple[str, ...]:
        return tuple(address for address in ("127.0.0.1", "::1", self.address) if address)

    def listeners(self, *ports: int) -> tuple[Listener, ...]:
        self.on_look()
        return self.held(*ports)

    def held(self, *ports: int) -> tuple[Listener, ...]:
        return tuple(listener for listener in self._listeners if listener.port in ports)

    def open_port(self, port: int, program: str, pid: int, address: str = "0.0.0.0") -> None:
        self._listeners.append(Listener(address, port, pid, program))

    def close_port(self, port: int) -> None:
        self._listeners = [listener for listener in self._listeners if listener.port != port]
