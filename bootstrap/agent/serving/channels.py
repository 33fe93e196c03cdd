"""The streams of ``exec`` and ``attach`` between a client and us, whatever protocol carries them.

A WebSocket carries them as numbered channels (``v5.channel.k8s.io`` and older), SPDY as streams of their own.
Invariant: how a program ended is the last thing that is said.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from bootstrap.host.connection import ConnectionEndedError
from bootstrap.host.spdy import SpdyConnection, SpdyEvent
from bootstrap.host.websocket import WebSocket
from bootstrap.runtime.api import StreamName

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
NUMBERS: dict[StreamName, int] = {"stdout": STDOUT, "stderr": STDERR}
CLOSE_SIGNAL = 255


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a protocol puts channels into messages.

    ``base64``: text frames, the channel as a digit. ``status``: the end is told as a metav1.Status, not in
    words. ``closes``: a client can end standard input alone.
    """

    base64: bool = False
    status: bool = False
    closes: bool = False


DIALECTS = {
    "v5.channel.k8s.io": Dialect(status=True, closes=True),
    "v4.channel.k8s.io": Dialect(status=True),
    "v4.base64.channel.k8s.io": Dialect(status=True, base64=True),
    "channel.k8s.io": Dialect(),
    "base64.channel.k8s.io": Dialect(base64=True),
    "": Dialect(),
}
"""By WebSocket subprotocol; a client that names none speaks the oldest."""

SPDY_DIALECTS = {
    "v4.channel.k8s.io": Dialect(status=True),
    "v3.channel.k8s.io": Dialect(),
    "v2.channel.k8s.io": Dialect(),
    "channel.k8s.io": Dialect(),
}


@dataclass(frozen=True, slots=True)
class Input:
    """What a client sends: ``data`` for standard input, its end, or the size of its terminal."""

    data: bytes = b""
    ends: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended: its exit code, or why it could not be run."""

    code: int = 0
    failure: str = ""


class Channels(Protocol):
    """One thread takes the input, another sends. All raise ConnectionEndedError."""

    def inputs(self) -> Iterator[Input]:
        """Until the client goes away."""

    def send(self, stream: StreamName, data: bytes) -> None: ...

    def finish(self, ending: Ending) -> None:
        """All output was sent."""


class WebSocketChannels:
    """Over one WebSocket."""

    def __init__(self, socket: WebSocket, dialect: Dialect, first: int) -> None:
        """``first``: the channel an empty message goes to, by which clients know that they are connected."""
        self._socket = socket
        self._dialect = dialect
        self._write(first, b"")

    def inputs(self) -> Iterator[Input]:
        sizes = SizeReader()
        while (message := self._socket.read()) is not None:
            channel, data = self._read(message)
            if channel == CLOSE_SIGNAL and self._dialect.closes and data[:1] == bytes([STDIN]):
                yield Input(ends=True)
            elif channel == STDIN:
                yield Input(data)
            elif channel == RESIZE:
                yield from (Input(size=size) for size in sizes.add(data))

    def send(self, stream: StreamName, data: bytes) -> None:
        self._write(NUMBERS[stream], data)

    def finish(self, ending: Ending) -> None:
        self._write(ERROR, ending_text(ending, status=self._dialect.status))
        self._socket.close()

    def _read(self, message: bytes) -> tuple[int, bytes]:
        if not message:
            return ERROR, b""
        if not self._dialect.base64:
            return message[0], message[1:]
        try:
            return message[0] - ord("0"), base64.b64decode(message[1:], validate=True)
        except binascii.Error as error:
            raise ConnectionEndedError("a message is not base64") from error

    def _write(self, channel: int, data: bytes) -> None:
        if self._dialect.base64:
            self._socket.write(b"%d%b" % (channel, base64.b64encode(data)), text=True)
        else:
            self._socket.write(bytes([channel]) + data)


class SpdyChannels:
    """Over one SPDY connection; ``streams`` are numbers by type (``stdin``, ``error``, ...)."""

    def __init__(self, connection: SpdyConnection, dialect: Dialect, streams: Mapping[str, int]) -> None:
        self._connection = connection
        self._dialect = dialect
        self._streams = streams

    def inputs(self) -> Iterator[Input]:
        sizes = SizeReader()
        while (event := self._connection.read()) is not None:
            if event.stream == self._streams.get("stdin"):
                if event.data:
                    yield Input(event.data)
                if event.ends or event.reset:
                    yield Input(ends=True)
            elif event.stream == self._streams.get("resize"):
                yield from (Input(size=size) for size in sizes.add(event.data))

    def send(self, stream: StreamName, data: bytes) -> None:
        if stream in self._streams:
            self._connection.send(self._streams[stream], data)

    def finish(self, ending: Ending) -> None:
        for name in ("stdout", "stderr"):
            if name in self._streams:
                self._connection.send(self._streams[name], b"", ends=True)
        self._connection.send(
            self._streams["error"], ending_text(ending, status=self._dialect.status), ends=True
        )
        self._connection.say_farewell()


def opened_streams(connection: SpdyConnection, wanted: frozenset[str]) -> dict[str, int]:
    """The streams a client opens first, by type. Raises ConnectionEndedError when it does not open them."""
    found: dict[str, int] = {}
    while wanted - found.keys():
        event: SpdyEvent | None = connection.read()
        if event is None:
            raise ConnectionEndedError("the client did not open all streams")
        if event.headers is not None:
            found[event.headers.get("streamtype", "").lower()] = event.stream
    return found


class SizeReader:
    """Sizes of a terminal out of JSON objects that follow each other."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Width and height of each object that is complete."""
        self._text = (self._text + data.decode("utf-8", "replace")).lstrip()
        while self._text:
            try:
                value, end = json.JSONDecoder().raw_decode(self._text)
            except ValueError:
                if len(self._text) > 1024:
                    raise ConnectionEndedError("a terminal's size is not JSON") from None
                return
            self._text = self._text[end:].lstrip()
            with contextlib.suppress(KeyError, TypeError, ValueError):
                yield int(value["Width"]), int(value["Height"])


def ending_text(ending: Ending, *, status: bool) -> bytes:
    """What the error stream carries: a metav1.Status, or for old protocols nothing but a failure's words."""
    words = ending.failure
    if not words and ending.code:
        words = f"command terminated with non-zero exit code: exit status {ending.code}"
    if not status:
        return words.encode()
    if not words:
        return b'{"metadata":{},"status":"Success"}'
    value: dict[str, object] = {"metadata": {}, "status": "Failure", "message": words}
    if ending.failure:
        value |= {"reason": "InternalError", "code": 500}
        value["details"] = {"causes": [{"message": words}]}
    else:
        value["reason"] = "NonZeroExitCode"
        value["details"] = {"causes": [{"reason": "ExitCode", "message": str(ending.code)}]}
    return json.dumps(value, separators=(",", ":")).encode()
