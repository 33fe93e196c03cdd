"""``bootstrap agent events``: the pods' histories as a table, or as they grow."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bootstrap.cli.agentsocket import ask
from bootstrap.cli.agentstatus import age
from bootstrap.errors import BootstrapError

WATCH_SECONDS = 1.0
HEADINGS = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
Widths = tuple[int, ...]
WIDTHS: Widths = (14, 7, 10, 24)
"""Of the first columns at least: lines that come later stand below those that came before."""


def show_events(socket: Path, pod: str, *, watch: bool, output: str) -> None:
    """Print them; with ``watch`` also those that come, until interrupted: as JSON, one to a line."""
    answer = ask(socket, "/events")
    chosen = [each for each in answer["events"] if is_about(each, pod, answer["node"])]
    if output == "json" and not watch:
        click.echo(json.dumps({**answer, "events": chosen}))
        return
    if output == "text" and not (chosen or watch):
        click.echo(
            "Nothing has happened yet." if not pod else f"Nothing has happened to {pod} yet.", err=True
        )
        return
    widths = _print(chosen, output, None)
    while watch:
        answer = _newer(socket, answer["serial"])
        new = [each for each in answer["events"] if is_about(each, pod, answer["node"])]
        widths = _print(new, output, widths)


def is_about(event: dict[str, Any], pod: str, node: str) -> bool:
    """Whether it is about the pod a person named: ``web``, ``web-node1`` or ``default/web``; "" is any."""
    namespace, slash, name = pod.rpartition("/")
    if slash and namespace != event["namespace"]:
        return False
    return not name or event["name"] in (name, f"{name}-{node}")


def event_row(event: dict[str, Any], now: datetime) -> tuple[str, ...]:
    """One event as a row of the table."""
    seen = age(event["last"], now)
    if event["count"] > 1:
        seen += f" (x{event['count']} in {age(event['first'], now)})"
    thing = f"{event['namespace']}/{event['name']}"
    if event["container"]:
        thing += f" {event['container']}"
    return seen, event["type"], event["reason"], thing, event["message"]


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


def _print(events: list[dict[str, Any]], output: str, widths: Widths | None) -> Widths:
    """The widths of the columns, which only grow; None for the first time, which has headings."""
    if output == "json":
        for event in events:
            click.echo(json.dumps(event))
        return WIDTHS
    rows = [event_row(event, datetime.now(UTC)) for event in events]
    if widths is None:
        rows.insert(0, HEADINGS)
    grown = tuple(max(width, *(len(row[n]) for row in rows), 0) for n, width in enumerate(widths or WIDTHS))
    for row in rows:
        padded = [text.ljust(width) for text, width in zip(row, grown, strict=False)]
        click.echo("  ".join((*padded, *row[len(grown) :])))
    return grown
