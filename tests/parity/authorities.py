"""Authorities that are older than what they sign, the same for both programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from pki.catalog import CERTIFICATES
from pki.issue import certificate_pem, issue_authority
from pki.keys import generate
from pki.pem import private_pem
from pki.profile import Period

AGE = timedelta(days=10)
LIFE = timedelta(days=3650)


def write_authorities(directory: Path) -> None:
    for file, (certificate, key) in _authorities().items():
        path = directory / f"{file}.crt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(certificate)
        path.with_suffix(".key").write_text(key)
        path.with_suffix(".key").chmod(0o600)


@cache
def _authorities() -> dict[str, tuple[str, str]]:
    """File name without suffix -> certificate and key."""
    made = {}
    period = Period.starting(datetime.now(UTC) - AGE, LIFE)
    for spec in CERTIFICATES:
        if spec.is_authority:
            key = generate("ECDSA-P256")
            authority = issue_authority(spec.common_name, key, period)
            made[spec.file] = (certificate_pem(authority.certificate), private_pem(key))
    return made
