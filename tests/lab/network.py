"""A network of lab nodes: a bridge in a network namespace of its own.

Invariant: the machine's own network namespace is never changed: no interface, address, route or filter rule.
"""

from __future__ import annotations

import itertools
import subprocess
from types import TracebackType

from tests.lab.namespace import Namespace
from tests.lab.pid1 import Plan

PREFIX = "192.168.56"
"""The addresses the Vagrant lab uses too."""
FIRST_NODE = 11


class LabNetwork:
    """Nodes joined to the same network reach each other, and nothing else. ``prefix`` of its /24."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._gateway = f"{prefix}.1"
        self._switch = Namespace(Plan())
        self._numbers = itertools.count(FIRST_NODE)
        self._run("ip", "link", "add", "bridge0", "type", "bridge")
        self._run("ip", "address", "add", f"{self._gateway}/24", "dev", "bridge0")
        self._run("ip", "link", "set", "bridge0", "up")
        # To anywhere else there is silence, which is worse than a refusal and what a firewall does.
        self._run("ip", "route", "add", "blackhole", "default")

    def join(self, node: Namespace) -> str:
        """Plug a node in; the address it got. Its default route is the bridge."""
        number = next(self._numbers)
        address, port = f"{self._prefix}.{number}", f"port{number}"
        veth = f"link add {port} netns {self._switch.pid} type veth peer name eth0 netns {node.pid}"
        subprocess.run(["ip", *veth.split()], check=True)
        self._run("ip", "link", "set", port, "master", "bridge0", "up")
        for words in (
            f"address add {address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {self._gateway}",
        ):
            subprocess.run(node.entering(["ip", *words.split()]), check=True)
        return address

    def close(self) -> None:
        self._switch.close()

    def __enter__(self) -> LabNetwork:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, *argv: str) -> None:
        subprocess.run(self._switch.entering(argv), check=True)
