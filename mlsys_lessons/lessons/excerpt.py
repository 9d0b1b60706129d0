"""A part of a longer text by its name: one function inside another, one step of a query.

For "open the bonnet": a lesson shows the lines in which the cause can be pointed at, and no more.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from mlsys_lessons.errors import InputError
from mlsys_lessons.warehouse import sql


def inner_function(outer: Callable[..., Any], name: str) -> str:
    """The source of the function that is defined inside another one.

    Raises InputError when there is none of this name.
    """
    source = textwrap.dedent(inspect.getsource(outer))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            found = source.splitlines()[node.lineno - 1 : node.end_lineno]
            return textwrap.dedent("\n".join(found))
    raise InputError(f"{name!r} is no function inside {outer.__name__}; look at its source.")


def sql_step(query: str, name: str) -> str:
    """One named step (`WITH name AS (...)`) of a warehouse query.

    >>> print(sql_step("todays_label", "known_today").splitlines()[0])
    known_today AS (

    Raises InputError when the query has no such step.
    """
    text = sql(query)
    found = re.search(rf"\b{re.escape(name)} AS \(\n.*?\n\)", text, re.DOTALL)
    if found is None:
        raise InputError(f"{name!r} is no step of {query!r}; read `sql({query!r})`.")
    return found.group()
