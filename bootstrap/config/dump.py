"""A ``ControlPlane`` back to text.

Invariant: loading what ``dump`` wrote gives an equal ControlPlane on any machine, and equal values have equal
text.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from bootstrap.config.documents import KINDS
from bootstrap.config.nodes import GO_SCALARS
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import Arg, ExternalEtcd
from bootstrap.model.version import KubernetesVersion

_NEVER_LEFT_OUT: dict[type[msgspec.Struct], frozenset[str]] = {
    Arg: frozenset({"value"}),
    ExternalEtcd: frozenset({"ca_file", "cert_file", "key_file"}),
}
"""Fields without ``omitempty`` in kubeadm's types that may be empty in a complete configuration."""

_HTTP_ENDPOINTS_SINCE = KubernetesVersion(1, 35)


def dump(control_plane: ControlPlane) -> str:
    """Every document with every default. It holds tokens and keys: keep it where only root reads."""
    documents = (
        document(control_plane.init),
        document(control_plane.cluster),
        document(control_plane.bootstrap),
        *control_plane.component_configs,
    )
    return "---\n".join(to_yaml(content) for content in documents)


def dump_cluster_configuration(control_plane: ControlPlane) -> str:
    """What kubeadm keeps under ``ClusterConfiguration`` in the kubeadm-config ConfigMap."""
    content = document(control_plane.cluster)
    external = content["etcd"].get("external")
    if external and control_plane.version < _HTTP_ENDPOINTS_SINCE:
        external.pop("httpEndpoints", None)
    return to_yaml(content)


def document(struct: msgspec.Struct) -> dict[str, Any]:
    """A top level value as a document with its ``apiVersion`` and ``kind``, empty fields left out."""
    kind = type(struct).__name__
    return {"apiVersion": KINDS[kind].api_versions[0], "kind": kind, **_plain(struct)}


def given_document(struct: msgspec.Struct) -> dict[str, Any]:
    """A top level value as a document that says no more than the value does: defaults are left out."""
    kind = type(struct).__name__
    return {"apiVersion": KINDS[kind].api_versions[0], "kind": kind, **msgspec.to_builtins(struct)}


_TEXT = "tag:yaml.org,2002:str"


class _Dumper(yaml.CSafeDumper):
    """Writes as Kubernetes' YAML library does: text that would be read as something else in double quotes."""


def _text(dumper: Any, text: str) -> Any:
    is_plain = dumper.resolve(yaml.ScalarNode, text, (True, False)) == _TEXT
    return dumper.represent_scalar(_TEXT, text, style=None if is_plain else '"')


_Dumper.add_representer(str, _text)
for _tag, _pattern, _first in GO_SCALARS:
    _Dumper.add_implicit_resolver(_tag, _pattern, list(_first))


def to_yaml(content: dict[str, Any]) -> str:
    """Block style with sorted keys, byte for byte as kubeadm writes."""
    dumped: str = yaml.dump(content, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=4096)
    return dumped


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        kept = _NEVER_LEFT_OUT.get(type(value), frozenset())
        return {
            field.encode_name: _plain(getattr(value, field.name))
            for field in msgspec.structs.fields(value)
            if field.name in kept or not _left_out(getattr(value, field.name), field)
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


def _left_out(value: Any, field: msgspec.structs.FieldInfo) -> bool:
    """Go's ``omitempty``: a struct is never empty, and an empty value that is no default is kept."""
    if value or isinstance(value, msgspec.Struct):
        return False
    return field.default_factory is not msgspec.NODEFAULT or value == field.default
