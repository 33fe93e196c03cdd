"""Rules of BootstrapConfiguration."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from bootstrap.config.formats import is_port, parse_address
from bootstrap.config.rules.fault import Fault, absolute_path
from bootstrap.config.rules.init import duration
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.manifestaddress import can_be_fetched, has_credentials

_BOOTSTRAP = "BootstrapConfiguration"
_AGENT = (_BOOTSTRAP, "agent")
_URL = (*_AGENT, "manifestURL")
_HEADER_FILE = (*_AGENT, "manifestURLHeaderFile")


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
    yield from duration((*_AGENT, "fileCheckFrequency"), settings.file_check_frequency)
    yield from duration((*_AGENT, "httpCheckFrequency"), settings.http_check_frequency)
    if parse_address(settings.healthz_bind_address) is None:
        yield Fault(
            (*_AGENT, "healthzBindAddress"),
            f'must be an IP address, not "{settings.healthz_bind_address}"',
        )
    if not is_port(settings.healthz_port):
        yield Fault(
            (*_AGENT, "healthzPort"),
            f"must be a port between 1 and 65535, not {settings.healthz_port}",
        )


def manifest_url(control_plane: ControlPlane) -> Iterator[Fault]:
    """The URL is on the agent's command line, so it may hold no secret, and no error repeats it."""
    settings = control_plane.bootstrap.agent
    if settings.manifest_url_header_file:
        yield from absolute_path(_HEADER_FILE, settings.manifest_url_header_file)
        if not settings.manifest_url:
            yield Fault(_HEADER_FILE, "is given without agent.manifestURL, which it is for")
    if not settings.manifest_url:
        return
    if not can_be_fetched(settings.manifest_url):
        yield Fault(_URL, "must be a URL that can be fetched: http://HOST/... or https://HOST/...")
    elif has_credentials(settings.manifest_url):
        yield Fault(
            _URL,
            "must not have a user or password, which everybody on the machine could read;"
            " put an Authorization header into the file that agent.manifestURLHeaderFile names",
        )
    elif _is_open_to_others(settings.manifest_url):
        yield Fault(
            _URL,
            "is not https: who can change its answer on the way becomes root of this node",
            is_warning=True,
        )


def _is_open_to_others(url: str) -> bool:
    parts = urlsplit(url)
    address = parse_address(parts.hostname or "")
    is_local = parts.hostname == "localhost" or (address is not None and address.is_loopback)
    return parts.scheme != "https" and not is_local


RULES = (paths, agent, manifest_url)
