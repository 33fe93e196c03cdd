from __future__ import annotations

import zlib

import pytest

from bootstrap.host.spdyheaders import DICTIONARY, LARGEST_HEADERS, HeaderReader, HeaderWriter


def test_the_dictionary_is_the_drafts() -> None:
    """Its Adler-32 is in the first bytes of every SPDY/3 connection."""
    assert len(DICTIONARY) == 1423
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2
    assert HeaderWriter().write({})[2:6].hex() == "e3c6a7c2"


def test_headers_come_back_over_several_blocks() -> None:
    writer, reader = HeaderWriter(), HeaderReader()
    for headers in ({"streamtype": "data", "port": "80"}, {}, {"streamtype": "error", "x": "é"}):
        assert reader.read(writer.write(headers)) == headers


def test_names_are_in_lower_case() -> None:
    assert HeaderReader().read(HeaderWriter().write({"StreamType": "Data"})) == {"streamtype": "Data"}


@pytest.mark.parametrize("block", [b"", b"junk"])
def test_what_is_no_block_is_refused_or_empty(block: bytes) -> None:
    if block:
        with pytest.raises(ValueError, match="decompressed"):
            HeaderReader().read(block)
    else:
        assert HeaderReader().read(block) == {}


def test_blocks_that_grow_too_large_are_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        HeaderReader().read(HeaderWriter().write({"x": "y" * (LARGEST_HEADERS + 1)}))
