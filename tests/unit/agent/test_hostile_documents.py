"""Texts that are made to hurt: each is refused, soon, and in words."""

from __future__ import annotations

import pytest

from bootstrap.agent.manifest import ManifestError, parse_document

LAUGHS = "\n".join(
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x]",
        *(f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]" for number in range(1, 9)),
    ]
)
"""387 million values in five hundred bytes."""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS.encode(), "has more than 100000 values"),
        (b"a: &a [*a]", "is nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is nested too deeply"),
        (b"[" * 100_000, "exceeded maximum nesting depth"),
        (b"- " * 100_000, "exceeded maximum nesting depth"),
        ("name: é".encode("latin-1"), "incomplete UTF-8"),
        (b"a: \x00", "control characters are not allowed"),
        (b"a: " + b"1" * 5000, "Exceeds the limit"),
        (b"!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        (b"? [a, b]\n: c", "unhashable"),
        (b"  \n", "is empty"),
    ],
)
def test_a_hostile_text_is_refused_in_words(text: bytes, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        parse_document(text)
