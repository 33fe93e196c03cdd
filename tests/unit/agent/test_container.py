"""Pod -> what the engine is asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bootstrap.agent.container import Placement, container_spec, sandbox_spec
from bootstrap.agent.environment import Addresses, FieldReferenceError, expand, field_value, resource_value
from bootstrap.agent.identity import StaticPod, static_pod
from bootstrap.agent.names import GRACE, Instance, instance_of
from bootstrap.agent.node import Node
from bootstrap.agent.security import SecurityContextError, refuse_root
from bootstrap.model.pod import decode_pod
from bootstrap.model.podspec import ObjectFieldSelector, ResourceFieldSelector
from bootstrap.runtime.api import Container, ContainerSpec, Image, PortBinding
from tests.fakes.agent import document

NODE = Node("n1", Path("/state"), "pause:1", address="192.0.2.10", cores=2, memory=4 * 2**30)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ADDRESSES = Addresses("10.0.0.5", "192.0.2.10", 2, 4 * 2**30)


def pod(container: dict[str, Any] | None = None, **spec: Any) -> StaticPod:
    main = {"name": "main", "image": "app:1", **(container or {})}
    spec = {"hostNetwork": False, **spec}
    return static_pod(decode_pod(document("web", containers=[main], **spec)).pod, "n1", "/m/web.yaml")


def sandbox_instance() -> Instance:
    return instance_of(
        Container("sid", "POD", "pause:1", "", {}, "running", datetime(2026, 1, 1, tzinfo=UTC))
    )


def of(container: dict[str, Any] | None = None, **spec: Any) -> ContainerSpec:
    wanted = pod(container, **spec)
    placement = Placement(sandbox_instance(), (), ADDRESSES)
    return container_spec(wanted, wanted.container("main"), NODE, 3, placement)


def test_names_and_labels_are_dockershims_but_for_the_type() -> None:
    wanted = pod(metadata={"labels": {"tier": "x"}, "annotations": {"a": "b"}})
    sandbox, main = sandbox_spec(wanted, NODE, 0, BEGAN), of()
    assert sandbox.name == f"k8s_POD_web-n1_default_{wanted.uid}_0"
    assert main.name == f"k8s_main_web-n1_default_{pod().uid}_3"
    assert sandbox.labels["tier"] == "x"
    assert sandbox.labels["annotation.a"] == "b"
    assert sandbox.labels["annotation.kubernetes.io/config.hash"] == wanted.uid
    assert main.labels["io.kubernetes.sandbox.id"] == "sid"
    assert main.labels["annotation.io.kubernetes.container.restartCount"] == "3"
    for labels in (sandbox.labels, main.labels):
        assert labels["podstrap.node"] == "n1"
        assert labels["io.kubernetes.pod.name"] == "web-n1"
        assert "io.kubernetes.docker.type" not in labels
    assert "tier" not in main.labels


def test_the_authors_labels_cannot_pass_for_the_agents() -> None:
    wanted = pod(metadata={"labels": {"podstrap.node": "n2", "podstrap.type": "container"}})
    labels = sandbox_spec(wanted, NODE, 0, BEGAN).labels
    assert (labels["podstrap.node"], labels["podstrap.type"]) == ("n1", "podsandbox")


def test_host_namespaces() -> None:
    wanted = pod(hostNetwork=True, hostPID=True, hostIPC=True)
    sandbox = sandbox_spec(wanted, NODE, 0, BEGAN)
    assert (sandbox.network_mode, sandbox.ipc_mode, sandbox.pid_mode) == ("host", "host", "host")
    main = of(hostNetwork=True, hostPID=True)
    assert (main.network_mode, main.ipc_mode, main.uts_mode) == ("container:sid", "container:sid", "host")
    assert main.pid_mode == "host"


def test_a_shared_process_namespace_is_the_sandboxes() -> None:
    assert of(shareProcessNamespace=True).pid_mode == "container:sid"
    assert of().pid_mode == ""


def test_the_sandbox_holds_the_host_ports() -> None:
    ports = [{"containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1"}, {"containerPort": 81}]
    sandbox = sandbox_spec(pod({"ports": ports}), NODE, 0, BEGAN)
    assert sandbox.ports == (PortBinding(80, 8080, "tcp", "127.0.0.1"),)
    assert sandbox.hostname == "web-n1"
    assert sandbox_spec(pod({"ports": [{"containerPort": 80}]}, hostNetwork=True), NODE, 0, BEGAN).ports == ()


def test_the_sandbox_is_confined_and_protected() -> None:
    sandbox = sandbox_spec(pod(), NODE, 0, BEGAN)
    assert sandbox.security_options == ("no-new-privileges",)
    assert (sandbox.oom_score_adj, sandbox.cpu_shares) == (-998, 2)


@pytest.mark.parametrize(
    ("resources", "shares", "quota", "memory"),
    [
        ({}, 2, 0, 0),
        ({"requests": {"cpu": "250m"}}, 256, 0, 0),
        ({"limits": {"cpu": "500m", "memory": "64Mi"}}, 512, 50_000, 64 * 2**20),
        ({"limits": {"cpu": "1m"}}, 2, 1000, 0),
        ({"requests": {"cpu": 0}, "limits": {"cpu": 2}}, 2048, 200_000, 0),
    ],
)
def test_resources(resources: dict[str, Any], shares: int, quota: int, memory: int) -> None:
    spec = of({"resources": resources})
    assert (spec.cpu_shares, spec.cpu_quota, spec.memory) == (shares, quota, memory)
    assert spec.oom_score_adj == -997


def test_variables_expand_in_values_command_and_arguments() -> None:
    env = [
        {"name": "A", "value": "one"},
        {"name": "B", "value": "$(A)-$(C)-$$(A)"},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "TIER", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['tier']"}}},
        {"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "MIB", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    container = {
        "env": env,
        "command": ["run", "$(B)"],
        "args": ["$(POD_IP)"],
        "resources": {"limits": {"cpu": "1500m"}},
    }
    spec = of(container, metadata={"labels": {"tier": "x"}})
    assert spec.environment == (
        "A=one",
        "B=one-$(C)-$(A)",
        "POD_IP=10.0.0.5",
        "HOST_IP=192.0.2.10",
        "NAME=web-n1",
        "TIER=x",
        "CPUS=2",
        "MIB=4096",
    )
    assert spec.entrypoint == ("run", "one-$(C)-$(A)")
    assert spec.command == ("10.0.0.5",)


def test_an_unknown_field_is_an_error() -> None:
    wanted = pod()
    with pytest.raises(FieldReferenceError, match=r"status\.nope"):
        field_value(ObjectFieldSelector(field_path="status.nope"), wanted, "n1", ADDRESSES)
    with pytest.raises(FieldReferenceError, match=r"limits\.gpu"):
        resource_value(ResourceFieldSelector(resource="limits.gpu"), wanted.container("main"), ADDRESSES)


def test_a_lone_dollar_stays() -> None:
    assert expand("$HOME $ $( $()", {}) == "$HOME $ $( $()"


def test_without_command_the_image_decides() -> None:
    spec = of()
    assert (spec.entrypoint, spec.command) == (None, None)


@pytest.mark.parametrize(
    ("container", "spec", "options"),
    [
        (None, None, ("seccomp=unconfined",)),
        ("Unconfined", "RuntimeDefault", ("seccomp=unconfined",)),
        (None, "RuntimeDefault", ()),
        ("RuntimeDefault", None, ()),
    ],
)
def test_seccomp_is_off_unless_asked_for(
    container: str | None, spec: str | None, options: tuple[str, ...]
) -> None:
    own = {"securityContext": {"seccompProfile": {"type": container}}} if container else {}
    pods = {"seccompProfile": {"type": spec}} if spec else {}
    assert of(own, securityContext=pods).security_options == options


POD_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
OWN_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/main"


@pytest.mark.parametrize(
    ("annotations", "container", "spec", "options"),
    [
        ({POD_SECCOMP: "runtime/default"}, None, None, ()),
        ({POD_SECCOMP: "docker/default", OWN_SECCOMP: "unconfined"}, None, None, ("seccomp=unconfined",)),
        ({OWN_SECCOMP: "unconfined"}, None, "RuntimeDefault", ("seccomp=unconfined",)),
        ({OWN_SECCOMP: "unconfined"}, "RuntimeDefault", None, ()),
        ({POD_SECCOMP: "unconfined"}, None, "RuntimeDefault", ()),
        ({POD_SECCOMP: "nonsense"}, None, None, ("seccomp=unconfined",)),
    ],
)
def test_old_seccomp_annotations_count_less_than_fields_of_the_same_reach(
    annotations: dict[str, str], container: str | None, spec: str | None, options: tuple[str, ...]
) -> None:
    own = {"securityContext": {"seccompProfile": {"type": container}}} if container else {}
    pods = {"seccompProfile": {"type": spec}} if spec else {}
    found = of(own, securityContext=pods, metadata={"annotations": annotations})
    assert found.security_options == options


def test_a_seccomp_profile_of_the_nodes_is_given_as_text(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text("{}")
    node = replace(NODE, seccomp_profiles=tmp_path)
    placement = Placement(sandbox_instance(), (), ADDRESSES)
    for name in ("audit.json", "missing.json", "../etc/passwd", "/etc/passwd"):
        profile = {"type": "Localhost", "localhostProfile": name}
        wanted = pod({"securityContext": {"seccompProfile": profile}})
        if name == "audit.json":
            made = container_spec(wanted, wanted.container("main"), node, 0, placement)
            assert made.security_options == ("seccomp={}",)
        else:
            with pytest.raises(SecurityContextError, match=name):
                container_spec(wanted, wanted.container("main"), node, 0, placement)


OWN_APPARMOR = "container.apparmor.security.beta.kubernetes.io/main"


@pytest.mark.parametrize(
    ("annotation", "container", "spec", "option"),
    [
        ("localhost/mine", None, None, "apparmor=mine"),
        ("unconfined", None, "RuntimeDefault", "apparmor=unconfined"),
        ("localhost/mine", "RuntimeDefault", None, None),
        ("runtime/default", None, "Unconfined", None),
        (None, None, "Unconfined", "apparmor=unconfined"),
        (None, None, None, None),
    ],
)
def test_apparmor_by_field_and_by_annotation(
    annotation: str | None, container: str | None, spec: str | None, option: str | None
) -> None:
    own = {"securityContext": {"appArmorProfile": {"type": container}}} if container else {}
    pods = {"appArmorProfile": {"type": spec}} if spec else {}
    annotations = {OWN_APPARMOR: annotation} if annotation else {}
    found = of(own, securityContext=pods, metadata={"annotations": annotations}).security_options
    assert [each for each in found if each.startswith("apparmor")] == ([option] if option else [])


def test_selinux_labels_of_the_container_win() -> None:
    own = {"securityContext": {"seLinuxOptions": {"type": "spc_t", "level": "s0"}}}
    spec = of(own, securityContext={"seLinuxOptions": {"type": "other_t"}})
    assert spec.security_options[1:] == ("label=type:spc_t", "label=level:s0")


def test_a_privileged_container_has_no_seccomp_option() -> None:
    spec = of({"securityContext": {"privileged": True, "seccompProfile": {"type": "RuntimeDefault"}}})
    assert (spec.privileged, spec.security_options) == (True, ())


def test_a_runtime_class_is_a_runtime_of_the_engine() -> None:
    wanted = pod(runtimeClassName="runsc")
    assert sandbox_spec(wanted, NODE, 0, BEGAN).runtime == "runsc"
    assert of(runtimeClassName="runsc").runtime == "runsc"


def test_sysctls_are_the_sandboxes() -> None:
    sysctls = [{"name": "net/ipv4/tcp_syncookies", "value": "1"}]
    wanted = pod(securityContext={"sysctls": sysctls})
    assert sandbox_spec(wanted, NODE, 0, BEGAN).sysctls == {"net.ipv4.tcp_syncookies": "1"}


def test_a_sidecars_host_ports_are_published_too() -> None:
    sidecar = {"name": "s", "image": "s:1", "restartPolicy": "Always"}
    inits = [{**sidecar, "ports": [{"containerPort": 80, "hostPort": 8080}]}]
    assert sandbox_spec(pod(initContainers=inits), NODE, 0, BEGAN).ports == (PortBinding(80, 8080),)


def test_the_containers_security_context_wins() -> None:
    security = {
        "runAsUser": 1000,
        "runAsGroup": 2000,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
        "procMount": "Unmasked",
    }
    context = {"runAsUser": 1, "supplementalGroups": [3, 4], "fsGroup": 5}
    spec = of({"securityContext": security}, securityContext=context)
    assert (spec.user, spec.groups, spec.read_only_root) == ("1000:2000", ("3", "4", "5"), True)
    assert "no-new-privileges" in spec.security_options
    assert (spec.capabilities_add, spec.capabilities_drop) == (("NET_ADMIN",), ("ALL",))
    assert spec.masked_paths == ()


def test_a_group_without_a_user_is_an_error() -> None:
    with pytest.raises(SecurityContextError):
        of({"securityContext": {"runAsGroup": 1}})


@pytest.mark.parametrize(
    ("run_as", "image_user", "refused"),
    [
        (None, "", True),
        (None, "0", True),
        (None, "app", True),
        (None, "1000", False),
        (None, "1000:1000", False),
        (0, "1000", True),
        (7, "", False),
    ],
)
def test_run_as_non_root_is_checked(run_as: int | None, image_user: str, refused: bool) -> None:
    security = {"runAsNonRoot": True} | ({} if run_as is None else {"runAsUser": run_as})
    wanted = pod({"securityContext": security})
    image = Image("id", ("app:1",), user=image_user)
    context = wanted.pod.spec.security_context
    if refused:
        with pytest.raises(SecurityContextError):
            refuse_root(context, wanted.container("main"), image)
    else:
        refuse_root(context, wanted.container("main"), image)


def test_terminal_and_directory_are_passed_on() -> None:
    spec = of({"workingDir": "/work", "stdin": True, "stdinOnce": True, "tty": True})
    assert (spec.working_directory, spec.stdin, spec.stdin_once, spec.tty) == ("/work", True, True, True)
    assert (of().working_directory, of().stdin, of().tty) == ("", False, False)


def test_the_manifests_own_deletion_grace_wins() -> None:
    wanted = pod(metadata={"deletionGracePeriodSeconds": 65}, terminationGracePeriodSeconds=10)
    assert wanted.grace == 65
    assert sandbox_spec(wanted, NODE, 0, BEGAN).labels[GRACE] == "65"
    assert pod(terminationGracePeriodSeconds=10).grace == 10
