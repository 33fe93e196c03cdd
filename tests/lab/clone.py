"""A clone as a person has it, with a bundle in the place where the lab looks for one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.lab.images import REPOSITORY


def clone_with_bundle(out: Path, bundle: Path) -> Path:
    """``out``, with what git knows or would add. The files of the bundle are hard links."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, tracked.split("\0")):
        if (REPOSITORY / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, out / name)
    shutil.copytree(bundle, out / "vagrant" / "bundle", copy_function=os.link)
    return out
