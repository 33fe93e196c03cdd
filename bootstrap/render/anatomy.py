"""What a template is made of, as far as others depend on it: what it extends, and its blocks.

Invariant: only read, never rendered; two blocks are equal when they lay out the same, comments and line
numbers apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import jinja2
from jinja2 import meta, nodes

from bootstrap.render.engine import failure


@dataclass(frozen=True, slots=True)
class Block:
    """``line`` is where it begins; ``body`` is there to be compared; ``keeps_parent`` when it has super()."""

    line: int
    body: object
    keeps_parent: bool


@dataclass(frozen=True, slots=True)
class Anatomy:
    """``extends`` is "" for a template that stands alone, ``uses`` what it extends, includes and imports.

    ``chooses``: it makes up a name that it uses while it is rendered. ``replaced`` are the blocks that take
    the place of another template's, ``blocks`` those within them too.
    """

    extends: str
    uses: frozenset[str]
    chooses: bool
    blocks: Mapping[str, Block]
    replaced: frozenset[str]


def anatomy(text: str, file: str) -> Anatomy:
    """Raises TemplateFailedError with ``file`` and the line of a mistake in syntax."""
    try:
        tree = _grammar().parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise failure(file, error.lineno, str(error.message)) from error
    used = set(meta.find_referenced_templates(tree))
    parents = [
        node.template.value for node in tree.find_all(nodes.Extends) if isinstance(node.template, nodes.Const)
    ]
    return Anatomy(
        extends=parents[0] if parents else "",
        uses=frozenset(name for name in used if name),
        chooses=None in used,
        blocks={block.name: _block(block) for block in tree.find_all(nodes.Block)},
        replaced=frozenset(node.name for node in tree.body if isinstance(node, nodes.Block))
        if parents
        else frozenset(),
    )


def _block(block: nodes.Block) -> Block:
    calls = (call.node for call in block.find_all(nodes.Call))
    keeps_parent = any(isinstance(called, nodes.Name) and called.name == "super" for called in calls)
    return Block(block.lineno, block.body, keeps_parent)


@cache
def _grammar() -> jinja2.Environment:
    """Reads as ``render.engine`` does."""
    return jinja2.Environment(  # noqa: S701 - nothing is rendered
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
