"""What a command line says of a control plane, as the context a workflow needs."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import split_commas
from bootstrap.config.overrides import Overrides
from bootstrap.phases.context import Context, Wishes
from pki.pool import KeyPool

_WISHES = tuple(field.name for field in dataclasses.fields(Wishes))
_LISTS = ("apiserver_cert_extra_sans", "skip_phases", "ignore_preflight_errors")


def overrides_of(values: dict[str, Any]) -> Overrides:
    """The flags of a command line; lists may have been given with commas."""
    for name in _LISTS:
        if name in values:
            values[name] = split_commas(values[name])
    return Overrides(**values)


def context_for(ctx: click.Context, values: dict[str, Any], keys: KeyPool | None = None) -> Context:
    """The context of a command's options: ``config``, ``output`` and wishes; the others are overrides.

    ``keys``: where some may be under way already.
    """
    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    config, output = values.pop("config", ()), values.pop("output", "text")
    wishes = Wishes(**{name: values.pop(name) for name in _WISHES if name in values})
    return open_context(
        options, config=config, overrides=overrides_of(values), output=output, wishes=wishes, keys=keys
    )
