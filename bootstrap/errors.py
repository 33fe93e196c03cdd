"""Every failure a person may meet, as one tree with one shape: what happened, and what to type next.

    BootstrapError                exit 1   something failed
    ├── PreflightError            exit 2   the machine is not ready for it
    ├── ConfigError               exit 3   the input is wrong
    ├── TimedOutError             exit 4   it did not get healthy in time
    ├── InterruptedByUserError    exit 130 Ctrl-C or SIGTERM
    └── TransientError            exit 1   worth trying again (whether to retry is in the type)

Invariant: adapters translate foreign exceptions into one of these; nothing above an adapter catches a
foreign type. Subclasses that belong to one package live in that package.
"""

from __future__ import annotations

from typing import ClassVar


class BootstrapError(Exception):
    """A foreseen failure.

    ``message`` says what happened in the user's nouns; ``remedy`` is the next command or edit, empty when
    there is none; ``details`` are further lines (one problem each) that belong to the same failure.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details


class PreflightError(BootstrapError):
    """The machine is not ready; ``details`` has one line for each failed check."""

    exit_code = 2


class ConfigError(BootstrapError):
    """The configuration or the command line is wrong; nothing was written."""

    exit_code = 3


class TimedOutError(BootstrapError):
    """Something did not become healthy in the time it was given."""

    exit_code = 4


class InterruptedByUserError(BootstrapError):
    """The user asked to stop; running the same command again continues."""

    exit_code = 130


class TransientError(BootstrapError):
    """A failure that may go away by itself: callers may try again."""
