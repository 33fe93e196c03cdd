from __future__ import annotations

import pytest

from bootstrap.errors import ConfigError
from bootstrap.phases.context import Context
from bootstrap.phases.phase import Phase, paths, select


def _nothing(_context: Context) -> None:
    pass


def _leaf(name: str) -> Phase:
    return Phase(name, name, run=_nothing)


APART = Phase("apart", "steps only", steps=(_leaf("one"), _leaf("two")))
AT_ONCE = Phase("at-once", "steps, or all at once", run=_nothing, steps=(_leaf("one"), _leaf("two")))
PHASES = (_leaf("first"), APART, AT_ONCE, _leaf("last"))


def _selected(*skipped: str) -> list[str]:
    return [path for path, _phase in select(PHASES, skipped)]


def test_a_phase_that_can_do_its_steps_at_once_stands_for_them() -> None:
    assert _selected() == ["first", "apart/one", "apart/two", "at-once", "last"]


def test_its_other_steps_run_one_by_one_when_one_is_skipped() -> None:
    assert _selected("at-once/one") == ["first", "apart/one", "apart/two", "at-once/two", "last"]


def test_a_skipped_phase_takes_its_steps_with_it() -> None:
    assert _selected("at-once", "apart") == ["first", "last"]


def test_a_step_of_another_phase_of_the_same_name_is_not_meant() -> None:
    assert _selected("apart/one") == ["first", "apart/two", "at-once", "last"]


def test_a_path_that_names_no_phase_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no phase named one") as caught:
        _selected("one")
    assert "at-once/one" in caught.value.remedy


def test_a_phase_that_only_kubeadm_has_may_be_skipped() -> None:
    chosen = select(PHASES, ("addon/kube-proxy", "first"), foreign=frozenset({"addon/kube-proxy"}))
    assert [path for path, _phase in chosen] == ["apart/one", "apart/two", "at-once", "last"]


def test_every_path_can_be_named() -> None:
    assert list(paths((AT_ONCE,))) == ["at-once", "at-once/one", "at-once/two"]
