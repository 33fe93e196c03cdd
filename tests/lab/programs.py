"""``python -m tests.lab.programs``: what the Makefile asks about built programs.

``missing`` prints the releases that are not built yet, one a line; ``build-kubeadm`` builds the kubeadm of
every minor that is held against it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bootstrap.cli.console import reporter_for
from bootstrap.host.process import SystemProcesses
from bootstrap.images.build import ImageBuilder
from bootstrap.images.cache import ProgramCache, cache_directory
from bootstrap.images.recipe import kubernetes_recipe
from bootstrap.model.version import RELEASES, KubernetesVersion
from tests.lab.images import ProgramsMissingError, program_directories

_MINORS = sorted(RELEASES, reverse=True)

NEWEST, PREVIOUS = (RELEASES[minor].newest for minor in _MINORS[:2])
"""What is tested with real components: the newest release of the two newest minors."""

JUDGED = tuple(RELEASES[minor].newest for minor in _MINORS[:3])
"""What is held against the kubeadm of the same version, newest first."""


def missing() -> list[str]:
    return [version.text for version in (NEWEST, PREVIOUS) if not is_built(version)]


def is_built(version: KubernetesVersion) -> bool:
    try:
        program_directories(version)
    except ProgramsMissingError:
        return False
    return True


def kubeadm(version: KubernetesVersion) -> Path:
    """Where the kubeadm of a version is, once it is built."""
    return ProgramCache(cache_directory(os.environ)).directory("kubernetes", version.text) / "kubeadm"


def build_kubeadm() -> None:
    reporter = reporter_for("text", color=False)
    builder = ImageBuilder(ProgramCache(cache_directory(os.environ)), SystemProcesses(), reporter)
    for version in JUDGED:
        if kubeadm(version).is_file():
            continue
        builder.programs(kubernetes_recipe(version, ("kubeadm",)))


if __name__ == "__main__":
    if sys.argv[1] == "build-kubeadm":
        build_kubeadm()
    else:
        print("\n".join(missing()))
