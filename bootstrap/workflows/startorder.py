"""In which order ``bootstrap init`` runs its phases: what is waited for longest starts first.

    etcd's certificates, etcd -> the other certificates, API server -> all other files
    -> the API server takes requests -> what is kept in the cluster -> everything is healthy

Invariant: all that was chosen is run and nothing else, and no phase before one that it needs.
"""

from __future__ import annotations

from bootstrap.phases.certs import CERTS, CERTS_OF_ETCD, OF_ETCD, OTHER_CERTS
from bootstrap.phases.phase import Phase
from bootstrap.phases.wait_control_plane import WAIT_CONTROL_PLANE, WAIT_FOR_REQUESTS

Chosen = tuple[tuple[str, Phase], ...]
"""Phases with their paths, as ``select`` returns them."""

_REQUESTS = f"{WAIT_CONTROL_PLANE.name}/requests"

ORDER = (
    "preflight",
    *(f"{CERTS.name}/{name}" for name in OF_ETCD),
    "etcd",
    "certs",
    "control-plane/apiserver",
    "kubeconfig",
    "control-plane",
    "agent-start",
    _REQUESTS,
    "upload-config",
    "upload-certs",
    "mark-control-plane",
    "bootstrap-token",
    "addon",
    "wait-control-plane",
    "show-join-command",
)
"""A path stands for all below it that are not named before."""

_PARTS: dict[str, Chosen] = {
    CERTS.name: ((f"{CERTS.name}/{OF_ETCD[0]}", CERTS_OF_ETCD), (CERTS.name, OTHER_CERTS)),
    WAIT_CONTROL_PLANE.name: (
        (_REQUESTS, WAIT_FOR_REQUESTS),
        (WAIT_CONTROL_PLANE.name, WAIT_CONTROL_PLANE),
    ),
}
"""Phases that are run in two steps, with time for others in between."""


def in_order_of_start(chosen: Chosen) -> tuple[Phase, ...]:
    parts = [part for path, phase in chosen for part in _PARTS.get(path, ((path, phase),))]
    return tuple(phase for _path, phase in sorted(parts, key=lambda part: _place(part[0])))


def _place(path: str) -> int:
    return next(place for place, named in enumerate(ORDER) if path == named or path.startswith(f"{named}/"))
