"""Configurations that are wrong, and what both programs say to them.

``inputs/init.yaml`` and ``inputs/cluster.yaml`` hold bodies of one document, beside which the other is right;
``inputs/documents.yaml`` whole files, ``inputs/patches.yaml`` patches directories. Invariant: a program that
refuses one writes nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bootstrap.config.documents import KUBEADM
from bootstrap.model.version import KubernetesVersion
from tests.lab.programs import JUDGED
from tests.parity.configuration import NODE
from tests.parity.programs import (
    Outcome,
    prepare_root,
    run_kubeadm,
    run_podstrap,
    validate_with_kubeadm,
)
from tests.parity.trial import ground

EVERY_MINOR = "PARITY_EVERY_MINOR"
"""An environment variable: set, wrong inputs are given to every minor, otherwise to the newest alone."""

DIRECTORY = Path(__file__).parent / "inputs"

_KINDS = {"init": "InitConfiguration", "cluster": "ClusterConfiguration"}
_PLACE = re.compile(r"config\.yaml(?::(\d+):(\d+))?: ")
_HEAD = 2
"""Lines before the body."""


@dataclass(frozen=True, slots=True)
class Input:
    """``lines``: the first and the last line of what is wrong, 0 when it is not a matter of lines.

    ``PATCHES`` in the text stands for the directory of ``patches``.
    """

    name: str
    text: str
    lines: tuple[int, int] = (0, 0)
    patches: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reception:
    """How both received it. ``place`` is the line that podstrap names, 0 for the file as a whole."""

    by_kubeadm: str
    by_podstrap: str
    place: int | None
    left: tuple[str, ...]

    @property
    def refused_by(self) -> tuple[bool, bool]:
        return bool(self.by_kubeadm), bool(self.by_podstrap)


def read_inputs(version: KubernetesVersion) -> dict[str, Input]:
    """By name, ``FILE/NAME``."""
    found = {}
    for path in sorted(DIRECTORY.glob("*.yaml")):
        for name, body in yaml.safe_load(path.read_text()).items():
            full = f"{path.stem}/{name}"
            found[full] = _input(full, body, _KINDS.get(path.stem), version)
    return found


def asked() -> tuple[KubernetesVersion, ...]:
    """The versions whose kubeadm is given wrong inputs: they hardly differ in what they refuse."""
    return JUDGED if os.environ.get(EVERY_MINOR) else JUDGED[:1]


def _input(name: str, body: str | dict[str, str], kind: str | None, version: KubernetesVersion) -> Input:
    if isinstance(body, dict):
        text = _input(name, "patches: {directory: PATCHES}", "InitConfiguration", version).text
        return Input(name, text, patches=body)
    if kind is None:
        return Input(name, body)
    others = {
        "InitConfiguration": yaml.safe_dump(NODE),
        "ClusterConfiguration": f"kubernetesVersion: {version.text}\nencryptionAlgorithm: ECDSA-P256\n",
    }
    del others[kind]
    documents = {kind: body + "\n", **others}
    own = "" if kind == "InitConfiguration" or _says(body, "kubernetesVersion") else _quick(body, version)
    documents[kind] += own if kind == "ClusterConfiguration" else _node(body)
    text = "---\n".join(
        f"apiVersion: {KUBEADM}\nkind: {each}\n{content}" for each, content in documents.items()
    )
    return Input(name, text, (_HEAD + 1, _HEAD + body.count("\n") + 1))


def _quick(body: str, version: KubernetesVersion) -> str:
    algorithm = "" if _says(body, "encryptionAlgorithm") else "encryptionAlgorithm: ECDSA-P256\n"
    return f"kubernetesVersion: {version.text}\n{algorithm}"


def _node(body: str) -> str:
    """What of ``NODE`` a body does not say itself."""
    return "".join(yaml.safe_dump({key: value}) for key, value in NODE.items() if not _says(body, key))


def _says(body: str, key: str) -> bool:
    return body.startswith(f"{key}:")


def receive(version: KubernetesVersion, given: Input) -> Reception:
    with ground() as directory:
        config = directory / "input" / "config.yaml"
        patches = config.parent / "patches"
        patches.mkdir(parents=True)
        config.write_text(given.text.replace("PATCHES", str(patches)))
        for name, text in given.patches.items():
            (patches / name).write_text(text)
        roots = directory / "kubeadm", directory / "podstrap"
        prepare_root(roots[0])
        roots[1].mkdir()
        theirs = validate_with_kubeadm(version, config)
        if not theirs.code:
            theirs = run_kubeadm(version, roots[0], config, {}, ())
        ours = run_podstrap(roots[1], config, {}, ())
        left = tuple(str(path) for path in roots[1].rglob("*") if path.is_file())
    return Reception(_refusal(theirs), _refusal(ours), _line(ours), left)


def _refusal(outcome: Outcome) -> str:
    return outcome.output if outcome.code else ""


def _line(outcome: Outcome) -> int | None:
    found = _PLACE.search(outcome.output)
    return int(found.group(1) or 0) if found else None
