"""What a certificate is to say: subject, usages, names, period.

Invariant: plain values; how they become X.509 is in ``issue``, whether a certificate says them in ``checks``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pki.errors import PkiError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Usage = Literal["serverAuth", "clientAuth"]

BACKDATE = timedelta(minutes=5)
"""How far before its making a certificate's period starts, for clocks that differ a little
(CertificateBackdate in cmd/kubeadm/app/constants)."""

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


@dataclass(frozen=True, slots=True)
class AltNames:
    """Subject alternative names: DNS names sorted, addresses in the order they were given, each once."""

    dns: tuple[str, ...] = ()
    addresses: tuple[IpAddress, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str], *, dns_names: Iterable[str] = ()) -> AltNames:
        """Sort names and addresses apart; ``dns_names`` are names, even one that looks like an address.

        Raises PkiError for one that is neither (RFC 1123, wildcards).
        """
        dns: set[str] = set(dns_names)
        addresses: dict[IpAddress, None] = {}
        for name in names:
            try:
                addresses[_unmapped(ipaddress.ip_address(name))] = None
            except ValueError:
                if not _DNS_NAME.fullmatch(name):
                    raise PkiError(
                        f"{name!r} cannot be a name in a certificate",
                        remedy="use an IP address or a lower case DNS name, which may start with `*.`",
                    ) from None
                dns.add(name)
        return cls(tuple(sorted(dns)), tuple(addresses))

    def without(self, others: AltNames) -> AltNames:
        """Those that ``others`` does not have."""
        return AltNames(
            tuple(name for name in self.dns if name not in others.dns),
            tuple(address for address in self.addresses if address not in others.addresses),
        )

    def __bool__(self) -> bool:
        return bool(self.dns or self.addresses)

    def __str__(self) -> str:
        return ", ".join((*self.dns, *map(str, self.addresses)))


def _unmapped(address: IpAddress) -> IpAddress:
    """An IPv4 address in IPv6 spelling is the IPv4 address, as Go has it."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@dataclass(frozen=True, slots=True)
class Profile:
    """A leaf certificate's content but for its key. ``organizations`` are groups of the user.

    ``tolerated_organization``: one more organization an existing certificate may carry.
    """

    common_name: str
    usages: tuple[Usage, ...]
    organizations: tuple[str, ...] = ()
    tolerated_organization: str = ""
    alt_names: AltNames = AltNames()

    @property
    def subject(self) -> str:
        """``CN=a, O=b``"""
        return subject_text(self.common_name, self.organizations)


def subject_text(common_name: str, organizations: Iterable[str]) -> str:
    return ", ".join((f"CN={common_name}", *(f"O={name}" for name in organizations)))


@dataclass(frozen=True, slots=True)
class Period:
    """UTC, whole seconds, both ends included."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def starting(cls, now: datetime, length: timedelta) -> Period:
        """``length`` from now on, backdated by ``BACKDATE``."""
        return cls(_whole(now - BACKDATE), _whole(now + length))


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
