"""Whatever the text, the answer is a control plane or an error made for a person."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bootstrap.config.dump import dump
from bootstrap.config.kubelet import kubelet_configuration
from bootstrap.config.kubeproxy import kube_proxy_configuration
from bootstrap.errors import ConfigError
from tests.unit.config.cases import load_text

GOOD = (Path(__file__).parent / "kubeadm" / "everything.yaml").read_text()

SPLINTERS = (
    *(
        "",
        "null",
        "[]",
        "{}",
        "- ",
        ": ",
        "\n",
        "  ",
        "'",
        "---\n",
        "&a ",
        "*a",
        "<<: ",
        "!!binary ",
        "!!set {a}",
    ),
    *(
        "yes",
        "-1",
        "9e99",
        ".inf",
        "0x",
        "99999999999999999999",
        "2027-13-45",
        "::/0",
        "0.0.0.0/0",
        "\x85",
        "🙂",
    ),
)
splinters = st.one_of(st.sampled_from(SPLINTERS), st.text(max_size=4))


@given(st.integers(0, len(GOOD)), st.integers(0, 12), splinters)
def test_damaged_text_never_ends_in_a_traceback(start: int, length: int, splinter: str) -> None:
    with contextlib.suppress(ConfigError):
        plane = load_text(GOOD[:start] + splinter + GOOD[start + length :]).control_plane
        assert dump(plane)
        assert kubelet_configuration(plane)
        assert kube_proxy_configuration(plane)
