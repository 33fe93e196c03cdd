"""What must not be shown or copied: private keys, tokens, passwords.

Invariant: when in doubt a value counts as secret.
"""

from __future__ import annotations

import re

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_SECRET_FIELD = re.compile(
    r"""(?im)^[\s"'{-]*
    (?:client-key-data|(?:id-|refresh-|access-)?token|password|(?:client-|token-)?secret)
    ["']?[ \t]*[:=][ \t]*["']?[^\s"']""",
    re.VERBOSE,
)

_OPEN_KUBECONFIG_FIELD = re.compile(
    r"^(?:apiVersion|kind|current-context"
    r"|clusters\[[^]]*\](?:\.cluster\.(?:server|certificate-authority|tls-server-name"
    r"|insecure-skip-tls-verify|proxy-url))?"
    r"|contexts\[[^]]*\](?:\.context\.(?:cluster|user|namespace))?"
    r"|users\[[^]]*\](?:\.user\.(?:client-certificate|client-key|tokenFile))?)$"
)
"""Fields of a kubeconfig that name things; the others are credentials, or certificates nobody reads."""


def holds_key_material(text: str) -> bool:
    """Whether a text has a private key, or a field that is called like a secret."""
    return bool(_PRIVATE_KEY.search(text) or _SECRET_FIELD.search(text))


def is_open_kubeconfig_field(path: str) -> bool:
    """Whether the value at a field path of a kubeconfig may be shown."""
    return bool(_OPEN_KUBECONFIG_FIELD.match(path))


def fingerprint(value: str) -> str:
    """Stands for content where only the fact of a change may be seen: eight digits of its SHA-256."""
    import hashlib

    return f"(hidden, sha256 {hashlib.sha256(value.encode()).hexdigest()[:8]})"
