"""Common names longer than X.520 has them.

X.520 ends a common name at 64 characters, and ``cryptography`` says so whenever it meets a longer one. A
node's name may have 253, and every Kubernetes program takes such certificates.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def long_names() -> Iterator[None]:
    """Nothing is said of them inside."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)
        yield
