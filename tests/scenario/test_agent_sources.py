"""Pods from a directory and from a URL, in the agent as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.agent.manifesturl import ManifestUrl
from bootstrap.host.http import HttpReply
from tests.fakes.agent import AgentHarness, document

URL = "http://192.0.2.1/pods"


class WithUrl(AgentHarness):
    """The agent fetches whenever the test says so."""

    url = ManifestUrl(URL)

    def serve(self, *pods: object) -> None:
        body = {"apiVersion": "v1", "kind": "PodList", "items": pods}
        self.answer(HttpReply(200, json.dumps(body).encode()))

    def answer(self, reply: HttpReply) -> None:
        self.http.serve(80, reply)

    def fetch(self) -> None:
        assert self.agent.url is not None
        self.agent.url.turn()
        self.settle()
        self.settle()


@pytest.fixture
def harness(tmp_path: Path) -> WithUrl:
    return WithUrl(tmp_path)


def test_pods_come_from_both(harness: WithUrl) -> None:
    harness.write("file.yaml", document("file"))
    harness.serve(document("url"))
    harness.fetch()
    assert harness.running() == ["POD file", "main file", "POD url", "main url"]
    assert harness.pod("url").manifest == URL
    sandbox = next(
        held.spec.labels
        for held in harness.engine.containers.values()
        if held.spec.labels["io.kubernetes.pod.name"] == "url-n1"
    )
    assert sandbox["podstrap.manifest"] == URL
    assert sandbox["annotation.kubernetes.io/config.source"] == "http"


def test_a_pod_taken_off_the_list_is_removed(harness: WithUrl) -> None:
    harness.serve(document("a"), document("b"))
    harness.fetch()
    harness.serve(document("b"))
    harness.fetch()
    assert harness.running() == ["POD b", "main b"]


def test_a_url_that_answers_badly_changes_nothing(harness: WithUrl) -> None:
    harness.serve(document("a"))
    harness.fetch()
    before = len(harness.engine.history)
    for reply in (HttpReply(500, b""), HttpReply(200, b""), HttpReply(200, b"{")):
        harness.answer(reply)
        harness.fetch()
        harness.advance(5)
    assert harness.history(before) == []
    (problem,) = harness.agent.status().problems
    assert (problem.path, problem.kept) == (URL, True)
    harness.write("file.yaml", document("file"))
    harness.settle()
    assert harness.running() == ["POD a", "main a", "POD file", "main file"]


def test_nothing_is_removed_before_the_url_answered_once(harness: WithUrl) -> None:
    harness.write("file.yaml", document("file"))
    harness.serve(document("url"))
    harness.fetch()
    before = len(harness.engine.history)
    (harness.manifests / "file.yaml").unlink()
    harness.http.close(80)
    harness.restart_agent()
    harness.fetch()
    harness.advance(70)
    assert harness.history(before) == []
    assert not harness.agent.status().listed
    harness.serve(document("url"))
    harness.fetch()
    assert harness.running() == ["POD url", "main url"]


def test_orphans_are_looked_for_as_soon_as_the_url_has_answered(harness: WithUrl) -> None:
    roused: list[object] = []
    harness.rouse = roused.append
    harness.agent.sync()
    harness.agent.turn()
    assert harness.agent not in roused
    harness.serve()
    assert harness.agent.url is not None
    harness.agent.url.turn()
    harness.agent.sync()
    assert harness.agent in roused
    harness.agent.turn()
    roused.clear()
    harness.agent.sync()
    assert harness.agent not in roused


def test_the_file_wins_over_the_url_and_gives_way_to_it(harness: WithUrl) -> None:
    harness.serve(document("web"))
    harness.fetch()
    from_url = harness.pod().uid
    path = harness.write("web.yaml", document("web"))
    harness.settle()
    assert harness.pod().manifest == str(path)
    assert "again" in harness.agent.status().problems[0].message
    path.unlink()
    harness.settle()
    harness.settle()
    assert harness.pod().uid == from_url
    assert harness.running() == ["POD web", "main web"]
