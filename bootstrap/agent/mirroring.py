"""Keeps the mirror pods: does what ``mirror`` decides, and tries again later what the API refuses.

Invariant: a mirror that cannot be made or changed delays no other, and nothing on the node.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

import msgspec

from bootstrap.agent.apipods import ApiPods, BoundPod, decode_pod
from bootstrap.agent.mirror import Create, Delete, Publish, next_step
from bootstrap.agent.node import Node
from bootstrap.agent.retry import Retries
from bootstrap.agent.status import PodReport, Reports
from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiClient, ApiError, ConflictError, JsonObject, NotFoundError
from bootstrap.kube.objects import deletion, pods

log = logging.getLogger("bootstrap.agent")

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.5, 60.0
STEPS_AT_ONCE = 4
"""Delete, create, publish, and find that nothing is left to do."""

Seen = tuple[PodReport, BoundPod | None, str]


class Mirroring:
    """``reports`` is asked each time. ``problems``: full name of a pod -> why it has no true mirror."""

    def __init__(self, node: Node, api_pods: ApiPods, reports: Callable[[], Reports], clock: Clock) -> None:
        self.problems: dict[str, str] = {}
        self._node = node
        self._pods = api_pods
        self._reports = reports
        self._retries = Retries(clock, RETRY_SECONDS, LONGEST_RETRY_SECONDS)
        self._settled: dict[str, Seen] = {}
        self._shown: dict[str, str] = {}

    def step(self, client: ApiClient, node_uid: str) -> float | None:
        """Bring every mirror to what it should be; monotonic time of the next try, None when all are.

        Raises ApiUnreachableError: the rest is left for another time.
        """
        reports = self._reports()
        known = {report.full_name: report for report in reports.pods}
        for name, report in known.items():
            if not self._retries.waits(name):
                self._attempt(name, lambda each=report: self._bring(client, each, node_uid))  # type: ignore[misc]
        if reports.complete:
            self._forget(set(known))
            for mirror in self._pods.all():
                name = mirror.full_name
                if mirror.mirrors and name not in known and not self._retries.waits(name):
                    self._attempt(name, lambda each=mirror: self._delete(client, each))  # type: ignore[misc]
        return self._retries.next

    def _bring(self, client: ApiClient, report: PodReport, node_uid: str) -> None:
        name = report.full_name
        for _ in range(STEPS_AT_ONCE):
            mirror = self._pods.get(name)
            if self._settled.get(name) == (report, mirror, node_uid):
                return
            if mirror is not None and report.pod is not None and mirror.mirrors == report.pod.uid:
                self._shown[name] = report.pod.uid
            was_shown = report.pod is not None and self._shown.get(name) == report.pod.uid
            action = next_step(report, mirror, self._node, node_uid, was_shown=was_shown)
            if action is None or (isinstance(action, Create) and not node_uid):
                self._settled[name] = (report, mirror, node_uid)
                return
            self._do(client, action)

    def _do(self, client: ApiClient, action: Create | Delete | Publish) -> None:
        if isinstance(action, Create):
            namespace = action.body["metadata"]["namespace"]
            self._pods.put(_bound(client.create(pods(namespace), action.body)))
        elif isinstance(action, Delete):
            self._delete(client, action.mirror)
        else:
            mirror = action.mirror
            path = f"{pods(mirror.namespace)}/{mirror.name}/status"
            try:
                self._pods.put(_bound(client.patch(path, action.body)))
            except (NotFoundError, ConflictError):
                # It is another one by now, or none: the watch will tell.
                self._pods.drop(mirror)

    def _delete(self, client: ApiClient, mirror: BoundPod) -> None:
        with contextlib.suppress(NotFoundError, ConflictError):
            client.delete(f"{pods(mirror.namespace)}/{mirror.name}", deletion(mirror.uid))
        self._pods.drop(mirror)

    def _attempt(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except ApiError as error:
            self._retries.failed(name)
            if self.problems.get(name) != error.message:
                self.problems[name] = error.message
                log.warning("pod %s is not shown in the API as it is: %s", name, error.message)
        else:
            self._retries.succeeded(name)
            self.problems.pop(name, None)

    def _forget(self, known: set[str]) -> None:
        mirrors = {pod.full_name for pod in self._pods.all()}
        self._retries.keep(known | mirrors)
        for table in (self._settled, self._shown, self.problems):
            for name in [name for name in table if name not in known]:
                del table[name]


def _bound(reply: JsonObject) -> BoundPod:
    return decode_pod(msgspec.json.encode(reply))
