"""Who may ask the kubelet's port, and how it is found out."""

from __future__ import annotations

import pytest

from bootstrap.agent.serving.access import API_SERVER, Access
from bootstrap.agent.serving.attributes import Attributes, User, questions, subresources
from bootstrap.agent.serving.reviews import (
    ALLOWED_SECONDS,
    DENIED_SECONDS,
    CannotBeAskedError,
    Reviews,
    access_review,
)
from bootstrap.host.httpexchange import IncomingRequest
from bootstrap.kube.client import ApiUnreachableError, JsonObject
from tests.fakes.clock import FakeClock

NODE = "n1"
ALICE = (("organizationName", "operators"), ("commonName", "alice"))


class FakeReviewApi:
    """An API server that knows who may do what; ``asked`` are the bodies it got."""

    def __init__(self) -> None:
        self.allowed: set[tuple[str, str, str]] = set()
        self.tokens: dict[str, str] = {}
        self.answering = True
        self.asked: list[JsonObject] = []
        self.opened = 0

    def connect(self) -> FakeReviewApi:
        self.opened += 1
        return self

    def create(self, path: str, body: JsonObject) -> JsonObject:
        if not self.answering:
            raise ApiUnreachableError("connection refused")
        self.asked.append(body)
        spec = body["spec"]
        if path.endswith("/tokenreviews"):
            name = self.tokens.get(spec["token"])
            return {
                "status": {"authenticated": name is not None, "user": {"username": name, "groups": ["g"]}}
            }
        wanted = spec["resourceAttributes"]
        return {"status": {"allowed": (spec["user"], wanted["verb"], wanted["subresource"]) in self.allowed}}

    def close(self) -> None:
        pass


class Door:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeReviewApi()
        reviews = Reviews(self.api.connect, self.clock)  # type: ignore[arg-type]
        self.access = Access(NODE, reviews)

    def status(
        self, path: str, subject: tuple[tuple[str, str], ...] = ALICE, method: str = "GET", token: str = ""
    ) -> int:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        refusal = self.access.refusal(subject, IncomingRequest(method, path, headers=headers))
        return refusal.status if refusal else 200


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/pods", ("pods", "proxy")),
        ("/runningpods/", ("pods", "proxy")),
        ("/healthz", ("healthz", "proxy")),
        ("/healthz/ping", ("healthz", "proxy")),
        ("/configz", ("configz", "proxy")),
        ("/metrics", ("metrics",)),
        ("/metrics/probes", ("metrics",)),
        ("/stats/summary", ("stats",)),
        ("/logs/", ("log",)),
        ("/containerLogs/default/web/web", ("proxy",)),
        ("/exec/default/web/web", ("proxy",)),
        ("/podsmalore", ("proxy",)),
        ("/", ("proxy",)),
    ],
)
def test_a_path_is_a_subresource_of_the_node(path: str, expected: tuple[str, ...]) -> None:
    assert subresources(path) == expected


def test_a_method_is_a_verb() -> None:
    user = User("alice")
    assert [each.verb for each in questions(user, "POST", "/exec/a/b/c", NODE)] == ["create"]
    assert [each.verb for each in questions(user, "GET", "/metrics", NODE)] == ["get"]
    assert questions(user, "BREW", "/metrics", NODE) == ()


def test_a_question_is_a_subject_access_review() -> None:
    user = User("alice", ("g",), "u1", (("scope", ("a",)),))
    assert access_review(Attributes(user, "get", NODE, "metrics"))["spec"] == {
        "user": "alice",
        "groups": ["g"],
        "uid": "u1",
        "extra": {"scope": ["a"]},
        "resourceAttributes": {
            "verb": "get",
            "version": "v1",
            "resource": "nodes",
            "subresource": "metrics",
            "name": NODE,
        },
    }


@pytest.mark.parametrize("path", ["/healthz", "/pods", "/metrics", "/containerLogs/a/b/c", "/nowhere"])
def test_nobody_gets_nothing(door: Door, path: str) -> None:
    assert door.status(path, subject=()) == 401
    assert door.status(path, subject=(("organizationName", "system:masters"),)) == 401
    assert door.api.asked == []


def test_the_api_server_needs_no_api_server(door: Door) -> None:
    door.api.answering = False
    subject = (("commonName", API_SERVER),)
    assert door.status("/containerLogs/a/b/c", subject) == 200
    assert door.status("/exec/a/b/c", subject, "POST") == 200
    assert door.status("/exec/a/b/c", subject, "BREW") == 403


def test_others_may_do_what_the_api_server_says(door: Door) -> None:
    door.api.allowed.add(("alice", "get", "metrics"))
    assert door.status("/metrics") == 200
    assert door.status("/metrics", method="POST") == 403
    assert door.status("/pods") == 403
    assert door.api.asked[0]["spec"]["groups"] == ["operators", "system:authenticated"]


def test_the_wide_permission_opens_the_narrow_paths(door: Door) -> None:
    door.api.allowed.add(("alice", "get", "proxy"))
    assert door.status("/pods") == 200
    assert door.status("/containerLogs/a/b/c") == 200
    assert door.status("/metrics") == 403


def test_answers_are_remembered_for_a_while(door: Door) -> None:
    door.api.allowed.add(("alice", "get", "metrics"))
    assert (door.status("/metrics"), door.status("/stats/summary")) == (200, 403)
    door.api.allowed = {("alice", "get", "stats")}
    door.clock.advance(DENIED_SECONDS - 1)
    assert (door.status("/metrics"), door.status("/stats/summary")) == (200, 403)
    door.clock.advance(1)
    assert (door.status("/metrics"), door.status("/stats/summary")) == (200, 200)
    door.clock.advance(ALLOWED_SECONDS - DENIED_SECONDS)
    assert door.status("/metrics") == 403


def test_who_cannot_be_asked_about_is_refused_and_not_remembered(door: Door) -> None:
    door.api.allowed.add(("alice", "get", "metrics"))
    door.api.answering = False
    assert door.status("/metrics") == 403
    door.api.answering = True
    assert door.status("/metrics") == 200
    assert door.api.opened == 2


def test_a_bearer_token_is_whose_the_api_server_says(door: Door) -> None:
    door.api.tokens["secret"] = "system:serviceaccount:monitoring:prometheus"
    door.api.allowed.add(("system:serviceaccount:monitoring:prometheus", "get", "metrics"))
    assert door.status("/metrics", (), token="secret") == 200
    assert door.status("/metrics", (), token="other") == 401
    door.api.answering = False
    assert door.status("/metrics", (), token="secret") == 200
    assert door.status("/metrics", (), token="other") == 401


def test_a_refusal_says_what_is_needed(door: Door) -> None:
    refusal = door.access.refusal(ALICE, IncomingRequest("GET", "/pods"))
    assert refusal is not None
    assert b"user=alice" in refusal.body
    assert b"get nodes/pods or get nodes/proxy" in refusal.body


def test_without_an_answer_there_is_an_error() -> None:
    api = FakeReviewApi()
    api.answering = False
    with pytest.raises(CannotBeAskedError):
        Reviews(api.connect, FakeClock()).user_of("x")  # type: ignore[arg-type]
