"""Whatever happens, in whatever order: the agent keeps its promises and comes to rest."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bootstrap.agent.names import NODE, TYPE
from bootstrap.runtime.api import ContainerSpec, ExecResult
from tests.fakes.agent import IMAGE, AgentHarness, document
from tests.fakes.runtime import FakeRuntime, Program

PODS = ("web", "db")
CONTAINERS = ("main", "side", "third")
INITS: tuple[dict[str, object], ...] = (
    {"name": "init", "image": IMAGE},
    {"name": "proxy", "image": IMAGE, "restartPolicy": "Always"},
    {"name": "logs", "image": IMAGE, "restartPolicy": "Always"},
)
HOOK = {"exec": {"command": ["hook"]}}
MOST_STARTS_IN_AN_HOUR = 7 + 50 // 5

programs = st.builds(
    Program,
    exits_after=st.sampled_from([None, None, 0.0, 1.0, 400.0]),
    exit_code=st.sampled_from([0, 1, 137]),
    start_error=st.sampled_from(["", "", "", "no such program"]),
)
"""What containers do, once they are started: most stay."""


class AnyHistory(RuleBasedStateMachine):
    """Edits, removals, crashes, kills, failing hooks, clean-ups by hand, an engine that goes away, clocks
    that are set, interrupted agents, single steps."""

    @initialize()
    def begin(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.harness = AgentHarness(Path(self._directory.name))
        runtime = FakeRuntime(self.harness.engine)
        # A kubelet's, with our names but not our labels; and those of another node's agent on this engine.
        labels = {TYPE: "container", NODE: "n2", "io.kubernetes.pod.name": "web-n1"}
        self.foreign = [
            runtime.create(ContainerSpec("k8s_main_web-n1_default_x_0", IMAGE)),
            runtime.create(ContainerSpec("k8s_main_web-n2_default_x_0", IMAGE, labels=labels)),
        ]
        for each in self.foreign:
            runtime.start(each)
        self.hooks_gone_wrong: list[str] = []
        self.hooks_fail = False
        self.alive: set[str] = set()
        self.read = 0
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
        containers=st.integers(1, len(CONTAINERS)),
        hooks=st.booleans(),
        deadline=st.sampled_from([None, 40]),
        uid=st.sampled_from(["", "", "of-its-own"]),
    )
    def write(
        self,
        pod: str,
        edit: int,
        policy: str,
        inits: list[dict[str, object]],
        containers: int,
        hooks: bool,
        deadline: int | None,
        uid: str,
    ) -> None:
        lifecycle = {"postStart": HOOK, "preStop": HOOK} if hooks else None
        metadata = {"labels": {"edit": str(edit)}, **({"uid": f"{uid}-{pod}"} if uid else {})}
        manifest = document(
            pod,
            containers=[
                {"name": name, "image": IMAGE, "lifecycle": lifecycle} for name in CONTAINERS[:containers]
            ],
            initContainers=inits,
            restartPolicy=policy,
            activeDeadlineSeconds=deadline,
            metadata=metadata,
        )
        self.harness.write(f"{pod}.yaml", manifest)
        self._sync()

    @rule(name=st.sampled_from((*CONTAINERS, "init", "proxy")), program=programs)
    def behave(self, name: str, program: Program) -> None:
        """Containers of this name do this from now on."""
        self.harness.engine.set_program(f"k8s_{name}_", program)

    @rule(away=st.booleans())
    def the_engine(self, away: bool) -> None:
        if away:
            self.harness.engine.go_away()
        else:
            self.harness.engine.come_back()

    @rule(hours=st.sampled_from([-24, -1, 1]))
    def the_clock_is_set(self, hours: int) -> None:
        self.harness.clock.set(timedelta(hours=hours))

    @rule(pod=st.sampled_from(PODS))
    def spoil(self, pod: str) -> None:
        if (self.harness.manifests / f"{pod}.yaml").exists():
            self.harness.write(f"{pod}.yaml", "{half")
        self._sync()

    @rule(pod=st.sampled_from(PODS))
    def take_away(self, pod: str) -> None:
        (self.harness.manifests / f"{pod}.yaml").unlink(missing_ok=True)
        self._sync()

    @rule(number=st.integers(0, 20), code=st.sampled_from([0, 1, 137]))
    @precondition(lambda self: self._ours())
    def die(self, number: int, code: int) -> None:
        running = [each for each in self._ours() if self.harness.engine.containers[each].state.is_running]
        if running:
            self.harness.engine.come_back()
            self.harness.engine.exit(running[number % len(running)], code)

    @rule(number=st.integers(0, 20))
    @precondition(lambda self: self._ours())
    def remove_by_hand(self, number: int) -> None:
        ours = self._ours()
        self.harness.engine.come_back()
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
        self._sync()

    @rule(steps=st.integers(1, 8))
    def some_turns(self, steps: int) -> None:
        for worker in tuple(self.harness.agent.workers.values()):
            for _ in range(steps):
                if worker.turn() != 0:
                    break

    @rule()
    def rest(self) -> None:
        """With an engine every worker comes to rest, and what runs is one pod of each name at the most."""
        self.harness.engine.come_back()
        self.harness.settle()
        uids = {
            held.spec.labels["io.kubernetes.pod.uid"]
            for held in self.harness.engine.containers.values()
            if held.state.id not in self.foreign and held.state.is_running
        }
        assert len(uids) <= len(PODS)

    @rule()
    def rest_for_long(self) -> None:
        """What crashes again and again is started ever more rarely: seven times in ten minutes, then each
        five."""
        self.rest()
        before = len(self.harness.engine.history)
        for _ in range(60):
            self.harness.clock.advance(60)
            self.harness.settle()
        history = [line.split() for line in self.harness.history(before)]
        starts = Counter(tuple(words[1:3]) for words in history if words[0] == "start")
        assert max(starts.values(), default=0) <= MOST_STARTS_IN_AN_HOUR, starts

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
            assert all(self.harness.engine.containers[each].state.is_running for each in self.foreign)

    @invariant()
    def a_hook_runs_only_in_a_container_that_runs(self) -> None:
        if hasattr(self, "harness"):
            assert self.hooks_gone_wrong == []

    @invariant()
    def what_others_need_stops_after_them(self) -> None:
        """Sidecars after the containers that are none, and the sandbox when nothing else of its pod runs."""
        if not hasattr(self, "harness"):
            return
        history = self.harness.engine.history
        for verb, name, *more in (line.split() for line in history[self.read :]):
            if verb == "start" and not more:
                self.alive.add(name)
            elif verb == "exit":
                self.alive.discard(name)
            elif verb == "stop":
                assert [each for each in self.alive if _needs(each, name)] == [], name
        self.read = len(history)

    def _sync(self) -> None:
        self.harness.agent.sync()
        self.harness.agent.turn()

    def _ours(self) -> list[str]:
        return [each for each in self.harness.engine.containers if each not in self.foreign]


def _needs(name: str, other: str) -> bool:
    """Whether a container of the same pod needs the other one: by the names of their containers."""
    (_, container, *_, uid, _), (_, needed, *_, other_uid, _) = name.split("_"), other.split("_")
    ranks = {"POD": 0, "proxy": 1, "logs": 1}
    return uid == other_uid and ranks.get(container, 2) > ranks.get(needed, 2)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
