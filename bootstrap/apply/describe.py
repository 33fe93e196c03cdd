"""A plan in words, and as a document for programs. Invariant: both say the same, and neither has a secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bootstrap.apply.diff import Difference
from bootstrap.apply.plan import Action, Change, Plan

SCHEMA = "bootstrap/plan/v1"

_SIGNS: dict[Action, str] = {"create": "+", "update": "~", "delete": "-", "none": " "}
_EFFECTS: dict[Action, str] = {"create": "starts", "update": "restarts", "delete": "stops", "none": ""}
_ABSENT = "(absent)"


def plan_lines(plan: Plan) -> Iterator[str]:
    """Lines for a person: one for each file that changes, below it its fields, at the end the sum."""
    for change in plan.pending:
        effect = f"  ({_EFFECTS[change.action]} {change.restarts})" if change.restarts else ""
        yield f"{_SIGNS[change.action]} {change.file.path}{effect}"
        for difference in change.differences:
            yield f"    {difference_line(difference, change.file.component)}"
    for path in plan.foreign:
        yield f"? {path}  (not ours: it is run as it is, and left alone)"
    yield summary(plan)


def difference_line(difference: Difference, component: str | None = None) -> str:
    """``--profiling: (absent) -> false``; the container that bears its component's name goes unsaid."""
    path = difference.path.removeprefix(f"spec.containers[{component}].")
    old, new = (_ABSENT if value is None else value for value in (difference.old, difference.new))
    return f"{path}: {old} -> {new}"


def summary(plan: Plan) -> str:
    """One line."""
    if plan.is_empty:
        return "No changes: the node is as its configuration says."
    counts = ", ".join(f"{count} to {action}" for action, count in _counts(plan).items())
    restarts = ", ".join(plan.restarts) or "no component"
    return f"Plan: {counts}; it touches {restarts}."


def plan_document(plan: Plan) -> dict[str, Any]:
    """Schema ``bootstrap/plan/v1``, described in docs/plan-and-apply.md."""
    return {
        "schema": SCHEMA,
        "empty": plan.is_empty,
        "summary": _counts(plan),
        "restarts": list(plan.restarts),
        "changes": [_change_document(change) for change in plan.pending],
        "unchanged": [str(change.file.path) for change in plan.changes if change.action == "none"],
        "foreign": [str(path) for path in plan.foreign],
    }


def _change_document(change: Change) -> dict[str, Any]:
    return {
        "action": change.action,
        "path": str(change.file.path),
        "kind": change.file.kind,
        "mode": f"{change.file.mode:04o}",
        "component": change.file.component,
        "restarts": change.restarts,
        "differences": [
            {"path": difference.path, "old": difference.old, "new": difference.new}
            for difference in change.differences
        ],
    }


def _counts(plan: Plan) -> dict[str, int]:
    actions: tuple[Action, ...] = ("create", "update", "delete")
    return {action: sum(change.action == action for change in plan.pending) for action in actions}
