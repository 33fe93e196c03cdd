"""The JSON Schema of the configuration, for editors: ``python -m bootstrap.config.schema docs/schema``.

Invariant: generated from the structs that decoding uses, so it cannot say anything else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bootstrap.config.componentfields import field_of, fields_of
from bootstrap.config.documents import KINDS
from bootstrap.model.bootstrapconfig import BootstrapConfiguration
from bootstrap.model.kubeadm import ClusterConfiguration, InitConfiguration
from bootstrap.model.kubeadmcommands import JoinConfiguration, ResetConfiguration, UpgradeConfiguration

FILE = "config.json"

_DOCUMENTS = (
    InitConfiguration,
    ClusterConfiguration,
    BootstrapConfiguration,
    JoinConfiguration,
    ResetConfiguration,
    UpgradeConfiguration,
)

_TYPES = {
    "text": {"type": "string"},
    "true or false": {"type": "boolean"},
    "a whole number": {"type": "integer"},
    "a number": {"type": "number"},
    "a duration": {"type": "string"},
}
"""What ``bootstrap.config.componentfields`` calls a form."""


def schema() -> dict[str, Any]:
    """Describes one document of any kind; which fields it may have depends on its ``kind``."""
    _, definitions = msgspec.json.schema_components(_DOCUMENTS, ref_template="#/$defs/{name}")
    for kind in (struct.__name__ for struct in _DOCUMENTS):
        version, *_ = KINDS[kind].api_versions
        definitions[kind]["properties"] |= {"apiVersion": {"const": version}, "kind": {"const": kind}}
    carried = [kind for kind, known in KINDS.items() if known.becomes == "carried"]
    for kind in carried:
        definitions[kind] = _object(fields_of(kind))
        definitions[kind]["properties"] |= {"apiVersion": {"const": KINDS[kind].api_versions[0]}, "kind": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A document of a cluster configuration",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"apiVersion": {"type": "string"}, "kind": {"enum": sorted(KINDS)}},
        "allOf": [_when(kind) for kind in (*(struct.__name__ for struct in _DOCUMENTS), *carried)],
        "$defs": definitions,
    }


def _when(kind: str) -> dict[str, Any]:
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"$ref": f"#/$defs/{kind}"},
    }


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A field that some minor has is allowed: which minor it is for, another document says."""
    properties = {name: _field(field) for name, field in fields.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _field(field: Mapping[str, Any]) -> dict[str, Any]:
    return _object(field["fields"]) if "fields" in field else _form(field["form"])


def _form(form: Any) -> dict[str, Any]:
    if isinstance(form, str):
        return _TYPES.get(form, {})
    if "list" in form:
        return {"type": "array", "items": _form(form["list"])}
    if "map" in form:
        return {"type": "object", "additionalProperties": _form(form["map"])}
    return _object({name: field_of(item) for name, item in form["fields"].items()})


def schema_text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1], FILE).write_text(schema_text(), encoding="utf-8")
