from __future__ import annotations

from typing import Any

import pytest

from bootstrap.render.patches import PatchError, apply_patches, read_patches


def _apply(document: dict[str, Any], **files: str) -> dict[str, Any]:
    texts = {name.replace("__", "+").replace("_", ".", 1): text for name, text in files.items()}
    return apply_patches(document, read_patches(texts).patches)


@pytest.mark.parametrize(
    ("name", "target", "patch_type"),
    [
        ("etcd.yaml", "etcd", "strategic"),
        ("etcd2.json", "etcd", "strategic"),
        ("kube-apiserver0+merge.yaml", "kube-apiserver", "merge"),
        ("kube-scheduler+json.json", "kube-scheduler", "json"),
        ("sub/kubeletconfiguration+strategic.yaml", "kubeletconfiguration", "strategic"),
    ],
)
def test_a_file_name_says_target_and_type(name: str, target: str, patch_type: str) -> None:
    (patch,) = read_patches({name: "{a: 1}"}).patches
    assert (patch.target, patch.type, patch.source) == (target, patch_type, name)


def test_a_file_that_is_no_yaml_or_json_is_ignored_and_named() -> None:
    patches = read_patches({"README.md": "a: 1"})
    assert patches.patches == ()
    assert patches.ignored == ("patch file README.md is ignored: its name does not end in .json or .yaml",)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("kube-apisrver+merge.yaml", "did you mean kube-apiserver"),
        ("KUBE-SCHEDULER.yaml", "did you mean kube-scheduler"),
        ("sub/zzz.json", "targets are etcd, kube-apiserver"),
        ("etcd.yml", "patches end in .json or .yaml"),
    ],
)
def test_a_patch_that_would_change_nothing_is_an_error(name: str, reason: str) -> None:
    with pytest.raises(PatchError, match="would change nothing") as caught:
        read_patches({name: "a: 1"})
    assert name in caught.value.message
    assert reason in caught.value.message
    assert name.rpartition(".")[0] in caught.value.remedy


def test_an_empty_file_is_ignored_and_named() -> None:
    assert read_patches({"etcd.yaml": "\n---\n"}).ignored == ("patch file etcd.yaml is ignored: it is empty",)


@pytest.mark.parametrize("name", ["etcd+bad.yaml", "etcd+.yaml"])
def test_an_unknown_type_is_an_error(name: str) -> None:
    with pytest.raises(PatchError, match="no patch type") as caught:
        read_patches({name: "a: 1"})
    assert "etcd+merge.yaml" in caught.value.remedy


def test_text_that_is_not_yaml_is_told_with_its_line() -> None:
    with pytest.raises(PatchError, match=r"etcd.yaml, line 2: "):
        read_patches({"etcd.yaml": "a: 1\nb: ]\n"})


def test_documents_and_files_apply_in_order_to_their_own_target() -> None:
    texts = {"etcd.yaml": "a: 1\n---\na: 2\nb: 3", "etcd1+json.yaml": "[{op: add, path: /c, value: 4}]"}
    patches = read_patches({**texts, "kube-scheduler.yaml": "a: 9"})
    assert apply_patches({"a": 0}, patches.of("etcd")) == {"a": 2, "b": 3, "c": 4}


def test_merge_patches_replace_lists_and_remove_nulls() -> None:
    patches = read_patches({"etcd+merge.yaml": "l: [2]\nx: null\nd: {y: null, z: {w: null}}"}).patches
    assert apply_patches({"l": [1], "x": 1, "d": {"y": 1, "q": 1}}, patches) == {
        "l": [2],
        "d": {"q": 1, "z": {}},
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "etcd+json.yaml",
            "[{op: replace, path: /spec/none, value: 1}]",
            "json patch in etcd.json.yaml does not fit etcd",
        ),
        ("etcd+json.yaml", "[{op: test, path: /a, value: 2}]", "does not fit etcd"),
        ("etcd+json.yaml", "a: 1", "not a list of operations"),
        ("etcd+json.yaml", "[1]", "Operation must be an object"),
        ("etcd+json.yaml", "[{op: fly, path: /a}]", "does not fit etcd"),
        ("etcd+json.yaml", "[{op: replace, path: '', value: 3}]", "not an object"),
        ("etcd+merge.yaml", "[1]", "not an object"),
        ("etcd.yaml", "text", "not an object"),
        ("etcd.yaml", "{$patch: x}", "cannot be 'x'"),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error_with_its_file(name: str, text: str, message: str) -> None:
    with pytest.raises(PatchError, match=message.replace("+", ".")) as caught:
        apply_patches({"a": 1}, read_patches({name: text}).patches)
    assert name in caught.value.remedy
