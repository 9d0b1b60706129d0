"""What a learner handed in, handled with care: is it still the stub, does it change its inputs.

Nothing here knows what is right or wrong; that is for a question's rule to say.
"""

from __future__ import annotations

import ast
import copy
import dis
import functools
import inspect
import sysconfig
import textwrap
import traceback
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import pandas as pd

_SILENT = {"RESUME", "NOP", "LOAD_CONST", "POP_TOP", "RETURN_VALUE", "RETURN_CONST"}
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, functools.partial, np.ufunc)
_PLAIN = (str, bytes, int, float, set)
_NOT_THE_LEARNERS = (
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
    str(Path(__file__).parent.parent),
    "<frozen",
)


class NotAttempted(Exception):
    """Raised inside a rule when the answer is still open; the message says what is missing."""


class Guarded:
    """A learner's function on copies: it remembers what was changed, and what came back last.

    A rule that means the function to change its input (or to return nothing) calls
    `answer.__wrapped__` instead.
    """

    __wrapped__: Any

    def __init__(self, function: Any) -> None:
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self.name = getattr(function, "__name__", "answer")
        self.fault = ""
        self.returned: Any = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the answer on copies of the arguments."""
        self.returned = None
        originals = [*arguments, *named.values()]
        copies = [_copied(value) for value in originals]
        names = dict(zip(named, copies[len(arguments) :], strict=True))
        result = self.__wrapped__(*copies[: len(arguments)], **names)
        pairs = zip(originals, copies, strict=True)
        changed = [original for original, used in pairs if differs(original, used)]
        if changed:
            kind = type(changed[0]).__name__
            self.fault = (
                f"`{self.name}` changes the {kind} that it is given, and the next stage would see "
                "the change; work on a copy"
            )
        if result is None or result is ...:
            raise NotAttempted(f"`{self.name}` returns {result}: is the `return` still missing?")
        self.returned = result
        return result


def guarded(answer: Any) -> Any:
    """The answer itself, or, for a function, the same function behind a guard."""
    return Guarded(answer) if isinstance(answer, _FUNCTIONS) else answer


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # some objects cannot be copied; then the learner gets the object itself
        return value


def differs(before: Any, after: Any) -> bool:
    """Whether plain data was changed; objects with a life of their own may change freely."""
    if type(before) is not type(after):
        return True
    if isinstance(before, pd.DataFrame | pd.Series):
        return not before.equals(after) or list(before.axes[-1]) != list(after.axes[-1])
    if isinstance(before, np.ndarray):
        missing = before.dtype.kind in "fcmM"
        return not np.array_equal(before, after, equal_nan=missing)
    if isinstance(before, dict):
        return list(before) != list(after) or differs([*before.values()], [*after.values()])
    if isinstance(before, list | tuple):
        return len(before) != len(after) or any(map(differs, before, after))
    return isinstance(before, _PLAIN) and before is not after and before != after


def is_untouched(answer: Any, starter: CodeType | None = None) -> bool:
    """Whether an answer is still the open stub: `...`, None, an empty body, the starter itself.

    >>> def stub(reference, current):
    ...     "Still to be written."
    >>> is_untouched(stub), is_untouched(...), is_untouched((1, ...)), is_untouched(0)
    (True, True, True, False)
    """
    if answer is None or answer is ...:
        return True
    if isinstance(answer, list | tuple):
        return any(item is ... for item in answer)
    if isinstance(answer, FunctionType):
        code = answer.__code__
        return _is_empty(code) or (starter is not None and _body(code) == _body(starter))
    if isinstance(answer, type):
        own = [item for name, item in vars(answer).items() if not _is_plumbing(name)]
        return all(isinstance(item, FunctionType) and _is_empty(item.__code__) for item in own)
    call = getattr(type(answer), "__call__", None)  # noqa: B004 - the method itself is wanted
    return isinstance(call, FunctionType) and _is_empty(call.__code__)


def open_line(answer: Any) -> str:
    """The first line of an answer that is still the starter's `name = ...`; empty without one.

    >>> def half(paid):
    ...     train = paid < 3
    ...     test = ...
    ...     return train, test
    >>> open_line(half)
    'test = ...'
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(answer)))
    except (OSError, TypeError, SyntaxError, ValueError):  # no source, no line
        return ""
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Assign | ast.Return | ast.Expr) else None
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        if any(isinstance(part, ast.Constant) and part.value is ... for part in parts):
            return ast.unparse(node)
    return ""


def _is_plumbing(name: str) -> bool:
    """Whether Python put this name into the class by itself."""
    return name in {
        "__module__", "__doc__", "__dict__", "__weakref__", "__qualname__",
        "__firstlineno__", "__static_attributes__",
    }  # fmt: skip


def _is_empty(code: CodeType) -> bool:
    steps = list(dis.get_instructions(code))
    values = [step.argval for step in steps if step.opname in ("LOAD_CONST", "RETURN_CONST")]
    return all(step.opname in _SILENT for step in steps) and values[-1] in (None, ...)


def _body(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(_body(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts)
    return (code.co_code, code.co_names, constants)


def own_line(error: BaseException) -> str:
    """The learner's own line in which an error came up, as code; empty when there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_NOT_THE_LEARNERS)]
    if not own:
        return ""
    return f"your line `{own[-1].line}`" if own[-1].line else f"your line {own[-1].lineno}"
