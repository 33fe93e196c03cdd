"""Asking the agent of this machine, on the socket that only root may open."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bootstrap.errors import BootstrapError
from bootstrap.host.http import NoAnswerError
from bootstrap.host.httpserver import fetch_unix


def ask(socket: Path, resource: str) -> dict[str, Any]:
    """The JSON at ``/status`` or ``/events``. Raises BootstrapError when there is no agent to ask."""
    try:
        reply = fetch_unix(socket, resource)
    except NoAnswerError as error:
        raise _no_agent(socket, error.message) from error
    if reply.status != 200:
        raise BootstrapError(
            f"the agent that runs does not know {resource}: it is older than this program",
            remedy="bootstrap init phase agent-start starts the new one; the pods run on",
        )
    answer: dict[str, Any] = json.loads(reply.body)
    return answer


def _no_agent(socket: Path, reason: str) -> BootstrapError:
    """Only root may ask; a socket that is not there, or refuses, has nobody behind it."""
    if os.geteuid() != 0:
        return BootstrapError(f"the agent cannot be asked: {reason}", remedy="run the command as root (sudo)")
    if not socket.exists() or "refused" in reason:
        return BootstrapError(
            "the agent does not run on this machine",
            remedy="bootstrap agent logs says why it ended; bootstrap init phase agent-start starts it",
        )
    return BootstrapError(f"the agent does not answer: {reason}", remedy="bootstrap agent logs")
