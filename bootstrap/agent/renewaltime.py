"""When a certificate is to be renewed: between 50 and 80 % of its life. Pure.

Invariant: the same certificate of the same node is due at the same moment whoever asks, and however often the
agent is restarted; certificates that were made together are not due together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from bootstrap.host.certificates import Validity

EARLIEST, LATEST = 0.5, 0.8
"""Parts of a life."""

BACKDATE = timedelta(minutes=5)
"""This program begins a certificate's period so long before it makes it. Of one that lives for minutes, that
is most of the period, and none of its life."""


def life(validity: Validity, written: datetime, authorities: Collection[datetime]) -> Validity:
    """From when on a certificate was there, and its end.

    ``written`` is when its file was; ``authorities`` are the beginnings of those that may have signed it:
    kubeadm begins every period, and this program those in kubeconfigs, with the authority's, which says
    nothing of when that was.
    """
    made = validity.begin + BACKDATE if validity.end - validity.begin > BACKDATE else validity.begin
    if validity.begin in authorities and made < written < validity.end:
        made = written
    return Validity(made, validity.end)


def due(node: str, name: str, life: Validity) -> datetime:
    """When ``node`` is to renew the certificate of that name."""
    return life.begin + (life.end - life.begin) * _part(f"{node}\0{name}\0{life.begin.isoformat()}")


def _part(text: str) -> float:
    """Evenly spread from ``EARLIEST`` to ``LATEST``."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return EARLIEST + (LATEST - EARLIEST) * number / 2**64
