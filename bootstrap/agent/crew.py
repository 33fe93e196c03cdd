"""Who does the work: a few threads for all pods, a job on at most one of them at a time.

Invariants: a job that is woken is done again from its beginning after that moment; a job that takes long
holds up no other, as it counts only while it is quick: ``aside`` says so beforehand of what is known to be
slow, and whatever has taken ``SLOW_SECONDS`` is taken for slow.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

from bootstrap.host.clock import Clock

PLACES = 8
"""Quick jobs at once: the engine starts no more containers in a minute with twice as many."""

SLOW_SECONDS = 5.0
IDLE_SECONDS = 10.0
"""How long a thread with nothing to do stays; one stays for ever, to watch the time."""

THREAD_NAME = "worker"
FOREVER = threading.TIMEOUT_MAX


class Job(Protocol):
    """Work that comes up again and again."""

    def turn(self) -> float | None:
        """Do what is due. The seconds until the next turn; None when only ``wake`` brings one. Never
        raises."""


class Crew:
    """``wake`` may be called from any thread; threads are made when there is something for them to do."""

    def __init__(
        self,
        clock: Clock,
        *,
        places: int = PLACES,
        slow_seconds: float = SLOW_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._clock = clock
        self._places = places
        self._slow_seconds = slow_seconds
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._place = threading.Condition(self._lock)
        self._ready: dict[Job, None] = {}
        self._timers: dict[Job, float] = {}
        self._working: dict[Job, float] = {}
        self._again: set[Job] = set()
        self._aside: set[Job] = set()
        self._returning = 0
        self._idle = 0
        self._here = threading.local()

    def wake(self, job: Job) -> None:
        """A turn of the job is due now; one that is under way is followed by another."""
        with self._lock:
            self._timers.pop(job, None)
            if job in self._working:
                self._again.add(job)
            else:
                self._ready[job] = None
                self._staff()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What a job does inside takes long and may take its time; afterwards it waits for a place."""
        job: Job | None = getattr(self._here, "job", None)
        if job is None:
            yield
            return
        with self._lock:
            self._aside.add(job)
            self._staff()
        try:
            yield
        finally:
            with self._lock:
                self._returning += 1
                while not self._free():
                    self._place.wait(self._slow_seconds)
                self._returning -= 1
                self._aside.discard(job)
                self._working[job] = self._clock.monotonic()

    def _free(self) -> int:
        """Places that no quick job holds."""
        quick_since = self._clock.monotonic() - self._slow_seconds
        held = sum(begun > quick_since and job not in self._aside for job, begun in self._working.items())
        return max(0, self._places - held)

    def _staff(self) -> None:
        """Enough threads for what is ready, and always one that watches the time."""
        due = min(len(self._ready), self._free() - self._returning)
        if self._idle:
            self._work.notify(max(1, due))
        while self._idle < max(1, due):
            self._idle += 1
            threading.Thread(target=self._serve, name=THREAD_NAME, daemon=True).start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                job = self._next()
                if job is None:
                    self._idle -= 1
                    return
                self._idle -= 1
                self._working[job] = self._clock.monotonic()
                self._staff()
            self._here.job = job
            pause = job.turn()
            self._here.job = None
            with self._lock:
                self._finish(job, pause)

    def _next(self) -> Job | None:
        """The job that has waited longest; None when this thread is one too many."""
        leaves = self._clock.monotonic() + self._idle_seconds
        while True:
            now = self._clock.monotonic()
            for job in [job for job, due in self._timers.items() if due <= now]:
                del self._timers[job]
                self._ready[job] = None
            if self._ready and self._free() > self._returning:
                job = next(iter(self._ready))
                del self._ready[job]
                return job
            if self._idle > 1 and now >= leaves:
                # Another one watches the time from now on: it may be waiting for a later moment.
                self._work.notify()
                return None
            self._work.wait(self._pause(now, leaves))

    def _pause(self, now: float, leaves: float) -> float:
        moments = [*self._timers.values()]
        if self._idle > 1:
            moments.append(leaves)
        if self._ready:
            moments += [
                begun + self._slow_seconds
                for begun in self._working.values()
                if begun + self._slow_seconds > now
            ]
        return max(0.0, min(moments) - now) if moments else FOREVER

    def _finish(self, job: Job, pause: float | None) -> None:
        del self._working[job]
        self._idle += 1
        if job in self._again or pause == 0:
            self._again.discard(job)
            self._ready[job] = None
        elif pause is not None:
            self._timers[job] = self._clock.monotonic() + pause
        if self._returning:
            self._place.notify()
