"""What the kubelet's port says of the agent as a whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.agent.metrics import exposition
from bootstrap.agent.serving.metricspage import api_families
from bootstrap.agent.status import ApiStatus
from tests.fakes.agent import document
from tests.fakes.kubeletport import PERIOD, KubeletPort
from tests.fakes.runtime import Program


@pytest.fixture
def port(tmp_path: Path) -> Iterator[KubeletPort]:
    made = KubeletPort(tmp_path)
    made.harness.write("web.yaml", document())
    made.harness.settle()
    with made.serving():
        yield made


def metrics(port: KubeletPort, path: str = "/metrics") -> dict[str, float]:
    status, body = port.ask(path)
    assert status == 200
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_pods_are_as_the_api_shows_them(port: KubeletPort) -> None:
    status, body = port.ask("/pods")
    found = json.loads(body)
    assert (status, found["kind"], found["apiVersion"]) == (200, "PodList", "v1")
    (pod,) = found["items"]
    assert pod["metadata"]["name"] == "web-n1"
    assert pod["metadata"]["uid"] == port.harness.pod().uid
    assert pod["status"]["phase"] == "Running"


def test_running_pods_are_what_the_engine_has(port: KubeletPort) -> None:
    (pod,) = json.loads(port.ask("/runningpods/")[1])["items"]
    assert pod["metadata"]["name"] == "web-n1"
    assert [each["name"] for each in pod["spec"]["containers"]] == ["main"]


def test_its_settings_have_a_kubelets_names(port: KubeletPort) -> None:
    assert json.loads(port.ask("/configz")[1]) == {"kubeletconfig": {"port": port.port}}


def test_metrics_tell_of_pods_and_of_the_process(port: KubeletPort) -> None:
    found = metrics(port)
    assert found['kubelet_node_name{node="n1"}'] == 1
    assert found['kubelet_desired_pods{static="true"}'] == 1
    assert found["kubelet_running_pods"] == 1
    assert found['kubelet_running_containers{container_state="running"}'] == 1
    assert found['podstrap_pod_ready{namespace="default",pod="web-n1"}'] == 1
    assert found['podstrap_events_total{type="Normal",reason="Started"}'] == 1
    assert found['kubelet_pod_worker_duration_seconds_count{operation_type="sync"}'] > 0
    assert found["process_resident_memory_bytes"] > 1_000_000
    assert 0 < found["process_open_fds"] < found["process_max_fds"]


def test_metrics_tell_how_the_node_stands_with_the_api_server() -> None:
    api = ApiStatus(connected=True, mirrors=4, unmirrored={"a_b": "forbidden"})
    text = exposition(api_families(api))
    assert "\npodstrap_api_up 1\n" in text
    assert "\nkubelet_mirror_pods 4\n" in text
    assert "\npodstrap_unmirrored_pods 1\n" in text
    assert api_families(None) == ()


def test_metrics_tell_of_restarts_and_what_waits(port: KubeletPort) -> None:
    port.harness.engine.set_program("_main_", Program(exits_after=0.0, exit_code=1))
    port.harness.engine.exit("_main_", 1)
    port.harness.advance(1)
    labels = '{namespace="default",pod="web-n1",container="main"'
    found = metrics(port)
    assert found[f"podstrap_container_restarts_total{labels}}}"] == 1
    assert found[f'podstrap_container_waiting{labels},reason="CrashLoopBackOff"}}'] == 1
    assert found['podstrap_pod_ready{namespace="default",pod="web-n1"}'] == 0


def test_metrics_tell_when_certificates_end(port: KubeletPort) -> None:
    path = port.credentials.serving
    found = metrics(port)
    name = f'podstrap_certificate_expiration_timestamp_seconds{{path="{path}"}}'
    assert found[name] == PERIOD.not_after.timestamp()


def test_metrics_tell_how_long_pulls_take(port: KubeletPort) -> None:
    port.harness.engine.publish("new:1")
    port.harness.write("new.yaml", document("new", containers=[{"name": "main", "image": "new:1"}]))
    port.harness.settle()
    assert metrics(port)["kubelet_image_pull_duration_seconds_count"] == 1


def test_probes_are_counted_for_each_container_while_its_pod_is_there(port: KubeletPort) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    container = {"name": "main", "image": "app:1", "readinessProbe": probe}
    path = port.harness.write("probed.yaml", document("probed", containers=[container]))
    port.harness.settle()
    port.harness.advance(3)
    found = metrics(port, "/metrics/probes")
    (name,) = [key for key in found if re.search('pod="probed-n1"', key)]
    assert 'probe_type="Readiness",result="successful",container="main"' in name
    assert found[name] >= 3
    total = 'podstrap_probe_results_total{probe_type="Readiness",result="successful"}'
    assert metrics(port)[total] == found[name]
    path.unlink()
    port.harness.advance(3)
    assert metrics(port, "/metrics/probes") == {}


def test_resources_are_told_of_node_pods_and_containers(port: KubeletPort) -> None:
    port.harness.clock.advance(50)
    found = metrics(port, "/metrics/resource")
    labels = '{container="main",namespace="default",pod="web-n1"}'
    assert found[f"container_cpu_usage_seconds_total{labels}"] == 5
    assert found[f"container_memory_working_set_bytes{labels}"] == 2_000_000
    assert found[f"container_start_time_seconds{labels}"] == port.harness.clock.now().timestamp() - 50
    assert found['pod_cpu_usage_seconds_total{namespace="default",pod="web-n1"}'] == 10
    assert found["node_cpu_usage_seconds_total"] > 0
    assert found["node_memory_working_set_bytes"] > 0
    assert found["resource_scrape_error"] == 0


def test_without_an_engine_the_node_is_told_of_all_the_same(port: KubeletPort) -> None:
    port.harness.engine.go_away()
    found = metrics(port, "/metrics/resource")
    assert found["resource_scrape_error"] == 1
    assert found["node_cpu_usage_seconds_total"] > 0


def test_the_summary_has_the_node_and_its_pods(port: KubeletPort) -> None:
    found = json.loads(port.ask("/stats/summary")[1])
    assert found["node"]["nodeName"] == "n1"
    assert found["node"]["systemContainers"][0]["memory"]["rssBytes"] > 0
    (pod,) = found["pods"]
    assert pod["podRef"] == {"name": "web-n1", "namespace": "default", "uid": port.harness.pod().uid}
    assert [each["name"] for each in pod["containers"]] == ["main"]
    assert pod["memory"]["workingSetBytes"] == 4_000_000
