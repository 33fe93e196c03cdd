"""Which component is restarted for its new certificate, and when it has to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bootstrap.agent.outdated import Restart, Wait, next_restart
from bootstrap.agent.status import ContainerStatus, PodStatus
from bootstrap.model.layout import ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = WRITTEN - timedelta(days=9), WRITTEN + timedelta(seconds=1)
NOW = WRITTEN + timedelta(minutes=1)
BOTH = {KUBE_CONTROLLER_MANAGER: WRITTEN, KUBE_SCHEDULER: WRITTEN}
FIRST = Restart(KUBE_CONTROLLER_MANAGER, "id-kube-controller-manager")


def pod(component: str, since: datetime, *, ready: bool = True, state: str = "running") -> PodStatus:
    container = ContainerStatus(
        name=component,
        image="x",
        state=state,  # type: ignore[arg-type]
        id=f"id-{component}",
        since=since,
    )
    return PodStatus(
        name=f"{component}-m1",
        namespace="kube-system",
        uid=component,
        phase="Running",
        ready=ready,
        containers=(container,),
    )


def pods(
    manager: datetime = OLD, scheduler: datetime = OLD, unready: tuple[str, ...] = ()
) -> dict[str, PodStatus]:
    since = {ETCD: OLD, KUBE_APISERVER: OLD, KUBE_CONTROLLER_MANAGER: manager, KUBE_SCHEDULER: scheduler}
    return {each: pod(each, moment, ready=each not in unready) for each, moment in since.items()}


def test_one_at_a_time_in_the_order_of_the_components() -> None:
    assert next_restart(pods(), BOTH, NOW) == FIRST
    assert next_restart(pods(manager=NEW), BOTH, NOW) == Restart(KUBE_SCHEDULER, "id-kube-scheduler")
    assert next_restart(pods(manager=NEW, scheduler=NEW), BOTH, NOW) is None


@pytest.mark.parametrize("unready", [ETCD, KUBE_APISERVER])
def test_not_while_another_is_not_ready(unready: str) -> None:
    assert next_restart(pods(unready=(unready,)), BOTH, NOW) == Wait(KUBE_CONTROLLER_MANAGER, (unready,))


def test_the_next_one_waits_until_the_first_is_ready_again() -> None:
    starting = pods(manager=NEW, unready=(KUBE_CONTROLLER_MANAGER,))
    assert next_restart(starting, BOTH, NOW) == Wait(KUBE_SCHEDULER, (KUBE_CONTROLLER_MANAGER,))


def test_what_is_unwell_for_want_of_its_restart_holds_nobody_up() -> None:
    """After a machine has slept past the end of its certificates."""
    assert next_restart(pods(unready=(KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER)), BOTH, NOW) == FIRST


def test_what_does_not_run_needs_no_restart() -> None:
    found = {KUBE_SCHEDULER: pod(KUBE_SCHEDULER, OLD, state="waiting")}
    assert next_restart(found, BOTH, NOW) is None


def test_a_component_whose_kubeconfig_is_not_there_is_left_alone() -> None:
    assert next_restart(pods(), {KUBE_SCHEDULER: WRITTEN}, NOW) == Restart(
        KUBE_SCHEDULER, "id-kube-scheduler"
    )
    assert next_restart(pods(), {}, NOW) is None


def test_a_file_from_the_future_restarts_nothing_again_and_again() -> None:
    later = {KUBE_SCHEDULER: NOW + timedelta(hours=1)}
    assert next_restart(pods(scheduler=NOW), later, NOW) is None
