"""This node, as the agent needs to know it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Node:
    """``root`` holds what belongs to pods (emptyDirs, hosts files); ``address`` "" while there is no route.

    ``logs`` gets links to the containers' logs, None for none; each log is rotated at ``log_max_size`` bytes,
    0 leaves that to the engine. ``etc`` is where the node's hosts and resolv.conf are; ``cores`` and
    ``memory`` (bytes) its size. ``labels`` are those it was given, ``architecture`` as Go says it.
    ``cluster_dns``: addresses of the cluster's DNS servers, none before there is a cluster.
    """

    name: str
    root: Path
    pause_image: str
    address: str = ""
    etc: Path = Path("/etc")
    seccomp_profiles: Path = Path("/var/lib/kubelet/seccomp")
    cores: int = 1
    memory: int = 0
    logs: Path | None = None
    log_max_size: int = 0
    log_max_files: int = 0
    architecture: str = "amd64"
    labels: Mapping[str, str] = field(default_factory=dict)
    has_apparmor: bool = True
    allowed_unsafe_sysctls: tuple[str, ...] = ()
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = "cluster.local"

    @property
    def all_labels(self) -> dict[str, str]:
        """With those that every node has."""
        return {
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": self.architecture,
            "beta.kubernetes.io/os": "linux",
            "beta.kubernetes.io/arch": self.architecture,
            **self.labels,
        }

    def pod_directory(self, uid: str) -> Path:
        """Everything of one pod; removed with it."""
        return self.root / "pods" / uid
