from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bootstrap.agent.renewaltime import BACKDATE, due, life
from bootstrap.host.certificates import Validity

MADE = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
LIVES = [timedelta(seconds=40), timedelta(minutes=8), timedelta(hours=12), YEAR]
OTHER = MADE + timedelta(days=9)


@pytest.mark.parametrize("length", LIVES, ids=str)
def test_a_certificate_is_due_between_half_and_four_fifths_of_its_life(length: timedelta) -> None:
    moments = [due(f"m{number}", "apiserver", Validity(MADE, MADE + length)) for number in range(300)]
    parts = [(moment - MADE) / length for moment in moments]
    assert 0.5 <= min(parts) < 0.51
    assert 0.79 < max(parts) <= 0.8
    assert 0.63 < sum(parts) / len(parts) < 0.67


def test_nodes_and_certificates_are_due_at_moments_of_their_own() -> None:
    year = Validity(MADE, MADE + YEAR)
    moments = {due(node, name, year) for node in ("m1", "m2", "m3") for name in ("apiserver", "etcd-peer")}
    assert len(moments) == 6


def test_the_next_certificate_of_the_same_name_is_due_at_another_part_of_its_life() -> None:
    later = MADE + timedelta(days=200)
    first = due("m1", "apiserver", Validity(MADE, MADE + YEAR)) - MADE
    assert due("m1", "apiserver", Validity(later, later + YEAR)) - later != first


def test_the_moment_depends_on_nothing_else() -> None:
    """Another formula would move the moment of every certificate there is."""
    moment = due("m1", "apiserver", Validity(MADE, MADE + YEAR))
    assert moment.replace(microsecond=0) == datetime(2026, 8, 17, 17, 51, 16, tzinfo=UTC)


@pytest.mark.parametrize("length", LIVES, ids=str)
def test_the_minutes_that_a_period_begins_too_early_are_no_part_of_its_life(length: timedelta) -> None:
    assert life(Validity(MADE - BACKDATE, MADE + length), OTHER, ()) == Validity(MADE, MADE + length)


def test_a_period_no_longer_than_these_minutes_is_a_life() -> None:
    short = Validity(MADE, MADE + timedelta(minutes=4))
    assert life(short, OTHER, ()) == short


def test_a_period_that_begins_with_the_authoritys_is_a_life_from_when_the_file_was_written() -> None:
    """Of an authority that is two years old, a certificate for a year would be due at once."""
    written = MADE + 2 * YEAR
    validity = Validity(MADE, written + YEAR)
    assert life(validity, written, {MADE}) == Validity(written, written + YEAR)


@pytest.mark.parametrize("written", [MADE - YEAR, MADE + 2 * YEAR], ids=["before", "after"])
def test_a_file_that_was_written_outside_its_certificates_period_says_nothing(written: datetime) -> None:
    assert life(Validity(MADE, MADE + YEAR), written, {MADE}) == Validity(MADE + BACKDATE, MADE + YEAR)
