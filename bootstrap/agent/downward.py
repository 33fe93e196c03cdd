"""Volumes that tell a container about its pod: their files, and how these come to disk.

Source: pkg/volume/downwardapi, projected and fieldpath. Invariant: a reader sees an old file or the new one,
and nothing else is in the directory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bootstrap.agent.environment import Addresses, field_value, resource_value
from bootstrap.agent.identity import StaticPod
from bootstrap.model.podspec import DownwardAPIVolumeFile, Volume


@dataclass(frozen=True, slots=True)
class DownwardFile:
    """``path`` is relative to the volume."""

    path: str
    text: str
    mode: int


def downward_files(
    volume: Volume, pod: StaticPod, node: str, addresses: Addresses
) -> tuple[DownwardFile, ...]:
    """What is in a downwardAPI or projected volume. Raises FieldReferenceError."""
    groups: list[tuple[tuple[DownwardAPIVolumeFile, ...], int]] = []
    if volume.downward_api is not None:
        groups.append((volume.downward_api.items, volume.downward_api.default_mode))
    if volume.projected is not None:
        groups += [
            (each.downward_api.items, volume.projected.default_mode)
            for each in volume.projected.sources
            if each.downward_api is not None
        ]
    return tuple(
        DownwardFile(item.path, _text(item, pod, node, addresses), mode if item.mode is None else item.mode)
        for items, mode in groups
        for item in items
    )


def write_files(directory: Path, files: Iterable[DownwardFile], group: int | None) -> None:
    """Make the directory hold just these; with ``group`` its processes may read them. Raises OSError."""
    wanted = {PurePosixPath(each.path): each for each in files}
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for path, file in wanted.items():
        target = directory / path
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        partial.write_text(file.text)
        partial.chmod(file.mode if group is None else file.mode | 0o440)
        if group is not None:
            os.chown(partial, -1, group)
        partial.replace(target)
    for present in directory.rglob("*"):
        if not present.is_dir() and PurePosixPath(present.relative_to(directory)) not in wanted:
            present.unlink()


def _text(item: DownwardAPIVolumeFile, pod: StaticPod, node: str, addresses: Addresses) -> str:
    if item.resource_field_ref is not None:
        name = item.resource_field_ref.container_name
        return resource_value(item.resource_field_ref, pod.container(name), addresses)
    assert item.field_ref is not None
    maps = {"metadata.labels": pod.pod.metadata.labels, "metadata.annotations": pod.annotations}
    if item.field_ref.field_path in maps:
        lines = sorted(maps[item.field_ref.field_path].items())
        return "\n".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in lines)
    return field_value(item.field_ref, pod, node, addresses)
