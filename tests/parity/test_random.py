"""Configurations that nobody thought of: what both make of random valid ones.

``PARITY_EXAMPLES`` says how many are tried.
"""

from __future__ import annotations

import os
import string
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bootstrap.model.version import KubernetesVersion
from tests.lab.programs import JUDGED
from tests.parity.configuration import Configuration
from tests.parity.trial import judge

EXAMPLES = int(os.environ.get("PARITY_EXAMPLES", "20"))

Strategy = st.SearchStrategy[Any]

lower = st.text(string.ascii_lowercase, min_size=1, max_size=8)
labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=3).map(".".join)
text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
awkward = st.one_of(
    text, st.sampled_from(["yes", "1e3", "0o7", "09", "null", "~", "a: b", "- x", "#", "'", '"'])
)
paths = st.lists(lower, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
ports = st.integers(1, 65535)
seconds = st.integers(1, 10_000).map("{}s".format)
ipv4 = st.tuples(st.integers(11, 126), *[st.integers(0, 255)] * 2, st.integers(1, 254)).map(
    lambda parts: ".".join(map(str, parts))
)
ipv6 = st.integers(1, 2**60).map(lambda number: f"2001:db8::{number % 65536:x}:{number // 65536 % 65536:x}")
hosts = st.one_of(names.filter(lambda name: not name[-1].isdigit()), ipv4)


def some(fields: dict[str, Strategy]) -> Strategy:
    """A mapping with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def few(items: Strategy, *, by: str = "") -> Strategy:
    """A short list; ``by``: the field that may not repeat."""
    unique = (lambda item: item[by]) if by else None
    return st.lists(items, max_size=3, unique_by=unique)


flags = few(
    st.fixed_dictionaries(
        {
            "name": st.one_of(
                lower, st.sampled_from(["v", "bind-address", "profiling", "secure-port", "feature-gates"])
            ),
            "value": awkward,
        }
    )
)
volumes = few(
    st.fixed_dictionaries(
        {"name": labels, "hostPath": paths, "mountPath": paths},
        optional={"readOnly": st.booleans(), "pathType": st.sampled_from(["", "File", "DirectoryOrCreate"])},
    ),
    by="name",
)
variables = few(st.fixed_dictionaries({"name": lower, "value": awkward}), by="name")
components = {"extraArgs": flags, "extraVolumes": volumes, "extraEnvs": variables}
sans = few(st.one_of(names, names.map("*.{}".format), ipv4, ipv6))

local_etcd = some(
    {
        # Its parents differ by decision, and the list of differences names one.
        "dataDir": lower.map("/srv/{}".format),
        "imageTag": st.sampled_from(["3.5.24-0", "3.6.1-0", "3.7.0-0"]),
        "imageRepository": names.map("{}/etcd".format),
        "extraArgs": flags,
        "extraEnvs": variables,
        "serverCertSANs": sans,
        "peerCertSANs": sans,
    }
)
external_etcd = st.fixed_dictionaries(
    {
        "endpoints": st.lists(hosts.map("https://{}:2379".format), min_size=1, max_size=3),
        "caFile": paths,
        "certFile": paths,
        "keyFile": paths,
    }
)
networks = st.sampled_from(
    [
        {},
        {"podSubnet": "10.244.0.0/16"},
        {"serviceSubnet": "172.20.0.0/16", "dnsDomain": "a.example"},
        {"serviceSubnet": "10.96.0.0/16,fd01::/112", "podSubnet": "10.244.0.0/16,fd02::/56"},
    ]
)
clusters = some(
    {
        "clusterName": awkward.filter(bool),
        "controlPlaneEndpoint": st.one_of(
            hosts, st.tuples(hosts, ports).map(lambda pair: f"{pair[0]}:{pair[1]}")
        ),
        "imageRepository": names.map("{}/k8s".format),
        "certificateValidityPeriod": st.integers(1, 8760).map("{}h".format),
        "networking": networks,
        "etcd": st.one_of(
            st.fixed_dictionaries({"local": local_etcd}), st.fixed_dictionaries({"external": external_etcd})
        ),
        "apiServer": some({**components, "certSANs": sans}),
        "controllerManager": some(components),
        "scheduler": some(components),
    }
)
inits = st.fixed_dictionaries(
    {
        "nodeRegistration": st.fixed_dictionaries({"name": names}),
        "localAPIEndpoint": st.fixed_dictionaries({"advertiseAddress": ipv4, "bindPort": ports}),
        "timeouts": some({"controlPlaneComponentHealthCheck": seconds}),
    }
)


@pytest.mark.parity
@pytest.mark.timeout(60 + 10 * EXAMPLES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(version=st.sampled_from(JUDGED), init=inits, cluster=clusters)
def test_both_write_the_same_for_what_nobody_thought_of(
    version: KubernetesVersion,
    init: dict[str, Any],
    cluster: dict[str, Any],
    judges: tuple[KubernetesVersion, ...],
) -> None:
    assert version in judges

    verdict = judge(version, Configuration("random", init=init, cluster=cluster))

    assert not verdict.refused
    assert not list(map(str, verdict.tally.unexplained))
