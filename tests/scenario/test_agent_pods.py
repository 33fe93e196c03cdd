"""A pod's life, from its manifest to nothing: histories of what the agent asked of the engine."""

from __future__ import annotations

import itertools
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.agent.worker import ENGINE_RETRY_SECONDS
from bootstrap.runtime.api import ContainerSpec
from tests.fakes.agent import IMAGE, PAUSE, AgentHarness, document
from tests.fakes.runtime import FakeRuntime, Program

STARTED = ["create POD web 0", "start POD web 0", "create main web 0", "start main web 0"]


@pytest.fixture
def harness(tmp_path: Path) -> AgentHarness:
    return AgentHarness(tmp_path)


def started(harness: AgentHarness, **spec: object) -> int:
    """A running pod ``web``; the length of the history so far."""
    harness.write("web.yaml", document("web", **spec))
    harness.settle()
    return len(harness.engine.history)


def test_a_manifest_becomes_a_sandbox_and_its_containers(harness: AgentHarness) -> None:
    started(harness)
    assert harness.history() == STARTED
    assert harness.pod().phase == "Running"
    assert harness.pod().ready


def test_nothing_more_is_done_while_nothing_changes(harness: AgentHarness) -> None:
    before = started(harness)
    harness.advance(100)
    assert harness.history(before) == []


def test_writing_the_same_content_again_changes_nothing(harness: AgentHarness) -> None:
    before = started(harness)
    harness.write("web.yaml", "# edited\n" + json.dumps(document("web"), indent=2))
    harness.settle()
    assert harness.history(before) == []


def test_an_edit_replaces_the_pod_after_the_old_one_is_gone(harness: AgentHarness) -> None:
    before = started(harness)
    harness.write("web.yaml", document("web", metadata={"annotations": {"edited": "yes"}}))
    harness.settle()
    assert harness.history(before) == [
        "stop main web 0",
        "exit main web 0 0",
        "stop POD web 0",
        "exit POD web 0 0",
        "remove main web 0",
        "remove POD web 0",
        *STARTED,
    ]


def test_a_removed_manifest_leaves_nothing(harness: AgentHarness) -> None:
    started(harness)
    uid = harness.pod().uid
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    harness.settle()
    assert harness.engine.containers == {}
    assert not (harness.root / "pods" / uid).exists()
    assert harness.agent.workers == {}
    assert harness.agent.status().pods == ()


def test_a_manifest_put_back_starts_as_if_for_the_first_time(harness: AgentHarness) -> None:
    before = started(harness)
    path = harness.manifests / "web.yaml"
    text = path.read_text()
    path.unlink()
    harness.agent.sync()
    path.write_text(text)
    harness.settle()
    assert harness.history(before)[-4:] == STARTED
    assert harness.container().restarts == 0
    assert harness.running() == ["POD web", "main web"]


def test_a_finished_pod_whose_manifest_is_put_back_runs_again(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(exits_after=1))
    started(harness, restartPolicy="Never")
    harness.advance(5)
    assert harness.pod().phase == "Succeeded"
    path = harness.manifests / "web.yaml"
    text = path.read_text()
    path.unlink()
    harness.agent.sync()
    path.write_text(text)
    harness.settle()
    assert harness.running() == ["POD web", "main web"]


def test_a_killed_container_is_started_again_at_once(harness: AgentHarness) -> None:
    before = started(harness)
    harness.engine.exit("main", 137)
    harness.settle()
    assert harness.history(before) == ["exit main web 0 137", "create main web 1", "start main web 1"]
    assert harness.container().restarts == 1
    last = harness.container().last_exit
    assert last is not None
    assert (last.exit_code, last.reason) == (137, "Error")


def test_a_crashing_container_is_started_after_longer_and_longer_waits(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(exits_after=0.5, exit_code=1))
    started(harness)
    begun = harness.clock.monotonic()
    times = []
    for attempt in range(1, 6):
        wanted = f"start main web {attempt}"
        harness.until(lambda wanted=wanted: wanted in harness.history(), 400)  # type: ignore[misc]
        times.append(round(harness.clock.monotonic() - begun))
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == [11, 21, 41, 81]
    status = harness.container()
    assert status.restarts == 5
    harness.advance(2)
    assert (harness.container().state, harness.container().reason) == ("waiting", "CrashLoopBackOff")
    assert harness.pod().phase == "Running"


def test_one_dead_instance_is_kept_for_its_logs(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(exits_after=0.5, exit_code=1))
    started(harness)
    harness.advance(60)
    dead = [held.spec.name for held in harness.engine.containers.values() if held.state.status == "exited"]
    assert len(dead) == 1


def test_a_dead_sandbox_rebuilds_the_pod(harness: AgentHarness) -> None:
    before = started(harness)
    harness.engine.exit("POD", 137)
    harness.settle()
    assert harness.history(before) == [
        "exit POD web 0 137",
        "stop main web 0",
        "exit main web 0 0",
        "create POD web 1",
        "start POD web 1",
        "create main web 1",
        "start main web 1",
    ]


def test_a_container_that_ended_with_its_sandbox_may_fail_once_without_a_wait(harness: AgentHarness) -> None:
    """As after a restart of the machine: the first to start meet the others not yet ready."""
    started(harness)
    harness.engine.exit("POD", 137)
    harness.settle()
    harness.engine.exit("main", 1)
    harness.settle()
    assert harness.running() == ["POD web", "main web"]
    harness.engine.exit("main", 1)
    harness.settle()
    assert harness.running() == ["POD web"]
    harness.advance(10)
    assert harness.running() == ["POD web", "main web"]


def test_what_is_superseded_is_removed_once_the_pod_runs_again(harness: AgentHarness) -> None:
    started(harness)
    harness.engine.exit("POD", 137)
    harness.settle()
    before = len(harness.history())
    harness.engine.exit("POD", 137)
    harness.settle()
    events = harness.history()[before:]
    removals = [event for event in events if event.startswith("remove ")]
    assert removals
    assert events.index("start main web 2") < min(map(events.index, removals))


def test_a_sandbox_that_ends_again_and_again_makes_its_containers_wait(harness: AgentHarness) -> None:
    started(harness)
    for _ in range(2):
        harness.engine.exit("POD", 137)
        harness.settle()
        assert harness.running() == ["POD web", "main web"]
    harness.engine.exit("POD", 137)
    harness.settle()
    assert harness.running() == ["POD web"]


@pytest.mark.parametrize(
    ("policy", "code", "running", "phase"),
    [
        ("Always", 0, True, "Running"),
        ("OnFailure", 0, False, "Succeeded"),
        ("OnFailure", 1, True, "Running"),
        ("Never", 0, False, "Succeeded"),
        ("Never", 1, False, "Failed"),
    ],
)
def test_the_restart_policy_decides(
    harness: AgentHarness, policy: str, code: int, running: bool, phase: str
) -> None:
    started(harness, restartPolicy=policy)
    harness.engine.exit("main", code)
    harness.settle()
    assert ("main web" in harness.running()) is running
    assert harness.pod().phase == phase


def test_a_finished_pod_gets_no_new_sandbox(harness: AgentHarness) -> None:
    started(harness, restartPolicy="Never")
    harness.engine.exit("main", 0)
    harness.engine.exit("POD", 137)
    harness.settle()
    assert harness.running() == []


def test_init_containers_run_one_after_another_before_the_others(harness: AgentHarness) -> None:
    harness.engine.set_program("first", Program(exits_after=2))
    harness.engine.set_program("second", Program(exits_after=2))
    inits = [{"name": "first", "image": IMAGE}, {"name": "second", "image": IMAGE}]
    started(harness, initContainers=inits)
    assert harness.pod().phase == "Pending"
    harness.advance(6)
    assert [line for line in harness.history() if line.startswith("start")] == [
        "start POD web 0",
        "start first web 0",
        "start second web 0",
        "start main web 0",
    ]
    harness.engine.exit("POD", 137)
    harness.advance(6)
    assert harness.running() == ["POD web", "main web"]
    assert "start first web 1" in harness.history()


def test_a_failed_init_container_is_tried_again(harness: AgentHarness) -> None:
    harness.engine.set_program("first", Program(exits_after=1, exit_code=1))
    started(harness, initContainers=[{"name": "first", "image": IMAGE}])
    harness.advance(3)
    assert "start first web 1" in harness.history()
    assert "start main web 0" not in harness.history()


def test_a_new_agent_adopts_what_runs(harness: AgentHarness) -> None:
    harness.write("other.yaml", document("other"))
    before = started(harness)
    harness.restart_agent()
    harness.settle()
    assert harness.history(before) == []
    assert harness.pod().phase == "Running"


def test_a_pod_whose_manifest_vanished_while_no_agent_ran_is_removed(harness: AgentHarness) -> None:
    harness.write("other.yaml", document("other"))
    started(harness)
    (harness.manifests / "web.yaml").unlink()
    harness.restart_agent()
    harness.settle()
    harness.settle()
    assert harness.running() == ["POD other", "main other"]
    assert len(harness.engine.containers) == 2


def test_nothing_is_removed_before_the_directory_was_listed(harness: AgentHarness) -> None:
    before = started(harness)
    aside = harness.manifests.rename(harness.manifests.with_name("aside"))
    harness.restart_agent()
    harness.settle()
    assert harness.history(before) == []
    aside.rename(harness.manifests)
    harness.settle()
    assert harness.history(before) == []


def test_a_file_that_is_bad_when_the_agent_starts_keeps_the_pod_that_runs(harness: AgentHarness) -> None:
    before = started(harness)
    harness.write("web.yaml", "{half a fi")
    harness.restart_agent()
    harness.settle()
    assert harness.history(before) == []
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    harness.settle()
    assert harness.engine.containers == {}


def test_an_agent_interrupted_between_create_and_start_does_both_again(harness: AgentHarness) -> None:
    started(harness)
    web = next(held for held in harness.engine.containers.values() if "main" in held.spec.name)
    runtime = FakeRuntime(harness.engine)
    runtime.remove(web.state.id)
    runtime.create(web.spec)
    harness.restart_agent()
    harness.settle()
    assert harness.history()[-3:] == ["remove main web 0", "create main web 0", "start main web 0"]


def test_containers_of_others_are_never_touched(harness: AgentHarness) -> None:
    runtime = FakeRuntime(harness.engine)
    labels = {"io.kubernetes.pod.name": "web-n1", "io.kubernetes.pod.namespace": "default"}
    foreign = [
        ContainerSpec("plain", IMAGE),
        ContainerSpec("kubelet", IMAGE, {**labels, "io.kubernetes.docker.type": "container"}),
        ContainerSpec("other-node", IMAGE, {**labels, "podstrap.type": "container", "podstrap.node": "n2"}),
    ]
    identities = [runtime.create(spec) for spec in foreign]
    started(harness)
    (harness.manifests / "web.yaml").unlink()
    harness.settle()
    assert list(harness.engine.containers) == identities


def test_a_missing_image_is_pulled_once_for_all_that_need_it(harness: AgentHarness) -> None:
    harness.engine.publish("new:1")
    containers = [{"name": "a", "image": "new:1"}, {"name": "b", "image": "new:1"}]
    started(harness, containers=containers)
    assert harness.history().count("pull new:1") == 1
    assert harness.running() == ["POD web", "a web", "b web"]


def test_a_pull_that_fails_waits_and_says_so(harness: AgentHarness) -> None:
    started(harness, containers=[{"name": "main", "image": "new:1"}, {"name": "ok", "image": IMAGE}])
    assert harness.running() == ["POD web", "ok web"]
    assert harness.container().reason == "ImagePullBackOff"
    assert "new:1 cannot be pulled" in harness.container().message
    assert harness.pod().phase == "Pending"
    harness.engine.publish("new:1")
    assert harness.until(lambda: "main web" in harness.running(), 20) == pytest.approx(10, abs=1)


def test_an_image_loaded_by_hand_ends_the_wait_for_a_registry(harness: AgentHarness) -> None:
    started(harness, containers=[{"name": "main", "image": "new:1"}])
    harness.advance(100)
    harness.engine.add_image("new:1")
    assert harness.until(lambda: "main web" in harness.running(), 30) <= 11


def test_policy_always_pulls_before_every_start(harness: AgentHarness) -> None:
    harness.engine.publish("new:latest")
    started(harness, containers=[{"name": "main", "image": "new:latest"}])
    harness.engine.exit("main", 1)
    harness.settle()
    assert harness.history().count("pull new:latest") == 2


def test_policy_never_does_not_pull(harness: AgentHarness) -> None:
    harness.engine.publish("new:1")
    started(harness, containers=[{"name": "main", "image": "new:1", "imagePullPolicy": "Never"}])
    harness.advance(30)
    assert harness.container().reason == "ErrImageNeverPull"
    assert "pull new:1" not in harness.history()


def test_a_missing_pause_image_is_pulled(harness: AgentHarness) -> None:
    del harness.engine.local_images[harness.engine.add_image(PAUSE).id]
    FakeRuntime(harness.engine).remove_image(PAUSE)
    harness.engine.publish(PAUSE)
    started(harness)
    assert harness.running() == ["POD web", "main web"]


def test_a_program_that_cannot_start_is_a_crash(harness: AgentHarness) -> None:
    harness.engine.set_program("main", Program(start_error="no such program: /nope"))
    started(harness)
    harness.advance(3)
    last = harness.container().last_exit
    assert last is not None
    assert (last.reason, last.message) == ("ContainerCannotRun", "no such program: /nope")
    assert harness.container().reason == "CrashLoopBackOff"
    assert len([line for line in harness.history() if line.endswith("failed")]) == 2


def test_a_host_port_that_is_taken_is_tried_again_without_piling_up(harness: AgentHarness) -> None:
    port = {"containerPort": 80, "hostPort": 8080}
    container = {"name": "main", "image": IMAGE, "ports": [port]}
    harness.write("first.yaml", document("first", containers=[container], hostNetwork=False))
    harness.settle()
    started(harness, containers=[container], hostNetwork=False)
    harness.advance(40)
    assert harness.container().reason == "CreatePodSandboxError"
    assert "port 8080 is already allocated" in harness.container().message
    assert len(harness.engine.containers) <= 4
    (harness.manifests / "first.yaml").unlink()
    harness.advance(12)
    assert harness.running() == ["POD web", "main web"]


def test_a_volume_that_is_not_there_yet_is_waited_for(harness: AgentHarness, tmp_path: Path) -> None:
    late = tmp_path / "late"
    started(
        harness,
        containers=[{"name": "main", "image": IMAGE, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        volumes=[{"name": "v", "hostPath": {"path": str(late), "type": "File"}}],
    )
    assert harness.container().reason == "FailedMount"
    assert str(late) in harness.container().message
    late.write_text("x")
    harness.advance(2)
    assert harness.container().state == "running"


def test_an_engine_that_goes_away_and_comes_back_finds_no_duplicates(harness: AgentHarness) -> None:
    before = started(harness)
    harness.engine.go_away()
    harness.agent.sync()
    (worker,) = harness.agent.workers.values()
    assert worker.turn() == ENGINE_RETRY_SECONDS
    assert harness.agent.status().engine
    harness.engine.come_back()
    harness.settle()
    assert harness.history(before) == []


def test_the_directory_may_vanish_and_come_back(harness: AgentHarness) -> None:
    started(harness)
    shutil.move(harness.manifests, harness.manifests.with_name("aside"))
    harness.settle()
    assert harness.running() == []
    shutil.move(harness.manifests.with_name("aside"), harness.manifests)
    harness.settle()
    assert harness.running() == ["POD web", "main web"]


def test_two_hundred_edits_during_a_long_goodbye_end_with_the_last_one(harness: AgentHarness) -> None:
    started(harness)
    for number in range(200):
        harness.write("web.yaml", document("web", metadata={"labels": {"edit": str(number)}}))
        harness.agent.sync()
    before = len(harness.engine.history)
    harness.settle()
    assert [line for line in harness.history(before) if line.startswith("start")] == [
        "start POD web 0",
        "start main web 0",
    ]
    sandbox = next(held for held in harness.engine.containers.values() if "POD" in held.spec.name)
    assert sandbox.spec.labels["edit"] == "199"


def test_with_a_uid_of_its_own_only_the_changed_container_restarts(harness: AgentHarness) -> None:
    def manifest(argument: str) -> dict[str, object]:
        containers = [{"name": "a", "image": IMAGE, "args": [argument]}, {"name": "b", "image": IMAGE}]
        return document("web", metadata={"uid": "fixed"}, containers=containers)

    harness.write("web.yaml", manifest("one"))
    harness.settle()
    before = len(harness.engine.history)
    harness.write("web.yaml", manifest("two"))
    harness.settle()
    assert harness.history(before) == ["stop a web 0", "exit a web 0 0", "create a web 1", "start a web 1"]


def test_a_pods_start_is_remembered_by_its_containers(harness: AgentHarness) -> None:
    started(harness)
    begun = harness.pod().started
    harness.advance(30)
    harness.engine.exit("POD", 137)
    harness.settle()
    harness.restart_agent()
    harness.settle()
    assert harness.pod().started == begun == harness.clock.now() - timedelta(seconds=30)
