"""Phase ``etcd``: the static pod of a local etcd member.

Invariant: an external etcd is never touched.
"""

from __future__ import annotations

from bootstrap.apply import inventory
from bootstrap.model.layout import ETCD as ETCD_COMPONENT
from bootstrap.phases.context import Context
from bootstrap.phases.manifests import write_manifest
from bootstrap.phases.phase import Phase

_DATA_MODE = 0o700


def _write_local(context: Context) -> None:
    data = context.layout.etcd_data
    inventory.record(context.files, context.layout, directories=(data,))
    context.files.make_directory(data, _DATA_MODE)
    write_manifest(context, ETCD_COMPONENT)


def _why_none(context: Context) -> str:
    external = context.control_plane.external_etcd
    return f"etcd is external ({', '.join(external.endpoints)})" if external else ""


_OPTIONS = ("config", "cert-dir", "image-repository", "patches", "dry-run")

ETCD = Phase(
    "etcd",
    "Write the manifest of etcd",
    options=_OPTIONS,
    steps=(
        Phase(
            "local",
            "Write the manifest of a local etcd member",
            run=_write_local,
            skip=_why_none,
            options=_OPTIONS,
        ),
    ),
)
