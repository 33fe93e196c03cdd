from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bootstrap.agent.serving.logquery import LogOptions, log_options
from bootstrap.agent.serving.refusal import RefusedError
from bootstrap.runtime.api import LogQuery

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, LogOptions(LogQuery())),
        ({"unknown": "x"}, LogOptions(LogQuery())),
        ({"follow": "true", "timestamps": "1"}, LogOptions(LogQuery(follow=True, timestamps=True))),
        ({"follow": ""}, LogOptions(LogQuery(follow=True))),
        ({"follow": "FALSE", "previous": "0"}, LogOptions(LogQuery())),
        ({"previous": "true", "limitBytes": "7"}, LogOptions(LogQuery(), previous=True, limit=7)),
        ({"tailLines": "0"}, LogOptions(LogQuery(tail=0))),
        ({"tail": "3"}, LogOptions(LogQuery(tail=3))),
        ({"tail": "all"}, LogOptions(LogQuery())),
        ({"sinceSeconds": "60"}, LogOptions(LogQuery(since=NOW - timedelta(seconds=60)))),
        ({"sinceSeconds": "99999999999999"}, LogOptions(LogQuery())),
        ({"sinceTime": "2026-01-01T00:00:00Z"}, LogOptions(LogQuery(since=NOW))),
        ({"sinceTime": "2026-01-01T01:00:00.000000000+01:00"}, LogOptions(LogQuery(since=NOW))),
        ({"stream": "Stderr"}, LogOptions(LogQuery(stdout=False))),
    ],
)
def test_a_query_says_what_is_wanted(values: dict[str, str], expected: LogOptions) -> None:
    assert log_options(values, NOW) == expected


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"tailLines": "x"}, 400),
        ({"tailLines": "-1"}, 422),
        ({"tail": "some"}, 400),
        ({"limitBytes": "0"}, 422),
        ({"sinceSeconds": "0"}, 422),
        ({"sinceSeconds": "1", "sinceTime": "2026-01-01T00:00:00Z"}, 422),
        ({"sinceTime": "yesterday"}, 400),
        ({"sinceTime": "2026-01-01T00:00:00"}, 400),
        ({"stream": "Both"}, 422),
        ({"stream": "Stdout", "tailLines": "1"}, 422),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, str], status: int) -> None:
    with pytest.raises(RefusedError) as caught:
        log_options(values, NOW)
    assert caught.value.status == status
