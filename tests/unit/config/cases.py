"""How the tests of this package load text: one file called ``cluster.yaml`` on a machine with an address."""

from __future__ import annotations

from textwrap import dedent

import pytest

from bootstrap.config.load import Loaded, load
from bootstrap.config.overrides import Overrides
from bootstrap.config.problems import InvalidConfigError
from bootstrap.config.sources import Source
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.node import NodeFacts

FACTS = NodeFacts(hostname="cp-1", default_address="192.168.10.5")

CLUSTER = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
INIT = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
BOOTSTRAP = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\n"


def load_text(text: str = "", *, facts: NodeFacts = FACTS, **flags: object) -> Loaded:
    sources = (Source("cluster.yaml", dedent(text)),) if text else ()
    return load(sources, Overrides(**flags), facts)  # type: ignore[arg-type]


def control_plane(text: str = "", *, facts: NodeFacts = FACTS, **flags: object) -> ControlPlane:
    return load_text(text, facts=facts, **flags).control_plane


def problems_of(text: str = "", *, facts: NodeFacts = FACTS, **flags: object) -> tuple[str, ...]:
    with pytest.raises(InvalidConfigError) as caught:
        load_text(text, facts=facts, **flags)
    return caught.value.details
