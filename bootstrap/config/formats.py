"""Forms that single values must have: names, addresses, endpoints, image repositories.

Source of the rules: k8s.io/apimachinery/pkg/util/validation and cmd/kubeadm/app/util/endpoint.go.
Invariant: a function looks at one value and nothing else.
"""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LABEL_ALONE = re.compile(_LABEL)
_LONGEST_NAME = 253
_LONGEST_LABEL = 63

_CIDR = re.compile(r"[0-9a-fA-F:.]+/[0-9]+")

_HOST_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
_REGISTRY = rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"(?:{_REGISTRY}|{_COMPONENT})(?:/{_COMPONENT})*")
"""Source: the reference grammar of github.com/distribution/reference."""


def is_subdomain(text: str) -> bool:
    """An RFC 1123 subdomain: lower case labels, dots between them, 253 characters at most."""
    return len(text) <= _LONGEST_NAME and bool(_SUBDOMAIN.fullmatch(text))


def is_label(text: str) -> bool:
    """An RFC 1123 label: a subdomain without dots, of 63 characters at most."""
    return len(text) <= _LONGEST_LABEL and bool(_LABEL_ALONE.fullmatch(text))


def is_wildcard(text: str) -> bool:
    """``*.`` and a subdomain."""
    return text.startswith("*.") and len(text) <= _LONGEST_NAME and is_subdomain(text[2:])


def parse_address(text: str) -> Address | None:
    """An IP address without port or brackets."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def parse_subnets(text: str) -> tuple[Subnet, ...] | None:
    """Comma-separated CIDRs; bits of the host part are dropped, as Kubernetes does."""
    try:
        parts = text.split(",")
        if not all(_CIDR.fullmatch(part) for part in parts):
            return None
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts)
    except ValueError:
        return None


def is_certificate_name(text: str) -> bool:
    """What a certificate may name: a subdomain, a wildcard or an IP address."""
    return is_subdomain(text) or is_wildcard(text) or parse_address(text) is not None


def split_host_port(text: str) -> tuple[str, int | None] | None:
    """Host and port of ``host``, ``host:port``, ``::1`` or ``[::1]:port``; None when it is none of these."""
    if parse_address(text):
        return text, None
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d+))?", text)
    found = bracketed or re.fullmatch(r"([^:\[\]]+)(?::(\d+))?", text)
    if not found:
        return None
    host, digits = found.groups()
    address = parse_address(host)
    valid = address is not None and address.version == 6 if bracketed else address or is_subdomain(host)
    if not valid or (digits is not None and not is_port(int(digits))):
        return None
    return host, int(digits) if digits else None


def is_port(number: int) -> bool:
    return 1 <= number <= 65535


def is_image_repository(text: str) -> bool:
    """What may stand before ``/name:tag`` in an image reference."""
    return bool(_REPOSITORY.fullmatch(text))
