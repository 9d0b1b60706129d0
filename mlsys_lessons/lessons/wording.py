"""How exercises speak: values in a few words, and text that shows itself in notebook and terminal.

Everything here is deterministic, since the notebooks' tests compare text. No exercise is judged
in this file.
"""

from __future__ import annotations

import re
import reprlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.errors import InputError

LESSON = re.compile(r"lesson\d\d")
_WIDTH = 100  # characters: what a page shows of printed text before it cuts a word
_LONG = 100  # bits: a longer number is not spelt out
_SHORT = 6  # values of an array that are shown in full
_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 60  # characters


def lines(text: str, *, indent: str = "") -> str:
    """Text for a page: broken between words, later lines indented.

    >>> max(len(line) for line in lines("one word " * 30).splitlines()) <= 100
    True
    """
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent)


def lesson_name(name: str) -> str:
    """The name of a lesson as it is; raises InputError when it is none.

    >>> lesson_name("lesson01")
    'lesson01'
    """
    if not LESSON.fullmatch(name):
        raise InputError(f"lesson {name!r} must look like 'lesson01'; correct the name")
    return name


@dataclass(frozen=True)
class Passage:
    """A piece of text that shows itself: markdown in a notebook, plain text elsewhere.

    >>> Passage("Hint 1 of 3: think of the clock.")
    Hint 1 of 3: think of the clock.
    """

    plain: str
    markdown: str = ""

    def __repr__(self) -> str:
        return self.plain

    def _repr_markdown_(self) -> str:
        return self.markdown or markdown_safe(self.plain)


def markdown_safe(text: str) -> str:
    r"""The text with its markdown signs escaped outside of `code`.

    >>> markdown_safe("amount_cents * 2 in `amount_cents`")
    'amount\\_cents \\* 2 in `amount_cents`'
    """
    pieces = text.split("`")
    pieces[::2] = [re.sub(r"([*_<>$#|\[\]])", r"\\\1", prose) for prose in pieces[::2]]
    return "`".join(pieces)


def number(value: float) -> str:
    """A number as it is said: whole when whole, else three telling digits.

    >>> number(1234567), number(41.234), number(0.00512), number(-1234.5)
    ('1,234,567', '41.2', '0.00512', '-1,234')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def describe(value: Any) -> str:
    """A value in a few words, for a verdict's sentence.

    >>> describe(np.arange(200.0)), describe(np.array([1, 2])), describe("approve")
    ('array of 200 values (0, 1, 2, 3, 4, 5, ...)', 'array (1, 2)', "'approve'")
    """
    if isinstance(value, bool | np.bool_ | np.str_):
        value = value.item() if isinstance(value, np.generic) else value
        return repr(value)
    if isinstance(value, int) and value.bit_length() > _LONG:
        return f"a whole number of {round(value.bit_length() * np.log10(2))} digits"
    if isinstance(value, int | float | np.number):
        return f"{value:,}" if isinstance(value, int | np.integer) else f"{value:.4g}"
    if isinstance(value, pd.DataFrame):
        return f"frame of {len(value)} rows with {', '.join(map(str, value.columns[:_SHORT]))}"
    if isinstance(value, pd.Series):
        return describe(value.to_numpy()).replace("array", "series", 1)
    if isinstance(value, np.ndarray):
        return _describe_array(value)
    if isinstance(value, tuple) and len(value) <= _SHORT:
        return f"({', '.join(map(describe, value))})"
    return _brief.repr(value)


def _describe_array(values: np.ndarray) -> str:
    if values.ndim != 1:
        return f"array of shape {values.shape}"
    shown = ", ".join(describe(value) for value in values[:_SHORT])
    if len(values) <= _SHORT:
        return f"array ({shown})"
    return f"array of {len(values)} values ({shown}, ...)"


def describe_case(case: Mapping[str, Any]) -> str:
    """The arguments of one trial, by name.

    >>> describe_case({"days": 45, "labels": np.array([1, 0])})
    '`days` = 45, `labels` = array (1, 0)'
    """
    return ", ".join(f"`{name}` = {describe(value)}" for name, value in case.items())
