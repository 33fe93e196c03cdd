"""What the benchmark table says of samples and budgets."""

from __future__ import annotations

import pytest

from tests.bench.measurement import Measurement, amount, markdown, row


def test_a_median_within_its_budgets_is_ok() -> None:
    found = Measurement("x", "s", (1.0, 2.0, 9.0), "y", (2.0, 2.0, 2.0), most=2.0, ratio=1.0)
    assert found.misses == ()
    assert row(found)[-1] == "ok"


@pytest.mark.parametrize(
    ("budget", "miss"),
    [
        ({"most": 1.9}, "median over 1.9 s"),
        ({"worst": 8.0}, "slowest 9 s"),
        ({"ratio": 0.9}, "ratio over 0.9"),
    ],
)
def test_each_budget_is_judged_by_its_own_rule(budget: dict[str, float], miss: str) -> None:
    assert Measurement("x", "s", (1.0, 2.0, 9.0), "y", (2.0,), **budget).misses == (miss,)


def test_without_a_budget_nothing_is_judged() -> None:
    assert row(Measurement("x", "s", (1.0,)))[-1] == ""


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123 ms"), (38.04, "38 ms"), (4.5, "4.5 ms"), (119.6, "120 ms")]
)
def test_amounts_have_three_digits(value: float, text: str) -> None:
    assert amount(value, "ms") == text


def test_the_table_has_one_aligned_line_for_each_measurement() -> None:
    lines = markdown(
        [Measurement("short", "s", (1.0,)), Measurement("much longer", "s", (1.0,))]
    ).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
