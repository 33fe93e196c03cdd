"""``bootstrap token``: bootstrap tokens of a running cluster.

Invariant: a token that is there is never changed; it is made, or it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bootstrap.config.rules.init import bootstrap_tokens
from bootstrap.errors import BootstrapError, ConfigError
from bootstrap.kube import objects
from bootstrap.kube.client import ApiClient, ConflictError, NotFoundError
from bootstrap.kube.tokens import (
    FORM,
    ID_FORM,
    SELECTOR,
    DamagedTokenError,
    StoredToken,
    id_of,
    new_token,
    secret_name,
    stored_token,
    token_secret,
)
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import BootstrapToken, ClusterConfiguration, InitConfiguration
from bootstrap.model.secret import Secret


def check_description(described: BootstrapToken) -> None:
    """Raises ConfigError with everything that is wrong with what a token is asked to be."""
    init = InitConfiguration(bootstrap_tokens=(described,))
    faults = tuple(bootstrap_tokens(ControlPlane(init=init, cluster=ClusterConfiguration())))
    lines = tuple(f"{_flag(str(fault.path[3]))} {fault.text}" for fault in faults)
    if len(lines) == 1:
        raise ConfigError(lines[0], remedy="bootstrap token create --help")
    if lines:
        raise ConfigError("such a token cannot be", details=lines, remedy="bootstrap token create --help")


def create_token(api: ApiClient, described: BootstrapToken, now: datetime) -> Secret:
    """Make it valid; one without a text gets a random one. Raises BootstrapError when its ID is taken."""
    token = Secret(described.token) if described.token else new_token()
    try:
        api.create(objects.secrets(objects.SYSTEM), token_secret(token, described, now))
    except ConflictError as error:
        taken = id_of(token.reveal())
        raise BootstrapError(
            f"there is a token with the ID {taken} already", remedy=f"bootstrap token delete {taken}"
        ) from error
    return token


def list_tokens(api: ApiClient) -> tuple[tuple[StoredToken, ...], tuple[DamagedTokenError, ...]]:
    """The tokens of the cluster, by ID, and what is wrong with Secrets that should be one."""
    tokens: list[StoredToken] = []
    damaged: list[DamagedTokenError] = []
    for secret in api.get(objects.secrets(objects.SYSTEM), SELECTOR).get("items") or ():
        try:
            tokens.append(stored_token(secret))
        except DamagedTokenError as error:
            damaged.append(error)
    return tuple(sorted(tokens, key=lambda token: token.id)), tuple(damaged)


def delete_tokens(api: ApiClient, given: tuple[str, ...]) -> Iterator[str]:
    """Yields the ID of each one it has deleted. All are checked before the first is deleted.

    Raises ConfigError for what is neither a token nor an ID, BootstrapError for one that is not there.
    """
    ids = tuple(map(id_of, given))
    for place, token_id in enumerate(ids, start=1):
        if not token_id:
            # What was given may be a token with a slip in it: it is not shown.
            raise ConfigError(
                f"argument {place} is neither a token ({FORM}) nor the ID of one ({ID_FORM})",
                remedy="bootstrap token list",
            )
    for token_id in ids:
        try:
            api.delete(f"{objects.secrets(objects.SYSTEM)}/{secret_name(token_id)}")
        except NotFoundError as error:
            raise BootstrapError(
                f"there is no token with the ID {token_id}", remedy="bootstrap token list"
            ) from error
        yield token_id


def _flag(field: str) -> str:
    return "the token" if field == "token" else f"--{field}"
