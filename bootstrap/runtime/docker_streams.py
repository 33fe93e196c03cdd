"""What flows between the engine and a client for as long as a program runs: logs, exec, attach.

It knows the engine's framing: stdout and stderr in frames, each with a header of eight bytes (the stream's
number, three zero bytes, the payload's length, big-endian). Each stream has a connection of its own.
Invariant: closing a stream from another thread ends a read that is under way, as at its end.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from bootstrap.runtime.api import EngineError, EngineUnreachableError, ExecRequest, LogQuery, StreamName
from bootstrap.runtime.docker_request import log_parameters
from bootstrap.runtime.engine_http import EngineConnection, Reply, target

FRAME_HEADER_BYTES = 8

PIECE_BYTES = 32 * 1024
EXIT_CODE_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.0, 2.0)
"""Seconds between looks for the exit code: it follows the end of the output, but not at once."""

HIJACK = {"Connection": "Upgrade", "Upgrade": "tcp"}
"""Asks the engine to go on with a program's streams on the connection of the request."""

_NAMES: dict[int, StreamName] = {1: "stdout", 2: "stderr"}


class Engine(Protocol):
    """What the functions below ask. Both raise EngineError, EngineUnreachableError."""

    def question(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The decoded answer."""

    def stream(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[EngineConnection, Reply]:
        """An answer that goes on, on a connection of its own."""


class Output:
    """Pieces of a program's output, from the reply that carries them.

    ``framed``: both streams, told apart; else one, as a terminal has.
    """

    def __init__(self, connection: EngineConnection, reply: Reply, *, framed: bool) -> None:
        self._connection = connection
        self._reply = reply
        self._framed = framed
        self._left = 0
        self._name: StreamName = "stdout"
        self._closed = False

    def read(self) -> tuple[StreamName, bytes] | None:
        """The next piece, None at the end. Raises EngineUnreachableError."""
        try:
            return self._piece()
        except (OSError, ValueError) as error:
            if self._closed:
                return None
            raise EngineUnreachableError(f"the engine broke off a stream: {error}") from error

    def send(self, data: bytes) -> None:
        """To the program's input; one that takes no more is not told."""
        with contextlib.suppress(OSError):
            self._connection.send(data)

    def end_input(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.end_input()

    def close(self) -> None:
        """From any thread."""
        self._closed = True
        self._connection.shut()

    def release(self) -> None:
        """Give the connection back; only when nobody reads any more."""
        self.close()
        self._connection.close()

    def _piece(self) -> tuple[StreamName, bytes] | None:
        while self._framed and not self._left:
            header = _exactly(self._reply, FRAME_HEADER_BYTES)
            if len(header) < FRAME_HEADER_BYTES:
                return None
            self._name = _NAMES.get(header[0], "stdout")
            self._left = int.from_bytes(header[4:], "big")
        data = self._reply.read(min(PIECE_BYTES, self._left) if self._framed else PIECE_BYTES)
        if self._framed:
            self._left -= len(data)
        return (self._name, data) if data else None


class EngineLog:
    """A ``LogStream``."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.close = output.close
        self.release = output.release

    def read(self) -> bytes:
        piece = self._output.read()
        return piece[1] if piece else b""


class EngineSession:
    """A ``Session``. ``resize`` and ``exit_code`` ask the engine; the code is None while the program runs."""

    def __init__(
        self, output: Output, resize: Callable[[int, int], None], exit_code: Callable[[], int | None]
    ) -> None:
        self.read = output.read
        self.write = output.send
        self.close_input = output.end_input
        self.close = output.close
        self.release = output.release
        self._resize = resize
        self._exit_code = exit_code
        # Both threads of a session may have a question; the engine's client answers one at a time.
        self._asking = threading.Lock()

    def resize(self, width: int, height: int) -> None:
        # It may have ended meanwhile, or not quite started.
        with self._asking, contextlib.suppress(EngineError):
            self._resize(width, height)

    def exit_code(self) -> int:
        for pause in EXIT_CODE_PAUSES:
            with self._asking:
                code = self._exit_code()
            if code is not None:
                return code
            threading.Event().wait(pause)
        raise EngineError("the program closed its output and runs on")

    def output_within(self, seconds: float, limit: int) -> bytes | None:
        """All output, ``limit`` bytes of it kept; None when it did not end in time."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.close()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        output = bytearray()
        try:
            while (piece := self.read()) is not None:
                output += piece[1][: limit - len(output)]
        finally:
            timer.cancel()
        return None if expired.is_set() else bytes(output)


def open_log(engine: Engine, container_id: str, query: LogQuery) -> EngineLog:
    """Raises EngineError, as all of these."""
    framed = not _has_terminal(engine, container_id)
    path = target(f"/containers/{container_id}/logs", **log_parameters(query))
    return EngineLog(Output(*engine.stream("GET", path), framed=framed))


def open_exec(engine: Engine, container_id: str, request: ExecRequest) -> EngineSession:
    """The program runs when this returns."""
    wanted = {
        "Cmd": list(request.argv),
        "Tty": request.tty,
        "AttachStdin": request.stdin,
        "AttachStdout": request.stdout,
        "AttachStderr": request.stderr,
    }
    exec_id = engine.question("POST", f"/containers/{container_id}/exec", wanted)["Id"]
    body = {"Tty": request.tty, "Detach": False}
    streams = engine.stream("POST", f"/exec/{exec_id}/start", body, HIJACK)

    def resize(width: int, height: int) -> None:
        engine.question("POST", target(f"/exec/{exec_id}/resize", h=str(height), w=str(width)))

    def exit_code() -> int | None:
        found = engine.question("GET", f"/exec/{exec_id}/json")
        return None if found["Running"] or found["ExitCode"] is None else int(found["ExitCode"])

    return EngineSession(Output(*streams, framed=not request.tty), resize, exit_code)


def open_attached(engine: Engine, container_id: str, wanted: Mapping[str, bool]) -> EngineSession:
    """``wanted``: which of stdin, stdout and stderr. There is no exit code to wait for."""
    framed = not _has_terminal(engine, container_id)
    query = {"stream": "1", **{name: str(int(value)) for name, value in wanted.items()}}
    streams = engine.stream("POST", target(f"/containers/{container_id}/attach", **query), None, HIJACK)

    def resize(width: int, height: int) -> None:
        query = {"h": str(height), "w": str(width)}
        engine.question("POST", target(f"/containers/{container_id}/resize", **query))

    return EngineSession(Output(*streams, framed=framed), resize, lambda: 0)


def _has_terminal(engine: Engine, container_id: str) -> bool:
    """Whether its output is one stream without frames."""
    return bool(engine.question("GET", f"/containers/{container_id}/json")["Config"]["Tty"])


def _exactly(source: Reply, count: int) -> bytes:
    """``count`` bytes, fewer only at the end."""
    parts = bytearray()
    while len(parts) < count:
        part = source.read(count - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)
