"""The certificate a node's agent serves with: key and chain in one file, so that it is renewed in one motion.

Invariant: pure; what it is to say is a ``Profile``, and whoever holds it decides where it lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509

from pki import checks, keys
from pki.issue import Authority, certificate_pem, issue, issue_authority
from pki.keys import PrivateKey
from pki.pem import private_pem, read_private
from pki.profile import Period, Profile
from pki.store import parse_chain

RENEW_BEFORE = timedelta(days=30)
"""A certificate that ends sooner is made anew."""

_BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----"


def serving_pem(profile: Profile, key: PrivateKey, authority: Authority | None, period: Period) -> str:
    """Key first, then certificates; without an authority one is made for this certificate and forgotten."""
    chain: list[x509.Certificate] = []
    if authority is None:
        name = f"{profile.common_name}-ca@{period.not_before:%s}"
        authority = issue_authority(name, keys.generate("ECDSA-P256"), period)
        chain = [authority.certificate]
    chain.insert(0, issue(profile, key.public_key(), authority, period))
    return private_pem(key) + "".join(map(certificate_pem, chain))


def serving_faults(
    pem: str, profile: Profile, authority: x509.Certificate | None, now: datetime
) -> Iterator[str]:
    """Why it has to be made anew; nothing when it does not."""
    key_text, begin, certificates = pem.partition(_BEGIN_CERTIFICATE)
    try:
        key = read_private(key_text.encode())
        chain = parse_chain((begin + certificates).encode())
    except ValueError as error:
        yield str(error)
        return
    if not checks.same_key(key.public_key(), chain[0].public_key()):
        yield "has the key of another certificate"
    yield from checks.leaf_faults(chain, profile, now)
    if chain[0].not_valid_after_utc - now < RENEW_BEFORE:
        yield f"ends on {chain[0].not_valid_after_utc:%Y-%m-%d}"
    if authority is not None and not checks.is_issued_by(chain, authority):
        yield "was not signed by the cluster's authority"
