"""The manifest directory: what is read, what is refused, and what survives a bad edit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bootstrap.agent.filesource import FileSource
from bootstrap.agent.identity import pod_uid
from bootstrap.agent.source import Listing
from tests.fakes.agent import document


def put(directory: Path, name: str, manifest: object) -> Path:
    path = directory / name
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


def names(listing: Listing) -> list[str]:
    return [pod.pod.metadata.name for pod in listing.pods]


def complaints(listing: Listing) -> dict[str, str]:
    return {Path(each.path).name: each.message for each in listing.problems}


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    return FileSource(tmp_path, "N1")


def test_yaml_and_json_are_read_whatever_the_file_is_called(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, "a.manifest", document("a"))
    put(
        tmp_path,
        "b",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: c, image: i:1}]}",
    )
    assert names(source.scan()) == ["a", "b"]


def test_the_node_name_is_a_suffix_in_lower_case(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, "a.yaml", document("a"))
    assert source.scan().pods[0].name == "a-n1"


def test_only_the_first_document_counts(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, "a.yaml", json.dumps(document("a")) + "\n---\n" + json.dumps(document("b")))
    assert names(source.scan()) == ["a"]


@pytest.mark.parametrize(
    "name", ["web.yaml.bak", "web.yaml~", "web.yaml.rpmsave", "web.yaml.orig", "web.yaml.swp", "#web.yaml#"]
)
def test_a_backup_is_refused_and_reported(tmp_path: Path, source: FileSource, name: str) -> None:
    put(tmp_path, "web.yaml", document("web"))
    put(tmp_path, name, document("web", restartPolicy="Never"))
    listing = source.scan()
    assert listing.pods[0].pod.spec.restart_policy == "Always"
    assert complaints(listing) == {name: "looks like a backup or editor file: not run"}


def test_dotfiles_directories_and_pipes_are_passed_over(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, ".web.yaml.swx", "garbage")
    (tmp_path / "sub").mkdir()
    put(tmp_path / "sub", "a.yaml", document("a"))
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    assert source.scan() == Listing(listed=True)


def test_a_link_to_a_file_is_followed(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, ".real", document("a"))
    (tmp_path / "a.yaml").symlink_to(".real")
    assert names(source.scan()) == ["a"]


def test_one_bad_file_hides_no_other(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, "a.yaml", "{not yaml")
    put(tmp_path, "b.yaml", document("b"))
    put(tmp_path, "c.yaml", {"apiVersion": "v1", "kind": "Pod", "spec": 3})
    put(tmp_path, "d.yaml", document("d", serviceAccountName="x"))
    listing = source.scan()
    assert names(listing) == ["b"]
    assert sorted(complaints(listing)) == ["a.yaml", "c.yaml", "d.yaml"]
    assert complaints(listing)["a.yaml"].startswith("is not YAML: ")


@pytest.mark.parametrize("content", ["", "apiVersion: v1\nkind: Pod\nmeta", "kind: [", "\x00"])
def test_a_file_that_stops_parsing_keeps_its_last_good_pod(
    tmp_path: Path, source: FileSource, content: str
) -> None:
    path = put(tmp_path, "web.yaml", document("web"))
    before = source.scan().pods
    put(tmp_path, "web.yaml", content)
    listing = source.scan()
    assert listing.pods == before
    assert listing.problems[0].kept
    assert listing.unreadable == {str(path)}
    put(tmp_path, "web.yaml", document("web", restartPolicy="Never"))
    assert source.scan().pods[0].pod.spec.restart_policy == "Never"


def test_a_file_that_is_gone_takes_its_pod_along(tmp_path: Path, source: FileSource) -> None:
    path = put(tmp_path, "web.yaml", document("web"))
    source.scan()
    put(tmp_path, "web.yaml", "{")
    source.scan()
    path.unlink()
    assert source.scan() == Listing(listed=True)


def test_of_two_files_with_one_pod_the_first_wins(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, "a.yaml", document("web"))
    put(tmp_path, "b.yaml", document("web", restartPolicy="Never"))
    listing = source.scan()
    assert [pod.source for pod in listing.pods] == [str(tmp_path / "a.yaml")]
    assert complaints(listing) == {
        "b.yaml": f"has the pod default/web again: {tmp_path / 'a.yaml'} is the one that runs"
    }


def test_a_huge_file_is_refused(tmp_path: Path, source: FileSource) -> None:
    put(tmp_path, "a.yaml", "#" * (10 * 1024 * 1024 + 1))
    assert complaints(source.scan()) == {"a.yaml": "is larger than 10 MiB"}


def test_a_directory_that_never_was_says_nothing(tmp_path: Path) -> None:
    listing = FileSource(tmp_path / "missing", "n1").scan()
    assert not listing.listed
    assert listing.problems


def test_a_directory_that_vanishes_asks_for_no_pods_until_it_is_back(tmp_path: Path) -> None:
    directory = tmp_path / "m"
    directory.mkdir()
    put(directory, "a.yaml", document("a"))
    source = FileSource(directory, "n1")
    pods = source.scan().pods
    directory.rename(tmp_path / "aside")
    gone = source.scan()
    assert gone.listed
    assert gone.pods == ()
    (tmp_path / "aside").rename(directory)
    assert source.scan().pods == pods


def test_the_uid_is_the_content_on_a_node_at_a_path(tmp_path: Path) -> None:
    def uid(text: str, node: str = "n1", name: str = "a.yaml") -> str:
        put(tmp_path, name, text)
        (pod,) = FileSource(tmp_path, node).scan().pods
        (tmp_path / name).unlink()
        return pod.uid

    plain = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: 'i:1'}]}\n"
    first = uid(plain)
    assert len(first) == 32
    same = "# a comment\nkind: Pod\napiVersion: v1\nspec:\n  restartPolicy: Always\n  containers:\n"
    same += "  - {image: 'i:1', name: c, imagePullPolicy: IfNotPresent}\nmetadata: {name: a}\nstatus: {}\n"
    assert uid(same) == first
    assert uid(plain.replace("{name: a}", "{name: a, annotations: {x: y}}")) != first
    assert uid(plain, node="n2") != first
    assert uid(plain, name="b.yaml") != first
    assert uid(plain.replace("{name: a}", "{name: a, uid: my-own}")) == "my-own"


def test_the_uid_scheme_does_not_change_by_accident(tmp_path: Path) -> None:
    """A change here restarts every static pod of every node at the next upgrade of the agent."""
    put(tmp_path, "a.yaml", document("a"))
    (pod,) = FileSource(tmp_path, "n1").scan().pods
    assert pod_uid(pod.pod, "n1", "/etc/kubernetes/manifests/a.yaml") == "f07f5b977c2fadfa8cdb21536bbe36f6"


def test_the_path_may_be_a_single_manifest(tmp_path: Path) -> None:
    path = put(tmp_path, "web.bak", document("web"))
    put(tmp_path, "other.yaml", document("other"))
    source = FileSource(path, "n1")
    pods = source.scan().pods
    assert [(pod.pod.metadata.name, pod.source, pod.origin) for pod in pods] == [("web", str(path), "file")]
    put(tmp_path, "web.bak", "{")
    spoilt = source.scan()
    assert (spoilt.pods, spoilt.problems[0].path, spoilt.problems[0].kept) == (pods, str(path), True)
    path.unlink()
    gone = source.scan()
    assert (gone.listed, gone.pods) == (True, ())


def test_a_path_that_is_something_else_is_reported_and_keeps_what_runs(tmp_path: Path) -> None:
    path = put(tmp_path, "web.yaml", document("web"))
    source = FileSource(path, "n1")
    pods = source.scan().pods
    path.unlink()
    os.mkfifo(path)
    listing = source.scan()
    assert (listing.pods, listing.problems[0].message) == (pods, "is neither a directory nor a file")
    assert not FileSource(path, "n1").scan().listed


def test_a_file_may_become_a_directory(tmp_path: Path) -> None:
    path = put(tmp_path, "m", document("web"))
    source = FileSource(path, "n1")
    assert names(source.scan()) == ["web"]
    path.unlink()
    path.mkdir()
    put(path, "a.yaml", document("a"))
    assert names(source.scan()) == ["a"]
