"""All certificates, keys and kubeconfig files of a node, by both algorithms and beside kubeadm."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.phases import certs, kubeconfig
from tests.bench.measurement import Measurement
from tests.fakes.reporter import RecordingReporter
from tests.lab.images import program_directories
from tests.lab.programs import NEWEST

SAMPLES = 7
BUDGETS = {"RSA-2048": 0.8, "ECDSA-P256": 0.15}
CONFIG = """apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 192.0.2.10}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {version}
encryptionAlgorithm: {algorithm}
certificatesDir: {directory}
"""

Arguments = Callable[[str, Path, Path], list[str]]
"""Phase, configuration, directory -> command line."""


def measure() -> Iterator[Measurement]:
    for algorithm, budget in BUDGETS.items():
        library, ours, theirs = [], [], []
        for _ in range(SAMPLES):
            library.append(in_this_process(algorithm))
            ours.append(as_commands(algorithm, bootstrap_phase))
            theirs.append(as_commands(algorithm, kubeadm_phase))
        yield Measurement(f"PKI and kubeconfigs, {algorithm}", "s", tuple(library), most=budget)
        yield Measurement(
            f"the same as two commands (`init phase certs all`, `kubeconfig all`), {algorithm}",
            "s",
            tuple(ours),
            "the same phases of kubeadm",
            tuple(theirs),
        )


def in_this_process(algorithm: str) -> float:
    """The phases as init runs them: no start of an interpreter, no reading of the configuration."""
    with tempfile.TemporaryDirectory() as directory:
        config = written(algorithm, Path("/etc/kubernetes/pki"), Path(directory))
        options = GlobalOptions()
        options.root = Path(directory)
        context = open_context(options, config=(str(config),))
        quiet = dataclasses.replace(context, reporter=RecordingReporter())
        started = time.monotonic()
        certs.prepare_keys(quiet)
        certs.ensure_all(quiet)
        kubeconfig.ensure_all(quiet)
        return time.monotonic() - started


def as_commands(algorithm: str, phase: Arguments) -> float:
    with tempfile.TemporaryDirectory() as directory:
        where = Path(directory)
        is_ours = phase is bootstrap_phase
        config = written(algorithm, Path("/etc/kubernetes/pki") if is_ours else where / "pki", where)
        started = time.monotonic()
        for name in ("certs", "kubeconfig"):
            subprocess.run(phase(name, config, where), check=True, capture_output=True)
        return time.monotonic() - started


def bootstrap_phase(name: str, config: Path, directory: Path) -> list[str]:
    program = str(Path(sys.executable).with_name("bootstrap"))
    return [program, "--root", str(directory), "init", "phase", name, "all", "--config", str(config)]


def kubeadm_phase(name: str, config: Path, directory: Path) -> list[str]:
    program = str(program_directories(NEWEST)[0] / "kubeadm")
    place = [] if name == "certs" else ["--kubeconfig-dir", str(directory)]
    return [program, "init", "phase", name, "all", "--config", str(config), *place]


def written(algorithm: str, pki: Path, directory: Path) -> Path:
    config = directory / "cluster.yaml"
    config.write_text(CONFIG.format(version=NEWEST.text, algorithm=algorithm, directory=pki))
    return config
