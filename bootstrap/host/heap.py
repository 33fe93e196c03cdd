"""How this process takes its memory from the kernel and gives it back, where the C library is glibc.

Invariant: whether threads share a heap is decided before a second thread runs.
"""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8
"""glibc, malloc.h"""


def share_one_heap() -> None:
    """All threads take their memory from one heap.

    Otherwise each thread gets one of its own (mallopt(3), M_ARENA_MAX), and what one leaves free no other
    uses: a process that lives for ever with threads that come and go grows without end.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Whole pages that are free, wherever they lie; by itself only the heap's end goes (malloc_trim(3))."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
