"""The node's heartbeat: a lease in kube-node-lease, renewed every ten seconds.

Source: pkg/kubelet (component-helpers/apimachinery/lease). Invariant: one small request each time.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bootstrap.kube.client import ApiClient, ConflictError, JsonObject, NotFoundError
from bootstrap.kube.objects import NODE_LEASES

DURATION_SECONDS = 40
RENEW_SECONDS = 10.0
"""The kubelet's nodeLeaseDurationSeconds, and a quarter of it."""


class Lease:
    """The lease of one node; ``renew`` creates it first where it is missing."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._path = f"{NODE_LEASES}/{node}"
        self._known: JsonObject | None = None

    def renew(self, client: ApiClient, node_uid: str, now: datetime) -> None:
        """Raises what the client raises."""
        if self._known is not None:
            try:
                self._known = client.replace(self._path, self._renewed(self._known, node_uid, now))
            except (ConflictError, NotFoundError):
                # Somebody else wrote or removed it: look again.
                self._known = None
            else:
                return
        try:
            self._known = client.replace(self._path, self._renewed(client.get(self._path), node_uid, now))
        except NotFoundError:
            self._known = client.create(NODE_LEASES, self._renewed({}, node_uid, now))

    def _renewed(self, lease: JsonObject, node_uid: str, now: datetime) -> JsonObject:
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._node, "uid": node_uid}
        metadata = {**lease.get("metadata", {}), "name": self._node, "ownerReferences": [owner]}
        spec = {
            **lease.get("spec", {}),
            "holderIdentity": self._node,
            "leaseDurationSeconds": DURATION_SECONDS,
            "renewTime": micro_time(now),
        }
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }


def micro_time(moment: datetime) -> str:
    """As metav1.MicroTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_held(lease: JsonObject, now: datetime) -> bool:
    """Whether somebody has renewed it lately."""
    renewed = str((lease.get("spec") or {}).get("renewTime") or "")
    try:
        age = (now - datetime.fromisoformat(renewed)).total_seconds()
    except ValueError:
        return False
    return age < DURATION_SECONDS
