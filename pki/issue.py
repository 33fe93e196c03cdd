"""Profiles become X.509 certificates.

The form is kubeadm's (cmd/kubeadm/app/util/pkiutil of 1.34 to 1.37): random serials of 63 bits, a key
identifier on authorities only, the authority's on leaves. Invariant: nothing is read or written here.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki.keys import PrivateKey, PublicKey
from pki.names import long_names
from pki.profile import AltNames, Period, Profile, Usage

USAGE_OIDS: dict[Usage, x509.ObjectIdentifier] = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
}
_LARGEST_SERIAL = 2**63 - 2


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that can sign. ``certificate`` is the first of its file, which is the issuer of what it signs."""

    certificate: x509.Certificate
    key: PrivateKey


def issue_authority(common_name: str, key: PrivateKey, period: Period) -> Authority:
    """A self-signed CA; its name is its only subject alternative name."""
    subject = name_of(common_name)
    public = key.public_key()
    builder = (
        _builder(subject, subject, public, period, signs=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(key_identifier(public)), critical=False)
        .add_extension(alt_names_extension(AltNames(dns=(common_name,))), critical=False)
    )
    return Authority(builder.sign(key, digest_for(key)), key)


def issue(profile: Profile, public_key: PublicKey, authority: Authority, period: Period) -> x509.Certificate:
    """A leaf signed by ``authority``; its period is not cut to the authority's, as kubeadm does not."""
    subject = name_of(profile.common_name, profile.organizations)
    usages = [USAGE_OIDS[usage] for usage in profile.usages]
    builder = (
        _builder(subject, authority.certificate.subject, public_key, period, signs=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    identifier = _subject_key_identifier(authority.certificate)
    if identifier is not None:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(identifier, None, None), critical=False)
    if profile.alt_names:
        builder = builder.add_extension(alt_names_extension(profile.alt_names), critical=False)
    return builder.sign(authority.key, digest_for(authority.key))


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_identifier(public_key: PublicKey) -> bytes:
    """160 bits of the SHA-256 of the public key's bits (RFC 7093, method 1), as Go computes it since 1.25."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        bits = public_key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    else:
        bits = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return hashlib.sha256(bits).digest()[:20]


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: PublicKey, period: Period, *, signs: bool
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(secrets.randbelow(_LARGEST_SERIAL) + 1)
        .not_valid_before(period.not_before)
        .not_valid_after(period.not_after)
        .add_extension(key_usage(signs=signs), critical=True)
    )


def name_of(common_name: str, organizations: tuple[str, ...] = ()) -> x509.Name:
    """A subject; organizations come first, as Go writes them."""
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    with long_names():
        return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False)])


def key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def alt_names_extension(names: AltNames) -> x509.SubjectAlternativeName:
    dns = [x509.DNSName(name) for name in names.dns]
    return x509.SubjectAlternativeName([*dns, *(x509.IPAddress(address) for address in names.addresses)])


def _subject_key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    return extension.value.digest


def digest_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """SHA-256, and for a longer curve the hash of its length, as Go chooses."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()
