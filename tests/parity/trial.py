"""One configuration given to both programs."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.model.version import KubernetesVersion
from tests.parity.authorities import write_authorities
from tests.parity.configuration import Configuration
from tests.parity.differences import Tally, decided_differences
from tests.parity.facts import Facts, facts_of
from tests.parity.programs import Outcome, prepare_root, run_kubeadm, run_podstrap

MEMORY = Path("/dev/shm")
"""Thousands of small files are flushed to disk one by one: in memory that costs nothing."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one program did. ``began`` is Unix time."""

    root: Path
    began: float
    outcome: Outcome

    def facts(self) -> Facts:
        return facts_of(self.root, self.began)


@contextmanager
def ground() -> Iterator[Path]:
    """A directory for one trial, in memory where there is such a file system."""
    parent = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    directory = Path(tempfile.mkdtemp(prefix="parity-", dir=parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@dataclass(frozen=True, slots=True)
class Trial:
    """``directory`` is this trial's own."""

    configuration: Configuration
    version: KubernetesVersion
    directory: Path

    def kubeadm(self) -> Side:
        """Runs first; what was there before (``removed``) is its work too."""
        root = self.directory / "kubeadm"
        prepare_root(root)
        config = self._write_configuration()
        began = time.time()
        if self.configuration.aged:
            directory = self.configuration.cluster.get("certificatesDir", "/etc/kubernetes/pki")
            for tree in (root, self.directory / "podstrap"):
                write_authorities(tree / directory.lstrip("/"))
        if self.configuration.removed is not None:
            made = run_kubeadm(self.version, root, config, self.configuration.environment, ())
            if made.code:
                return Side(root, began, made)
            self._break(root / "etc/kubernetes")
            shutil.copytree(root, self.directory / "podstrap", symlinks=True)
        outcome = run_kubeadm(
            self.version, root, config, self.configuration.environment, self.configuration.phases
        )
        return Side(root, began, outcome)

    def podstrap(self) -> Side:
        root = self.directory / "podstrap"
        root.mkdir(exist_ok=True)
        began = time.time()
        outcome = run_podstrap(root, self._config, self.configuration.environment, self.configuration.phases)
        return Side(root, began, outcome)

    @property
    def _config(self) -> Path:
        return self.directory / "input" / "config.yaml"

    def _write_configuration(self) -> Path:
        patches = self._config.parent / "patches"
        patches.mkdir(parents=True)
        for name, text in self.configuration.patches.items():
            path = patches / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self._config.write_text(self.configuration.documents(self.version, str(patches)))
        return self._config

    def _break(self, kubernetes: Path) -> None:
        for name in self.configuration.removed or ():
            (kubernetes / name).unlink()
        for name, text in self.configuration.changed.items():
            (kubernetes / name).write_text(text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one trial; ``refused`` says who refused it and how."""

    refused: str
    tally: Tally


def judge(version: KubernetesVersion, configuration: Configuration) -> Verdict:
    """Both programs, and where they differ."""
    tally = Tally()
    with ground() as directory:
        trial = Trial(configuration, version, directory)
        theirs, ours = trial.kubeadm(), trial.podstrap()
        refused = "\n".join(
            f"{name} refuses it: {side.outcome.output}"
            for name, side in (("kubeadm", theirs), ("podstrap", ours))
            if side.outcome.code
        )
        if not refused:
            decided = decided_differences()
            tally.add(theirs.facts(), ours.facts(), configuration.name, version.text, decided)
    return Verdict(refused, tally)
