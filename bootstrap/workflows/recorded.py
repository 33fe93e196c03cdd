"""What a node was brought to last, for commands that are given no configuration or another one.

Invariant: a control plane that was finished is changed by ``apply`` alone, which shows what it does and has a
way back; ``init`` repairs it and never changes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.apply import generations
from bootstrap.config.sources import Source
from bootstrap.errors import ConfigError
from bootstrap.host.files import FileAccessError, Files
from bootstrap.model.layout import Layout
from bootstrap.phases.context import Context


def recorded_configuration(files: Files, layout: Layout) -> Source | None:
    """The configuration of the last generation; None when there is none, or only root may read it."""
    try:
        found = generations.latest_configuration(files, layout)
    except FileAccessError:
        return None
    return Source(str(found[0]), found[1]) if found else None


def refuse_reconfiguration(context: Context) -> None:
    """Raises ConfigError when this configuration is not what the finished control plane was made with."""
    changes = tuple(_changes(context))
    if changes:
        raise ConfigError(
            "the control plane of this node was made with another configuration, and init does not change it",
            details=changes,
            remedy="bootstrap plan, then apply, with the same options; to start anew: bootstrap reset",
        )


def _changes(context: Context) -> Iterator[str]:
    # Loaded late: every command asks what was recorded, few compare it.
    from bootstrap.apply.describe import difference_line
    from bootstrap.apply.diff import compare
    from bootstrap.phases.manifests import desired_manifests

    last = generations.latest(context.files, context.layout)
    if last is None:
        return
    applied = {file.path: file for file in last.files}
    for wanted in desired_manifests(context):
        before = applied.pop(wanted.path, None)
        if before is None:
            yield f"{wanted.component}: it was not there"
        else:
            for difference in compare(before.as_desired.content, wanted.content, wanted.kind):
                yield f"{wanted.component}: {difference_line(difference, wanted.component)}"
    for gone in applied.values():
        yield f"{gone.component}: it is not wanted any more"
