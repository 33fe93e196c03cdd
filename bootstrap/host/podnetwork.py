"""Connections to the loopback address of a pod, wherever its network is.

Invariant: only a thread of its own ever enters another network namespace, and it ends there.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable

CONNECT_SECONDS = 5.0
LOOPBACK = ("127.0.0.1", "::1")
_CLONE_NEWNET = 0x40000000


def connect_loopback(port: int) -> socket.socket:
    """To what listens on this machine. Raises OSError."""
    refusal: OSError | None = None
    for address in LOOPBACK:
        try:
            connected = socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as error:
            refusal = refusal or error
            continue
        connected.settimeout(None)
        return connected
    assert refusal is not None
    raise refusal


def connect_in_network(path: str, port: int) -> socket.socket:
    """To what listens in the network namespace that a file stands for. Raises OSError."""
    with open(path, "rb") as namespace:
        return _on_a_thread(lambda: _enter_and_connect(namespace.fileno(), port))


def _enter_and_connect(namespace: int, port: int) -> socket.socket:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter the pod's network: {os.strerror(number)}")
    return connect_loopback(port)


def _on_a_thread(connect: Callable[[], socket.socket]) -> socket.socket:
    found: list[socket.socket] = []
    failures: list[OSError] = []

    def run() -> None:
        try:
            found.append(connect())
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="pod-network", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return found[0]
