"""Mutants of a solution: the same code with one sign, limit, constant or name changed.

A check that lets a mutant pass does not look at what the mutant does otherwise. Each is a function
made from the solution's own source, in its own module.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

_COMPARED = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip
_COMBINED = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Div,), ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,),
    ast.Pow: (ast.Mult,), ast.Mod: (ast.FloorDiv,),
}  # fmt: skip
_CALLED = {
    "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum", "mean": "median",
    "median": "mean", "sum": "mean", "argmax": "argmin", "argmin": "argmax", "any": "all",
    "all": "any", "ceil": "floor", "floor": "ceil", "nanmean": "mean", "notna": "isna",
    "isna": "notna", "log": "log1p", "log1p": "log", "idxmax": "idxmin", "idxmin": "idxmax",
    "cumsum": "cumprod",
}  # fmt: skip
_WITHOUT = ("abs", "fillna", "rint", "round", "dropna", "sort_values", "clip")  # left away


def mutants(function: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every mutant of a function, with the line that was changed and what it became."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source)
    parameters = [each.arg for each in tree.body[0].args.args]  # type: ignore[attr-defined]
    seen = {ast.unparse(tree)}
    for number, node in enumerate(ast.walk(tree)):
        for changed in _changed(node, parameters):
            other = copy.deepcopy(tree)
            _put(other, number, changed)
            text = ast.unparse(other)
            if text in seen:
                continue
            seen.add(text)
            line = getattr(node, "lineno", 1) - 1
            before = source.splitlines()[line].strip()
            yield f"{before}  =>  {_difference(tree, other)}", _made(function, text)


def _changed(node: ast.AST, parameters: list[str]) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    if isinstance(node, ast.Compare):
        for kind in _COMPARED.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [kind(), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BinOp):
        for kind in _COMBINED.get(type(node.op), ()):
            yield ast.BinOp(node.left, kind(), node.right)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other, node.values)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1 if type(node.value) is int else node.value * 1.5)
        if node.value:
            yield ast.Constant(0)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in parameters:
        yield from (ast.Name(other, ast.Load()) for other in parameters if other != node.id)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    if not isinstance(node.func, ast.Attribute):
        return
    name = node.func.attr
    if name in _CALLED:
        func = ast.Attribute(node.func.value, _CALLED[name], ast.Load())
        yield ast.Call(func, node.args, node.keywords)
    if name in _WITHOUT:
        is_module = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "pd")
        yield node.args[0] if is_module and node.args else node.func.value


def _put(tree: ast.AST, number: int, changed: ast.AST) -> None:
    """Put another node in the place of the one that `ast.walk` gives as that number."""
    target = list(ast.walk(tree))[number]
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, field, copy.deepcopy(changed))
            elif isinstance(value, list) and any(item is target for item in value):
                setattr(parent, field, [
                    copy.deepcopy(changed) if item is target else item for item in value
                ])  # fmt: skip
    ast.fix_missing_locations(tree)


def _difference(before: ast.AST, after: ast.AST) -> str:
    """The first line in which two sources differ, as it is now."""
    old, new = (ast.unparse(tree).splitlines() for tree in (before, after))
    return next((line.strip() for line, was in zip(new, old, strict=False) if line != was), "")


def _made(function: Callable[..., Any], text: str) -> Callable[..., Any]:
    names = dict(vars(inspect.getmodule(function)))
    exec(compile(text, "<mutant>", "exec"), names)
    made: Callable[..., Any] = names[function.__name__]
    return made
