"""The command that makes a machine join, as kubeadm prints it (cmd/kubeadm/app/cmd/util/join.go). Pure."""

from __future__ import annotations

WITHHELD = "<value withheld>"


def join_command(
    endpoint: str,
    token: str,
    pins: tuple[str, ...],
    *,
    control_plane: bool = False,
    certificate_key: str = "",
) -> tuple[str, ...]:
    """The lines of the command, without the backslashes that join them.

    ``endpoint`` is ``HOST:PORT``, ``pins`` are ``sha256:HEX`` of the authorities' public keys. Without
    ``certificate_key`` a control plane needs the shared certificates to be there already.
    """
    hashes = " ".join(f"--discovery-token-ca-cert-hash {pin}" for pin in pins)
    key = f" --certificate-key {certificate_key}" if certificate_key else ""
    further = (f"--control-plane{key}",) if control_plane else ()
    return (f"kubeadm join {endpoint} --token {token}", hashes, *further)


def in_lines(command: tuple[str, ...]) -> str:
    """For people: one line each, ready to be pasted."""
    return " \\\n\t".join(command)


def in_one_line(command: tuple[str, ...]) -> str:
    """For programs."""
    return " ".join(command)
