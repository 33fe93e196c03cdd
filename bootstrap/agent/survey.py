"""The facts of this machine and its engine that the Node object tells.

Invariant: the engine is asked seldom, and when it does not answer what it said before is told.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bootstrap.agent.connections import Connections
from bootstrap.agent.v1node import NodeFacts
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.system import Room, SystemInfo
from bootstrap.runtime.api import Image

ENGINE_SECONDS = 300.0
"""How old the list of images may be: listing them is work for the engine."""


class Survey:
    """``problem`` says why the engine cannot be used, "" when it can; ``room`` measures a directory."""

    def __init__(
        self,
        system: SystemInfo,
        root: Path,
        engine: Connections,
        problem: Callable[[], str],
        room: Callable[[Path], Room],
        clock: Clock,
    ) -> None:
        self._system = system
        self._root = root
        self._engine = engine
        self._problem = problem
        self._room = room
        self._clock = clock
        self._asked: float | None = None
        self._version = ""
        self._images: tuple[Image, ...] = ()

    def facts(self, server_version: str) -> NodeFacts:
        problem = self._problem() or self._ask_engine()
        return NodeFacts(
            self._system, self._room(self._root), server_version, self._version, self._images, problem
        )

    def _ask_engine(self) -> str:
        """Why it cannot be asked; "" when it need not be, or could."""
        now = self._clock.monotonic()
        if self._asked is not None and now - self._asked < ENGINE_SECONDS:
            return ""
        try:
            with self._engine.lent() as runtime:
                self._version, self._images = runtime.info().version, runtime.images()
        except BootstrapError as error:
            return error.message
        self._asked = now
        return ""
