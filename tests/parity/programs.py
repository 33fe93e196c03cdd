"""The two programs, each writing into a tree of its own.

The real kubeadm runs in a root of its own (its ``--rootfs``), podstrap in this process through its command
line. Invariant: neither sees what the other wrote.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.cli.main import exit_code_of
from bootstrap.model.node import HOST_CA_DIRECTORIES
from bootstrap.model.version import KubernetesVersion
from tests.lab.programs import kubeadm

_SKIPPED = (
    "preflight,kubelet-start,wait-control-plane,upload-config,upload-certs,mark-control-plane,"
    "bootstrap-token,kubelet-finalize,addon,show-join-command"
)
"""Of kubeadm's init: what does more than write certificates, kubeconfigs and manifests."""

_ROUTES = ("/proc/net/route", "/proc/net/ipv6_route")
"""Where kubeadm looks for the address of the default route."""

_USERS = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n"}
"""kubeadm adds users for components without root."""

_in_this_process = threading.Lock()
"""Its environment and its streams are shared."""


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    output: str


def prepare_root(root: Path) -> None:
    """What of this machine decides about the result, inside a root for kubeadm."""
    for directory in HOST_CA_DIRECTORIES:
        if Path(directory).is_dir():
            (root / directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
    (root / "etc").mkdir(exist_ok=True)
    for name, line in _USERS.items():
        (root / name).write_text(line)
    (root / "proc/net").mkdir(parents=True)
    for route in filter(os.path.exists, _ROUTES):
        (root / route.lstrip("/")).write_text(Path(route).read_text())


def run_kubeadm(
    version: KubernetesVersion,
    root: Path,
    config: Path,
    environment: Mapping[str, str],
    phases: tuple[str, ...],
) -> Outcome:
    """``config`` is known to it by the same path; ``phases`` empty means all that write files."""
    inside = root / str(config.parent).lstrip("/")
    if not inside.exists():
        shutil.copytree(config.parent, inside)
    options = ("--rootfs", str(root), "--config", str(config))
    runs = [("init", "phase", *phase.split("/"), *options) for phase in phases] or [
        ("init", *options, "--skip-phases", _SKIPPED)
    ]
    for words in runs:
        done = _kubeadm(version, words, environment)
        if done.code:
            break
    return done


def validate_with_kubeadm(version: KubernetesVersion, config: Path) -> Outcome:
    return _kubeadm(version, ("config", "validate", "--config", str(config)), {})


def _kubeadm(version: KubernetesVersion, words: tuple[str, ...], environment: Mapping[str, str]) -> Outcome:
    done = subprocess.run(
        [str(kubeadm(version)), *words],
        env={**_without_proxies(), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return Outcome(done.returncode, done.stdout + done.stderr)


def run_podstrap(
    root: Path, config: Path, environment: Mapping[str, str], phases: tuple[str, ...]
) -> Outcome:
    """The same of ours."""
    options = ("--config", str(config))
    runs = [("init", "phase", *phase.split("/"), *options) for phase in phases] or [("init", *options)]
    for words in runs:
        done = bootstrap("--root", str(root), *words, environment=environment)
        if done.code:
            break
    return done


def bootstrap(*words: str, environment: Mapping[str, str] | None = None) -> Outcome:
    """One command of ours, in this process."""
    stream = io.StringIO()
    with (
        _in_this_process,
        _environment({**_without_proxies(), **(environment or {})}),
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        code = exit_code_of(list(words))
    return Outcome(code, stream.getvalue())


@contextlib.contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _without_proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
