from __future__ import annotations

from bootstrap.agent.metrics import Counter, Family, Histogram, Sample, exposition


def test_the_text_is_what_prometheus_reads() -> None:
    counter = Counter("reason")
    for reason in ("b", "a", "b"):
        counter.count(reason)
    histogram = Histogram(0.1, 1.0)
    for seconds in (0.05, 0.1, 0.5, 7):
        histogram.observe(seconds)
    text = exposition(
        [
            Family("things_total", "counter", "How many.", counter.samples()),
            Family("empty", "gauge", "None.", ()),
            Family("took_seconds", "histogram", "How long.", histogram.samples()),
        ]
    )
    assert text.splitlines() == [
        "# HELP things_total How many.",
        "# TYPE things_total counter",
        'things_total{reason="a"} 1',
        'things_total{reason="b"} 2',
        "# HELP took_seconds How long.",
        "# TYPE took_seconds histogram",
        'took_seconds_bucket{le="0.1"} 2',
        'took_seconds_bucket{le="1"} 3',
        'took_seconds_bucket{le="+Inf"} 4',
        "took_seconds_sum 7.65",
        "took_seconds_count 4",
    ]


def test_values_of_labels_are_escaped() -> None:
    text = exposition([Family("x", "gauge", "X.", (Sample(1.5, (("path", 'a"b\\c\nd'),)),))])
    assert text.splitlines()[-1] == r'x{path="a\"b\\c\nd"} 1.5'


def test_what_is_gone_is_forgotten() -> None:
    counter = Counter("pod", "result")
    counter.count("a", "ok")
    counter.count("b", "ok")
    counter.keep("pod", ["b"])
    assert [sample.labels for sample in counter.samples()] == [(("pod", "b"), ("result", "ok"))]
