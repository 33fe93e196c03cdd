"""How phases write to the cluster: as the administrator, many objects at once, again until it works.

Invariant: an object that already is as wanted is not written, so a phase can be run again at any time and
changes only what differs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from bootstrap.errors import BootstrapError
from bootstrap.kube import objects
from bootstrap.kube.client import (
    ApiClient,
    ApiError,
    ApiUnreachableError,
    ConflictError,
    ForbiddenError,
    JsonObject,
    NotFoundError,
)
from bootstrap.model.duration import duration_seconds
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Need

CLUSTER_ADMINS = "kubeadm:cluster-admins"
BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token"
NODES_GROUP = "system:nodes"

_RETRY = 0.05
"""Seconds between tries while the API server still makes its own roles and namespaces."""

_API_TIMEOUT = 60.0
"""timeouts.kubernetesAPICall when it is not given."""

_EXISTS = frozenset({409, 422})
"""What a server answers to the making of what is there; a Service's address is what is refused first."""

_SETTLING = (NotFoundError, ForbiddenError, ConflictError)
"""Refusals that pass: a server that has just started refuses what it will allow a moment later, since its
namespaces and its roles are made after it is up."""

Existing = Callable[[JsonObject, JsonObject], JsonObject]
"""What an object that is there (first) becomes when the second is wanted."""

_Result = TypeVar("_Result")


def replaced(_current: JsonObject, wanted: JsonObject) -> JsonObject:
    """Whatever was there before does not matter."""
    return wanted


def kept(current: JsonObject, _wanted: JsonObject) -> JsonObject:
    """It belongs to its users once it is there."""
    return current


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to have in the cluster, and what to do about one of its name."""

    body: JsonObject
    existing: Existing = replaced


def bring_about(context: Context, api: ApiClient, wanted: Sequence[Wanted]) -> tuple[JsonObject, ...]:
    """Have these objects, as many at once as the client can; as the server returned them, in this order.

    They may not depend on each other. Gives up after timeouts.kubernetesAPICall with the first failure.
    """
    deadline = _deadline(context)
    with ThreadPoolExecutor(api.parallel) as threads:
        pending = [
            threads.submit(_retrying, context, partial(_ensure, api, one), _SETTLING, deadline)
            for one in wanted
        ]
        try:
            return tuple(each.result() for each in pending)
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def retrying(
    context: Context,
    request: Callable[[], _Result],
    also: tuple[type[BootstrapError], ...] = (),
    seconds: float | None = None,
) -> _Result:
    """Repeat a request the API server does not answer, or refuses in one of the ways of ``also``.

    Gives up after ``seconds``, or timeouts.kubernetesAPICall, with the last error.
    """
    deadline = _deadline(context) if seconds is None else context.clock.monotonic() + seconds
    return _retrying(context, request, also, deadline)


@contextmanager
def admin_client(context: Context) -> Iterator[ApiClient]:
    """A connection as ``admin``, who is given the rights of an administrator first where that is needed."""
    api = context.api("admin")
    if not context.rights_seen.is_set():
        _ensure_rights(context, api)
        context.rights_seen.set()
    yield api


def _ensure(api: ApiClient, wanted: Wanted) -> JsonObject:
    try:
        return api.create(objects.collection_of(wanted.body), wanted.body)
    except ApiError as refusal:
        if refusal.status not in _EXISTS:
            raise
        path = objects.path_of(wanted.body)
        try:
            current = api.get(path)
        except NotFoundError:
            raise refusal from None
    target = wanted.existing(current, wanted.body)
    if covers(current, target):
        return current
    metadata = {**target["metadata"], "resourceVersion": current["metadata"]["resourceVersion"]}
    return api.replace(path, {**target, "metadata": metadata})


def covers(current: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; what others have added to mappings does not count."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        return all(key in current and covers(current[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(current, list):
        return len(current) == len(wanted) and all(map(covers, current, wanted))
    return bool(current == wanted)


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
    api = admin
    try:
        for binding in bindings:
            retrying(context, partial(admin.get, objects.path_of(binding)))
        return
    except NotFoundError:
        pass
    except ForbiddenError as refusal:
        path = context.layout.kubeconfig("super-admin")
        if not context.files.exists(path):
            raise BootstrapError(
                f"admin.conf has no rights in the cluster yet, and there is no {path} to give them",
                remedy="bootstrap init phase kubeconfig super-admin, then run the same command again",
            ) from refusal
        api = context.api("super-admin")
    bring_about(context, api, [Wanted(binding) for binding in bindings])


def _retrying(
    context: Context,
    request: Callable[[], _Result],
    also: tuple[type[BootstrapError], ...],
    deadline: float,
) -> _Result:
    passing: tuple[type[BootstrapError], ...] = (ApiUnreachableError, *also)
    while True:
        try:
            return request()
        except passing:
            if context.clock.monotonic() >= deadline:
                raise
            context.clock.wait(threading.Event(), _RETRY)


def _deadline(context: Context) -> float:
    text = context.control_plane.init.timeouts.kubernetes_api_call
    return context.clock.monotonic() + (duration_seconds(text) if text else _API_TIMEOUT)


def _admin_kubeconfig(context: Context) -> str:
    path = context.layout.kubeconfig("admin")
    return "" if context.files.exists(path) else f"{path} is missing"


ADMIN_KUBECONFIG = Need(_admin_kubeconfig, "bootstrap init phase kubeconfig admin")
"""What every phase that writes to the cluster needs."""
