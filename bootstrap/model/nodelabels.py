"""Which labels and taints a node may give itself. Pure.

Source: plugin/pkg/admission/noderestriction and the kubelet's own check of --node-labels. Invariant: what
passes here is not refused by an API server for being forbidden to nodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from bootstrap.errors import ConfigError

OWN_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")
OWN_LABELS = frozenset(
    {
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
_RESERVED = ("kubernetes.io", "k8s.io")

Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")


@dataclass(frozen=True, slots=True)
class Taint:
    """``key=value:effect``; the value may be empty."""

    key: str
    effect: Effect
    value: str = ""

    @property
    def text(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


STATIC_PODS_ONLY = Taint("podstrap/static-pods-only", "NoSchedule")
"""What every node of this agent has: nobody runs here what a scheduler binds to it.

Its key is a label of the node too, for what tolerates every taint: kube-proxy's DaemonSet keeps away by it.
"""


def parse_labels(text: str) -> dict[str, str]:
    """``a=b,c=d``. Raises ConfigError for what is no label, or one a node may not give itself."""
    labels = dict(_pair(each) for each in _listed(text))
    refused = sorted(key for key in labels if not may_label_itself(key))
    if refused:
        raise ConfigError(
            f"--node-labels: a node may not give itself {', '.join(refused)}",
            remedy="leave it out, and set it as an administrator: kubectl label node",
        )
    return labels


def parse_taints(text: str) -> tuple[Taint, ...]:
    """``key=value:effect,key:effect``. Raises ConfigError."""
    return tuple(_taint(each) for each in _listed(text))


def may_label_itself(key: str) -> bool:
    """Labels below kubernetes.io and k8s.io are the administrator's, but for a few."""
    prefix = key.rpartition("/")[0]
    if key in OWN_LABELS or any(_is_below(prefix, own) for own in OWN_PREFIXES):
        return True
    return not any(_is_below(prefix, reserved) for reserved in _RESERVED)


def differing(wanted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """The labels of ``wanted`` that a node has not, or not so."""
    return {key: value for key, value in wanted.items() if found.get(key) != value}


def _is_below(prefix: str, domain: str) -> bool:
    return prefix == domain or prefix.endswith(f".{domain}")


def _listed(text: str) -> list[str]:
    return [each for each in (part.strip() for part in text.split(",")) if each]


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
        raise ConfigError(f"--node-labels: {text!r} is no label", remedy="write it as key=value")
    return key, value


def _taint(text: str) -> Taint:
    assignment, _, effect = text.rpartition(":")
    key, _, value = assignment.partition("=")
    if effect not in get_args(Effect) or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
        raise ConfigError(
            f"--register-with-taints: {text!r} is no taint",
            remedy=f"write it as key=value:effect, effect one of {', '.join(get_args(Effect))}",
        )
    return Taint(key, cast("Effect", effect), value)
