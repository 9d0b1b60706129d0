"""The shape of a text of code: what it does, without how it is written.

Comments, docstrings and layout are no part of it. Imports stand apart, because what they bring in
counts and not where it stands. It opens no file and follows no import: code_version.py does.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

_SQL = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|\w+|[^\w\s]", re.DOTALL)


class Import(NamedTuple):
    """One name that an import statement binds."""

    bound: str
    module: str
    name: str = ""  # empty where the module itself is bound


class Code(NamedTuple):
    """What a module, or the part of it that a definition needs, does and imports."""

    shape: str
    imports: frozenset[Import]


@cache
def code_of(text: str, name: str | None = None) -> Code:
    """Shape and imports of a module's text, or of what one definition needs of it.

    A name that the text does not define, a class that was made while the program ran, needs all.

    >>> code_of("x = 1  # one") == code_of("x = (1)")
    True
    """
    statements = ast.parse(text).body
    imports = set(_imports(statements))
    if any(name in _defined(statement) for statement in statements):
        statements = _needed(statements, str(name))
        used = {word for statement in statements for word in _names(statement)}
        late = set(_imports(line for line in statements if not _is_import(line)))
        imports = late | {line for line in imports if line.bound in used}
    return Code(digest([_shape(ast.Module(statements, []))]), frozenset(imports))


def _needed(statements: Sequence[ast.stmt], name: str) -> list[ast.stmt]:
    """A definition, those that it names in turn, and every statement that defines nothing."""
    waiting = [name]
    wanted: set[str] = set()
    loose = [line for line in statements if not _defined(line) and not _is_import(line)]
    waiting += [word for statement in loose for word in _names(statement)]
    while waiting:
        current = waiting.pop()
        if current not in wanted:
            wanted.add(current)
            makers = (statement for statement in statements if current in _defined(statement))
            waiting += [word for maker in makers for word in _names(maker)]
    return [line for line in statements if line in loose or wanted & _defined(line)]


def _defined(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module defines; none where it does something else."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        nodes = [node for target in targets for node in ast.walk(target)]
        plain = all(isinstance(node, ast.Name | ast.Tuple | ast.Store) for node in nodes)
        return {node.id for node in nodes if isinstance(node, ast.Name)} if plain else set()
    return set()


def _names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _is_import(node: Any) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _imports(statements: Iterable[ast.stmt]) -> Iterator[Import]:
    """Every name that import statements bind, wherever they stand."""
    for node in chain.from_iterable(map(ast.walk, statements)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.asname or alias.name.split(".")[0], alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(alias.asname or alias.name, node.module or "", alias.name)


def _shape(node: Any) -> str:
    """A syntax tree as text, the same on every Python: no positions, docstrings, imports."""
    if isinstance(node, ast.AST):
        fields = {name: value for name, value in ast.iter_fields(node) if value not in (None, [])}
        if _documented(node):
            fields["body"] = node.body[1:]  # type: ignore[attr-defined]
        inner = ",".join(f"{name}={_shape(value)}" for name, value in fields.items())
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return "[" + ",".join(_shape(part) for part in node if not _is_import(part)) + "]"
    return repr(node)


def _documented(node: ast.AST) -> bool:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def sql_shape(text: str) -> str:
    """A text of SQL without its comments and its layout.

    >>> sql_shape("SELECT 1  -- one")
    'SELECT 1'
    """
    words = _SQL.findall(text)
    return " ".join(word for word in words if not word.startswith(("--", "/*")))


def digest(parts: Iterable[str]) -> str:
    """One hash of several texts, 64 hex digits."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
