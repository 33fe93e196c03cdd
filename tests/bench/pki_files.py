"""All certificates, keys and kubeconfig files of a control plane, from nothing to disk; kubeadm beside it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.phases.certs import CERTS, prepare_keys
from bootstrap.phases.kubeconfig import KUBECONFIG
from bootstrap.phases.phase import run_all
from tests.bench.measure import Row
from tests.fakes.reporter import RecordingReporter

RUNS = 7
LIMITS = {"RSA-2048": 0.8, "ECDSA-P256": 0.15}
CONFIGURATION = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
encryptionAlgorithm: {algorithm}
certificatesDir: {pki}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 192.0.2.11}}
nodeRegistration: {{name: node, criSocket: "unix:///run/none.sock"}}
"""


def rows(kubeadm: Path) -> tuple[Row, ...]:
    """Ours is the work alone, as ``init`` does it; ``kubeadm`` is its two commands, their start included."""
    return tuple(_row(algorithm, limit, kubeadm) for algorithm, limit in LIMITS.items())


def _row(algorithm: str, limit: float, kubeadm: Path) -> Row:
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(our_seconds(algorithm))
        theirs.append(kubeadm_seconds(kubeadm, algorithm))
    name = f"PKI and kubeconfig files, {algorithm} (kubeadm's commands: {median(theirs):.3f} s)"
    return Row(name, "s", tuple(ours), limit)


def our_seconds(algorithm: str) -> float:
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "cluster.yaml"
        configuration.write_text(CONFIGURATION.format(algorithm=algorithm, pki="/etc/kubernetes/pki"))
        options = GlobalOptions()
        options.root = Path(directory)
        context = replace(open_context(options, config=(str(configuration),)), reporter=RecordingReporter())
        started = time.perf_counter()
        prepare_keys(context)
        run_all((CERTS, KUBECONFIG), context)
        return time.perf_counter() - started


def kubeadm_seconds(kubeadm: Path, algorithm: str) -> float:
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "cluster.yaml"
        configuration.write_text(CONFIGURATION.format(algorithm=algorithm, pki=f"{directory}/pki"))
        shared = ["--config", str(configuration)]
        started = time.perf_counter()
        for command in (
            ["certs", "all", *shared],
            ["kubeconfig", "all", *shared, "--kubeconfig-dir", directory],
        ):
            subprocess.run(
                [str(kubeadm), "init", "phase", *command],
                check=True,
                capture_output=True,
                env={**os.environ, "KUBEADM_INIT_DRYRUN_DIR": directory},
            )
        return time.perf_counter() - started
