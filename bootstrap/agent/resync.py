"""One look at all containers of this node: which pods must look for themselves, and which have no worker.

Pure. Invariant: a lost event costs one such look, and never correctness; the look costs one request, however
many pods there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap.agent.names import MANIFEST, POD_NAME, POD_NAMESPACE, POD_UID
from bootstrap.runtime.api import ContainerSummary

Picture = frozenset[tuple[str, str]]
"""(ID, status) of each container of one pod name."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the engine has under one pod name; ``manifests`` are the paths that its sandboxes name."""

    name: str
    namespace: str
    picture: Picture
    manifests: frozenset[str]
    uids: frozenset[str]

    @property
    def key(self) -> str:
        return f"{self.name}_{self.namespace}"


def found_pods(containers: Iterable[ContainerSummary]) -> dict[str, Found]:
    """By ``name_namespace``; a container that does not say whose it is counts as absent.

    As labels to look for, an empty name and namespace would mean every pod's containers.
    """
    grouped: dict[tuple[str, str], list[ContainerSummary]] = {}
    for each in containers:
        key = (each.labels.get(POD_NAME, ""), each.labels.get(POD_NAMESPACE, ""))
        if all(key):
            grouped.setdefault(key, []).append(each)
    found = (
        Found(
            name,
            namespace,
            frozenset((each.id, each.status) for each in group),
            frozenset(each.labels[MANIFEST] for each in group if MANIFEST in each.labels),
            frozenset(each.labels.get(POD_UID, "") for each in group),
        )
        for (name, namespace), group in grouped.items()
    )
    return {each.key: each for each in found}
