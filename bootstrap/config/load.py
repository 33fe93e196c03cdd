"""Text and flags to a complete, valid ``ControlPlane``: the one way to make one.

Invariant: either everything is right, or one error names all that is wrong and where.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bootstrap.config.defaults import complete
from bootstrap.config.documents import decode_sources
from bootstrap.config.overrides import Overrides, apply_overrides, refuse_mixture
from bootstrap.config.problems import Problems, in_order
from bootstrap.config.sources import Source
from bootstrap.config.validate import validate
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.node import NodeFacts


class Loaded(msgspec.Struct, frozen=True):
    """``warnings``: one line each, with their places, in the order of the files."""

    control_plane: ControlPlane
    warnings: tuple[str, ...] = ()


def load(
    sources: Iterable[Source], overrides: Overrides, facts: NodeFacts, *, recorded: Source | None = None
) -> Loaded:
    """The control plane that ``sources`` (see ``read_sources``), flags and this machine's facts describe.

    Without sources it is ``recorded``, which is what was applied last, with the flags' changes; without that,
    kubeadm's defaults and the flags. Raises InvalidConfigError with every problem, and
    ConfigError for flags that cannot be mixed with a configuration file.
    """
    problems = Problems()
    given = tuple(sources)
    documents = decode_sources(given or (recorded and (recorded,)) or (), problems)
    if given:
        refuse_mixture(overrides, documents)
    apply_overrides(overrides, documents, problems)
    control_plane = complete(documents, facts, problems)
    validate(control_plane, documents.origins, problems)
    problems.raise_if_any()
    return Loaded(control_plane, in_order(problems.warnings))
