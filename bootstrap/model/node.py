"""What is known of the machine a control plane runs on, gathered once by ``bootstrap.host.facts``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Facts that rendering depends on, so that rendering itself stays pure.

    ``existing_paths``: which of the host-dependent CA directories exist (they are mounted only then, see
    cmd/kubeadm/app/phases/controlplane/volumes.go). ``proxy_environment``: the non-empty ``*_proxy``
    variables kubeadm copies into the components, sorted by name.
    """

    hostname: str
    default_address: str
    existing_paths: frozenset[str] = frozenset()
    proxy_environment: tuple[tuple[str, str], ...] = ()
