"""What a machine is told of an authority before it can verify anything: a digest of its public key.

Source: cmd/kubeadm/app/util/pubkeypin. Invariant: a key has the same pin in whatever certificate.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import serialization

from pki.errors import PkiError
from pki.store import parse_chain


def pins(authorities: str) -> tuple[str, ...]:
    """``sha256:HEX`` for each certificate of a PEM text. Raises PkiError when it has none."""
    try:
        chain = parse_chain(authorities.encode())
    except ValueError as error:
        raise PkiError(f"the certificate authority of the kubeconfig is unusable: {error}") from error
    encoded = (
        certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for certificate in chain
    )
    return tuple(f"sha256:{hashlib.sha256(der).hexdigest()}" for der in encoded)
