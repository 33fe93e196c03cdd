"""Runs the probes of all pods on time, and tells a worker when what they say has changed.

Invariant: one probe of one container runs at most once at a time, and a slow one delays no other: each runs
on a thread of a pool that grows only while threads are busy.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from bootstrap.agent.connections import Connections
from bootstrap.agent.history import History, Subject
from bootstrap.agent.measures import Measures
from bootstrap.agent.probe import (
    KINDS,
    Kind,
    Outcome,
    ProbeState,
    Verdict,
    after,
    is_wanted,
    probe_of,
    verdict,
)
from bootstrap.agent.probing import probe_exec, probe_network
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.host.http import ProbeClient
from bootstrap.model.podspec import Container

log = logging.getLogger("bootstrap.agent")

MAX_THREADS = 16

Submit = Callable[[Callable[[], None]], object]


@dataclass(frozen=True, slots=True)
class Target:
    """A running container with probes; ``address`` is where it is reached."""

    subject: Subject
    id: str
    container: Container
    address: str
    started: datetime


@dataclass(slots=True)
class _Tracked:
    pod: str
    target: Target
    states: dict[Kind, ProbeState] = field(default_factory=dict)
    scheduled: set[Kind] = field(default_factory=set)


@dataclass(order=True, slots=True)
class _Due:
    at: float
    serial: int
    container: str = field(compare=False)
    kind: Kind = field(compare=False)


class Prober:
    """``on_change`` gets the key of a pod whose verdicts changed; ``submit`` runs one probe somewhere."""

    def __init__(
        self,
        http: ProbeClient,
        engine: Connections,
        clock: Clock,
        on_change: Callable[[str], None],
        history: History,
        measures: Measures,
        submit: Submit | None = None,
    ) -> None:
        self._http = http
        self._engine = engine
        self._clock = clock
        self._on_change = on_change
        self._history = history
        self._measures = measures
        self._submit: Submit = submit or ThreadPoolExecutor(MAX_THREADS, "probe").submit
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._tracked: dict[str, _Tracked] = {}
        self._queue: list[_Due] = []
        self._serial = itertools.count()

    def track(self, pod: str, targets: tuple[Target, ...]) -> None:
        """These are the pod's running containers with probes now; others of it are forgotten."""
        wanted = {target.id: target for target in targets}
        with self._lock:
            for identity in [key for key, each in self._tracked.items() if each.pod == pod]:
                if identity not in wanted:
                    del self._tracked[identity]
            for identity, target in wanted.items():
                if identity not in self._tracked:
                    self._tracked[identity] = _Tracked(pod, target)
                    self._schedule(self._tracked[identity])

    def verdict(self, container_id: str, container: Container) -> Verdict:
        """What is known of a running container; one that is not tracked yet has no result."""
        with self._lock:
            tracked = self._tracked.get(container_id)
            return verdict(container, tracked.states if tracked else {})

    def step(self) -> float | None:
        """Submit every probe that is due; monotonic time of the next one, None when there is none."""
        now = self._clock.monotonic()
        with self._lock:
            due = []
            while self._queue and self._queue[0].at <= now:
                due.append(heapq.heappop(self._queue))
            upcoming = self._queue[0].at if self._queue else None
        for each in due:
            self._submit(lambda each=each: self._probe(each))  # type: ignore[misc]
        return upcoming

    def run(self, stop: threading.Event) -> None:
        """Probe until ``stop`` is set (and ``wake`` called)."""
        while not stop.is_set():
            self._wake.clear()
            upcoming = self.step()
            pause = 3600.0 if upcoming is None else upcoming - self._clock.monotonic()
            self._clock.wait(self._wake, pause)

    def wake(self) -> None:
        self._wake.set()

    def _schedule(self, tracked: _Tracked) -> None:
        """Put the probes that are wanted and not yet waiting into the queue."""
        now, wall = self._clock.monotonic(), self._clock.now()
        for kind in KINDS:
            probe = probe_of(tracked.target.container, kind)
            if probe is None or kind in tracked.scheduled:
                continue
            if is_wanted(tracked.target.container, tracked.states, kind):
                age = (wall - tracked.target.started).total_seconds()
                self._push(tracked, kind, now + max(0.0, probe.initial_delay_seconds - max(0.0, age)))

    def _push(self, tracked: _Tracked, kind: Kind, at: float) -> None:
        tracked.scheduled.add(kind)
        due = _Due(at, next(self._serial), tracked.target.id, kind)
        heapq.heappush(self._queue, due)
        if self._queue[0] is due:
            self._wake.set()

    def _probe(self, due: _Due) -> None:
        with self._lock:
            tracked = self._tracked.get(due.container)
        if tracked is None:
            return
        try:
            outcome = self._outcome(tracked.target, due.kind)
        except Exception as error:
            # A probe that is never asked again would leave a dead container for ever.
            log.exception("container %s: unexpected failure of its %s probe", due.container[:12], due.kind)
            outcome = Outcome("error", str(error))
        with self._lock:
            is_current = self._tracked.get(due.container) is tracked
            changed = is_current and self._record(tracked, due, outcome)
        if is_current:
            self._measures.probed(tracked.target.subject, due.kind, outcome.result)
        if is_current and outcome.result != "success":
            words = "failed" if outcome.result == "failure" else "could not be done"
            message = f"{due.kind} probe {words}: {outcome.message}"
            self._history.record(tracked.target.subject, "Unhealthy", message)
        if changed:
            self._on_change(tracked.pod)

    def _record(self, tracked: _Tracked, due: _Due, outcome: Outcome) -> bool:
        container = tracked.target.container
        probe = probe_of(container, due.kind)
        assert probe is not None
        before = verdict(container, tracked.states)
        state = tracked.states.get(due.kind, ProbeState())
        tracked.states[due.kind] = after(state, probe, outcome)
        tracked.scheduled.discard(due.kind)
        if is_wanted(container, tracked.states, due.kind):
            self._push(tracked, due.kind, max(due.at + probe.period_seconds, self._clock.monotonic()))
        self._schedule(tracked)
        now = verdict(container, tracked.states)
        return _seen(before) != _seen(now)

    def _outcome(self, target: Target, kind: Kind) -> Outcome:
        probe = probe_of(target.container, kind)
        assert probe is not None
        if probe.exec is None:
            # A liveness probe must see a server that takes no new connections; readiness sees it later.
            reuse = kind == "readiness"
            return probe_network(self._http, target.container, probe, target.address, reuse=reuse)
        try:
            with self._engine.lent() as runtime:
                return probe_exec(runtime, target.id, target.container, probe)
        except BootstrapError as error:
            return Outcome("error", error.message)


def _seen(verdict: Verdict) -> tuple[bool, bool, str, bool]:
    """What of a verdict somebody waits for: that there is a message counts, not each of its wordings."""
    return verdict.started, verdict.ready, verdict.failing, bool(verdict.message)
