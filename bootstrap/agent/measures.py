"""What the agent counts while it works. Invariant: counting never fails and never waits for anything."""

from __future__ import annotations

from bootstrap.agent.history import Event, Subject
from bootstrap.agent.metrics import Counter, Histogram
from bootstrap.agent.probe import Kind, Result

TURN_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
PULL_BOUNDS = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 180.0, 300.0, 600.0, 1200.0, 1800.0)
"""The kubelet's own for kubelet_image_pull_duration_seconds."""

RESULTS: dict[Result, str] = {"success": "successful", "failure": "failed", "error": "unknown"}
"""The words of the kubelet's prober_probe_total."""

KINDS: dict[Kind, str] = {"liveness": "Liveness", "readiness": "Readiness", "startup": "Startup"}


class Measures:
    """Shared by everything that works in the agent; thread-safe."""

    def __init__(self) -> None:
        self.events = Counter("type", "reason")
        self.probes = Counter("probe_type", "result")
        self.probes_of_pods = Counter("probe_type", "result", "container", "pod", "namespace", "pod_uid")
        self.renewals = Counter("certificate", "result")
        self.turns = Histogram(*TURN_BOUNDS, labels=(("operation_type", "sync"),))
        self.pulls = Histogram(*PULL_BOUNDS)

    def heard(self, event: Event) -> None:
        """Listens to the history."""
        self.events.count(event.type, event.reason)

    def probed(self, subject: Subject, kind: Kind, result: Result) -> None:
        words = KINDS[kind], RESULTS[result]
        self.probes.count(*words)
        self.probes_of_pods.count(*words, subject.container, subject.name, subject.namespace, subject.uid)
