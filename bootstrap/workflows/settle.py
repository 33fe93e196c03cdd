"""What comes first under the node's lock. Invariant: whoever changes a node says what it settled before."""

from __future__ import annotations

from bootstrap.apply.commit import recover
from bootstrap.phases.context import Context


def settle(context: Context) -> None:
    """Finish or undo what an interrupted command left, and say so. To be called under the node's lock."""
    recovery = recover(context.files, context.layout)
    if recovery is not None:
        context.reporter.warn(recovery.sentence)
