"""Whatever happens, in whatever order: the agent keeps its promises and comes to rest."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bootstrap.agent.plan import Rest
from bootstrap.runtime.api import ContainerSpec, ExecResult
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import FakeRuntime, Program

PODS = ("web", "db")
CONTAINERS = ("main", "side")
INITS: tuple[dict[str, object], ...] = (
    {"name": "init", "image": IMAGE},
    {"name": "proxy", "image": IMAGE, "restartPolicy": "Always"},
    {"name": "logs", "image": IMAGE, "restartPolicy": "Always"},
)
HOOK = {"exec": {"command": ["hook"]}}


class AnyHistory(RuleBasedStateMachine):
    """Edits, removals, crashes, kills, failing hooks, clean-ups by hand, interrupted agents, single steps."""

    @initialize()
    def begin(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.harness = AgentHarness(Path(self._directory.name))
        runtime = FakeRuntime(self.harness.engine)
        self.foreign = runtime.create(ContainerSpec("k8s_main_web-n1_default_x_0", IMAGE))
        runtime.start(self.foreign)
        self.hooks_gone_wrong: list[str] = []
        self.hooks_fail = False
        self.harness.engine.default_exec = self._hook

    def _hook(self, spec: ContainerSpec, _argv: tuple[str, ...]) -> ExecResult:
        if spec.name not in self.harness.engine.running():
            self.hooks_gone_wrong.append(spec.name)
        return ExecResult(int(self.hooks_fail), b"")

    def teardown(self) -> None:
        self._directory.cleanup()

    @rule(
        pod=st.sampled_from(PODS),
        edit=st.integers(0, 2),
        policy=st.sampled_from(["Always", "OnFailure", "Never"]),
        inits=st.lists(st.sampled_from(INITS), unique_by=lambda each: each["name"]),
        hooks=st.booleans(),
        deadline=st.sampled_from([None, 40]),
    )
    def write(
        self,
        pod: str,
        edit: int,
        policy: str,
        inits: list[dict[str, object]],
        hooks: bool,
        deadline: int | None,
    ) -> None:
        lifecycle = {"postStart": HOOK, "preStop": HOOK} if hooks else None
        containers = [{"name": name, "image": IMAGE, "lifecycle": lifecycle} for name in CONTAINERS]
        manifest = document(
            pod,
            containers=containers,
            initContainers=inits,
            restartPolicy=policy,
            activeDeadlineSeconds=deadline,
            metadata={"labels": {"edit": str(edit)}},
        )
        self.harness.engine.set_program("init", Program(exits_after=1))
        self.harness.write(f"{pod}.yaml", manifest)
        self.harness.agent.sync()

    @rule(pod=st.sampled_from(PODS))
    def spoil(self, pod: str) -> None:
        if (self.harness.manifests / f"{pod}.yaml").exists():
            self.harness.write(f"{pod}.yaml", "{half")
        self.harness.agent.sync()

    @rule(pod=st.sampled_from(PODS))
    def take_away(self, pod: str) -> None:
        (self.harness.manifests / f"{pod}.yaml").unlink(missing_ok=True)
        self.harness.agent.sync()

    @rule(number=st.integers(0, 20), code=st.sampled_from([0, 1, 137]))
    @precondition(lambda self: self._ours())
    def die(self, number: int, code: int) -> None:
        running = [each for each in self._ours() if self.harness.engine.containers[each].state.is_running]
        if running:
            self.harness.engine.exit(running[number % len(running)], code)

    @rule(number=st.integers(0, 20))
    @precondition(lambda self: self._ours())
    def remove_by_hand(self, number: int) -> None:
        ours = self._ours()
        FakeRuntime(self.harness.engine).remove(ours[number % len(ours)])

    @rule(fail=st.booleans())
    def hooks_turn(self, fail: bool) -> None:
        """From now on every hook fails, or succeeds."""
        self.hooks_fail = fail

    @rule(seconds=st.sampled_from([0.5, 5, 30, 700]))
    def wait(self, seconds: float) -> None:
        self.harness.clock.advance(seconds)

    @rule()
    def interrupt_the_agent(self) -> None:
        self.harness.restart_agent()
        self.harness.agent.sync()

    @rule(steps=st.integers(1, 8))
    def some_steps(self, steps: int) -> None:
        for worker in tuple(self.harness.agent.workers.values()):
            for _ in range(steps):
                if isinstance(worker.step(), Rest):
                    break

    @rule()
    def rest(self) -> None:
        """Every worker comes to rest, and what runs is one pod of each name at the most."""
        self.harness.settle()
        uids = {
            held.spec.labels["io.kubernetes.pod.uid"]
            for held in self.harness.engine.containers.values()
            if held.state.id != self.foreign and held.state.is_running
        }
        assert len(uids) <= len(PODS)

    @invariant()
    def never_two_of_one_container(self) -> None:
        if not hasattr(self, "harness"):
            return
        running = Counter(
            tuple(name.split("_")[1:4]) for name in self.harness.engine.running() if not name.endswith("_x_0")
        )
        assert all(count == 1 for count in running.values()), running

    @invariant()
    def never_touches_what_is_not_its_own(self) -> None:
        if hasattr(self, "harness"):
            assert self.harness.engine.containers[self.foreign].state.is_running

    @invariant()
    def a_hook_runs_only_in_a_container_that_runs(self) -> None:
        if hasattr(self, "harness"):
            assert self.hooks_gone_wrong == []

    def _ours(self) -> list[str]:
        return [each for each in self.harness.engine.containers if each != self.foreign]


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
