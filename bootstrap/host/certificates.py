"""When certificates on disk end. Without an X.509 library: the agent needs nothing else of them.

Source: RFC 5280, section 4.1. Invariant: what cannot be read has no end, and is no error.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")
_UTC_TIME = 0x17
_VERSION = 0xA0
_LONGEST_FILE = 256 * 1024


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
            pem = _PEM.search(stream.read(_LONGEST_FILE))
        return not_after(binascii.a2b_base64(pem[1])) if pem else None
    except (OSError, ValueError, IndexError):
        return None


def not_after(der: bytes) -> datetime:
    """The end of a certificate's validity. Raises ValueError, IndexError for what is no certificate."""
    _tag, certificate, _rest = _element(der)
    _tag, to_be_signed, _rest = _element(certificate)
    tag, _value, rest = _element(to_be_signed)
    if tag == _VERSION:
        _tag, _value, rest = _element(rest)
    for _ in ("signature algorithm", "issuer"):
        _tag, _value, rest = _element(rest)
    _tag, validity, _rest = _element(rest)
    _tag, _begin, rest = _element(validity)
    tag, end, _rest = _element(rest)
    text = end.decode("ascii")
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
