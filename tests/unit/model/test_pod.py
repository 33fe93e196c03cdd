"""Decoding a manifest: defaults, what is ignored, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.model.pod import PodRejectedError, decode_pod, default_pull_policy
from bootstrap.model.quantity import parse_quantity, thousandths, whole


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    main = {"name": "main", "image": "app:1", **(container or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [main], **spec},
    }


def problems(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(PodRejectedError) as caught:
        decode_pod(document)
    return caught.value.details


def test_defaults_are_the_api_servers() -> None:
    decoded = decode_pod(
        pod({"livenessProbe": {"httpGet": {"port": 80}}, "ports": [{"containerPort": 80}]})
    ).pod
    main = decoded.spec.containers[0]
    assert decoded.metadata.namespace == "default"
    assert decoded.spec.restart_policy == "Always"
    assert decoded.spec.termination_grace_period_seconds == 30
    assert decoded.spec.dns_policy == "ClusterFirst"
    assert main.image_pull_policy == "IfNotPresent"
    assert main.termination_message_path == "/dev/termination-log"
    assert main.ports[0].protocol == "TCP"
    assert main.ports[0].host_port == 0
    probe = main.liveness_probe
    assert probe is not None
    assert probe.http_get is not None
    assert (probe.timeout_seconds, probe.period_seconds, probe.failure_threshold) == (1, 10, 3)
    assert (probe.http_get.path, probe.http_get.scheme) == ("/", "HTTP")


def test_host_network_publishes_every_port() -> None:
    document = pod({"ports": [{"containerPort": 80}]}, hostNetwork=True)
    assert decode_pod(document).pod.spec.containers[0].ports[0].host_port == 80


def test_requests_default_to_limits() -> None:
    resources = {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "250m"}}
    decoded = decode_pod(pod({"resources": resources})).pod.spec.containers[0].resources
    assert decoded.requests == {"cpu": "250m", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("app", "Always"),
        ("app:latest", "Always"),
        ("app:1", "IfNotPresent"),
        ("registry:5000/app", "Always"),
        ("registry:5000/app:1", "IfNotPresent"),
        ("app@sha256:00", "IfNotPresent"),
        ("app:latest@sha256:00", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_from_the_tag(image: str, policy: str) -> None:
    assert default_pull_policy(image) == policy


def test_unknown_fields_are_listed_and_nothing_else_changes() -> None:
    document = pod({"comand": ["x"]}, volumes=[{"name": "v", "empty-dir": {}}])
    document["metadata"]["component"] = "x"
    decoded = decode_pod(document)
    assert decoded.ignored == (
        "metadata.component",
        "spec.containers[0].comand",
        "spec.volumes[0].empty-dir",
    )
    assert decoded.pod.spec.volumes[0].host_path is None


def test_what_an_api_server_adds_is_no_news() -> None:
    document = pod() | {"status": {"phase": "Running"}}
    document["metadata"] |= {"creationTimestamp": None, "resourceVersion": "1", "selfLink": "x"}
    assert decode_pod(document).ignored == ()


def test_null_means_not_set() -> None:
    assert decode_pod(pod({"command": None, "resources": None}, volumes=None)).pod == decode_pod(pod()).pod


@pytest.mark.parametrize(
    ("container", "spec", "path"),
    [
        ({}, {"serviceAccountName": "x"}, "spec.serviceAccountName"),
        ({}, {"imagePullSecrets": [{"name": "x"}]}, "spec.imagePullSecrets"),
        ({}, {"volumes": [{"name": "v", "secret": {"secretName": "x"}}]}, "spec.volumes[0].secret"),
        ({}, {"volumes": [{"name": "v", "configMap": {}}]}, "spec.volumes[0].configMap"),
        ({}, {"volumes": [{"name": "v", "nfs": {}}]}, "spec.volumes[0].nfs"),
        ({}, {"volumes": [{"name": "v", "image": {}}]}, "spec.volumes[0].image"),
        (
            {},
            {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {}}]}}]},
            "spec.volumes[0].projected.sources[0].serviceAccountToken",
        ),
        ({}, {"ephemeralContainers": [{"name": "x"}]}, "spec.ephemeralContainers"),
        ({"envFrom": [{"secretRef": {"name": "x"}}]}, {}, "spec.containers[0].envFrom"),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x"}}}]},
            {},
            "spec.containers[0].env[0].valueFrom.secretKeyRef",
        ),
        (
            {"lifecycle": {"postStart": {"tcpSocket": {"port": 1}}}},
            {},
            "spec.containers[0].lifecycle.postStart.tcpSocket",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_path(
    container: dict[str, Any], spec: dict[str, Any], path: str
) -> None:
    assert problems(pod(container, **spec))[0].startswith(f"{path}: ")


def test_what_has_no_effect_is_said_and_the_pod_runs() -> None:
    decoded = decode_pod(pod({"lifecycle": {"preStop": {"tcpSocket": {"port": 1}}}}))
    assert decoded.inert == ("spec.containers[0].lifecycle.preStop.tcpSocket: no kubelet runs such a hook",)
    assert decoded.ignored == ()


def test_an_empty_service_account_is_none() -> None:
    assert decode_pod(pod(serviceAccountName="", imagePullSecrets=[])).ignored == ()


@pytest.mark.parametrize(
    ("container", "spec", "problem"),
    [
        ({"name": "Main"}, {}, "spec.containers[0].name: 'Main' is not a DNS label"),
        ({"image": ""}, {}, "spec.containers[0].image: '' is not an image reference"),
        ({"image": 3}, {}, "spec.containers[0].image: expected `str`, got `int`"),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            {},
            "spec.containers[0].volumeMounts[0].name: there is no volume 'v'",
        ),
        (
            {"ports": [{"containerPort": 80, "hostPort": 81}]},
            {"hostNetwork": True},
            "spec.containers[0].ports[0].hostPort: must equal containerPort when the pod has hostNetwork",
        ),
        (
            {"ports": [{"containerPort": 70000}]},
            {},
            "spec.containers[0].ports[0].containerPort: 70000 is not a port",
        ),
        (
            {"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}},
            {},
            "spec.containers[0].livenessProbe.successThreshold: must be 1",
        ),
        (
            {"readinessProbe": {"periodSeconds": 1}},
            {},
            "spec.containers[0].readinessProbe: exactly one of exec, httpGet, tcpSocket and grpc is required",
        ),
        (
            {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            {},
            "spec.containers[0].resources.requests.cpu: must not be more than the limit",
        ),
        (
            {"resources": {"limits": {"memory": "lots"}}},
            {},
            "spec.containers[0].resources.limits.memory: 'lots' is not a quantity",
        ),
        (
            {},
            {"volumes": [{"name": "v", "hostPath": {"path": "/a/../b"}}]},
            "spec.volumes[0].hostPath.path: '/a/../b' must not contain '..'",
        ),
        (
            {"lifecycle": {"preStop": {}}},
            {},
            "spec.containers[0].lifecycle.preStop: exactly one of exec, httpGet and sleep is required",
        ),
        (
            {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
            {},
            "spec.containers[0].lifecycle.preStop.sleep.seconds: "
            "must be at most terminationGracePeriodSeconds (30)",
        ),
        (
            {"lifecycle": {"stopSignal": "TERM"}},
            {},
            "spec.containers[0].lifecycle.stopSignal: 'TERM' is not a signal",
        ),
        (
            {},
            {
                "initContainers": [
                    {"name": "init", "image": "i:1", "livenessProbe": {"tcpSocket": {"port": 1}}}
                ]
            },
            "spec.initContainers[0].livenessProbe: "
            "only an init container with restartPolicy Always may have it",
        ),
        ({}, {"activeDeadlineSeconds": 0}, "spec.activeDeadlineSeconds: must be positive"),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.nope"}}}]},
            {},
            "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: 'status.nope' is not for a variable",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.gpu"}}}]},
            {},
            "spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: 'limits.gpu' is not a resource",
        ),
        (
            {},
            {"hostUsers": False},
            "spec.hostUsers: Docker Engine has no user namespaces for single containers",
        ),
        (
            {},
            {"securityContext": {"supplementalGroupsPolicy": "Strict"}},
            "spec.securityContext.supplementalGroupsPolicy: Docker Engine always adds the image's groups",
        ),
        (
            {},
            {"hostnameOverride": "x", "hostNetwork": True},
            "spec.hostnameOverride: not together with hostNetwork or setHostnameAsFQDN",
        ),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "recursiveReadOnly": "Enabled"}]},
            {"volumes": [{"name": "v"}]},
            "spec.containers[0].volumeMounts[0].recursiveReadOnly: "
            "Docker Engine makes only the mount itself read-only",
        ),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}]},
            {"volumes": [{"name": "v"}]},
            "spec.containers[0].volumeMounts[0].mountPropagation: Bidirectional needs a privileged container",
        ),
        (
            {},
            {"hostIPC": True, "securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            "spec.securityContext.sysctls[0].name: kernel.msgmax would change the node, "
            "as the pod has hostIPC",
        ),
        (
            {"livenessProbe": {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 0}},
            {},
            "spec.containers[0].livenessProbe.terminationGracePeriodSeconds: must be at least 1",
        ),
        (
            {},
            {"volumes": [{"name": "v"}, {"name": "v"}]},
            "spec.volumes: 'v' is there twice",
        ),
        (
            {},
            {
                "securityContext": {"sysctls": [{"name": "net.ipv4.ip_forward", "value": "1"}]},
                "hostNetwork": True,
            },
            "spec.securityContext.sysctls[0].name: net.ipv4.ip_forward would change the node, "
            "as the pod has hostNetwork",
        ),
    ],
)
def test_validation_names_the_path(container: dict[str, Any], spec: dict[str, Any], problem: str) -> None:
    assert problem in problems(pod(container, **spec))


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"path": "../x", "fieldRef": {"fieldPath": "metadata.name"}}, ".path: '../x' must be relative"),
        ({"path": "x"}, ": exactly one of fieldRef and resourceFieldRef is required"),
        (
            {"path": "x", "fieldRef": {"fieldPath": "status.podIP"}},
            ".fieldRef.fieldPath: 'status.podIP' is not for a volume",
        ),
        (
            {"path": "x", "resourceFieldRef": {"resource": "limits.cpu"}},
            ".resourceFieldRef.containerName: the name of a container is required",
        ),
        (
            {"path": "x", "resourceFieldRef": {"resource": "limits.gpu", "containerName": "main"}},
            ".resourceFieldRef.resource: 'limits.gpu' is not a resource",
        ),
        ({"path": "x", "mode": 0o1777, "fieldRef": {"fieldPath": "metadata.name"}}, ".mode: must be between"),
    ],
)
def test_files_of_a_downward_volume_are_checked(item: dict[str, Any], problem: str) -> None:
    volume = {"name": "v", "downwardAPI": {"items": [item]}}
    assert problems(pod(volumes=[volume]))[0].startswith(f"spec.volumes[0].downwardAPI.items[0]{problem}")


def test_all_problems_are_told_at_once() -> None:
    document = pod({"name": "A", "image": " x"})
    document["metadata"]["name"] = "Web"
    assert len(problems(document)) == 3


@pytest.mark.parametrize(
    "document", [None, [], "text", {"apiVersion": "v1", "kind": "PodList"}, {"kind": "Pod"}]
)
def test_only_a_v1_pod_is_a_pod(document: object) -> None:
    with pytest.raises(PodRejectedError):
        decode_pod(document)


@pytest.mark.parametrize(
    ("text", "milli", "units"),
    [
        ("250m", 250, 1),
        ("1", 1000, 1),
        (2, 2000, 2),
        ("1.5", 1500, 2),
        ("100Mi", 104857600000, 104857600),
        ("1e3", 1000000, 1000),
        ("1k", 1000000, 1000),
        ("100u", 1, 1),
        (0.5, 500, 1),
    ],
)
def test_quantities_are_exact_and_rounded_up(text: str | float, milli: int, units: int) -> None:
    assert (thousandths(text), whole(text)) == (milli, units)


@pytest.mark.parametrize("text", ["", "1x", "m", "1 Gi", "--1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)
