from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from pki.errors import PkiError
from pki.keys import generate
from pki.pem import private_pem, public_pem, read_private, read_public


@pytest.mark.parametrize(
    ("algorithm", "bits", "header"),
    [
        ("", 2048, "RSA PRIVATE KEY"),
        ("RSA-3072", 3072, "RSA PRIVATE KEY"),
        ("ECDSA-P256", 256, "EC PRIVATE KEY"),
        ("ECDSA-P384", 384, "EC PRIVATE KEY"),
    ],
)
def test_a_key_is_of_its_algorithm_and_survives_its_pem(algorithm: str, bits: int, header: str) -> None:
    key = generate(algorithm)
    assert key.key_size == bits
    pem = private_pem(key)
    assert pem.startswith(f"-----BEGIN {header}-----\n")
    assert read_private(pem.encode()).private_numbers() == key.private_numbers()
    public = public_pem(key.public_key())
    assert public.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert public_pem(read_public(public.encode())) == public


def test_an_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PkiError) as caught:
        generate("DSA-1024")
    assert "ECDSA-P256" in caught.value.remedy


def test_a_key_in_pkcs8_can_be_used() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert read_private(pem) == key or read_private(pem).private_numbers() == key.private_numbers()


@pytest.mark.parametrize("extra", ["EC PARAMETERS", "CERTIFICATE"])
def test_a_key_is_found_behind_another_block(extra: str) -> None:
    key = generate("ECDSA-P256")
    block = f"-----BEGIN {extra}-----\nBggqhkjOPQMBBw==\n-----END {extra}-----\n"
    assert private_pem(read_private((block + private_pem(key)).encode())) == private_pem(key)


def _encrypted() -> bytes:
    return generate("ECDSA-P256").private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def _ed25519() -> bytes:
    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (b"no key", "not a PEM private key"),
        (private_pem(generate("ECDSA-P256")).encode()[:90], "not a PEM private key"),
        (_encrypted(), "encrypted with a passphrase"),
        (_ed25519(), "neither an RSA nor an ECDSA key"),
    ],
)
def test_what_is_not_a_usable_key_is_told(pem: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_private(pem)


def test_what_is_not_a_public_key_is_told() -> None:
    with pytest.raises(ValueError, match="not a PEM public key"):
        read_public(b"nothing")
