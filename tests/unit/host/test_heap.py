"""How many heaps the C library has is only known in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

THREADS = """
import ctypes, sys, threading
{first}
libc = ctypes.CDLL(None)
libc.fopen.restype = libc.malloc.restype = ctypes.c_void_p
everyone = threading.Barrier(4)

def allocate():
    everyone.wait()
    libc.malloc(50_000)
    everyone.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
report = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, report)
libc.fclose(report)
"""


def heaps(first: str, report: Path) -> int:
    subprocess.run([sys.executable, "-c", THREADS.format(first=first), str(report)], check=True)
    return report.read_text().count("<heap ")


def test_threads_share_one_heap(tmp_path: Path) -> None:
    assert heaps("", tmp_path / "alone") > 1
    first = "from bootstrap.host.heap import share_one_heap; share_one_heap()"
    assert heaps(first, tmp_path / "shared") == 1


HOLES = """
import ctypes, re
from bootstrap.host.heap import give_back
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def kilobytes():
    return int(re.search(r"VmRSS:\\s*(\\d+)", open("/proc/self/status").read())[1])

pieces = [libc.malloc(64 * 1024) for _ in range(200)]
for piece in pieces:
    libc.memset(piece, 1, 64 * 1024)
kept = pieces.pop()
for piece in pieces:
    libc.free(piece)
before = kilobytes()
give_back()
print(before - kilobytes())
"""


def test_what_is_free_below_something_that_is_not_goes_back_to_the_kernel() -> None:
    done = subprocess.run([sys.executable, "-c", HOLES], check=True, capture_output=True, text=True)
    assert int(done.stdout) > 10_000
