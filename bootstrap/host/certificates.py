"""When certificates begin and end. Without an X.509 library: the agent needs nothing else of them.

Source: RFC 5280, section 4.1. Invariant: what cannot be read has no period, and is no error.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")
_UTC_TIME = 0x17
_VERSION = 0xA0
_LONGEST_FILE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Validity:
    """notBefore and notAfter, UTC."""

    begin: datetime
    end: datetime


def certificate_ends(directories: tuple[Path, ...]) -> dict[str, datetime]:
    """By path: when the first certificate of each ``*.crt`` and ``*.pem`` below these directories ends."""
    found: dict[str, datetime] = {}
    for path in sorted({path for directory in directories for path in _files(directory)}):
        end = end_of_certificate(path)
        if end is not None:
            found[str(path)] = end
    return found


def end_of_certificate(path: Path) -> datetime | None:
    try:
        with path.open(encoding="ascii", errors="replace") as stream:
            found = validity_of(stream.read(_LONGEST_FILE))
    except OSError:
        return None
    return found.end if found else None


def first_certificate(text: str) -> str:
    """The PEM of the first certificate in a text, "" when there is none."""
    found = _PEM.search(text)
    return found[0] if found else ""


def validity_of(pem: str) -> Validity | None:
    """That of the first certificate in a text."""
    found = _PEM.search(pem)
    try:
        return validity(binascii.a2b_base64(found[1])) if found else None
    except (ValueError, IndexError):
        return None


def validity(der: bytes) -> Validity:
    """Raises ValueError, IndexError for what is no certificate."""
    _tag, certificate, _rest = _element(der)
    _tag, to_be_signed, _rest = _element(certificate)
    tag, _value, rest = _element(to_be_signed)
    if tag == _VERSION:
        _tag, _value, rest = _element(rest)
    for _ in ("signature algorithm", "issuer"):
        _tag, _value, rest = _element(rest)
    _tag, period, _rest = _element(rest)
    tag, begin, rest = _element(period)
    end_tag, end, _rest = _element(rest)
    return Validity(_time(tag, begin), _time(end_tag, end))


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits: 50 to 99 are of the last century.
        text = f"{'19' if text[:2] >= '50' else '20'}{text}"
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content, and what follows, of the first element."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if start + length > len(der):
        raise ValueError("cut off")
    return tag, der[start : start + length], der[start + length :]


def _files(directory: Path) -> Iterator[Path]:
    for pattern in ("*.crt", "*.pem"):
        yield from directory.rglob(pattern)
