"""Comparing two versions of a file: what counts as a change, how it is told, and what is never shown."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.apply.diff import Difference, compare
from tests.unit.apply.manifests import API_SERVER, Pod, api_server, container

Edit = Callable[[Pod], object]


def swap_last_volumes(pod: Pod) -> None:
    pod["spec"]["volumes"].reverse()
    container(pod)["volumeMounts"].reverse()
    container(pod)["env"].reverse()


SAME: dict[str, Edit] = {
    "flags in another order": lambda pod: container(pod)["command"].insert(
        1, container(pod)["command"].pop(2)
    ),
    "flags moved to args": lambda pod: container(pod).update(
        command=container(pod)["command"][:1], args=container(pod)["command"][1:]
    ),
    "a bare boolean flag": lambda pod: container(pod)["command"].__setitem__(2, "--allow-privileged"),
    "volumes, mounts and variables in another order": swap_last_volumes,
    "a quantity in another unit": lambda pod: container(pod)["resources"]["requests"].update(cpu="0.25"),
    "the default pull policy left out": lambda pod: container(pod).pop("imagePullPolicy"),
    "the default protocol left out": lambda pod: container(pod)["ports"][0].pop("protocol"),
    "the host port of a host network spelled out": lambda pod: container(pod)["ports"][0].update(
        hostPort=6443
    ),
    "probe defaults left out": lambda pod: container(pod)["livenessProbe"].pop("periodSeconds"),
    "probe defaults spelled out": lambda pod: container(pod)["livenessProbe"].update(successThreshold=1),
    "status noise": lambda pod: pod.update(status={"phase": "Pending"}),
    "no status": lambda pod: pod.pop("status"),
    "creationTimestamp": lambda pod: pod["metadata"].update(creationTimestamp=None),
    "empty maps and lists": lambda pod: container(pod).update(securityContext={}, lifecycle={}, envFrom=[]),
    "pod defaults spelled out": lambda pod: pod["spec"].update(
        dnsPolicy="ClusterFirst",
        restartPolicy="Always",
        schedulerName="default-scheduler",
        securityContext={},
        terminationGracePeriodSeconds=30,
        enableServiceLinks=True,
        hostPID=False,
    ),
    "termination message defaults": lambda pod: container(pod).update(
        terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File"
    ),
}


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME.keys())
def test_another_spelling_of_a_manifest_is_no_change(edit: Edit) -> None:
    assert compare(api_server(), api_server(edit), "manifest") == ()
    assert compare(api_server(edit), api_server(), "manifest") == ()


def test_json_and_yaml_of_one_pod_are_the_same() -> None:
    assert compare(json.dumps(API_SERVER, indent=3), api_server(), "manifest") == ()


C = "spec.containers[kube-apiserver]"
CHANGES: dict[str, tuple[Edit, tuple[Difference, ...]]] = {
    "a new image": (
        lambda pod: container(pod).update(image="registry.k8s.io/kube-apiserver:v1.37.2"),
        (
            Difference(
                f"{C}.image",
                "registry.k8s.io/kube-apiserver:v1.36.3",
                "registry.k8s.io/kube-apiserver:v1.37.2",
            ),
        ),
    ),
    "a new flag": (
        lambda pod: container(pod)["command"].append("--profiling=false"),
        (Difference(f"{C}.--profiling", None, "false"),),
    ),
    "a flag gone": (
        lambda pod: container(pod)["command"].pop(1),
        (Difference(f"{C}.--advertise-address", "192.0.2.10", None),),
    ),
    "a repeated flag in another order": (
        lambda pod: container(pod)["command"].append(container(pod)["command"].pop(3)),
        (
            Difference(
                f"{C}.--service-account-issuer",
                "https://new.example, https://old.example",
                "https://old.example, https://new.example",
            ),
        ),
    ),
    "another program": (
        lambda pod: container(pod)["command"].__setitem__(0, "/debug"),
        (Difference(f"{C}.command", "kube-apiserver", "/debug"),),
    ),
    "another quantity": (
        lambda pod: container(pod)["resources"]["requests"].update(cpu="251m"),
        (Difference(f"{C}.resources.requests.cpu", "250m", "251m"),),
    ),
    "a probe setting": (
        lambda pod: container(pod)["livenessProbe"].update(timeoutSeconds=1),
        (Difference(f"{C}.livenessProbe.timeoutSeconds", "15", "1"),),
    ),
    "a writable mount": (
        lambda pod: container(pod)["volumeMounts"][0].pop("readOnly"),
        (Difference(f"{C}.volumeMounts[/etc/ssl/certs].readOnly", "true", None),),
    ),
    "a label without a value": (
        lambda pod: pod["metadata"]["labels"].update(x=""),
        (Difference("metadata.labels.x", None, ""),),
    ),
    "no grace": (
        lambda pod: pod["spec"].update(terminationGracePeriodSeconds=0),
        (Difference("spec.terminationGracePeriodSeconds", "30", "0"),),
    ),
    "no host network": (
        lambda pod: pod["spec"].update(hostNetwork=False),
        (
            Difference(f"{C}.ports[6443/TCP].hostPort", "6443", None),
            Difference("spec.hostNetwork", "true", None),
        ),
    ),
    "an emptyDir more": (
        lambda pod: pod["spec"]["volumes"].append({"name": "scratch"}),
        (Difference("spec.volumes[scratch]", None, "present"),),
    ),
}


@pytest.mark.parametrize(("edit", "wanted"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_meaning_is_told_field_by_field(edit: Edit, wanted: tuple[Difference, ...]) -> None:
    assert compare(api_server(), api_server(edit), "manifest") == wanted


@pytest.mark.parametrize(
    "command",
    [
        ["kube-apiserver", "--profiling", "false", "--a=1"],
        ["sh", "-c", "exec kube-apiserver --a=1 --b=2"],
        ["kube-apiserver", "--a=1", "--", "--b=2"],
    ],
)
def test_a_command_line_that_can_be_read_in_two_ways_is_compared_word_for_word(command: list[str]) -> None:
    def edited(words: list[str]) -> str:
        return api_server(lambda pod: container(pod).update(command=words))

    assert compare(edited(command), edited(list(command)), "manifest") == ()
    (difference,) = compare(edited(command), edited([command[0], *reversed(command[1:])]), "manifest")
    assert difference.path == f"{C}.command"


def test_the_order_of_variables_counts_when_one_uses_another() -> None:
    def edited(*names: str) -> str:
        values = {"A": "1", "B": "$(A)"}
        return api_server(
            lambda pod: container(pod).update(env=[{"name": name, "value": values[name]} for name in names])
        )

    assert compare(edited("A", "B"), edited("B", "A"), "manifest")


def test_the_order_of_init_containers_counts() -> None:
    def edited(*names: str) -> str:
        return api_server(
            lambda pod: pod["spec"].update(initContainers=[{"name": name, "image": "x:1"} for name in names])
        )

    assert compare(edited("a", "b"), edited("b", "a"), "manifest") == (
        Difference("spec.initContainers order", "a, b", "b, a"),
    )


@pytest.mark.parametrize(
    "text", ["", "{", "- 1", "kind: Pod\nspec: 1", "kind: Pod\nspec: {containers: [{env: 1}]}", "a: &a [*a]"]
)
def test_whatever_is_in_the_file_it_differs_from_a_manifest(text: str) -> None:
    assert compare(text, api_server(), "manifest")


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("x", "Always"),
        ("x:latest", "Always"),
        ("host:5000/x", "Always"),
        ("host:5000/x:1", "IfNotPresent"),
        (f"x@sha256:{'0' * 64}", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    with_policy = api_server(lambda pod: container(pod).update(image=image, imagePullPolicy=policy))
    without = api_server(
        lambda pod: (container(pod).update(image=image), container(pod).pop("imagePullPolicy"))
    )
    assert compare(with_policy, without, "manifest") == ()


def test_a_quantity_that_is_none_is_compared_as_text() -> None:
    odd = api_server(lambda pod: container(pod)["resources"]["requests"].update(cpu="much"))
    assert compare(odd, api_server(), "manifest") == (
        Difference(f"{C}.resources.requests.cpu", "much", "250m"),
    )


KUBECONFIG = """\
apiVersion: v1
clusters:
- cluster: {certificate-authority-data: Q0E=, server: 'https://192.0.2.10:6443'}
  name: kubernetes
users:
- name: admin
  user: {client-certificate-data: Q0VSVA==, client-key-data: U0VDUkVU, token: hush-hush}
"""


def test_a_kubeconfig_difference_shows_names_and_addresses_but_no_credential() -> None:
    new = (
        KUBECONFIG.replace("192.0.2.10", "192.0.2.11").replace("U0VDUkVU", "T1RIRVI=").replace("hush", "psst")
    )
    differences = compare(KUBECONFIG, new, "kubeconfig")
    assert [difference.path for difference in differences] == [
        "clusters[kubernetes].cluster.server",
        "users[admin].user.client-key-data",
        "users[admin].user.token",
    ]
    assert differences[0].new == "https://192.0.2.11:6443"
    shown = repr(differences)
    assert not any(secret in shown for secret in ("U0VDUkVU", "T1RIRVI", "hush", "psst"))


def test_a_kubeconfig_spelled_in_another_way_is_rewritten_and_said_so() -> None:
    (difference,) = compare(KUBECONFIG, yaml.safe_dump(yaml.safe_load(KUBECONFIG)), "kubeconfig")
    assert difference.path == "formatting"


def test_a_text_differs_by_lines() -> None:
    assert compare("a\nb\nc\n", "a\nx\nc\nd\n", "unit") == (
        Difference("line 2", "b", "x"),
        Difference("line 4", None, "d"),
    )


@pytest.mark.parametrize(
    "text", ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", "keys:\n- name: k\n  secret: MIIE\n", "token = MIIE"]
)
def test_a_text_with_key_material_shows_only_that_it_changed(text: str) -> None:
    (difference,) = compare(text, text + "more", "text")
    assert difference.path == "content"
    assert "MIIE" not in repr(difference)


FLAGS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "feature-gates", "v"]), st.sampled_from(["1", "2", "true"])),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(FLAGS, st.randoms(use_true_random=False))
def test_flags_shuffled_with_each_flags_own_order_kept_are_the_same(
    flags: list[tuple[str, str]], random: object
) -> None:
    names = [name for name, _value in flags]
    random.shuffle(names)  # type: ignore[attr-defined]
    queues = {name: [value for other, value in flags if other == name] for name in names}
    shuffled = [(name, queues[name].pop(0)) for name in names]

    def edited(given_flags: list[tuple[str, str]]) -> str:
        words = ["kube-apiserver", *(f"--{name}={value}" for name, value in given_flags)]
        return api_server(lambda pod: container(pod).update(command=words))

    assert compare(edited(flags), edited(shuffled), "manifest") == ()
