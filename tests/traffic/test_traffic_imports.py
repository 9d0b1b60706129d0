"""Traffic knows no model: what its modules import, followed to the end, is a breaker and numbers.

A fresh process cannot show that, because `mlsys_lessons/__init__` loads the whole house; so the
import statements themselves are followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import mlsys_lessons

PACKAGE = Path(mlsys_lessons.__file__).parent


def file_of(module: str) -> Path | None:
    """The file of a module or package of ours; None for others and for names in a module."""
    base = PACKAGE.parent.joinpath(*module.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py")
                 if file.is_file()), None)  # fmt: skip


def loaded_with(module: str) -> Iterator[str]:
    """A module and the packages around it, which are loaded before it; not the top package."""
    parts = module.split(".")
    yield from (".".join(parts[:end]) for end in range(2, len(parts) + 1))


def imported(file: Path) -> Iterator[str]:
    """The modules of ours that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
        else:
            continue
        for name in names:
            yield from (module for module in loaded_with(name) if file_of(module))


def closure(modules: set[str]) -> set[str]:
    """All modules of ours that are loaded when some are."""
    loaded, waiting = set(), list(modules)
    while waiting:
        module = waiting.pop()
        if module in loaded or (file := file_of(module)) is None:
            continue
        loaded.add(module)
        if module.startswith("mlsys_lessons."):
            waiting += imported(file)
    return {module.removeprefix("mlsys_lessons.") for module in loaded}


def test_traffic_imports_the_breaker_and_no_model() -> None:
    own = {f"mlsys_lessons.traffic.{file.stem}" for file in (PACKAGE / "traffic").glob("*.py")}
    loaded = closure({name.removesuffix(".__init__") for name in own})
    assert "components.inference.breaker" in loaded  # so the walk goes that far
    inside = {name for name in loaded if name.split(".")[0] not in {"traffic", "components"}}
    assert inside == {"errors", "frames", "ids", "randomness", "records"}
    components = {name for name in loaded if name.startswith("components")}
    assert components == {"components", "components.inference", "components.inference.breaker"}


def test_the_walk_would_see_a_model() -> None:
    assert "components.inference.models" in closure({"mlsys_lessons.simulation.presets"})
