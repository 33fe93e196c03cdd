"""This node, as the agent needs to know it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Node:
    """``root`` holds what belongs to pods (emptyDirs, hosts files); ``address`` "" while there is no route.

    ``etc`` is where the node's hosts and resolv.conf are; ``cores`` and ``memory`` (bytes) its size.
    """

    name: str
    root: Path
    pause_image: str
    address: str = ""
    etc: Path = Path("/etc")
    seccomp_profiles: Path = Path("/var/lib/kubelet/seccomp")
    cores: int = 1
    memory: int = 0

    def pod_directory(self, uid: str) -> Path:
        """Everything of one pod; removed with it."""
        return self.root / "pods" / uid
