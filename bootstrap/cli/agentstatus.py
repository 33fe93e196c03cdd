"""``bootstrap agent status`` for people: a line for each pod, and below it why it is not as it should be.

Invariant: the lines fit the terminal they are for, and say the same without colours.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bootstrap.cli.agentsocket import ask
from bootstrap.errors import BootstrapError
from bootstrap.host.clock import SystemClock

WATCH_SECONDS = 1.0
HEADINGS = ("POD", "READY", "STATUS", "RESTARTS", "AGE", "IP")
LEAST = 3
"""Columns that are never left out."""

INDENT = "    "
UNLIMITED = 10_000
CLEAR = "\033[H\033[J"
GOOD = frozenset({"Running", "Succeeded", "Completed"})
HARMLESS = frozenset({"Pending", "ContainerCreating", "PodInitializing", "Terminating"})
"""Words for what is under way; others are trouble."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What the lines are for; ``width`` in characters."""

    width: int = UNLIMITED
    color: bool = False

    def paint(self, text: str, color: str) -> str:
        return click.style(text, fg=color) if self.color else text


def show_status(socket: Path, *, color: bool, watch: bool) -> None:
    """Print it; with ``watch`` until interrupted, on a terminal in place, else again whenever it changes."""
    is_terminal = sys.stdout.isatty()
    clock, pause = SystemClock(), threading.Event()
    shown = status = ask(socket, "/status")
    click.echo(_text(status, clock.now(), is_terminal, color=color))
    while watch:
        pause.wait(WATCH_SECONDS)
        status = _patiently_asked(socket, status)
        text = _text(status, clock.now(), is_terminal, color=color)
        if is_terminal:
            click.echo(CLEAR + "\n".join(text.splitlines()[: shutil.get_terminal_size().lines - 1]))
        elif status != shown:
            click.echo(f"\n{text}")
        shown = status


def print_status(socket: Path, *, watch: bool) -> None:
    """As JSON on one line; with ``watch`` another line whenever it changes, until interrupted."""
    pause = threading.Event()
    shown = status = ask(socket, "/status")
    click.echo(json.dumps(status))
    while watch:
        pause.wait(WATCH_SECONDS)
        status = _patiently_asked(socket, status)
        if status != shown:
            click.echo(json.dumps(status))
        shown = status


def status_lines(status: dict[str, Any], now: datetime, screen: Screen) -> list[str]:
    """The JSON of the status socket as text."""
    return [
        *_table(status["pods"], status["node"], now, screen),
        *_certificates(status.get("certificates"), now, screen),
        *_problems(status, screen),
    ]


def pod_word(pod: dict[str, Any]) -> str:
    """One word for the state of a pod, chosen as kubectl chooses it."""
    if pod["phase"] == "Terminating" or pod.get("reason"):
        return str(pod.get("reason") or pod["phase"])
    init = [each for each in pod["containers"] if each["init"]]
    done = [each for each in init if each["ready"] or (each.get("sidecar") and each["started"])]
    for container in init:
        if container not in done:
            if container["state"] == "running" or container["reason"] in ("", *HARMLESS):
                return f"Init:{len(done)}/{len(init)}"
            return f"Init:{container['reason']}"
    apps = [each for each in pod["containers"] if not each["init"]]
    for state in ("waiting", "terminated"):
        words = [each["reason"] for each in apps if each["state"] == state and each["reason"]]
        if words:
            return str(words[0])
    return str(pod["phase"])


def container_why(container: dict[str, Any]) -> str:
    """Why a container is not as it should be, "" when it is."""
    if container["state"] == "running" and container["ready"]:
        return ""
    if container["state"] == "terminated" and container["lastExit"] and not container["lastExit"]["exitCode"]:
        return ""
    why = ": ".join(text for text in (container["reason"], container["message"]) if text)
    last = container["lastExit"]
    if last and container["state"] != "terminated":
        why = "; ".join(text for text in (why, f"last exit {last['exitCode']} ({last['reason']})") if text)
    if container["state"] == "running" and not why:
        probe = "readiness" if container["started"] else "startup"
        why = f"its {probe} probe has not succeeded yet"
        if container["init"] and not container.get("sidecar"):
            why = "it has not done its work yet"
    return why or str(container["state"])


def age(since: str | None, now: datetime) -> str:
    """As kubectl shortens it: ``8s``, ``3m12s``, ``2h5m``, ``4d3h``; "" for no time."""
    if not since:
        return ""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60}s" if seconds < 600 else f"{seconds // 60}m"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60}m"
    return f"{seconds // 86400}d{seconds % 86400 // 3600}h"


def _patiently_asked(socket: Path, before: dict[str, Any]) -> dict[str, Any]:
    """An agent that is just being restarted is waited for, and what it said last stands."""
    try:
        return ask(socket, "/status")
    except BootstrapError as error:
        return {**before, "agent": error.message}


def _text(status: dict[str, Any], now: datetime, is_terminal: bool, *, color: bool) -> str:
    screen = Screen(shutil.get_terminal_size().columns, color) if is_terminal else Screen()
    return "\n".join(status_lines(status, now, screen) or ["No manifest asks for a pod."])


def _table(pods: list[dict[str, Any]], node: str, now: datetime, screen: Screen) -> Iterator[str]:
    if not pods:
        return
    rows = [HEADINGS, *(_row(pod, now) for pod in pods)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    if sum(widths) + 2 * (len(widths) - 1) > screen.width:
        rows = [(row[0].removesuffix(f"-{node}"), *row[1:]) for row in rows]
        widths[0] = max(len(row[0]) for row in rows)
    while len(widths) > LEAST and sum(widths) + 2 * (len(widths) - 1) > screen.width:
        widths.pop()
    is_wide = sum(widths) + 2 * (len(widths) - 1) <= screen.width
    if is_wide:
        yield _line(rows[0], widths)
    for pod, row in zip(pods, rows[1:], strict=True):
        line = _line(row, widths)
        if not is_wide:
            yield row[0]
            line = INDENT + "  ".join(row[1:LEAST])
        yield _painted(line, row[1], row[2], screen)
        yield from _whys(pod, screen)


def _row(pod: dict[str, Any], now: datetime) -> tuple[str, ...]:
    apps = [each for each in pod["containers"] if not each["init"] or each.get("sidecar")]
    restarts = sum(each["restarts"] for each in pod["containers"])
    ends = [each["lastExit"]["finished"] for each in pod["containers"] if each["lastExit"]]
    latest = max((each for each in ends if each), default=None)
    return (
        f"{pod['namespace']}/{pod['name']}",
        f"{sum(each['ready'] for each in apps)}/{len(apps)}",
        pod_word(pod),
        f"{restarts} ({age(latest, now)} ago)" if restarts and latest else str(restarts),
        age(pod.get("started"), now),
        pod.get("ip", ""),
    )


def _whys(pod: dict[str, Any], screen: Screen) -> Iterator[str]:
    if pod.get("message"):
        yield from _wrapped(pod["message"], screen)
    for container in pod["containers"]:
        why = container_why(container)
        if why and why not in (pod_word(pod), "PodInitializing"):
            yield from _wrapped(f"{container['name']}{' (init)' if container['init'] else ''}: {why}", screen)


def _problems(status: dict[str, Any], screen: Screen) -> Iterator[str]:
    for problem in status["problems"]:
        kept = " (its last good version runs on)" if problem["kept"] else ""
        text = f"{problem['path']}: {problem['message']}{kept}"
        yield from (screen.paint(line, "red") for line in _wrapped(text, screen, indent=""))
    for what in ("engine", "agent"):
        if status.get(what):
            text = f"{what}: {status[what]}"
            yield from (screen.paint(line, "red") for line in _wrapped(text, screen, indent=""))
    for text in _certificate_problems(status.get("certificates")):
        yield from (screen.paint(line, "red") for line in _wrapped(text, screen, indent=""))
    for text in _api_problems(status.get("api")):
        yield from (screen.paint(line, "yellow") for line in _wrapped(text, screen, indent=""))


def _certificates(renewal: dict[str, Any] | None, now: datetime, screen: Screen) -> Iterator[str]:
    """When the next one is renewed, and which were last."""
    if renewal is None:
        return
    moments = {name: datetime.fromisoformat(text) for name, text in renewal["due"].items()}
    told = []
    name = min((name for name in moments if moments[name] > now), key=lambda each: moments[each], default="")
    if name:
        told.append(f"the next renewal is that of {name}, in {age(now.isoformat(), moments[name])}")
    if renewal["last"]:
        names = renewal["renewed"]
        verb = "was" if len(names) == 1 else "were"
        told.append(f"{', '.join(names)} {verb} renewed {age(renewal['last'], now)} ago")
    if told:
        yield from _wrapped(f"certificates: {'; '.join(told)}", screen, indent="")


def _certificate_problems(renewal: dict[str, Any] | None) -> Iterator[str]:
    if renewal is None:
        return
    for problem in dict.fromkeys(renewal["problems"].values()):
        names = [name for name, text in renewal["problems"].items() if text == problem]
        yield f"certificates: {', '.join(names)} {'is' if len(names) == 1 else 'are'} not renewed: {problem}"
    if renewal["waiting"]:
        yield f"certificates: {renewal['waiting']}"


def _api_problems(api: dict[str, Any] | None) -> Iterator[str]:
    """None of them keeps a pod from running here."""
    if api is None:
        return
    if api["problem"]:
        yield f"API server: {api['problem']}"
    for key, problem in sorted(api["unmirrored"].items()):
        name, _, namespace = key.rpartition("_")
        yield f"API server: {namespace}/{name} is not shown there as it is: {problem}"
    for name in api["foreign"]:
        yield f"API server: {name} was bound to this node, and nobody runs it"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False)).rstrip()


def _painted(line: str, ready: str, word: str, screen: Screen) -> str:
    """The pod's word, which follows how many are ready, in the colour of its trouble."""
    some, _, all_of_them = ready.partition("/")
    color = "red"
    if word in GOOD:
        color = "green" if some == all_of_them or word != "Running" else "yellow"
    elif word in HARMLESS or word.removeprefix("Init:")[:1].isdecimal():
        color = "yellow"
    head, found, tail = line.partition(f" {ready} ")
    return head + found + tail.replace(word, screen.paint(word, color), 1)


def _wrapped(text: str, screen: Screen, indent: str = INDENT) -> list[str]:
    """Continued lines stand a little deeper."""
    return textwrap.wrap(
        text,
        max(screen.width, 2 * len(INDENT) + 12),
        initial_indent=indent,
        subsequent_indent=indent + INDENT,
        break_on_hyphens=False,
    )
