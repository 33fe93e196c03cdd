from __future__ import annotations

import re
from pathlib import Path

import pytest

from bootstrap.render.engine import TemplateFailedError, Templates, builtin_directory


def _site(tmp_path: Path, text: str, name: str = "page.yaml.j2") -> Templates:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Templates(str(tmp_path))


def test_a_printed_value_is_one_scalar_whatever_is_in_it(tmp_path: Path) -> None:
    templates = _site(tmp_path, "key: {{ value }}\n")
    evil = 'x"\nother: {{ 1 }} # '
    assert templates.yaml("page.yaml.j2", {"value": evil}) == 'key: "x\\"\\nother: {{ 1 }} # "\n'


@pytest.mark.parametrize(
    "expression", ["value | safe", "value ~ ''", "value | upper | lower", "[value] | join"]
)
def test_no_filter_prints_a_value_as_it_is(tmp_path: Path, expression: str) -> None:
    templates = _site(tmp_path, "key: {{ " + expression + " }}\n")
    assert templates.yaml("page.yaml.j2", {"value": "a\nb: c"}) == 'key: "a\\nb: c"\n'


def test_macros_blocks_and_super_lay_out_text(tmp_path: Path) -> None:
    (tmp_path / "base.j2").write_text(
        "{% macro line(key) %}{{ key }}: {{ value }}{% endmacro %}"
        "{{ line('a') }}\n{% block more %}\nb: {{ value }}\n{% endblock %}\n"
    )
    templates = _site(
        tmp_path, "{% extends 'base.j2' %}{% block more %}\n{{ super() }}c: {{ value }}\n{% endblock %}\n"
    )
    assert templates.yaml("page.yaml.j2", {"value": "x y"}) == 'a: "x y"\nb: "x y"\nc: "x y"\n'


def test_a_site_template_replaces_the_builtin_one_and_may_extend_it(tmp_path: Path) -> None:
    templates = _site(
        tmp_path,
        '{% extends "builtin/manifests/kube-scheduler.yaml.j2" %}\n'
        "{% block labels %}\n{{ super() }}    team: platform\n{% endblock %}\n",
        "manifests/kube-scheduler.yaml.j2",
    )
    assert templates.where("manifests/kube-scheduler.yaml.j2").startswith(str(tmp_path))
    assert templates.where("manifests/etcd.yaml.j2").startswith(str(builtin_directory()))


def test_a_mistake_in_syntax_is_told_with_file_and_line(tmp_path: Path) -> None:
    templates = _site(tmp_path, "a: 1\n{% if %}\n")
    with pytest.raises(TemplateFailedError) as caught:
        templates.yaml("page.yaml.j2", {})
    assert f"{tmp_path / 'page.yaml.j2'}, line 2: Expected an expression" in caught.value.message
    assert "built-in" in caught.value.remedy


def test_an_undefined_name_is_told_with_file_and_line(tmp_path: Path) -> None:
    templates = _site(tmp_path, "a: 1\n\nb: {{ nmae }}\n")
    with pytest.raises(TemplateFailedError, match="line 3: 'nmae' is undefined"):
        templates.yaml("page.yaml.j2", {"name": "x"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ value.append(1) }}", "line 1: access to attribute .append. of .list. object is unsafe"),
        ("{{ 1 // 0 }}", "line 1: .*zero"),
        ("{{ none }}", "null"),
        ("{% include 'gone.j2' %}", "there is no template gone.j2"),
        ("{{ range(10 ** 9) | list }}", "Range too big"),
    ],
)
def test_what_a_template_may_not_do_is_an_error_not_a_traceback(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(TemplateFailedError, match=message):
        _site(tmp_path, text).yaml("page.yaml.j2", {"value": [1]})


def test_a_template_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.yaml.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateFailedError, match="not UTF-8"):
        Templates(str(tmp_path)).yaml("page.yaml.j2", {})


def test_a_template_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(TemplateFailedError, match="there is no template absent"):
        Templates().yaml("absent.j2", {})


def test_a_site_directory_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(TemplateFailedError, match="/nowhere does not exist"):
        Templates("/nowhere")


def test_no_builtin_template_asks_for_a_version_or_a_feature() -> None:
    asks = re.compile(r"{%-?\s*(?:if|elif)\b[^%]*(?:version|release|feature)")
    for path in builtin_directory().rglob("*.j2"):
        assert not asks.search(path.read_text()), path
