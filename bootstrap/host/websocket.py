"""The server's side of a WebSocket (RFC 6455) on an open connection.

Invariant: what leaves is whole frames, whatever threads send; pings are answered and fragments put together
where messages are read, by one thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading

from bootstrap.host.connection import Connection, ConnectionEndedError
from bootstrap.host.httpexchange import Exchange, IncomingRequest

LARGEST_MESSAGE = 4 * 1024 * 1024

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80
_ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NORMAL_CLOSURE = 1000


def is_upgrade(request: IncomingRequest, protocol: str) -> bool:
    """Whether the client wants to go on in this protocol (``websocket``, ``spdy/3.1``), in any case."""
    wanted = {word.lower() for word in request.header_words("upgrade")}
    connection = {word.lower() for word in request.header_words("connection")}
    return protocol.lower() in wanted and "upgrade" in connection


def accept(exchange: Exchange, protocol: str, timeout: float | None = None) -> WebSocket:
    """Answer the handshake; ``protocol`` "" names none.

    Raises ConnectionEndedError for a bad handshake.
    """
    key = exchange.request.headers.get("sec-websocket-key", "")
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            raise ValueError("not 16 bytes")
    except (ValueError, binascii.Error) as error:
        raise ConnectionEndedError(f"the WebSocket handshake has a bad key: {error}") from error
    digest = hashlib.sha1(f"{key}{_ACCEPT_SUFFIX}".encode(), usedforsecurity=False).digest()
    headers = {"Sec-WebSocket-Accept": base64.b64encode(digest).decode()}
    if protocol:
        headers["Sec-WebSocket-Protocol"] = protocol
    exchange.upgrade("websocket", headers)
    return WebSocket(exchange.connection, timeout)


class WebSocket:
    """Messages both ways. ``timeout``: how long a client may take nothing, in seconds."""

    def __init__(self, connection: Connection, timeout: float | None = None) -> None:
        self._connection = connection
        self._timeout = timeout
        self._sending = threading.Lock()
        self._buffer = bytearray()
        self._closed = False

    def read(self) -> bytes | None:
        """The next message, None once the client closed or went away. Raises ConnectionEndedError."""
        message = bytearray()
        while True:
            frame = self._frame()
            if frame is None:
                return None
            opcode, final, payload = frame
            if opcode == _PING:
                self._send(_PONG, payload)
            elif opcode == _CLOSE:
                self.close()
                return None
            elif opcode in (_CONTINUATION, _TEXT, _BINARY):
                message += payload
                if len(message) > LARGEST_MESSAGE:
                    raise ConnectionEndedError("a WebSocket message is too long")
                if final:
                    return bytes(message)

    def write(self, message: bytes, *, text: bool = False) -> None:
        """From any thread. Raises ConnectionEndedError."""
        self._send(_TEXT if text else _BINARY, message)

    def close(self) -> None:
        """Say that nothing follows; the first time only."""
        if not self._closed:
            self._closed = True
            self._send(_CLOSE, NORMAL_CLOSURE.to_bytes(2, "big"))

    def _send(self, opcode: int, payload: bytes) -> None:
        head = bytearray([_FINAL | opcode])
        if len(payload) < 126:
            head.append(len(payload))
        elif len(payload) < 65536:
            head += b"\x7e" + len(payload).to_bytes(2, "big")
        else:
            head += b"\x7f" + len(payload).to_bytes(8, "big")
        with self._sending:
            self._connection.write(bytes(head) + payload, self._timeout)

    def _frame(self) -> tuple[int, bool, bytes] | None:
        head = self._exactly(2)
        if head is None:
            return None
        length = head[1] & 0x7F
        extended = {126: 2, 127: 8}.get(length, 0)
        if extended:
            length = int.from_bytes(self._exactly(extended) or b"", "big")
        if length > LARGEST_MESSAGE:
            raise ConnectionEndedError("a WebSocket frame is too long")
        if not head[1] & _MASKED:
            raise ConnectionEndedError("a WebSocket client must mask what it sends")
        mask, payload = self._exactly(4), self._exactly(length)
        if mask is None or payload is None:
            return None
        return head[0] & 0x0F, bool(head[0] & _FINAL), unmasked(payload, mask)

    def _exactly(self, count: int) -> bytes | None:
        """None when the connection ends before."""
        while len(self._buffer) < count:
            more = self._connection.read()
            if not more:
                return None
            self._buffer += more
        found = bytes(self._buffer[:count])
        del self._buffer[:count]
        return found


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """All bytes at once: as numbers."""
    length = len(payload)
    repeated = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")
