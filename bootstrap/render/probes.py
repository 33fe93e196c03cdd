"""HTTP probes of the control plane pods.

Source of the numbers: cmd/kubeadm/app/util/staticpod/utils.go. Invariant: a probe asks the named port, so its
number is written once, in the container's ports.
"""

from __future__ import annotations

import math

import msgspec

from bootstrap.model.cluster import ControlPlane
from bootstrap.model.duration import duration_seconds

HTTP = "HTTP"
HTTPS = "HTTPS"

_TIMEOUT_SECONDS = 15
_STARTUP_PERIOD_SECONDS = 10
_STARTUP_TIMEOUT_SECONDS = 240.0
_ALL_INTERFACES = ("0.0.0.0", "::")


class Probe(msgspec.Struct, frozen=True):
    """corev1.Probe with an httpGet action; ``host`` "" means the pod's own address."""

    host: str
    path: str
    scheme: str
    failure_threshold: int
    period_seconds: int
    initial_delay_seconds: int = 0
    timeout_seconds: int = _TIMEOUT_SECONDS


class Target(msgspec.Struct, frozen=True):
    """Where the probes of one component are sent."""

    host: str
    scheme: str = HTTPS

    def liveness(self, path: str) -> Probe:
        """Restarts a container that fails for 80 seconds."""
        return Probe(
            self.host,
            path,
            self.scheme,
            failure_threshold=8,
            period_seconds=10,
            initial_delay_seconds=10,
        )

    def readiness(self, path: str) -> Probe:
        """Asked every second and without delay: people wait for it."""
        return Probe(self.host, path, self.scheme, failure_threshold=3, period_seconds=1)

    def startup(self, path: str, timeout_seconds: float) -> Probe:
        """Fails when the component is not up after ``timeout_seconds``, rounded up to whole periods."""
        return Probe(
            self.host,
            path,
            self.scheme,
            failure_threshold=math.ceil(timeout_seconds / _STARTUP_PERIOD_SECONDS),
            period_seconds=_STARTUP_PERIOD_SECONDS,
            initial_delay_seconds=_STARTUP_PERIOD_SECONDS,
        )


def probe_host(bind_address: str) -> str:
    """The address to ask something bound to ``bind_address``: "" when that is every address."""
    return "" if bind_address in _ALL_INTERFACES else bind_address


def startup_timeout(control_plane: ControlPlane) -> float:
    """timeouts.controlPlaneComponentHealthCheck in seconds; kubeadm's default is four minutes."""
    text = control_plane.init.timeouts.control_plane_component_health_check
    return duration_seconds(text) if text else _STARTUP_TIMEOUT_SECONDS
