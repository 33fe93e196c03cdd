"""kubeadm's own feature gates of every supported minor (not those of the Kubernetes components).

Source: InitFeatureGates in cmd/kubeadm/app/features/features.go of each minor. Invariant: a gate that is not
in the table of a minor is unknown to that minor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from bootstrap.config.problems import did_you_mean
from bootstrap.model.version import KubernetesVersion


class Gate(msgspec.Struct, frozen=True):
    """``locked``: generally available, so that only the default is accepted."""

    default: bool
    locked: bool = False
    deprecated_for: str = ""


_ECDSA = Gate(default=False, deprecated_for="encryptionAlgorithm: ECDSA-P256")
_ROOTLESS = Gate(default=False, deprecated_for="user namespaces of Kubernetes itself")
_ON = Gate(default=True)
_ALWAYS_ON = Gate(default=True, locked=True)

FEATURE_GATES: dict[tuple[int, int], dict[str, Gate]] = {
    (1, 34): {
        "ControlPlaneKubeletLocalMode": _ON,
        "NodeLocalCRISocket": _ON,
        "PublicKeysECDSA": _ECDSA,
        "RootlessControlPlane": _ROOTLESS,
        "WaitForAllControlPlaneComponents": _ALWAYS_ON,
    },
    (1, 35): {
        "ControlPlaneKubeletLocalMode": _ALWAYS_ON,
        "NodeLocalCRISocket": _ON,
        "PublicKeysECDSA": _ECDSA,
        "RootlessControlPlane": _ROOTLESS,
    },
    (1, 36): {"NodeLocalCRISocket": _ALWAYS_ON, "PublicKeysECDSA": _ECDSA, "RootlessControlPlane": _ROOTLESS},
    (1, 37): {"RootlessControlPlane": _ROOTLESS},
}

_ALL = frozenset(name for gates in FEATURE_GATES.values() for name in gates)


def gate_faults(given: Mapping[str, bool], version: KubernetesVersion) -> Iterator[tuple[str, str, bool]]:
    """``(gate, what is wrong with it, whether that is only a warning)``"""
    known = FEATURE_GATES[(version.major, version.minor)]
    for name, value in given.items():
        gate = known.get(name)
        if gate is None and name in _ALL:
            yield name, f"was removed from kubeadm before {version.minor_text}; leave it out", False
        elif gate is None:
            yield name, f"is no kubeadm feature gate{did_you_mean(name, known)}", False
        elif gate.locked and value != gate.default:
            yield name, f"is locked to {str(gate.default).lower()} in {version.minor_text}", False
        elif gate.deprecated_for:
            yield name, f"is deprecated in favour of {gate.deprecated_for}", True
