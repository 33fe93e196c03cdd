"""Bundles for machines without a network, made as ``make bundle`` makes them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bootstrap.model.version import KubernetesVersion
from tests.lab.images import REPOSITORY, locked, prepared_engine
from tests.lab.node import LabNode

SCRIPT = REPOSITORY / "vagrant" / "provision" / "bundle.sh"
VENV = Path(sys.executable).parents[1]
PYTHON_OF_MACHINES = "3.11"
BUILT_FROM = ("bootstrap", "pki", "templates", "pyproject.toml", "README.md", "LICENSE", "vagrant/provision")
VERSION_FILE = "bootstrap/__init__.py"


def image_archive(versions: tuple[KubernetesVersion, ...], version: KubernetesVersion) -> Path:
    """What ``bootstrap images save`` saves of a release; kept beside the engine data it comes from."""
    engine = prepared_engine(versions)
    archive = engine.parent / f"{version.text}.tar"
    with locked(engine.parent / "archive.lock"):
        if not archive.is_file():
            with LabNode("archive", engine=engine) as node:
                inside = f"/var/lib/{archive.name}"
                node.bootstrap("images", "save", "--kubernetes-version", version.text, inside)
                node.engine_data.with_name(archive.name).rename(archive)
    return archive


def make_bundle(out: Path, archives: tuple[Path, ...], tree: Path = REPOSITORY) -> Path:
    """``out``, with the program of ``tree`` and these image archives in it."""
    script = tree / SCRIPT.relative_to(REPOSITORY)
    subprocess.run(
        [script, VENV, out, *archives],
        env={**os.environ, "PYTHONS": PYTHON_OF_MACHINES},
        check=True,
        timeout=300,
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
