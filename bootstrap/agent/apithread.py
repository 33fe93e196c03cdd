"""The agent's one conversation with the API server: Node, lease, mirror pods, events.

Invariant: nothing on the node waits for it. Each ``step`` does what is due and says when the next one is; an
API server that is not there costs one attempt at a connection every second or two.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass, field
from typing import Protocol

from bootstrap.agent.apievents import EventPosts
from bootstrap.agent.apipods import ApiPods
from bootstrap.agent.foreign import ForeignPods
from bootstrap.agent.lease import RENEW_SECONDS, Lease
from bootstrap.agent.mirroring import Mirroring
from bootstrap.agent.podwatch import PodWatch
from bootstrap.agent.registration import UNAUTHENTICATED, UPDATE_SECONDS, Registration
from bootstrap.agent.status import ApiStatus
from bootstrap.errors import BootstrapError, TransientError
from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiError, WatchingApiClient

log = logging.getLogger("bootstrap.agent")

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.25, 2.0
QUICK_RETRIES = 40
"""Before the pause grows: an API server that was started with the agent takes some seconds."""

REFUSED_SECONDS = 10.0
"""After what will hardly change soon. What an API server refuses while it starts is no such thing."""

STARTING_SECONDS = 30.0
"""How long a server that starts is spared pods and events: each is a write to etcd, and the server writes its
own roles there before it is ready."""
STARTING_POLL_SECONDS = 0.25

FIRST_UPDATE_SECONDS = 3.0
"""What was not known of a server that had just started is known by then."""

SHORTEST_SECONDS = 0.01
SURPRISE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What there is to say, and what is heard."""

    registration: Registration
    lease: Lease
    watch: PodWatch
    pods: ApiPods
    mirroring: Mirroring
    foreign: ForeignPods
    events: EventPosts


@dataclass(slots=True)
class _Session:
    """A connection on which the node is registered; times are monotonic."""

    client: WatchingApiClient
    spared_until: float
    lease_due: float = 0.0
    update_due: float = 0.0
    complaints: dict[str, str] = field(default_factory=dict)


class Identity(Protocol):
    """Who the agent is to the API server."""

    def connect(self) -> WatchingApiClient:
        """A client for one attempt; it may be the same one again. Raises BootstrapError."""

    def has_changed(self) -> bool:
        """Whether ``connect`` would give a client with another certificate than it gave last."""


class ApiThread:
    """The conversation, as ``identity``."""

    def __init__(
        self,
        node: str,
        parts: Parts,
        identity: Identity,
        clock: Clock,
        wake: threading.Event,
    ) -> None:
        self._node = node
        self._parts = parts
        self._identity = identity
        self._clock = clock
        self._wake = wake
        self._session: _Session | None = None
        self._failures = 0
        self._problem = "not connected yet"

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set (and ``wake`` called)."""
        while not stop.is_set():
            self._wake.clear()
            pause = self.step()
            # A server that is not there is not asked more often because pods change.
            self._clock.wait(self._wake if self._session else stop, pause)
        self._close()

    def wake(self) -> None:
        """There may be something to tell."""
        self._wake.set()

    def status(self) -> ApiStatus:
        """What the agent has to say of it."""
        mirrors = sum(bool(pod.mirrors) for pod in self._parts.pods.all()) if self._session else 0
        return ApiStatus(
            connected=self._session is not None,
            problem=self._problem,
            mirrors=mirrors,
            unmirrored=dict(self._parts.mirroring.problems),
            foreign=self._parts.foreign.names() if self._session else (),
        )

    def step(self) -> float:
        """Do what is due; seconds until the next step, unless something wakes it before."""
        try:
            if self._session is not None and self._identity.has_changed():
                # The old certificate would be refused one day, in the middle of something.
                log.info("the API server is spoken to with another certificate from now on")
                self._close()
            if self._session is None:
                self._open()
            assert self._session is not None
            return self._converse(self._session)
        except BootstrapError as error:
            self._close()
            self._complain(error.message)
            return self._pause(error)
        except Exception as error:
            log.exception("API server: unexpected failure")
            self._close()
            self._complain(f"unexpected failure: {error!r}")
            return SURPRISE_SECONDS

    def _open(self) -> None:
        client = self._identity.connect()
        self._parts.registration.register(client)
        if self._failures:
            log.info("the API server answers")
        now = self._clock.monotonic()
        self._session = _Session(client, now + STARTING_SECONDS, update_due=now + FIRST_UPDATE_SECONDS)
        self._failures = 0
        self._problem = ""

    def _converse(self, session: _Session) -> float:
        if self._is_starting(session):
            return STARTING_POLL_SECONDS
        client, parts = session.client, self._parts
        dues: list[float | None] = [parts.watch.step(client), self._heartbeat(session), self._update(session)]
        dues.append(parts.mirroring.step(client, parts.registration.uid))
        dues.append(parts.foreign.step(client))
        parts.events.step(client)
        first: float = min(due for due in dues if due is not None)
        return max(SHORTEST_SECONDS, first - self._clock.monotonic())

    def _is_starting(self, session: _Session) -> bool:
        if self._clock.monotonic() >= session.spared_until:
            return False
        try:
            session.client.get_text("/readyz")
        except (ApiError, TransientError):
            return True
        session.spared_until = 0.0
        return False

    def _heartbeat(self, session: _Session) -> float:
        now = self._clock.monotonic()
        if now >= session.lease_due and self._parts.registration.uid:
            try:
                self._parts.lease.renew(session.client, self._parts.registration.uid, self._clock.now())
                session.complaints.pop("lease", None)
                session.lease_due = now + RENEW_SECONDS
            except ApiError as error:
                # Of an API server that has just started, its namespace may not be there yet.
                session.lease_due = now + LONGEST_RETRY_SECONDS
                self._outlive(session, "lease", error)
        return max(session.lease_due, now + 1.0)

    def _update(self, session: _Session) -> float:
        now = self._clock.monotonic()
        if now >= session.update_due:
            try:
                self._parts.registration.update(session.client)
                session.complaints.pop("node", None)
            except ApiError as error:
                self._outlive(session, "node", error)
            session.update_due = now + UPDATE_SECONDS
        return session.update_due

    def _outlive(self, session: _Session, what: str, error: ApiError) -> None:
        """A refusal is said once; one for want of a valid certificate calls for another connection."""
        if error.status == UNAUTHENTICATED:
            raise error
        if session.complaints.get(what) != error.message:
            session.complaints[what] = error.message
            log.warning("%s of node %s: %s", what, self._node, error.message)

    def _complain(self, message: str) -> None:
        self._failures += 1
        if self._problem != message:
            self._problem = message
            log.warning("API server: %s", message)

    def _pause(self, error: BootstrapError) -> float:
        if not isinstance(error, TransientError | ApiError):
            return REFUSED_SECONDS
        seconds = min(
            LONGEST_RETRY_SECONDS,
            FIRST_RETRY_SECONDS * (1 << max(0, min(self._failures - QUICK_RETRIES, 10))),
        )
        return seconds * random.uniform(0.75, 1.0)  # noqa: S311

    def _close(self) -> None:
        self._parts.watch.close()
        session, self._session = self._session, None
        if session is not None:
            session.client.close()
