"""Rules of BootstrapConfiguration."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.config.formats import is_port, parse_address
from bootstrap.config.rules.fault import Fault, absolute_path
from bootstrap.config.rules.init import duration
from bootstrap.model.cluster import ControlPlane

_BOOTSTRAP = "BootstrapConfiguration"


def paths(control_plane: ControlPlane) -> Iterator[Fault]:
    settings = control_plane.bootstrap
    yield from absolute_path((_BOOTSTRAP, "dockerSocket"), settings.docker_socket)
    for index, archive in enumerate(settings.images.archives):
        yield from absolute_path((_BOOTSTRAP, "images", "archives", index), archive)
    for path, value in (
        ((_BOOTSTRAP, "images", "binariesDir"), settings.images.binaries_dir),
        ((_BOOTSTRAP, "templates", "directory"), settings.templates.directory),
    ):
        if value:
            yield from absolute_path(path, value)


def agent(control_plane: ControlPlane) -> Iterator[Fault]:
    settings = control_plane.bootstrap.agent
    yield from duration((_BOOTSTRAP, "agent", "fileCheckFrequency"), settings.file_check_frequency)
    if parse_address(settings.healthz_bind_address) is None:
        yield Fault(
            (_BOOTSTRAP, "agent", "healthzBindAddress"),
            f'must be an IP address, not "{settings.healthz_bind_address}"',
        )
    if not is_port(settings.healthz_port):
        yield Fault(
            (_BOOTSTRAP, "agent", "healthzPort"),
            f"must be a port between 1 and 65535, not {settings.healthz_port}",
        )


RULES = (paths, agent)
