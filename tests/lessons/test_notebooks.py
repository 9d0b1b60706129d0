"""The lessons as files: built from their sources, in order, readable, and solvable.

What they print is compared by nbval; here is what nbval does not see.
"""

from __future__ import annotations

import importlib.util
import re
import symtable
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))
BUILT = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
LARGEST_PICTURE = 140_000  # characters of base64: 100 kB of PNG


def _builder() -> Any:
    place = ROOT / "tools" / "build_notebooks.py"
    specification = importlib.util.spec_from_file_location("build_notebooks", place)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def read(path: Path) -> Any:
    """A built notebook."""
    return nbformat.read(path, as_version=4)


def test_what_is_printed_in_a_row_is_one_output() -> None:
    """The kernel cuts a text by the clock; the same source has to give the same file."""
    for path in BUILT:
        for cell in code_cells(read(path)):
            streams = [output.get("name") for output in cell.outputs]
            assert not any(a and a == b for a, b in pairwise(streams)), path.name


def code_cells(notebook: Any) -> list[Any]:
    """Its code cells in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def names(cell: Any) -> tuple[set[str], set[str]]:
    """The names of the lesson that a code cell binds, and those that it uses."""
    tables = [symtable.symtable(cell.source, "cell", "exec")]
    for table in tables:  # grows while functions are found inside functions
        tables += table.get_children()
    lesson = [name for table in tables for name in table.get_symbols() if name.is_global()]
    top = tables[0].get_symbols()
    bound = {name.get_name() for name in top if name.is_assigned() or name.is_imported()}
    return bound, {name.get_name() for name in lesson if name.is_referenced()}


def around_exercises(cells: list[Any]) -> list[Any]:
    """The exercises, the cells that use what these bind, and the cells that all of them need."""
    bound, used = zip(*map(names, cells), strict=True)
    chosen: set[int] = set()
    answers: set[str] = set()
    for place, cell in enumerate(cells):
        if "exercise" in cell.metadata.get("tags", []) or used[place] & answers:
            chosen.add(place)
            answers |= bound[place]
    needed: set[str] = set()
    for place in reversed(range(len(cells))):
        if place in chosen or bound[place] & needed:
            chosen.add(place)
            needed |= used[place]
    return [cells[place] for place in sorted(chosen)]


def test_every_source_is_built() -> None:
    """One notebook a source, and no other."""
    assert [path.stem for path in SOURCES] == [path.stem for path in BUILT]
    assert len(BUILT) >= 3


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
class TestLesson:
    """Each lesson by itself."""

    def test_is_built_from_its_source(self, path: Path) -> None:
        """Cells, tags and ids are those of the source: nobody edited the notebook by hand."""
        source = _builder().read_source(path.parent / "source" / f"{path.stem}.py")
        built = read(path)
        cells = [(c.id, c.cell_type, c.source, c.metadata) for c in source.cells]
        assert [(c.id, c.cell_type, c.source, c.metadata) for c in built.cells] == cells
        assert built.metadata == source.metadata

    def test_ran_from_top_to_bottom(self, path: Path) -> None:
        """Execution counts 1..n; strict nbval passes a notebook that never ran."""
        cells = code_cells(read(path))
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        outputs = [output for cell in cells for output in cell.outputs]
        assert not [output for output in outputs if output.output_type == "error"]

    def test_is_readable(self, path: Path) -> None:
        """Twenty-five to forty-five cells, code in at most twelve lines, prose in small pieces."""
        notebook = read(path)
        assert 25 <= len(notebook.cells) <= 45
        for cell in code_cells(notebook):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 12, cell.source
            assert not cell.source.rstrip().endswith(";")
        prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
        assert max(len(text.split()) for text in prose) <= 220

    def test_pictures_are_small_and_described(self, path: Path) -> None:
        """PNG up to 100 kB, each with an alternative text that holds a number."""
        for cell in code_cells(read(path)):
            for output in cell.outputs:
                picture = output.get("data", {}).get("image/png")
                if picture is None:
                    continue
                assert len(picture) <= LARGEST_PICTURE
                assert re.search(r"\d", output.metadata["image/png"]["alt"])

    def test_solved_it_passes(self, path: Path) -> None:
        """The package's own solutions, put into the exercise cells, pass in a running lesson.

        Of the other cells only those run that a solution reaches or needs: nbval runs them all.
        """
        from mlsys_lessons.lessons import catalogue

        notebook = _builder().read_source(path.parent / "source" / f"{path.stem}.py")
        questions = {question.id: question for question in _questions(catalogue())}
        exercises = [c for c in notebook.cells if "exercise" in c.metadata.get("tags", [])]
        lesson = f"lesson{path.stem[:2]}."
        wanted = {name for name in questions if name.startswith(lesson)}
        assert {cell.metadata["exercise_id"] for cell in exercises} == wanted
        if not exercises:
            return
        for cell in exercises:
            question = questions[cell.metadata["exercise_id"]]
            assert cell.source == question.cell, "the exercise cell is the question's own"
            cell.source = question.solution_code
        notebook.cells = around_exercises(code_cells(notebook))
        solved = _builder().execute(notebook, path.parent)
        for cell in solved.cells:
            if "exercise" in cell.metadata.get("tags", []):
                shown = "".join(
                    output.get("text", "") + output.get("data", {}).get("text/plain", "")
                    for output in cell.outputs
                )
                assert "[passed]" in shown, (cell.metadata["exercise_id"], shown)


SMALL = """\
# %% [markdown]
# # A small lesson
# %%
import ipywidgets
ipywidgets.IntSlider(value=3)
# %%
from tqdm.auto import tqdm
sum(tqdm(range(4)))
# %% tags=["exercise"] exercise_id="lesson99.q1"
answer = ...
"""


def test_a_build_keeps_no_trace_of_the_machine(tmp_path: Path) -> None:
    """Same ids each time; no timings, live views or progress bars; what nbval compares stays."""
    builder, source = _builder(), tmp_path / "99_small.py"
    source.write_text(SMALL, encoding="utf-8")
    assert builder.read_source(source) == builder.read_source(source)
    built = builder.execute(builder.read_source(source), tmp_path)
    slider, bar, exercise = code_cells(built)
    assert list(slider.outputs[0].data) == ["text/plain"]
    assert [output.data["text/plain"] for output in bar.outputs] == ["6"]
    assert exercise.metadata == {"tags": ["exercise"], "exercise_id": "lesson99.q1"}
    assert set(built.metadata) == {"kernelspec", "language_info"}
    assert [cell.metadata for cell in (slider, bar)] == [{}, {}]


def _questions(catalogue: Any) -> list[Any]:
    """Every question of every lesson, whatever else the catalogue holds."""
    items = [item for lesson in catalogue.values() for item in lesson]
    return [item for item in items if hasattr(item, "solution_code")]
