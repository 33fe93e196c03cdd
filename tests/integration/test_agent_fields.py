"""Fields of a Pod on a real Docker Engine; all pods share one agent, and start together where they can."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.runtime.api import Container
from tests.fixtures.probe_image import PROGRAM
from tests.integration.real_agent import RealAgent, free_port, real_agent, wait_until

pytestmark = pytest.mark.docker


class Pods:
    """Manifests for one agent, and what became of them."""

    def __init__(self, agent: RealAgent, directory: Path) -> None:
        self.agent = agent
        self.directory = directory

    def put(
        self, name: str, *containers: dict[str, Any], metadata: dict[str, Any] | None = None, **spec: Any
    ) -> None:
        """A pod of containers ``main``, ``second``, ... of the test image."""
        names = ("main", "second", "third")
        made = [
            {"name": each, "image": self.agent.image, **fields}
            for each, fields in zip(names, containers, strict=False)
        ]
        document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, **(metadata or {})},
            "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 5, "containers": made, **spec},
        }
        partial = self.agent.manifests / f".{name}"
        partial.write_text(json.dumps(document))
        partial.rename(self.agent.manifests / f"{name}.yaml")

    def take_away(self, name: str) -> None:
        (self.agent.manifests / f"{name}.yaml").unlink()
        wait_until(lambda: self.of(name, running=False) == ())

    def of(self, pod: str, container: str = "", *, running: bool = True) -> tuple[Container, ...]:
        labels = {**self.agent.labels, "io.kubernetes.pod.name": f"{pod}-{self.agent.node}"}
        labels |= {"io.kubernetes.container.name": container} if container else {}
        return self.agent.engine.list(labels, running_only=running)

    def running(self, pod: str, container: str = "main") -> Container:
        wait_until(lambda: len(self.of(pod, container)) == 1)
        return self.of(pod, container)[0]

    def replaced(self, pod: str, old: Container, container: str = "main") -> Container:
        wait_until(lambda: [each.id for each in self.of(pod, container)] not in ([], [old.id]))
        return self.running(pod, container)

    def printed(self, pod: str, last_line: str, container: str = "main") -> list[str]:
        """What the container printed, once it has printed this line."""

        def lines() -> list[str]:
            found = self.of(pod, container, running=False)
            return self.agent.engine.logs(found[0].id).decode().splitlines() if found else []

        wait_until(lambda: last_line in lines())
        return lines()

    def status(self, pod: str) -> dict[str, Any]:
        """The pod's status, {} before there is one."""
        pods = self.agent.status()["pods"]
        return next((each for each in pods if each["name"] == f"{pod}-{self.agent.node}"), {})

    def container(self, pod: str, container: str = "main") -> dict[str, Any]:
        found = self.status(pod).get("containers", [])
        return next((each for each in found if each["name"] == container), {})

    def shared(self, name: str) -> dict[str, Any]:
        """A hostPath volume ``shared`` of the test's own."""
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return {"name": "shared", "hostPath": {"path": str(path)}}


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    directory = tmp_path_factory.mktemp("fields")
    with real_agent(directory) as agent:
        agent.start()
        try:
            yield Pods(agent, directory)
        finally:
            for manifest in agent.manifests.iterdir():
                manifest.unlink()
            wait_until(lambda: agent.engine.list(agent.labels) == ())


def program(*steps: str) -> dict[str, Any]:
    return {"exec": {"command": [PROGRAM, *steps]}}


def test_sidecars_hooks_and_their_order(pods: Pods) -> None:
    mounts = [{"name": "shared", "mountPath": "/shared"}]

    def says(kind: str, text: str) -> dict[str, Any]:
        return {kind: program(f"append:/shared/order={text}")}

    sidecars = [
        {
            "name": name,
            "image": pods.agent.image,
            "restartPolicy": "Always",
            "args": ["forever"],
            "volumeMounts": mounts,
            "lifecycle": {**says("postStart", f"{name} started"), **says("preStop", f"{name} stops")},
            "startupProbe": {**program("cat:/shared/order"), "periodSeconds": 1},
        }
        for name in ("first", "last")
    ]
    prepare = {
        "name": "prepare",
        "image": pods.agent.image,
        "args": ["append:/shared/order=prepared"],
        "volumeMounts": mounts,
    }
    main = {
        "args": ["append:/shared/order=main runs", "forever"],
        "volumeMounts": mounts,
        "lifecycle": {"preStop": program("append:/shared/order=main stops", "sleep:200ms")},
    }
    volume = pods.shared("sidecars")
    pods.put("sidecars", main, initContainers=[sidecars[0], prepare, sidecars[1]], volumes=[volume])
    order = Path(volume["hostPath"]["path"]) / "order"
    wait_until(lambda: order.exists() and "main runs" in order.read_text())
    assert order.read_text().splitlines() == ["first started", "prepared", "last started", "main runs"]
    wait_until(lambda: bool(pods.status("sidecars")["ready"]))

    before = pods.running("sidecars"), pods.running("sidecars", "last")
    subprocess.run(["kill", "-9", str(before[1].pid)], check=True)
    pods.replaced("sidecars", before[1], "last")
    assert pods.running("sidecars").id == before[0].id
    wait_until(lambda: order.read_text().count("last started") == 2)

    order.write_text("")
    pods.take_away("sidecars")
    assert order.read_text().splitlines() == ["main stops", "last stops", "first stops"]


def test_a_hook_that_fails_ends_its_container(pods: Pods) -> None:
    pods.put("badhook", {"args": ["forever"], "lifecycle": {"postStart": program("exit:3")}})
    wait_until(lambda: pods.container("badhook").get("reason") == "CrashLoopBackOff")
    assert "postStart hook failed: exit code 3" in (pods.agent.directory / "log").read_text()
    pods.take_away("badhook")


def test_termination_messages_are_read_back(pods: Pods) -> None:
    pods.put(
        "words",
        {"args": ["append:/dev/termination-log=out of cheese", "exit:3"]},
        {
            "args": ["print:early", "print:late", "exit:1"],
            "terminationMessagePolicy": "FallbackToLogsOnError",
        },
        {"args": ["append:/tmp-words=elsewhere"], "terminationMessagePath": "/tmp-words"},
        restartPolicy="Never",
    )
    wait_until(lambda: pods.status("words").get("phase") == "Failed")
    found = {each["name"]: each["lastExit"] for each in pods.status("words")["containers"]}
    assert found["main"]["message"] == "out of cheese\n"
    assert found["main"]["exitCode"] == 3
    assert found["main"]["started"] <= found["main"]["finished"]
    assert found["second"]["message"] == "early\nlate\n"
    assert found["third"]["message"] == "elsewhere\n"
    wait_until(lambda: pods.of("words") == ())


def test_grpc_probes(pods: Pods) -> None:
    port = free_port()
    probe = {"grpc": {"port": port}, "periodSeconds": 1}
    down = {"grpc": {"port": port, "service": "down"}, "periodSeconds": 1}
    pods.put(
        "grpc",
        {"args": [f"grpc:{port}", "forever"], "readinessProbe": probe},
        {"args": ["forever"], "readinessProbe": down},
    )
    wait_until(lambda: bool(pods.container("grpc").get("ready")))
    wait_until(lambda: "NOT_SERVING" in pods.container("grpc", "second")["message"])
    assert not pods.container("grpc", "second")["ready"]


def test_volumes_that_tell_about_the_pod(pods: Pods) -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "deep/memory", "resourceFieldRef": {"containerName": "main", "resource": "limits.memory"}},
    ]
    pods.put(
        "downward",
        {
            "args": ["cat:/a/labels", "print:", "cat:/b/deep/memory", "print:", "print:done", "forever"],
            "resources": {"limits": {"memory": "64Mi"}},
            "volumeMounts": [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b"}],
        },
        metadata={"labels": {"app": "x", "tier": "y"}},
        volumes=[
            {"name": "a", "downwardAPI": {"items": items}},
            {"name": "b", "projected": {"sources": [{"downwardAPI": {"items": items}}]}},
        ],
    )
    assert pods.printed("downward", "done") == ['app="x"', 'tier="y"', str(64 * 2**20), "done"]


def test_who_a_container_is_and_what_it_may_write(pods: Pods) -> None:
    pods.put(
        "ids",
        {
            "args": [
                "ids",
                "append:/data/x=y",
                "append:/root-file=z",
                "cat:/data/x",
                "print:done",
                "forever",
            ],
            "securityContext": {"runAsUser": 1234, "runAsGroup": 2345, "readOnlyRootFilesystem": True},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        },
        securityContext={"fsGroup": 3456, "supplementalGroups": [4567], "runAsNonRoot": True},
        volumes=[{"name": "data", "emptyDir": {}}],
    )
    lines = pods.printed("ids", "done")
    ids = next(line for line in lines if line.startswith("1234"))
    assert ids.startswith("1234 2345 [")
    assert {"3456", "4567"} <= set(ids.partition("[")[2].rstrip("]").split())
    assert "y" in lines
    assert any("read-only file system" in line for line in lines)
    uid = pods.status("ids")["uid"]
    written = pods.agent.directory / "state" / "pods" / uid / "volumes/kubernetes.io~empty-dir/data/x"
    assert written.stat().st_gid == 3456


def test_a_container_is_confined_as_it_asks(pods: Pods) -> None:
    security = {
        "capabilities": {"drop": ["ALL"]},
        "allowPrivilegeEscalation": False,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    shows = ["cat:/proc/self/status", "print:done", "forever"]
    pods.put(
        "confined",
        {"args": shows, "securityContext": security},
        {"args": shows},
        {"args": shows},
        metadata={
            "annotations": {"container.seccomp.security.alpha.kubernetes.io/third": "runtime/default"},
        },
        runtimeClassName="runc",
        nodeSelector={"kubernetes.io/os": "linux", "kubernetes.io/arch": go_architecture()},
    )

    def status(container: str) -> dict[str, str]:
        lines = pods.printed("confined", "done", container)
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    main = status("main")
    assert (main["NoNewPrivs"], main["Seccomp"]) == ("1", "2")
    assert int(main["CapEff"], 16) == 0
    assert status("second")["Seccomp"] == "0"
    assert status("third")["Seccomp"] == "2"


def test_names_sysctls_and_files_of_a_pod_with_its_own_network(pods: Pods) -> None:
    shown = ("/etc/hosts", "/etc/resolv.conf", "/proc/sys/net/ipv4/ip_unprivileged_port_start")
    pods.put(
        "named",
        {"args": [*(f"cat:{each}" for each in shown), "print:done", "forever"]},
        hostNetwork=False,
        hostname="box",
        subdomain="store",
        setHostnameAsFQDN=True,
        hostAliases=[{"ip": "192.0.2.7", "hostnames": ["kubernetes", "k8s"]}],
        dnsPolicy="None",
        dnsConfig={
            "nameservers": ["192.0.2.53"],
            "searches": ["a.test"],
            "options": [{"name": "ndots", "value": "3"}],
        },
        securityContext={"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "80"}]},
    )
    lines = pods.printed("named", "done")
    address = pods.running("named", "POD").ip
    assert f"{address}\tbox.store.default.svc.cluster.local\tbox" in lines
    assert "192.0.2.7\tkubernetes k8s" in lines
    assert "nameserver 192.0.2.53" in lines
    assert "search a.test" in lines
    assert "options ndots:3" in lines
    assert "80" in lines
    process = pods.running("named").pid
    name = subprocess.run(
        ["nsenter", "-t", str(process), "-u", "hostname"], check=True, capture_output=True, text=True
    )
    assert name.stdout.strip() == "box.store.default.svc.cluster.local"


def go_architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def namespace(container: Container, kind: str) -> str:
    return os.readlink(f"/proc/{container.pid}/ns/{kind}")


def test_namespaces_are_shared_as_asked(pods: Pods) -> None:
    pods.put("alone", {"args": ["forever"]})
    pods.put("together", {"args": ["forever"]}, {"args": ["forever"]}, shareProcessNamespace=True)
    pods.put("hosts", {"args": ["forever"]}, hostPID=True, hostIPC=True)
    together = [pods.running("together", each) for each in ("POD", "main", "second")]
    assert len({namespace(each, "pid") for each in together}) == 1
    alone, sandbox = pods.running("alone"), pods.running("alone", "POD")
    assert namespace(alone, "pid") != namespace(sandbox, "pid")
    assert namespace(alone, "ipc") == namespace(sandbox, "ipc")
    hosts = pods.running("hosts")
    for kind in ("pid", "ipc"):
        assert namespace(hosts, kind) == os.readlink(f"/proc/self/ns/{kind}")
        assert namespace(alone, kind) != namespace(hosts, kind)


def test_a_sub_path_is_a_part_of_its_volume_and_nothing_else(pods: Pods) -> None:
    volume = pods.shared("parts")
    root = Path(volume["hostPath"]["path"])
    (root / "out").symlink_to("/etc")
    (root / "file").write_text("file\n")
    mount = {"name": "shared", "mountPath": "/m"}
    pods.put("escape", {"args": ["forever"], "volumeMounts": [{**mount, "subPath": "out"}]}, volumes=[volume])
    pods.put(
        "parts",
        {
            "args": ["append:/m/x=y", "cat:/f", "print:done", "forever"],
            "env": [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
            "volumeMounts": [
                {**mount, "subPathExpr": "deep/$(NAME)"},
                {"name": "shared", "mountPath": "/f", "subPath": "file"},
            ],
        },
        volumes=[volume],
    )
    assert pods.printed("parts", "done") == ["file", "done"]
    assert (root / "deep" / "default" / "x").read_text() == "y\n"
    wait_until(lambda: pods.container("escape").get("reason") == "FailedMount")
    assert "leads out of its volume" in pods.container("escape")["message"]
    uid = pods.status("parts")["uid"]
    assert uid in Path("/proc/self/mountinfo").read_text()
    pods.take_away("parts")
    pods.take_away("escape")
    wait_until(lambda: uid not in Path("/proc/self/mountinfo").read_text())
    assert not (pods.agent.directory / "state" / "pods" / uid).exists()
    assert (root / "deep" / "default" / "x").exists()


def test_a_mount_of_the_host_appears_in_the_container_if_it_may(pods: Pods, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=True)
    try:
        subprocess.run(["mount", "--make-shared", str(tmp_path)], check=True)
        (tmp_path / "late").mkdir()
        volumes = [{"name": "v", "hostPath": {"path": str(tmp_path)}}]
        mount = {"name": "v", "mountPath": "/v"}
        pods.put(
            "propagation",
            {"args": ["forever"], "volumeMounts": [{**mount, "mountPropagation": "HostToContainer"}]},
            {"args": ["forever"], "volumeMounts": [mount]},
            volumes=volumes,
        )
        main, second = pods.running("propagation"), pods.running("propagation", "second")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tmp_path / "late")], check=True)
        (tmp_path / "late" / "file").touch()
        assert Path(f"/proc/{main.pid}/root/v/late/file").exists()
        assert not Path(f"/proc/{second.pid}/root/v/late/file").exists()
        pods.take_away("propagation")
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(tmp_path)], check=True)


def test_a_stop_signal_of_its_own_and_the_grace_of_the_probe(pods: Pods) -> None:
    probe = {**program("exit:1"), "periodSeconds": 1, "failureThreshold": 1}
    pods.put(
        "signal",
        {"args": ["forever"], "lifecycle": {"stopSignal": "SIGUSR1"}, "livenessProbe": probe},
        {"args": ["stubborn", "forever"], "livenessProbe": {**probe, "terminationGracePeriodSeconds": 2}},
        os={"name": "linux"},
    )
    assert pods.printed("signal", "stopped by user defined signal 1")
    wait_until(lambda: pods.container("signal", "second").get("restarts", 0) >= 1)
    assert pods.container("signal", "second")["lastExit"]["exitCode"] == 137
    assert "stopping container second, at most 2 s" in (pods.agent.directory / "log").read_text()
    pods.take_away("signal")


def test_an_active_deadline_ends_the_pod(pods: Pods) -> None:
    pods.put("deadline", {"args": ["forever"]}, activeDeadlineSeconds=2)
    pods.running("deadline")
    wait_until(lambda: pods.of("deadline") == ())
    assert (pods.status("deadline")["phase"], pods.status("deadline")["reason"]) == (
        "Failed",
        "DeadlineExceeded",
    )


def test_a_pod_for_another_node_is_not_run(pods: Pods) -> None:
    pods.put("elsewhere", {"args": ["forever"]}, nodeSelector={"kubernetes.io/hostname": "another"})
    wait_until(lambda: pods.status("elsewhere").get("reason") == "NodeAffinity")
    assert pods.of("elsewhere", running=False) == ()
