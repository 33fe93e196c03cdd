"""kubeadm.k8s.io/v1beta3 documents as v1beta4 ones, rewritten before they are decoded.

Source: cmd/kubeadm/app/apis/kubeadm/v1beta3/conversion.go of Kubernetes 1.36, the last to read v1beta3.
Invariant: only the differences are written here, and every node keeps its position in the file.
"""

from __future__ import annotations

from bootstrap.config.nodes import Entry, Mapping, Node, Scalar, Sequence
from bootstrap.config.problems import Problems

API_VERSION = "kubeadm.k8s.io/v1beta3"

_Path = tuple[str, ...]

_NEWER: dict[str, frozenset[_Path]] = {
    "InitConfiguration": frozenset(
        {("dryRun",), ("timeouts",), ("nodeRegistration", "imagePullSerial")},
    ),
    "ClusterConfiguration": frozenset(
        {
            ("proxy",),
            ("dns", "disabled"),
            ("encryptionAlgorithm",),
            ("certificateValidityPeriod",),
            ("caCertificateValidityPeriod",),
            ("apiServer", "extraEnvs"),
            ("controllerManager", "extraEnvs"),
            ("scheduler", "extraEnvs"),
            ("etcd", "local", "extraEnvs"),
            ("etcd", "external", "httpEndpoints"),
        }
    ),
    "JoinConfiguration": frozenset({("dryRun",), ("timeouts",), ("nodeRegistration", "imagePullSerial")}),
}
"""Fields that came with v1beta4."""

_ARGUMENT_MAPS: dict[str, frozenset[_Path]] = {
    "InitConfiguration": frozenset({("nodeRegistration", "kubeletExtraArgs")}),
    "ClusterConfiguration": frozenset(
        {
            ("apiServer", "extraArgs"),
            ("controllerManager", "extraArgs"),
            ("scheduler", "extraArgs"),
            ("etcd", "local", "extraArgs"),
        }
    ),
    "JoinConfiguration": frozenset({("nodeRegistration", "kubeletExtraArgs")}),
}
"""Mappings of flags that v1beta4 turned into lists."""

_TIMEOUTS: dict[str, _Path] = {
    "ClusterConfiguration": ("apiServer", "timeoutForControlPlane"),
    "JoinConfiguration": ("discovery", "timeout"),
}
"""What became one of ``timeouts``: that of a JoinConfiguration in the same document."""


class _Rewrite:
    """One document on its way to v1beta4; ``timeout`` is what has to move to ``timeouts``."""

    def __init__(self, kind: str, problems: Problems) -> None:
        self._newer = _NEWER[kind]
        self._maps = _ARGUMENT_MAPS[kind]
        self._moved = _TIMEOUTS.get(kind)
        self._problems = problems
        self.timeout: Entry | None = None

    def mapping(self, node: Mapping, path: _Path) -> Mapping:
        entries = (self._entry(entry, (*path, entry.key)) for entry in node.entries)
        return Mapping(node.at, tuple(entry for entry in entries if entry))

    def _entry(self, entry: Entry, path: _Path) -> Entry | None:
        if path in self._newer:
            self._problems.add(
                entry.at,
                f'unknown field "{entry.key}" in {API_VERSION}; write apiVersion: kubeadm.k8s.io/v1beta4',
            )
            return None
        if path == self._moved:
            self.timeout = entry
            return None
        return Entry(entry.at, entry.key, entry.tag, self._value(entry.value, path))

    def _value(self, value: Node, path: _Path) -> Node:
        if path in self._maps:
            return self._arguments(value, ".".join(path))
        return self.mapping(value, path) if isinstance(value, Mapping) else value

    def _arguments(self, value: Node, field: str) -> Node:
        if isinstance(value, Mapping):
            entries = sorted(value.entries, key=lambda entry: entry.key)
            return Sequence(value.at, tuple(_argument(entry) for entry in entries))
        if isinstance(value, Sequence):
            self._problems.add(value.at, f"{field} must be a mapping in {API_VERSION}; v1beta4 has the list")
            return Sequence(value.at, ())
        return value


def _argument(entry: Entry) -> Mapping:
    name = Scalar(entry.at, entry.key, "str")
    return Mapping(
        entry.at, (Entry(entry.at, "name", "str", name), Entry(entry.at, "value", "str", entry.value))
    )


def to_v1beta4(kind: str, node: Mapping, problems: Problems) -> tuple[Mapping, Entry | None]:
    """The same document in v1beta4, and the health check timeout that moved to the InitConfiguration."""
    rewrite = _Rewrite(kind, problems)
    rewritten = rewrite.mapping(node, ())
    if kind == "JoinConfiguration" and rewrite.timeout:
        return with_timeout(rewritten, rewrite.timeout, "discovery"), None
    return rewritten, rewrite.timeout


def with_timeout(
    document: Mapping, timeout: Entry, name: str = "controlPlaneComponentHealthCheck"
) -> Mapping:
    """A document with one of its ``timeouts`` set; one that it already has wins."""
    old = document.get("timeouts")
    given = old.entries if isinstance(old, Mapping) else ()
    if any(entry.key == name for entry in given):
        return document
    timeouts = Mapping(timeout.at, (*given, Entry(timeout.at, name, "str", timeout.value)))
    others = tuple(entry for entry in document.entries if entry.key != "timeouts")
    return Mapping(document.at, (*others, Entry(timeout.at, "timeouts", "str", timeouts)))
