from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.errors import BootstrapError
from bootstrap.host.agentservice import AgentFailedError, AgentHealth, unit_command
from bootstrap.host.clock import SystemClock
from bootstrap.host.daemon import DaemonAgentService
from bootstrap.host.files import Files
from bootstrap.host.http import HttpReply
from bootstrap.host.machine import command_line, start_ticks
from bootstrap.host.services import choose_service
from bootstrap.host.systemd import SystemdAgentService
from bootstrap.model.layout import Layout
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp
from tests.fakes.processes import FakeProcesses

LAYOUT = Layout()
HEALTHY = HttpReply(200, b"ok")


def unit(*command: str) -> str:
    words = " ".join('"{}"'.format(word.replace('"', r"\"")) for word in command)
    return f"[Service]\nType=notify\nExecStart={words}\nRestart=always\n"


def sleeper(mark: str = "") -> str:
    """A command line of this test process alone."""
    program = f"import time; print('up{mark}', flush=True); time.sleep(600)  # {os.getpid()}"
    return unit(sys.executable, "-c", program)


class Daemon:
    """A daemon service below a directory, whose agent answers when ``answers``."""

    def __init__(self, root: Path) -> None:
        self.files = Files(root)
        self.http = FakeHttp()
        self.http.serve(10248, HEALTHY)
        self.service = self.again()

    def again(self) -> DaemonAgentService:
        """The service as another command sees it."""
        return DaemonAgentService(self.files, LAYOUT, AgentHealth(self.http, SystemClock(), 10248))

    def pid(self) -> int:
        return int(self.files.read_text(LAYOUT.agent_pid).split()[0])


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    yield made
    made.service.stop()


def test_the_command_line_is_read_from_the_unit_as_systemd_would() -> None:
    text = 'ExecStart=/opt/x/python -I -m bootstrap \\\n  "100%% sure" "a\\"b" $$HOME\n'
    assert unit_command(text) == ("/opt/x/python", "-I", "-m", "bootstrap", "100% sure", 'a"b', "$HOME")


def test_a_unit_without_a_command_is_refused() -> None:
    with pytest.raises(BootstrapError, match="no ExecStart"):
        unit_command("[Service]\n")


def test_a_daemon_is_started_in_a_session_of_its_own_and_logs_into_its_file(daemon: Daemon) -> None:
    daemon.service.install(sleeper())
    daemon.service.start()
    assert daemon.service.is_running()
    assert os.getsid(daemon.pid()) == daemon.pid()
    while "up" not in daemon.service.recent_log(5):
        assert daemon.service.is_running()


PATIENT = """
import os, socket, sys, time
sys.path.insert(0, {root!r})
from bootstrap.host.readyprocess import await_word
await_word()
print("begun", flush=True)
time.sleep(600)  # {mark}
"""


def patient() -> str:
    """A command line of this test process alone, which waits for the word when it is told to."""
    root = str(Path(__file__).parents[3])
    return unit(sys.executable, "-c", PATIENT.format(root=root, mark=os.getpid()).strip().replace("\n", "; "))


def test_an_agent_that_was_loaded_ahead_begins_when_it_is_launched(daemon: Daemon) -> None:
    daemon.service.prepare(unit_command(patient()))
    loaded = daemon.service.loaded
    assert start_ticks(loaded)
    assert not daemon.service.is_running()
    daemon.service.install(patient())
    assert not daemon.service.is_running()
    daemon.service.start()
    assert daemon.pid() == loaded
    while "begun" not in daemon.service.recent_log(5):
        assert daemon.service.is_running()


def test_an_agent_that_was_loaded_for_nothing_ends_and_has_done_nothing(daemon: Daemon) -> None:
    daemon.service.prepare(unit_command(patient()))
    loaded = daemon.service.loaded
    daemon.service.stop()
    while start_ticks(loaded):
        pass
    assert daemon.files.list_names(PurePosixPath("/")) == ()


def test_one_that_died_while_it_was_loaded_is_started_anew(daemon: Daemon) -> None:
    daemon.service.prepare(unit_command(patient()))
    loaded = daemon.service.loaded
    os.kill(loaded, signal.SIGKILL)
    while start_ticks(loaded):
        pass
    daemon.service.install(patient())
    daemon.service.start()
    assert daemon.pid() != loaded


def test_an_agent_for_another_command_line_is_not_used(daemon: Daemon) -> None:
    daemon.service.prepare(unit_command(patient()))
    loaded = daemon.service.loaded
    daemon.service.install(sleeper())
    daemon.service.start()
    assert daemon.pid() != loaded


def test_where_the_agent_is_installed_none_is_loaded_ahead(daemon: Daemon) -> None:
    daemon.service.install(patient())
    daemon.service.prepare(unit_command(patient()))
    assert daemon.service.loaded == 0


def test_a_running_daemon_is_adopted_by_the_next_command(daemon: Daemon) -> None:
    daemon.service.install(sleeper())
    daemon.service.start()
    first = daemon.pid()
    again = daemon.again()
    again.install(sleeper())
    again.start()
    assert daemon.pid() == first


def test_a_daemon_whose_starter_was_killed_before_it_wrote_the_pid_file_is_adopted(daemon: Daemon) -> None:
    daemon.service.install(sleeper())
    daemon.service.start()
    pid = daemon.pid()
    daemon.files.remove(LAYOUT.agent_pid)
    again = daemon.again()
    again.start()
    assert daemon.pid() == pid


def test_a_daemon_with_another_command_line_is_restarted(daemon: Daemon) -> None:
    daemon.service.install(sleeper())
    daemon.service.start()
    first = daemon.pid()
    daemon.service.install(sleeper("2"))
    daemon.service.start()
    assert daemon.pid() != first
    assert start_ticks(first) == 0


def test_stopping_waits_until_it_is_gone_and_is_nothing_the_second_time(daemon: Daemon) -> None:
    daemon.service.install(sleeper())
    daemon.service.start()
    pid = daemon.pid()
    daemon.service.stop()
    assert start_ticks(pid) == 0
    assert not daemon.files.exists(LAYOUT.agent_pid)
    daemon.service.stop()


def test_a_pid_that_belongs_to_another_process_by_now_is_never_killed(daemon: Daemon) -> None:
    daemon.files.write(LAYOUT.agent_pid, f"{os.getpid()} 1\n", 0o644)
    assert not daemon.service.is_running()
    daemon.service.stop()
    assert command_line(os.getpid())


def test_a_daemon_that_ends_at_once_is_an_error_with_its_last_words(daemon: Daemon) -> None:
    daemon.http.close(10248)
    daemon.service.install(unit(sys.executable, "-c", "raise SystemExit('no such option')"))
    with pytest.raises(AgentFailedError, match="ended") as caught:
        daemon.service.start()
    assert caught.value.details == ("no such option",)


def test_a_daemon_that_was_killed_is_started_again(daemon: Daemon) -> None:
    daemon.service.install(sleeper())
    daemon.service.start()
    first = daemon.pid()
    os.kill(first, signal.SIGKILL)
    while daemon.service.is_running():
        pass
    daemon.service.start()
    assert daemon.pid() != first


def test_a_daemon_that_was_never_installed_says_how_to(daemon: Daemon) -> None:
    with pytest.raises(AgentFailedError) as caught:
        daemon.service.start()
    assert caught.value.remedy == "bootstrap init phase agent-start"


class Systemd:
    """What systemctl knows: properties of the unit."""

    def __init__(self, root: Path) -> None:
        self.files = Files(root)
        self.processes = FakeProcesses()
        self.properties = {"ActiveState": "inactive", "UnitFileState": "disabled", "MainPID": "0"}
        self.processes.install("systemctl", self._systemctl)
        self.http = FakeHttp()
        self.http.serve(10248, HEALTHY)
        self.service = SystemdAgentService(
            self.files, LAYOUT, self.processes, AgentHealth(self.http, FakeClock(), 10248)
        )

    def verbs(self) -> list[str]:
        return [" ".join(argv[1:]) for argv in self.processes.history if argv[1] != "show"]

    def _systemctl(self, argv: tuple[str, ...]) -> tuple[int, str]:
        if argv[0] == "show":
            return 0, self.properties.get(argv[2], "")
        if "restart" in argv:
            self.properties["ActiveState"] = "active"
            self.properties["MainPID"] = str(os.getpid())
        if argv[0] == "enable":
            self.properties["UnitFileState"] = "enabled"
        return 0, ""


OURS = unit(*command_line(os.getpid()))


def test_a_unit_is_installed_enabled_and_started(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    systemd.service.install(OURS)
    systemd.service.start()
    name = "bootstrap-agent.service"
    assert systemd.verbs() == ["daemon-reload", f"enable {name}", f"--no-block restart {name}"]
    assert systemd.files.read_text(LAYOUT.agent_unit) == OURS


def test_a_unit_that_runs_as_wanted_is_left_alone(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    systemd.service.install(OURS)
    systemd.service.start()
    systemd.processes.history.clear()
    systemd.service.install(OURS)
    systemd.service.start()
    assert systemd.verbs() == []


def test_a_unit_whose_process_is_not_the_installed_one_is_restarted(tmp_path: Path) -> None:
    """As after a command that was killed between installing and restarting."""
    systemd = Systemd(tmp_path)
    systemd.properties |= {"ActiveState": "active", "MainPID": "1", "UnitFileState": "enabled"}
    systemd.files.write(LAYOUT.agent_unit, OURS, 0o644)
    systemd.service.install(OURS)
    systemd.service.start()
    assert systemd.verbs() == ["--no-block restart bootstrap-agent.service"]


def test_uninstalling_a_unit_disables_and_removes_it(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    systemd.service.install(OURS)
    systemd.processes.history.clear()
    systemd.service.stop()
    systemd.service.uninstall()
    systemd.service.uninstall()
    name = "bootstrap-agent.service"
    assert systemd.verbs() == [f"stop {name}", f"disable {name}", "daemon-reload"]
    assert not systemd.files.exists(LAYOUT.agent_unit)


def test_systemd_is_used_where_it_runs(tmp_path: Path) -> None:
    for systemd, manager in ((True, "systemd"), (False, "daemon")):
        service = choose_service(
            Files(tmp_path), LAYOUT, FakeProcesses(), FakeHttp(), FakeClock(), systemd=systemd
        )
        assert service.manager == manager
