"""Stored claims as lessons take them, and that lessons take nothing else from another room."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mlsys_lessons import claims, lessons
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import stored_claims

ROOM = Path(lessons.__file__).parent
FILES = sorted(ROOM.rglob("*.py"))


def test_effects_are_rows_and_a_group_goes_by_the_rest_of_its_names() -> None:
    result = claims.stored("C9")
    rows = stored_claims.effects(result)
    assert list(rows.index) == [effect.name for effect in result.effects]
    assert (rows["low"] <= rows["effect"]).all() and (rows["effect"] <= rows["high"]).all()
    group = stored_claims.effect_group(result, "lost when it is fixed")
    assert 1 < len(group) < len(rows)
    assert not group.index.str.contains("lost when|_").any()
    with pytest.raises(InputError, match="begins no effect of C9; see its effects"):
        stored_claims.effect_group(result, "won by the moon")


def imports(path: Path) -> set[str]:
    """The modules that a file imports from, early or late."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    return modules


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOM)))
def test_lessons_take_stored_results_from_claims_and_nothing_from_each_other(path: Path) -> None:
    names = imports(path)
    from_claims = {name for name in names if name.startswith("mlsys_lessons.claims")}
    if path.name == "stored_claims.py":
        assert from_claims == {"mlsys_lessons.claims.Result", "mlsys_lessons.claims.stored"}
    else:
        assert not from_claims
    others = {lesson for name in names for lesson in re.findall(r"lesson\d\d", name)}
    assert others <= {path.parent.name}
