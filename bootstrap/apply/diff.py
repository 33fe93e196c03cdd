"""How two versions of a file differ, field by field.

Invariant: no difference means the same node; key material never appears in a difference.
"""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model.desired import FileKind


@dataclass(frozen=True, slots=True)
class Difference:
    """One field; None where that version does not have it."""

    path: str
    old: str | None
    new: str | None


def compare(old: str, new: str, kind: FileKind) -> tuple[Difference, ...]:
    """Empty when the two mean the same."""
    if old == new:
        return ()
    return (Difference(kind, f"{len(old)} characters", f"{len(new)} characters"),)
