"""``bootstrap agent events``: the pods' histories as a table, or as they grow."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bootstrap.cli.agentsocket import ask
from bootstrap.errors import BootstrapError

WATCH_SECONDS = 1.0
HEADINGS = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
WIDTHS = (18, 7, 13)
"""Of the first columns, so that lines that come later stand below those that came before."""


def show_events(socket: Path, pod: str, *, watch: bool, output: str) -> None:
    """Print them; with ``watch`` also those that come, until interrupted: as JSON, one to a line."""
    answer = ask(socket, "/events")
    chosen = [each for each in answer["events"] if is_about(each, pod, answer["node"])]
    if output == "json" and not watch:
        click.echo(json.dumps({**answer, "events": chosen}))
        return
    if output == "text" and (chosen or watch):
        click.echo(_line(HEADINGS))
    elif output == "text":
        click.echo(
            "Nothing has happened yet." if not pod else f"Nothing has happened to {pod} yet.", err=True
        )
    _print(chosen, output)
    while watch:
        answer = _newer(socket, answer["serial"])
        _print([each for each in answer["events"] if is_about(each, pod, answer["node"])], output)


def is_about(event: dict[str, Any], pod: str, node: str) -> bool:
    """Whether it is about the pod a person named: ``web``, ``web-node1`` or ``default/web``; "" is any."""
    namespace, slash, name = pod.rpartition("/")
    if slash and namespace != event["namespace"]:
        return False
    return not name or event["name"] in (name, f"{name}-{node}")


def event_line(event: dict[str, Any], now: datetime) -> str:
    """One event as a line of the table."""
    seen = age(now - datetime.fromisoformat(event["last"]))
    if event["count"] > 1:
        seen += f" (x{event['count']} in {age(now - datetime.fromisoformat(event['first']))})"
    thing = f"{event['namespace']}/{event['name']}"
    if event["container"]:
        thing += f" {event['container']}"
    return _line((seen, event["type"], event["reason"], thing, event["message"]))


def age(span: timedelta) -> str:
    """As kubectl shortens it: ``8s``, ``3m12s``, ``2h5m``, ``4d``."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60}s" if seconds < 600 else f"{seconds // 60}m"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60}m"
    return f"{seconds // 86400}d{seconds % 86400 // 3600}h"


def _newer(socket: Path, serial: int) -> dict[str, Any]:
    """The next answer; an agent that is just being restarted is waited for."""
    pause = threading.Event()
    complaint = ""
    while True:
        pause.wait(WATCH_SECONDS)
        try:
            return ask(socket, f"/events/{serial}")
        except BootstrapError as error:
            if error.message != complaint:
                complaint = error.message
                click.echo(f"warning: {complaint}; waiting for it", err=True)


def _print(events: Iterable[dict[str, Any]], output: str) -> None:
    for event in events:
        click.echo(json.dumps(event) if output == "json" else event_line(event, datetime.now(UTC)))


def _line(columns: tuple[str, ...]) -> str:
    padded = [text.ljust(width) for text, width in zip(columns, WIDTHS, strict=False)]
    return "  ".join((*padded, *columns[len(WIDTHS) :]))
