"""Kubernetes quantities as exact numbers: ``1000m`` is ``1``, ``1Gi`` is ``1073741824``.

Source: k8s.io/apimachinery/pkg/api/resource/quantity.go (the serialization format in its comment).
Invariant: exact arithmetic; no float ever.
"""

from __future__ import annotations

import re
from fractions import Fraction

_PATTERN = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE])([+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$")

_SUFFIXES = {
    **{suffix: Fraction(10) ** power for suffix, power in zip("num", (-9, -6, -3), strict=True)},
    **{suffix: Fraction(10) ** (3 * index) for index, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Fraction(2) ** (10 * index) for index, suffix in enumerate("KMGTPE", 1)},
}


def quantity(text: str | float) -> Fraction | None:
    """The number, None when the text is not a quantity."""
    found = _PATTERN.match(str(text).strip())
    if found is None:
        return None
    number, _e, exponent, suffix = found.groups()
    if exponent:
        return Fraction(number) * Fraction(10) ** int(exponent)
    return Fraction(number) * _SUFFIXES.get(suffix, Fraction(1))
