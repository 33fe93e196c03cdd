from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from msgspec.structs import replace

from bootstrap.errors import BootstrapError, TimedOutError
from bootstrap.host.http import HttpReply
from bootstrap.host.network import Listener
from bootstrap.model.cluster import ControlPlane
from bootstrap.model.kubeadm import Timeouts
from bootstrap.model.layout import KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER
from bootstrap.phases.component_health import endpoint_of, not_ready
from bootstrap.phases.diagnosis import diagnose
from bootstrap.phases.observation import Observation, observe
from bootstrap.phases.phase import run_phase
from bootstrap.phases.wait_control_plane import WAIT_CONTROL_PLANE, wait_for_component
from bootstrap.runtime.api import Container
from bootstrap.workflows.init import run_init
from tests.fakes.node import LATER, QUICK, WITHOUT_A_CLUSTER, FakeNode
from tests.fakes.runtime import Program
from tests.golden.control_planes import control_plane

SHORT = 6.0


def patient(seconds: float = SHORT) -> ControlPlane:
    timeouts = Timeouts(control_plane_component_health_check=f"{seconds:g}s")
    return control_plane(cluster=QUICK.cluster, init=replace(QUICK.init, timeouts=timeouts))


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    """A node whose files are all there, and nothing runs."""
    made = FakeNode(tmp_path, patient())
    skipping = replace(made.described.init, skip_phases=("agent-start", *WITHOUT_A_CLUSTER))
    run_init(made.context(described=control_plane(cluster=QUICK.cluster, init=skipping)))
    made.agent.running = True
    return made


def wait(node: FakeNode) -> None:
    run_phase(WAIT_CONTROL_PLANE, node.context())


def failure(node: FakeNode) -> str:
    with pytest.raises(TimedOutError) as caught:
        wait(node)
    assert caught.value.exit_code == 4
    return "\n".join((caught.value.message, *caught.value.details))


def test_it_ends_as_soon_as_everything_is_healthy(node: FakeNode) -> None:
    wait(node)
    assert node.clock.monotonic() < 1
    assert node.reporter.steps[-1].summary.startswith("control plane healthy after")


def test_it_says_what_is_still_missing(node: FakeNode) -> None:
    node.http.serve(10259, HttpReply(500, b"[+]ping ok\n[-]leaderElection failed: reason withheld\n"))
    failure(node)
    assert node.reporter.steps[-1].details[-1] == "kube-scheduler: not ready: leaderElection"


def test_each_change_is_told_once_and_by_its_component_alone(node: FakeNode) -> None:
    first = iter([HttpReply(500, b"[-]nodes failed: reason withheld\n")])
    node.http.serve(10257, lambda _request: next(first, HttpReply(200, b"ok")))
    node.http.serve(10259, HttpReply(500, b"[-]leaderElection failed: reason withheld\n"))
    failure(node)
    assert node.reporter.steps[-1].details == [
        "kube-controller-manager: not ready: nodes",
        "kube-scheduler: not ready: leaderElection",
        "kube-controller-manager: healthy; waiting for kube-scheduler",
    ]


def test_a_running_control_plane_is_no_news(node: FakeNode) -> None:
    wait(node)
    wait(node)
    assert node.reporter.steps[-1].details == []


def test_what_a_program_said_before_its_stack_trace_is_what_counts(node: FakeNode) -> None:
    trace = b"goroutine 1 [running]:\n" + b"main.main()\n\t/main.go:31 +0x28\n" * 20
    lines = b"panic: write /var/lib/etcd/member/wal: no space left on device\n" + trace
    node.engine.set_program("k8s_etcd", Program(exits_after=0, exit_code=2, prints=lines))
    text = failure(node)
    assert "etcd: the disk is full" in text
    assert "log: panic: write /var/lib/etcd/member/wal: no space left on device" in text
    assert "main.go" not in text


def test_several_unhealthy_components_are_not_healthy(node: FakeNode) -> None:
    for port in (10257, 10259):
        node.http.serve(port, HttpReply(500, b"no"))
    assert "kube-controller-manager, kube-scheduler are not healthy after 6 s" in failure(node)


def test_an_api_server_that_refuses_everybody_is_still_starting(node: FakeNode) -> None:
    node.api.has_roles = False
    failure(node)
    assert node.reporter.steps[-1].details[-1] == "kube-apiserver: it has not made its roles yet"


def test_a_port_held_by_another_program_is_named_with_its_holder(node: FakeNode) -> None:
    line = b"failed to create listener: listen tcp 0.0.0.0:10257: bind: address already in use\n"
    node.engine.set_program("k8s_kube-controller-manager", Program(exits_after=0, exit_code=1, prints=line))
    node.network.open_port(10257, "minikube", 4242)
    text = failure(node)
    assert f"{KUBE_CONTROLLER_MANAGER}: port 10257 is taken by another program: minikube (pid 4242)" in text
    assert "exited with exit code 1" in text
    assert "log: failed to create listener" in text


def test_an_unknown_flag_is_not_waited_for(node: FakeNode) -> None:
    """Nothing but an edit mends it, so the timeout is not spent."""
    wrong = Program(exits_after=0, exit_code=1, prints=b"Error: unknown flag: --colour\n")
    node.engine.set_program("k8s_kube-scheduler", wrong)
    text = failure(node)
    assert "kube-scheduler cannot become healthy" in text
    assert "it does not know the flag --colour" in text
    assert node.clock.monotonic() < SHORT


def test_a_crash_that_may_pass_is_waited_for_to_the_end(node: FakeNode) -> None:
    crash = Program(
        exits_after=0, exit_code=1, prints=b"dial tcp 192.0.2.10:6443: connect: connection refused\n"
    )
    node.engine.set_program("k8s_kube-scheduler", crash)
    assert "it waits for kube-apiserver" in failure(node)
    assert node.clock.monotonic() >= SHORT


def test_a_dead_agent_is_said_with_its_last_words(node: FakeNode) -> None:
    """Nothing restarts a plain daemon, so it is not waited for."""
    node.agent.log = "started\ncannot reach the engine"
    node.heals = False

    def die() -> None:
        node.agent.running = node.clock.monotonic() < 1

    node.api.on_request = die
    text = failure(node)
    assert "kube-scheduler: the agent does not run: cannot reach the engine" in text
    assert node.clock.monotonic() < SHORT


def test_a_missing_image_is_the_cause_when_there_is_no_container(node: FakeNode) -> None:
    node.heals = False
    node.engine.local_images.clear()
    text = failure(node)
    assert "kube-apiserver: the image registry.k8s.io/kube-apiserver:v1.37.2 is not present" in text


def test_an_agent_that_makes_nothing_is_quoted(node: FakeNode) -> None:
    node.heals = False
    node.agent.log = "etcd: waiting for /var/lib/etcd"
    assert "etcd: no container was made for it: etcd: waiting for /var/lib/etcd" in failure(node)


def test_an_engine_that_went_away_is_the_cause(node: FakeNode) -> None:
    seen = observe(node.context(), KUBE_SCHEDULER, "")
    assert seen.engine == ""
    node.engine.go_away()
    assert diagnose(observe(node.context(), KUBE_SCHEDULER, "")).text.startswith(
        "the container engine does not"
    )


def test_it_needs_manifests_and_an_agent(node: FakeNode) -> None:
    node.agent.running = False
    with pytest.raises(BootstrapError, match="the agent does not run"):
        wait(node)
    node.files.remove(node.described.layout.manifest(KUBE_SCHEDULER))
    with pytest.raises(BootstrapError, match=r"kube-scheduler\.yaml is missing"):
        wait(node)


class TestOneComponent:
    """``wait_for_component``: between the components of an apply."""

    def test_the_container_must_be_newer_than_the_manifest(self, node: FakeNode) -> None:
        wait(node)
        manifest = node.files.real(node.described.layout.manifest(KUBE_SCHEDULER))
        after = LATER.timestamp() + 3600
        os.utime(manifest, (after, after))
        with pytest.raises(TimedOutError):
            wait_for_component(node.context(), KUBE_SCHEDULER)
        assert node.reporter.steps[-1].details[-1] == "kube-scheduler: the old container still runs"
        node.clock.advance(7200)
        node.engine.exit("k8s_kube-scheduler")
        wait_for_component(node.context(), KUBE_SCHEDULER)

    def test_other_components_are_not_waited_for(self, node: FakeNode) -> None:
        wait(node)
        node.http.serve(10257, HttpReply(500, b""))
        wait_for_component(node.context(), KUBE_SCHEDULER)


class TestEndpoint:
    def test_it_is_where_the_manifest_says(self, node: FakeNode) -> None:
        path = node.described.layout.manifest(KUBE_SCHEDULER)
        moved = node.files.read_text(path).replace("10259", "20259")
        node.files.write(path, moved, 0o600)
        endpoint = endpoint_of(node.context(), KUBE_SCHEDULER)
        assert (endpoint.host, endpoint.port, endpoint.scheme) == ("127.0.0.1", 20259, "https")

    def test_a_manifest_that_is_no_yaml_says_how_to_write_it_again(self, node: FakeNode) -> None:
        node.files.write(PurePosixPath("/etc/kubernetes/manifests/etcd.yaml"), "{", 0o600)
        with pytest.raises(BootstrapError) as caught:
            endpoint_of(node.context(), "etcd")
        assert caught.value.remedy == "bootstrap init phase etcd local"


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (
            "[+]ping ok\n[-]etcd failed: x\n[-]poststarthook/rbac failed: y\n",
            500,
            "not ready: etcd, poststarthook/rbac",
        ),
        ("connection refused", 0, "connection refused"),
        ("", 503, "HTTP status 503"),
    ],
)
def test_what_is_not_ready_is_said_in_a_few_words(text: str, status: int, said: str) -> None:
    assert not_ready(text, status) == said


ENDED = Container(
    id="0123456789abcdef",
    name="k8s_x_x_kube-system_u_3",
    image="i",
    image_id="",
    labels={},
    status="exited",
    created=LATER,
    exit_code=1,
)
RUNNING = Container(
    id="0123456789abcdef",
    name="k8s_x_x_kube-system_u_3",
    image="i",
    image_id="",
    labels={},
    status="running",
    created=LATER,
    pid=5,
)


def seen(
    *log: str, container: Container = ENDED, component: str = KUBE_APISERVER, answer: str = ""
) -> Observation:
    return Observation(component, answer, container=container, log=log)


@pytest.mark.parametrize(
    ("observation", "cause", "certain"),
    [
        (seen("Error: unknown flag: --nope"), "it does not know the flag --nope", True),
        (
            seen("flag provided but not defined: -nope", component="etcd"),
            "it does not know the flag -nope",
            True,
        ),
        (
            seen('Error: invalid argument "x" for "--v" flag: strconv.ParseInt: invalid syntax'),
            'it refuses the value "x" of --v: strconv.ParseInt: invalid syntax',
            True,
        ),
        (
            seen('invalid value "x" for flag -heartbeat-interval: parse error', component="etcd"),
            'it refuses the value "x" of -heartbeat-interval: parse error',
            True,
        ),
        (seen("unrecognized feature gate: Nope"), "there is no feature gate Nope in this version", True),
        (
            seen("listen tcp 192.0.2.99:2380: bind: cannot assign requested address", component="etcd"),
            "the address 192.0.2.99:2380 is not one of this machine",
            True,
        ),
        (seen("write /var/lib/etcd/x: no space left on device", component="etcd"), "the disk is full", True),
        (
            seen("tls: failed: x509: certificate has expired or is not yet valid: current time"),
            "a certificate has expired or is not yet valid, or the clock is wrong",
            False,
        ),
        (
            seen("x509: certificate signed by unknown authority"),
            "the certificates do not belong together (another CA signed one of them)",
            False,
        ),
        (
            seen("x509: certificate is valid for 10.0.0.1, not 192.0.2.10"),
            "its certificate does not have the name or address 192.0.2.10",
            False,
        ),
        (
            seen("member 1 has already been bootstrapped", component="etcd"),
            "the data directory belongs to another etcd cluster",
            False,
        ),
        (
            seen("open /etc/kubernetes/pki/sa.pub: no such file or directory"),
            "the file /etc/kubernetes/pki/sa.pub is missing",
            False,
        ),
        (
            seen(
                'F1125 23:31:07 hooks.go:203] PostStartHook "start-service-ip-repair-controllers" failed: '
                "unable to perform initial IP and Port allocation check (timeout)"
            ),
            "it ended itself, for its start hook start-service-ip-repair-controllers took too long: "
            "this machine or etcd's disk is too slow",
            False,
        ),
        (seen("dial tcp 127.0.0.1:2379: connect: connection refused"), "it waits for etcd", False),
        (seen("something"), "it ended with exit code 1", False),
        (
            seen(container=RUNNING, answer="not ready: etcd-x"),
            "it runs, but is not ready: not ready: etcd-x",
            False,
        ),
    ],
)
def test_the_cause_is_read_from_what_was_observed(
    observation: Observation, cause: str, certain: bool
) -> None:
    found = diagnose(observation)
    assert (found.text, found.certain) == (cause, certain)
    assert found.remedy


def test_a_program_killed_for_memory_and_one_that_cannot_start_are_told() -> None:
    from dataclasses import replace as changed

    killed = diagnose(seen(container=changed(ENDED, oom_killed=True, exit_code=137)))
    assert killed.text == "the kernel killed it for want of memory"
    wrong = diagnose(seen(container=changed(ENDED, error="exec format error")))
    assert wrong.certain


def test_a_holder_of_the_port_is_the_cause_when_the_log_is_silent() -> None:
    from dataclasses import replace as changed

    taken = changed(seen(), port=6443, holders=(Listener("0.0.0.0", 6443, 812, "nginx"),))
    assert diagnose(taken).text == "port 6443 is taken by nginx (pid 812)"
