"""What happened to each pod, as the Events of a kubelet say it; safe to use from several threads.

Invariant: the memory is bounded whatever happens. What repeats is counted, not kept again; each pod has the
latest of its events, and of the pods that are gone the latest few.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from bootstrap.agent.identity import StaticPod
from bootstrap.agent.names import SANDBOX
from bootstrap.host.clock import Clock

EVENTS_PER_POD = 40
MESSAGES_PER_REASON = 5
"""A probe whose message is another one each time must not push out what else happened."""

PODS_GONE = 32
EVENTS_SCHEMA = "bootstrap/agent-events/v1"
LONGEST_MESSAGE = 1024
"""The API takes no more in an Event."""

EventType = Literal["Normal", "Warning"]

NORMAL = frozenset(
    {"Pulling", "Pulled", "Created", "Started", "Killing", "SandboxChanged", "CertificateRenewed"}
)
"""Every other reason is a warning."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: a pod (``name`` with the node's suffix), or one container of it."""

    name: str
    namespace: str
    uid: str
    container: str = ""
    init: bool = False

    @property
    def pod(self) -> str:
        """``name_namespace``, the key of its worker."""
        return f"{self.name}_{self.namespace}"

    @property
    def field_path(self) -> str:
        """As an Event's involvedObject has it: ``spec.containers{web}``, "" for the pod."""
        if not self.container:
            return ""
        return f"spec.{'initContainers' if self.init else 'containers'}{{{self.container}}}"


def about(pod: StaticPod, container: str = "") -> Subject:
    """The pod, or the container of that name; its sandbox is the pod itself."""
    container = "" if container == SANDBOX else container
    init = any(each.name == container for each in pod.pod.spec.init_containers)
    return Subject(pod.name, pod.namespace, pod.uid, container, init)


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The same thing, ``count`` times between ``first`` and ``last``.

    ``serial`` grows with everything recorded, across restarts of the agent too: a repeated event gets a new
    one.
    """

    serial: int
    name: str
    namespace: str
    uid: str
    type: EventType
    reason: str
    message: str
    container: str = ""
    field_path: str = ""
    count: int = 1
    first: datetime
    last: datetime

    @property
    def kind_of_thing(self) -> tuple[str, str, str]:
        """Events that agree in this are about the same trouble, whatever their words."""
        return self.uid, self.field_path, self.reason


class EventList(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the status socket answers, oldest first; ask again with ``serial`` for what is newer."""

    schema: str = EVENTS_SCHEMA
    node: str
    serial: int
    events: tuple[Event, ...] = ()


Listener = Callable[[Event], None]
"""Called with each event, as it stands then, on the thread where it happened: it must only take a note."""


class History:
    """The event histories of all pods of a node."""

    def __init__(self, node: str, clock: Clock) -> None:
        self.node = node
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._pods: dict[str, list[Event]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        # A reader who asks for what is newer need not know that the agent was restarted.
        self._serial = int(clock.now().timestamp() * 1000)

    def listen(self, listener: Listener) -> None:
        """From now on ``listener`` hears of every event, repeated ones too."""
        self._listeners.append(listener)

    def record(
        self, subject: Subject, reason: str, message: str, event_type: EventType | None = None
    ) -> None:
        """It has just happened. ``reason`` is a kubelet's word; it also says the type unless one is given."""
        kind = event_type or ("Normal" if reason in NORMAL else "Warning")
        with self._lock:
            self._serial += 1
            event = self._merged(subject, reason, message[:LONGEST_MESSAGE], kind)
            self._gone.pop(subject.pod, None)
        for listener in self._listeners:
            listener(event)

    def close(self, pod: str) -> None:
        """The pod with this key is gone: its events may be forgotten once others are."""
        with self._lock:
            if pod in self._pods:
                self._gone[pod] = None
                self._gone.move_to_end(pod)
            while len(self._gone) > PODS_GONE:
                oldest, _ = self._gone.popitem(last=False)
                del self._pods[oldest]

    def since(self, serial: int = 0) -> EventList:
        """Everything recorded after that serial, oldest first."""
        with self._lock:
            newer = [event for events in self._pods.values() for event in events if event.serial > serial]
            latest = self._serial
        newer.sort(key=lambda event: event.serial)
        return EventList(node=self.node, serial=latest, events=tuple(newer))

    def _merged(self, subject: Subject, reason: str, message: str, kind: EventType) -> Event:
        """Add it to the pod's events, or count the one it repeats; the result is the newest of the list."""
        now = self._clock.now()
        event = Event(
            serial=self._serial,
            name=subject.name,
            namespace=subject.namespace,
            uid=subject.uid,
            container=subject.container,
            field_path=subject.field_path,
            type=kind,
            reason=reason,
            message=message,
            first=now,
            last=now,
        )
        events = self._pods.setdefault(subject.pod, [])
        before = _repeated(events, event)
        if before is not None:
            events.remove(before)
            event = msgspec.structs.replace(event, first=before.first, count=before.count + 1)
        events.append(event)
        del events[:-EVENTS_PER_POD]
        return event


def _repeated(events: list[Event], event: Event) -> Event | None:
    """The event that this one repeats: the same words, or too many different ones of the same trouble."""
    similar = [each for each in events if each.kind_of_thing == event.kind_of_thing]
    for each in similar:
        if (each.message, each.type) == (event.message, event.type):
            return each
    return similar[-1] if len(similar) >= MESSAGES_PER_REASON else None
