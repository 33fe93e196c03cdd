"""``python -m tests.lab.programs``: the releases whose programs are not built yet, one a line.

With ``--check`` the exit code says whether there are any.
"""

from __future__ import annotations

import sys

from bootstrap.model.version import RELEASES, KubernetesVersion
from tests.lab.images import ProgramsMissingError, program_directories

NEWEST, PREVIOUS = (RELEASES[minor].newest for minor in sorted(RELEASES, reverse=True)[:2])
"""What is tested with real components: the newest release of the two newest minors."""


def is_built(version: KubernetesVersion) -> bool:
    try:
        program_directories(version)
    except ProgramsMissingError:
        return False
    return True


def main() -> int:
    missing = [version.text for version in (NEWEST, PREVIOUS) if not is_built(version)]
    if "--check" not in sys.argv:
        print(*missing, sep="\n")
    return 1 if missing and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
