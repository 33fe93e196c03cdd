"""Committing a plan: order, journal, gate and roll-back, and every place where the machine may stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.apply import generations, inventory
from bootstrap.apply.commit import RolledBackError, commit, recover
from bootstrap.apply.generations import Origin
from bootstrap.apply.journal import staging
from bootstrap.apply.plan import make_plan
from bootstrap.errors import BootstrapError, TimedOutError
from bootstrap.host.files import TEMPORARY_PREFIX, Files
from bootstrap.model.desired import DesiredFile
from bootstrap.model.layout import COMPONENTS, Layout
from tests.fakes.clock import FakeClock
from tests.fakes.dying_files import DyingFiles, PowerCut, UnflushedFiles

LAYOUT = Layout()
ADMIN = LAYOUT.kubeconfig("admin")
OLD, NEW = Origin("version: old\n"), Origin("version: new\n")


def tree(version: str, *components: str) -> tuple[DesiredFile, ...]:
    """A kubeconfig and the manifests of these components, all different from version to version."""
    manifests = tuple(
        DesiredFile(LAYOUT.manifest(name), f"kind: Pod\nspec: {{x: {version}}}\n", 0o600, "manifest", name)
        for name in components or COMPONENTS
    )
    return (*manifests, DesiredFile(ADMIN, f"kind: Config\nx: {version}\n", 0o600, "kubeconfig"))


def apply(
    desired: tuple[DesiredFile, ...],
    files: Files,
    *,
    gate: Callable[[str], None] | None = None,
    origin: Origin | None = None,
) -> int:
    last = generations.latest(files, LAYOUT)
    applied = tuple(file.as_desired for file in last.files) if last else ()
    plan = make_plan(desired, files, applied=applied)
    return commit(plan, files, LAYOUT, clock=FakeClock(), gate=gate, origin=origin)


def contents(files: Files) -> dict[str, str]:
    """What is below /etc/kubernetes, temporary files too."""
    return {str(path): files.read_text(path) for path in files.walk(LAYOUT.kubernetes)}


def as_contents(desired: tuple[DesiredFile, ...]) -> dict[str, str]:
    return {str(file.path): file.content for file in desired}


class Health:
    """A gate: components in ``sick`` are unhealthy while their manifest has this version."""

    def __init__(self, files: Files, *sick: str, version: str = "new") -> None:
        self.files = files
        self.sick = sick
        self.version = version
        self.asked: list[str] = []

    def __call__(self, component: str) -> None:
        self.asked.append(component)
        if component in self.sick and self.version in self.files.read_text(LAYOUT.manifest(component)):
            raise TimedOutError(f"{component}: connection refused")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return UnflushedFiles(tmp_path)


def test_after_a_commit_the_plan_is_empty(files: Files) -> None:
    assert apply(tree("new"), files, origin=NEW) == 1
    assert contents(files) == as_contents(tree("new"))
    assert make_plan(tree("new"), files).is_empty
    assert recover(files, LAYOUT) is None
    assert not files.exists(staging(LAYOUT))


def test_files_are_replaced_in_the_order_of_dependencies_and_removed_in_the_other(tmp_path: Path) -> None:
    apply(tree("old"), UnflushedFiles(tmp_path), origin=OLD)
    files = DyingFiles(tmp_path, 10_000)
    apply(tree("new", "kube-apiserver", "kube-scheduler"), files, origin=NEW)
    touched = [effect for effect in files.history if effect.startswith(("write /etc", "remove /etc"))]
    assert touched == [
        f"write {ADMIN}",
        f"write {LAYOUT.manifest('kube-apiserver')}",
        f"write {LAYOUT.manifest('kube-scheduler')}",
        f"remove {LAYOUT.manifest('kube-controller-manager')}",
        f"remove {LAYOUT.manifest('etcd')}",
    ]


def test_one_file_alone_is_replaced_without_a_journal(tmp_path: Path) -> None:
    apply(tree("old", "etcd"), UnflushedFiles(tmp_path))
    files = DyingFiles(tmp_path, 10_000)
    wanted = tree("new", "etcd")[:1]
    commit(make_plan(wanted, files), files, LAYOUT, clock=FakeClock())
    assert files.history == [f"stage {wanted[0].path}", f"write {wanted[0].path}"]
    assert contents(files)[str(wanted[0].path)] == wanted[0].content
    files.history.clear()
    commit(make_plan((), files, applied=wanted), files, LAYOUT, clock=FakeClock())
    assert files.history == [f"remove {wanted[0].path}"]


def test_created_files_and_their_directories_are_in_the_inventory_before_they_exist(tmp_path: Path) -> None:
    life = 0
    while True:
        life += 1
        root = tmp_path / str(life)
        root.mkdir()
        try:
            apply(tree("new"), DyingFiles(root, life))
        except PowerCut:
            files = UnflushedFiles(root)
            known = inventory.load(files, LAYOUT)
            made = {
                path for path in files.walk(LAYOUT.kubernetes) if not path.name.startswith(TEMPORARY_PREFIX)
            }
            assert made <= known.files
            assert not files.exists(LAYOUT.manifests) or LAYOUT.manifests in known.directories
            continue
        break
    assert life > 10


def test_updated_files_of_somebody_else_are_not_in_the_inventory(files: Files) -> None:
    files.write(ADMIN, "somebody's", 0o600)
    apply(tree("new"), files)
    known = inventory.load(files, LAYOUT)
    assert ADMIN not in known.files
    assert LAYOUT.kubernetes not in known.directories
    assert LAYOUT.manifest("etcd") in known.files


def test_a_file_whose_mode_alone_differs_keeps_its_text_and_restarts_nothing(files: Files) -> None:
    spelled = "kind: Pod\nspec:\n  x: new\n"
    files.write(LAYOUT.manifest("etcd"), spelled, 0o644)
    plan = make_plan(tree("new", "etcd"), files)
    assert plan.restarts == ()
    health = Health(files)
    commit(plan, files, LAYOUT, clock=FakeClock(), gate=health)
    assert health.asked == []
    assert files.read_text(LAYOUT.manifest("etcd")) == spelled
    assert files.mode(LAYOUT.manifest("etcd")) == 0o600


def test_a_gate_is_asked_after_each_component_that_changed(files: Files) -> None:
    apply(tree("old"), files)
    health = Health(files)
    apply(tree("new"), files, gate=health)
    assert health.asked == list(COMPONENTS)


def test_a_component_that_stays_sick_is_put_back_and_the_rest_is_not_touched(files: Files) -> None:
    apply(tree("old"), files, origin=OLD)
    health = Health(files, "kube-apiserver")
    with pytest.raises(RolledBackError) as caught:
        apply(tree("new"), files, gate=health, origin=NEW)
    assert health.asked == ["etcd", "kube-apiserver", "kube-apiserver"]
    wanted = as_contents(tree("old")) | as_contents(tree("new", "etcd"))
    assert contents(files) == wanted
    assert caught.value.exit_code == 4
    assert "healthy again" in caught.value.message
    applied, put_back, untouched = caught.value.details
    assert applied == f"applied: {ADMIN}, {LAYOUT.manifest('etcd')}"
    assert put_back == f"put back: {LAYOUT.manifest('kube-apiserver')}"
    assert "kube-scheduler" in untouched
    assert recover(files, LAYOUT) is None
    assert generations.latest_number(files, LAYOUT) == 1


def test_when_the_old_files_do_not_help_the_error_says_so(files: Files) -> None:
    apply(tree("old"), files)
    with pytest.raises(RolledBackError, match="still not healthy"):
        apply(tree("new"), files, gate=Health(files, "etcd", version=""))


def test_a_new_component_that_stays_sick_is_removed_again(files: Files) -> None:
    apply(tree("old", "etcd"), files)
    health = Health(files, "kube-apiserver")
    with pytest.raises(RolledBackError, match="removed again"):
        apply(tree("new", "etcd", "kube-apiserver"), files, gate=health)
    assert not files.exists(LAYOUT.manifest("kube-apiserver"))
    assert health.asked == ["etcd", "kube-apiserver"]


def test_a_commit_on_top_of_an_interrupted_one_is_refused(tmp_path: Path) -> None:
    files = stopped_when(
        tmp_path, lambda files: apply(tree("new"), files), f"write {LAYOUT.manifest('etcd')}"
    )
    with pytest.raises(BootstrapError, match="interrupted"):
        apply(tree("new"), files)


def test_a_journal_that_cannot_be_understood_is_reported(files: Files) -> None:
    files.write(LAYOUT.journal, "{", 0o600)
    with pytest.raises(BootstrapError, match="cannot be understood"):
        recover(files, LAYOUT)


def test_a_recovery_says_what_it_did(tmp_path: Path) -> None:
    files = stopped_when(
        tmp_path, lambda files: apply(tree("new", "etcd"), files), f"write {LAYOUT.manifest('etcd')}"
    )
    recovery = recover(files, LAYOUT)
    assert recovery is not None
    assert recovery.sentence == "an interrupted change was finished: etcd.yaml"


def stopped_when(root: Path, work: Callable[[Files], object], effect: str) -> Files:
    """Run ``work`` on a machine that stops right before this effect."""
    rehearsal = DyingFiles(root / "rehearsal", 10_000)
    work(rehearsal)
    with pytest.raises(PowerCut):
        work(DyingFiles(root / "real", rehearsal.history.index(effect)))
    return UnflushedFiles(root / "real")


def prepared(root: Path) -> Files:
    files = UnflushedFiles(root)
    apply(tree("old"), files, origin=OLD)
    return files


@pytest.mark.parametrize("gated", [False, True], ids=["ungated", "gated"])
def test_wherever_a_commit_and_its_recovery_stop_files_are_whole_and_the_next_run_converges(
    tmp_path: Path, gated: bool
) -> None:
    """Replays every prefix of the effects of a commit that updates, creates and deletes files."""
    desired = tree("new", "kube-apiserver", "kube-scheduler")
    old, new = as_contents(tree("old")), as_contents(desired)
    for life in range(10_000):
        files = prepared(tmp_path / str(life))
        dying = DyingFiles(files.root, life)
        try:
            apply(desired, dying, gate=Health(dying) if gated else None, origin=NEW)
        except PowerCut:
            assert_whole(files, old, new)
        else:
            break
        recover_with_interruptions(files)
        assert_settled(files, old, new)
        apply(desired, files, origin=NEW)
        assert contents(files) == new
        last = generations.latest(files, LAYOUT)
        assert last is not None
        assert last.origin == NEW
        assert make_plan(desired, files).is_empty
    assert life > 40


def recover_with_interruptions(files: Files) -> None:
    """Each attempt dies one effect later than the one before it."""
    for life in range(10_000):
        try:
            recover(DyingFiles(files.root, life), LAYOUT)
        except PowerCut:
            continue
        return


def assert_whole(files: Files, old: dict[str, str], new: dict[str, str]) -> None:
    for path, content in contents(files).items():
        if not PurePosixPath(path).name.startswith(TEMPORARY_PREFIX):
            assert content in (old.get(path), new.get(path)), path


def assert_settled(files: Files, old: dict[str, str], new: dict[str, str]) -> None:
    """Nothing half done is left: no journal, no staged or torn file."""
    assert_whole(files, old, new)
    assert not files.exists(LAYOUT.journal)
    assert not files.exists(staging(LAYOUT))
    assert not [path for path in contents(files) if TEMPORARY_PREFIX in path]
    assert not [name for name in files.list_names(LAYOUT.state) if name.startswith(TEMPORARY_PREFIX)]


def test_an_ungated_commit_is_finished_and_a_gated_one_put_back_as_far_as_no_gate_said_yes(
    tmp_path: Path,
) -> None:
    gate_passed: dict[bool, list[str]] = {}
    for gated in (False, True):
        root = tmp_path / str(gated)
        files = prepared(root)
        rehearsal = prepared(tmp_path / f"rehearsal-{gated}")
        counting = DyingFiles(rehearsal.root, 10_000)
        apply(tree("new"), counting, gate=Health(counting) if gated else None, origin=NEW)
        life = counting.history.index(f"write {LAYOUT.manifest('kube-controller-manager')}") + 1
        dying = DyingFiles(root, life)
        with pytest.raises(PowerCut):
            apply(tree("new"), dying, gate=Health(dying) if gated else None, origin=NEW)
        recovery = recover(files, LAYOUT)
        assert recovery is not None
        assert recovery.outcome == ("undone" if gated else "finished")
        gate_passed[gated] = [name for name in COMPONENTS if "new" in files.read_text(LAYOUT.manifest(name))]
    assert gate_passed == {False: list(COMPONENTS), True: ["etcd", "kube-apiserver"]}
