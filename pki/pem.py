"""Keys as text. Invariant: PEM goes out in the forms kubeadm writes (PKCS#1 for RSA, SEC 1 for ECDSA,
SubjectPublicKeyInfo for public keys).
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from pki.keys import PrivateKey, PublicKey


def private_pem(key: PrivateKey) -> str:
    """``RSA PRIVATE KEY`` or ``EC PRIVATE KEY``"""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: PublicKey) -> str:
    """``PUBLIC KEY``"""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def read_private(pem: bytes) -> PrivateKey:
    """Raises ValueError, with what is wrong, for anything but an unencrypted RSA or ECDSA key."""
    try:
        # Proving RSA primes takes as long as finding them; that a key fits its certificate is checked anyway.
        key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError as error:
        raise ValueError("the key is encrypted with a passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("it is damaged or not a PEM private key") from error
    if not isinstance(key, PrivateKey):
        raise ValueError("it is neither an RSA nor an ECDSA key")
    return key


def read_public(pem: bytes) -> PublicKey:
    """Raises ValueError, with what is wrong, for anything but an RSA or ECDSA public key."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("it is damaged or not a PEM public key") from error
    if not isinstance(key, PublicKey):
        raise ValueError("it is neither an RSA nor an ECDSA key")
    return key
