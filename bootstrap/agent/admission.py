"""Whether this node may run a pod at all. Pure.

Source: the kubelet's admission handlers (lifecycle/predicate.go, sysctl/allowlist.go, apparmor). Invariant: a
refusal is final, as nothing about the node that it depends on changes while the agent runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.agent.node import Node
from bootstrap.agent.security import apparmor_profile
from bootstrap.model.podspec import Pod

SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
"""Those that a container cannot harm its neighbours with; others must be allowed on the node."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """In a kubelet's words."""

    reason: str
    message: str


def refusal(pod: Pod, node: Node) -> Refusal | None:
    """Why the pod may not run here; None when it may."""
    spec = pod.spec
    system = (spec.os or {}).get("name", "linux")
    if system != "linux":
        return Refusal("PodOSNotSupported", f"the pod is for {system}, and this node runs linux")
    if not _is_selected(pod, node.all_labels):
        return Refusal("NodeAffinity", "the labels of the node do not match nodeSelector or node affinity")
    for sysctl in spec.security_context.sysctls:
        name = sysctl.name.replace("/", ".")
        if name not in SAFE_SYSCTLS and not _is_allowed(name, node.allowed_unsafe_sysctls):
            message = f"sysctl {name} is not known to be safe; --allowed-unsafe-sysctls can allow it"
            return Refusal("SysctlForbidden", message)
    if not node.has_apparmor:
        for container in pod.all_containers:
            profile = apparmor_profile(pod, container)
            if profile is not None and profile.type != "Unconfined":
                message = f"container {container.name} has a profile, and AppArmor is off on this node"
                return Refusal("AppArmor", message)
    return None


def _is_allowed(name: str, patterns: tuple[str, ...]) -> bool:
    """A pattern is a name, or the beginning of one followed by ``*``."""
    return any(
        name.startswith(each[:-1]) if each.endswith("*") else name == each
        for each in (pattern.replace("/", ".") for pattern in patterns)
    )


def _is_selected(pod: Pod, labels: Mapping[str, str]) -> bool:
    """By nodeSelector, and by one of the terms that a node affinity requires."""
    if any(labels.get(key) != value for key, value in pod.spec.node_selector.items()):
        return False
    required = _inside(pod.spec.affinity, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_fits(term, labels) for term in required.get("nodeSelectorTerms") or ())


def _fits(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """All of a term's expressions hold; one with none fits nothing."""
    fields = {"metadata.name": labels.get("kubernetes.io/hostname", "")}
    expressions = [(each, labels) for each in term.get("matchExpressions") or ()]
    expressions += [(each, fields) for each in term.get("matchFields") or ()]
    return bool(expressions) and all(_holds(each, values) for each, values in expressions)


def _holds(expression: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    found = values.get(str(expression.get("key")))
    wanted = [str(each) for each in expression.get("values") or ()]
    match expression.get("operator"):
        case "In":
            return found in wanted
        case "NotIn":
            return found not in wanted
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt" | "Lt" as operator:
            return _compares(operator, found, wanted)
    return False


def _compares(operator: str, found: str | None, wanted: list[str]) -> bool:
    try:
        left, right = int(found or ""), int(wanted[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right


def _inside(value: Any, *path: str) -> Any:
    """A value deep in mappings, None where one of them is not there."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
