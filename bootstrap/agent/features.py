"""What this agent can do that not every kubelet can, as its Node declares it: ``status.declaredFeatures``."""

from __future__ import annotations

DECLARED_FEATURES = ("ExtendWebSocketsToKubelet",)
"""API servers of 1.36 and newer pass the WebSockets of exec, attach and port-forward on to such a node."""
