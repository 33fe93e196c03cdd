"""What a tree of files says, as facts that can be compared one by one.

Invariant: everything that two correct programs may choose freely (keys, serial numbers, the moment) is turned
into what is demanded of it; nothing else is left out.
"""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from bootstrap.render.documents import load
from tests.parity.certificates import certificate_facts, chain_of, key_kind, public_bytes

Facts = dict[str, dict[str, Any]]
"""Path below the root -> field -> value."""

DIRECTORIES = ("etc/kubernetes", "var/lib/etcd", "srv")
"""Where configurations put files."""

_LEFT_OUT = frozenset({"etc/kubernetes/tmp"})


def facts_of(root: Path, began: float) -> Facts:
    """``began``: Unix time at which the program was started."""
    facts: Facts = {}
    for directory in DIRECTORIES:
        top = root / directory
        for path in [top, *sorted(top.rglob("*"))] if top.exists() else []:
            name = str(path.relative_to(root))
            if not any(name == left or name.startswith(f"{left}/") for left in _LEFT_OUT):
                facts[name] = {**_place(path), **(_content(path, root, began) if path.is_file() else {})}
    return facts


def _place(path: Path) -> dict[str, Any]:
    found = path.lstat()
    return {
        "type": stat.filemode(found.st_mode)[0],
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "owner": f"{found.st_uid}:{found.st_gid}",
    }


def _content(path: Path, root: Path, began: float) -> dict[str, Any]:
    match path.suffix:
        case ".yaml":
            return manifest_facts(path.read_text())
        case ".crt":
            return dict(certificate_facts(path.read_bytes(), _authorities(root), began))
        case ".key":
            return _key_facts(path)
        case ".pub":
            key = load_pem_public_key(path.read_bytes())
            private = load_pem_private_key(path.with_suffix(".key").read_bytes(), None)
            return {
                "label": _label(path.read_bytes()),
                "kind": key_kind(key),
                "belongs to its key": public_bytes(key) == public_bytes(private.public_key()),
            }
        case ".conf":
            return _kubeconfig_facts(path, root, began)
        case _:
            return {"content": path.read_text(errors="replace")}


def manifest_facts(text: str) -> dict[str, Any]:
    """Every field by its path; a command line flag by flag, and the order of what has an order."""
    pod = load(text)
    for container in pod["spec"]["containers"]:
        container.setdefault("resources", {})  # a round trip through Go's types adds it
    return dict(_flat(pod, ""))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if path.endswith(".command") and isinstance(value, list):
        yield from _command(value, path)
    elif isinstance(value, dict):
        if not value:
            yield path, {}
        for key, below in value.items():
            yield from _flat(below, f"{path}.{key}".lstrip("."))
    elif (
        isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value)
    ):
        names = [item["name"] for item in value]
        yield f"{path} in order", names
        for name, item in zip(names, value, strict=True):
            yield from _flat(item, f"{path}[{name}]")
    else:
        yield path, value


def _command(words: list[str], path: str) -> Iterator[tuple[str, Any]]:
    flags: dict[str, list[str]] = {}
    for word in words[1:]:
        name, _, value = word.partition("=")
        flags.setdefault(name, []).append(value)
    yield f"{path} in order", words
    for name, values in flags.items():
        yield f"{path} {name}", values


def _authorities(root: Path) -> dict[str, Path]:
    """Every authority of the tree by the name of its file."""
    return {
        str(found.relative_to(root)): found
        for found in sorted(root.rglob("*ca.crt"))
        if found.name in ("ca.crt", "front-proxy-ca.crt")
    }


def _key_facts(path: Path) -> dict[str, Any]:
    key = load_pem_private_key(path.read_bytes(), None)
    certificate = path.with_suffix(".crt")
    belongs = (
        public_bytes(key.public_key()) == public_bytes(chain_of(certificate.read_bytes())[0].public_key())
        if certificate.exists()
        else "no certificate"
    )
    return {
        "label": _label(path.read_bytes()),
        "kind": key_kind(key.public_key()),
        "belongs to its certificate": belongs,
    }


def _label(pem: bytes) -> list[str]:
    return [line.strip("-") for line in pem.decode().splitlines() if line.startswith("-----BEGIN")]


def _kubeconfig_facts(path: Path, root: Path, began: float) -> dict[str, Any]:
    document = load(path.read_text())
    facts: dict[str, Any] = {}
    for name, value in _flat(document, ""):
        if not name.endswith("-data"):
            facts[name] = value
            continue
        data = base64.b64decode(value)
        field = name.rpartition(".")[2]
        if field == "client-certificate-data":
            found = certificate_facts(data, _authorities(root), began)
            facts |= {f"{field}: {key}": each for key, each in found}
        elif field == "client-key-data":
            key = load_pem_private_key(data, None)
            facts[field] = (_label(data), key_kind(key.public_key()))
        else:
            same = [place for place, file in _authorities(root).items() if file.read_bytes() == data]
            facts[field] = same
    return facts
