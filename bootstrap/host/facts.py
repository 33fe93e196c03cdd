"""The facts of a machine that rendering depends on, gathered once.

Invariant: everything a manifest may differ by between two machines is in ``NodeFacts``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePosixPath

from bootstrap.host.files import Files
from bootstrap.host.network import Network
from bootstrap.model.node import HOST_CA_DIRECTORIES, NodeFacts


def gather(files: Files, network: Network, environ: Mapping[str, str], hostname: str = "") -> NodeFacts:
    """Look at the machine; ``hostname`` "" asks the kernel.

    The node name is the host name in lower case (cmd/kubeadm/app/util/config: GetHostname); the proxy
    variables are those whose name ends in ``_proxy``, in any case (cmd/kubeadm/app/util/env.go).
    """
    return NodeFacts(
        hostname=(hostname or os.uname().nodename).strip().lower(),
        default_address=network.default_address(),
        existing_paths=frozenset(
            path for path in HOST_CA_DIRECTORIES if files.is_directory(PurePosixPath(path))
        ),
        proxy_environment=tuple(
            sorted(
                (name, value) for name, value in environ.items() if name.lower().endswith("_proxy") and value
            )
        ),
    )
