from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bootstrap.errors import BootstrapError
from bootstrap.images.cache import ProgramCache, cache_directory


def build(cache: ProgramCache, *programs: str, content: str = "x") -> None:
    with cache.building("tool", "v1", lambda: None) as work:
        for program in programs:
            (work / "bin" / program).write_text(content)


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"BOOTSTRAP_CACHE": "/big", "XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/big"),
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/podstrap"),
        ({"HOME": "/h"}, "/h/.cache/podstrap"),
        ({}, "/root/.cache/podstrap"),
    ],
)
def test_the_cache_lies_where_the_environment_says(environment: dict[str, str], place: str) -> None:
    assert cache_directory(environment) == Path(place)


def test_what_was_built_is_there_and_the_rest_is_missing(tmp_path: Path) -> None:
    cache = ProgramCache(tmp_path)
    assert cache.missing("tool", "v1", ("a", "b")) == ("a", "b")
    build(cache, "a")
    assert cache.missing("tool", "v1", ("a", "b")) == ("b",)
    build(cache, "b")
    assert cache.missing("tool", "v1", ("a", "b")) == ()
    assert cache.missing("tool", "v2", ("a",)) == ("a",)


def test_a_changed_program_is_missing(tmp_path: Path) -> None:
    cache = ProgramCache(tmp_path)
    build(cache, "a")
    (cache.directory("tool", "v1") / "a").write_text("tampered")
    assert cache.missing("tool", "v1", ("a",)) == ("a",)
    build(cache, "a", content="again")
    assert cache.missing("tool", "v1", ("a",)) == ()


def fail_half_way(cache: ProgramCache) -> None:
    with cache.building("tool", "v1", lambda: None) as work:
        (work / "bin" / "a").write_text("half")
        raise RuntimeError


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    cache = ProgramCache(tmp_path)
    with pytest.raises(RuntimeError):
        fail_half_way(cache)
    assert cache.missing("tool", "v1", ("a",)) == ("a",)
    assert [path.name for path in cache.directory("tool", "v1").iterdir()] == [".lock"]


def test_what_a_killed_build_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    cache = ProgramCache(tmp_path)
    left = cache.directory("tool", "v1") / ".work" / "bin"
    left.mkdir(parents=True)
    (left / "half").write_text("")
    build(cache, "a")
    assert cache.missing("tool", "v1", ("half",)) == ("half",)


def test_one_builds_while_the_other_is_told_to_wait(tmp_path: Path) -> None:
    cache = ProgramCache(tmp_path)
    waiting, order = threading.Event(), []

    def second() -> None:
        with cache.building("tool", "v1", waiting.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with cache.building("tool", "v1", lambda: None):
        thread.start()
        assert waiting.wait(20)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]


def test_a_cache_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BootstrapError) as caught:
        build(ProgramCache(tmp_path / "file"), "a")
    assert "BOOTSTRAP_CACHE" in caught.value.remedy
