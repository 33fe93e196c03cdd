"""The event history as Events of the API, repeated ones counted in one object.

Source: client-go tools/record (event.go, events_cache.go). Invariant: what waits is bounded, and a pod in
trouble posts no more than the kubelet's burst and rate; the history on the node has it all.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.agent.history import Event
from bootstrap.agent.v1pod import JsonObject, v1_time
from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiClient, ApiError, NotFoundError
from bootstrap.kube.objects import events

log = logging.getLogger("bootstrap.agent")

BURST = 25
REFILL_SECONDS = 300.0
"""The kubelet's limits for the events of one object."""

WAITING = 256
REMEMBERED = 1024
"""Events whose objects are counted up when they happen again."""

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Tokens:
    left: float
    at: float


class EventPosts:
    """``take`` may be called from any thread, and calls ``wake``; ``step`` posts what has been taken."""

    def __init__(self, node: str, clock: Clock, wake: Callable[[], None]) -> None:
        self._node = node
        self._wake = wake
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Key, Event] = OrderedDict()
        self._names: OrderedDict[Key, str] = OrderedDict()
        self._tokens: OrderedDict[str, _Tokens] = OrderedDict()

    def take(self, event: Event) -> None:
        """To be posted; of one that repeats, the latest count is."""
        with self._lock:
            self._waiting.pop(_key(event), None)
            self._waiting[_key(event)] = event
            while len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
        self._wake()

    def step(self, client: ApiClient) -> None:
        """Raises ApiUnreachableError: what was not posted waits on."""
        while (event := self._next()) is not None:
            try:
                if self._spend(event.uid):
                    self._post(client, event)
            except ApiError as error:
                # Its namespace is gone, say; there is no use in trying again and again.
                log.debug("event %s of pod %s: %s", event.reason, event.name, error.message)
            self._done(event)

    def _next(self) -> Event | None:
        with self._lock:
            return next(iter(self._waiting.values()), None)

    def _done(self, event: Event) -> None:
        with self._lock:
            if self._waiting.get(_key(event)) is event:
                del self._waiting[_key(event)]

    def _post(self, client: ApiClient, event: Event) -> None:
        key, collection = _key(event), events(event.namespace)
        name = self._names.get(key)
        if name is not None:
            change = {"count": event.count, "message": event.message, "lastTimestamp": v1_time(event.last)}
            try:
                client.patch(f"{collection}/{name}", change)
            except NotFoundError:
                # The API forgets events after an hour.
                del self._names[key]
            else:
                return
        body = v1_event(event, self._node)
        client.create(collection, body)
        self._names[key] = body["metadata"]["name"]
        while len(self._names) > REMEMBERED:
            self._names.popitem(last=False)

    def _spend(self, uid: str) -> bool:
        now = self._clock.monotonic()
        before = self._tokens.pop(uid, _Tokens(BURST, now))
        left = min(float(BURST), before.left + (now - before.at) / REFILL_SECONDS)
        self._tokens[uid] = _Tokens(left - 1 if left >= 1 else left, now)
        while len(self._tokens) > REMEMBERED:
            self._tokens.popitem(last=False)
        return left >= 1


def v1_event(event: Event, node: str) -> JsonObject:
    """The object. Its subject has the static pod's UID, by which kubectl describe finds a mirror's events."""
    subject = {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": event.namespace,
        "name": event.name,
        "uid": event.uid,
    }
    if event.field_path:
        subject["fieldPath"] = event.field_path
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{event.name}.{event.serial:x}", "namespace": event.namespace},
        "involvedObject": subject,
        "reason": event.reason,
        "message": event.message,
        "type": event.type,
        "count": event.count,
        "firstTimestamp": v1_time(event.first),
        "lastTimestamp": v1_time(event.last),
        "source": {"component": "kubelet", "host": node},
        "reportingComponent": "kubelet",
        "reportingInstance": node,
    }


def _key(event: Event) -> Key:
    return event.uid, event.field_path, event.reason, event.type, event.message
