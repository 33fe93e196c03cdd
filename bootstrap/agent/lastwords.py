"""What containers said at their end: the termination messages of dead containers.

Source: the kubelet's getTerminationMessage and normalizeStatus. Invariant: a dead container is asked once;
what it said cannot change any more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from bootstrap.agent.names import Instance
from bootstrap.agent.node import Node
from bootstrap.errors import BootstrapError
from bootstrap.runtime.api import ContainerRuntime, EngineUnreachableError

log = logging.getLogger("bootstrap.agent")

MESSAGE_BYTES = 4096
"""Of the file, its end."""

LOG_BYTES = 2048
LOG_LINES = 80
"""Of the log, where it stands in for an empty file."""

POD_BYTES = 12 * 1024
"""All containers of a pod share this."""

FALLBACK = "FallbackToLogsOnError"


def message_file(node: Node, uid: str, container: str, attempt: int) -> Path:
    """Where the agent keeps what one attempt at a container writes to its terminationMessagePath."""
    return node.pod_directory(uid) / "containers" / container / str(attempt)


class LastWords:
    """The messages of one pod's dead containers; one thread."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._known: dict[str, str] = {}

    def of(self, runtime: ContainerRuntime, instances: Iterable[Instance], containers: int) -> dict[str, str]:
        """ID -> message of each container that has ended; the pod has ``containers`` to share the space.

        Raises EngineUnreachableError.
        """
        limit = min(MESSAGE_BYTES, POD_BYTES // max(1, containers))
        dead = [each for each in instances if each.state.status in ("exited", "dead") and not each.is_sandbox]
        self._known = {
            each.id: self._known[each.id] if each.id in self._known else self._ask(runtime, each)[:limit]
            for each in dead
        }
        return self._known

    def _ask(self, runtime: ContainerRuntime, instance: Instance) -> str:
        path = message_file(self._node, instance.uid, instance.container, instance.attempt)
        text = _end_of(path, MESSAGE_BYTES)
        if not text and instance.message_policy == FALLBACK and instance.state.exit_code != 0:
            try:
                text = runtime.logs(instance.id, tail=LOG_LINES)[-LOG_BYTES:]
            except EngineUnreachableError:
                raise
            except BootstrapError as error:
                log.warning("container %s: its log cannot be read: %s", instance.state.name, error.message)
        return text.decode(errors="replace")


def _end_of(path: Path, count: int) -> bytes:
    """At most the last ``count`` bytes; a container may have written any number."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - count))
            return stream.read(count)
    except OSError:
        return b""
