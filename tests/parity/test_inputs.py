"""What kubeadm refuses is refused here, with its place; what only one of them refuses is a decision."""

from __future__ import annotations

import pytest

from bootstrap.model.version import KubernetesVersion
from tests.parity.conftest import Receptions
from tests.parity.differences import Tally, one_sided
from tests.parity.inputs import Reception, asked, read_inputs

ENOUGH = 80

NOT_IN_THE_TEXT = {"init/patches-directory-missing"}
"""What is wrong is not a place in the file."""

CASES = [(version.text, name) for version in asked() for name in read_inputs(version)]


@pytest.mark.parity
@pytest.mark.parametrize(("version", "name"), CASES, ids=[" ".join(case) for case in CASES])
def test_what_is_wrong_is_refused(version: str, name: str, receptions: Receptions, tally: Tally) -> None:
    reception = receptions[version, name].result()
    given = read_inputs(KubernetesVersion.parse(version))[name]
    tally.inputs += 1
    tally.refused_by_both += all(reception.refused_by)

    if name in one_sided():
        assert _word(reception) == one_sided()[name]
    else:
        assert _word(reception) == "refused by both", (reception.by_kubeadm, reception.by_podstrap)
    if reception.by_podstrap:
        assert not reception.left
        assert "internal error" not in reception.by_podstrap
    if given.patches:
        assert any(patch in reception.by_podstrap for patch in given.patches)
    elif all(reception.refused_by) and name not in NOT_IN_THE_TEXT:
        assert reception.place is not None, reception.by_podstrap
        first, last = given.lines
        assert not first or first <= reception.place <= last, reception.by_podstrap


def _word(reception: Reception) -> str:
    theirs, ours = reception.refused_by
    if theirs and ours:
        return "refused by both"
    return "refused" if ours else ("accepted" if theirs else "accepted by both")


@pytest.mark.parity
@pytest.mark.timeout(600)
def test_enough_is_refused_by_both(receptions: Receptions) -> None:
    names = {name for (_version, name), found in receptions.items() if all(found.result().refused_by)}

    assert len(names) >= ENOUGH
