"""Commands that kubeadm has too, each timed turn by turn with kubeadm's own.

Each program writes into a directory that it takes for the root of the machine. Beside the shortest commands
stands an interpreter too, which only loads the libraries they are built on
(docs/adr/short-commands-beside-kubeadm.md). Invariant: a command finds the same files whichever program runs
it, and whichever round it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measurement import Measurement
from tests.lab.programs import NEWEST, kubeadm
from tests.parity.programs import prepare_root

ROUNDS = 11
"""Making an RSA key takes as long as chance has it, so there are more than five."""

NAME = "cluster.yaml"
CONFIG = f"""apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{{{advertiseAddress: 192.0.2.10}}}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {NEWEST.text}
encryptionAlgorithm: {{algorithm}}
"""


@dataclass(frozen=True, slots=True)
class Command:
    """``words`` but for the configuration's file, which is the last; ``ratio`` is the budget, 0 for none.

    With ``libraries`` the budget is for kubeadm and an interpreter that loads those, together.
    """

    words: tuple[str, ...]
    ratio: float = 0.0
    note: str = ""
    libraries: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        return f"`{' '.join(word for word in self.words if not word.startswith('--'))}`{self.note}"


_CERTS = ("init", "phase", "certs", "all", "--config")
_KUBECONFIG = ("init", "phase", "kubeconfig", "all", "--config")
_LIBRARIES = ("click", "msgspec", "yaml")

COMMANDS: dict[str, tuple[Command, ...]] = {
    "RSA-2048": (
        Command(_CERTS, 0.6, ", RSA-2048"),
        Command(_KUBECONFIG, 0.6, ", RSA-2048", (*_LIBRARIES, "cryptography.x509")),
        Command(
            ("init", "phase", "control-plane", "all", "--config"), 1.5, libraries=(*_LIBRARIES, "jinja2")
        ),
        Command(("config", "validate", "--config"), 1.5, libraries=_LIBRARIES),
        Command(("config", "migrate", "--old-config"), 1.5, libraries=_LIBRARIES),
    ),
    "ECDSA-P256": (Command(_CERTS, note=", ECDSA-P256"), Command(_KUBECONFIG, note=", ECDSA-P256")),
}
"""What is run, in this order, for each algorithm; kubeconfig files need the authority that certs made."""


def measure() -> Iterator[Measurement]:
    for algorithm, commands in COMMANDS.items():
        ours: defaultdict[Command, list[float]] = defaultdict(list)
        theirs: defaultdict[Command, list[float]] = defaultdict(list)
        loading: defaultdict[Command, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as ours_root, tempfile.TemporaryDirectory() as theirs_root:
                prepare_root(Path(theirs_root))
                for root in (ours_root, theirs_root):
                    Path(root, NAME).write_text(CONFIG.format(algorithm=algorithm))
                for command in commands:
                    ours[command].append(milliseconds(bootstrap_line(command, ours_root)))
                    theirs[command].append(milliseconds(kubeadm_line(command, theirs_root)))
                    if command.libraries:
                        loading[command].append(milliseconds(loading_line(command)))
        for command in commands:
            yield from compared(command, ours[command], theirs[command], loading[command])


def compared(
    command: Command, ours: list[float], theirs: list[float], loading: list[float]
) -> Iterator[Measurement]:
    alone = 0.0 if loading else command.ratio
    yield Measurement(command.what, "ms", tuple(ours), "kubeadm", tuple(theirs), ratio=alone)
    if loading:
        both = tuple(map(sum, zip(theirs, loading, strict=True)))
        beside = f"kubeadm, and loading {', '.join(command.libraries)}"
        yield Measurement("the same", "ms", tuple(ours), beside, both, ratio=command.ratio)


def milliseconds(argv: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return 1000 * (time.monotonic() - started)


def bootstrap_line(command: Command, root: str) -> list[str]:
    program = str(Path(sys.executable).with_name("bootstrap"))
    return [program, "--root", root, *command.words, f"{root}/{NAME}"]


def loading_line(command: Command) -> list[str]:
    return [sys.executable, "-c", f"import {', '.join(command.libraries)}"]


def kubeadm_line(command: Command, root: str) -> list[str]:
    return [str(kubeadm(NEWEST)), "--rootfs", root, *command.words, f"/{NAME}"]
