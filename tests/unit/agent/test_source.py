"""Several sources as one."""

from __future__ import annotations

from bootstrap.agent.identity import StaticPod, static_pod
from bootstrap.agent.source import Listing, merged
from bootstrap.agent.status import ManifestProblem
from bootstrap.model.pod import decode_pod
from tests.fakes.agent import document

URL = "http://192.0.2.1/pods"


def pod(name: str, source: str) -> StaticPod:
    return static_pod(decode_pod(document(name)).pod, "n1", source)


def test_the_first_source_with_a_pod_wins_and_the_other_is_reported() -> None:
    file, url = pod("web", "/m/web.yaml"), pod("web", URL)
    listing = merged((Listing(True, (file,)), Listing(True, (url, pod("other", URL)))))
    assert [(each.pod.metadata.name, each.source) for each in listing.pods] == [
        ("web", "/m/web.yaml"),
        ("other", URL),
    ]
    assert listing.problems == (
        ManifestProblem(
            path=URL,
            message="has the pod default/web again: /m/web.yaml is the one that runs",
            pod="web-n1",
            namespace="default",
            uid=file.uid,
        ),
    )


def test_nothing_may_be_removed_before_every_source_was_listed() -> None:
    assert not merged((Listing(True), Listing(False))).listed
    assert merged((Listing(True), Listing(True))).listed


def test_what_is_wrong_in_each_is_said() -> None:
    problems = (ManifestProblem(path="/m/a", message="bad"), ManifestProblem(path=URL, message="worse"))
    first = Listing(True, problems=problems[:1], unreadable=frozenset({"/m/a"}), remarks=(("/m/b", "odd"),))
    listing = merged((first, Listing(True, problems=problems[1:], unreadable=frozenset({URL}))))
    assert (listing.problems, set(listing.unreadable)) == (problems, {"/m/a", URL})
    assert listing.remarks == (("/m/b", "odd"),)
