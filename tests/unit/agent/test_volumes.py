"""Mounts made ready on a disk."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from bootstrap.agent.dns import PodNames, hosts_file, pod_names, resolv_conf
from bootstrap.agent.identity import StaticPod, static_pod
from bootstrap.agent.node import Node
from bootstrap.agent.subpath import VolumeError
from bootstrap.agent.volumes import Volumes, prepare_host_path
from bootstrap.model.pod import decode_pod
from bootstrap.model.podspec import HostPathVolumeSource, PathType
from bootstrap.runtime.api import Mount
from tests.fakes.agent import IMAGE, document
from tests.fakes.processes import FakeProcesses


def pod(
    volume: dict[str, Any] | None,
    mount: dict[str, Any] | None = None,
    resources: dict[str, Any] | None = None,
    **spec: Any,
) -> StaticPod:
    container: dict[str, Any] = {"name": "main", "image": IMAGE, "resources": resources}
    if volume is not None:
        container["volumeMounts"] = [{"name": "v", "mountPath": "/v", **(mount or {})}]
        spec["volumes"] = [{"name": "v", **volume}]
    return static_pod(decode_pod(document("web", containers=[container], **spec)).pod, "n1", "/m")


def mounts(tmp_path: Path, wanted: StaticPod, processes: FakeProcesses | None = None) -> dict[str, Mount]:
    node = Node("n1", tmp_path / "state", "pause:1", memory=4 * 2**30)
    volumes = Volumes(node, processes or FakeProcesses())
    found = volumes.mounts(wanted, wanted.container("main"), 0, "10.0.0.5", {"NAME": "sub"})
    return {mount.target: mount for mount in found}


@pytest.mark.parametrize(
    ("kind", "exists", "made"),
    [
        ("", None, "directory"),
        ("", "file", "file"),
        ("DirectoryOrCreate", None, "directory"),
        ("DirectoryOrCreate", "directory", "directory"),
        ("DirectoryOrCreate", "file", None),
        ("FileOrCreate", None, "file"),
        ("FileOrCreate", "file", "file"),
        ("FileOrCreate", "directory", None),
        ("Directory", None, None),
        ("Directory", "directory", "directory"),
        ("File", None, None),
        ("File", "file", "file"),
        ("File", "directory", None),
        ("Socket", "socket", "socket"),
        ("Socket", "file", None),
        ("CharDevice", "file", None),
        ("BlockDevice", "file", None),
    ],
)
def test_host_path_types(tmp_path: Path, kind: PathType, exists: str | None, made: str | None) -> None:
    path = tmp_path / "x"
    if exists == "directory":
        path.mkdir()
    elif exists == "file":
        path.touch()
    elif exists == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    source = HostPathVolumeSource(path=str(path), type=kind)
    if made is None:
        with pytest.raises(VolumeError):
            prepare_host_path(source)
        return
    prepare_host_path(source)
    checks = {"directory": stat.S_ISDIR, "file": stat.S_ISREG, "socket": stat.S_ISSOCK}
    assert checks[made](path.stat().st_mode)


def test_a_device_is_one() -> None:
    assert prepare_host_path(HostPathVolumeSource(path="/dev/null", type="CharDevice")) == Path("/dev/null")


def test_file_or_create_makes_no_parents(tmp_path: Path) -> None:
    wanted = pod({"hostPath": {"path": str(tmp_path / "a" / "b"), "type": "FileOrCreate"}})
    with pytest.raises(VolumeError, match="No such file"):
        mounts(tmp_path, wanted)


def test_a_mount_carries_its_options(tmp_path: Path) -> None:
    wanted = pod(
        {"hostPath": {"path": str(tmp_path)}}, {"readOnly": True, "mountPropagation": "HostToContainer"}
    )
    assert mounts(tmp_path, wanted)["/v"] == Mount(str(tmp_path), "/v", True, "rslave")


def test_an_empty_dir_is_writable_for_all_and_keeps_its_content(tmp_path: Path) -> None:
    wanted = pod({"emptyDir": {}})
    source = Path(mounts(tmp_path, wanted)["/v"].source)
    assert stat.S_IMODE(source.stat().st_mode) == 0o777
    (source / "file").touch()
    assert Path(mounts(tmp_path, wanted)["/v"].source, "file").exists()


def test_an_empty_dir_belongs_to_the_fs_group(tmp_path: Path) -> None:
    wanted = pod({"emptyDir": {}}, securityContext={"fsGroup": os.getgid()})
    source = Path(mounts(tmp_path, wanted)["/v"].source)
    assert stat.S_IMODE(source.stat().st_mode) == 0o2777


def test_an_empty_dir_in_memory_is_a_tmpfs_of_its_size(tmp_path: Path) -> None:
    processes = FakeProcesses()
    processes.install("mount")
    wanted = pod({"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}})
    source = mounts(tmp_path, wanted, processes)["/v"].source
    assert processes.history == [("mount", "-t", "tmpfs", "-o", "size=1048576", "tmpfs", source)]


@pytest.mark.parametrize("mount", [{"subPath": "sub"}, {"subPathExpr": "$(NAME)"}])
def test_a_sub_path_is_mounted_from_what_was_opened(tmp_path: Path, mount: dict[str, Any]) -> None:
    processes = FakeProcesses()
    processes.install("mount")
    wanted = pod({"hostPath": {"path": str(tmp_path)}}, mount)
    source = mounts(tmp_path, wanted, processes)["/v"].source
    assert source == str(tmp_path / "state" / "pods" / wanted.uid / "volume-subpaths" / "v" / "main" / "0")
    assert Path(source).is_dir()
    assert (tmp_path / "sub").is_dir()
    (command,) = processes.history
    assert command[:3] == ("mount", "--no-canonicalize", "--bind")
    assert command[3].startswith(f"/proc/{os.getpid()}/fd/")
    assert command[4] == source


def test_a_file_is_mounted_on_a_file(tmp_path: Path) -> None:
    processes = FakeProcesses()
    processes.install("mount")
    (tmp_path / "sub").touch()
    wanted = pod({"hostPath": {"path": str(tmp_path)}}, {"subPath": "sub"})
    assert Path(mounts(tmp_path, wanted, processes)["/v"].source).is_file()


DOWNWARD = {
    "items": [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}, "mode": 0o400},
        {"path": "own/name", "fieldRef": {"fieldPath": "metadata.name"}},
        {
            "path": "cpu",
            "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu", "divisor": "1m"},
        },
    ]
}


@pytest.mark.parametrize(
    "volume", [{"downwardAPI": DOWNWARD}, {"projected": {"sources": [{"downwardAPI": DOWNWARD}]}}]
)
def test_a_downward_volume_tells_about_the_pod(tmp_path: Path, volume: dict[str, Any]) -> None:
    labels, annotations = {"b": "2", "a": "1"}, {"note": 'say "x"\ny'}
    wanted = pod(volume, metadata={"labels": labels, "annotations": annotations})
    source = Path(mounts(tmp_path, wanted)["/v"].source)
    assert (source / "labels").read_text() == 'a="1"\nb="2"'
    assert (source / "annotations").read_text().splitlines() == [
        f'kubernetes.io/config.hash="{wanted.uid}"',
        'kubernetes.io/config.source="file"',
        'note="say \\"x\\"\\ny"',
    ]
    assert (source / "own" / "name").read_text() == "web-n1"
    assert (source / "cpu").read_text() == "1000"
    assert stat.S_IMODE((source / "labels").stat().st_mode) == 0o644
    assert stat.S_IMODE((source / "annotations").stat().st_mode) == 0o400


def test_a_downward_volume_has_nothing_else_in_it(tmp_path: Path) -> None:
    wanted = pod({"downwardAPI": DOWNWARD}, securityContext={"fsGroup": os.getgid()})
    source = Path(mounts(tmp_path, wanted)["/v"].source)
    (source / "stale").touch()
    mounts(tmp_path, wanted)
    assert sorted(each.name for each in source.iterdir()) == ["annotations", "cpu", "labels", "own"]
    assert stat.S_IMODE((source / "annotations").stat().st_mode) == 0o440


@pytest.mark.parametrize(
    ("limit", "size"), [({}, 4 * 2**30), ({"memory": "64Mi"}, 64 * 2**20)], ids=["node", "pod"]
)
def test_a_tmpfs_without_a_limit_is_no_larger_than_what_the_pod_may_use(
    tmp_path: Path, limit: dict[str, str], size: int
) -> None:
    processes = FakeProcesses()
    processes.install("mount")
    wanted = pod({"emptyDir": {"medium": "Memory"}}, resources={"limits": limit})
    mounts(tmp_path, wanted, processes)
    assert f"size={size}" in processes.history[0]


def test_every_container_gets_a_hosts_file_and_a_place_for_its_last_words(tmp_path: Path) -> None:
    found = mounts(tmp_path, pod(None))
    assert set(found) == {"/etc/hosts", "/dev/termination-log"}
    assert stat.S_IMODE(Path(found["/dev/termination-log"].source).stat().st_mode) == 0o666


def test_a_container_may_bring_its_own_hosts_file(tmp_path: Path) -> None:
    (tmp_path / "hosts").touch()
    wanted = pod({"hostPath": {"path": str(tmp_path / "hosts")}}, {"mountPath": "/etc/hosts"})
    assert mounts(tmp_path, wanted)["/etc/hosts"].source == str(tmp_path / "hosts")


def test_what_belonged_to_a_pod_goes_and_its_host_paths_stay(tmp_path: Path) -> None:
    wanted = pod({"emptyDir": {}})
    mounts(tmp_path, wanted)
    volumes = Volumes(Node("n1", tmp_path / "state", "pause:1"), FakeProcesses())
    volumes.remove_pod(wanted.uid)
    assert list((tmp_path / "state" / "pods").iterdir()) == []
    volumes.remove_pod(wanted.uid)


def test_hosts_on_the_host_network_are_the_nodes_plus_aliases() -> None:
    wanted = pod(None, hostAliases=[{"ip": "127.0.0.1", "hostnames": ["kubernetes", "k"]}]).pod
    text = hosts_file(wanted, pod_names(wanted, "web", "cluster.local"), "", "192.0.2.10 node\n")
    assert "192.0.2.10 node\n" in text
    assert "127.0.0.1\tkubernetes k\n" in text


def test_hosts_of_a_pod_with_a_network_of_its_own_have_its_address() -> None:
    wanted = pod(None, hostNetwork=False).pod
    text = hosts_file(wanted, pod_names(wanted, "web", "x.test"), "10.0.0.5", "192.0.2.10 node\n")
    assert "10.0.0.5\tweb\n" in text
    assert "192.0.2.10" not in text


NODE_DNS = "nameserver 192.0.2.1\nsearch example.test\noptions ndots:1 rotate\n"


def test_without_a_dns_config_the_engines_file_serves() -> None:
    assert resolv_conf(pod(None).pod, NODE_DNS, (), "cluster.local") is None


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("None", "nameserver 192.0.2.9\nsearch b.test\noptions ndots:5\n"),
        (
            "Default",
            "nameserver 192.0.2.1\nnameserver 192.0.2.9\n"
            "search example.test b.test\noptions ndots:5 rotate\n",
        ),
    ],
)
def test_a_dns_config_is_merged_unless_the_policy_is_none(policy: str, expected: str) -> None:
    config = {
        "nameservers": ["192.0.2.9"],
        "searches": ["b.test"],
        "options": [{"name": "ndots", "value": "5"}],
    }
    wanted = pod(None, dnsPolicy=policy, dnsConfig=config).pod
    assert resolv_conf(wanted, NODE_DNS, ("10.96.0.10",), "cluster.local") == expected


@pytest.mark.parametrize(
    ("policy", "host_network", "by_cluster"),
    [
        ("ClusterFirst", False, True),
        ("ClusterFirst", True, False),
        ("ClusterFirstWithHostNet", True, True),
        ("Default", False, False),
    ],
)
def test_a_cluster_dns_server_serves_those_who_ask_for_it(
    policy: str, host_network: bool, by_cluster: bool
) -> None:
    wanted = pod(None, dnsPolicy=policy, hostNetwork=host_network).pod
    text = resolv_conf(wanted, NODE_DNS, ("10.96.0.10",), "x.test")
    if by_cluster:
        assert text == (
            "nameserver 10.96.0.10\n"
            "search default.svc.x.test svc.x.test x.test example.test\noptions ndots:5\n"
        )
    else:
        assert text is None


def test_more_than_a_resolver_takes_is_left_out() -> None:
    config = {
        "nameservers": [f"192.0.2.{each}" for each in range(5)],
        "searches": [f"{'x' * 63}.{'y' * 63}.n{each}.test" for each in range(40)],
    }
    text = resolv_conf(pod(None, dnsPolicy="None", dnsConfig=config).pod, "", (), "")
    assert text is not None
    assert text.count("nameserver") == 3
    assert len(text.splitlines()[3].removeprefix("search ")) <= 2048


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, PodNames("web-n1", "", "web-n1")),
        ({"hostname": "h"}, PodNames("h", "", "h")),
        ({"subdomain": "s"}, PodNames("web-n1", "web-n1.s.default.svc.x.test", "web-n1")),
        (
            {"hostname": "h", "subdomain": "s", "setHostnameAsFQDN": True},
            PodNames("h", "h.s.default.svc.x.test", "h.s.default.svc.x.test"),
        ),
        ({"hostnameOverride": "a.b", "hostname": "h", "subdomain": "s"}, PodNames("a.b", "", "a.b")),
    ],
)
def test_names_of_a_pod(spec: dict[str, Any], names: PodNames) -> None:
    assert pod_names(pod(None, hostNetwork=False, **spec).pod, "web-n1", "x.test") == names


def test_the_hosts_file_has_the_full_name_first() -> None:
    wanted = pod(None, hostNetwork=False).pod
    assert "10.0.0.5\tfull\tshort\n" in hosts_file(wanted, PodNames("short", "full", "short"), "10.0.0.5", "")
