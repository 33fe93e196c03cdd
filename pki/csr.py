"""Keys and certificate signing requests, for an authority whose key is kept elsewhere.

Invariant: a request says all that the certificate should (names, usages), so an authority that copies what is
asked for issues a certificate this program accepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pki.errors import PkiError
from pki.issue import USAGE_OIDS, alt_names_extension, digest_for, key_usage, name_of
from pki.keys import PrivateKey
from pki.profile import Profile
from pki.store import Files


def request_pem(profile: Profile, key: PrivateKey) -> str:
    """``CERTIFICATE REQUEST``"""
    usages = [USAGE_OIDS[usage] for usage in profile.usages]
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name_of(profile.common_name, profile.organizations))
        .add_extension(key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    if profile.alt_names:
        builder = builder.add_extension(alt_names_extension(profile.alt_names), critical=False)
    return builder.sign(key, digest_for(key)).public_bytes(serialization.Encoding.PEM).decode()


def refuse_existing(files: Files, paths: Sequence[PurePosixPath]) -> None:
    """Raises PkiError when one of the files that are to be made is there: a key is never lost to another."""
    there = [str(path) for path in paths if files.exists(path)]
    if there:
        raise PkiError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already; nothing was written",
            remedy="choose other directories with --cert-dir and --kubeconfig-dir, or remove what is there",
        )
