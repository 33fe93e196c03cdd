from __future__ import annotations

import pytest

from bootstrap.errors import ConfigError
from bootstrap.model.duration import duration_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4m0s", 240),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("-2s", -2),
        ("0", 0),
        ("3us", 3e-6),
    ],
)
def test_go_durations_are_read(text: str, seconds: float) -> None:
    assert duration_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "4", "4 m", "m", "1d", "4m0", "1s,", "∞"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a duration"):
        duration_seconds(text)
