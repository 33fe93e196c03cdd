"""Image references as text: registry, repository, tag. Pure."""

from __future__ import annotations

DEFAULT_REGISTRY = "docker.io"


def split_reference(reference: str) -> tuple[str, str]:
    """``repository`` and ``tag`` ("latest" when none is written); a registry's port is no tag."""
    repository, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:
        return reference, "latest"
    return repository, tag


def registry_of(reference: str) -> str:
    """``host[:port]``: a first part that has a dot or a port or is localhost, else Docker Hub's."""
    first, slash, _rest = reference.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_host else DEFAULT_REGISTRY
