"""When to try again what failed, for each thing by its name.

Invariant: what has not failed, or has succeeded since, is tried at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.host.clock import Clock


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    seconds: float


class Retries:
    """Waits ``first`` seconds after a failure, twice as long after the next, ``longest`` at most."""

    def __init__(self, clock: Clock, first: float, longest: float) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._pauses: dict[str, _Pause] = {}

    def failed(self, name: str) -> None:
        before = self._pauses.get(name)
        seconds = min(self._longest, before.seconds * 2) if before else self._first
        self._pauses[name] = _Pause(self._clock.monotonic() + seconds, seconds)

    def succeeded(self, name: str) -> None:
        self._pauses.pop(name, None)

    def waits(self, name: str) -> bool:
        pause = self._pauses.get(name)
        return pause is not None and pause.until > self._clock.monotonic()

    def keep(self, names: set[str]) -> None:
        """Forget all others."""
        self._pauses = {name: pause for name, pause in self._pauses.items() if name in names}

    @property
    def next(self) -> float | None:
        """Monotonic time of the first thing that waits; what has waited long enough is tried at any time."""
        now = self._clock.monotonic()
        return min((pause.until for pause in self._pauses.values() if pause.until > now), default=None)
