"""The manifest URL: what counts as an answer, what survives a bad one, and where headers go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap.agent.manifesturl import ManifestUrl, manifest_url
from bootstrap.agent.source import Listing
from bootstrap.agent.urlsource import UrlSource
from bootstrap.errors import ConfigError
from bootstrap.host.http import HttpReply, HttpRequest
from tests.fakes.agent import document
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp

URL = "http://192.0.2.1/pods"
AS_YAML = b"""
apiVersion: v1
kind: PodList
items:
- metadata: {name: a}
  spec: {containers: [{name: c, image: i}]}
"""


class Server:
    """A manifest server at ``URL`` and the source that asks it."""

    def __init__(self, at: ManifestUrl | None = None) -> None:
        self.http = FakeHttp()
        self.changes = 0
        self.source = UrlSource(at or ManifestUrl(URL), "n1", self.http, FakeClock(), self.changed)

    def changed(self) -> None:
        self.changes += 1

    def answers(self, body: object, status: int = 200, **fields: Any) -> Listing:
        """One fetch that is answered so."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.http.serve(80, HttpReply(status, text, **fields))
        return self.fetched()

    def fetched(self) -> Listing:
        self.source.turn()
        return self.source.scan()


@pytest.fixture
def server() -> Server:
    return Server()


def pod_list(*items: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "PodList", "items": list(items)}


def names(listing: Listing) -> list[str]:
    return [pod.pod.metadata.name for pod in listing.pods]


def test_a_pod_and_a_list_of_pods_as_json_and_as_yaml(server: Server) -> None:
    assert names(server.answers(document("web"))) == ["web"]
    assert names(server.answers(pod_list(document("a"), document("b")))) == ["a", "b"]
    listing = server.answers(AS_YAML)
    assert names(listing) == ["a"]
    assert (listing.pods[0].source, listing.pods[0].origin, listing.listed) == (URL, "http", True)


def test_nothing_is_known_before_the_first_good_answer(server: Server) -> None:
    assert not server.source.scan().listed
    listing = server.fetched()
    assert (listing.listed, listing.problems[0].message, listing.problems[0].kept) == (
        False,
        "connection refused",
        False,
    )
    assert not server.answers(b"").listed


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 200, "is empty"),
        (b" \n", 200, "is empty"),
        (b"{garbage", 200, "is not YAML"),
        (b"<html>", 200, "not a mapping"),
        ({"apiVersion": "v1", "kind": "Status"}, 200, "not a v1 Pod"),
        ({"apiVersion": "v1", "kind": "List", "items": []}, 200, "not a v1 Pod"),
        ({"apiVersion": "v2", "kind": "PodList"}, 200, "is not a v1 PodList"),
        (document("other"), 201, "HTTP status 201"),
        (document("other"), 304, "HTTP status 304"),
        (b"", 404, "HTTP status 404"),
        (document("other"), 500, "HTTP status 500"),
        (b"#" * (10 * 1024 * 1024 + 1), 200, "larger than 10 MiB"),
    ],
)
def test_whatever_is_no_good_answer_keeps_the_pods_and_is_reported(
    server: Server, body: object, status: int, reason: str
) -> None:
    pods = server.answers(document("web")).pods
    for _ in range(2):  # the same bad answer twice is no better
        listing = server.answers(body, status)
        assert listing.pods == pods
        assert listing.listed
        assert reason in listing.problems[0].message
        assert listing.problems[0].kept
        assert listing.unreadable == {URL}
    assert server.answers(document("web")).problems == ()


def test_an_answer_that_breaks_off_is_none(server: Server) -> None:
    whole = pod_list(document("a"), document("b"))
    pods = server.answers(whole).pods
    listing = server.answers(AS_YAML, complete=False)
    assert listing.pods == pods
    assert listing.problems[0].message == "breaks its answer off"


def test_the_same_answer_after_a_bad_one_brings_the_pods_back(server: Server) -> None:
    first = server.answers(document("web"))
    server.answers(b"")
    assert server.answers(document("web")) == first


def test_an_empty_list_asks_for_nothing(server: Server) -> None:
    server.answers(pod_list(document("a")))
    listing = server.answers(pod_list())
    assert (listing.listed, listing.pods, listing.problems) == (True, (), ())


def test_one_bad_item_hides_no_other_and_keeps_its_last_good_pod(server: Server) -> None:
    before = server.answers(pod_list(document("a"), document("b"), document("c")))
    bad = document("b", serviceAccountName="x")
    listing = server.answers(pod_list(document("a", restartPolicy="Never"), bad, document("d")))
    assert names(listing) == ["a", "b", "d"]
    assert listing.pods[1] == before.pods[1]
    assert (listing.problems[0].path, listing.problems[0].kept) == (f"{URL} (item 1)", True)
    assert listing.unreadable == {URL}


def test_a_bad_item_without_a_name_may_be_any_pod_that_ran(server: Server) -> None:
    before = server.answers(pod_list(document("a"), document("b")))
    assert server.answers(pod_list(document("a"), "nonsense")).pods == before.pods
    assert names(server.answers(pod_list(document("a")))) == ["a"]


def test_of_two_items_with_one_pod_the_first_wins(server: Server) -> None:
    listing = server.answers(pod_list(document("a"), document("a", restartPolicy="Never")))
    assert [pod.pod.spec.restart_policy for pod in listing.pods] == ["Always"]
    assert "again" in listing.problems[0].message


def test_unknown_fields_are_remarked(server: Server) -> None:
    listing = server.answers(pod_list(document("a"), document("b", oddity=1)))
    assert listing.remarks == ((f"{URL} (item 1)", "unknown fields are ignored: spec.oddity"),)


def test_a_change_is_told_once(server: Server) -> None:
    server.answers(document("a"))
    server.answers(document("a"))
    assert server.changes == 1
    server.answers(b"")
    server.answers(b"")
    assert server.changes == 2


def test_what_is_secret_in_the_url_is_sent_and_not_shown() -> None:
    server = Server(manifest_url("http://user:pass%3A@192.0.2.1/pods?token=t"))
    listing = server.answers(document("a"))
    request = server.http.requests[-1]
    assert request.path == "/pods?token=t"
    assert ("Authorization", "Basic dXNlcjpwYXNzOg==") in request.headers
    assert listing.pods[0].source == URL
    assert server.answers(b"", 500).problems[0].path == URL


def test_headers_come_from_the_command_line_and_a_file_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("# mine\nX-Token: one, two\n\n")
    path.chmod(0o600)
    server = Server(manifest_url(URL, ("a:1,b: 2", "b:3"), path))
    server.answers(document("a"))
    given = [("a", "1"), ("b", "2"), ("b", "3"), ("X-Token", "one, two")]
    assert list(server.http.requests[-1].headers)[:4] == given
    path.write_text("X-Token: new\n")
    server.fetched()
    assert ("X-Token", "new") in server.http.requests[-1].headers
    path.unlink()
    assert "cannot be read" in server.fetched().problems[0].message


def test_headers_that_everybody_may_read_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("X-Token: secret\n")
    path.chmod(0o644)
    server = Server(manifest_url(URL, (), path))
    (problem,) = server.answers(document("a")).problems
    assert problem.message.endswith(f"can be read by everybody: chmod 600 {path}")
    assert server.http.requests == []
    path.chmod(0o640)
    assert server.fetched().problems == ()


@pytest.mark.parametrize("text", ["secret", ":secret", "a b:secret", "a:sec\rret"])
def test_a_header_that_is_none_is_refused_without_its_value(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        manifest_url(URL, (text,))
    assert "sec" not in caught.value.message


@pytest.mark.parametrize(
    "url", ["", "/etc/pods", "file:///etc/pods", "ftp://h/p", "http://", "http://h:x/", "http://[x"]
)
def test_what_cannot_be_fetched_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        manifest_url(url)


def redirecting(server: Server, *locations: str) -> list[HttpRequest]:
    """The requests of one fetch from a server that redirects so and then answers with a pod."""
    replies = [HttpReply(302, b"", location) for location in locations]
    replies.append(HttpReply(200, json.dumps(document("a")).encode()))
    for port in (80, 443, 8080):
        server.http.serve(port, lambda _request: replies.pop(0))
    server.fetched()
    return server.http.requests


def test_redirects_are_followed_and_headers_stay_with_their_host() -> None:
    server = Server(ManifestUrl(URL, (("X-Token", "t"),)))
    requests = redirecting(server, "/b?c=d", "http://192.0.2.2/e", "http://192.0.2.1/f")
    assert [(each.host, each.path) for each in requests] == [
        ("192.0.2.1", "/pods"),
        ("192.0.2.1", "/b?c=d"),
        ("192.0.2.2", "/e"),
        ("192.0.2.1", "/f"),
    ]
    assert [("X-Token", "t") in each.headers for each in requests] == [True, True, False, False]
    assert names(server.source.scan()) == ["a"]


@pytest.mark.parametrize("location", ["file:///etc/shadow", "http://h:x/"])
def test_a_redirect_to_what_cannot_be_fetched_is_refused(server: Server, location: str) -> None:
    redirecting(server, location)
    assert "cannot be fetched" in server.source.scan().problems[0].message


def test_no_redirect_leads_from_https_to_http() -> None:
    server = Server(ManifestUrl("https://192.0.2.1/pods"))
    requests = redirecting(server, "http://192.0.2.1/pods")
    assert [each.system_trust for each in requests] == [True]
    assert "refused" in server.source.scan().problems[0].message


def test_redirects_end(server: Server) -> None:
    assert len(redirecting(server, *["/again"] * 20)) == 10
    assert server.source.scan().problems[0].message == "stopped after 10 redirects"


def test_a_failure_nobody_foresaw_does_not_end_the_asking(server: Server) -> None:
    pods = server.answers(document("web")).pods

    def surprise(_request: HttpRequest) -> HttpReply:
        raise ZeroDivisionError

    server.http.serve(80, surprise)
    assert server.source.turn() == 20
    assert server.source.scan().pods == pods
