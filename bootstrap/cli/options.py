"""kubeadm's ``init`` options as a table: one record each, shared by ``init`` and by every phase run alone.

Source: cmd/kubeadm/app/cmd/options/constant.go. Invariant: an option has the same name, meaning and default
wherever it appears, because it is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_COMMA_LIST = {"multiple": True}

OPTIONS: dict[str, dict[str, Any]] = {
    "config": {
        "multiple": True,
        "metavar": "FILE",
        "help": "kubeadm and bootstrap documents; repeatable, - for stdin [default: what was applied last].",
    },
    "kubernetes-version": {"metavar": "VERSION", "help": "Kubernetes version to deploy."},
    "apiserver-advertise-address": {"metavar": "IP", "help": "Address the API server is announced at."},
    "apiserver-bind-port": {"type": int, "metavar": "PORT", "help": "Port of the API server (6443)."},
    "apiserver-cert-extra-sans": {
        **_COMMA_LIST,
        "metavar": "NAMES",
        "help": "More names or addresses for the API server's certificate.",
    },
    "control-plane-endpoint": {"metavar": "HOST[:PORT]", "help": "Stable address of the control plane."},
    "node-name": {"metavar": "NAME", "help": "Name of this node (its host name)."},
    "pod-network-cidr": {"metavar": "CIDR", "help": "Address range for pods."},
    "service-cidr": {"metavar": "CIDR", "help": "Address range for services (10.96.0.0/12)."},
    "service-dns-domain": {"metavar": "DOMAIN", "help": "DNS domain of services (cluster.local)."},
    "image-repository": {"metavar": "REPOSITORY", "help": "Where images come from (registry.k8s.io)."},
    "cert-dir": {"metavar": "DIR", "help": "Where certificates are kept (/etc/kubernetes/pki)."},
    "certificate-key": {"metavar": "KEY", "help": "Key that encrypts uploaded certificates."},
    "cri-socket": {"metavar": "SOCKET", "help": "Carried along for kubelets; podstrap itself uses Docker."},
    "feature-gates": {"metavar": "NAME=BOOL,...", "help": "kubeadm's feature gates."},
    "patches": {"metavar": "DIR", "help": "Directory of kubeadm patches (target+type.yaml)."},
    "token": {"metavar": "TOKEN", "help": "Bootstrap token, [a-z0-9]{6}.[a-z0-9]{16}."},
    "token-ttl": {"metavar": "DURATION", "help": "Life of the token (24h0m0s), 0 for ever."},
    "skip-phases": {**_COMMA_LIST, "metavar": "PHASES", "help": "Phases to leave out, for example certs/sa."},
    "ignore-preflight-errors": {
        **_COMMA_LIST,
        "metavar": "CHECKS",
        "help": "Checks that only warn when they fail; `all` for every one.",
    },
    "dry-run": {"is_flag": True, "help": "Show what would be done; write into a directory of its own."},
    "upload-certs": {"is_flag": True, "help": "Upload the shared certificates, encrypted, for two hours."},
    "skip-certificate-key-print": {"is_flag": True, "help": "Do not print the key of uploaded certificates."},
    "skip-token-print": {"is_flag": True, "help": "Do not print the bootstrap token."},
    "print-manifest": {"is_flag": True, "help": "Print the objects; send nothing to the cluster."},
}

INIT_OPTIONS = tuple(name for name in OPTIONS if name != "print-manifest")


def with_options(names: Iterable[str]) -> Decorator:
    """Adds these options to a command, in this order; their values arrive as keyword arguments."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(tuple(names)):
            function = click.option(f"--{name}", **OPTIONS[name])(function)
        return function

    return decorate


def output_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--output text|json``"""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        help="json: one object a line, schema bootstrap/event/v1.",
    )(function)


def split_commas(values: Iterable[str]) -> tuple[str, ...]:
    """``--x a,b --x c`` is a, b, c."""
    return tuple(item.strip() for value in values for item in value.split(",") if item.strip())
