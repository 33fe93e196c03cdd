"""The Node object of this agent: created, kept true, and never taken from a kubelet that serves it.

Source: pkg/kubelet/kubelet_node_status.go. Invariant: a node is written only as far as NodeRestriction lets a
node write itself.
"""

from __future__ import annotations

import logging

from bootstrap.agent.lease import is_held
from bootstrap.agent.node import Node
from bootstrap.agent.survey import Survey
from bootstrap.agent.v1node import NodeOptions, differs, is_ours, node_object, node_status
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiClient, ConflictError, ForbiddenError, JsonObject, NotFoundError
from bootstrap.kube.objects import NODE_LEASES, NODES
from bootstrap.model.nodelabels import STATIC_PODS_ONLY, differing

log = logging.getLogger("bootstrap.agent")

UPDATE_SECONDS = 10.0
REPORT_SECONDS = 300.0
"""The kubelet's nodeStatusUpdateFrequency, and nodeStatusReportFrequency for one that stays the same."""

UNAUTHENTICATED = 401


class NodeTakenError(BootstrapError):
    """A kubelet serves the node of this name."""


class Registration:
    """``uid`` is the Node's, "" while there is none. ``register`` comes first, then ``update`` from time to
    time."""

    def __init__(self, node: Node, options: NodeOptions, survey: Survey, clock: Clock) -> None:
        self.uid = ""
        self._node = node
        self._options = options
        self._survey = survey
        self._clock = clock
        self._path = f"{NODES}/{node.name}"
        self._version = ""
        self._told: JsonObject = {}
        self._told_at = 0.0

    def register(self, client: ApiClient) -> None:
        """Create the Node, or take over the one there is. Raises NodeTakenError, and what ``client`` does."""
        self._version = _server_version(client)
        facts = self._survey.facts(self._version)
        body = node_object(self._node, self._options, facts, self._clock.now())
        try:
            self._remember(client.create(NODES, body))
            log.info("registered node %s", self._node.name)
        except ConflictError:
            self._take_over(client, body)

    def update(self, client: ApiClient) -> None:
        """Tell the status if it is another, or has not been told for long."""
        try:
            if not self.uid:
                self._remember(client.get(self._path))
            self._update(client)
        except NotFoundError:
            if self.uid:
                log.warning(
                    "node %s was deleted from the API: it is registered again with the next connection",
                    self._node.name,
                )
            self.uid = ""

    def _update(self, client: ApiClient) -> None:
        self._version = self._version or _server_version(client)
        facts, now = self._survey.facts(self._version), self._clock.now()
        status = node_status(self._node, self._options, facts, self._told.get("conditions") or (), now)
        is_old = self._clock.monotonic() - self._told_at >= REPORT_SECONDS
        if is_old or differs(status, {key: self._told.get(key) for key in status}):
            self._remember(client.patch(f"{self._path}/status", {"status": status}))

    def _take_over(self, client: ApiClient, wanted: JsonObject) -> None:
        found = client.get(self._path)
        if not is_ours(found) and self._is_served(client):
            raise NodeTakenError(
                f"a kubelet serves node {self._node.name}: the agent leaves the node and its pods to it",
                remedy="give the agent --register-node=false, or stop the kubelet",
            )
        metadata = wanted["metadata"]
        change = {
            key: missing
            for key in ("labels", "annotations")
            if (missing := differing(metadata[key], found["metadata"].get(key) or {}))
        }
        if change:
            found = client.patch(self._path, {"metadata": change})
        self._remember(found)
        self._told_at = self._clock.monotonic() - REPORT_SECONDS
        taints = found.get("spec", {}).get("taints") or ()
        if STATIC_PODS_ONLY.key not in {taint["key"] for taint in taints}:
            log.warning(
                "node %s lacks the taint %s, so pods may be bound to it that nobody runs there:"
                " kubectl taint node %s %s",
                self._node.name,
                STATIC_PODS_ONLY.text,
                self._node.name,
                STATIC_PODS_ONLY.text,
            )
        self._update(client)

    def _is_served(self, client: ApiClient) -> bool:
        try:
            return is_held(client.get(f"{NODE_LEASES}/{self._node.name}"), self._clock.now())
        except NotFoundError:
            return False

    def _remember(self, node: JsonObject) -> None:
        self.uid = node["metadata"]["uid"]
        self._told = node.get("status") or {}
        self._told_at = self._clock.monotonic()


def _server_version(client: ApiClient) -> str:
    """ "" while the server has not made the role by which anybody may ask; a node may register before."""
    try:
        return str(client.get("/version").get("gitVersion", ""))
    except ForbiddenError as error:
        if error.status == UNAUTHENTICATED:
            raise
        return ""
