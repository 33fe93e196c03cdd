"""``python -m tests.lab.programs``: what the Makefile asks about built programs.

``missing`` prints the releases that are not built yet, ``kubeadm`` the path of each kubeadm, one a line.
"""

from __future__ import annotations

import sys

from bootstrap.model.version import RELEASES, KubernetesVersion
from tests.lab.images import ProgramsMissingError, program_directories

NEWEST, PREVIOUS = (RELEASES[minor].newest for minor in sorted(RELEASES, reverse=True)[:2])
"""What is tested with real components: the newest release of the two newest minors."""


def missing() -> list[str]:
    return [version.text for version in (NEWEST, PREVIOUS) if not is_built(version)]


def kubeadm() -> list[str]:
    return [str(program_directories(version)[0] / "kubeadm") for version in (NEWEST, PREVIOUS)]


def is_built(version: KubernetesVersion) -> bool:
    try:
        program_directories(version)
    except ProgramsMissingError:
        return False
    return True


if __name__ == "__main__":
    for line in {"missing": missing, "kubeadm": kubeadm}[sys.argv[1]]():
        print(line)
