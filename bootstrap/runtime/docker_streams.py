"""What flows between the engine and a client for as long as a program runs: logs, exec, attach.

It knows the engine's framing (stdout and stderr in frames, each with a header of eight bytes: the stream's
number, three zero bytes, the payload's length, big-endian) and nothing of the ``docker`` package.
Invariant: closing a stream from another thread ends a read that is under way, as at its end.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from bootstrap.runtime.api import EngineError, EngineUnreachableError, ExecRequest, LogQuery, StreamName
from bootstrap.runtime.docker_request import log_parameters

FRAME_HEADER_BYTES = 8

PIECE_BYTES = 32 * 1024
SENDING, BOTH_WAYS = 1, 2
"""What of a connection is shut down, as the operating system counts."""

EXIT_CODE_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.0, 2.0)
"""Seconds between looks for the exit code: it follows the end of the output, but not at once."""

HIJACK = {"Connection": "Upgrade", "Upgrade": "tcp"}
"""Asks the engine to go on with a program's streams on the connection of the request."""

Translated = Callable[[], AbstractContextManager[None]]
"""Makes the client's exceptions ours while it is entered."""

_NAMES: dict[int, StreamName] = {1: "stdout", 2: "stderr"}


class Source(Protocol):
    """Bytes: ``read`` waits for all of a count, ``read1`` takes what is there."""

    def read(self, count: int) -> bytes: ...

    def read1(self, count: int) -> bytes: ...


class Output:
    """Pieces of a program's output, from the reply that carries them.

    ``framed``: both streams, told apart; else one, as a terminal has.
    """

    def __init__(self, reply: Any, source: Source, *, framed: bool) -> None:
        self._reply = reply
        self._source = source
        self._connection = reply.raw._fp.fp.raw._sock
        self._framed = framed
        self._left = 0
        self._name: StreamName = "stdout"
        self._closed = False
        # A program may be silent for as long as it likes.
        self._connection.settimeout(None)

    def read(self) -> tuple[StreamName, bytes] | None:
        """The next piece, None at the end. Raises EngineUnreachableError."""
        try:
            return self._piece()
        except (OSError, ValueError, http.client.HTTPException) as error:
            if self._closed:
                return None
            raise EngineUnreachableError(f"the engine broke off a stream: {error}") from error

    def send(self, data: bytes) -> None:
        """To the program's input; one that takes no more is not told."""
        with contextlib.suppress(OSError):
            self._connection.sendall(data)

    def end_input(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(SENDING)

    def close(self) -> None:
        """From any thread."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(BOTH_WAYS)

    def release(self) -> None:
        """Give the connection back; only when nobody reads any more."""
        self.close()
        self._connection.close()
        self._reply.close()

    def _piece(self) -> tuple[StreamName, bytes] | None:
        while self._framed and not self._left:
            header = _exactly(self._source, FRAME_HEADER_BYTES)
            if len(header) < FRAME_HEADER_BYTES:
                return None
            self._name = _NAMES.get(header[0], "stdout")
            self._left = int.from_bytes(header[4:], "big")
        data = self._source.read1(min(PIECE_BYTES, self._left) if self._framed else PIECE_BYTES)
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


def open_log(client: Any, container_id: str, query: LogQuery) -> EngineLog:
    """``client`` is the low-level client, whose exceptions pass through here, and below."""
    framed = not _has_terminal(client, container_id)
    url = client._url("/containers/{0}/logs", container_id)
    reply = client._get(url, params=log_parameters(query), stream=True)
    client._raise_for_status(reply)
    return EngineLog(Output(reply, reply.raw._fp, framed=framed))


def open_exec(client: Any, container_id: str, request: ExecRequest, translated: Translated) -> EngineSession:
    """``translated`` is entered around the session's later questions."""
    wanted = {"stdin": request.stdin, "stdout": request.stdout, "stderr": request.stderr}
    exec_id = client.exec_create(container_id, list(request.argv), tty=request.tty, **wanted)["Id"]
    body = {"Tty": request.tty, "Detach": False}
    output = _hijacked(client, client._url("/exec/{0}/start", exec_id), body, {}, framed=not request.tty)

    def resize(width: int, height: int) -> None:
        with translated():
            client.exec_resize(exec_id, height=height, width=width)

    def exit_code() -> int | None:
        with translated():
            found = client.exec_inspect(exec_id)
        return None if found["Running"] or found["ExitCode"] is None else int(found["ExitCode"])

    return EngineSession(output, resize, exit_code)


def open_attached(
    client: Any, container_id: str, wanted: Mapping[str, bool], translated: Translated
) -> EngineSession:
    """``wanted``: which of stdin, stdout and stderr. There is no exit code to wait for."""
    framed = not _has_terminal(client, container_id)
    parameters = {"stream": 1, **{name: int(value) for name, value in wanted.items()}}
    url = client._url("/containers/{0}/attach", container_id)
    output = _hijacked(client, url, None, parameters, framed=framed)

    def resize(width: int, height: int) -> None:
        with translated():
            client.resize(container_id, height=height, width=width)

    return EngineSession(output, resize, lambda: 0)


def _hijacked(client: Any, url: str, body: Any, parameters: Mapping[str, int], *, framed: bool) -> Output:
    """The streams of a program, on the connection that asked for them."""
    reply = client._post(url, json=body, params=parameters, headers=HIJACK, stream=True)
    client._raise_for_status(reply)
    # The buffered reader, not the socket below it: output may have come together with the reply's head.
    return Output(reply, reply.raw._fp.fp, framed=framed)


def _has_terminal(client: Any, container_id: str) -> bool:
    """Whether its output is one stream without frames."""
    return bool(client.inspect_container(container_id)["Config"]["Tty"])


def _exactly(source: Source, count: int) -> bytes:
    """``count`` bytes, fewer only at the end."""
    parts = bytearray()
    while len(parts) < count:
        part = source.read(count - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)
