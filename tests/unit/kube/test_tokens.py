from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from bootstrap.kube.tokens import DamagedTokenError, id_of, is_token, new_token, stored_token, token_secret
from bootstrap.model.kubeadm import BootstrapToken
from bootstrap.model.secret import Secret

NOW = datetime(2027, 1, 1, tzinfo=UTC)
TOKEN = Secret("abcdef.0123456789abcdef")
DESCRIBED = BootstrapToken(
    description="for the lab", ttl="1h30m0s", usages=("signing",), groups=("system:bootstrappers:lab",)
)


def test_what_is_stored_is_read_back() -> None:
    found = stored_token(token_secret(TOKEN, DESCRIBED, NOW))
    assert (found.id, found.token) == ("abcdef", TOKEN)
    assert found.expires == datetime(2027, 1, 1, 1, 30, tzinfo=UTC)
    assert (found.description, found.usages, found.groups) == (
        "for the lab",
        ("signing",),
        ("system:bootstrappers:lab",),
    )


def test_a_token_shows_nothing_of_itself() -> None:
    assert TOKEN.reveal() not in repr(stored_token(token_secret(TOKEN, DESCRIBED, NOW)))


def test_new_tokens_are_well_formed_and_differ() -> None:
    made = {new_token().reveal() for _ in range(100)}
    assert len(made) == 100
    assert all(map(is_token, made))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abcdef", "abcdef"),
        ("abcdef.0123456789abcdef", "abcdef"),
        ("ABCDEF", ""),
        ("abcdef.short", ""),
        ("", ""),
    ],
)
def test_an_id_is_found_in_a_token_and_in_an_id(text: str, expected: str) -> None:
    assert id_of(text) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [("token-secret", "short"), ("token-id", "zzzzzz"), ("expiration", "tomorrow")],
)
def test_a_damaged_secret_is_named(field: str, value: str) -> None:
    damaged = token_secret(TOKEN, DESCRIBED, NOW)
    damaged["data"][field] = base64.b64encode(value.encode()).decode()
    with pytest.raises(DamagedTokenError, match="bootstrap-token-abcdef"):
        stored_token(damaged)
