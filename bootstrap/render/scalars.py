"""One value as one scalar of YAML or one word of a systemd unit.

Invariant: whatever is in a value, its encoded form is a single scalar that reads back as exactly that value,
for YAML 1.1 (PyYAML, Go) and YAML 1.2 readers alike. So no value can add a key, a line or a flag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_PLAIN = re.compile(
    r"(?:--)?[A-Za-z/][][A-Za-z0-9/_.,:=+@%*-]*(?<!:)"  # words, flags, paths, images, URLs
    r"|\d+(?:\.\d+){3}(?:[:/]\d+)?"  # 192.0.2.10, 192.0.2.10:6443, 10.96.0.0/12
    r"|\d+(?:m|[KMGT]i)"  # resource quantities
)
"""Text that every YAML reader takes for a string where it stands alone behind a key or a dash (block style),
unless it is one of ``_KEYWORDS``."""

_KEYWORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""Words that YAML 1.1 readers take for a boolean or null, in any case."""

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Not escaped by JSON, yet refused or folded by YAML readers (YAML 1.1, 5.1 and 5.4)."""

_UNIT_WORD = re.compile(r"[A-Za-z0-9/_.,:=+@*-]+")


def yaml_scalar(value: object) -> str:
    """A scalar as kubeadm would write it: plain where that is safe, otherwise as JSON, which is YAML too.

    Mappings and lists become JSON on one line. Raises TypeError for what JSON cannot say.
    """
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _KEYWORDS:
        return str(value)
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def unit_word(value: object) -> str:
    """A setting of a systemd unit: a word, or words for a list, quoted as systemd.syntax(7) has it.

    ``%`` (specifiers) and ``$`` (variables) are doubled, so that a word is passed on as it is.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(unit_word(word) for word in value)
    text = str(value)
    if _UNIT_WORD.fullmatch(text):
        return text
    return '"' + "".join(_unit_character(character) for character in text) + '"'


def _unit_character(character: str) -> str:
    if character in "%$":
        return character * 2
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else "".join(f"\\x{byte:02x}" for byte in character.encode())
