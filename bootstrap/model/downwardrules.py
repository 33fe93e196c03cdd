"""What the API's validation refuses in a volume that tells about its pod. Pure.

Source: pkg/apis/core/validation. Invariant: one line ``path: reason`` for each problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bootstrap.model.podspec import DownwardAPIVolumeFile, Pod, Volume
from bootstrap.model.podsyntax import RESOURCE, repeated

_FIELD = re.compile(r"metadata\.(name|namespace|uid|labels|annotations|(labels|annotations)\['.+'\])")

HIGHEST_MODE = 0o777


def downward_problems(at: str, volume: Volume, pod: Pod) -> Iterator[str]:
    """Of a downwardAPI or projected volume; nothing for others."""
    if volume.downward_api is not None:
        yield from _mode(f"{at}.downwardAPI.defaultMode", volume.downward_api.default_mode)
        yield from _files(f"{at}.downwardAPI", volume.downward_api.items, pod)
    if volume.projected is None:
        return
    yield from _mode(f"{at}.projected.defaultMode", volume.projected.default_mode)
    for index, source in enumerate(volume.projected.sources):
        here = f"{at}.projected.sources[{index}]"
        if source.downward_api is None:
            yield f"{here}: a source is required"
        else:
            yield from _files(f"{here}.downwardAPI", source.downward_api.items, pod)
    items = [
        each for source in volume.projected.sources if (found := source.downward_api) for each in found.items
    ]
    yield from repeated(f"{at}.projected", (each.path for each in items))


def _files(at: str, items: tuple[DownwardAPIVolumeFile, ...], pod: Pod) -> Iterator[str]:
    for index, item in enumerate(items):
        yield from _file(f"{at}.items[{index}]", item, {each.name for each in pod.all_containers})


def _file(at: str, item: DownwardAPIVolumeFile, containers: set[str]) -> Iterator[str]:
    parts = PurePosixPath(item.path).parts
    if not parts or item.path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        yield f"{at}.path: {item.path!r} must be relative, without '..'"
    if (item.field_ref is None) == (item.resource_field_ref is None):
        yield f"{at}: exactly one of fieldRef and resourceFieldRef is required"
    if item.field_ref and not _FIELD.fullmatch(item.field_ref.field_path):
        yield f"{at}.fieldRef.fieldPath: {item.field_ref.field_path!r} is not for a volume"
    if item.resource_field_ref and not RESOURCE.fullmatch(item.resource_field_ref.resource):
        yield f"{at}.resourceFieldRef.resource: {item.resource_field_ref.resource!r} is not a resource"
    if item.resource_field_ref and item.resource_field_ref.container_name not in containers:
        yield f"{at}.resourceFieldRef.containerName: the name of a container is required"
    if item.mode is not None:
        yield from _mode(f"{at}.mode", item.mode)


def _mode(at: str, mode: int) -> Iterator[str]:
    if not 0 <= mode <= HIGHEST_MODE:
        yield f"{at}: must be between 0 and 0777"
