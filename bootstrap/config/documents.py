"""Which documents a configuration may hold, and what becomes of each.

Invariant: a document is decoded, carried along, ignored with a warning, or a problem; never silently dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from bootstrap.config import v1beta3
from bootstrap.config.decode import Decoder, is_text
from bootstrap.config.nodes import Entry, Mapping, Node, Scalar, Sequence, read_documents
from bootstrap.config.plain import plain
from bootstrap.config.problems import FieldPath, Position, Problems, did_you_mean, nearest
from bootstrap.config.sources import Source
from bootstrap.model.bootstrapconfig import BootstrapConfiguration
from bootstrap.model.kubeadm import ClusterConfiguration, InitConfiguration

KUBEADM = "kubeadm.k8s.io/v1beta4"


class Kind(msgspec.Struct, frozen=True):
    """``api_versions``: newest first. ``reader``: the command that reads a kind init ignores."""

    api_versions: tuple[str, ...]
    becomes: Literal["decoded", "carried", "ignored"]
    reader: str = ""


KINDS: dict[str, Kind] = {
    "InitConfiguration": Kind((KUBEADM, v1beta3.API_VERSION), "decoded"),
    "ClusterConfiguration": Kind((KUBEADM, v1beta3.API_VERSION), "decoded"),
    "BootstrapConfiguration": Kind(("bootstrap/v1alpha1",), "decoded"),
    "KubeletConfiguration": Kind(("kubelet.config.k8s.io/v1beta1",), "carried"),
    "KubeProxyConfiguration": Kind(("kubeproxy.config.k8s.io/v1alpha1",), "carried"),
    "JoinConfiguration": Kind((KUBEADM, v1beta3.API_VERSION), "ignored", "join"),
    "ResetConfiguration": Kind((KUBEADM,), "ignored", "reset"),
    "UpgradeConfiguration": Kind((KUBEADM,), "ignored", "upgrade"),
}

OF_OTHER_COMMANDS = frozenset(kind for kind, known in KINDS.items() if known.reader)

_GROUPS = frozenset(version.split("/")[0] for kind in KINDS.values() for version in kind.api_versions)

_LAST_READERS = {
    "v1alpha1": "1.11",
    "v1alpha2": "1.12",
    "v1alpha3": "1.14",
    "v1beta1": "1.15",
    "v1beta2": "1.22",
}
"""The kubeadm that can migrate each version nothing reads any more (kubeadm's app/util/config/common.go)."""


class Documents(msgspec.Struct):
    """What the texts say, before defaults; ``origins`` tells where each given field came from.

    ``others``: documents of other commands by kind, empty unless they were asked for.
    """

    init: InitConfiguration = InitConfiguration()
    cluster: ClusterConfiguration = msgspec.field(default_factory=ClusterConfiguration)
    bootstrap: BootstrapConfiguration = BootstrapConfiguration()
    component_configs: tuple[dict[str, Any], ...] = ()
    others: dict[str, msgspec.Struct] = msgspec.field(default_factory=dict)
    given: frozenset[str] = frozenset()
    origins: dict[FieldPath, Position | str] = msgspec.field(default_factory=dict)


class _Header(msgspec.Struct, frozen=True):
    kind: str
    api_version: str


def decode_sources(
    sources: Iterable[Source], problems: Problems, *, every_command: bool = False
) -> Documents:
    """Reads every document of every source; what is wrong is added to ``problems``.

    ``every_command``: those of other commands are read too, instead of being ignored with a warning.
    """
    found: dict[str, tuple[Mapping, _Header]] = {}
    readable, source = True, None
    for source in sources:
        before = len(problems.errors)
        nodes = read_documents(source, problems)
        if not nodes and len(problems.errors) == before:
            problems.add(source.name, f"there is no document in it; begin with apiVersion: {KUBEADM}")
        for node in nodes:
            header = _header(node, problems)
            if header and isinstance(node, Mapping):
                _keep(node, header, found, problems, every_command=every_command)
        readable = readable and len(problems.errors) == before
    if readable and source is not None and not found:
        problems.add(source.name, f"there is no configuration in it; begin with apiVersion: {KUBEADM}")
    if readable and found and not _has_main(found, every_command=every_command):
        at = next(iter(found.values()))[0].at
        problems.add(at, "there is no InitConfiguration or ClusterConfiguration beside it")
    return _decode(
        _in_v1beta4(found, problems, every_command=every_command), problems, every_command=every_command
    )


def _has_main(found: dict[str, tuple[Mapping, _Header]], *, every_command: bool) -> bool:
    return any(
        KINDS[kind].becomes == "decoded" or (every_command and kind in OF_OTHER_COMMANDS) for kind in found
    )


def _header(node: Node, problems: Problems) -> _Header | None:
    """The document's identity, None when a problem was added."""
    if not isinstance(node, Mapping):
        problems.add(node.at, "a document must be a mapping with apiVersion and kind")
        return None
    given = {}
    for key in ("apiVersion", "kind"):
        value = node.get(key)
        if isinstance(value, Scalar) and is_text(value) and value.text:
            given[key] = value.text
        elif value is None:
            misspelt = nearest(key, (entry.key for entry in node.entries))
            hint = f'; "{misspelt}" looks like it' if misspelt else ""
            problems.add(node.at, f"the document has no {key}{hint}")
        else:
            problems.add(value.at, f"{key} must be text")
    return _Header(given["kind"], given["apiVersion"]) if len(given) == 2 else None


def _keep(
    node: Mapping,
    header: _Header,
    found: dict[str, tuple[Mapping, _Header]],
    problems: Problems,
    *,
    every_command: bool,
) -> None:
    kind = KINDS.get(header.kind)
    if kind is None or header.api_version not in kind.api_versions:
        _refuse(node, header, problems)
        return
    if header.kind in found:
        first = found[header.kind][0].at
        problems.add(node.at, f"a second {header.kind}; the first is at {first}")
        return
    if kind.becomes == "ignored" and not every_command:
        problems.warn(node.at, f"ignored: {header.kind} is for `bootstrap {kind.reader}`")
    found[header.kind] = (node, header)


def _refuse(node: Mapping, header: _Header, problems: Problems) -> None:
    """A document that is none of ours: foreign ones are ignored as kubeadm does, near misses are problems."""
    kind_at = _at(node, "kind")
    version_at = _at(node, "apiVersion")
    group, _, version = header.api_version.rpartition("/")
    if header.kind not in KINDS:
        if group in _GROUPS or nearest(header.kind, KINDS):
            problems.add(kind_at, f'unknown kind "{header.kind}"{did_you_mean(header.kind, KINDS)}')
        elif near := nearest(group, _GROUPS):
            problems.add(version_at, f'unknown group "{group}"; did you mean "{near}"?')
        else:
            problems.warn(
                node.at, f"ignored: {header.api_version} {header.kind} is no kind this program reads"
            )
        return
    newest = KINDS[header.kind].api_versions[0]
    old = _LAST_READERS.get(version) if group == "kubeadm.k8s.io" else None
    how = f"migrate the file with kubeadm {old}, or write {newest}" if old else f"write {newest}"
    problems.add(version_at, f'apiVersion "{header.api_version}" of {header.kind} is not supported; {how}')


def _at(node: Mapping, key: str) -> Position:
    value = node.get(key)
    return value.at if value else node.at


def _in_v1beta4(
    found: dict[str, tuple[Mapping, _Header]], problems: Problems, *, every_command: bool
) -> dict[str, Mapping]:
    converted: dict[str, Mapping] = {}
    timeout: Entry | None = None
    for kind, (node, header) in found.items():
        is_read = KINDS[kind].becomes == "decoded" or every_command
        if header.api_version == v1beta3.API_VERSION and is_read:
            problems.warn(
                _at(node, "apiVersion"),
                f"{header.api_version} is deprecated and gone from kubeadm 1.37; write {KUBEADM}",
            )
            node, moved = v1beta3.to_v1beta4(kind, node, problems)
            timeout = timeout or moved
        converted[kind] = node
    if timeout:
        init = converted.get("InitConfiguration") or Mapping(timeout.at, ())
        converted["InitConfiguration"] = v1beta3.with_timeout(init, timeout)
    return converted


def _decode(nodes: dict[str, Mapping], problems: Problems, *, every_command: bool) -> Documents:
    decoder = Decoder(problems)
    documents = Documents(given=frozenset(nodes))
    if node := nodes.get("InitConfiguration"):
        documents.init = decoder.document(node, InitConfiguration, "InitConfiguration")
    if node := nodes.get("ClusterConfiguration"):
        documents.cluster = decoder.document(node, ClusterConfiguration, "ClusterConfiguration")
    if node := nodes.get("BootstrapConfiguration"):
        documents.bootstrap = decoder.document(node, BootstrapConfiguration, "BootstrapConfiguration")
    if every_command:
        documents.others = dict(_others(nodes, decoder))
    documents.origins = dict(decoder.positions)
    for kind, node in nodes.items():
        if KINDS[kind].becomes == "carried":
            documents.component_configs += (plain(node, problems),)
            documents.origins.update(_places(node, (kind,)))
    return documents


def _others(nodes: dict[str, Mapping], decoder: Decoder) -> Iterator[tuple[str, msgspec.Struct]]:
    from bootstrap.model import kubeadmcommands  # hardly any command reads them

    for kind in OF_OTHER_COMMANDS.intersection(nodes):
        yield kind, decoder.document(nodes[kind], getattr(kubeadmcommands, kind), kind)


def _places(node: Node, path: FieldPath) -> Iterator[tuple[FieldPath, Position]]:
    """Every field of a document that is not decoded, with its position."""
    yield path, node.at
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from _places(entry.value, (*path, entry.key))
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _places(item, (*path, index))
