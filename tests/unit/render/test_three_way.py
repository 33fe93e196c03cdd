from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.render.three_way import Labels, difference, first_marker, merge

LABELS = Labels("yours", "old", "new")
TEXTS = st.lists(st.sampled_from("abcde"), max_size=12).map(
    lambda lines: "".join(f"{one}\n" for one in lines)
)


def text(letters: str) -> str:
    return "".join(f"{letter}\n" for letter in letters)


@pytest.mark.parametrize(
    ("base", "yours", "theirs", "merged"),
    [
        ("abc", "abc", "abc", "abc"),
        ("abc", "xabc", "abcy", "xabcy"),
        ("abcde", "axcde", "abcdy", "axcdy"),
        ("abc", "ac", "abcd", "acd"),
        ("abc", "abxc", "abxc", "abxc"),
        ("abc", "", "abc", ""),
        ("", "", "abc", "abc"),
        ("abc", "axc", "abc", "axc"),
    ],
)
def test_changes_in_different_places_are_both_taken(base: str, yours: str, theirs: str, merged: str) -> None:
    found = merge(text(base), text(yours), text(theirs), LABELS)
    assert (found.text, found.conflicts) == (text(merged), ())


def test_a_conflict_shows_all_three_and_where_it_begins() -> None:
    found = merge(text("abcd"), text("axcd"), text("aycd"), LABELS)
    assert found.text.splitlines() == [
        *("a", "<<<<<<< yours", "x", "||||||| old", "b", "=======", "y", ">>>>>>> new", "c", "d")
    ]
    assert found.conflicts == (2,)
    assert first_marker(found.text) == 2


def test_changes_of_neighbouring_lines_are_a_conflict() -> None:
    assert merge(text("abc"), text("xbc"), text("ayc"), LABELS).conflicts == (1,)


def test_what_one_side_removed_and_the_other_changed_is_a_conflict() -> None:
    found = merge(text("abc"), text("ac"), text("ayc"), LABELS)
    assert found.text.splitlines() == [
        *("a", "<<<<<<< yours", "||||||| old", "b", "=======", "y", ">>>>>>> new", "c")
    ]


def test_a_last_line_without_an_end_does_not_run_into_a_marker() -> None:
    lines = merge("a", "x", "y", LABELS).text.splitlines()
    assert lines == ["<<<<<<< yours", "x", "||||||| old", "a", "=======", "y", ">>>>>>> new"]


@pytest.mark.parametrize("line", ["<<<<<<< yours", "||||||| x", "=======", ">>>>>>> new", "<<<<<<<"])
def test_a_marker_is_found_wherever_it_is_left(line: str) -> None:
    assert first_marker(f"a\n{line}\n") == 2


@pytest.mark.parametrize("line", ["    =======", "======== x", "x <<<<<<< y", "<<<<<<<<", "{# ======= #}"])
def test_what_only_looks_like_a_marker_is_none(line: str) -> None:
    assert first_marker(f"a\n{line}\n") == 0


@given(TEXTS, TEXTS)
def test_where_one_side_changed_nothing_the_other_is_the_result(base: str, changed: str) -> None:
    for found in (
        merge(base, base, changed, LABELS),
        merge(base, changed, base, LABELS),
        merge(base, changed, changed, LABELS),
    ):
        assert (found.text, found.conflicts) == (changed, ())


@given(TEXTS, TEXTS, TEXTS)
def test_nothing_of_either_side_is_lost_where_they_disagree(base: str, yours: str, theirs: str) -> None:
    found, turned = merge(base, yours, theirs, LABELS), merge(base, theirs, yours, LABELS)
    assert len(found.conflicts) == len(turned.conflicts)
    if found.conflicts:
        assert found.text.splitlines()[found.conflicts[0] - 1] == "<<<<<<< yours"
    else:
        assert found.text == turned.text


def test_a_difference_names_both_versions() -> None:
    assert difference("a\nb\n", "a\nc\n", "old", "new") == [
        *("--- old", "+++ new", "@@ -1,2 +1,2 @@", " a", "-b", "+c")
    ]
    assert difference("a\n", "a\n", "old", "new") == []
