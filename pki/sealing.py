"""Private keys on their way to another control plane: AES-256-GCM under a key that only people carry.

Source: cmd/kubeadm/app/util/crypto and phases/copycerts. Invariant: a sealed value is the nonce (12 bytes),
the ciphertext and the tag, so kubeadm and this library open each other's.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pki.errors import PkiError

NONCE_BYTES = 12


def seal(content: bytes, key: bytes) -> bytes:
    """``key`` has 32 bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, None)


def unseal(sealed: bytes, key: bytes) -> bytes:
    """Raises PkiError when it was sealed with another key, or changed since."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise PkiError(
            "the certificate key does not open the uploaded certificates",
            remedy="upload them again: bootstrap init phase upload-certs --upload-certs",
        ) from error
