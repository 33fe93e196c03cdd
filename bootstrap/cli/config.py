"""``bootstrap config``: print defaults, check a configuration, bring it to the newest version, list images.

Invariant: nothing of this machine is looked at, so that the answer is the same where a pipeline runs; what
was asked for goes to stdout, warnings to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from bootstrap.cli.options import with_options
from bootstrap.errors import BootstrapError, ConfigError

EPILOG = """\b
Examples:
  bootstrap config print init-defaults --component-configs KubeletConfiguration > cluster.yaml
  bootstrap config validate --config cluster.yaml --output json
  bootstrap config migrate --old-config old.yaml --new-config new.yaml
  bootstrap config images list --config cluster.yaml
"""

IMAGES_API = "output.kubeadm.k8s.io/v1alpha3"

config_files = click.option(
    "--config",
    "paths",
    multiple=True,
    required=True,
    metavar="FILE",
    help="kubeadm and bootstrap documents; repeatable, - for stdin.",
)


@click.group(epilog=EPILOG)
def config() -> None:
    """Print, check and migrate configurations."""


@config.group("print")
def print_() -> None:
    """Print the defaults of a document, with placeholders for what a node would say."""


@print_.command("init-defaults")
@click.option(
    "--component-configs",
    metavar="KINDS",
    default="",
    help="Documents to add: KubeletConfiguration, KubeProxyConfiguration, BootstrapConfiguration.",
)
def print_init_defaults(component_configs: str) -> None:
    """Print what `bootstrap init` reads: InitConfiguration and ClusterConfiguration."""
    from bootstrap.config.placeholders import MORE_KINDS, init_defaults

    kinds = [kind.strip() for kind in component_configs.split(",") if kind.strip()]
    unknown = [kind for kind in kinds if kind not in MORE_KINDS]
    if unknown:
        raise ConfigError(f"no kind {', '.join(unknown)}", remedy=f"choose from {', '.join(MORE_KINDS)}")
    click.echo(init_defaults(kinds), nl=False)


@print_.command("join-defaults")
def print_join_defaults() -> None:
    """Print a JoinConfiguration."""
    from bootstrap.config.placeholders import join_defaults

    click.echo(join_defaults(), nl=False)


@print_.command("reset-defaults")
def print_reset_defaults() -> None:
    """Print a ResetConfiguration."""
    from bootstrap.config.placeholders import reset_defaults

    click.echo(reset_defaults(), nl=False)


@print_.command("upgrade-defaults")
def print_upgrade_defaults() -> None:
    """Print an UpgradeConfiguration."""
    from bootstrap.config.placeholders import upgrade_defaults

    click.echo(upgrade_defaults(), nl=False)


@config.command()
@config_files
@click.option("--strict", is_flag=True, help="Warnings make it invalid too.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: one object, schema bootstrap/validation/v1.",
)
@click.pass_context
def validate(ctx: click.Context, paths: tuple[str, ...], strict: bool, output: str) -> None:
    """Check a configuration by itself; exit code 3 when it is not valid.

    Every document is checked: those of join, reset and upgrade, of the kubelet and kube-proxy too.
    """
    from bootstrap.config.examine import examine_files, verdict
    from bootstrap.config.problems import in_order

    problems = examine_files(paths, sys.stdin.buffer).problems
    if output == "json":
        click.echo(json.dumps(verdict(problems, strict=strict), indent=2))
        ctx.exit(0 if problems.are_none(strict=strict) else ConfigError.exit_code)
    for warning in in_order(problems.warnings):
        click.echo(f"warning: {warning}", err=True)
    problems.raise_if_any()
    if not problems.are_none(strict=strict):
        raise ConfigError(
            "the configuration has warnings", remedy="correct what is listed, or leave out --strict"
        )
    click.echo("the configuration is valid")


@config.command()
@click.option(
    "--old-config", "paths", multiple=True, required=True, metavar="FILE", help="What to read; - for stdin."
)
@click.option("--new-config", metavar="FILE", help="Where to write it, for root alone [default: stdout].")
def migrate(paths: tuple[str, ...], new_config: str | None) -> None:
    """Write a configuration in the newest versions of its documents.

    What was not said stays unsaid, and every document is kept; comments are not. It holds the tokens and keys
    that were in it.
    """
    from bootstrap.config.examine import migrated
    from bootstrap.config.sources import read_sources

    text, warnings = migrated(read_sources(paths, sys.stdin.buffer))
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if new_config is None:
        click.echo(text, nl=False)
        return
    _write(Path(new_config), text)
    click.echo(f"written: {new_config}", err=True)


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
    except OSError as error:
        raise BootstrapError(
            f"{path} cannot be written: {error.strerror}", remedy="choose another --new-config"
        ) from error


@config.group("images")
def config_images() -> None:
    """List or pull the images of a configuration."""


@config_images.command("list")
@with_options(("config", "kubernetes-version", "image-repository", "feature-gates"))
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text")
def list_images(output: str, **choice: Any) -> None:
    """List the images, one reference a line, as kubeadm does."""
    from bootstrap.config.examine import PLACEHOLDERS
    from bootstrap.config.load import load
    from bootstrap.config.overrides import Overrides
    from bootstrap.config.sources import read_sources
    from bootstrap.model.images import component_images

    sources = read_sources(choice.pop("config"), sys.stdin.buffer)
    loaded = load(sources, Overrides(**choice), PLACEHOLDERS)
    references = list(component_images(loaded.control_plane).values())
    document = {"apiVersion": IMAGES_API, "kind": "Images", "images": references}
    if output == "json":
        click.echo(json.dumps(document, indent=2))
    elif output == "yaml":
        from bootstrap.config.dump import to_yaml

        click.echo(to_yaml(document), nl=False)
    else:
        click.echo("\n".join(references))


@config_images.command("pull")
@with_options(("config", "kubernetes-version", "image-repository"))
@click.pass_context
def pull_images(ctx: click.Context, /, **choice: Any) -> None:
    """Pull the images from their registry: the same as `bootstrap images pull`."""
    from bootstrap.cli.images import pull

    ctx.invoke(pull, **choice)
