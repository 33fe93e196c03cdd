from __future__ import annotations

from pathlib import Path

from bootstrap.model.layout import Layout
from bootstrap.render.engine import Templates
from bootstrap.render.units import render_agent_unit

ARGV = ("/opt/podstrap/bin/python", "-I", "-m", "bootstrap", "agent", "run")


def test_the_unit_runs_the_given_words_and_is_watched() -> None:
    unit = render_agent_unit(ARGV, layout=Layout())
    lines = unit.content.splitlines()
    assert "ExecStart=/opt/podstrap/bin/python -I -m bootstrap agent run" in lines
    assert {"Type=notify", "WatchdogSec=30", "Restart=always", "KillMode=mixed"} <= set(lines)
    assert (str(unit.path), unit.mode, unit.kind) == (
        "/etc/systemd/system/bootstrap-agent.service",
        0o644,
        "unit",
    )


def test_a_word_cannot_add_a_setting() -> None:
    unit = render_agent_unit(("/bin/true", "x\nUser=nobody"), layout=Layout())
    assert 'ExecStart=/bin/true "x\\x0aUser=nobody"' in unit.content.splitlines()


def test_a_site_may_have_its_own_unit(tmp_path: Path) -> None:
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd/bootstrap-agent.service.j2").write_text("[Service]\nExecStart={{ argv }}\n")
    unit = render_agent_unit(("/bin/true",), layout=Layout(), templates=Templates(str(tmp_path)))
    assert unit.content == "[Service]\nExecStart=/bin/true\n"
