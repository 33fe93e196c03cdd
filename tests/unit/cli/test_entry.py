"""What a command costs before it does anything."""

from __future__ import annotations

import subprocess
import sys

WATCHED = """
import gc, os, sys
from bootstrap.cli.entry import run
sys.argv = ["bootstrap", *sys.argv[1:]]
gc.collect()
gc.callbacks.append(lambda phase, info: os.write(2, b"collected\\n"))
run()
"""


def test_a_command_is_loaded_without_a_search_for_garbage() -> None:
    argv = [sys.executable, "-c", WATCHED, "config", "print", "init-defaults"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "kind: InitConfiguration" in done.stdout
    assert "collected" not in done.stderr
