"""What a request to a kubelet means to an authorizer: a verb on a subresource of its node. Pure.

Source: pkg/kubelet/server/auth.go and KEP-2862. Invariant: a path that no row names needs ``nodes/proxy``,
the widest permission there is.
"""

from __future__ import annotations

from dataclasses import dataclass

PROXY = "proxy"

SUBRESOURCES = (
    ("/stats", ("stats",)),
    ("/metrics", ("metrics",)),
    ("/logs", ("log",)),
    ("/checkpoint", ("checkpoint",)),
    ("/statusz", ("statusz", PROXY)),
    ("/flagz", ("flagz", PROXY)),
    ("/pods", ("pods", PROXY)),
    ("/runningpods", ("pods", PROXY)),
    ("/healthz", ("healthz", PROXY)),
    ("/configz", ("configz", PROXY)),
)
"""Path and everything below it: any of these subresources of ``nodes`` suffices, asked in this order."""

VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class User:
    """Who asks. ``uid`` and ``extra`` are what a TokenReview tells of a service account."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Attributes:
    """One question: may the user do this to that subresource of the node?"""

    user: User
    verb: str
    node: str
    subresource: str


def questions(user: User, method: str, path: str, node: str) -> tuple[Attributes, ...]:
    """Whoever may do one of these may make the request; none for a method no permission exists for."""
    verb = VERBS.get(method)
    if verb is None:
        return ()
    return tuple(Attributes(user, verb, node, each) for each in subresources(path))


def subresources(path: str) -> tuple[str, ...]:
    for prefix, found in SUBRESOURCES:
        if path == prefix or path.startswith(f"{prefix}/"):
            return found
    return (PROXY,)
