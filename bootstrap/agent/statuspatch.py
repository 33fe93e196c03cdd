"""What must be told to the API so that it shows a status: the part that differs, as a strategic merge patch.

Pure. Invariants: what others have written (conditions of their own, fields that are not the kubelet's) is
neither compared nor touched; a patch carries the UID it is meant for, and nothing differs once it is applied.
"""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]

OURS = (
    "phase",
    "reason",
    "message",
    "conditions",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "startTime",
    "initContainerStatuses",
    "containerStatuses",
)
"""The fields a kubelet writes. The server derives qosClass itself, and refuses another one."""

_MERGED_BY_IP = frozenset({"hostIPs", "podIPs"})
"""Lists that a strategic merge would only ever add to."""

_CONTAINER_FIELDS = (
    "name",
    "image",
    "imageID",
    "containerID",
    "ready",
    "started",
    "restartCount",
    "state",
    "lastState",
)


def with_published_times(wanted: JsonObject, published: JsonObject) -> JsonObject:
    """``wanted`` as a new agent says it, with the times that the API remembers from the one before."""
    known = {each["type"]: each for each in published.get("conditions") or ()}
    conditions = [_with_time(each, known.get(each["type"])) for each in wanted.get("conditions") or ()]
    return {**wanted, "conditions": conditions}


def status_patch(uid: str, wanted: JsonObject, published: JsonObject) -> JsonObject | None:
    """The body of a PATCH on ``/status``; None when the API shows ``wanted`` already."""
    changes: JsonObject = {}
    for field in OURS:
        new, old = wanted.get(field), published.get(field)
        if field == "conditions":
            if _conditions_differ(new or [], old or []):
                changes[field] = [_whole(each) for each in new or ()]
        elif field.endswith("ontainerStatuses"):
            if _known(new) != _known(old):
                changes[field] = new
        elif new != old:
            grows = field in _MERGED_BY_IP and new and old
            changes[field] = [{"$patch": "replace"}, *(new or ())] if grows else new
    return {"metadata": {"uid": uid}, "status": changes} if changes else None


def _with_time(wanted: JsonObject, published: JsonObject | None) -> JsonObject:
    if published is None or published.get("status") != wanted["status"]:
        return wanted
    since = published.get("lastTransitionTime")
    return {**wanted, "lastTransitionTime": since} if since else wanted


def _conditions_differ(wanted: list[JsonObject], published: list[JsonObject]) -> bool:
    known = {each["type"]: each for each in published}
    fields = ("status", "reason", "message")
    return any(
        (each.get(field) or "") != (known.get(each["type"], {}).get(field) or "")
        for each in wanted
        for field in fields
    )


def _whole(condition: JsonObject) -> JsonObject:
    """A condition is merged with the one of its type: what it does not say any more must be taken back."""
    return {"reason": None, "message": None, **condition}


def _known(containers: list[JsonObject] | None) -> list[JsonObject]:
    return [
        {field: each[field] for field in _CONTAINER_FIELDS if each.get(field) not in (None, "")}
        for each in containers or ()
    ]
