"""The code that a cached run depends on: what changes its version, and what does not.

Edits are made to a copy of the package; files are found by what stands in them, not by their path.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlsys_lessons.claims import c11_staleness, laboratory
from mlsys_lessons.claims.code_shapes import code_of, sql_shape
from mlsys_lessons.claims.code_version import PACKAGE, Sources, code_version
from mlsys_lessons.claims.runs import Job
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.simulation.scenarios import ClaimSize

TINY = ClaimSize(days=4, daily=100)
PROMISES = "mlsys_lessons.experiments.notebook_promises", "promises"
KINDS = {
    name: (kind.__module__, kind.__qualname__)
    for name, claim in laboratory.CLAIMS.items()
    for kind in {type(arm) for arm in claim.arms(1.0).values()}
    if kind is not Arm
} | {"any": (Arm.__module__, "Arm"), "promises": PROMISES}
EVERY = set(KINDS)
RUNS = EVERY - {"promises"}  # which need no system

Edit = Callable[[str], str]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that a test may edit."""
    unread = shutil.ignore_patterns("__pycache__", "results", "*.csv")
    return shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=unread)


def versions(package: Path) -> dict[str, str]:
    """The version of each kind of work, by the claim that it belongs to."""
    sources = Sources(package)
    return {name: sources.version(*place) for name, place in KINDS.items()}


def installed() -> dict[str, str]:
    """The same of the package itself."""
    return {name: code_version(*place) for name, place in KINDS.items()}


def changed_by(package: Path, path: str, edit: Edit) -> set[str]:
    """The kinds of work whose version an edit changes."""
    before, file = installed(), package / path
    text = file.read_text(encoding="utf-8")
    assert edit(text) != text, "an edit that edits nothing proves nothing"
    file.write_text(edit(text), encoding="utf-8")
    after = versions(package)
    return {name for name in EVERY if before[name] != after[name]}


def replaced(old: str, new: str) -> Edit:
    return lambda text: text.replace(old, new)


def added(code: str) -> Edit:
    return lambda text: f"{text}\n{code}\n"


NEW = "ADDED = 1"
EDITS: dict[str, tuple[str, Edit, set[str]]] = {
    "a pipeline": ("experiments/pipelines.py", replaced("scores >= cut", "scores > cut"), {"C5"}),
    "other training tables": ("experiments/training_tables.py", added(NEW), {"C5", "C6", "C12"}),
    "another past": ("experiments/pasts.py", added(NEW), {"C9", "C10"}),
    "the notebook's promises": (
        "experiments/notebook_promises.py", replaced("1_000 * float", "100 * float"), {"promises"},
    ),
    "the warehouse": ("warehouse/pipeline.py", added(NEW), {"C5"}),
    "its SQL": ("warehouse/sql/habits.sql", replaced("SELECT", "SELECT DISTINCT"), {"C5"}),
    "queues": ("traffic/queueing.py", added(NEW), {"C8"}),
    "a claim's own coin": (
        "claims/c10_data_bias.py", replaced('"misreported"', '"another coin"'), {"C10"},
    ),
    "what a claim's arm names": ("claims/c10_data_bias.py", replaced('"FR"', '"DE"'), {"C10"}),
    "a component": ("components/decisions/stages.py", added(NEW), EVERY),
    "a component behind an __init__": ("components/features/offline.py", added(NEW), EVERY),
    "the loop": ("simulation/loop.py", added(NEW), RUNS),
    "the catalogue of faults, an __init__ that defines": (
        "system/faults/__init__.py", added(NEW), RUNS,
    ),
    "reality": ("worlds/payments/fraudsters.py", added(NEW), EVERY),
    "a late import": ("simulation/presets.py", added(
        "def late():\n    from mlsys_lessons.traffic.theory import erlang_c"
    ), EVERY),
    "a claim's sentence": (
        "claims/c10_data_bias.py", replaced("Models amplify", "Models always amplify"), set(),
    ),
    "a claim's judge": ("claims/claim.py", added(NEW), set()),
    "the cache": ("claims/runs.py", added(NEW), set()),
    "the launcher": ("workshop/lab.py", added(NEW), set()),
    "the command line": ("cli.py", added(NEW), set()),
    "the server": ("serving/app.py", added(NEW), set()),
    "charts": ("lessons/charts.py", added(NEW), set()),
    "a lesson": ("lessons/lesson05/ticket_desk.py", added(NEW), set()),
    "the package's list of names": ("__init__.py", added(NEW), set()),
    "a room's list of names": ("warehouse/__init__.py", added(NEW), set()),
    "comments": ("simulation/loop.py", added("# nothing"), set()),
    "a header": ("simulation/loop.py", lambda text: f'"""Other."""\n{_body(text)}', set()),
    "layout": ("experiments/shapley.py", replaced("\n\n\n", "\n\n\n\n"), set()),
    "comments in SQL": ("warehouse/sql/habits.sql", lambda text: f"-- why\n\n{text}", set()),
}  # fmt: skip


def _body(text: str) -> str:
    """A module's text after its header."""
    return text.split('"""', 2)[2]


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_the_runs_that_it_can_change_and_no_others(
    package: Path, name: str
) -> None:
    path, edit, expected = EDITS[name]
    assert changed_by(package, path, edit) == expected


def test_the_installed_package_is_read_like_any_copy(package: Path) -> None:
    assert versions(package) == installed()


def test_no_run_depends_on_lessons_or_on_what_stands_above_it(package: Path) -> None:
    sources = Sources(package)
    for place in KINDS.values():
        rooms = {module.split(".")[1] for module in sources.closure(*place)}
        assert not rooms & {"claims", "lessons", "serving", "workshop", "cli", "__main__"}


def test_a_module_that_moves_takes_its_version_along(package: Path) -> None:
    (package / "experiments/pasts.py").rename(package / "experiments/other_histories.py")
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("experiments.pasts", "experiments.other_histories"))
    assert versions(package) == installed()


@dataclass(frozen=True)
class Impostor(Arm):
    """The fields of an arm, and another life."""

    def faults(self, seed: int, size: ClaimSize) -> tuple[()]:
        """None."""
        return ()


def test_two_classes_with_equal_fields_have_different_keys() -> None:
    plain, other = Arm(RESILIENT, rate=0.0), Impostor(RESILIENT, rate=0.0)
    assert plain.described() == other.described()
    assert Job(1, plain).key(TINY) != Job(1, other).key(TINY)
    stale = c11_staleness.StaleArm(RESILIENT, rate=0.0)
    assert Job(1, stale).key(TINY) != Job(1, plain).key(TINY)


# --- small packages ----------------------------------------------------------------------------


def small(folder: Path, **texts: str) -> Sources:
    """A package `p` of a few modules; a double underscore is a folder."""
    root = folder / "p"
    for name, text in {"__init__": "", **texts}.items():
        path = root.joinpath(*name.replace("_in_", "/").split("/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Sources(root)


def test_two_modules_that_change_places_change_the_version(tmp_path: Path) -> None:
    start, one, two = "from p.a import f\nfrom p.b import f as g", "def f(): return 1", "f = 2"
    before = small(tmp_path / "1", start=start, a=one, b=two).version("p.start")
    after = small(tmp_path / "2", start=start, a=two, b=one).version("p.start")
    assert before != after


def test_a_name_is_followed_through_every_init_to_where_it_is_defined(tmp_path: Path) -> None:
    house = small(
        tmp_path,
        start="def late():\n    from p import f\n    import p.plain",
        __init__="from p.room import f\nfrom p.other import g",
        room_in___init__="from p.room.inner import h as f\nfrom p import room",
        room_in_inner="from p import circle\nh = 1",
        circle="import p.room.inner",
        other="g = 2",
        plain="",
    )
    assert house.closure("p.start") == {"p.room.inner", "p.circle", "p.plain"}
    assert len(house.version("p.start")) == 12


def test_code_without_a_file_is_refused() -> None:
    with pytest.raises(InputError, match="put the arm's class into a module"):
        code_version("nowhere.at_all", "Arm")


# --- shapes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('"""Two."""\nx = f(1)', True), ("x = f(  1 )  # why", True), ("x = f(\n    1,\n)", True),
        ("import os\nx = f(1)", False), ("x = f(2)", False), ("x = f(True)", False),
        ("x = f('1')", False), ("y = f(1)", False), ("x = f(1)\nx += 1", False),
    ],
)  # fmt: skip
def test_a_shape_is_what_code_does(text: str, same: bool) -> None:
    assert (code_of(text) == code_of('"""One."""\nx = f(1)')) is same


def test_a_definition_needs_what_it_names_and_what_defines_nothing() -> None:
    text = "import a, b\nLOW = 1\nHIGH = LOW + 1\nclass Arm:\n    top = a.f(HIGH)\nOTHER = b.f(3)\n"
    needed = code_of(text, "Arm")
    assert {each.bound for each in needed.imports} == {"a"}
    assert needed == code_of(text.replace("3", "4"), "Arm")
    assert needed != code_of(text.replace("LOW = 1", "LOW = 2"), "Arm")
    assert needed != code_of(f"{text}HIGHS[0] = 9\n", "Arm")
    assert code_of(text, "made while the program ran") == code_of(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("SELECT a,\n  'x -- y' AS b -- why", True), ("/* why */ SELECT a, 'x -- y'\tAS b", True),
        ("SELECT a, 'x --  y' AS b", False), ("SELECT a, 'x -- y' AS c", False),
    ],
)  # fmt: skip
def test_the_shape_of_sql_keeps_its_texts(text: str, same: bool) -> None:
    assert (sql_shape(text) == sql_shape("SELECT a, 'x -- y' AS b")) is same
