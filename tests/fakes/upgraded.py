"""Clients of WebSocket and SPDY, as kubectl and the API server are, over a socket."""

from __future__ import annotations

import base64
import os
import struct
from typing import Protocol

from bootstrap.host.spdyheaders import HeaderReader, HeaderWriter
from bootstrap.host.websocket import unmasked


class Socket(Protocol):
    def recv(self, count: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...

    def close(self) -> None: ...


def upgrade(socket: Socket, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
    """Send the request; the status, and the head (or head and body) of the reply."""
    lines = [f"{method} {path} HTTP/1.1", "Host: n1", "Connection: Upgrade"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    text = b""
    while b"\r\n\r\n" not in text:
        more = socket.recv(1)
        assert more, text
        text += more
    status = int(text.split()[1])
    if status != 101:
        while more := socket.recv(1000):
            text += more
    return status, text.decode()


def websocket_headers(*protocols: str) -> dict[str, str]:
    headers = {
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    return {**headers, "Sec-WebSocket-Protocol": ", ".join(protocols)} if protocols else headers


class WebSocketClient:
    def __init__(self, socket: Socket) -> None:
        self.socket = socket

    def send(self, payload: bytes, opcode: int = 2, *, final: bool = True) -> None:
        mask = os.urandom(4)
        length = len(payload)
        head = bytes([(0x80 if final else 0) | opcode])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += b"\xfe" + length.to_bytes(2, "big")
        else:
            head += b"\xff" + length.to_bytes(8, "big")
        self.socket.sendall(head + mask + unmasked(payload, mask))

    def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        head = self._exactly(2)
        length = head[1] & 0x7F
        if length >= 126:
            length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
        return head[0] & 0x0F, self._exactly(length)

    def messages(self) -> list[bytes]:
        """Every message until the server closes."""
        found: list[bytes] = []
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                return found
            found.append(payload)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            assert more, "the server went away"
            data += more
        return data


class Tunnel:
    """SPDY's bytes inside a WebSocket."""

    def __init__(self, client: WebSocketClient) -> None:
        self.client = client
        self.buffer = b""

    def recv(self, count: int, /) -> bytes:
        while not self.buffer:
            opcode, payload = self.client.receive()
            if opcode == 8:
                return b""
            self.buffer += payload
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def sendall(self, data: bytes, /) -> None:
        self.client.send(data)

    def close(self) -> None:
        self.client.socket.close()


class SpdyClient:
    """``data`` and ``ended`` are what the server sent on each stream."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.data: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.replied: set[int] = set()
        self.reset: set[int] = set()
        self.pongs: list[int] = []
        self._next = 1
        self._writer, self._reader = HeaderWriter(), HeaderReader()

    def open(self, **headers: str) -> int:
        """Open a stream and wait for the reply."""
        stream, self._next = self._next, self._next + 2
        block = struct.pack(">IIH", stream, 0, 0) + self._writer.write(headers)
        self.control(1, block)
        while stream not in self.replied | self.reset:
            assert self.step()
        return stream

    def control(self, kind: int, payload: bytes, flags: int = 0) -> None:
        self.socket.sendall(struct.pack(">HHI", 0x8003, kind, flags << 24 | len(payload)) + payload)

    def send(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        self.socket.sendall(struct.pack(">II", stream, int(ends) << 24 | len(data)) + data)

    def receive(self, stream: int, count: int) -> bytes:
        """So many bytes of a stream, or fewer when it ended."""
        while len(self.data.get(stream, b"")) < count and stream not in self.ended:
            assert self.step()
        return self.data.get(stream, b"")[:count]

    def all_of(self, stream: int) -> bytes:
        while stream not in self.ended:
            assert self.step()
        return self.data.get(stream, b"")

    def step(self) -> bool:
        """Take one frame; False at the end."""
        head = self._exactly(8)
        if len(head) < 8:
            return False
        first, second = struct.unpack(">II", head)
        payload = self._exactly(second & 0xFFFFFF)
        stream = int.from_bytes(payload[:4], "big")
        if not first >> 31:
            self.data[first] = self.data.get(first, b"") + payload
            if second >> 24 & 1:
                self.ended.add(first)
        elif first & 0xFFFF == 2:
            self._reader.read(payload[4:])
            self.replied.add(stream)
        elif first & 0xFFFF == 3:
            self.reset.add(stream)
        elif first & 0xFFFF == 6:
            self.pongs.append(stream)
        return True

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                return data
            data += more
        return data
