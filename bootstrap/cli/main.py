"""The ``bootstrap`` command: finds the subcommand, and turns a failure into words and an exit code."""

from __future__ import annotations


def run() -> None:
    """Entry point of the console script."""
    raise SystemExit(0)
