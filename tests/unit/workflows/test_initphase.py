"""Where the phases of init are found."""

from __future__ import annotations

import pytest

from bootstrap.workflows.initphase import PHASES, phase_named


@pytest.mark.parametrize("name", PHASES)
def test_a_phase_is_found_by_the_word_of_the_command_line(name: str) -> None:
    assert phase_named(name).name == name
