"""Remembers what a person would have been told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RecordedStep:
    def __init__(self, title: str) -> None:
        self.title = title
        self.details: list[str] = []
        self.summary = ""
        self.failed = False

    def update(self, detail: str) -> None:
        self.details.append(detail)

    def done(self, summary: str) -> None:
        self.summary = summary


class RecordingReporter:
    """``lines`` has everything in order: "step T", "info M", "warn M"; ``results`` what was asked for."""

    def __init__(self) -> None:
        self.steps: list[RecordedStep] = []
        self.lines: list[str] = []
        self.results: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[RecordedStep]:
        step = RecordedStep(title)
        self.steps.append(step)
        self.lines.append(f"step {title}")
        try:
            yield step
        except BaseException:
            step.failed = True
            raise

    def info(self, message: str) -> None:
        self.lines.append(f"info {message}")

    def result(self, text: str) -> None:
        self.results.append(text)

    def warn(self, message: str) -> None:
        self.lines.append(f"warn {message}")
