"""The README: what it shows is what was measured, what it names exists, what it says runs."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlsys_lessons.cli import main
from mlsys_lessons.lessons.lesson00 import measurements as lesson00_evidence
from mlsys_lessons.system.faults import CATALOGUE

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LARGEST_PICTURE = 150_000  # bytes


def _script(name: str = "year") -> Any:
    specification = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_tables_are_those_of_the_script() -> None:
    """Stale after a new measurement or a new stored claim: `python docs/year.py --redraw`."""
    script = _script()
    assert script.filled(README, script.blocks(lesson00_evidence.stored())) == README


def test_the_pages_on_incidents_are_those_of_the_script() -> None:
    """Stale after a new measurement: `python docs/incidents.py --redraw`."""
    script = _script("incidents")
    facts = json.loads(lesson00_evidence.INCIDENTS.read_text(encoding="utf-8"))
    assert script.filled(README, script.blocks(facts)) == README


def test_the_resilient_system_loses_more_only_where_the_readme_says_so() -> None:
    facts = json.loads(lesson00_evidence.INCIDENTS.read_text(encoding="utf-8"))
    more = [row["fault"] for row in facts["faults"] if row["verdict"] == "more"]
    assert more == ["latency"] and "loses more on one fault, `latency`" in README
    assert {row["fault"] for row in facts["faults"]} == set(CATALOGUE)


def test_the_stored_year_is_whole() -> None:
    facts = lesson00_evidence.stored()
    assert len(facts["worlds"]) >= 3
    for name, line in facts["picture"].items():
        assert len(line) == facts["days"]
        assert line[-1] == facts["worlds"][0][name]


def test_the_picture_is_small() -> None:
    for name in ("year", "incident"):
        picture = ROOT / "docs" / f"{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size < LARGEST_PICTURE


def test_the_stored_year_is_the_engines() -> None:
    """The picture's first days, measured again: fails when the engine has moved on."""
    script, facts, days = _script(), lesson00_evidence.stored(), 20
    seed, daily = facts["worlds"][0]["seed"], facts["daily"]
    year = lesson00_evidence.ordinary_year(seed, daily=daily, days=facts["days"])
    systems = {"naive": lesson00_evidence.naive_system(seed=seed),
               "resilient": lesson00_evidence.resilient_system(seed=seed)}  # fmt: skip
    for name, system in systems.items():
        run = lesson00_evidence.simulate(
            year.world, system, days=days, faults=year.faults, keep="metrics"
        )
        assert run.value == facts["picture"][name][days - 1], script.__doc__


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_blocks_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a block may write a file
    exec(compile(block, "README.md", "exec"), {})


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert not target.startswith("http")
        assert (ROOT / target).exists(), target


def test_named_files_and_targets_exist() -> None:
    package, makefile = ROOT / "mlsys_lessons", (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"`([a-z]+\.py|[a-z]+/)`", README):
        assert (package / name).exists() or (ROOT / name).exists(), name
    for target in re.findall(r"\bmake (\w+) +#", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    commands = set(re.findall(r"^mlsys-lessons (\w+)", README, re.MULTILINE))
    assert len(commands) >= 6
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
    capsys.readouterr()


def test_prose_has_no_exclamation_marks() -> None:
    prose = re.sub(r"```.*?```|<!--.*?-->|!\[", "", README, flags=re.DOTALL)
    assert "!" not in prose
