"""Private keys, and how they are made. Invariant: a key in memory is RSA or ECDSA.

Whoever waits for a key waits for this module first, so it imports no more than making one takes.
"""

from __future__ import annotations

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
