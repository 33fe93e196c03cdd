"""YAML text and the plain values it stands for.

Invariant: only what JSON has (no dates, no sets), so a document means the same here and to Kubernetes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from bootstrap.render.scalars import yaml_scalar

if TYPE_CHECKING:
    import yaml

_TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"


class InvalidYamlError(ValueError):
    """The text is no YAML; the error reads as the end of a sentence: ", line 3: found ..."."""


_NO_FOLDING = 2**31 - 1
"""Columns: the largest width libyaml takes."""


def load(text: str) -> Any:
    """The one document in ``text``; raises InvalidYamlError."""
    documents = load_all(text)
    if len(documents) != 1:
        raise InvalidYamlError(f": there are {len(documents)} documents in it, not one")
    return documents[0]


def load_all(text: str) -> list[Any]:
    """All documents, an empty one as None; raises InvalidYamlError."""
    import yaml

    try:
        return list(yaml.load_all(text, _loader()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        where = f", line {mark.line + 1}" if mark else ""
        raise InvalidYamlError(f"{where}: {problem}") from error


def dump(document: Any) -> str:
    """Block style, keys sorted, as Kubernetes tools print objects."""
    import yaml

    return str(
        yaml.dump(document, Dumper=_dumper(), default_flow_style=False, allow_unicode=True, width=_NO_FOLDING)
    )


@cache
def _loader() -> type[yaml.SafeLoader]:
    """Reads dates as the text they are; with libyaml, which is ten times faster, where PyYAML has it."""
    import yaml

    base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag != _TIMESTAMP_TAG]
        for first, known in base.yaml_implicit_resolvers.items()
    }
    return type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers})


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """Quotes all text that some YAML reader would take for something else; with libyaml where it is there."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = None if yaml_scalar(text) == text else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, represent_text)
    return Dumper
