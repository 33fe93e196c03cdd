"""Files as they should be: what rendering returns and the apply engine brings about.

Invariant: a ``DesiredFile`` is complete text at a final path; making it true needs no further decision.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

import msgspec

FileKind = Literal["manifest", "kubeconfig", "unit", "text"]
"""How two versions of the file are compared: a manifest by its meaning, the others by their text."""


class DesiredFile(msgspec.Struct, frozen=True):
    """One file to have on the node.

    ``component``: the control plane component that restarts when the file changes, None when none does.
    ``mode``: permission bits; owner and group are root.
    """

    path: PurePosixPath
    content: str
    mode: int = 0o600
    kind: FileKind = "text"
    component: str | None = None
