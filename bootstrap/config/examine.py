"""A configuration looked at by itself, wherever it is to be used: ``config validate`` and ``config migrate``.

Invariant: nothing of this machine goes in. What a node would say of itself is taken from ``PLACEHOLDERS``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import msgspec

from bootstrap.config.decode import describe
from bootstrap.config.defaults import complete
from bootstrap.config.documents import KINDS, OF_OTHER_COMMANDS, Documents, decode_sources
from bootstrap.config.dump import given_document, to_yaml
from bootstrap.config.formats import parse_subnets
from bootstrap.config.problems import Position, Problems, in_order, ordered, origin_of
from bootstrap.config.sources import Source, read_sources
from bootstrap.config.validate import validate
from bootstrap.errors import ConfigError
from bootstrap.model.node import NodeFacts

SCHEMA = "bootstrap/validation/v1"

PLACEHOLDERS = NodeFacts(hostname="node", default_address="1.2.3.4")
"""kubeadm's own (cmd/kubeadm/app/util/config: placeholders of ``config print``)."""

_IPV6_ADDRESS = "2001:db8::1"


class Examination(msgspec.Struct, frozen=True):
    """What was read, and what is wrong with it."""

    documents: Documents
    problems: Problems


def examine_files(paths: Iterable[str], stdin: BinaryIO | None = None) -> Examination:
    """``examine`` of files; one that cannot be read is a problem like any other."""
    try:
        return examine(read_sources(paths, stdin))
    except ConfigError as error:
        problems = Problems()
        problems.add("--config", f"{error.message}; {error.remedy}")
        return Examination(Documents(), problems)


def examine(sources: Iterable[Source]) -> Examination:
    """Every document checked, those of other commands too."""
    problems = Problems()
    documents = decode_sources(sources, problems, every_command=True)
    if documents.given - OF_OTHER_COMMANDS:
        validate(complete(documents, _facts(documents), problems), documents.origins, problems)
    if documents.others:
        from bootstrap.config.rules.commands import faults

        for document in documents.others.values():
            for fault in faults(document):
                where = origin_of(fault.path, documents.origins)
                problems.add(where, f"{describe(fault.path)} {fault.text}")
    return Examination(documents, problems)


def _facts(documents: Documents) -> NodeFacts:
    """An address of the services' family, so that a missing one is no contradiction."""
    subnets = parse_subnets(documents.cluster.networking.service_subnet)
    is_ipv6 = bool(subnets) and subnets is not None and subnets[0].version == 6
    address = _IPV6_ADDRESS if is_ipv6 else PLACEHOLDERS.default_address
    return NodeFacts(hostname=PLACEHOLDERS.hostname, default_address=address)


def verdict(problems: Problems, *, strict: bool = False) -> dict[str, object]:
    """For programs: schema ``bootstrap/validation/v1``.

    ``errors`` and ``warnings`` have ``message`` and ``where``, and ``file``, ``line`` and ``column`` where
    there is a place in a file.
    """
    return {
        "schema": SCHEMA,
        "valid": problems.are_none(strict=strict),
        "errors": [_finding(*found) for found in ordered(problems.errors)],
        "warnings": [_finding(*found) for found in ordered(problems.warnings)],
    }


def _finding(where: Position | str, message: str) -> dict[str, object]:
    finding: dict[str, object] = {"where": str(where), "message": message}
    if isinstance(where, Position):
        finding |= {"file": where.file, "line": where.line, "column": where.column}
    return finding


def migrated(sources: Iterable[Source]) -> tuple[str, tuple[str, ...]]:
    """The same configuration in the newest versions, and the warnings: what was left out stays left out.

    Raises InvalidConfigError when it is not valid. It holds the tokens and keys that were in it.
    """
    found = examine(sources)
    found.problems.raise_if_any()
    documents = found.documents
    structs = {
        "InitConfiguration": documents.init,
        "ClusterConfiguration": documents.cluster,
        **documents.others,
        "BootstrapConfiguration": documents.bootstrap,
    }
    texts = [to_yaml(given_document(structs[kind])) for kind in structs if kind in documents.given]
    texts += [to_yaml(config) for config in documents.component_configs]
    assert documents.given <= KINDS.keys()
    return "---\n".join(texts), in_order(found.problems.warnings)
