"""Which kubeconfig a command talks to a cluster with: kubeadm's ``--kubeconfig``, and where it looks.

Invariant: the file is only read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import click

from bootstrap.errors import BootstrapError
from bootstrap.host.files import Files
from bootstrap.kube.client import ApiClient
from bootstrap.kube.kubeconfig import Kubeconfig, parse_kubeconfig
from bootstrap.model.layout import Layout

_ADMIN = Layout().kubeconfig("admin")


def kubeconfig_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--kubeconfig FILE``"""
    return click.option(
        "--kubeconfig",
        metavar="FILE",
        default="",
        help=f"Whose cluster, and who you are [default: $KUBECONFIG, {_ADMIN}, ~/.kube/config].",
    )(function)


def read_kubeconfig(given: str, environment: Mapping[str, str] | None = None) -> Kubeconfig:
    """Raises BootstrapError when there is none, or only root may read it, and ConfigError for a bad one."""
    environment = os.environ if environment is None else environment
    path = Path(given).absolute() if given else _found(environment)
    try:
        text = Files().read_text(PurePosixPath(path))
    except FileNotFoundError as error:
        raise BootstrapError(
            f"there is no kubeconfig {path}",
            remedy="name one with --kubeconfig, or run the command on a control plane node",
        ) from error
    return parse_kubeconfig(text, str(path))


def cluster_api(kubeconfig: Kubeconfig) -> ApiClient:
    """A client for the server the kubeconfig names."""
    from bootstrap.kube.https import HttpsApiClient

    return HttpsApiClient(kubeconfig)


def _found(environment: Mapping[str, str]) -> Path:
    """The first that exists, else the administrator's."""
    named = [Path(text).absolute() for text in environment.get("KUBECONFIG", "").split(os.pathsep) if text]
    own = Path(environment.get("HOME") or "/root") / ".kube" / "config"
    return next((path for path in (*named, Path(_ADMIN), own) if path.exists()), Path(_ADMIN))
