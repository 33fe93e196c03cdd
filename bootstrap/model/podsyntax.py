"""Names, ports and addresses as the API writes them. Pure.

Source: apimachinery/pkg/util/validation.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?")
QUALIFIED_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")
SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9]")
UID = re.compile(r"[A-Za-z0-9-]{1,64}")

RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)")

LONGEST_LABEL = 63
LONGEST_HOSTNAME = 64
LONGEST_NAME = 253
LONGEST_PORT_NAME = 15
HIGHEST_PORT = 65535


def repeated(at: str, names: Iterable[str]) -> Iterator[str]:
    """A line for each name that comes again."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{at}: {name!r} is there twice"
        seen.add(name)


def matches(pattern: re.Pattern[str], text: str, longest: int) -> bool:
    """The whole text, at most ``longest`` characters of it."""
    return len(text) <= longest and pattern.fullmatch(text) is not None


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
