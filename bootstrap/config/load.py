"""Text and flags to a complete, valid ``ControlPlane``: the one way to make one.

Invariant: either everything is right, or one error names all that is wrong and where.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap.config.defaults import complete
from bootstrap.config.documents import decode_sources
from bootstrap.config.overrides import Overrides, apply_overrides, refuse_mixture
from bootstrap.config.problems import Problems, in_order
from bootstrap.config.sources import Source
from bootstrap.config.validate import validate
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.node import NodeFacts


@dataclass(frozen=True, slots=True)
class Loaded:
    """``warnings``: one line each, with their places, in the order of the files."""

    control_plane: ControlPlane
    warnings: tuple[str, ...] = ()


def load(sources: Iterable[Source], overrides: Overrides, facts: NodeFacts) -> Loaded:
    """The control plane that ``sources`` (see ``read_sources``), flags and this machine's facts describe.

    Without sources it is kubeadm's defaults and the flags. Raises InvalidConfigError with every problem, and
    ConfigError for flags that cannot be mixed with a configuration file.
    """
    problems = Problems()
    documents = decode_sources(sources, problems)
    refuse_mixture(overrides, documents)
    apply_overrides(overrides, documents, problems)
    control_plane = complete(documents, facts, problems)
    validate(control_plane, documents.origins, problems)
    problems.raise_if_any()
    return Loaded(control_plane, in_order(problems.warnings))
