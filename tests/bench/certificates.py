"""All certificates, keys and kubeconfig files of a node, by both algorithms, as init makes them."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.phases import certs, kubeconfig
from tests.bench.measurement import Measurement
from tests.fakes.reporter import RecordingReporter
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
"""


def measure() -> Iterator[Measurement]:
    for algorithm, budget in BUDGETS.items():
        samples = tuple(in_this_process(algorithm) for _ in range(SAMPLES))
        yield Measurement(f"PKI and kubeconfigs, {algorithm}", "s", samples, most=budget)


def in_this_process(algorithm: str) -> float:
    """The phases as init runs them: no start of an interpreter, no reading of the configuration."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "cluster.yaml")
        config.write_text(CONFIG.format(version=NEWEST.text, algorithm=algorithm))
        options = GlobalOptions()
        options.root = Path(directory)
        context = open_context(options, config=(str(config),))
        quiet = dataclasses.replace(context, reporter=RecordingReporter())
        started = time.monotonic()
        certs.prepare_keys(quiet)
        certs.ensure_all(quiet)
        kubeconfig.ensure_all(quiet)
        return time.monotonic() - started
