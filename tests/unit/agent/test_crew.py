"""Jobs get their turns, one at a time each, and slow ones hold up nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bootstrap.agent import crew as module
from bootstrap.agent.crew import Crew
from bootstrap.host.clock import SystemClock

SOON = 5.0


class Task:
    """A job that does what it is told; ``turns`` counts, ``most`` is how many ran at once."""

    def __init__(self, does: Callable[[], float | None] = lambda: None) -> None:
        self.does = does
        self.turns = 0
        self.running = 0
        self.most = 0
        self.finished = threading.Semaphore(0)

    def turn(self) -> float | None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.turns += 1
        pause = self.does()
        self.running -= 1
        self.finished.release()
        return pause

    def wait(self) -> None:
        assert self.finished.acquire(timeout=SOON)


def test_a_woken_job_gets_a_turn_and_another_for_each_time_it_is_woken_in_between() -> None:
    crew = Crew(SystemClock())
    held = threading.Event()
    entered = threading.Event()

    def holds() -> None:
        entered.set()
        held.wait(SOON)

    task = Task(holds)
    crew.wake(task)
    assert entered.wait(SOON)
    for _ in range(5):
        crew.wake(task)
    held.set()
    task.wait()
    task.wait()
    assert (task.turns, task.most) == (2, 1)


def test_a_pause_is_waited_for_and_cut_short_by_a_wake() -> None:
    crew = Crew(SystemClock())
    pauses = iter([0.01, 3600.0, None])
    task = Task(lambda: next(pauses))
    crew.wake(task)
    task.wait()
    task.wait()
    crew.wake(task)
    task.wait()
    assert task.turns == 3


def test_what_is_done_aside_leaves_its_place_to_others() -> None:
    crew = Crew(SystemClock(), places=1)
    held = threading.Event()

    def stops() -> None:
        with crew.aside():
            held.wait(SOON)

    stopping = [Task(stops) for _ in range(20)]
    for each in stopping:
        crew.wake(each)
    quick = Task()
    crew.wake(quick)
    quick.wait()
    assert not any(each.finished.acquire(blocking=False) for each in stopping)
    held.set()
    for each in stopping:
        each.wait()


def test_quick_jobs_never_take_more_than_the_places() -> None:
    crew = Crew(SystemClock(), places=3)
    lock = threading.Lock()
    at_once = [0, 0]

    def works() -> None:
        with lock:
            at_once[0] += 1
            at_once[1] = max(at_once)
        threading.Event().wait(0.002)
        with lock:
            at_once[0] -= 1

    tasks = [Task(works) for _ in range(60)]
    for each in tasks:
        crew.wake(each)
    for each in tasks:
        each.wait()
    assert at_once[1] == 3


def test_a_job_that_turns_out_to_be_slow_holds_up_nobody_for_long() -> None:
    crew = Crew(SystemClock(), places=1, slow_seconds=0.05)
    held = threading.Event()
    hangs = Task(lambda: None if held.wait(SOON) else 0)
    crew.wake(hangs)
    quick = Task()
    crew.wake(quick)
    quick.wait()
    held.set()
    hangs.wait()


def test_a_timer_outlives_the_thread_that_watched_it() -> None:
    """One thread waits for ever; the next sets a timer, has nothing to do, and leaves before it is due."""
    crew = Crew(SystemClock(), places=2, idle_seconds=0.02)
    gate = threading.Barrier(2, timeout=SOON)
    first = Task(lambda: None if gate.wait() >= 0 else 0)
    pauses = iter([0.3, None])
    second = Task(lambda: next(pauses) if second.turns > 1 or gate.wait() >= 0 else 0)
    for each in (first, second):
        crew.wake(each)
    for each in (first, second):
        each.wait()
    second.wait()
    assert second.turns == 2


def test_threads_that_are_not_needed_any_more_leave() -> None:
    before = {each for each in threading.enumerate() if each.name == module.THREAD_NAME}
    crew = Crew(SystemClock(), places=8, idle_seconds=0.02)
    gate = threading.Barrier(8, timeout=SOON)
    tasks = [Task(lambda: None if gate.wait() >= 0 else 0) for _ in range(8)]
    for each in tasks:
        crew.wake(each)
    for each in tasks:
        each.wait()
    deadline = SystemClock().monotonic() + SOON

    def left() -> int:
        return len({each for each in threading.enumerate() if each.name == module.THREAD_NAME} - before)

    while left() > 1:
        assert SystemClock().monotonic() < deadline
        threading.Event().wait(0.005)
    last = Task()
    crew.wake(last)
    last.wait()
