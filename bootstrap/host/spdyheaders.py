"""Headers as SPDY/3 compresses them: one zlib stream for each direction, with a dictionary both sides know.

Source: draft-mbelshe-httpbis-spdy-00, section 2.6.10. Invariant: the dictionary is the draft's, byte for byte
(its Adler-32 is part of what is sent).
"""

from __future__ import annotations

import zlib

LARGEST_HEADERS = 256 * 1024

_NAMES = """
options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age
allow authorization cache-control connection content-base content-encoding content-language content-length
content-location content-md5 content-range content-type date etag expect expires from host if-match
if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma
proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade
user-agent vary via warning www-authenticate method get status
"""

_PAIRS = (("200 OK", "version"), ("HTTP/1.1", "url"), ("public", "set-cookie"), ("keep-alive", "origin"))

_STATUSES = """
100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505
203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized
403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable
"""

_TAIL = (
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(4, "big") + data


DICTIONARY = b"".join(
    (
        *map(_counted, _NAMES.split()),
        *(_counted(text) for pair in _PAIRS for text in pair),
        "".join(_STATUSES.strip().split("\n")).encode(),
        _TAIL.encode(),
    )
)


class HeaderReader:
    """Reads the blocks of one direction, in order."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zdict=DICTIONARY)

    def read(self, block: bytes) -> dict[str, str]:
        """Names in lower case. Raises ValueError."""
        try:
            data = self._stream.decompress(block, LARGEST_HEADERS)
        except zlib.error as error:
            raise ValueError(f"headers cannot be decompressed: {error}") from error
        if self._stream.unconsumed_tail:
            raise ValueError("headers are too long")
        texts, position = [], 4
        for _ in range(2 * int.from_bytes(data[:4], "big")):
            length = int.from_bytes(data[position : position + 4], "big")
            position += 4 + length
            if position > len(data):
                raise ValueError("headers are cut off")
            texts.append(data[position - length : position].decode("utf-8", "replace"))
        return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=True)}


class HeaderWriter:
    """Writes the blocks of one direction, in order."""

    def __init__(self) -> None:
        # A window of 2 KiB holds the dictionary; a larger one costs a quarter of a megabyte.
        self._stream = zlib.compressobj(6, zlib.DEFLATED, 11, 1, zdict=DICTIONARY)

    def write(self, headers: dict[str, str]) -> bytes:
        texts = [text for pair in headers.items() for text in pair]
        data = len(headers).to_bytes(4, "big") + b"".join(map(_counted, texts))
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)
