"""Whether an existing certificate still is what it should be.

Invariant: pure; each function yields what is wrong as clauses to follow the file's name ("has expired").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from pki.issue import USAGE_OIDS
from pki.keys import PublicKey
from pki.names import long_names
from pki.profile import AltNames, Profile, subject_text

_Value = TypeVar("_Value", bound=x509.ExtensionType)

Chain = Sequence[x509.Certificate]
"""A certificate file: the certificate itself first, then intermediates."""


def period_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < starts:
        yield f"is not valid before {_moment(starts)}, and it is {_moment(now)} (is the clock right?)"
    if now > ends:
        yield f"has expired on {_moment(ends)} (it is {_moment(now)})"


def authority_faults(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    """What keeps a certificate from being a CA. Its name is its owner's affair."""
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        yield "is not a certificate authority"
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        yield "may not sign certificates (no keyCertSign)"
    yield from period_faults(certificate, now)


def leaf_faults(chain: Chain, profile: Profile, now: datetime) -> Iterator[str]:
    """Where a leaf differs from its profile; more names or usages than needed do no harm."""
    certificate = chain[0]
    yield from period_faults(certificate, now)
    yield from _subject_faults(certificate, profile)
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    allowed = set(extended) if extended is not None else set()
    for usage in profile.usages:
        if USAGE_OIDS[usage] not in allowed:
            yield f"may not be used for {usage}"
    missing = profile.alt_names.without(alt_names(certificate))
    if missing:
        yield f"is not valid for {missing}"


def is_issued_by(chain: Chain, authority: x509.Certificate) -> bool:
    """Whether signatures lead from the first certificate, over those after it, to ``authority``."""
    current, intermediates = chain[0], list(chain[1:])
    while not _signed(current, authority):
        issuer = next((candidate for candidate in intermediates if _signed(current, candidate)), None)
        if issuer is None:
            return False
        intermediates.remove(issuer)
        current = issuer
    return True


def same_key(one: PublicKey, other: object) -> bool:
    """Whether a certificate's public key is this one."""
    return isinstance(other, PublicKey) and _der(one) == _der(other)


def alt_names(certificate: x509.Certificate) -> AltNames:
    """The DNS names and addresses a certificate is valid for."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return AltNames()
    addresses = names.get_values_for_type(x509.IPAddress)
    return AltNames(
        tuple(names.get_values_for_type(x509.DNSName)),
        tuple(address for address in addresses if not hasattr(address, "network_address")),
    )


def subject_of(certificate: x509.Certificate) -> tuple[str, tuple[str, ...]]:
    """CN, "" when there is none, and every O."""
    common_name = next(iter(_attributes(certificate, NameOID.COMMON_NAME)), "")
    return common_name, _attributes(certificate, NameOID.ORGANIZATION_NAME)


def _subject_faults(certificate: x509.Certificate, profile: Profile) -> Iterator[str]:
    common_name, organizations = subject_of(certificate)
    wanted = set(profile.organizations)
    tolerated = wanted | ({profile.tolerated_organization} - {""})
    if common_name != profile.common_name or not wanted <= set(organizations) <= tolerated:
        yield f"is for {subject_text(common_name, organizations)}, not for {profile.subject}"


def _attributes(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    with long_names():
        return tuple(str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid))


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _extension(certificate: x509.Certificate, kind: type[_Value]) -> _Value | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _der(key: PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
