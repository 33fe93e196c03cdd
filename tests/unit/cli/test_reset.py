"""``bootstrap reset`` asks before it removes anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_with_nobody_to_ask_nothing_is_removed_and_the_way_on_is_said(tmp_path: Path) -> None:
    manifest = tmp_path / "etc/kubernetes/manifests/etcd.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("kept")
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", "reset", "--root", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: there is nobody to ask: the input is no terminal",
        f"next: bootstrap --root {tmp_path} reset --force",
    ]
    assert manifest.read_text() == "kept"
