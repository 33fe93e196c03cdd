"""Which URLs can have manifests. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


def can_be_fetched(url: str) -> bool:
    """Whether it is http or https, with a host and a port that may be."""
    try:
        parts = urlsplit(url)
        return parts.scheme in PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def has_credentials(url: str) -> bool:
    """Whether a user, perhaps with a password, is written into a URL that can be fetched."""
    return "@" in urlsplit(url).netloc
