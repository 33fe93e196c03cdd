from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pki.errors import PkiError
from pki.profile import AltNames, Period


def test_names_and_addresses_are_sorted_apart_and_each_is_there_once() -> None:
    names = AltNames.of(["b.example", "10.0.0.2", "a.example", "::1", "10.0.0.2", "b.example", "*.c.example"])
    assert names.dns == ("*.c.example", "a.example", "b.example")
    assert [str(address) for address in names.addresses] == ["10.0.0.2", "::1"]


def test_a_name_that_looks_like_an_address_may_be_a_name_all_the_same() -> None:
    names = AltNames.of(["192.0.2.10"], dns_names=["192.0.2.10"])
    assert names.dns == ("192.0.2.10",)
    assert [str(address) for address in names.addresses] == ["192.0.2.10"]


def test_an_ipv4_address_in_ipv6_spelling_is_the_ipv4_address() -> None:
    assert [str(address) for address in AltNames.of(["::ffff:192.0.2.77"]).addresses] == ["192.0.2.77"]


@pytest.mark.parametrize("name", ["bad_name", "Upper.example", "a..b", "*", "x.*.example", "10.0.0.1/8", ""])
def test_what_is_neither_a_name_nor_an_address_is_refused(name: str) -> None:
    with pytest.raises(PkiError, match="cannot be a name in a certificate"):
        AltNames.of([name])


def test_missing_names_are_those_the_other_does_not_have() -> None:
    missing = AltNames.of(["a", "b", "10.0.0.1", "::1"]).without(AltNames.of(["b", "c", "::1"]))
    assert str(missing) == "a, 10.0.0.1"
    assert not AltNames.of(["a"]).without(AltNames.of(["a", "b"]))


def test_a_period_starts_five_minutes_ago_in_whole_seconds() -> None:
    now = datetime(2026, 1, 1, 12, 0, 30, 999_999, tzinfo=UTC)
    period = Period.starting(now, timedelta(hours=1))
    assert period.not_before == datetime(2026, 1, 1, 11, 55, 30, tzinfo=UTC)
    assert period.not_after == datetime(2026, 1, 1, 13, 0, 30, tzinfo=UTC)
