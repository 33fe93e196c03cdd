from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from bootstrap.config.defaults import TOKEN_GROUPS
from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.model.kubeadm import BootstrapToken
from bootstrap.workflows.tokens import check_description, create_token, delete_tokens, list_tokens
from tests.fakes.api import FakeApiClient, FakeApiServer

NOW = datetime(2027, 1, 1, tzinfo=UTC)
SECRETS = "/api/v1/namespaces/kube-system/secrets"
DESCRIBED = BootstrapToken(ttl="24h0m0s", usages=("signing", "authentication"), groups=TOKEN_GROUPS)
GIVEN = BootstrapToken(token="abcdef.0123456789abcdef", usages=DESCRIBED.usages, groups=TOKEN_GROUPS)


@pytest.fixture
def api() -> FakeApiClient:
    return FakeApiServer().client("super-admin")


def test_a_token_that_was_made_is_listed(api: FakeApiClient) -> None:
    made = create_token(api, DESCRIBED, NOW)
    (found,), damaged = list_tokens(api)
    assert (found.token, found.expires, damaged) == (made, NOW + timedelta(days=1), ())


def test_the_same_token_is_not_made_twice(api: FakeApiClient) -> None:
    create_token(api, GIVEN, NOW)
    with pytest.raises(BootstrapError, match="the ID abcdef already") as caught:
        create_token(api, GIVEN, NOW)
    assert "0123456789abcdef" not in caught.value.message
    assert caught.value.remedy == "bootstrap token delete abcdef"


def test_a_damaged_one_does_not_hide_the_others(api: FakeApiClient) -> None:
    create_token(api, GIVEN, NOW)
    create_token(api, BootstrapToken(token="abcde0.0123456789abcdef"), NOW)
    nothing = base64.b64encode(b"").decode()
    api.server.objects[f"{SECRETS}/bootstrap-token-abcde0"]["data"]["token-secret"] = nothing
    tokens, damaged = list_tokens(api)
    assert [token.id for token in tokens] == ["abcdef"]
    assert ["bootstrap-token-abcde0" in error.message for error in damaged] == [True]


@pytest.mark.parametrize("text", ["abcdef", "abcdef.0123456789abcdef"])
def test_a_token_and_an_id_delete_it(api: FakeApiClient, text: str) -> None:
    create_token(api, GIVEN, NOW)
    assert tuple(delete_tokens(api, (text,))) == ("abcdef",)
    assert list_tokens(api) == ((), ())


def test_nothing_is_deleted_when_one_argument_is_wrong(api: FakeApiClient) -> None:
    create_token(api, GIVEN, NOW)
    with pytest.raises(ConfigError, match="argument 2") as caught:
        tuple(delete_tokens(api, ("abcdef", "abcdef.0123456789abcdeF")))
    assert "0123456789" not in caught.value.message
    assert len(list_tokens(api)[0]) == 1


def test_a_token_that_is_not_there_is_named(api: FakeApiClient) -> None:
    with pytest.raises(BootstrapError, match="no token with the ID zzzzzz"):
        tuple(delete_tokens(api, ("zzzzzz",)))


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (BootstrapToken(token="short", usages=("authentication",)), "the token must have the form"),
        (BootstrapToken(ttl="-1h", usages=("authentication",)), "--ttl must be longer"),
        (BootstrapToken(usages=("signing",), groups=TOKEN_GROUPS), "--usages must include"),
        (BootstrapToken(usages=("authentication",), groups=("admins",)), "--groups must begin with"),
    ],
)
def test_what_cannot_be_a_token_is_said_by_the_flag_that_is_wrong(
    described: BootstrapToken, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        check_description(described)


def test_a_token_for_ever_is_fine() -> None:
    check_description(BootstrapToken(ttl="0s", usages=("authentication",), groups=TOKEN_GROUPS))
