"""The published JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path

from bootstrap.config.schema import FILE, schema, schema_text

PUBLISHED = Path(__file__).parents[3] / "docs" / "schema" / FILE


def test_the_published_schema_is_the_one_the_structs_say() -> None:
    assert PUBLISHED.read_text() == schema_text(), "run: python -m bootstrap.config.schema docs/schema"


def test_a_document_is_described_by_its_kind() -> None:
    definitions = schema()["$defs"]

    assert definitions["ClusterConfiguration"]["additionalProperties"] is False
    assert definitions["ClusterConfiguration"]["properties"]["apiVersion"] == {
        "const": "kubeadm.k8s.io/v1beta4"
    }
    kubelet = definitions["KubeletConfiguration"]
    assert kubelet["properties"]["clusterDNS"] == {"type": "array", "items": {"type": "string"}}
    assert kubelet["additionalProperties"] is False
    assert "caCertHashes" in definitions["BootstrapTokenDiscovery"]["properties"]
    assert "Always" in json.dumps(definitions["NodeRegistrationOptions"]["properties"]["imagePullPolicy"])
