from __future__ import annotations

import pytest

from pki.errors import PkiError
from pki.sealing import NONCE_BYTES, seal, unseal

KEY = bytes(range(32))


def test_what_was_sealed_opens_with_the_same_key() -> None:
    assert unseal(seal(b"private", KEY), KEY) == b"private"


def test_the_same_content_is_never_sealed_alike() -> None:
    assert seal(b"private", KEY) != seal(b"private", KEY)


@pytest.mark.parametrize("place", [0, NONCE_BYTES, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    sealed = bytearray(seal(b"private", KEY))
    sealed[place] ^= 1
    with pytest.raises(PkiError, match="does not open"):
        unseal(bytes(sealed), KEY)


@pytest.mark.parametrize("sealed", [b"", b"short"])
def test_what_is_too_short_is_refused(sealed: bytes) -> None:
    with pytest.raises(PkiError):
        unseal(sealed, KEY)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(PkiError):
        unseal(seal(b"private", KEY), bytes(32))
