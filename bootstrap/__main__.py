"""``python -m bootstrap``: what the agent's unit runs."""

from bootstrap.cli.entry import run

run()
