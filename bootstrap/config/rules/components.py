"""Rules of KubeletConfiguration and KubeProxyConfiguration: what values mean is for the components to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bootstrap.config import kubelet, kubeproxy
from bootstrap.config.componentfields import wrong_fields
from bootstrap.config.components import deviations, given
from bootstrap.config.formats import parse_address, parse_subnets
from bootstrap.config.problems import FieldPath
from bootstrap.config.rules.fault import Fault
from bootstrap.model.cluster import ControlPlane


def recommendations(control_plane: ControlPlane) -> Iterator[Fault]:
    """A value other than kubeadm's is kept, with a warning; sections of the wrong shape are faults."""
    if not _can_be_completed(control_plane):
        return
    for kind, recommended in (
        (kubelet.KIND, {**kubelet.recommended(control_plane), **kubelet.NOT_WRITTEN}),
        (kubeproxy.KIND, kubeproxy.recommended(control_plane)),
    ):
        for path, value, actual in deviations(given(control_plane, kind), recommended, (kind,)):
            yield _fault(path, value, actual)


def _fault(path: FieldPath, recommended: Any, actual: Any) -> Fault:
    if isinstance(recommended, dict):
        return Fault(path, f"must be a mapping, not {actual!r}")
    return Fault(path, f"is {_shown(actual)}; {_shown(recommended)} is recommended", is_warning=True)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _can_be_completed(control_plane: ControlPlane) -> bool:
    """Whether the addresses the recommendations derive from can be read; if not, other rules say so."""
    subnets = parse_subnets(control_plane.cluster.networking.service_subnet)
    large_enough = bool(subnets) and subnets is not None and subnets[0].num_addresses > kubelet.DNS_INDEX
    return large_enough and parse_address(control_plane.advertise_address) is not None


def fields(control_plane: ControlPlane) -> Iterator[Fault]:
    """What the component of this version would refuse, or ignore without a word."""
    for document in control_plane.component_configs:
        for path, text in wrong_fields(document, control_plane.version):
            yield Fault(path, text)


RULES = (fields, recommendations)
