"""How a failure is told: words on stderr for a person, one event on stdout for a program.

Invariant: the command line alone decides which, so however early a failure comes, it is told alike.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bootstrap.errors import BootstrapError

_PATH = re.compile(r"(?<![\w./-])/[\w@+-][\w@.+/-]*[\w+-]")
_COMMAND = re.compile(r"\bbootstrap (?=[a-z])")


def below_root(error: BootstrapError, root: Path) -> BootstrapError:
    """The same failure of a command with ``--root``: its files where they lie, its commands with the option.

    Whatever failed knows the final paths alone; in a remedy they would have a person remove the files of the
    machine itself. A path that has no place below the root is one of this machine.
    """
    if root == Path("/"):
        return error

    def placed(found: re.Match[str]) -> str:
        path = Path(found[0])
        inside = root / path.relative_to("/")
        return str(inside) if not path.is_relative_to(root) and inside.parent.is_dir() else found[0]

    def told(text: str) -> str:
        return _COMMAND.sub(f"bootstrap --root {root} ", _PATH.sub(placed, text))

    shown = copy.copy(error)
    shown.message, shown.remedy = told(error.message), told(error.remedy)
    shown.details = tuple(map(told, error.details))
    return shown


def tell_failure(error: BootstrapError, arguments: Sequence[str]) -> None:
    """As ``--output json`` asks on this command line, or in words."""
    if wants_json(arguments):
        from bootstrap.cli.console import JsonReporter
        from bootstrap.host.clock import SystemClock

        JsonReporter(sys.stdout, SystemClock()).failed(error)
    else:
        show_failure(error)


def show_failure(error: BootstrapError) -> None:
    """``error:`` what happened, one line for each detail, ``next:`` what to do."""
    click.secho(f"error: {error.message}", fg="red", err=True)
    for line in error.details:
        click.echo(f"  {line}", err=True)
    if error.remedy:
        click.secho(f"next: {error.remedy}", bold=True, err=True)


def wants_json(arguments: Sequence[str]) -> bool:
    """``--output json`` or ``-o json``, joined or apart; the one given last counts, as click has it."""
    wanted = ""
    for position, word in enumerate(arguments):
        if word in ("-o", "--output"):
            wanted = arguments[position + 1] if position + 1 < len(arguments) else ""
        elif word.startswith("--output="):
            wanted = word.partition("=")[2]
        elif word.startswith("-o"):
            wanted = word.removeprefix("-o")
    return wanted == "json"


def wants_traceback(arguments: Sequence[str]) -> bool:
    """``-vv`` (or two ``-v``) anywhere on the command line."""
    return (
        sum(
            argument.count("v")
            if set(argument) <= {"-", "v"} and argument[:2] == "-v"
            else argument == "--verbose"
            for argument in arguments
        )
        >= 2
    )
