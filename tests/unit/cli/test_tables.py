"""Against k8s.io/apimachinery/pkg/util/duration and text/tabwriter."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bootstrap.cli.tables import short_span, span_text, table


@pytest.mark.parametrize(
    ("span", "short", "long"),
    [
        (timedelta(seconds=-5), "<invalid>", "<invalid>"),
        (timedelta(0), "0s", "0s"),
        (timedelta(seconds=90), "1m", "90s"),
        (timedelta(minutes=5, seconds=3), "5m", "5m3s"),
        (timedelta(minutes=6), "6m", "6m"),
        (timedelta(minutes=150), "2h", "150m"),
        (timedelta(hours=4, minutes=20), "4h", "4h20m"),
        (timedelta(hours=23, minutes=59), "23h", "23h"),
        (timedelta(days=5, hours=3), "5d", "5d3h"),
        (timedelta(days=364, hours=23), "364d", "364d"),
        (timedelta(days=800), "2y", "2y70d"),
        (timedelta(days=3649), "9y", "9y"),
    ],
)
def test_spans(span: timedelta, short: str, long: str) -> None:
    assert (short_span(span), span_text(span)) == (short, long)


def test_columns_have_a_smallest_width_and_room_between() -> None:
    assert table([("NAME", "TTL", "X"), ("a-rather-long-one", "1h", "y")]) == [
        "NAME                TTL       X",
        "a-rather-long-one   1h        y",
    ]
