"""Pods that the API binds to this node and that are nobody's mirror: nobody runs them here, and they say so.

A DaemonSet that tolerates everything, or a nodeName set by hand. Invariants: such a pod is not made to fail,
as its controller would only make another one and another; one that is deleted is gone at once, as there is
nothing to wait for.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from bootstrap.agent.apipods import ApiPods, BoundPod
from bootstrap.agent.history import Subject
from bootstrap.agent.retry import Retries
from bootstrap.agent.v1pod import JsonObject, v1_time
from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiClient, ApiError, ConflictError, NotFoundError
from bootstrap.kube.objects import deletion, pods

log = logging.getLogger("bootstrap.agent")

REASON = "StaticPodsOnly"
ENDED = frozenset({"Succeeded", "Failed"})
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 60.0

Record = Callable[[Subject, str, str], None]
"""Takes (pod, reason, message) for an Event."""


class ForeignPods:
    """``record`` is told once for each pod."""

    def __init__(self, node: str, api_pods: ApiPods, record: Record, clock: Clock) -> None:
        self._message = f"node {node} runs static pods only: nobody runs this pod here"
        self._pods = api_pods
        self._record = record
        self._clock = clock
        self._retries = Retries(clock, RETRY_SECONDS, LONGEST_RETRY_SECONDS)
        self._told: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """``namespace/name`` of each."""
        return tuple(sorted(f"{pod.namespace}/{pod.name}" for pod in self._pods.all() if not pod.mirrors))

    def step(self, client: ApiClient) -> float | None:
        """Tell what has not been told; monotonic time of the next try, None when there is none.

        Raises ApiUnreachableError.
        """
        found = {pod.uid: pod for pod in self._pods.all() if not pod.mirrors}
        self._retries.keep(set(found))
        self._told &= set(found)
        for uid, pod in found.items():
            if not self._retries.waits(uid):
                self._see_to(client, pod)
        return self._retries.next

    def _see_to(self, client: ApiClient, pod: BoundPod) -> None:
        path = f"{pods(pod.namespace)}/{pod.name}"
        try:
            if pod.leaving:
                with contextlib.suppress(NotFoundError, ConflictError):
                    client.delete(path, deletion(pod.uid))
                # One with finalizers stays until others are done with it.
                self._retries.failed(pod.uid)
                return
            if pod.uid in self._told:
                return
            status = msgspec.json.decode(pod.status)
            if status.get("phase") not in ENDED and status.get("reason") != REASON:
                client.patch(f"{path}/status", refusal(pod.uid, self._message, self._clock.now()))
                log.warning("pod %s/%s is bound to this node: %s", pod.namespace, pod.name, self._message)
                self._record(Subject(pod.name, pod.namespace, pod.uid), REASON, self._message)
        except ApiError as error:
            log.warning("pod %s/%s: %s", pod.namespace, pod.name, error.message)
            self._retries.failed(pod.uid)
            return
        self._told.add(pod.uid)
        self._retries.succeeded(pod.uid)


def refusal(uid: str, message: str, now: datetime) -> JsonObject:
    """The patch of its status: as ready as it will ever be here, and why. Its phase stays."""
    condition = {
        "status": "False",
        "reason": REASON,
        "message": message,
        "lastTransitionTime": v1_time(now),
    }
    conditions = [{"type": kind, **condition} for kind in ("Ready", "ContainersReady")]
    return {
        "metadata": {"uid": uid},
        "status": {"reason": REASON, "message": message, "conditions": conditions},
    }
