"""Reading files and standard input."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from bootstrap.config.load import load
from bootstrap.config.overrides import Overrides
from bootstrap.config.sources import LARGEST, Source, read_sources
from bootstrap.errors import ConfigError
from tests.unit.config.cases import CLUSTER, FACTS, INIT


def refusal(path: str, stdin: bytes = b"") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_sources([path], BytesIO(stdin))
    return caught.value


def test_files_are_read_in_order_and_a_dash_is_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("a: b\n")

    assert read_sources([str(file), "-"], BytesIO(b"c: d\n")) == (
        Source(str(file), "a: b\n"),
        Source("<stdin>", "c: d\n"),
    )


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert read_sources(["-"], BytesIO(b"\xef\xbb\xbfa: b\n")) == (Source("<stdin>", "a: b\n"),)


def test_several_files_make_one_configuration() -> None:
    loaded = load((Source("a.yaml", CLUSTER), Source("b.yaml", f"{INIT}dryRun: true\n")), Overrides(), FACTS)

    assert loaded.control_plane.init.dry_run is True


def test_a_kind_in_two_files_is_refused_with_both_places() -> None:
    with pytest.raises(ConfigError) as caught:
        load((Source("a.yaml", CLUSTER), Source("b.yaml", CLUSTER)), Overrides(), FACTS)

    assert caught.value.details == ("b.yaml:1:1: a second ClusterConfiguration; the first is at a.yaml:1:1",)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(f"{tmp_path}/none.yaml").message == f"{tmp_path}/none.yaml does not exist"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    error = refusal(str(tmp_path))

    assert error.message == f"{tmp_path} is a directory"
    assert error.remedy == f"name a file in it, for example --config {tmp_path}/cluster.yaml"


def test_a_file_that_cannot_be_opened_is_named_with_the_reason(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)

    assert refusal(str(loop)).message == f"{loop} cannot be read: Too many levels of symbolic links"


def test_a_file_that_is_too_large_is_refused_without_reading_it_all() -> None:
    assert refusal("-", b"#" * (LARGEST + 10)).message == (
        "<stdin> is larger than 1024 KiB, so it is no cluster configuration"
    )


def test_text_that_is_not_utf_8_is_refused_with_its_line() -> None:
    assert refusal("-", b"a: b\nc: \xff\n").message == "<stdin>:2: byte 0xff is not UTF-8 text"


def test_windows_line_ends_are_read() -> None:
    text = f"{CLUSTER}clusterName: prod\n".replace("\n", "\r\n")

    assert load((Source("a.yaml", text),), Overrides(), FACTS).control_plane.cluster.cluster_name == "prod"
