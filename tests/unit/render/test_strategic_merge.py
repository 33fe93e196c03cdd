from __future__ import annotations

from typing import Any

import pytest

from bootstrap.render.strategic_merge import PatchDirectiveError, strategic_merge

POD: dict[str, Any] = {
    "metadata": {"labels": {"tier": "control-plane"}, "finalizers": ["a", "b"]},
    "spec": {
        "containers": [
            {
                "name": "main",
                "command": ["run", "--x"],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"containerPort": 6443, "name": "probe-port"}],
                "volumeMounts": [{"mountPath": "/a", "name": "a"}, {"mountPath": "/b", "name": "b"}],
            },
            {"name": "other", "image": "o"},
        ],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [{"key": "x"}],
    },
}


def _main(**fields: Any) -> dict[str, Any]:
    merged = strategic_merge(POD, {"spec": {"containers": [{"name": "main", **fields}]}})
    container: dict[str, Any] = merged["spec"]["containers"][0]
    return container


def test_a_container_is_found_by_name_and_keeps_what_the_patch_does_not_mention() -> None:
    container = _main(image="i")
    assert container["image"] == "i"
    assert container["command"] == ["run", "--x"]


def test_the_arguments_are_left_as_they_were() -> None:
    before = repr(POD)
    patch = {"spec": {"containers": [{"name": "main", "env": [{"name": "A", "$patch": "delete"}]}]}}
    text = repr(patch)
    strategic_merge(POD, patch)
    assert (repr(POD), repr(patch)) == (before, text)


def test_environment_variables_merge_by_name_and_new_ones_come_first() -> None:
    env = _main(env=[{"name": "C", "value": "3"}, {"name": "B", "value": "9"}])["env"]
    assert [variable["name"] for variable in env] == ["C", "A", "B"]
    assert env[2]["value"] == "9"


def test_ports_merge_by_number_and_mounts_by_path() -> None:
    container = _main(
        ports=[{"containerPort": 6443, "hostPort": 6443}],
        volumeMounts=[{"mountPath": "/b", "readOnly": True}],
    )
    assert container["ports"] == [{"containerPort": 6443, "name": "probe-port", "hostPort": 6443}]
    assert container["volumeMounts"][1] == {"mountPath": "/b", "name": "b", "readOnly": True}


def test_plain_lists_and_other_lists_of_objects_are_replaced() -> None:
    assert _main(command=["new"])["command"] == ["new"]
    merged = strategic_merge(POD, {"spec": {"tolerations": [{"key": "y"}]}})
    assert merged["spec"]["tolerations"] == [{"key": "y"}]


def test_null_removes_a_field_and_is_never_added() -> None:
    merged = strategic_merge(POD, {"metadata": {"labels": None, "annotations": {"a": None, "b": "c"}}})
    assert merged["metadata"] == {"finalizers": ["a", "b"], "annotations": {"b": "c"}}


def test_delete_removes_an_element() -> None:
    assert _main(env=[{"name": "A", "$patch": "delete"}])["env"] == [{"name": "B", "value": "2"}]


def test_replace_replaces_a_list_or_an_object() -> None:
    assert _main(env=[{"$patch": "replace"}, {"name": "Z"}])["env"] == [{"name": "Z"}]
    merged = strategic_merge(POD, {"spec": {"securityContext": {"$patch": "replace", "runAsUser": 0}}})
    assert merged["spec"]["securityContext"] == {"runAsUser": 0}


def test_plain_values_are_added_to_and_deleted_from_finalizers() -> None:
    assert strategic_merge(POD, {"metadata": {"finalizers": ["b", "c"]}})["metadata"]["finalizers"] == [
        "a",
        "b",
        "c",
    ]
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic_merge(POD, patch)["metadata"]["finalizers"] == ["b"]


def test_retain_keys_drops_the_others() -> None:
    volume = {"name": "v", "hostPath": {"path": "/v"}}
    patch = {"volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]}
    assert strategic_merge({"volumes": [volume]}, patch) == {"volumes": [{"name": "v", "emptyDir": {}}]}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"spec": {"$patch": "drop"}}, r"^spec: \$patch cannot be 'drop'"),
        ({"spec": {"containers": [{"image": "x"}]}}, r"^spec.containers: an element has no name"),
        ({"spec": {"containers": ["main"]}}, r"'main' is not an object"),
        ({"spec": {"containers": [{"name": "main", "$patch": "merge"}]}}, "cannot be 'merge' in a list"),
        (
            {"spec": {"containers": [{"name": "main", "env": [{}]}]}},
            r"^spec.containers\[main\].env: an element",
        ),
        ({"spec": {"$setElementOrder/containers": []}}, "order of elements cannot be patched"),
        ({"spec": {"$retainKeys": ["a"], "b": 1}}, "every key"),
        ({"spec": {"$deleteFromPrimitiveList/x": 1}}, "not a list"),
    ],
)
def test_a_wrong_directive_is_told_with_its_place(patch: dict[str, Any], message: str) -> None:
    with pytest.raises(PatchDirectiveError, match=message):
        strategic_merge(POD, patch)
