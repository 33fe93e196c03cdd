"""The JSON Schema of the configuration, for editors: ``python -m bootstrap.config.schema docs/schema``.

Invariant: generated from the structs that decoding uses, so it cannot say anything else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from bootstrap.config.documents import KINDS
from bootstrap.model.bootstrapconfig import BootstrapConfiguration
from bootstrap.model.kubeadm import ClusterConfiguration, InitConfiguration

FILE = "config.json"

_DOCUMENTS = (InitConfiguration, ClusterConfiguration, BootstrapConfiguration)


def schema() -> dict[str, Any]:
    """Describes one document of any kind; which fields it may have depends on its ``kind``."""
    _, definitions = msgspec.json.schema_components(_DOCUMENTS, ref_template="#/$defs/{name}")
    for kind in (struct.__name__ for struct in _DOCUMENTS):
        version, *_ = KINDS[kind].api_versions
        definitions[kind]["properties"] |= {"apiVersion": {"const": version}, "kind": {"const": kind}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A document of a cluster configuration",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"apiVersion": {"type": "string"}, "kind": {"enum": sorted(KINDS)}},
        "allOf": [_when(struct.__name__) for struct in _DOCUMENTS],
        "$defs": definitions,
    }


def _when(kind: str) -> dict[str, Any]:
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"$ref": f"#/$defs/{kind}"},
    }


def schema_text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1], FILE).write_text(schema_text(), encoding="utf-8")
