"""Commands that kubeadm has too, each timed turn by turn with kubeadm's own.

Each program writes into a directory that it takes for the root of the machine. Invariant: a command finds the
same files whichever program runs it, and whichever round it is.
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
    """``words`` but for the configuration's file, which is the last; ``ratio`` is the budget, 0 for none."""

    words: tuple[str, ...]
    ratio: float = 0.0
    note: str = ""


_CERTS = ("init", "phase", "certs", "all", "--config")
_KUBECONFIG = ("init", "phase", "kubeconfig", "all", "--config")

COMMANDS: dict[str, tuple[Command, ...]] = {
    "RSA-2048": (
        Command(_CERTS, 0.6, ", RSA-2048"),
        Command(_KUBECONFIG, 0.6, ", RSA-2048"),
        Command(("init", "phase", "control-plane", "all", "--config"), 1.5),
        Command(("config", "validate", "--config"), 1.5),
        Command(("config", "migrate", "--old-config"), 1.5),
    ),
    "ECDSA-P256": (Command(_CERTS, note=", ECDSA-P256"), Command(_KUBECONFIG, note=", ECDSA-P256")),
}
"""What is run, in this order, for each algorithm; kubeconfig files need the authority that certs made."""


def measure() -> Iterator[Measurement]:
    for algorithm, commands in COMMANDS.items():
        ours: defaultdict[Command, list[float]] = defaultdict(list)
        theirs: defaultdict[Command, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as ours_root, tempfile.TemporaryDirectory() as theirs_root:
                prepare_root(Path(theirs_root))
                for root in (ours_root, theirs_root):
                    Path(root, NAME).write_text(CONFIG.format(algorithm=algorithm))
                for command in commands:
                    ours[command].append(milliseconds(bootstrap_line(command, ours_root)))
                    theirs[command].append(milliseconds(kubeadm_line(command, theirs_root)))
        for command in commands:
            yield Measurement(
                f"`{' '.join(word for word in command.words if not word.startswith('--'))}`{command.note}",
                "ms",
                tuple(ours[command]),
                "kubeadm",
                tuple(theirs[command]),
                ratio=command.ratio,
            )


def milliseconds(argv: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return 1000 * (time.monotonic() - started)


def bootstrap_line(command: Command, root: str) -> list[str]:
    program = str(Path(sys.executable).with_name("bootstrap"))
    return [program, "--root", root, *command.words, f"{root}/{NAME}"]


def kubeadm_line(command: Command, root: str) -> list[str]:
    return [str(kubeadm(NEWEST)), "--rootfs", root, *command.words, f"/{NAME}"]
