"""Go duration text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.errors import ConfigError
from bootstrap.model.duration import duration_seconds, format_duration, parse_duration

WRITTEN: dict[str, tuple[timedelta, str]] = {
    "1h30m": (timedelta(hours=1, minutes=30), "1h30m0s"),
    "4m0s": (timedelta(minutes=4), "4m0s"),
    "100ms": (timedelta(milliseconds=100), "100ms"),
    "1.5s": (timedelta(milliseconds=1500), "1.5s"),
    ".5m": (timedelta(seconds=30), "30s"),
    "0.1us": (timedelta(0), "0s"),
    "1500µs": (timedelta(microseconds=1500), "1.5ms"),
    "7us": (timedelta(microseconds=7), "7µs"),
    "3us": (timedelta(microseconds=3), "3µs"),
    "1.5h": (timedelta(hours=1, minutes=30), "1h30m0s"),
    "8760h": (timedelta(days=365), "8760h0m0s"),
    "1h": (timedelta(hours=1), "1h0m0s"),
    "0": (timedelta(0), "0s"),
    "-3m": (timedelta(minutes=-3), "-3m0s"),
    "+3m": (timedelta(minutes=3), "3m0s"),
}


@pytest.mark.parametrize(("text", "span", "go"), [(text, *rest) for text, rest in WRITTEN.items()])
def test_a_duration_is_read_and_written_as_go_does(text: str, span: timedelta, go: str) -> None:
    assert parse_duration(text) == span
    assert format_duration(span) == go
    assert duration_seconds(text) == span.total_seconds()


@pytest.mark.parametrize(
    "text", ["", "5", "1d", "h", "1 h", "1h ", "4m0", "1s,", "--1h", "1e3s", "∞", "٣s", "9999999h"]
)
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a duration"):
        parse_duration(text)


@given(st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)))
def test_what_is_written_is_read_back(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span
