"""``python -m tests.lab.componentfields``: makes bootstrap/config/component_fields.json of Go's module cache.

Reads the published types of k8s.io/kubelet and k8s.io/kube-proxy of every supported minor. Invariant: a type
that is not understood becomes ``any``, so the result never refuses what a component takes.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from bootstrap.config.componentfields import FILE
from bootstrap.model.version import RELEASES, KubernetesVersion

_ROOTS = {
    "KubeletConfiguration": "kubelet/config/v1beta1",
    "KubeProxyConfiguration": "kube-proxy/config/v1alpha1",
}
_PACKAGES = {
    "componentbaseconfigv1alpha1": "component-base/config/v1alpha1",
    "logsapi": "component-base/logs/api/v1",
    "tracingapi": "component-base/tracing/api/v1",
}
"""Import names in those types -> where they are."""

_SCALARS = {
    "string": "text",
    "bool": "true or false",
    "int": "a whole number",
    "int32": "a whole number",
    "int64": "a whole number",
    "uint32": "a whole number",
    "float64": "a number",
    "metav1.Duration": "a duration",
}
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_ALIAS = re.compile(r"^type (\w+) (?:= )?(string|bool|int32|map\[string\]\w+)$", re.MULTILINE)
_DECODES_ITSELF = re.compile(r"^func \(\w+ \*?(\w+)\) UnmarshalJSON", re.MULTILINE)
_FIELD = re.compile(r'^\t(?:(\w+) +)?(\S+) +`[^`]*json:"([^",]*)(,inline)?[^"]*"', re.MULTILINE)


def main() -> None:
    merged: dict[str, Any] = {}
    for minor in sorted(RELEASES):
        version = RELEASES[minor].newest
        for kind, package in _ROOTS.items():
            _merge(merged.setdefault(kind, {}), _fields(kind, package, version), version.minor_text)
    _leave_out_the_usual(merged)
    Path(FILE).write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n")


def _leave_out_the_usual(fields: dict[str, Any]) -> None:
    """A field that all minors have does not say which."""
    for field in fields.values():
        if isinstance(field, dict):
            if len(field.get("minors", ())) == len(RELEASES):
                del field["minors"]
            _leave_out_the_usual(field)


def _merge(known: dict[str, Any], fields: dict[str, Any], minor: str) -> None:
    """Adds a minor to each field; the form is that of the newest one."""
    for name, form in fields.items():
        entry = known.setdefault(name, {"minors": []})
        entry["minors"].append(minor)
        if isinstance(form, dict) and "fields" in form:
            below = entry.setdefault("fields", {})
            _merge(below, form["fields"], minor)
        else:
            entry["form"] = form


def _fields(struct: str, package: str, version: KubernetesVersion) -> dict[str, Any]:
    types = _types(package, version)
    found: dict[str, Any] = {}
    for name, go, json_name, _inline in _FIELD.findall(types["structs"][struct]):
        if go == "metav1.TypeMeta":
            continue
        if not json_name:
            found |= _fields((name or go).rpartition(".")[2], _home(go, package), version)
        elif json_name != "-":
            found[json_name] = _form(go, package, version)
    return found


def _form(go: str, package: str, version: KubernetesVersion) -> Any:
    go = go.lstrip("*")
    if go.startswith("[]"):
        return {"list": _form(go[2:], package, version)}
    if go.startswith("map[string]"):
        return {"map": _form(go[len("map[string]") :], package, version)}
    if go in _SCALARS:
        return _SCALARS[go]
    prefix, _, name = go.rpartition(".")
    if prefix and prefix not in _PACKAGES:
        return "any"
    home = _home(go, package)
    types = _types(home, version)
    if name in types["aliases"]:
        return _form(types["aliases"][name], home, version)
    return {"fields": _fields(name, home, version)} if name in types["structs"] else "any"


def _home(go: str, package: str) -> str:
    return _PACKAGES.get(go.rpartition(".")[0], package)


def _types(package: str, version: KubernetesVersion) -> dict[str, dict[str, str]]:
    module, _, rest = package.partition("/")
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True)
    directory = Path(cache.stdout.strip()) / "k8s.io" / f"{module}@v0.{version.minor}.{version.patch}" / rest
    text = "\n".join(path.read_text() for path in directory.glob("*.go") if not path.name.startswith("zz_"))
    own_form = set(_DECODES_ITSELF.findall(text))
    structs = {name: body for name, body in _STRUCT.findall(text) if name not in own_form}
    return {"structs": structs, "aliases": dict(_ALIAS.findall(text))}


if __name__ == "__main__":
    main()
