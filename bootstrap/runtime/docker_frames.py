"""The engine's multiplexed output: stdout and stderr in frames, each with a header of eight bytes.

The header is the stream's number, three zero bytes and the payload's length, big-endian.
"""

from __future__ import annotations

from typing import Any

FRAME_HEADER_BYTES = 8


def unframed(stream: Any, limit: int) -> bytes:
    """The payload of Docker's stdout/stderr frames, at most ``limit`` bytes of it; reads to the end."""
    output = bytearray()
    while True:
        header = _exactly(stream, FRAME_HEADER_BYTES)
        if len(header) < FRAME_HEADER_BYTES:
            return bytes(output[:limit])
        payload = _exactly(stream, int.from_bytes(header[4:], "big"))
        if len(output) < limit:
            output += payload


def _exactly(stream: Any, count: int) -> bytes:
    """``count`` bytes, fewer only at the end of the stream."""
    parts = bytearray()
    while len(parts) < count:
        part = stream.read(count - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)
