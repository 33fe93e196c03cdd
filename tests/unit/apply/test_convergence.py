"""Any node, any wish, any instant at which the machine stops: what must hold always."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path, PurePosixPath

from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.apply.commit import commit, recover
from bootstrap.apply.plan import Plan, make_plan
from bootstrap.errors import TimedOutError
from bootstrap.host.files import TEMPORARY_PREFIX, Files
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import COMPONENTS, Layout
from tests.fakes.clock import FakeClock
from tests.fakes.dying_files import DyingFiles, PowerCut, UnflushedFiles

LAYOUT = Layout()
State = dict[PurePosixPath, tuple[str, int]]

CONTENTS = st.sampled_from(
    ["", "not: a pod\n", "kind: Pod\n", "kind: Pod\nspec: {x: 1}\n", "kind: Pod\nspec:\n  x: 1\n", "{"]
)
MODES = st.sampled_from([0o600, 0o644])
MANIFESTS = [LAYOUT.manifest(name) for name in COMPONENTS]
OTHERS = [LAYOUT.kubeconfig("admin"), LAYOUT.kubernetes / "audit/policy.yaml"]

DISKS = st.dictionaries(st.sampled_from([*MANIFESTS, *OTHERS]), st.tuples(CONTENTS, MODES))


def as_desired(state: State) -> tuple[DesiredFile, ...]:
    return tuple(
        DesiredFile(path, content, mode, "manifest", path.stem)
        if path in MANIFESTS
        else DesiredFile(path, content, mode, "kubeconfig" if path.suffix == ".conf" else "text")
        for path, (content, mode) in state.items()
    )


def state_of(files: Files) -> State:
    """Everything below /etc/kubernetes but torn temporary files."""
    return {
        path: (files.read_text(path), files.mode(path))
        for path in files.walk(LAYOUT.kubernetes)
        if not path.name.startswith(TEMPORARY_PREFIX)
    }


def plan_of(wanted: State, before: State, files: Files) -> Plan:
    """As if all that was on disk had been applied by us: what is not wanted goes."""
    return make_plan(as_desired(wanted), files, applied=as_desired(before))


@settings(max_examples=60, deadline=None)
@given(
    before=DISKS,
    wanted=DISKS,
    life=st.integers(0, 60),
    second_life=st.integers(0, 20),
    gated=st.booleans(),
    sick=st.sampled_from([*COMPONENTS, ""]),
)
def test_files_are_always_whole_and_the_next_run_always_converges(
    before: State, wanted: State, life: int, second_life: int, gated: bool, sick: str
) -> None:
    def gate(component: str) -> None:
        if component == sick:
            raise TimedOutError(f"{component} is sick")

    with tempfile.TemporaryDirectory() as root:
        files = UnflushedFiles(Path(root))
        for path, (content, mode) in before.items():
            files.write(path, content, mode)
        plan = plan_of(wanted, before, files)
        after = {change.file.path: (change.file.content, change.file.mode) for change in plan.changes}
        with contextlib.suppress(PowerCut, TimedOutError):
            dying = DyingFiles(files.root, life)
            commit(plan, dying, LAYOUT, clock=FakeClock(), gate=gate if gated else None)
        with contextlib.suppress(PowerCut):
            recover(DyingFiles(files.root, second_life), LAYOUT)
        recover(files, LAYOUT)

        settled = state_of(files)
        assert before.keys() & wanted.keys() <= settled.keys()
        for path, found in settled.items():
            assert found in (before.get(path), after.get(path)), path
        assert not files.exists(LAYOUT.journal)

        commit(plan_of(wanted, before, files), files, LAYOUT, clock=FakeClock())
        assert plan_of(wanted, before, files).is_empty
        assert state_of(files).keys() == wanted.keys()
