"""``/exec`` and ``/attach``: a program's streams and a client's, joined until one of them ends.

Invariant: neither outlives the other, but for a program that docker cannot end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress

from bootstrap.agent.names import Instance
from bootstrap.agent.serving.channels import Channels, Ending
from bootstrap.agent.serving.pods import Pods
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.agent.serving.streamlimit import StreamLimit
from bootstrap.agent.serving.upgrades import command_channels
from bootstrap.errors import BootstrapError
from bootstrap.host.connection import Connection, ConnectionEndedError
from bootstrap.host.httpexchange import Exchange, IncomingRequest
from bootstrap.runtime.api import ContainerRuntime, ExecRequest, Session

FAREWELL_SECONDS = 5.0
"""For a client to close the connection after it was told how the program ended."""

Open = Callable[[ContainerRuntime, str, ExecRequest], Session]


class Commands:
    """Answers ``/exec/NAMESPACE/POD[/UID]/CONTAINER`` and ``/attach/...``."""

    def __init__(self, pods: Pods, connect: Callable[[], ContainerRuntime], streams: StreamLimit) -> None:
        self._pods = pods
        self._connect = connect
        self._streams = streams

    def execute(self, exchange: Exchange, parts: tuple[str, ...]) -> None:
        wanted = wanted_streams(exchange.request)
        if not wanted.argv:
            raise RefusedError(400, "no command was given")
        self._join(exchange, parts, wanted, lambda runtime, identity, _: runtime.open_exec(identity, wanted))

    def attach(self, exchange: Exchange, parts: tuple[str, ...]) -> None:
        wanted = wanted_streams(exchange.request)
        self._join(exchange, parts, wanted, _attach)

    def _join(self, exchange: Exchange, parts: tuple[str, ...], wanted: ExecRequest, start: Open) -> None:
        namespace, name, container = parts[0], parts[1], parts[-1]
        self._pods.container(namespace, name, container)
        with self._streams.one(), closing(self._connect()) as runtime:
            instance = self._running(runtime, namespace, name, container)
            channels = command_channels(exchange, wanted)
            try:
                session = start(runtime, instance.id, wanted)
            except BootstrapError as error:
                channels.finish(Ending(failure=error.message))
                return
            join(exchange.connection, channels, session)

    def _running(self, runtime: ContainerRuntime, namespace: str, name: str, container: str) -> Instance:
        for each in self._pods.instances(runtime, namespace, name, container):
            if each.is_running:
                return each
        raise RefusedError(404, f'container not found ("{container}"): it does not run')


def join(connection: Connection, channels: Channels, session: Session) -> None:
    """Until the program or the client ends."""
    feeder = threading.Thread(target=_feed, args=(channels, session), name="input", daemon=True)
    feeder.start()
    try:
        with suppress(ConnectionEndedError):
            channels.finish(_pass_output_on(channels, session))
            feeder.join(FAREWELL_SECONDS)
    finally:
        session.close()
        connection.end()
        feeder.join()


def wanted_streams(request: IncomingRequest) -> ExecRequest:
    """Source: NewOptions in pkg/kubelet/server/remotecommand. Raises RefusedError."""
    tty = request.first("tty") in ("1", "true")
    wanted = ExecRequest(
        argv=request.values("command"),
        stdin=_is_set(request, "input", "stdin"),
        stdout=_is_set(request, "output", "stdout"),
        stderr=_is_set(request, "error", "stderr") and not tty,
        tty=tty,
    )
    if not (wanted.stdin or wanted.stdout or wanted.stderr):
        raise RefusedError(400, "you must specify at least 1 of stdin, stdout, stderr")
    return wanted


def _is_set(request: IncomingRequest, *names: str) -> bool:
    return any(request.first(name) in ("1", "true") for name in names)


def _attach(runtime: ContainerRuntime, identity: str, wanted: ExecRequest) -> Session:
    return runtime.attach(identity, stdin=wanted.stdin, stdout=wanted.stdout, stderr=wanted.stderr)


def _pass_output_on(channels: Channels, session: Session) -> Ending:
    """Raises ConnectionEndedError when the client is gone."""
    try:
        while (piece := session.read()) is not None:
            channels.send(*piece)
        return Ending(session.exit_code())
    except ConnectionEndedError:
        raise
    except BootstrapError as error:
        return Ending(failure=error.message)


def _feed(channels: Channels, session: Session) -> None:
    """The client's input to the program; with the client the session ends."""
    with suppress(ConnectionEndedError):
        for each in channels.inputs():
            if each.data:
                session.write(each.data)
            if each.ends:
                session.close_input()
            if each.size is not None:
                session.resize(*each.size)
    session.close()
