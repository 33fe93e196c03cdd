"""Phase ``mark-control-plane``: the Node carries the role's label and the configured taints.

Source: cmd/kubeadm/app/phases/markcontrolplane. Invariant: taints that others have put on it stay; a machine
that is no Node of the cluster is nothing to mark.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import to_builtins

from bootstrap.kube import objects
from bootstrap.kube.client import ApiClient, ConflictError, JsonObject, NotFoundError
from bootstrap.model.kubeadm import Taint
from bootstrap.phases.agent_command import kubelet_arguments
from bootstrap.phases.cluster import ADMIN_KUBECONFIG, admin_client, covers, retrying
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Phase

NODE_SECONDS = 10.0
"""How long a Node is waited for that the agent is about to register."""

LABELS = {
    "node-role.kubernetes.io/control-plane": "",
    "node.kubernetes.io/exclude-from-external-load-balancers": "",
}


def mark_control_plane(context: Context) -> None:
    registration = context.control_plane.init.node_registration
    with context.reporter.step("Marking the node as a control plane") as step, admin_client(context) as api:
        mark = partial(_mark, api, registration.name, registration.taints or ())
        try:
            if _is_about_to_be_registered(context):
                retrying(context, mark, also=(ConflictError, NotFoundError), seconds=NODE_SECONDS)
            else:
                retrying(context, mark, also=(ConflictError,))
        except NotFoundError:
            step.done(f"node not marked: the cluster has no Node {registration.name}")
        else:
            step.done(f"node {registration.name} is marked as a control plane")


def _is_about_to_be_registered(context: Context) -> bool:
    registers = dict(kubelet_arguments(context.control_plane)).get("register-node", "true")
    return registers != "false" and context.agent_service.is_running()


def _mark(api: ApiClient, name: str, taints: tuple[Taint, ...]) -> None:
    path = f"{objects.NODES}/{name}"
    node = api.get(path)
    change: JsonObject = {"metadata": {"labels": LABELS}, "spec": {"taints": _joined(node, taints)}}
    if covers({"spec": {"taints": []}, **node}, change):
        return
    change["metadata"]["resourceVersion"] = node["metadata"]["resourceVersion"]
    api.patch(path, change, "application/merge-patch+json")


def _joined(node: JsonObject, taints: tuple[Taint, ...]) -> list[Any]:
    wanted = [to_builtins(taint) for taint in taints]
    present = (node.get("spec") or {}).get("taints") or []
    return [*wanted, *(taint for taint in present if taint not in wanted)]


MARK_CONTROL_PLANE = Phase(
    "mark-control-plane",
    "Mark the node as a control plane",
    run=mark_control_plane,
    needs=(ADMIN_KUBECONFIG,),
    options=("config", "node-name", "dry-run"),
)
