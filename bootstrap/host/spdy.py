"""The server's side of SPDY/3.1 as Kubernetes' clients speak it: streams that the client opens, both ways.

Source: draft-mbelshe-httpbis-spdy-00 and -3-1. Flow control is left out, as the clients leave it out.
Invariant: frames leave whole, whatever threads send; one thread reads.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bootstrap.host.connection import ConnectionEndedError
from bootstrap.host.spdyheaders import HeaderReader, HeaderWriter

LARGEST_FRAME = 16 * 1024 * 1024
PIECE_BYTES = 32 * 1024
MOST_STREAMS = 1000
"""Open at once on one connection."""

_CONTROL = 0x8000
_VERSION = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_FIN = 0x01
_REFUSED_STREAM, _CANCEL = 3, 5
_STREAM_BITS = 0x7FFFFFFF


class Pipe(Protocol):
    """Bytes both ways. Both raise ConnectionEndedError."""

    def read(self) -> bytes:
        """Some bytes, b"" at the end."""

    def write(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class SpdyEvent:
    """What the client did to a stream: ``headers`` when it opened it, ``ends`` when it sends no more.

    ``reset``: it gives the stream up, both ways.
    """

    stream: int
    headers: Mapping[str, str] | None = None
    data: bytes = b""
    ends: bool = False
    reset: bool = False


@dataclass(slots=True)
class _Ends:
    """Which side has ended its half of a stream."""

    ours: bool = False
    theirs: bool = False


@dataclass(slots=True)
class SpdyConnection:
    """Streams over a pipe."""

    pipe: Pipe
    _sending: threading.Lock = field(default_factory=threading.Lock)
    _streams: dict[int, _Ends] = field(default_factory=dict)
    _buffer: bytearray = field(default_factory=bytearray)
    _incoming: HeaderReader = field(default_factory=HeaderReader)
    _outgoing: HeaderWriter = field(default_factory=HeaderWriter)

    def read(self) -> SpdyEvent | None:
        """The next event, None when the client is gone or says that it goes. Raises ConnectionEndedError."""
        while True:
            head = self._exactly(8)
            if head is None:
                return None
            first, second = struct.unpack(">II", head)
            flags, length = second >> 24, second & 0xFFFFFF
            payload = self._exactly(length) if length <= LARGEST_FRAME else None
            if payload is None:
                return None
            if not first >> 31:
                event = self._data(first & _STREAM_BITS, flags, payload)
            elif first & 0xFFFF == _GOAWAY:
                return None
            else:
                event = self._control(first & 0xFFFF, flags, payload)
            if event is not None:
                return event

    def send(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        """On a stream the client opened; nothing once it is closed. Raises ConnectionEndedError."""
        pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)] or [b""]
        for number, piece in enumerate(pieces, 1):
            last = ends and number == len(pieces)
            with self._sending:
                state = self._streams.get(stream)
                if state is None or state.ours:
                    return
                head = struct.pack(">II", stream, (_FIN if last else 0) << 24 | len(piece))
                self.pipe.write(head + piece)
                state.ours |= last
                self._forget_closed(stream)

    def reset(self, stream: int) -> None:
        """Give a stream up, both ways. Raises ConnectionEndedError."""
        with self._sending:
            if self._streams.pop(stream, None) is not None:
                self._write_control(_RST_STREAM, 0, struct.pack(">II", stream, _CANCEL))

    def say_farewell(self) -> None:
        """No more streams are taken. Raises ConnectionEndedError."""
        with self._sending:
            self._write_control(_GOAWAY, 0, struct.pack(">II", 0, 0))

    def _data(self, stream: int, flags: int, payload: bytes) -> SpdyEvent | None:
        with self._sending:
            state = self._streams.get(stream)
            if state is None or state.theirs:
                return None
            state.theirs = bool(flags & _FIN)
            self._forget_closed(stream)
        return SpdyEvent(stream, data=payload, ends=bool(flags & _FIN))

    def _control(self, kind: int, flags: int, payload: bytes) -> SpdyEvent | None:
        """Kinds that are not needed (SETTINGS, WINDOW_UPDATE, HEADERS) are ignored."""
        if kind == _SYN_STREAM and len(payload) >= 10:
            return self._opened(flags, payload)
        if kind == _PING:
            with self._sending:
                self._write_control(_PING, 0, payload)
        if kind == _RST_STREAM and len(payload) >= 4:
            stream = int.from_bytes(payload[:4], "big") & _STREAM_BITS
            with self._sending:
                known = self._streams.pop(stream, None)
            return SpdyEvent(stream, reset=True) if known else None
        return None

    def _opened(self, flags: int, payload: bytes) -> SpdyEvent | None:
        stream = int.from_bytes(payload[:4], "big") & _STREAM_BITS
        try:
            headers = self._incoming.read(payload[10:])
        except ValueError as error:
            raise ConnectionEndedError(f"SPDY: {error}") from error
        with self._sending:
            if len(self._streams) >= MOST_STREAMS or stream in self._streams:
                self._write_control(_RST_STREAM, 0, struct.pack(">II", stream, _REFUSED_STREAM))
                return None
            self._streams[stream] = _Ends(theirs=bool(flags & _FIN))
            self._write_control(_SYN_REPLY, 0, struct.pack(">I", stream) + self._outgoing.write({}))
        return SpdyEvent(stream, headers=headers, ends=bool(flags & _FIN))

    def _forget_closed(self, stream: int) -> None:
        state = self._streams[stream]
        if state.ours and state.theirs:
            del self._streams[stream]

    def _write_control(self, kind: int, flags: int, payload: bytes) -> None:
        self.pipe.write(struct.pack(">HHI", _CONTROL | _VERSION, kind, flags << 24 | len(payload)) + payload)

    def _exactly(self, count: int) -> bytes | None:
        """None when the pipe ends before."""
        while len(self._buffer) < count:
            more = self.pipe.read()
            if not more:
                return None
            self._buffer += more
        found = bytes(self._buffer[:count])
        del self._buffer[:count]
        return found
