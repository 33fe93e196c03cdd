"""A certificate as facts: everything it says, and what is demanded of what it may choose."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

_TOLERANCE = 100.0
"""Seconds between two moments that mean the same: no period anybody gives is shorter than minutes."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds from a beginning."""

    seconds: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and abs(self.seconds - other.seconds) <= _TOLERANCE

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"{self.seconds:+.0f} s"


def chain_of(pem: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem)


def certificate_facts(pem: bytes, authorities: Mapping[str, Path], began: float) -> Iterator[tuple[str, Any]]:
    """``authorities``: those there are, by the names they go by."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a node's name may be longer than X.520 allows a common name to be
        yield from _facts(chain_of(pem), authorities, began)


def _facts(
    chain: list[x509.Certificate], authorities: Mapping[str, Path], began: float
) -> Iterator[tuple[str, Any]]:
    certificate = chain[0]
    yield "certificates in the file", len(chain)
    yield "version", certificate.version.name
    yield "subject", certificate.subject.rfc4514_string()
    yield "issuer", certificate.issuer.rfc4514_string()
    yield "serial number", "random" if certificate.serial_number.bit_length() > 30 else "not random"
    yield "starts", Moment(certificate.not_valid_before_utc.timestamp() - began)
    yield "ends", Moment(certificate.not_valid_after_utc.timestamp() - began)
    yield "key", key_kind(certificate.public_key())
    yield "signature", certificate.signature_algorithm_oid.dotted_string
    signers = [name for name, path in authorities.items() if _signed(certificate, path)]
    yield "signed by", signers
    for extension in certificate.extensions:
        name = extension.oid._name
        yield f"{name} is critical", extension.critical
        yield name, _extension(extension, certificate, authorities)


def _extension(
    extension: x509.Extension[Any], certificate: x509.Certificate, authorities: Mapping[str, Path]
) -> Any:
    value = extension.value
    match value:
        case x509.SubjectAlternativeName():
            return [f"{type(name).__name__} {name.value}" for name in value]
        case x509.ExtendedKeyUsage():
            return [usage._name for usage in value]
        case x509.SubjectKeyIdentifier():
            return f"{len(value.digest)} bytes"
        case x509.AuthorityKeyIdentifier():
            own = _key_identifier(certificate)
            same = [name for name, path in authorities.items() if _identifies(path, value.key_identifier)]
            return ["itself"] if value.key_identifier == own else same
        case _:
            return repr(value)


def _identifies(authority: Path, identifier: bytes | None) -> bool:
    return _key_identifier(chain_of(authority.read_bytes())[0]) == identifier


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    except x509.ExtensionNotFound:
        return None
    assert isinstance(found.value, x509.SubjectKeyIdentifier)
    return found.value.digest


def _signed(certificate: x509.Certificate, authority: Path) -> bool:
    try:
        certificate.verify_directly_issued_by(chain_of(authority.read_bytes())[0])
    except Exception:
        return False
    return True


def key_kind(key: object) -> str:
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}, exponent {key.public_numbers().e}"
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}"
        case _:
            return type(key).__name__


def public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
