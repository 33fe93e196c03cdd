from __future__ import annotations

import pytest

from bootstrap.render.engine import TemplateFailedError
from bootstrap.render.overlays import Site, Texts, check, warnings

POD = "a: 1\n{% block labels %}\nl: 1\n{% endblock %}\n{% block spec %}\n{% endblock %}\n"
BUILTIN = {"m/pod.j2": POD, "m/etcd.j2": '{% extends "m/pod.j2" %}\n', "a/dns.j2": "dns: 1\n"}

OWN_LABELS = '{% extends "builtin/m/etcd.j2" %}\n{% block labels %}\nmine: 1\n{% endblock %}\n'
MORE_LABELS = OWN_LABELS.replace("mine", "{{ super() }}mine")


def site(texts: Texts, **bases: Texts) -> Site:
    """``bases`` by the name of the template without its directory and ending."""
    names = {name.partition("/")[2].removesuffix(".j2"): name for name in texts}
    return Site("/site", texts, BUILTIN, {names[short]: base for short, base in bases.items()})


def states(made: Site, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    overlay = made.overlay(name)
    return overlay.changed, overlay.unknown


def test_a_copy_whose_built_in_is_as_it_was_is_up_to_date() -> None:
    made = site({"a/dns.j2": "dns: 2\n"}, dns={"a/dns.j2": "dns: 1\n"})
    assert states(made, "a/dns.j2") == ((), ())
    assert list(warnings(made)) == []


def test_a_built_in_that_changed_since_it_was_copied_is_told() -> None:
    made = site({"a/dns.j2": "dns: 2\n"}, dns={"a/dns.j2": "dns: 0\n"})
    assert states(made, "a/dns.j2") == (("a/dns.j2",), ())
    (sentence,) = warnings(made)
    assert sentence == (
        "template /site/a/dns.j2: the built-in a/dns.j2 has changed since yours was made from it:"
        " bootstrap templates diff a/dns.j2"
    )


def test_a_copy_of_unknown_origin_is_told() -> None:
    made = site({"a/dns.j2": "dns: 2\n"})
    assert states(made, "a/dns.j2") == ((), ("a/dns.j2",))
    (sentence,) = warnings(made)
    assert "bootstrap templates accept a/dns.j2" in sentence


def test_a_copy_that_was_not_changed_needs_no_base() -> None:
    assert states(site({"a/dns.j2": "dns: 1\n"}), "a/dns.j2") == ((), ())


def test_a_template_that_only_adds_follows_the_built_in_by_itself() -> None:
    assert states(site({"m/etcd.j2": MORE_LABELS}), "m/etcd.j2") == ((), ())


@pytest.mark.parametrize(
    ("base", "changed"),
    [
        (POD, ()),
        (POD.replace("a: 1", "a: 0"), ()),
        ("{# said otherwise #}\n" + POD, ()),
        (POD.replace("l: 1", "l: 0"), ("m/pod.j2",)),
        ("a: 1\n", ("m/pod.j2",)),
    ],
)
def test_of_a_replaced_block_only_the_block_has_to_be_the_same(base: str, changed: tuple[str, ...]) -> None:
    made = site({"m/etcd.j2": OWN_LABELS}, etcd={"m/etcd.j2": BUILTIN["m/etcd.j2"], "m/pod.j2": base})
    assert states(made, "m/etcd.j2") == (changed, ())


def test_a_replaced_block_of_unknown_origin_is_told() -> None:
    assert states(site({"m/etcd.j2": OWN_LABELS}), "m/etcd.j2") == ((), ("m/pod.j2",))


def test_a_block_of_the_sites_own_parent_is_no_matter_of_the_built_in_one() -> None:
    parent = "{% block labels %}{% endblock %}\n"
    made = site({"m/pod.j2": parent, "m/etcd.j2": OWN_LABELS}, pod={"m/pod.j2": POD})
    assert states(made, "m/etcd.j2") == ((), ())


def test_the_bases_are_the_built_in_ones_it_is_made_from() -> None:
    assert set(site({"m/etcd.j2": OWN_LABELS}).origins("m/etcd.j2")) == {"m/etcd.j2", "m/pod.j2"}
    assert set(site({"a/dns.j2": "dns: 2\n"}).origins("a/dns.j2")) == {"a/dns.j2"}


REFUSED: dict[str, tuple[Texts, str]] = {
    "a conflict": (
        {"a/dns.j2": "dns: 1\n<<<<<<< mine\n"},
        "/site/a/dns.j2, line 2: a conflict of a merge is not resolved",
    ),
    "a mistake in syntax": ({"a/dns.j2": "a\n{% if %}\n"}, "/site/a/dns.j2, line 2: Expected an expression"),
    "a name of no template": ({"a/dsn.j2": "dns: 1\n"}, "/site/a/dsn.j2: it has no built-in template's name"),
    "a block of no template": (
        {"m/etcd.j2": OWN_LABELS.replace("labels", "lables")},
        "/site/m/etcd.j2, line 2: there is no block lables in what it extends",
    ),
}


@pytest.mark.parametrize(("texts", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_used_is_refused_with_its_place(texts: Texts, message: str) -> None:
    with pytest.raises(TemplateFailedError) as caught:
        check(site(texts))
    assert message in caught.value.message
    assert caught.value.remedy


def test_the_nearest_name_and_the_blocks_there_are_help() -> None:
    remedies = {}
    for what in ("a name of no template", "a block of no template"):
        with pytest.raises(TemplateFailedError) as caught:
            check(site(REFUSED[what][0]))
        remedies[what] = caught.value.remedy
    assert "did you mean a/dns.j2?" in remedies["a name of no template"]
    assert remedies["a block of no template"] == "blocks that are there: labels, spec"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(TemplateFailedError, match="2 templates in /site") as caught:
        check(site({**REFUSED["a name of no template"][0], **REFUSED["a block of no template"][0]}))
    assert len(caught.value.details) == 2


@pytest.mark.parametrize("used", ['{% include "own/part.j2" %}', '{% include "own/" ~ "part.j2" %}'])
def test_a_part_that_others_use_may_have_any_name(used: str) -> None:
    check(site({"a/dns.j2": used, "own/part.j2": "x: 1\n"}))


@pytest.mark.parametrize("parent", ["m/gone.j2", "m/etcd.j2", "builtin/a/dns.j2"])
def test_what_it_extends_may_be_wrong_and_nothing_goes_round(parent: str) -> None:
    text = f'{{% extends "{parent}" %}}\n'
    made = site({"m/etcd.j2": text})
    check(made)
    assert made.overlay("m/etcd.j2").is_whole


def test_a_base_that_cannot_be_read_is_named() -> None:
    made = site({"m/etcd.j2": OWN_LABELS}, etcd={"m/pod.j2": "{% if %}"})
    with pytest.raises(TemplateFailedError, match=r"/site/\.base/m/etcd\.j2/m/pod\.j2, line 1"):
        made.overlay("m/etcd.j2")
