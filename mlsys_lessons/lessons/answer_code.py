"""The code of a question: which name its starter defines, its stub, and our answer's source.

It reads code and runs none; values are judged in question.py.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import CodeType
from typing import Any

from mlsys_lessons.errors import InputError


def defined_name(starter: str, question: str) -> str:
    """The last name that a starter defines: the one that is checked."""
    for node in reversed(ast.parse(starter).body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            return node.name
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            return node.targets[0].id
    raise InputError(f"the starter of {question} defines no name; end it with a def or name = ...")


def source_of(answer: Any, name: str) -> str:
    """The code that gives an answer its name: what a learner would have written."""
    if not (inspect.isfunction(answer) or inspect.isclass(answer)):
        return f"{name} = {answer!r}"
    source = textwrap.dedent(inspect.getsource(answer)).rstrip()
    return source if answer.__name__ == name else f"{source}\n\n{name} = {answer.__name__}"


def stub_of(starter: str, name: str) -> CodeType | None:
    """The code of the starter's function, to recognise it when it comes back unchanged."""
    constants = compile(starter, "<starter>", "exec").co_consts
    return next((c for c in constants if isinstance(c, CodeType) and c.co_name == name), None)
