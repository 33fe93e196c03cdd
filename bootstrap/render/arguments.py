"""A component's command line: the flags this program sets, and the user's ``extraArgs`` over them.

Source: cmd/kubeadm/app/util/arguments.go. Invariant: a flag the user names is the user's alone, all of the
defaults of that name are gone; no other flag changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.model.kubeadm import Arg
from bootstrap.model.version import KubernetesVersion

_USER_ORDER_SINCE = {
    (1, 34): KubernetesVersion(1, 34, 4),
    (1, 35): KubernetesVersion(1, 35, 1),
}
"""The first patch releases whose kubeadm leaves ``extraArgs`` in the order they were written, which matters
for a repeated ``--service-account-issuer``; earlier ones sort the whole line. From 1.36.0 on all do."""


def command(
    program: str, defaults: Mapping[str, str], extra: tuple[Arg, ...], version: KubernetesVersion
) -> tuple[str, ...]:
    """``program`` and its flags, ``--name=value`` each, as the kubeadm of ``version`` orders them."""
    overridden = {arg.name for arg in extra}
    kept = [Arg(name=name, value=value) for name, value in defaults.items() if name not in overridden]
    ordered = [*_sorted(kept), *extra] if _keeps_user_order(version) else _sorted([*kept, *extra])
    return (program, *(f"--{arg.name}={arg.value}" for arg in ordered))


def last_value(extra: tuple[Arg, ...], name: str) -> str | None:
    """The value of the last argument of that name, None when there is none."""
    return next((arg.value for arg in reversed(extra) if arg.name == name), None)


def _keeps_user_order(version: KubernetesVersion) -> bool:
    since = _USER_ORDER_SINCE.get((version.major, version.minor))
    return since is None or version >= since


def _sorted(args: list[Arg]) -> list[Arg]:
    return sorted(args, key=lambda arg: (arg.name, arg.value))
