"""Bundles for machines without a network: ``make bundle`` itself, run on a lab node that has the images.

Invariant: no package index is asked but to fill the cache of wheels, once for each change of pyproject.toml.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.lab.images import REPOSITORY, locked
from tests.lab.machine import CACHE
from tests.lab.node import LabNode

SCRIPT = REPOSITORY / "vagrant" / "provision" / "bundle.sh"
VENV = Path(sys.executable).parents[1]
PYTHON_OF_MACHINES = "3.11"
BUILT_FROM = ("bootstrap", "pki", "templates", "pyproject.toml", "README.md", "LICENSE", "vagrant/provision")
VERSION_FILE = "bootstrap/__init__.py"
INDEX_SECONDS = 300.0


def wheels() -> Path:
    """Everything that building a bundle asks a package index for; kept beside the machines' files."""
    project = (REPOSITORY / "pyproject.toml").read_bytes()
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(CACHE / "wheels.lock"):
        kept = CACHE / f"wheels-{hashlib.sha256(project).hexdigest()[:16]}"
        if not kept.is_dir():
            for old in CACHE.glob("wheels-*"):
                shutil.rmtree(old)
            part = kept.with_suffix(".part")
            table = tomllib.loads(project.decode())
            pip = [str(VENV / "bin" / "pip"), "download", "--quiet", "--only-binary=:all:", f"--dest={part}"]
            of_machines = ["--implementation=cp", f"--python-version={PYTHON_OF_MACHINES}"]
            subprocess.run([*pip, *table["build-system"]["requires"]], check=True, timeout=INDEX_SECONDS)
            subprocess.run(
                [*pip, *of_machines, *table["project"]["dependencies"]], check=True, timeout=INDEX_SECONDS
            )
            part.rename(kept)
    return kept


def without_an_index() -> dict[str, str]:
    """The environment in which pip finds what it needs in the cache, and nowhere else."""
    return {"PYTHONS": PYTHON_OF_MACHINES, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels())}


def make_bundle(node: LabNode, out: Path) -> Path:
    """``out``: what ``make bundle`` makes on ``node``."""
    node.run(
        ["make", "--directory", str(REPOSITORY), "bundle", f"BUNDLE={out}"], environment=without_an_index()
    )
    return out


def bundle_of(tree: Path, out: Path, archives: tuple[Path, ...]) -> Path:
    """``out``, with the program of ``tree`` and these image archives in it."""
    subprocess.run(
        [tree / SCRIPT.relative_to(REPOSITORY), VENV, out, *archives],
        env={**os.environ, **without_an_index()},
        check=True,
        timeout=INDEX_SECONDS,
    )
    return out


def newer_tree(out: Path, version: str) -> Path:
    """A copy of what the program is built from, as if it were ``version``."""
    for name in BUILT_FROM:
        source, target = REPOSITORY / name, out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for name, key in ((VERSION_FILE, "__version__"), ("pyproject.toml", "version")):
        text = (out / name).read_text()
        changed, count = re.subn(f'^{key} = ".+"$', f'{key} = "{version}"', text, flags=re.MULTILINE)
        assert count == 1, f"{name} does not say its version once"
        (out / name).write_text(changed)
    return out
