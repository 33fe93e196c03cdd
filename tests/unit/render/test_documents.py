from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.render.documents import InvalidYamlError, dump, load

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_dumped_is_read_back(value: object) -> None:
    assert load(dump(value)) == value


def test_text_that_go_takes_for_a_number_or_boolean_is_quoted() -> None:
    assert dump({"a": "1e3", "b": "y", "c": "plain"}) == 'a: "1e3"\nb: "y"\nc: plain\n'


def test_a_date_is_text() -> None:
    assert load("a: 2026-01-01") == {"a": "2026-01-01"}


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", r", line \d: "), ("a: 1\n---\nb: 2", "2 documents"), ("", "0 documents")]
)
def test_text_that_is_not_one_document_is_an_error(text: str, message: str) -> None:
    with pytest.raises(InvalidYamlError, match=message):
        load(text)
