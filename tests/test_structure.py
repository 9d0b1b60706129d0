"""The house: who may import whom, what is imported late, and how large everything may get."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mlsys_lessons"

# Bottom up. A module imports from its own floor or below it; rooms of one floor leave each other
# alone, but for the ground floor, which is one room, and the lessons, which read stored claims.
FLOORS = (
    {"errors", "records", "domain", "randomness", "ids", "frames", "reading", "files", "gaps"},
    {"worlds"},
    {"components"},
    {"system"},
    {"simulation"},
    {"warehouse", "traffic", "serving"},
    {"experiments"},
    {"drill"},
    {"claims", "lessons"},
    {"workshop", "cli"},
    {"__init__", "__main__"},
)
GROUND = FLOORS[0]
READ_BY_LEARNERS = set().union(*FLOORS[:5])
AROUND = {"warehouse", "traffic", "serving", "experiments", "drill", "claims", "workshop", "cli"}
EVERYWHERE = {"mlsys_lessons", "numpy", "pandas", "scipy"} | set(sys.stdlib_module_names)
STORED_CLAIMS = {
    "mlsys_lessons.claims",
    "mlsys_lessons.claims.Result",
    "mlsys_lessons.claims.stored",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Dotted name below the package, for messages and test ids."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def room_of(name: str) -> str:
    """The room that a module stands in: its top folder or file; an entry point is on the roof."""
    parts = name.split(".")
    return "__main__" if parts[-1] == "__main__" else parts[0]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """Dotted names that an import statement names, with what it takes from each module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide where a name comes from"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imports(path: Path) -> frozenset[str]:
    return frozenset(name for node in ast.walk(tree(path)) for name in imported(node))


def early_imports(path: Path) -> set[str]:
    """What is imported when the module is: everything outside functions and type checking."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree(path)]
    while waiting:
        node = waiting.pop()
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not late and not checking:
            found.update(imported(node))
            waiting.extend(ast.iter_child_nodes(node))
    return found


def own_imports(path: Path) -> set[str]:
    """What a file imports of this package, below its name; docstrings and notebooks say `mls`."""
    prefix = "mlsys_lessons."
    return {name.removeprefix(prefix) for name in imports(path) if name.startswith(prefix)}


def rooms_used(path: Path) -> set[str]:
    """Other rooms that a file imports from; what the roof offers (`mlsys_lessons.simulate`)."""
    known = set().union(*FLOORS)
    return {room_of(name) for name in own_imports(path) if name.split(".")[0] in known} - {
        room_of(name_of(path))
    }


def floor(room: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if room in rooms)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_nothing_imports_upward(path: Path) -> None:
    here = floor(room_of(name_of(path)))  # which every room has, or this fails
    upward = [room for room in rooms_used(path) if floor(room) > here]
    assert not upward, f"{name_of(path)} imports {upward} from above"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_rooms_of_one_floor_leave_each_other_alone(path: Path) -> None:
    room = room_of(name_of(path))
    beside = {other for other in rooms_used(path) if floor(other) == floor(room)}
    if room in GROUND or floor(room) >= len(FLOORS) - 2:
        return  # the ground is one room, and the roof is for whoever comes from outside
    if room == "lessons":
        of_claims = {name for name in imports(path) if name.startswith("mlsys_lessons.claims")}
        assert of_claims <= STORED_CLAIMS, "lessons take nothing from claims but stored results"
        beside.discard("claims")
    assert not beside, f"{name_of(path)} imports {beside} from its own floor"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_components_never_import_each_other_nor_reality(path: Path) -> None:
    room, *inside = name_of(path).split(".")
    if room != "components" or not inside:
        return
    ours = {name.split(".")[1] for name in own_imports(path) if name.startswith("components.")}
    assert ours <= {inside[0], "component"}
    of_worlds = {name for name in own_imports(path) if name.startswith("worlds")}
    default = {"worlds.payments.domain.PAYMENTS"} if inside == ["component"] else set()
    assert of_worlds == default, "of a world, components know the default domain's data alone"


def test_no_module_imports_itself_in_a_circle() -> None:
    names = {name_of(path) for path in modules() if path.name != "__init__.py"}
    graph = {}
    for path in modules():
        if name_of(path) in names:
            parents = {name.rpartition(".")[0] for name in own_imports(path)}
            graph[name_of(path)] = (own_imports(path) | parents) & names
    while graph:
        leaves = {name for name, below in graph.items() if not below & set(graph)}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {name: below for name, below in graph.items() if name not in leaves}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_heavy_packages_are_imported_late(path: Path) -> None:
    early = {name.split(".")[0] for name in early_imports(path)} - EVERYWHERE
    assert not early, f"{name_of(path)} imports {sorted(early)} before anybody needs it"


def test_each_heavy_package_is_imported_in_one_place() -> None:
    users: dict[str, set[str]] = {}
    for path in modules():
        room = room_of(name_of(path))
        for name in {each.split(".")[0] for each in imports(path)} - EVERYWHERE:
            if room != "lessons":  # learners use the libraries that they know
                users.setdefault(name, set()).add(room)
    shared = {name: sorted(rooms) for name, rooms in users.items() if len(rooms) > 1}
    assert not shared


def test_importing_the_package_loads_nothing_heavy() -> None:
    late = ("mlsys_lessons.lessons", "mlsys_lessons.traffic")
    heavy = ("sklearn", "matplotlib", "tqdm", "IPython", "ipywidgets", "joblib", "duckdb", *late)
    code = f"import sys, mlsys_lessons\nprint([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                           cwd=PACKAGE.parent, check=False)  # fmt: skip
    assert shown.stdout.strip() == "[]", shown.stderr


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    header = ast.get_docstring(tree(path))
    assert header, f"{name_of(path)} has no header docstring"
    assert len(header.split()) >= 6


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_file_that_is_named_is_there(path: Path) -> None:
    named = set(re.findall(r"\b(?!cN_)\w+\.(?:py|md|sql)\b", path.read_text(encoding="utf-8")))
    house = (PACKAGE, *(PACKAGE.parent / folder for folder in ("docs", "tests")))
    assert named <= {file.name for folder in house for file in folder.rglob("*.*")}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_long_module_gives_its_reason(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    header = ast.get_docstring(tree(path)) or ""
    assert lines <= 250 or "Longer than" in header, f"{name_of(path)} has {lines} lines"


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    prose: set[int] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                prose.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines = path.read_text(encoding="utf-8").splitlines()
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in prose
        for number, line in enumerate(lines, start=1)
    )


def test_size_is_a_promise() -> None:
    """A small helper package: 20,125 lines, most of them to be read; three worlds are among them.

    The course's contents grow with it, and have limits of their own: a lesson, and a claim.
    """
    sizes = {path: code_lines(path) for path in modules()}
    claims = {path: sizes.pop(path) for path in PACKAGE.glob("claims/c[0-9]*_*.py")}
    assert all(lines <= 200 for lines in claims.values()), claims
    assert (
        sum(n for path, n in sizes.items() if room_of(name_of(path)) in READ_BY_LEARNERS) <= 11_650
    )
    assert sum(n for path, n in sizes.items() if room_of(name_of(path)) in AROUND) <= 8_475
    for lesson in sorted(PACKAGE.glob("lessons/lesson[0-9][0-9]")):
        assert sum(n for path, n in sizes.items() if lesson in path.parents) <= 500, lesson.name


# The file that a reader opens first in each room, and what the words in it are worth.
FRONT = {
    "ingestion": "ingestion/stages.py",
    "features": "features/stages.py",
    "inference": "inference/stages.py",
    "decisions": "decisions/stages.py",
    "monitoring": "monitoring/monitor.py",
    "response": "response/responders.py",
}


@pytest.mark.parametrize("part", FRONT)
def test_a_component_is_read_in_five_minutes(part: str) -> None:
    """At most 900 words, simpy's core: the naive level, then the resilient one, then helpers."""
    path = PACKAGE / "components" / FRONT[part]
    assert len(path.read_text(encoding="utf-8").split()) <= 900
    levels = [node for node in tree(path).body if isinstance(node, ast.ClassDef)]
    docs = [ast.get_docstring(node) or "" for node in levels]
    naive, resilient = (
        next(place for place, text in enumerate(docs) if text.startswith(word))
        for word in ("Naive level", "Resilient level")
    )
    assert naive < resilient
    helpers = [node.lineno for node in tree(path).body if isinstance(node, ast.FunctionDef)]
    assert min(helpers, default=10**9) > levels[resilient].lineno


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_functions_are_short(path: Path) -> None:
    long = [
        f"{node.name}: {lines}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and (lines := body_lines(node)) > 30
    ]
    assert not long


def body_lines(node: ast.FunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


# Codes of categories, shifts and masks have doors: frames.py and ids.py, and the files behind the
# bar that are made of them (hashes of luck, tables of bits).
CLEVER = {"frames", "ids", "randomness", "components.inference.tree_tables"}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_cleverness_has_a_door(path: Path) -> None:
    name = name_of(path)
    if room_of(name) not in READ_BY_LEARNERS or name in CLEVER:
        return
    text = path.read_text(encoding="utf-8")
    assert ".cat.codes" not in text
    shifts = [
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift | ast.RShift)
    ]
    assert not shifts


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_nothing_is_left_for_later(path: Path) -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"))
    text = path.read_text(encoding="utf-8")
    assert not re.search(rf"\b({marks})\b", text)
    assert "np.random.seed" not in text
    assert "RandomState" not in text


def test_nobody_assigns_into_a_system() -> None:
    """Lessons, claims and learners change a system through `with_` alone."""
    parts = "ingestion|features|inference|decisions|monitor|retraining|levels"
    assignment = re.compile(rf"\.({parts}) = |registry\.adopt\(")
    outside = [path for path in modules() if room_of(name_of(path)) not in READ_BY_LEARNERS]
    sources = [*outside, *sorted((PACKAGE.parent / "notebooks" / "source").glob("*.py"))]
    assert not [path.name for path in sources if assignment.search(path.read_text("utf-8"))]
