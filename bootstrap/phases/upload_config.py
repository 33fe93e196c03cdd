"""Phase ``upload-config``: what the cluster knows of its own configuration, where kubeadm looks for it.

Source: cmd/kubeadm/app/phases/{uploadconfig,kubelet,kubeconfig}. Invariant: every object is created or
replaced as a whole, so the phase can be run again at any time.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bootstrap.config.dump import dump_cluster_configuration, to_yaml
from bootstrap.config.kubelet import KIND as KUBELET_CONFIGURATION
from bootstrap.config.kubelet import kubelet_configuration
from bootstrap.errors import BootstrapError
from bootstrap.kube import objects
from bootstrap.kube.client import ApiClient, ApiUnreachableError, ForbiddenError, JsonObject, NotFoundError
from bootstrap.model.duration import duration_seconds
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Need, Phase

SYSTEM = "kube-system"
CLUSTER_ADMINS = "kubeadm:cluster-admins"
NODES = "system:nodes"
BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token"

_HASH_ANNOTATION = "kubeadm.kubernetes.io/component-config.hash"

_RETRY = 0.05
"""Seconds between tries while the API server still makes its own roles and namespaces."""

_API_TIMEOUT = 60.0
"""timeouts.kubernetesAPICall when it is not given."""


def upload_kubeadm_config(context: Context) -> None:
    with context.reporter.step("Uploading the configuration") as step, admin_client(context) as api:
        text = dump_cluster_configuration(context.control_plane)
        data = {"ClusterConfiguration": text}
        _upload(context, api, "kubeadm-config", data, "kubeadm:nodes-kubeadm-config")
        step.done("configuration uploaded (kube-system/kubeadm-config)")


def upload_kubelet_config(context: Context) -> None:
    with context.reporter.step("Uploading the kubelet configuration") as step, admin_client(context) as api:
        data = {"kubelet": to_yaml(kubelet_configuration(context.control_plane))}
        _upload(context, api, "kubelet-config", data, "kubeadm:kubelet-config", _signature(context, data))
        step.done("kubelet configuration uploaded (kube-system/kubelet-config)")


@contextmanager
def admin_client(context: Context) -> Iterator[ApiClient]:
    """A connection as ``admin``, who is given the rights of an administrator first where that is needed."""
    api = context.api("admin")
    try:
        _ensure_rights(context, api)
        yield api
    finally:
        api.close()


def _ensure_rights(context: Context, admin: ApiClient) -> None:
    """Bind admin.conf's group, by super-admin.conf where admin.conf may not.

    The second binding lets the API server reach kubelets with its client certificate, which from 1.37 on
    belongs to no group of administrators.
    """
    bindings = (
        objects.cluster_role_binding(CLUSTER_ADMINS, "cluster-admin", [objects.group(CLUSTER_ADMINS)]),
        objects.cluster_role_binding(
            "kubeadm:apiserver-kubelet-client",
            "system:kubelet-api-admin",
            [objects.user("kube-apiserver-kubelet-client")],
        ),
    )
    try:
        _ensure_bindings(context, admin, bindings)
    except ForbiddenError as refusal:
        path = context.layout.kubeconfig("super-admin")
        if not context.files.exists(path):
            raise BootstrapError(
                f"admin.conf has no rights in the cluster yet, and there is no {path} to give them",
                remedy="bootstrap init phase kubeconfig super-admin, then run the same command again",
            ) from refusal
        super_admin = context.api("super-admin")
        try:
            _ensure_bindings(context, super_admin, bindings)
        finally:
            super_admin.close()


def _ensure_bindings(context: Context, api: ApiClient, bindings: tuple[JsonObject, ...]) -> None:
    for binding in bindings:
        name = binding["metadata"]["name"]
        try:
            retrying(context, partial(api.get, f"{objects.CLUSTER_ROLE_BINDINGS}/{name}"))
        except NotFoundError:
            retrying(context, partial(api.create_or_update, objects.CLUSTER_ROLE_BINDINGS, binding))


def _signature(context: Context, data: dict[str, str]) -> dict[str, str]:
    """kubeadm's mark of a component configuration no user wrote, which upgrades may therefore replace.

    Source: cmd/kubeadm/app/componentconfigs/checksums.go.
    """
    if any(
        document.get("kind") == KUBELET_CONFIGURATION for document in context.control_plane.component_configs
    ):
        return {}
    content = "".join(data[key] for key in sorted(data))
    return {_HASH_ANNOTATION: f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"}


def _upload(
    context: Context,
    api: ApiClient,
    name: str,
    data: dict[str, str],
    role: str,
    annotations: dict[str, str] | None = None,
) -> None:
    """A ConfigMap that nodes and joining nodes may read."""
    readers = [objects.group(BOOTSTRAPPERS), objects.group(NODES)]
    for collection, body in (
        (objects.config_maps(SYSTEM), objects.config_map(name, SYSTEM, data, annotations)),
        (objects.roles(SYSTEM), objects.reading_role(role, SYSTEM, "configmaps", name)),
        (objects.role_bindings(SYSTEM), objects.role_binding(role, SYSTEM, readers)),
    ):
        retrying(
            context,
            partial(api.create_or_update, collection, body),
            also=(NotFoundError, ForbiddenError),
        )


def retrying(
    context: Context,
    request: Callable[[], JsonObject],
    also: tuple[type[BootstrapError], ...] = (),
) -> JsonObject:
    """Repeat a request the API server does not answer, or refuses in one of the ways of ``also``.

    A server that has just started refuses what it will allow a moment later: its namespaces and its roles
    are made after it is up. Gives up after timeouts.kubernetesAPICall with the last error.
    """
    text = context.control_plane.init.timeouts.kubernetes_api_call
    passing: tuple[type[BootstrapError], ...] = (ApiUnreachableError, *also)
    deadline = context.clock.monotonic() + (duration_seconds(text) if text else _API_TIMEOUT)
    while True:
        try:
            return request()
        except passing:
            if context.clock.monotonic() >= deadline:
                raise
            context.clock.wait(threading.Event(), _RETRY)


def _admin_kubeconfig(context: Context) -> str:
    path = context.layout.kubeconfig("admin")
    return "" if context.files.exists(path) else f"{path} is missing"


_NEEDS = (Need(_admin_kubeconfig, "bootstrap init phase kubeconfig admin"),)

UPLOAD_CONFIG = Phase(
    "upload-config",
    "Upload the configuration to the cluster",
    steps=(
        Phase(
            "kubeadm",
            "Upload the ClusterConfiguration to ConfigMap kube-system/kubeadm-config",
            run=upload_kubeadm_config,
            needs=_NEEDS,
        ),
        Phase(
            "kubelet",
            "Upload the KubeletConfiguration to ConfigMap kube-system/kubelet-config",
            run=upload_kubelet_config,
            needs=_NEEDS,
        ),
    ),
)
