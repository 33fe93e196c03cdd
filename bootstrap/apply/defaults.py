"""The API defaults of a Pod, as tables: a manifest that spells one out means the same as one that does not.

Source: pkg/apis/core/v1/defaults.go (SetDefaults_Pod, _PodSpec, _Container, _Probe, ...) and the kubelet's
applyDefaults (pkg/kubelet/config/common.go). Invariant: only what both the API and a kubelet treat as unset
counts as unset; an explicit value of a pointer field, such as 0 seconds of grace, is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]

POD_SPEC = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "enableServiceLinks": True,
}
CONTAINER = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
PROBE = {
    "initialDelaySeconds": 0,
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
HTTP_GET = {"path": "/", "scheme": "HTTP", "protocol": "HTTP1"}
PORT = {"protocol": "TCP"}
FIELD_REF = {"apiVersion": "v1"}
VOLUME_SOURCE: Mapping[str, Mapping[str, Any]] = {
    "secret": {"defaultMode": 0o644},
    "configMap": {"defaultMode": 0o644},
    "downwardAPI": {"defaultMode": 0o644},
    "projected": {"defaultMode": 0o644},
}

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
CONTAINER_LISTS = ("initContainers", "containers")

SERVER_FIELDS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink")
"""Metadata that a copy taken from an API server carries and a kubelet ignores."""


def with_defaults(pod: Object) -> Object:
    """The pod with every default spelled out and without its status; the argument is changed."""
    pod.pop("status", None)
    metadata = pod["metadata"] = pod.get("metadata") or {}
    for name in SERVER_FIELDS:
        metadata.pop(name, None)
    _fill(metadata, {"namespace": "default"})
    spec = pod["spec"] = pod.get("spec") or {}
    _fill(spec, POD_SPEC)
    for container in _objects(spec, *CONTAINER_LISTS):
        _default_container(container, host_network=spec.get("hostNetwork") is True)
    for volume in _objects(spec, "volumes"):
        for source, defaults in VOLUME_SOURCE.items():
            if isinstance(volume.get(source), dict):
                _fill(volume[source], defaults)
    return pod


def _default_container(container: Object, *, host_network: bool) -> None:
    _fill(container, {**CONTAINER, "imagePullPolicy": pull_policy(str(container.get("image", "")))})
    for port in _objects(container, "ports"):
        _fill(port, PORT)
        if host_network and not port.get("hostPort"):
            port["hostPort"] = port.get("containerPort")
    for name in PROBES:
        probe = container.get(name)
        if isinstance(probe, dict):
            _fill(probe, PROBE, zero_is_unset=True)
            _default_http_get(probe)
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _default_http_get(handler)
    for variable in _objects(container, "env"):
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if isinstance(reference, dict):
            _fill(reference, FIELD_REF)
    resources = container.get("resources") or {}
    if resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def pull_policy(image: str) -> str:
    """``Always`` for the tag ``latest``, which no tag and no digest means, else ``IfNotPresent``."""
    name, at, _digest = image.partition("@")
    _repository, colon, tag = name.rpartition("/")[2].partition(":")
    return "Always" if tag == "latest" or not (colon or at) else "IfNotPresent"


def _default_http_get(handler: Object) -> None:
    if isinstance(handler.get("httpGet"), dict):
        _fill(handler["httpGet"], HTTP_GET)


def _fill(target: Object, defaults: Mapping[str, Any], *, zero_is_unset: bool = False) -> None:
    for name, value in defaults.items():
        given = target.get(name)
        if given is None or given == "" or (zero_is_unset and given == 0):
            target[name] = value


def _objects(parent: Object, *names: str) -> Iterator[Object]:
    for name in names:
        for item in parent.get(name) or ():
            if isinstance(item, dict):
                yield item
