"""What is known of the machine a control plane runs on, gathered once by ``bootstrap.host.facts``."""

from __future__ import annotations

import msgspec

HOST_CA_DIRECTORIES = (
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
"""Where distributions keep what the links in /etc/ssl/certs point to."""


class NodeFacts(msgspec.Struct, frozen=True):
    """Facts that rendering depends on, so that rendering itself stays pure.

    ``existing_paths``: which of ``HOST_CA_DIRECTORIES`` exist (they are mounted only then, see
    cmd/kubeadm/app/phases/controlplane/volumes.go). ``proxy_environment``: the non-empty ``*_proxy``
    variables kubeadm copies into the components, sorted by name.
    """

    hostname: str
    default_address: str
    existing_paths: frozenset[str] = frozenset()
    proxy_environment: tuple[tuple[str, str], ...] = ()
