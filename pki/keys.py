"""Private keys: made, written and read.

Invariant: a key in memory is RSA or ECDSA, and PEM goes out in the forms kubeadm writes (PKCS#1 for RSA,
SEC 1 for ECDSA, SubjectPublicKeyInfo for public keys).
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki.errors import PkiError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_RSA_BITS = {"RSA-2048": 2048, "RSA-3072": 3072, "RSA-4096": 4096}
_CURVES: dict[str, type[ec.EllipticCurve]] = {"ECDSA-P256": ec.SECP256R1, "ECDSA-P384": ec.SECP384R1}


def generate(algorithm: str) -> PrivateKey:
    """A new key; ``algorithm`` is kubeadm's encryptionAlgorithm, "" meaning RSA-2048.

    OpenSSL works without the interpreter's lock, so several threads make several keys at once. Raises
    PkiError for an algorithm it does not know.
    """
    algorithm = algorithm or "RSA-2048"
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm not in _RSA_BITS:
        known = ", ".join((*_RSA_BITS, *_CURVES))
        raise PkiError(f"there is no key algorithm {algorithm!r}", remedy=f"choose one of {known}")
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[algorithm])


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
