"""What must not be shown or copied: private keys, tokens, passwords.

Invariant: when in doubt a value counts as secret.
"""

from __future__ import annotations

import hashlib
import re

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_SECRET_FIELD = re.compile(
    r"(?im)^[\s\-\"']*(?:client-key-data|token|id-token|refresh-token|password|secret|client-secret)"
    r"[\"']?\s*:\s*[\"']?\S"
)

SECRET_KEYS = frozenset(
    {"client-key-data", "token", "id-token", "refresh-token", "password", "secret", "client-secret"}
)
"""Fields whose values are secret: kubeconfig users, authentication plug-ins, encryption configurations."""


def holds_key_material(text: str) -> bool:
    """Whether a text has a private key or a field that is secret."""
    return bool(_PRIVATE_KEY.search(text) or _SECRET_FIELD.search(text))


def fingerprint(value: str) -> str:
    """Stands for a secret where a change must be seen: the first eight digits of its SHA-256."""
    return f"(secret {hashlib.sha256(value.encode()).hexdigest()[:8]})"
