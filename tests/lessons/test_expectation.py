"""What a lesson expects and does not get: an error for authors, one sentence for a learner."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import excerpt, expectation
from mlsys_lessons.lessons.expectation import expect, missed
from mlsys_lessons.system import faults

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))
USUAL, WHY = "in most worlds the old table earns less", "one large fraud can outweigh a table"

each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def test_a_learner_reads_one_sentence_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(expectation.ENVIRONMENT, raising=False)
    expect(np.bool_(False), USUAL, WHY)
    expect(1 > 0, USUAL, WHY)
    said = capsys.readouterr().out
    assert missed(said) == [
        "In most worlds the old table earns less. Not here: one large fraud can outweigh a table."
    ]
    assert all(len(line) <= 100 for line in said.splitlines())


def test_where_lessons_are_built_and_tested_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(expectation.ENVIRONMENT, expectation.STRICT)
    expect(np.bool_(True), USUAL, WHY)
    with pytest.raises(AssertionError, match=r"shipped: In most worlds .* Not here: one large"):
        expect(np.bool_(False), USUAL, WHY)


def test_tests_and_kernels_below_them_are_strict() -> None:
    """The kernels of nbval inherit what conftest.py sets; the builder sets it for its own."""
    assert os.environ[expectation.ENVIRONMENT] == expectation.STRICT
    builder = (ROOT / "tools" / "build_notebooks.py").read_text(encoding="utf-8")
    assert f'"{expectation.ENVIRONMENT}": "{expectation.STRICT}"' in builder


def test_sentences_are_found_again_among_other_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(expectation.ENVIRONMENT, raising=False)
    print("before")
    expect(False, USUAL, f"{WHY}, and {WHY}, and {WHY}")
    print("  measured   5 days\nafter")
    expect(False, USUAL, WHY)
    first, second = missed(capsys.readouterr().out)
    assert first.endswith(f"and {WHY}.") and second.endswith(f"here: {WHY}.")
    assert missed("nothing of the kind") == []


@each_source
def test_no_lesson_asserts(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]


@each_source
def test_a_lesson_names_its_seed_in_one_place(source: Path) -> None:
    """`SEED = 7` once; no other cell holds a number for a seed."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    seeds = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SEED"
    ]
    assert len(seeds) == 1
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = [word.value for word in node.keywords if word.arg == "seed"]
            if ast.unparse(node.func).rpartition(".")[2] in ("default_rng", "ordinary_year"):
                given += node.args[:1]
            numbers = [ast.unparse(value) for value in given if isinstance(value, ast.Constant)]
            assert not numbers, f"line {node.lineno}: {ast.unparse(node)}"


def test_an_excerpt_is_found_by_its_name() -> None:
    change = excerpt.inner_function(faults.stale_features, "change")
    assert change.startswith("def change(") and change.splitlines()[-1].startswith("    return ")
    step = excerpt.sql_step("history", "by_event")
    assert step.startswith("by_event AS (\n") and step.endswith("\n)")
    assert "asked AS" not in step
    with pytest.raises(InputError, match="'chance' is no function inside stale_features"):
        excerpt.inner_function(faults.stale_features, "chance")
    with pytest.raises(InputError, match="'nothing' is no step of 'history'"):
        excerpt.sql_step("history", "nothing")


# --- on other seeds ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def soak() -> Iterator[Any]:
    """tests/soak/run.py, which plays the lessons on other seeds."""
    place = ROOT / "tests" / "soak" / "run.py"
    specification = importlib.util.spec_from_file_location("soak_run", place)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["soak_run"] = module  # where its dataclass looks itself up
    specification.loader.exec_module(module)
    yield module
    del sys.modules["soak_run"]


@each_source
def test_every_lesson_can_be_given_another_seed(source: Path, soak: Any) -> None:
    code = "\n".join(cell.source for cell in soak.reseeded(source, 4_242).cells)
    assert code.count("SEED = 4242") == 1


LESSON = """\
# %%
from mlsys_lessons.lessons.expectation import expect
SEED = 7
# %%
expect(SEED == 7, "in most worlds the seed is seven", "somebody has changed it")
print(f"seed {SEED}")
# %%
if SEED == 13:
    raise ValueError("unlucky")
"""


def test_what_becomes_of_a_lesson_on_another_seed(
    soak: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(expectation.ENVIRONMENT, expectation.STRICT)  # and put back afterwards
    source = tmp_path / "source" / "99_small.py"
    source.parent.mkdir()
    source.write_text(LESSON, encoding="utf-8")
    rows = {seed: soak.lesson_played(source, seed) for seed in (8, 13)}
    sentence = "In most worlds the seed is seven. Not here: somebody has changed it."
    assert [row["did not come"] for row in rows.values()] == [[sentence], [sentence]]
    assert [row["error"] for row in rows.values()] == [None, "ValueError: unlucky"]
    came = {"did not come": [], "error": None}
    assert soak._missed_by_most({7: came, **rows}) == [sentence]
    assert soak._missed_by_most({6: came, 7: came, **rows}) == []  # half is not most
    assert soak._missed_by_most(rows) == []  # and two seeds are too few to say
    source.write_text(LESSON.replace("SEED = 7", "SEED = seven"), encoding="utf-8")
    with pytest.raises(ValueError, match="names its seed 0 times"):
        soak.reseeded(source, 8)
