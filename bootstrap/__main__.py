"""``python -m bootstrap``: what the agent's unit runs."""

from bootstrap.cli.main import run

run()
