"""The query of ``/containerLogs`` as what it asks for. Pure.

Source: PodLogOptions, its validation, and getContainerLogs in pkg/kubelet/server. Invariant: what cannot be
meant is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.runtime.api import LogQuery

FALSE = ("false", "0")
STREAMS = ("All", "Stdout", "Stderr")


@dataclass(frozen=True, slots=True)
class LogOptions:
    """``previous``: of the instance before the current one. ``limit``: bytes, None for all."""

    query: LogQuery
    previous: bool = False
    limit: int | None = None


def log_options(values: Mapping[str, str], now: datetime) -> LogOptions:
    """Of a decoded query; unknown names are ignored.

    Raises RefusedError: 400 for what cannot be read, 422 for what cannot be meant.
    """
    stream = values.get("stream", "All") or "All"
    if stream not in STREAMS:
        raise RefusedError(422, f"stream: {stream!r} is not one of {', '.join(STREAMS)}")
    tail = _number(values, "tailLines", 0)
    if tail is None and values.get("tail", "all") != "all":
        tail = _number(values, "tail", 0)
    if tail is not None and stream != "All":
        raise RefusedError(422, "tailLines and a specific stream are mutually exclusive for now")
    return LogOptions(
        LogQuery(
            follow=_boolean(values, "follow"),
            tail=tail,
            since=_since(values, now),
            timestamps=_boolean(values, "timestamps"),
            stdout=stream != "Stderr",
            stderr=stream != "Stdout",
        ),
        previous=_boolean(values, "previous"),
        limit=_number(values, "limitBytes", 1),
    )


def _since(values: Mapping[str, str], now: datetime) -> datetime | None:
    seconds = _number(values, "sinceSeconds", 1)
    text = values.get("sinceTime", "")
    if seconds is not None and text:
        raise RefusedError(422, "at most one of sinceTime or sinceSeconds may be specified")
    if seconds is not None:
        try:
            return now - timedelta(seconds=seconds)
        except OverflowError:
            return None
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RefusedError(400, f"sinceTime: {text!r} is not a time as in RFC 3339")
    return moment


def _boolean(values: Mapping[str, str], name: str) -> bool:
    """As the API server converts it: a name without a value is true, and so is what is not false."""
    return name in values and values[name].lower() not in FALSE


def _number(values: Mapping[str, str], name: str, least: int) -> int | None:
    text = values.get(name, "")
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        raise RefusedError(400, f"{name}: {text!r} is not a number") from None
    if number < least:
        raise RefusedError(422, f"{name}: {number} is less than {least}")
    return number
