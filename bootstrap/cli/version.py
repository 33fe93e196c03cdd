"""``bootstrap version``"""

from __future__ import annotations

import json

import click

from bootstrap import __version__


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "short", "json"]), default="text")
def version(output: str) -> None:
    """Print the version of this program and the Kubernetes minors it deploys."""
    if output == "short":
        click.echo(__version__)
        return
    from bootstrap.model.version import NEWEST, RELEASES

    minors = [f"{major}.{minor}" for major, minor in sorted(RELEASES)]
    if output == "json":
        click.echo(
            json.dumps(
                {
                    "schema": "bootstrap/version/v1",
                    "version": __version__,
                    "kubernetes": {"default": NEWEST.text, "minors": minors},
                }
            )
        )
        return
    click.echo(f"bootstrap {__version__}\nKubernetes {', '.join(minors)} (default {NEWEST.text})")
