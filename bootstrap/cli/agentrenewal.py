"""Which certificates the agent keeps, from its options. Pure."""

from __future__ import annotations

import sys
from pathlib import Path

from bootstrap.agent.heldcertificates import places
from bootstrap.agent.keeper import Renewal
from bootstrap.errors import ConfigError
from bootstrap.model.layout import Layout

COMMAND = ("-I", "-m", "bootstrap", "certs", "renew-for-agent")


def renewal(wanted: bool | None, client_ca: str, kubeconfig: str, serving: str) -> Renewal | None:
    """They lie beside ``--client-ca-file`` and ``--kubeconfig``; None when they are not renewed.

    Raises ConfigError for options that contradict each other.
    """
    if wanted and not client_ca:
        raise ConfigError(
            "--renew-certificates needs to know where certificates are", remedy="give --client-ca-file too"
        )
    if not client_ca or wanted is False:
        return None
    kubeconfigs = Path(kubeconfig).parent if kubeconfig else Path(Layout().kubernetes)
    found = places(Path(client_ca).parent.absolute(), kubeconfigs.absolute(), Path(serving))
    return Renewal(found, (sys.executable, *COMMAND))
