"""The Docker Engine's JSON replies as the values of ``runtime.api``. Pure; unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from bootstrap.runtime.api import (
    Container,
    ContainerEvent,
    ContainerStatus,
    ContainerSummary,
    EngineError,
    EngineInfo,
    Image,
    PullProgress,
    Usage,
)

Json = Mapping[str, Any]

NO_IMAGE_TAG = "<none>:<none>"


def container_of(reply: Json) -> Container:
    """From ``GET /containers/ID/json``."""
    state, config = reply["State"], reply["Config"]
    status = _status(state["Status"])
    started, finished = time_of(state.get("StartedAt", "")), time_of(state.get("FinishedAt", ""))
    if status != "running" and started and finished:
        # Docker notes the start once it is told of it: by then a short-lived program may have ended.
        started = min(started, finished)
    return Container(
        id=reply["Id"],
        name=reply["Name"].removeprefix("/"),
        image=config["Image"],
        image_id=reply["Image"],
        labels=config.get("Labels") or {},
        status=status,
        created=_required_time(reply["Created"]),
        started=started,
        finished=finished,
        exit_code=state.get("ExitCode", 0),
        oom_killed=state.get("OOMKilled", False),
        error=state.get("Error", ""),
        pid=state.get("Pid", 0),
        ip=_address(reply.get("NetworkSettings") or {}),
        network_mode=reply["HostConfig"].get("NetworkMode", ""),
        log_path=reply.get("LogPath", ""),
        resolv_conf_path=reply.get("ResolvConfPath", ""),
        network_namespace=(reply.get("NetworkSettings") or {}).get("SandboxKey", ""),
    )


class ListedContainer(msgspec.Struct, rename="pascal"):
    """One entry of ``GET /containers/json``; what is not asked for here is not even decoded."""

    id: str
    state: str
    labels: dict[str, str] | None = None


def summary_of(entry: ListedContainer) -> ContainerSummary:
    return ContainerSummary(entry.id, _status(entry.state), entry.labels or {})


def image_of(reply: Json) -> Image:
    """From ``GET /images/NAME/json``."""
    config = reply.get("Config") or {}
    return Image(
        id=reply["Id"],
        tags=tuple(reply.get("RepoTags") or ()),
        digests=tuple(reply.get("RepoDigests") or ()),
        size=reply.get("Size", 0),
        user=config.get("User", ""),
        environment=tuple(config.get("Env") or ()),
        command=(*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
        labels=config.get("Labels") or {},
    )


def listed_image_of(reply: Json) -> Image:
    """From one entry of ``GET /images/json``."""
    return Image(
        id=reply["Id"],
        tags=tuple(tag for tag in reply.get("RepoTags") or () if tag != NO_IMAGE_TAG),
        digests=tuple(reply.get("RepoDigests") or ()),
        size=reply.get("Size", 0),
    )


def event_of(reply: Json) -> ContainerEvent:
    """From one line of ``GET /events``; of "exec_create: cmd" the part before the colon is the action."""
    actor = reply.get("Actor") or {}
    return ContainerEvent(
        action=reply.get("Action", "").partition(":")[0],
        container_id=actor.get("ID", ""),
        labels=actor.get("Attributes") or {},
    )


def info_of(reply: Json) -> EngineInfo:
    """From ``GET /info``; engines before API 1.41 do not tell the cgroup version, and knew only 1."""
    return EngineInfo(
        version=reply["ServerVersion"],
        cgroup_driver=reply.get("CgroupDriver", ""),
        cgroup_version=int(reply.get("CgroupVersion") or 1),
        root_directory=reply.get("DockerRootDir", ""),
        live_restore=reply.get("LiveRestoreEnabled", False),
    )


def usage_of(reply: Json) -> Usage | None:
    """From ``GET /containers/ID/stats``; None for a container that does not run.

    The names of the memory's parts are those of cgroup v1 or v2.
    """
    memory = reply.get("memory_stats") or {}
    if not memory.get("usage"):
        return None
    parts = memory.get("stats") or {}
    used = int(memory["usage"])
    inactive = int(parts.get("total_inactive_file", parts.get("inactive_file", 0)))
    return Usage(
        cpu_seconds=int(reply["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9,
        memory=used,
        working_set=max(0, used - inactive),
        rss=int(parts.get("total_rss", parts.get("anon", 0))),
    )


def time_of(text: str) -> datetime | None:
    """An RFC 3339 time with nanoseconds; None for Go's zero time, which says "never"."""
    if not text or text.startswith("0001-01-01T"):
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


class LayerTally:
    """Adds up the progress lines of a pull, which speak of one layer each."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}

    def add(self, line: Json) -> PullProgress:
        """Progress after this line; bytes count the downloads, a finished layer counts whole."""
        layer, status = line.get("id", ""), line.get("status", "")
        detail = line.get("progressDetail") or {}
        _done, known = self._layers.get(layer, (0, 0))
        if status == "Downloading" and detail.get("total"):
            self._layers[layer] = (detail.get("current", 0), detail["total"])
        elif status in ("Download complete", "Pull complete"):
            self._layers[layer] = (known, known)
        done = sum(done for done, _total in self._layers.values())
        total = sum(total for _done, total in self._layers.values())
        return PullProgress(status, done, total)


def _status(text: str) -> ContainerStatus:
    for status in get_args(ContainerStatus):
        if status == text:
            return status  # type: ignore[no-any-return]
    raise EngineError(f"the engine reports the unknown container state {text!r}")


def _required_time(text: str) -> datetime:
    return time_of(text) or datetime.fromtimestamp(0, UTC)


def _address(settings: Json) -> str:
    """The address on the default bridge, else on the first network that has one."""
    if settings.get("IPAddress"):
        return str(settings["IPAddress"])
    networks = (settings.get("Networks") or {}).values()
    return next((str(each["IPAddress"]) for each in networks if each.get("IPAddress")), "")
