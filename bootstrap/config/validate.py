"""Runs every rule. Invariant: each fault is given the place its field came from."""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.config.decode import describe
from bootstrap.config.problems import DEFAULT, FieldPath, Position, Problems, origin_of
from bootstrap.config.rules import bootstrap, cluster, components, etcd, init, network
from bootstrap.config.rules.fault import Rule
from bootstrap.model.cluster import ControlPlane

RULES: tuple[Rule, ...] = (
    *init.RULES,
    *cluster.RULES,
    *network.RULES,
    *etcd.RULES,
    *components.RULES,
    *bootstrap.RULES,
)


def validate(
    control_plane: ControlPlane, origins: Mapping[FieldPath, Position | str], problems: Problems
) -> None:
    """Adds what is wrong with a complete configuration."""
    for rule in RULES:
        for fault in rule(control_plane):
            report = problems.warn if fault.is_warning else problems.add
            where = origin_of(fault.path, origins)
            if where == DEFAULT:
                where = origin_of(fault.against, origins)
            report(where, f"{describe(fault.path)} {fault.text}")
