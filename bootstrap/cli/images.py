"""``bootstrap images``: what the component images are, and every way to get them onto a machine."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import click

from bootstrap.cli.compose import open_context
from bootstrap.cli.main import GlobalOptions
from bootstrap.cli.options import with_options
from bootstrap.config.overrides import Overrides
from bootstrap.images.inventory import Entry, inventory, load_images, save_images
from bootstrap.images.sources import ALWAYS, ImageSources, static_pod_images
from bootstrap.model.bootstrapconfig import ImageSettings
from bootstrap.model.images import component_images
from bootstrap.phases.context import Context

EPILOG = """\b
Examples:
  bootstrap images list
  bootstrap images pull --config cluster.yaml
  bootstrap images build --programs /usr/local/bin
  bootstrap images save images.tar          (and on another machine:)
  bootstrap images load images.tar
"""


@click.group(epilog=EPILOG)
def images() -> None:
    """List, pull, build, load and save component images."""


release_options = with_options(("config", "kubernetes-version", "image-repository"))


def context_of(ctx: click.Context, choice: dict[str, Any]) -> Context:
    """The context for the release and the registry that ``release_options`` chose.

    Images are in this machine's engine, whatever ``--root`` says.
    """
    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    options.root = Path("/")
    return open_context(options, config=choice.pop("config"), overrides=Overrides(**choice))


@images.command("list")
@release_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="json: one array.")
@click.pass_context
def list_images(ctx: click.Context, /, output: str, **choice: Any) -> None:
    """List the component images, and whether the Docker Engine has them."""
    context = context_of(ctx, choice)
    engine = context.runtime()
    entries = inventory(component_images(context.control_plane), engine)
    engine.close()
    if output == "json":
        click.echo(json.dumps([dataclasses.asdict(entry) for entry in entries], indent=2))
    else:
        for entry in entries:
            click.echo(line_of(entry))


def line_of(entry: Entry) -> str:
    state = f"present, {entry.size // 1_000_000} MB" if entry.is_present else "absent"
    return f"{entry.reference:<56}  {state}"


@images.command("pull")
@release_options
@click.pass_context
def pull(ctx: click.Context, /, **choice: Any) -> None:
    """Pull all component images from their registry."""
    context = context_of(ctx, choice)
    settings = ImageSettings(sources=("registry",))
    sources = ImageSources(settings, context.runtime, context.reporter, context.clock)
    sources.ensure(component_images(context.control_plane), pull_policy=ALWAYS)


@images.command("build")
@release_options
@click.option(
    "--programs",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also build kubeadm, kubectl, kubelet, etcdctl and etcdutl into this directory.",
)
@click.pass_context
def build(ctx: click.Context, /, programs: Path | None, **choice: Any) -> None:
    """Build the images of the static pods from Go modules (needs Go; the first time takes minutes)."""
    context = context_of(ctx, choice)
    from bootstrap.images.build import ImageBuilder
    from bootstrap.images.cache import ProgramCache, cache_directory

    control_plane = context.control_plane
    builder = ImageBuilder(ProgramCache(cache_directory(os.environ)), context.processes, context.reporter)
    engine = context.runtime()
    if programs:
        builder.host_programs(control_plane.version, control_plane.release.etcd, programs)
    builder.images(static_pod_images(control_plane), control_plane.version, engine)
    engine.close()


@images.command("load")
@release_options
@click.argument(
    "archives", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.pass_context
def load(ctx: click.Context, /, archives: tuple[Path, ...], **choice: Any) -> None:
    """Load images from `docker save` tars or a kubernetes-server tarball."""
    context = context_of(ctx, choice)
    engine = context.runtime()
    load_images(component_images(context.control_plane), engine, archives, context.reporter)
    engine.close()


@images.command("save")
@release_options
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def save(ctx: click.Context, /, archive: Path, **choice: Any) -> None:
    """Save the component images that are present into one tar for another machine."""
    context = context_of(ctx, choice)
    engine = context.runtime()
    control_plane = context.control_plane
    required = frozenset(static_pod_images(control_plane))
    save_images(component_images(control_plane), required, engine, archive, context.reporter)
    engine.close()
