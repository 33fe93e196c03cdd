"""kubeadm's ``--patches`` directory: files named TARGET[SUFFIX][+TYPE].{json,yaml}.

Source: cmd/kubeadm/app/util/patches/patches.go. Invariant: pure; whoever reads the directory hands over names
and texts, sorted by name.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from bootstrap.errors import ConfigError
from bootstrap.model.layout import COMPONENTS
from bootstrap.render.documents import InvalidYamlError, load_all
from bootstrap.render.strategic_merge import Document, PatchDirectiveError, strategic_merge

PatchType = Literal["strategic", "merge", "json"]

TARGETS = (*COMPONENTS, "kubeletconfiguration", "corednsdeployment", "kubeproxydaemonset")

_ENDINGS = (".json", ".yaml", ".yml")
_NAME = re.compile(rf"({'|'.join(TARGETS)})([^.+\n]*)(\+)?(strategic|merge|json)?")


class PatchError(ConfigError):
    """A patch cannot be read or does not fit its target."""


class Patch(msgspec.Struct, frozen=True):
    """One document of a patch file; ``source`` is the file's name."""

    target: str
    type: PatchType
    content: Any
    source: str


class Patches(msgspec.Struct, frozen=True):
    """All patches in the order they apply, and why files were left out, one line each."""

    patches: tuple[Patch, ...] = ()
    ignored: tuple[str, ...] = ()

    def of(self, target: str) -> tuple[Patch, ...]:
        return tuple(patch for patch in self.patches if patch.target == target)


def read_patches(texts: Mapping[str, str]) -> Patches:
    """Patches from the texts of files by name.

    A file that is empty or no YAML or JSON is ignored, as kubeadm does, and named in ``ignored``. Raises
    PatchError for a bad type, unreadable content, and for YAML or JSON that no target is patched with:
    kubeadm ignores it, and the cluster comes up without what it was to change.
    """
    patches: list[Patch] = []
    ignored: list[str] = []
    for name in texts:
        if not name.endswith(_ENDINGS):
            ignored.append(f"patch file {name} is ignored: its name does not end in .json or .yaml")
            continue
        target, patch_type = _parse_name(name)
        documents = _documents(name, texts[name])
        if not documents:
            ignored.append(f"patch file {name} is ignored: it is empty")
        patches += [Patch(target, patch_type, document, name) for document in documents]
    return Patches(tuple(patches), tuple(ignored))


def apply_patches(document: Document, patches: tuple[Patch, ...]) -> Document:
    """``document`` with the patches applied in order. Raises PatchError naming the file at fault."""
    for patch in patches:
        try:
            document = _apply(document, patch)
        except (PatchDirectiveError, _PatchMismatchError) as error:
            raise PatchError(
                f"the {patch.type} patch in {patch.source} does not fit {patch.target}: {error}",
                remedy=f"correct {patch.source}",
            ) from error
    return document


class _PatchMismatchError(ValueError):
    """The patch names something the target does not have."""


def _parse_name(name: str) -> tuple[str, PatchType]:
    """Target and type."""
    base = name.rsplit("/", 1)[-1]
    if base.endswith(".yml"):
        raise PatchError(
            f"patch file {name} would change nothing: patches end in .json or .yaml",
            remedy=f"rename it to {name.removesuffix('.yml')}.yaml",
        )
    found = _NAME.match(base)
    if not found:
        from difflib import get_close_matches

        nearest = get_close_matches(re.split(r"[.+]", base.lower())[0], TARGETS, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"targets are {', '.join(TARGETS)}"
        raise PatchError(
            f"patch file {name} would change nothing: its name does not begin with a target; {hint}",
            remedy=f"rename {name}, or move it out of the patches directory",
        )
    target, _suffix, plus, patch_type = found.groups()
    if plus and not patch_type:
        raise PatchError(
            f"patch file {name}: there is no patch type after the +",
            remedy=f"name it {target}+strategic.yaml, {target}+merge.yaml or {target}+json.yaml",
        )
    return target, _type(patch_type or "")


def _type(text: str) -> PatchType:
    if text == "json":
        return "json"
    return "merge" if text == "merge" else "strategic"


def _documents(name: str, text: str) -> list[Any]:
    try:
        return [document for document in load_all(text) if document is not None]
    except InvalidYamlError as error:
        raise PatchError(f"patch file {name}{error}", remedy=f"correct {name}") from error


def _apply(document: Document, patch: Patch) -> Document:
    if patch.type == "json":
        return _apply_json_patch(document, patch.content)
    if not isinstance(patch.content, dict):
        raise _PatchMismatchError("it is not an object with the fields to change")
    if patch.type == "merge":
        merged = _merge(document, patch.content)
        assert isinstance(merged, dict)
        return merged
    return strategic_merge(document, patch.content)


def _apply_json_patch(document: Document, operations: Any) -> Document:
    """RFC 6902. The library is imported here since hardly anybody patches."""
    import jsonpatch

    if not isinstance(operations, list):
        raise _PatchMismatchError("it is not a list of operations")
    try:
        result = jsonpatch.JsonPatch(operations).apply(document)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise _PatchMismatchError(str(error)) from error
    except (TypeError, AttributeError) as error:
        raise _PatchMismatchError(f"it is not a list of operations: {json.dumps(operations)}") from error
    if not isinstance(result, dict):
        raise _PatchMismatchError("it leaves something that is not an object")
    return result


def _merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result
