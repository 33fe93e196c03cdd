"""A static pod on a lab node to talk to: the program of the test images, in a network of its own."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from pathlib import Path

from tests.fixtures.probe_image import PROGRAM, build_probe_target
from tests.lab import LabNode

IMAGE = "podstrap.test/talker:1"
PORT = 8080
STEPS = ("print:one", "print:two", f"serve:{PORT}", "forever")


def put_talker(node: LabNode) -> str:
    """Have it on the node; the name of its mirror pod. Container ``echo`` copies its input, then ends."""
    if IMAGE not in node.docker("images", "--format", "{{.Repository}}:{{.Tag}}"):
        archive = node.path("/run/talker.tar")
        archive.write_bytes(_image_tar())
        node.docker("import", "--change", f'ENTRYPOINT ["{PROGRAM}"]', "/run/talker.tar", IMAGE)
        archive.unlink()
    containers = [
        {"name": "main", "image": IMAGE, "args": list(STEPS)},
        {"name": "echo", "image": IMAGE, "args": ["copy"], "stdin": True, "stdinOnce": True},
    ]
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "talker"},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": containers},
    }
    path = node.path("/etc/kubernetes/manifests/.talker")
    path.write_text(json.dumps(manifest))
    path.rename(path.with_name("talker.yaml"))
    return f"talker-{node.name}"


def remove_talker(node: LabNode) -> None:
    node.path("/etc/kubernetes/manifests/talker.yaml").unlink(missing_ok=True)


def _image_tar() -> bytes:
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as directory, tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(build_probe_target(Path(directory) / "program"), PROGRAM.removeprefix("/"))
    return buffer.getvalue()
