"""What the real kubeadm and podstrap write for the same configuration, compared by meaning."""

from __future__ import annotations

import pytest

from tests.lab.programs import JUDGED
from tests.parity.configuration import read_configurations
from tests.parity.conftest import Trials
from tests.parity.differences import Tally, decided_differences

pytestmark = pytest.mark.parity

CASES = [
    (version.text, name)
    for version in JUDGED
    for name, configuration in read_configurations().items()
    if configuration.is_for(version)
]


@pytest.mark.parametrize(("version", "name"), CASES, ids=[" ".join(case) for case in CASES])
def test_both_write_the_same(version: str, name: str, trials: Trials, tally: Tally) -> None:
    verdict = trials[version, name].result()
    tally.absorb(verdict.tally)

    assert not verdict.refused
    assert not list(map(str, verdict.tally.unexplained))
    assert verdict.tally.compared


@pytest.mark.timeout(600)
def test_every_difference_on_the_list_occurs(trials: Trials) -> None:
    seen = {line for trial in trials.values() for line in trial.result().tally.seen}

    assert set(decided_differences()) == seen
