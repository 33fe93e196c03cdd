"""Environment variables of a component. Invariant: each name once, sorted, the user's value winning."""

from __future__ import annotations

from bootstrap.model.kubeadm import EnvVar
from bootstrap.model.node import NodeFacts


def proxy_variables(facts: NodeFacts) -> tuple[EnvVar, ...]:
    """The machine's proxy settings, which all components but etcd get."""
    return tuple(EnvVar(name=name, value=value) for name, value in facts.proxy_environment)


def merged(*groups: tuple[EnvVar, ...]) -> tuple[EnvVar, ...]:
    """Variables by name, a later group winning (cmd/kubeadm/app/util/env.go)."""
    by_name = {variable.name: variable for group in groups for variable in group}
    return tuple(by_name[name] for name in sorted(by_name))
