"""Where configuration text comes from: files and standard input.

Invariant: what leaves here is text of a sane size; that it is YAML is not known yet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from bootstrap.errors import ConfigError

LARGEST = 1024 * 1024
"""Bytes. The documents end up in ConfigMaps, which etcd limits to 1 MiB."""

STDIN = "-"


class Source(msgspec.Struct, frozen=True):
    """Text and the name that errors call it by."""

    name: str
    text: str


def read_sources(paths: Iterable[str], stdin: BinaryIO | None = None) -> tuple[Source, ...]:
    """Reads files in order; ``-`` is standard input (``stdin``, else the process' own).

    Raises ConfigError when one cannot be read, is a directory, is larger than ``LARGEST`` or is not UTF-8.
    """
    return tuple(_read(path, stdin) for path in paths)


def _read(path: str, stdin: BinaryIO | None) -> Source:
    if path == STDIN:
        name, content = "<stdin>", (stdin or sys.stdin.buffer).read(LARGEST + 1)
    else:
        name, content = path, _read_file(path)
    if len(content) > LARGEST:
        raise ConfigError(
            f"{name} is larger than {LARGEST // 1024} KiB, so it is no cluster configuration",
            remedy="check the path given to --config",
        )
    return Source(name, _decode(name, content))


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} does not exist", remedy="check the path given to --config, or leave it out"
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"{path} is a directory",
            remedy=f"name a file in it, for example --config {path.rstrip('/')}/cluster.yaml",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", remedy=f"check it with: ls -l {path}"
        ) from error


def _decode(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{name}:{line}: byte 0x{content[error.start]:02x} is not UTF-8 text",
            remedy=f"save the file as UTF-8; `file {name}` names the encoding it has now",
        ) from error
