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

# Bottom up. A module imports from its own rank or below it, and stages never import each other.
RANKS = (
    {"records", "randomness"},
    {"keys", "service", "answers", "models", "contract"},
    {"worlds", "ingestion", "features", "inference", "decisions", "monitoring", "feedback"},
    {"warehouse"},  # below the loop: a run may keep its days there
    {"system", "faults", "ledger", "recorder", "run", "simulation", "presets"},
    {"scenarios"},
    {"traffic", "serving", "charts", "claims", "incident", "datasets"},
    {"exercises", "workshop", "cli"},
    {"__init__", "__main__"},
)
# private halves of a part, for its own use
SIBLINGS = {
    "event_store": "features",
    "feature_definitions": "features",
    "risk": "features",
    "trees": "models",
    "house_style": "charts",
}
STAGES = {"ingestion", "features", "inference", "decisions", "monitoring", "feedback"}
CORE = set().union(*RANKS[:6]) - {"warehouse"}
CONTENT = {"claims", "exercises"}  # one experiment a claim, a few questions a lesson
EVERYWHERE = {"mlsys_lessons", "numpy", "pandas", "scipy"} | set(sys.stdlib_module_names)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Dotted name below the package, for messages and test ids."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def part_of(path: Path) -> str:
    """The part of the house that a file belongs to: its top module or folder."""
    part = name_of(path).split(".")[0]
    return SIBLINGS.get(part, part)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """Dotted names that an import statement names; nothing for other statements."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide where a name comes from"
        module = node.module or ""
        yield module
        if module == "mlsys_lessons":
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> set[str]:
    return {name for node in ast.walk(tree(path)) for name in imported(node)}


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


def parts_used(path: Path) -> set[str]:
    """Other parts of the house that a file imports from."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("mlsys_lessons.")}
    known = {each for rank in RANKS for each in rank} | set(SIBLINGS)
    return {SIBLINGS.get(name, name) for name in names if name in known} - {part_of(path)}


def rank(part: str) -> int:
    return next(level for level, parts in enumerate(RANKS) if part in parts)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_every_module_has_a_place_in_the_house(path: Path) -> None:
    part = part_of(path)
    assert any(part in parts for parts in RANKS), f"say in RANKS where {part} stands"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_nothing_imports_upward(path: Path) -> None:
    upward = [part for part in parts_used(path) if rank(part) > rank(part_of(path))]
    assert not upward, f"{name_of(path)} imports {upward} from above"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_stages_import_neither_each_other_nor_reality(path: Path) -> None:
    if part_of(path) in STAGES:
        assert not parts_used(path) & (STAGES | {"worlds"})
    if part_of(path) == "worlds":
        assert not parts_used(path) & (STAGES | {"models", "answers", "service"})


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name_of(path): set() for path in modules() if path.name != "__init__.py"}
    for path in modules():
        for name in imports(path):
            target = name.removeprefix("mlsys_lessons.")
            if path.name != "__init__.py" and target in graph:
                graph[name_of(path)].add(target)
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
        for name in {each.split(".")[0] for each in imports(path)} - EVERYWHERE:
            if part_of(path) != "exercises":  # learners use the libraries that they know
                users.setdefault(name, set()).add(part_of(path))
    shared = {name: sorted(each) for name, each in users.items() if len(each) > 1}
    assert not shared


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("sklearn", "matplotlib", "tqdm", "IPython", "ipywidgets", "joblib", "duckdb")
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
def test_a_long_module_gives_its_reason(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    header = ast.get_docstring(tree(path)) or ""
    listing = name_of(path).startswith("exercises.lesson")  # questions are texts, one after another
    assert listing or lines <= 250 or "Longer than" in header, f"{name_of(path)} has {lines} lines"


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
    sizes = {path: code_lines(path) for path in modules()}
    core = sum(lines for path, lines in sizes.items() if part_of(path) in CORE)
    assert core <= 5_500
    assert sum(lines for path, lines in sizes.items() if part_of(path) not in CONTENT) <= 9_000


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


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_nothing_is_left_for_later(path: Path) -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"))
    text = path.read_text(encoding="utf-8")
    assert not re.search(rf"\b({marks})\b", text)
    assert "np.random.seed" not in text
    assert "RandomState" not in text
