from __future__ import annotations

from pathlib import Path, PurePosixPath

from bootstrap.host.facts import gather
from bootstrap.host.files import Files
from tests.fakes.network import FakeNetwork


def test_the_node_is_named_after_the_host_in_lower_case(tmp_path: Path) -> None:
    assert gather(Files(tmp_path), FakeNetwork(), {}, hostname="Master-1\n").hostname == "master-1"


def test_only_ca_directories_that_exist_are_listed(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.make_directory(PurePosixPath("/usr/share/ca-certificates"))
    assert gather(files, FakeNetwork(), {}).existing_paths == {"/usr/share/ca-certificates"}


def test_proxy_variables_of_any_case_are_kept_and_empty_ones_left_out(tmp_path: Path) -> None:
    environ = {"HTTPS_PROXY": "http://p:1", "no_proxy": "10.0.0.0/8", "ftp_proxy": "", "PATH": "/bin"}
    facts = gather(Files(tmp_path), FakeNetwork(), environ)
    assert facts.proxy_environment == (("HTTPS_PROXY", "http://p:1"), ("no_proxy", "10.0.0.0/8"))
