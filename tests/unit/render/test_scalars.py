from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.render.scalars import unit_word, yaml_scalar

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "plain",
    [
        "kube-apiserver",
        "--advertise-address=192.0.2.10",
        "--controllers=*,bootstrapsigner,tokencleaner",
        "--cluster-signing-key-file=",
        "--etcd-servers=https://[::1]:2379",
        "registry.k8s.io/etcd:3.7.0-0",
        "192.0.2.10:6443",
        "/etc/kubernetes/pki",
        "250m",
        "100Mi",
    ],
)
def test_what_kubeadm_writes_plain_is_written_plain(plain: str) -> None:
    assert yaml_scalar(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "0x1F",
        "0o17",
        "1_000",
        "1:30",
        "y",
        "N",
        "Yes",
        "off",
        "null",
        "~",
        ".inf",
        "",
        "key:",
        "2026-01-01",
    ],
)
def test_text_that_some_yaml_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert yaml_scalar(text) == f'"{text}"'


@pytest.mark.parametrize(("value", "encoded"), [(10, "10"), (True, "true"), ({"a": [1]}, '{"a": [1]}')])
def test_other_values_are_json(value: object, encoded: str) -> None:
    assert yaml_scalar(value) == encoded


@given(TEXT)
def test_any_text_reads_back_as_itself_and_as_nothing_more(text: str) -> None:
    document = f"key: {yaml_scalar(text)}\nlist:\n- {yaml_scalar(text)}\n"
    assert yaml.safe_load(document) == {"key": text, "list": [text]}


@given(TEXT)
def test_any_text_stays_on_one_line(text: str) -> None:
    assert len(yaml_scalar(text).splitlines()) == 1
    assert len(unit_word(text).splitlines()) == 1


def test_a_list_becomes_words_of_a_unit() -> None:
    assert unit_word(["/opt/my venv/bin/python", "-I", "x"]) == '"/opt/my venv/bin/python" -I x'


def test_specifiers_variables_and_quotes_mean_nothing_in_a_unit() -> None:
    assert unit_word('%h $HOME "\\\n') == '"%%h $$HOME \\"\\\\\\x0a"'
