"""Trials of all configurations, two at a time beside the tests, and the report at the end."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor

import pytest

from bootstrap.model.version import KubernetesVersion
from tests.lab.programs import JUDGED, kubeadm
from tests.parity.configuration import read_configurations
from tests.parity.differences import Tally
from tests.parity.inputs import Reception, asked, read_inputs, receive
from tests.parity.trial import Verdict, judge

Trials = dict[tuple[str, str], Future[Verdict]]
"""Version and name of the configuration -> what comes of it."""

Receptions = dict[tuple[str, str], Future[Reception]]
"""The same of what is wrong."""

_AT_A_TIME = 2

_tally = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_tally] = Tally()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tally = config.stash[_tally]
    if tally.compared:
        counts = (
            (tally.compared, "compared"),
            (tally.equal, "equal"),
            (tally.on_the_list, "on the list of docs/kubeadm-differences.md"),
            (len(tally.unexplained), "unexplained"),
        )
        terminalreporter.section("parity with kubeadm")
        terminalreporter.line(f"against {', '.join(version.text for version in JUDGED)}")
        for count, what in counts:
            terminalreporter.line(f"{count:>9} {what}")
    if tally.inputs:
        terminalreporter.line(f"{tally.inputs:>9} wrong inputs, {tally.refused_by_both} refused by both")


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """What the report is made of."""
    return pytestconfig.stash[_tally]


@pytest.fixture(scope="session")
def judges() -> tuple[KubernetesVersion, ...]:
    """The versions whose kubeadm is there: all of them, or the test is skipped."""
    missing = [version.text for version in JUDGED if not kubeadm(version).is_file()]
    if missing:
        pytest.skip(f"the kubeadm of {', '.join(missing)} has not been built: make programs")
    return JUDGED


@pytest.fixture(scope="session")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Processes for trials; what has not begun when the tests end never does."""
    executor = ProcessPoolExecutor(_AT_A_TIME, multiprocessing.get_context("spawn"))
    yield executor
    executor.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def trials(judges: tuple[KubernetesVersion, ...], pool: ProcessPoolExecutor) -> Trials:
    """Begun in the order in which the tests ask for them."""
    return {
        (version.text, name): pool.submit(judge, version, configuration)
        for version in judges
        for name, configuration in read_configurations().items()
        if configuration.is_for(version)
    }


@pytest.fixture(scope="session")
def receptions(judges: tuple[KubernetesVersion, ...], pool: ProcessPoolExecutor) -> Receptions:
    assert set(asked()) <= set(judges)
    return {
        (version.text, name): pool.submit(receive, version, given)
        for version in asked()
        for name, given in read_inputs(version).items()
    }
