"""What both programs are given: configurations as data, read from ``configurations/*.yaml``.

Invariant: a configuration says all that its result depends on, so two programs may differ in nothing but
themselves.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bootstrap.config.documents import KUBEADM
from bootstrap.config.dump import to_yaml
from bootstrap.model.version import KubernetesVersion

DIRECTORY = Path(__file__).parent / "configurations"

NODE = {
    "localAPIEndpoint": {"advertiseAddress": "192.0.2.10"},
    "nodeRegistration": {"name": "master"},
}
"""A configuration may set each of these to null, which asks for what the machine says."""

QUICK_KEYS = {"encryptionAlgorithm": "ECDSA-P256"}
"""RSA keys take seconds; a configuration that is about keys says so itself."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One control plane.

    ``text`` is used as it is, else the documents ``init``, ``cluster`` and ``others`` are. ``patches`` are
    the files of its patches directory. ``environment`` is added to both programs'. ``removed`` (not None):
    everything was made before by kubeadm, and these files below /etc/kubernetes were removed since; the
    files of ``changed`` have been given that content. ``aged``: the authorities are there, ten days old.
    ``phases``: instead of all that write files.
    ``minors`` are those it is meant for, all when empty.
    """

    name: str
    init: dict[str, Any] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)
    others: tuple[dict[str, Any], ...] = ()
    text: str = ""
    patches: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] | None = None
    changed: dict[str, str] = field(default_factory=dict)
    aged: bool = False
    phases: tuple[str, ...] = ()
    minors: tuple[str, ...] = ()

    def is_for(self, version: KubernetesVersion) -> bool:
        return not self.minors or version.minor_text in self.minors

    def documents(self, version: KubernetesVersion, patches: str) -> str:
        """The configuration file's text; ``patches`` is the directory where this case's patches lie."""
        if self.text:
            return self.text.replace("VERSION", version.text)
        init, cluster = self.init_document(), self.cluster_document(version)
        if self.patches:
            init["patches"] = {"directory": patches}
        return "---\n".join(to_yaml(document) for document in (init, cluster, *self.others))

    def init_document(self) -> dict[str, Any]:
        return {"apiVersion": KUBEADM, "kind": "InitConfiguration", **merged(NODE, self.init)}

    def cluster_document(self, version: KubernetesVersion) -> dict[str, Any]:
        given = {"kubernetesVersion": version.text, **QUICK_KEYS, **self.cluster}
        return {"apiVersion": KUBEADM, "kind": "ClusterConfiguration", **given}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``over`` on ``base``, mappings key by key."""
    result = copy.deepcopy(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            value = merged(below, value)
        result[key] = value
    return result


def read_configurations(directory: Path = DIRECTORY) -> dict[str, Configuration]:
    """All of them by name, ``FILE/NAME``."""
    found = {}
    for path in sorted(directory.glob("*.yaml")):
        for name, content in yaml.safe_load(path.read_text()).items():
            tuples = {key: tuple(value) for key, value in content.items() if isinstance(value, list)}
            full = f"{path.stem}/{name}"
            found[full] = Configuration(full, **{**content, **tuples})
    return found
