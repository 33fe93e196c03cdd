from __future__ import annotations

import os
import threading
import time

import pytest

from pki.errors import PkiError
from pki.keys import PrivateKey, generate
from pki.pem import private_pem
from pki.pool import KeyPool

LEAST_PRIORITY = 19
"""The most niceness there is: setpriority(2)."""


def test_every_key_is_handed_out_once() -> None:
    pool = KeyPool()
    pool.prepare("ECDSA-P256", 3)
    keys = {private_pem(pool.take("ECDSA-P256")) for _ in range(5)}
    assert len(keys) == 5


def test_keys_are_of_the_algorithm_asked_for() -> None:
    pool = KeyPool()
    pool.prepare("ECDSA-P256", 1)
    assert pool.take("ECDSA-P384").key_size == 384
    assert pool.take("ECDSA-P256").key_size == 256


def test_an_unknown_algorithm_is_told_to_whoever_takes_the_key() -> None:
    pool = KeyPool()
    pool.prepare("DSA", 1)
    with pytest.raises(PkiError, match="DSA"):
        pool.take("DSA")


def test_its_threads_end_with_the_last_key_and_start_again() -> None:
    before = threading.active_count()
    pool = KeyPool()
    for _ in range(2):
        pool.prepare("ECDSA-P256", 8)
        for _ in range(8):
            pool.take("ECDSA-P256")
        deadline = time.monotonic() + 10
        while threading.active_count() > before:
            assert time.monotonic() < deadline
            time.sleep(0.001)


def test_keys_may_leave_the_cpu_to_whoever_else_wants_it() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    seen: list[int] = []

    def make(_algorithm: str) -> PrivateKey:
        seen.append(priority())
        return generate("ECDSA-P256")

    before = priority()
    for niceness in (0, 3):
        KeyPool(make, niceness=niceness).take("ECDSA-P256")
    assert seen == [before, min(before + 3, LEAST_PRIORITY)]
    assert priority() == before


def test_what_was_begun_gives_way_to_what_is_wanted() -> None:
    begun: list[str] = []
    may_make = threading.Event()

    def make(algorithm: str) -> PrivateKey:
        begun.append(algorithm)
        may_make.wait(10)
        return generate("ECDSA-P256")

    before = threading.active_count()
    pool = KeyPool(make)
    pool.begin("guessed")
    threads = threading.active_count() - before
    while len(begun) < threads:
        time.sleep(0.001)
    pool.prepare("wanted", 1)
    may_make.set()
    pool.take("wanted")
    while threading.active_count() > before:
        time.sleep(0.001)
    assert begun == [*["guessed"] * threads, "wanted"]


def test_what_was_begun_is_taken_only_by_who_wants_that_algorithm() -> None:
    pool = KeyPool()
    pool.begin("ECDSA-P256")
    assert pool.take("ECDSA-P384").key_size == 384
    assert pool.take("ECDSA-P256").key_size == 256
