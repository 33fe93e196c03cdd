"""The three ways to tell a person (or a program) what happens: terminal, plain lines, JSON lines.

Invariant: progress goes to stderr, so stdout carries only what was asked for; with ``--output json`` stdout
is JSON lines of schema ``bootstrap/event/v1`` and stderr stays empty.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from bootstrap.errors import BootstrapError
from bootstrap.host.clock import Clock, SystemClock
from bootstrap.model.report import Reporter, Step

EVENT_SCHEMA = "bootstrap/event/v1"


def reporter_for(output: str, *, color: bool) -> Reporter:
    """``output`` is "text" or "json"; text is drawn on a terminal and written line by line elsewhere."""
    clock = SystemClock()
    if output == "json":
        return JsonReporter(sys.stdout, clock)
    if sys.stderr.isatty():
        return TerminalReporter(sys.stderr, clock, color=color)
    return PlainReporter(sys.stderr, clock)


class PlainReporter:
    """One line when something starts to wait on another thing, one when a step ends.

    ``results`` is where what was asked for goes.
    """

    def __init__(self, stream: TextIO, clock: Clock, results: TextIO | None = None) -> None:
        self._stream = stream
        self._results = results or sys.stdout
        self._clock = clock
        self._lock = threading.Lock()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        step = _ChangeStep(lambda detail: self.write(f"       {detail}"))
        begun = self._clock.monotonic()
        self.write(f"[    ] {title}")
        try:
            yield step
        except BaseException:
            self.write(f"[fail] {title} ({duration_text(self._clock.monotonic() - begun)})")
            raise
        self.write(f"[ ok ] {step.summary or title} ({duration_text(self._clock.monotonic() - begun)})")

    def info(self, message: str) -> None:
        self.write(message)

    def result(self, text: str) -> None:
        print(text, file=self._results, flush=True)

    def warn(self, message: str) -> None:
        self.write(f"warning: {message}")

    def write(self, line: str) -> None:
        with self._lock:
            print(line, file=self._stream, flush=True)


class _ChangeStep:
    """Passes on what differs from what was said last."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._last = ""
        self.summary = ""

    def update(self, detail: str) -> None:
        if detail != self._last:
            self._last = detail
            self._changed(detail)

    def done(self, summary: str) -> None:
        self.summary = summary


class TerminalReporter:
    """A spinner with the running steps, each replaced by a ticked line when it ends."""

    def __init__(self, stream: TextIO, clock: Clock, *, color: bool, results: TextIO | None = None) -> None:
        from rich.console import Console

        self._clock = clock
        self._results = results or sys.stdout
        self._console = Console(file=stream, no_color=not color, highlight=False, soft_wrap=True)
        self._lock = threading.RLock()
        self._running: list[_TerminalStep] = []
        self._live: Any = None

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        step = _TerminalStep(self, title)
        begun = self._clock.monotonic()
        self._open(step)
        try:
            yield step
        except BaseException:
            self._close(step, self._line("red", "✗", title, begun))
            raise
        self._close(step, self._line("green", "✓", step.summary or title, begun))

    def info(self, message: str) -> None:
        self._console.print(f"  {escaped(message)}")

    def result(self, text: str) -> None:
        print(text, file=self._results, flush=True)

    def warn(self, message: str) -> None:
        self._console.print(f"[yellow]![/yellow] {escaped(message)}")

    def redraw(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.update(self._drawing())

    def _open(self, step: _TerminalStep) -> None:
        from rich.live import Live

        with self._lock:
            self._running.append(step)
            if self._live is None:
                self._live = Live(
                    self._drawing(), console=self._console, refresh_per_second=10, transient=True
                )
                self._live.start()
            else:
                self.redraw()

    def _close(self, step: _TerminalStep, line: str) -> None:
        with self._lock:
            self._running.remove(step)
            if not self._running:
                self._live.stop()
                self._live = None
            self._console.print(line)
            self.redraw()

    def _line(self, color: str, mark: str, text: str, begun: float) -> str:
        took = duration_text(self._clock.monotonic() - begun)
        return f"[{color}]{mark}[/{color}] {escaped(text)} [dim]{took}[/dim]"

    def _drawing(self) -> Any:
        from rich.console import Group
        from rich.spinner import Spinner

        return Group(*(step.spinner for step in self._running)) if self._running else Spinner("dots")


class _TerminalStep:
    def __init__(self, reporter: TerminalReporter, title: str) -> None:
        from rich.spinner import Spinner

        self._reporter = reporter
        self._title = title
        self.summary = ""
        self.spinner: Any = Spinner("dots", text=escaped(title))

    def update(self, detail: str) -> None:
        self.spinner.update(text=f"{escaped(self._title)} [dim]{escaped(detail)}[/dim]")
        self._reporter.redraw()

    def done(self, summary: str) -> None:
        self.summary = summary


class JsonReporter:
    """JSON lines: ``event`` is step-started, step-progress, step-done, step-failed, info, warning, result; or
    failed, which is the last."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        step = _ChangeStep(lambda detail: self.emit("step-progress", title=title, detail=detail))
        begun = self._clock.monotonic()
        self.emit("step-started", title=title)
        try:
            yield step
        except BaseException:
            self.emit("step-failed", title=title, seconds=round(self._clock.monotonic() - begun, 3))
            raise
        self.emit(
            "step-done", title=title, summary=step.summary, seconds=round(self._clock.monotonic() - begun, 3)
        )

    def info(self, message: str) -> None:
        self.emit("info", message=message)

    def result(self, text: str) -> None:
        self.emit("result", text=text)

    def warn(self, message: str) -> None:
        self.emit("warning", message=message)

    def failed(self, error: BootstrapError) -> None:
        """The last event of a command that failed."""
        self.emit(
            "failed",
            message=error.message,
            details=error.details,
            remedy=error.remedy,
            exitCode=error.exit_code,
        )

    def emit(self, event: str, **fields: object) -> None:
        line = json.dumps({"schema": EVENT_SCHEMA, "event": event, **fields})
        with self._lock:
            print(line, file=self._stream, flush=True)


def duration_text(seconds: float) -> str:
    """``1.2s`` or ``2m05s``"""
    return f"{seconds:.1f}s" if seconds < 60 else f"{int(seconds // 60)}m{int(seconds % 60):02d}s"


def escaped(text: str) -> str:
    """Text that rich shows as it is."""
    from rich.markup import escape

    return escape(text)
