"""Kubernetes resource quantities (``250m``, ``100Mi``, ``1e3``) as whole numbers.

Source: apimachinery/pkg/api/resource. Invariant: exact arithmetic; a fraction of the asked unit is rounded
up, as Quantity.Value and MilliValue do.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
    "Pi": Fraction(2**50),
    "Ei": Fraction(2**60),
}
_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i)?)"
)


def parse_quantity(text: str | int | float) -> Fraction:
    """The exact value; raises ValueError for anything that is not a quantity."""
    found = _QUANTITY.fullmatch(str(text))
    if not found:
        raise ValueError(f"{text!r} is not a quantity")
    number, exponent, suffix = found.groups()
    scale = Fraction(10) ** int(exponent) if exponent else _SUFFIXES[suffix or ""]
    return Fraction(number) * scale


def whole(text: str | int | float) -> int:
    """Units (bytes, cores), rounded up."""
    return math.ceil(parse_quantity(text))


def thousandths(text: str | int | float) -> int:
    """Milli-units (millicores), rounded up."""
    return math.ceil(parse_quantity(text) * 1000)
