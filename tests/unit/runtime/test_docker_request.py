from __future__ import annotations

from typing import Any

import pytest

from bootstrap.runtime.api import ContainerSpec, Mount, PortBinding
from bootstrap.runtime.docker_request import allows_negative_oom_score, create_request


def request(*, allow_negative_oom: bool = True, **fields: Any) -> dict[str, Any]:
    return create_request(ContainerSpec("n", "i", **fields), allow_negative_oom=allow_negative_oom)


def test_docker_neither_restarts_nor_probes() -> None:
    assert request()["HostConfig"]["RestartPolicy"] == {"Name": "no"}
    assert request()["Healthcheck"] == {"Test": ["NONE"]}


def test_an_unset_command_leaves_the_images_own() -> None:
    assert not {"Entrypoint", "Cmd"} & set(request())
    assert request(entrypoint=("a",), command=("b", "c"))["Entrypoint"] == ["a"]
    assert request(entrypoint=("a",), command=())["Cmd"] == []


def test_mounts_never_create_their_source() -> None:
    (plain, shared) = request(
        mounts=(Mount("/a", "/b", read_only=True), Mount("/c", "/d", propagation="rslave"))
    )["HostConfig"]["Mounts"]
    assert plain == {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True}
    assert shared["BindOptions"] == {"Propagation": "rslave"}


def test_memory_is_limited_without_swap_and_cpu_by_period() -> None:
    host = request(memory=1024, cpu_shares=102, cpu_quota=50_000)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["CpuShares"]) == (1024, 1024, 102)
    assert (host["CpuPeriod"], host["CpuQuota"]) == (100_000, 50_000)
    assert "CpuPeriod" not in request()["HostConfig"]


@pytest.mark.parametrize(
    ("score", "allowed", "sent"), [(-997, True, -997), (-997, False, 0), (999, False, 999), (None, True, 0)]
)
def test_a_protective_oom_score_is_sent_only_where_it_is_allowed(
    score: int | None, allowed: bool, sent: int
) -> None:
    host = request(oom_score_adj=score, allow_negative_oom=allowed)["HostConfig"]
    assert host["OomScoreAdj"] == sent


def test_ports_of_one_container_port_are_collected() -> None:
    body = request(ports=(PortBinding(53, 53, "UDP"), PortBinding(53, 5353, "udp", "10.0.0.1")))
    assert body["ExposedPorts"] == {"53/udp": {}}
    assert body["HostConfig"]["PortBindings"] == {
        "53/udp": [{"HostIp": "", "HostPort": "53"}, {"HostIp": "10.0.0.1", "HostPort": "5353"}]
    }


def test_unmasked_paths_are_not_read_only_either() -> None:
    assert "MaskedPaths" not in request()["HostConfig"]
    assert request(masked_paths=("/proc/kcore",))["HostConfig"]["MaskedPaths"] == ["/proc/kcore"]
    assert "ReadonlyPaths" not in request(masked_paths=("/proc/kcore",))["HostConfig"]
    assert request(masked_paths=())["HostConfig"]["ReadonlyPaths"] == []


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ("Name:\tx\nCapEff:\t000001ffffffffff\n", True),
        ("CapEff:\t000001fffeffffff\n", False),
        ("CapEff:\t0000000000000000\n", False),
        ("Name:\tx\n", False),
    ],
)
def test_lowering_an_oom_score_needs_cap_sys_resource(status: str, allowed: bool) -> None:
    assert allows_negative_oom_score(status) is allowed


def test_a_log_is_rotated_by_the_engine_s_own_log_driver() -> None:
    spec = ContainerSpec(name="n", image="i", log_max_size=1024, log_max_files=3)
    host = create_request(spec, allow_negative_oom=True)["HostConfig"]
    assert host["LogConfig"] == {"Type": "", "Config": {"max-size": "1024", "max-file": "3"}}
    plain = create_request(ContainerSpec(name="n", image="i"), allow_negative_oom=True)["HostConfig"]
    assert "LogConfig" not in plain
