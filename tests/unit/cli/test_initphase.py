"""``init phase``: when keys are begun."""

from __future__ import annotations

import threading

import click
import pytest

from bootstrap.cli.initphase import phase


def key_makers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "key"}


@pytest.mark.parametrize(
    ("arguments", "begun"),
    [
        (["certs", "all"], True),
        (["kubeconfig", "admin"], True),
        (["kubeconfig", "--help"], False),
        (["control-plane", "all"], False),
    ],
)
def test_keys_are_begun_as_soon_as_a_phase_is_named_that_makes_some(
    arguments: list[str], begun: bool
) -> None:
    before = key_makers()
    context = click.Context(phase, help_option_names=["-h", "--help"])
    phase.resolve_command(context, list(arguments))
    after = key_makers() - before
    for thread in after:
        thread.join()
    assert bool(after) == begun
