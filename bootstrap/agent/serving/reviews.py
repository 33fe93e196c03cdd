"""Questions to the API server: whose token is this, and may they?

Invariant: no answer is no permission. Answers are remembered as a kubelet does; failures are not.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from bootstrap.agent.serving.attributes import Attributes, User
from bootstrap.agent.serving.remembered import Remembered
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock
from bootstrap.kube.client import ApiClient, JsonObject

log = logging.getLogger("bootstrap.agent")

ALLOWED_SECONDS = 300.0
DENIED_SECONDS = 30.0
TOKEN_SECONDS = 120.0
"""The kubelet's own: authorization.webhook.cacheAuthorizedTTL, cacheUnauthorizedTTL and
authentication.webhook.cacheTTL."""

ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path


class CannotBeAskedError(BootstrapError):
    """The API server gives no answer, or refuses to."""


class Reviews:
    """Asks with the agent's own identity; ``connect`` gives the client for each question, the same one while
    the identity is the same."""

    def __init__(self, connect: Callable[[], ApiClient], clock: Clock) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._access: Remembered[Attributes, bool] = Remembered(clock)
        self._users: Remembered[bytes, User] = Remembered(clock)

    def allows(self, question: Attributes) -> bool:
        """Raises CannotBeAskedError."""
        known = self._access.get(question)
        if known is None:
            status = self._ask(ACCESS_REVIEWS, access_review(question))
            known = bool(status.get("allowed")) and not status.get("denied")
            self._access.put(question, known, ALLOWED_SECONDS if known else DENIED_SECONDS)
        return known

    def user_of(self, token: str) -> User | None:
        """Whose bearer token it is, None when it is nobody's. Raises CannotBeAskedError."""
        key = hashlib.sha256(token.encode()).digest()
        known = self._users.get(key)
        if known is not None:
            return known
        status = self._ask(
            TOKEN_REVIEWS,
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}},
        )
        if not status.get("authenticated"):
            return None
        user = _user(status.get("user") or {})
        self._users.put(key, user, TOKEN_SECONDS)
        return user

    def _ask(self, path: str, review: JsonObject) -> JsonObject:
        """The status of the review."""
        with self._lock:
            client: ApiClient | None = None
            try:
                client = self._connect()
                found: JsonObject = client.create(path, review).get("status") or {}
                return found
            except (BootstrapError, OSError) as error:
                if client is not None:
                    client.close()
                raise CannotBeAskedError(f"the API server cannot be asked: {error}") from error


def access_review(question: Attributes) -> JsonObject:
    """The SubjectAccessReview that asks it."""
    user = question.user
    spec: JsonObject = {
        "user": user.name,
        "groups": list(user.groups),
        "resourceAttributes": {
            "verb": question.verb,
            "version": "v1",
            "resource": "nodes",
            "subresource": question.subresource,
            "name": question.node,
        },
    }
    if user.uid:
        spec["uid"] = user.uid
    if user.extra:
        spec["extra"] = {name: list(values) for name, values in user.extra}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def _user(found: dict[str, Any]) -> User:
    extra = found.get("extra") or {}
    return User(
        str(found.get("username", "")),
        tuple(found.get("groups") or ()),
        str(found.get("uid", "")),
        tuple(sorted((name, tuple(values)) for name, values in extra.items())),
    )
