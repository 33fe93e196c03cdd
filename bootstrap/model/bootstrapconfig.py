"""``apiVersion: bootstrap/v1alpha1, kind: BootstrapConfiguration``: what kubeadm has no field for.

Invariant: every field has a default that is right for a fresh machine, so the document may be absent.
"""

from __future__ import annotations

from typing import Literal

import msgspec

ImageSource = Literal["present", "archive", "binaries", "registry"]


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """camelCase keys, unknown keys refused."""


class ImageSettings(_Document, frozen=True, kw_only=True):
    """Where component images come from, tried in order.

    ``present``: already in the Docker Engine. ``archive``: a ``docker save`` tar among ``archives`` (files or
    directories). ``binaries``: scratch images made of the programs in ``binaries_dir``. ``registry``: pulled.
    """

    sources: tuple[ImageSource, ...] = ("present", "archive", "binaries", "registry")
    archives: tuple[str, ...] = ()
    binaries_dir: str = ""
    pause: str = ""


class AgentSettings(_Document, frozen=True, kw_only=True):
    """The static-pod agent; durations are Go duration text.

    ``manifest_url`` "" for none; ``manifest_url_header_file`` has what is sent to it.
    ``renew_certificates``: it renews the node's certificates, but for authorities, before they end.
    """

    file_check_frequency: str = "20s"
    manifest_url: str = msgspec.field(default="", name="manifestURL")
    manifest_url_header_file: str = msgspec.field(default="", name="manifestURLHeaderFile")
    http_check_frequency: str = "20s"
    healthz_bind_address: str = "127.0.0.1"
    healthz_port: int = 10248
    renew_certificates: bool = True


class TemplateSettings(_Document, frozen=True, kw_only=True):
    """``directory``: templates of the site, each replacing the built-in one of the same relative path."""

    directory: str = ""


class BootstrapConfiguration(_Document, frozen=True, kw_only=True):
    """Settings of this program, and of the agent that runs the static pods."""

    profile: Literal["kubeadm"] = "kubeadm"
    images: ImageSettings = ImageSettings()
    agent: AgentSettings = AgentSettings()
    templates: TemplateSettings = TemplateSettings()
    docker_socket: str = "/var/run/docker.sock"
