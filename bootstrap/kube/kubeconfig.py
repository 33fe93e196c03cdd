"""A kubeconfig file read into what a connection needs.

Invariant: only embedded data is read (``*-data``), as kubeadm and this program write it; a private key
travels as a ``Secret``.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bootstrap.errors import ConfigError
from bootstrap.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The current context of a kubeconfig: PEM texts, and the server as ``https://HOST:PORT``."""

    server: str
    user: str
    ca: str
    certificate: str
    key: Secret

    @property
    def host(self) -> str:
        return urlsplit(self.server).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.server).port or 443


def parse_kubeconfig(text: str, name: str) -> Kubeconfig:
    """Read kubeconfig text; ``name`` is the file's, for messages. Raises ConfigError with what is wrong."""
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _broken(name, f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise _broken(name, "not a mapping")
    context = _named(document, "contexts", str(document.get("current-context", "")), name)["context"]
    cluster = _named(document, "clusters", str(context.get("cluster", "")), name)["cluster"]
    user = _named(document, "users", str(context.get("user", "")), name)["user"]
    return Kubeconfig(
        server=str(cluster.get("server", "")),
        user=str(context["user"]),
        ca=_pem(cluster, "certificate-authority-data", name),
        certificate=_pem(user, "client-certificate-data", name),
        key=Secret(_pem(user, "client-key-data", name)),
    )


def _named(document: dict[str, Any], field: str, wanted: str, name: str) -> dict[str, Any]:
    """The entry of a list of named entries, its value a mapping."""
    singular, entries = field.removesuffix("s"), document.get(field)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == wanted and isinstance(entry.get(singular), dict):
            return entry
    raise _broken(name, f"{field} has no entry named {wanted!r}")


def _pem(entry: dict[str, Any], field: str, name: str) -> str:
    try:
        return base64.b64decode(str(entry[field]), validate=True).decode()
    except KeyError as error:
        raise _broken(name, f"{field} is missing") from error
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _broken(name, f"{field} is not base64 of PEM text") from error


def _broken(name: str, what: str) -> ConfigError:
    return ConfigError(
        f"{name} cannot be used: {what}",
        remedy=f"remove {name} and run: bootstrap init phase kubeconfig",
    )
