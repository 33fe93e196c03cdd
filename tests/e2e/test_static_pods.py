"""Static pods and the API server: what a person with kubectl sees of them.

The node is shared, and left as it was.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bootstrap.agent.apipods import CONFIG_MIRROR
from bootstrap.model.layout import COMPONENTS, KUBE_APISERVER
from tests.e2e.control_plane import ControlPlane, Json, wait_until
from tests.e2e.static_web import (
    LABELS,
    MANIFESTS,
    NAME,
    SETTINGS,
    SOON,
    StaticWeb,
    StaticWebByUrl,
    start_server,
)
from tests.lab import LabNode

NODE = "m1"
MIRROR = f"{NAME}-{NODE}"


@pytest.fixture(scope="module")
def manifest_server(newest: ControlPlane) -> Iterator[None]:
    """The node's agent has the pods of a URL, too, which asks for a token; and its Node has some labels."""
    node = newest.node
    server = start_server(node)
    node.path("/run/settings.yaml").write_text(SETTINGS)
    node.bootstrap("init", "phase", "agent-start", "--config=/run/settings.yaml")
    try:
        yield
    finally:
        node.bootstrap("init", "phase", "agent-start")
        server.end()
        newest.kubectl("label", "node", NODE, *(f"{key}-" for key in LABELS))


def shown_until_the_end(made: StaticWeb) -> Iterator[StaticWeb]:
    made.write()
    made.wait_shown()
    yield made
    made.end()
    wait_until(made.is_gone, f"{NAME} is gone", SOON)


@pytest.fixture
def web(newest: ControlPlane) -> Iterator[StaticWeb]:
    yield from shown_until_the_end(StaticWeb(newest))


@pytest.fixture(params=["file", "url"])
def web_of_either(request: pytest.FixtureRequest, newest: ControlPlane) -> Iterator[StaticWeb]:
    """By file, and by URL."""
    if request.param == "file":
        yield from shown_until_the_end(StaticWeb(newest))
    else:
        request.getfixturevalue("manifest_server")
        yield from shown_until_the_end(StaticWebByUrl(newest))


def hash_of(pod: Json) -> str:
    return str(pod["metadata"]["annotations"]["kubernetes.io/config.hash"])


def condition(body: Json, kind: str) -> Json:
    found: Json = next(each for each in body["status"]["conditions"] if each["type"] == kind)
    return found


def agent_log(node: LabNode) -> str:
    return node.path("/var/log/bootstrap-agent.log").read_text()


# The node.


def test_the_node_is_registered_ready_and_renews_its_lease(newest: ControlPlane) -> None:
    node = newest.get("node", NODE)
    assert condition(node, "Ready")["status"] == "True"
    assert condition(node, "PIDPressure")["status"] == "False"
    # A third one, not-ready, is the server's, and goes a moment later.
    taints = {each["key"] for each in node["spec"]["taints"]} - {"node.kubernetes.io/not-ready"}
    assert taints == {"node-role.kubernetes.io/control-plane", "podstrap/static-pods-only"}
    assert "node-role.kubernetes.io/control-plane" in node["metadata"]["labels"]
    assert {"type": "InternalIP", "address": newest.node.address} in node["status"]["addresses"]
    assert node["status"]["nodeInfo"]["kubeletVersion"].endswith("+podstrap")

    def renewed() -> str:
        lease = newest.get("lease", NODE, "--namespace=kube-node-lease")
        assert lease["metadata"]["ownerReferences"][0]["uid"] == node["metadata"]["uid"]
        return str(lease["spec"]["renewTime"])

    first = renewed()
    wait_until(lambda: renewed() > first, "the lease is renewed")
    age = datetime.now(UTC) - datetime.fromisoformat(renewed())
    assert age.total_seconds() < 40


@pytest.mark.usefixtures("manifest_server")
def test_the_node_has_the_labels_it_was_given(newest: ControlPlane) -> None:
    """As NodeRestriction lets a node label itself."""
    wait_until(
        lambda: newest.get("node", NODE)["metadata"]["labels"].items() >= LABELS.items(),
        "the labels are there",
        SOON,
    )


def test_the_control_plane_is_shown_as_mirror_pods(newest: ControlPlane) -> None:
    def shown() -> dict[str, str]:
        pods = newest.get("pods", "--namespace=kube-system")["items"]
        return {
            each["metadata"]["name"]: condition(each, "Ready")["status"]
            for each in pods
            if CONFIG_MIRROR in each["metadata"].get("annotations", {})
        }

    wait_until(lambda: shown() == {f"{each}-{NODE}": "True" for each in COMPONENTS}, "four mirrors are ready")
    chosen = f"--selector=component={KUBE_APISERVER},tier=control-plane"
    (apiserver,) = newest.get("pods", "--namespace=kube-system", chosen)["items"]
    address = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
    assert apiserver["metadata"]["annotations"][address].startswith(newest.node.address)


# The walkthrough.


def test_a_manifest_becomes_a_container_and_a_mirror_pod(web_of_either: StaticWeb) -> None:
    web = web_of_either
    mirror = web.wait_shown()
    assert web.container() == f"k8s_web_{MIRROR}_default_{hash_of(mirror)}_0"
    validate_mirror_pod(web.cluster, mirror)
    status = mirror["status"]
    sandbox = f"k8s_POD_{MIRROR}_default_{hash_of(mirror)}_0"
    address = web.node.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", sandbox)
    assert status["podIP"] == address.strip()
    assert status["hostIP"] == web.node.address
    assert status["qosClass"] == "BestEffort"
    assert status["startTime"]
    wanted = {"Started", "MissingClusterDNS"}
    wait_until(lambda: wanted <= event_reasons(web.cluster), "its events are told", SOON)
    assert "Started" in web.cluster.kubectl("describe", "pod", MIRROR)
    assert "Started" in web.node.bootstrap("agent", "events", NAME).stdout
    assert MIRROR in web.node.bootstrap("agent", "status").stdout


def validate_mirror_pod(cluster: ControlPlane, mirror: Json) -> None:
    """What upstream's helper of this name asserts of every mirror."""
    annotations = mirror["metadata"]["annotations"]
    assert annotations["kubernetes.io/config.hash"] == annotations["kubernetes.io/config.mirror"]
    assert annotations["kubernetes.io/config.source"] != "api"
    (owner,) = mirror["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "v1",
        "kind": "Node",
        "name": NODE,
        "uid": cluster.get("node", NODE)["metadata"]["uid"],
        "controller": True,
    }


def event_reasons(cluster: ControlPlane) -> set[str]:
    events = cluster.get("events", f"--field-selector=involvedObject.name={MIRROR}")["items"]
    return {event["reason"] for event in events}


def test_a_killed_container_is_back_and_the_api_counts_it(web_of_either: StaticWeb) -> None:
    web = web_of_either
    before = web.wait_shown()
    web.node.docker("kill", web.container())

    def restarts() -> int:
        mirror = web.mirror()
        assert mirror is not None
        return int(mirror["status"]["containerStatuses"][0]["restartCount"])

    wait_until(lambda: restarts() == 1, "the restart is told", SOON)
    after = web.wait_shown()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert web.container().endswith("_1")
    (container,) = after["status"]["containerStatuses"]
    assert container["lastState"]["terminated"]["exitCode"] == 137
    assert web.cluster.kubectl("logs", "--previous", MIRROR) == "here\n"


@pytest.mark.parametrize("grace", [30, 0])
def test_kubectl_delete_stops_nothing_and_does_not_keep_the_mirror_away(
    web_of_either: StaticWeb, grace: int
) -> None:
    web = web_of_either
    before, container = web.wait_shown(), web.container()
    force = ["--force"] if grace == 0 else []
    web.cluster.kubectl("delete", "pod", MIRROR, f"--grace-period={grace}", *force, "--wait=false")
    wait_until(
        lambda: (found := web.mirror()) and found["metadata"]["uid"] != before["metadata"]["uid"],
        "another mirror is there",
        SOON,
    )
    after = web.wait_shown()
    assert hash_of(after) == hash_of(before)
    assert web.container() == container


def test_a_manifest_that_is_taken_away_and_put_back(web_of_either: StaticWeb) -> None:
    web = web_of_either
    before = web.wait_shown()
    web.take_away()
    wait_until(web.is_gone, "container and mirror are gone", SOON)
    web.put_back()
    assert hash_of(web.wait_shown()) == hash_of(before)


def test_an_edit_replaces_the_mirror_after_the_old_pod_has_ended(web: StaticWeb) -> None:
    """With the grace of the old one, during which its mirror stays Running."""
    web.write(
        container={"args": ["stubborn", "serve:80", "forever"]}, spec={"terminationGracePeriodSeconds": 4}
    )
    wait_until(lambda: len(event_reasons(web.cluster)) > 0 and web.container(), "the stubborn one runs", SOON)
    old = web.wait_shown()
    wait_until(lambda: hash_of(web.mirror() or old) in web.container(), "it is the one that is shown", SOON)
    old = web.wait_shown()
    web.write(metadata={"labels": {"app": "static", "edition": "2"}})
    seen = []

    def replaced() -> bool:
        mirror = web.mirror()
        if mirror is not None and hash_of(mirror) == hash_of(old):
            seen.append(mirror["status"]["phase"])
            return False
        return mirror is not None

    assert wait_until(replaced, "another mirror is there", SOON) > 2
    assert set(seen) == {"Running"}
    new = web.wait_shown()
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert new["metadata"]["labels"]["edition"] == "2"
    validate_mirror_pod(web.cluster, new)


# What is not the agent's.


DAEMON_SET: Json = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "everywhere"},
    "spec": {
        "selector": {"matchLabels": {"app": "everywhere"}},
        "template": {
            "metadata": {"labels": {"app": "everywhere"}},
            "spec": {
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "main", "image": "nobody/pulls:this"}],
                "automountServiceAccountToken": False,
            },
        },
    },
}


def test_a_pod_of_a_daemon_set_that_tolerates_everything_is_told_that_nobody_runs_it(
    newest: ControlPlane,
) -> None:
    newest.create(DAEMON_SET)

    def pods() -> list[Json]:
        found: list[Json] = newest.get("pods", "--selector=app=everywhere")["items"]
        return found

    try:
        wait_until(
            lambda: [pod["status"].get("reason") for pod in pods()] == ["StaticPodsOnly"],
            "the pod is told",
            SOON,
        )
        (pod,) = pods()
        assert pod["status"]["phase"] == "Pending"
        assert condition(pod, "PodScheduled")["status"] == "True"
        assert condition(pod, "Ready")["reason"] == "StaticPodsOnly"
        assert "StaticPodsOnly" in newest.kubectl("get", "pods", "--selector=app=everywhere")
        uid = pod["metadata"]["uid"]
        events = newest.get("events", f"--field-selector=involvedObject.uid={uid},reason=StaticPodsOnly")
        assert len(events["items"]) == 1
        status = json.loads(newest.node.bootstrap("agent", "status", "--output=json").stdout)
        assert f"default/{pod['metadata']['name']}" in status["api"]["foreign"]
    finally:
        newest.kubectl("delete", "daemonset", "everywhere")
    wait_until(lambda: pods() == [], "its pod is gone", SOON)


def test_a_pod_that_tolerates_the_control_plane_only_is_not_bound_here(newest: ControlPlane) -> None:
    pod: Json = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ordinary"},
        "spec": {
            "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
            "containers": [{"name": "main", "image": "nobody/pulls:this"}],
            "automountServiceAccountToken": False,
        },
    }
    newest.create(pod)
    try:
        wait_until(
            lambda: condition_or_none(newest.get("pod", "ordinary"), "PodScheduled"), "it was looked at", SOON
        )
        found = newest.get("pod", "ordinary")
        assert "nodeName" not in found["spec"]
        assert "untolerated taint" in condition(found, "PodScheduled")["message"]
    finally:
        newest.kubectl("delete", "pod", "ordinary", "--wait=false")


def condition_or_none(body: Json, kind: str) -> Json | None:
    return next((each for each in body["status"].get("conditions", ()) if each["type"] == kind), None)


# What goes wrong.


def test_an_api_server_that_is_killed_and_back_finds_everything_told(web: StaticWeb) -> None:
    (apiserver,) = web.cluster.containers(KUBE_APISERVER)
    web.cluster.kill(web.cluster.pid(apiserver))
    web.node.docker("kill", web.container())
    wait_until(lambda: web.container().endswith("_1"), "the container is back, server or not", SOON)
    web.cluster.wait_healthy()

    def restarts() -> bool:
        with contextlib.suppress(AssertionError):
            mirror = web.mirror()
            return mirror is not None and mirror["status"]["containerStatuses"][0]["restartCount"] == 1
        return False

    wait_until(restarts, "what happened meanwhile is told", SOON)
    name = f"{KUBE_APISERVER}-{NODE}"

    def counted() -> bool:
        (status,) = web.cluster.get("pod", name, "--namespace=kube-system")["status"]["containerStatuses"]
        return bool(status["restartCount"] >= 1 and status["lastState"]["terminated"]["exitCode"] == 137)

    wait_until(counted, "its own restart too", SOON)


def test_an_api_server_that_hangs_holds_up_nothing_here(web: StaticWeb) -> None:
    """It takes connections and answers none; a probe would end it after more than a minute."""
    (apiserver,) = web.cluster.containers(KUBE_APISERVER)
    pid = web.cluster.pid(apiserver)
    web.node.run(["sh", "-c", f"kill -STOP {pid}"])
    try:
        web.node.docker("kill", web.container())
        assert wait_until(lambda: web.container().endswith("_1"), "the container is back", SOON) < 5
        web.take_away()
        wait_until(lambda: not web.container(), "a manifest that is taken away ends it", SOON)
        web.put_back()
        wait_until(lambda: web.container().endswith("_0"), "put back it runs", SOON)
    finally:
        web.node.run(["sh", "-c", f"kill -CONT {pid}"])
    wait_until(lambda: hash_of(web.wait_shown()) in web.container(), "the end is told", SOON)
    assert web.cluster.containers(KUBE_APISERVER) == [apiserver]
    # Who could not renew a lease meanwhile may have ended itself.
    web.cluster.wait_healthy()


def test_a_manifest_that_needs_the_api_is_refused_with_the_fields_path(web: StaticWeb) -> None:
    refused = web.manifest(metadata={"name": "needy"}, spec={"volumes": [{"name": "v", "secret": {}}]})
    path = web.node.path(f"{MANIFESTS}/needy.yaml")
    path.write_text(json.dumps(refused))
    try:

        def told() -> list[str]:
            chosen = f"--field-selector=involvedObject.name=needy-{NODE},reason=FailedValidation"
            return [each["message"] for each in web.cluster.get("events", chosen)["items"]]

        wait_until(
            lambda: any("spec.volumes[0].secret" in each for each in told()), "an Event says why", SOON
        )
        (problem,) = json.loads(web.node.bootstrap("agent", "status", "--output=json").stdout)["problems"]
        assert "spec.volumes[0].secret" in problem["message"]
        assert "needy" not in web.node.docker("ps", "--all", "--format", "{{.Names}}")
        assert web.container()
    finally:
        path.unlink()


def test_the_node_asked_for_nothing_that_a_node_may_not(web: StaticWeb) -> None:
    log = agent_log(web.node)
    for word in ("forbidden", "is not allowed", "can only", "Traceback"):
        assert word not in log, [line for line in log.splitlines() if word in line]
