from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from msgspec.structs import replace as changed

from bootstrap.apply.inventory import Inventory
from bootstrap.host.files import Files
from bootstrap.host.http import HttpReply
from bootstrap.host.machine import RunningProgram
from bootstrap.model.bootstrapconfig import AgentSettings, BootstrapConfiguration
from bootstrap.model.kubeadm import Etcd, ExternalEtcd, NodeRegistrationOptions
from bootstrap.model.node import NodeFacts
from bootstrap.preflight.addresses import proxy_for
from bootstrap.preflight.check import Problem, Subject
from bootstrap.preflight.checks import CHECKS, failure, is_ignored, run_checks, sort_out
from bootstrap.preflight.resources import privileges
from bootstrap.runtime.api import ContainerRuntime, EngineUnreachableError
from tests.fakes.http import FakeHttp
from tests.fakes.network import FakeNetwork
from tests.fakes.node import READY_MACHINE
from tests.fakes.runtime import FakeRuntime
from tests.golden.control_planes import CLUSTER, FACTS, INIT, control_plane, with_networking

GIBIBYTE = 1024**3
MANIFESTS = PurePosixPath("/etc/kubernetes/manifests")
DATA = PurePosixPath("/var/lib/etcd")
PODS = with_networking(pod_subnet="10.244.0.0/16")


@pytest.fixture
def ready(tmp_path: Path) -> Subject:
    """A machine with nothing to complain about."""
    return Subject(
        control_plane=control_plane(),
        facts=FACTS,
        files=Files(tmp_path),
        network=FakeNetwork(),
        http=FakeHttp(),
        machine=READY_MACHINE,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        runtime=FakeRuntime,
    )


def names(subject: Subject) -> list[str]:
    return [problem.check for problem in run_checks(subject)]


def fatal(subject: Subject) -> list[str]:
    return [problem.check for problem in run_checks(subject) if problem.fatal]


def unreachable() -> ContainerRuntime:
    raise EngineUnreachableError("no such file or directory")


Change = Callable[[Subject], Subject]


def machine(**changes: object) -> Change:
    return lambda subject: replace(subject, machine=replace(subject.machine, **changes))  # type: ignore[arg-type]


def program(name: str, *argv: str) -> Change:
    return machine(processes=(RunningProgram(77, name, (f"/usr/bin/{name}", *argv)),))


def listening(port: int, name: str = "nginx", pid: int = 77) -> Change:
    def change(subject: Subject) -> Subject:
        network = FakeNetwork()
        network.open_port(port, name, pid)
        return replace(subject, network=network)

    return change


def file(path: str, text: str = "x") -> Change:
    def change(subject: Subject) -> Subject:
        subject.files.write(PurePosixPath(path), text, 0o644)
        return subject

    return change


def proxied(**variables: str) -> Change:
    facts = NodeFacts("master", "192.0.2.10", proxy_environment=tuple(sorted(variables.items())))
    return lambda subject: replace(subject, facts=facts, control_plane=control_plane(cluster=PODS))


def named(name: str) -> Change:
    described = control_plane(init=changed(INIT, node_registration=NodeRegistrationOptions(name=name)))
    return lambda subject: replace(subject, control_plane=described)


def headers(mode: int | None) -> Change:
    """Of a manifest URL, in a file with this mode."""
    path = PurePosixPath("/etc/kubernetes/headers")
    agent = AgentSettings(manifest_url="https://example.com", manifest_url_header_file=str(path))

    def change(subject: Subject) -> Subject:
        if mode is not None:
            subject.files.write(path, "X-Token: secret", mode)
        described = replace(subject.control_plane, bootstrap=BootstrapConfiguration(agent=agent))
        return replace(subject, control_plane=described)

    return change


def test_a_machine_that_is_ready_has_no_problem(ready: Subject) -> None:
    assert run_checks(ready) == ()


def test_headers_that_are_private_are_no_problem(ready: Subject) -> None:
    assert run_checks(headers(0o600)(ready)) == ()


CASES: tuple[tuple[str, Change, str, bool], ...] = (
    ("one CPU", machine(cpus=1), "NumCPU", True),
    ("little memory", machine(memory=1024), "Mem", True),
    ("swap", machine(swap=("/dev/vda2",)), "Swap", False),
    ("old kernel", machine(kernel="4.19.0-26-amd64"), "SystemVerification", False),
    (
        "no memory cgroup",
        machine(cgroup_controllers=frozenset({"cpu", "cpuset", "pids"})),
        "SystemVerification",
        True,
    ),
    ("full disk", machine(free_bytes={DATA: 0}), "DiskSpace", True),
    ("small disk", machine(free_bytes={DATA: GIBIBYTE}), "DiskSpace", False),
    ("1970", lambda s: replace(s, now=datetime(1970, 1, 1, tzinfo=UTC)), "Clock", True),
    ("no headers", headers(None), "ManifestURLHeaderFile", True),
    ("headers for everybody", headers(0o644), "ManifestURLHeaderFile", True),
    ("no engine", lambda s: replace(s, runtime=unreachable), "CRI", True),
    ("no mount", machine(installed=frozenset({"dockerd"})), "FileExisting-mount", False),
    ("port", listening(6443), "Port-6443", True),
    ("etcd's port", listening(2379), "Port-2379", True),
    ("agent's port", listening(10248), "Port-10248", True),
    (
        "kubelet on ours",
        program("kubelet", "--pod-manifest-path=/etc/kubernetes/manifests"),
        "Service-Kubelet",
        True,
    ),
    ("kubelet elsewhere", program("kubelet", "--pod-manifest-path", "/srv/pods"), "Service-Kubelet", False),
    (
        "another agent",
        program("python", "-m", "bootstrap", "agent", "run", "--manifests", str(MANIFESTS)),
        "Service-Kubelet",
        True,
    ),
    (
        "kubelet at boot",
        file("/etc/systemd/system/multi-user.target.wants/kubelet.service"),
        "Service-Kubelet",
        False,
    ),
    (
        "foreign manifest",
        file(f"{MANIFESTS}/etcd.yaml"),
        "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
        True,
    ),
    ("backup", file(f"{MANIFESTS}/etcd.yaml.bak"), "FileAvailable--etc-kubernetes-manifests", False),
    ("another pod", file(f"{MANIFESTS}/vip.yaml"), "FileAvailable--etc-kubernetes-manifests", False),
    ("foreign data", file(f"{DATA}/member/wal"), "DirAvailable--var-lib-etcd", True),
    (
        "no forwarding",
        file("/proc/sys/net/ipv4/ip_forward", "0\n"),
        "FileContent--proc-sys-net-ipv4-ip_forward",
        False,
    ),
    ("bad name", named("Bad_Name"), "Hostname", True),
    ("foreign address", lambda s: replace(s, network=FakeNetwork("192.0.2.99")), "AdvertiseAddress", True),
    ("firewalld", program("python3", "-s", "/usr/sbin/firewalld"), "Firewalld", False),
    ("proxy", proxied(HTTPS_PROXY="http://p:8080", no_proxy="10.0.0.0/8"), "HTTPProxy", False),
)


@pytest.mark.parametrize(
    ("change", "check", "is_fatal"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_problem_is_found_alone(ready: Subject, change: Change, check: str, is_fatal: bool) -> None:
    assert [(problem.check, problem.fatal) for problem in run_checks(change(ready))] == [(check, is_fatal)]


def test_only_a_machine_that_is_really_changed_needs_root(ready: Subject) -> None:
    user = machine(user_id=1000)(ready)
    assert list(privileges(user)) == []
    (problem,) = privileges(replace(user, files=Files(Path("/"))))
    assert (problem.check, problem.fatal) == ("IsPrivilegedUser", True)


def test_every_remedy_says_something(ready: Subject) -> None:
    for _name, change, _check, _fatal in CASES:
        assert all(problem.remedy for problem in run_checks(change(ready)))


def test_a_port_says_who_holds_it(ready: Subject) -> None:
    (problem,) = run_checks(listening(10257, "minikube", 4242)(ready))
    assert problem.message == "port 10257 is in use by minikube (pid 4242)"


def test_a_port_of_our_own_component_is_free(ready: Subject) -> None:
    held = listening(2379, "etcd", 77)(ready)
    assert names(replace(held, own_pids=lambda: frozenset({77}))) == []


def test_the_kubelets_directory_is_read_from_its_configuration(ready: Subject) -> None:
    subject = program("kubelet", "--config=/var/lib/kubelet/config.yaml")(ready)
    file("/var/lib/kubelet/config.yaml", "staticPodPath: /etc/kubernetes/manifests\n")(subject)
    assert fatal(subject) == ["Service-Kubelet"]


def test_what_an_earlier_run_made_is_no_problem(ready: Subject) -> None:
    file(f"{MANIFESTS}/etcd.yaml")(ready)
    file(f"{DATA}/member/wal")(ready)
    ours = Inventory(frozenset({MANIFESTS / "etcd.yaml"}))
    assert names(replace(ready, inventory=ours)) == []


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (machine(installed=frozenset({"mount"})), "install one: apt-get install docker.io (or docker-ce)"),
        (machine(init="systemd"), "systemctl enable --now docker"),
        (machine(init="init"), "service docker start"),
    ],
)
def test_the_remedy_for_a_missing_engine_depends_on_what_is_there(
    ready: Subject, change: Change, remedy: str
) -> None:
    (problem,) = run_checks(replace(change(ready), runtime=unreachable))
    assert problem.remedy == remedy


def test_service_and_pod_ranges_behind_a_proxy_are_named(ready: Subject) -> None:
    subject = proxied(https_proxy="http://p:8080", NO_PROXY="192.0.2.10")(ready)
    assert [problem.message.split()[2] for problem in run_checks(subject)] == [
        "10.96.0.0/12",
        "10.244.0.0/16",
    ]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({"https_proxy": "http://user:secret@p:8080"}, "http://p:8080"),
        ({"https_proxy": "p:3128"}, "http://p:3128"),
        ({"https_proxy": "http://p:1", "no_proxy": "192.0.2.10"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com, 192.0.2.0/24"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": ".example.com"}, "http://p:1"),
    ],
)
def test_a_proxy_is_used_as_go_programs_use_it(environment: dict[str, str], expected: str) -> None:
    assert proxy_for("192.0.2.10", environment) == expected
    assert proxy_for("127.0.0.1", environment) == ""


class TestExternalEtcd:
    @pytest.fixture
    def subject(self, ready: Subject) -> Subject:
        external = ExternalEtcd(endpoints=("https://192.0.2.20:2379",), ca_file="/etc/etcd/ca.crt")
        described = control_plane(cluster=changed(CLUSTER, etcd=Etcd(external=external)))
        ready.files.write(PurePosixPath("/etc/etcd/ca.crt"), "x", 0o644)
        return replace(ready, control_plane=described)

    def serve(self, subject: Subject, body: bytes) -> Subject:
        http = FakeHttp()
        http.serve(2379, HttpReply(200, body))
        return replace(subject, http=http)

    def test_one_that_is_new_enough_is_fine(self, subject: Subject) -> None:
        served = self.serve(subject, b'{"etcdserver":"3.6.5","etcdcluster":"3.6.0"}')
        assert names(served) == []
        assert isinstance(served.http, FakeHttp)
        (request,) = served.http.requests
        assert request.ca_file == str(subject.files.root / "etc/etcd/ca.crt")

    @pytest.mark.parametrize("body", [b'{"etcdserver":"3.4.9"}', b"<html>", b"[]", b'{"etcdserver":"?"}'])
    def test_an_old_one_or_something_else_is_not(self, subject: Subject, body: bytes) -> None:
        assert fatal(self.serve(subject, body)) == ["ExternalEtcdVersion"]

    def test_one_that_does_not_answer_is_not(self, subject: Subject) -> None:
        assert fatal(subject) == ["ExternalEtcdVersion"]

    def test_its_files_must_exist(self, subject: Subject) -> None:
        subject.files.remove(PurePosixPath("/etc/etcd/ca.crt"))
        served = self.serve(subject, b'{"etcdserver":"3.6.5"}')
        assert fatal(served) == ["ExternalEtcdClientCertificates"]

    def test_its_ports_and_data_are_no_business_of_this_machine(self, subject: Subject) -> None:
        served = self.serve(subject, b'{"etcdserver":"3.6.5"}')
        assert names(file(f"{DATA}/member/wal")(listening_also(served, 2379))) == []


def listening_also(subject: Subject, port: int) -> Subject:
    return replace(listening(port)(subject), http=subject.http)


class TestIgnoring:
    PROBLEM = Problem("Port-6443", "taken", "stop it")

    @pytest.mark.parametrize(
        ("ignored", "expected"),
        [({"port-6443"}, True), ({"all"}, True), ({"port-2379"}, False), (set(), False)],
    )
    def test_a_check_is_ignored_by_name_or_all_at_once(self, ignored: set[str], expected: bool) -> None:
        assert is_ignored(self.PROBLEM, frozenset(ignored)) is expected

    def test_the_engine_goes_by_two_names(self) -> None:
        assert is_ignored(Problem("CRI", "none"), frozenset({"containerengine"}))

    def test_an_ignored_problem_is_a_warning(self) -> None:
        assert sort_out((self.PROBLEM,), frozenset({"all"})) == ((), (self.PROBLEM,))
        assert sort_out((self.PROBLEM,), frozenset()) == ((self.PROBLEM,), ())

    def test_one_error_has_all_problems_and_says_how_to_ignore_them(self) -> None:
        error = failure((self.PROBLEM, Problem("Mem", "little")))
        assert error.exit_code == 2
        assert error.details == ("Port-6443: taken; stop it", "Mem: little")
        assert "--ignore-preflight-errors=Port-6443,Mem" in error.remedy


def test_every_check_is_documented() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "preflight.md").read_text()
    assert [check.name for check in CHECKS if f"`{check.name}`" not in documented] == []
