"""The configurations themselves: that they are enough, and use every field there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml
from msgspec import inspect

from bootstrap.model.kubeadm import ClusterConfiguration, InitConfiguration
from tests.lab.programs import NEWEST
from tests.parity.configuration import read_configurations

ENOUGH = 60

NEVER_ACCEPTED = {"InitConfiguration.bootstrapTokens[].expires"}
"""kubeadm adds a ``ttl`` to it, and then refuses both."""


def fields_of(info: inspect.Type, path: str) -> Iterator[str]:
    """Every field below a type, the items of lists as ``[]``."""
    match info:
        case inspect.UnionType():
            for part in info.types:
                yield from fields_of(part, path)
        case inspect.VarTupleType():
            yield from fields_of(info.item_type, f"{path}[]")
        case inspect.StructType():
            for field in info.fields:
                yield f"{path}.{field.encode_name}"
                yield from fields_of(field.type, f"{path}.{field.encode_name}")


def used_in(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield f"{path}.{key}"
            yield from used_in(below, f"{path}.{key}")
    if isinstance(value, list):
        for item in value:
            yield from used_in(item, f"{path}[]")


@pytest.mark.parametrize("struct", [InitConfiguration, ClusterConfiguration])
def test_every_field_is_used(struct: type[msgspec.Struct]) -> None:
    used: set[str] = set()
    for configuration in read_configurations().values():
        for document in yaml.safe_load_all(configuration.documents(NEWEST, "/patches")):
            if document and document["kind"] == struct.__name__:
                used.update(used_in(document, struct.__name__))

    wanted = set(fields_of(inspect.type_info(struct), struct.__name__))
    assert wanted - NEVER_ACCEPTED <= used
    assert not NEVER_ACCEPTED & used


def test_there_are_enough_of_them() -> None:
    assert len(read_configurations()) >= ENOUGH
