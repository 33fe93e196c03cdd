"""Bootstrap tokens, and the Secrets of kube-system that hold them.

Source: cmd/kubeadm/app/apis/bootstraptoken/v1 and k8s.io/cluster-bootstrap. Invariant: the whole token
travels as a ``Secret``; its ID, the half before the dot, is no secret.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bootstrap.errors import BootstrapError
from bootstrap.kube import objects
from bootstrap.kube.client import JsonObject
from bootstrap.model.duration import parse_duration
from bootstrap.model.kubeadm import BootstrapToken
from bootstrap.model.secret import Secret

TYPE = "bootstrap.kubernetes.io/token"
SELECTOR: Mapping[str, str] = {"fieldSelector": f"type={TYPE}"}
"""Query that leaves only bootstrap tokens of a namespace's Secrets."""

FORM = "[a-z0-9]{6}.[a-z0-9]{16}"
ID_FORM = "[a-z0-9]{6}"

_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_ID = re.compile(ID_FORM)
_ALPHABET = string.ascii_lowercase + string.digits
_NAME = "bootstrap-token-"
_USAGE = "usage-bootstrap-"


class DamagedTokenError(BootstrapError):
    """A Secret of the type of bootstrap tokens that is none."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """``expires`` None: never."""

    id: str
    token: Secret
    description: str
    expires: datetime | None
    usages: tuple[str, ...]
    groups: tuple[str, ...]


def new_token() -> Secret:
    """A random one."""
    first, second = ("".join(secrets.choice(_ALPHABET) for _ in range(length)) for length in (6, 16))
    return Secret(f"{first}.{second}")


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def id_of(text: str) -> str:
    """The ID in a token or an ID, "" when the text is neither."""
    if _ID.fullmatch(text):
        return text
    found = _TOKEN.fullmatch(text)
    return found.group(1) if found else ""


def secret_name(token_id: str) -> str:
    return f"{_NAME}{token_id}"


def token_secret(token: Secret, described: BootstrapToken, now: datetime) -> JsonObject:
    """The Secret that makes a token valid; ``described`` says all of it but the token itself."""
    found = _TOKEN.fullmatch(token.reveal())
    assert found is not None, "a token has been checked before it is stored"
    data = {
        "token-id": found.group(1),
        "token-secret": found.group(2),
        "description": described.description,
        "expiration": _expiration(described, now),
        **{f"{_USAGE}{usage}": "true" for usage in described.usages},
        "auth-extra-groups": ",".join(described.groups),
    }
    encoded = {key: value.encode() for key, value in data.items() if value}
    return objects.secret(secret_name(found.group(1)), objects.SYSTEM, encoded, TYPE)


def stored_token(secret: JsonObject) -> StoredToken:
    """What a Secret says. Raises DamagedTokenError."""
    name = secret["metadata"]["name"]
    try:
        data = {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
        expiration = data.get("expiration", "")
        expires = datetime.fromisoformat(expiration) if expiration else None
    except (binascii.Error, ValueError) as error:
        raise _damaged(name, "its data cannot be read") from error
    token = f"{data.get('token-id', '')}.{data.get('token-secret', '')}"
    if not is_token(token) or name != secret_name(data["token-id"]):
        raise _damaged(name, "its token-id and token-secret are no token of that name")
    return StoredToken(
        id=data["token-id"],
        token=Secret(token),
        description=data.get("description", ""),
        expires=expires,
        usages=tuple(
            sorted(
                key.removeprefix(_USAGE)
                for key, value in data.items()
                if key.startswith(_USAGE) and value == "true"
            )
        ),
        groups=tuple(sorted(filter(None, data.get("auth-extra-groups", "").split(",")))),
    )


def _expiration(described: BootstrapToken, now: datetime) -> str:
    """RFC 3339 in UTC, "" for never."""
    if described.expires:
        moment = datetime.fromisoformat(described.expires)
    elif described.ttl and (life := parse_duration(described.ttl)):
        moment = now + life
    else:
        return ""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _damaged(name: str, why: str) -> DamagedTokenError:
    return DamagedTokenError(
        f"Secret {name} is no bootstrap token: {why}",
        remedy=f"kubectl --namespace=kube-system delete secret {name}",
    )
