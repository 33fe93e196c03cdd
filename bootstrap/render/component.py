"""What the four control plane pods differ in, as one value that the templates lay out.

Invariant: a ``Component`` is finished. Every decision (release, address family, user settings) is in it, so
a template has nothing left to decide.
"""

from __future__ import annotations

import msgspec

from bootstrap.model.kubeadm import EnvVar, HostPathMount
from bootstrap.render.probes import Probe

PROBE_PORT_NAME = "probe-port"
"""Name of the one container port, which probes refer to (cmd/kubeadm/app/constants, 1.34+)."""


class Component(msgspec.Struct, frozen=True):
    """One container and its pod.

    ``command`` begins with the program. ``mounts`` are in the order of volumeMounts; the pod's volumes are
    the same, sorted by name. ``port`` is what the probes ask. ``requests`` are resource quantities.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: tuple[EnvVar, ...]
    mounts: tuple[HostPathMount, ...]
    port: int
    liveness: Probe
    readiness: Probe | None
    startup: Probe
    requests: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def volumes(self) -> tuple[HostPathMount, ...]:
        return tuple(sorted(self.mounts, key=lambda mount: mount.name))
