"""Who a request comes from, and whether it may be answered.

The API server's own client certificate is enough by itself: it must get at logs while no API server answers.
Invariant: anonymous requests get nothing, not even a health check.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from bootstrap.agent.serving.attributes import Attributes, User, questions
from bootstrap.agent.serving.reviews import CannotBeAskedError
from bootstrap.host.httpexchange import IncomingRequest
from bootstrap.host.httpserver import Page

log = logging.getLogger("bootstrap.agent")

API_SERVER = "kube-apiserver-kubelet-client"
"""The CN of the client certificate that kubeadm and this program give to the API server for kubelets."""

AUTHENTICATED = "system:authenticated"
UNAUTHORIZED = Page(401, b"Unauthorized")


class Reviewer(Protocol):
    """The API server's opinion (``reviews.Reviews``); thread-safe. Both raise CannotBeAskedError."""

    def allows(self, question: Attributes) -> bool: ...

    def user_of(self, token: str) -> User | None: ...


class Access:
    """Admits requests to the API of the node called ``node``."""

    def __init__(self, node: str, reviewer: Reviewer) -> None:
        self._node = node
        self._reviewer = reviewer

    def refusal(self, subject: Iterable[tuple[str, str]], request: IncomingRequest) -> Page | None:
        """What to answer instead, None when the request is to be answered.

        ``subject``: that of the verified client certificate, empty without one.
        """
        try:
            user = user_of_certificate(subject) or self._user_of_token(request.headers)
        except CannotBeAskedError as error:
            log.warning("a bearer token cannot be verified: %s", error.message)
            return UNAUTHORIZED
        if user is None:
            return UNAUTHORIZED
        return None if self._allows(user, request) else forbidden(user, request, self._node)

    def _allows(self, user: User, request: IncomingRequest) -> bool:
        asked = questions(user, request.method, request.path, self._node)
        if user.name == API_SERVER:
            return bool(asked)
        try:
            return any(self._reviewer.allows(each) for each in asked)
        except CannotBeAskedError as error:
            log.warning("%s %s by %s is refused: %s", request.method, request.path, user.name, error.message)
            return False

    def _user_of_token(self, headers: Mapping[str, str]) -> User | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return None
        return self._reviewer.user_of(token.strip())


def user_of_certificate(subject: Iterable[tuple[str, str]]) -> User | None:
    """CN is the name, each O a group; a certificate without a name is nobody's."""
    pairs = tuple(subject)
    name = next((value for key, value in pairs if key == "commonName"), "")
    groups = tuple(value for key, value in pairs if key == "organizationName")
    return User(name, (*groups, AUTHENTICATED)) if name else None


def forbidden(user: User, request: IncomingRequest, node: str) -> Page:
    asked = questions(user, request.method, request.path, node)
    wanted = " or ".join(f"{each.verb} nodes/{each.subresource}" for each in asked) or request.method
    return Page(403, f"Forbidden (user={user.name}, needs={wanted}, node={node})\n".encode())
