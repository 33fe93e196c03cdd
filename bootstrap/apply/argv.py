"""A container's command line as a set of flags, where that is what it is.

Invariant: two command lines are called equal only when a flag parser reads the same from both; any form that
could be read in two ways (``--name value``, words after flags, ``--``) is compared word for word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def fields(command: Sequence[str], args: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """``("--name", values)`` for each flag, in which the order of different flags is lost and that of the
    values of one flag is kept; ``("command", words)`` and ``("args", words)`` for what is not a flag."""
    words = [*command, *args]
    leading = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    flags = words[leading:]
    if not all(_is_flag(word) for word in flags):
        yield from _word_for_word(command, args)
        return
    if leading:
        yield ("command" if command else "args", tuple(words[:leading]))
    values: dict[str, list[str]] = {}
    for flag in flags:
        name, equals, value = flag.partition("=")
        values.setdefault(name, []).append(value if equals else "true")
    for name, given in values.items():
        yield name, tuple(given)


def _is_flag(word: str) -> bool:
    return word.startswith("--") and len(word) > 2


def _word_for_word(command: Sequence[str], args: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    import shlex

    if command:
        yield "command", (shlex.join(command),)
    if args:
        yield "args", (shlex.join(args),)
