"""What a node may say of itself."""

from __future__ import annotations

import pytest

from bootstrap.errors import ConfigError
from bootstrap.model.nodelabels import Taint, may_label_itself, parse_labels, parse_taints


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("zone", True),
        ("example.com/zone", True),
        ("topology.kubernetes.io/zone", True),
        ("node.kubernetes.io/instance-type", True),
        ("kubelet.kubernetes.io/x", True),
        ("some.node.kubernetes.io/x", True),
        ("node-role.kubernetes.io/control-plane", False),
        ("node-restriction.kubernetes.io/x", False),
        ("kubernetes.io/x", False),
        ("k8s.io/x", False),
        ("notkubernetes.io/x", True),
    ],
)
def test_labels_of_kubernetes_are_the_administrators_but_for_a_few(key: str, allowed: bool) -> None:
    assert may_label_itself(key) is allowed


def test_labels_are_read_as_a_kubelet_reads_them() -> None:
    assert parse_labels("a=b, example.com/c=,") == {"a": "b", "example.com/c": ""}
    assert parse_labels("") == {}


def test_a_label_that_an_api_server_would_refuse_is_refused_here() -> None:
    with pytest.raises(ConfigError, match="node-role") as caught:
        parse_labels("node-role.kubernetes.io/control-plane=,a=b")
    assert "kubectl label node" in caught.value.remedy


@pytest.mark.parametrize("text", ["a", "=b", "a b=c", "a=b c", "-a=b"])
def test_what_is_no_label_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="is no label"):
        parse_labels(text)


def test_taints_have_a_value_or_none() -> None:
    taints = parse_taints("a=b:NoExecute,c/d:NoSchedule")
    assert taints == (Taint("a", "NoExecute", "b"), Taint("c/d", "NoSchedule"))
    assert [taint.text for taint in taints] == ["a=b:NoExecute", "c/d:NoSchedule"]


@pytest.mark.parametrize("text", ["a", "a=b", "a=b:Never", ":NoSchedule", "a=b=c:NoSchedule"])
def test_what_is_no_taint_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="is no taint"):
        parse_taints(text)
