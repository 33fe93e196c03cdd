"""Many threads decode their first pod at the same moment, in a process that never decoded one."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import threading
from bootstrap.model.pod import decode_pod

document = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
    "spec": {"containers": [{"name": "c", "image": "i:1"}]},
}
start = threading.Barrier(16)

def decode():
    start.wait()
    decode_pod(document)

threads = [threading.Thread(target=decode) for _ in range(16)]
for each in threads:
    each.start()
for each in threads:
    each.join()
"""


def test_the_first_pods_may_be_decoded_at_once() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
