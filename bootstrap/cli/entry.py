"""Where the program begins. Invariant: the interpreter is made ready before anything is imported."""

import gc

YOUNG_OBJECTS = 50_000
"""New objects before the garbage collector looks for cycles; the interpreter's own 700 has it look dozens of
times while a command loads, at a tenth of the command's whole time, and there are none."""


def run() -> None:
    """Entry point of the console script and of ``python -m bootstrap``."""
    gc.set_threshold(YOUNG_OBJECTS)
    from bootstrap.cli.main import run

    run()
