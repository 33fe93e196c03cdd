"""``/containerLogs``: which instance of a container is meant, and its output sent as it comes.

Source: GetKubeletContainerLogs and validateContainerLogStatus in pkg/kubelet. Invariant: the engine's stream
ends with the client's connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing

from bootstrap.agent.names import Instance
from bootstrap.agent.serving.logquery import log_options
from bootstrap.agent.serving.pods import Pods
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.agent.serving.streamlimit import StreamLimit
from bootstrap.agent.serving.watching import watched
from bootstrap.agent.status import ContainerStatus
from bootstrap.host.clock import Clock
from bootstrap.host.connection import ConnectionEndedError
from bootstrap.host.httpexchange import Exchange
from bootstrap.runtime.api import ContainerRuntime, EngineUnreachableError, LogStream

GATHERED_BYTES = 32 * 1024
"""Lines of a log that is not followed are sent together: the engine hands out each by itself."""

STREAM_SECONDS = 4 * 3600.0
"""How long a client may take nothing: a pager does not read on while somebody reads
(streamingConnectionIdleTimeout of the kubelet)."""


class PodLogs:
    """Answers ``/containerLogs/NAMESPACE/POD/CONTAINER``."""

    def __init__(
        self, pods: Pods, connect: Callable[[], ContainerRuntime], clock: Clock, streams: StreamLimit
    ) -> None:
        self._pods = pods
        self._connect = connect
        self._clock = clock
        self._streams = streams

    def serve(self, exchange: Exchange, parts: tuple[str, ...]) -> None:
        namespace, name, container = parts
        options = log_options(dict(exchange.request.query), self._clock.now())
        status = self._pods.container(namespace, name, container)
        with self._streams.one(), closing(self._connect()) as runtime:
            instances = self._pods.instances(runtime, namespace, name, container)
            instance = instance_to_show(instances, status, name, previous=options.previous)
            stream = runtime.read_logs(instance.id, options.query)
            send_log(exchange, stream, limit=options.limit, follow=options.query.follow)


def instance_to_show(
    instances: Iterable[Instance], status: ContainerStatus, pod: str, *, previous: bool
) -> Instance:
    """Of the instances of one container. Raises RefusedError."""
    attempts = sorted(
        (each for each in instances if not each.is_stillborn),
        key=lambda each: (each.attempt, each.state.created),
        reverse=True,
    )
    ended = [each for each in attempts if not each.is_running]
    if previous:
        # The state of a container that stays down is its last end; what came before is its previous one.
        ended = ended[1:] if status.state == "terminated" else ended
        if not ended:
            raise RefusedError(400, f'previous terminated container "{status.name}" in pod "{pod}" not found')
        return ended[0]
    running = next((each for each in attempts if each.is_running), None)
    if running is not None:
        return running
    if not ended:
        raise RefusedError(
            400, f'container "{status.name}" in pod "{pod}" is waiting to start: {_waits_for(status)}'
        )
    return ended[0]


def send_log(exchange: Exchange, stream: LogStream, *, limit: int | None, follow: bool) -> None:
    """To the end of the stream, of ``limit`` bytes, or of the client's patience."""
    exchange.begin("text/plain")
    with watched(exchange.connection, stream.close, enabled=follow):
        try:
            _send(exchange, stream, limit, 0 if follow else GATHERED_BYTES)
        except (EngineUnreachableError, ConnectionEndedError):
            # The missing last chunk tells a client that is still there.
            return
        finally:
            stream.close()
        exchange.finish()


def _send(exchange: Exchange, stream: LogStream, limit: int | None, gather: int) -> None:
    left, gathered = limit, bytearray()
    while piece := stream.read():
        if left is not None:
            piece = piece[:left]
            left -= len(piece)
        gathered += piece
        if len(gathered) >= gather or left == 0:
            exchange.send(bytes(gathered), STREAM_SECONDS)
            gathered.clear()
        if left == 0:
            return
    exchange.send(bytes(gathered), STREAM_SECONDS)


def _waits_for(status: ContainerStatus) -> str:
    return status.reason or "no logs yet"
