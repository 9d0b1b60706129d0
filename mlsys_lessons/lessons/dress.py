"""Right values in another dress: what a learner returned, told by its form and not by its idea.

An answer that would pass if it only were an array, a mask, in euros or the other way round has the
idea right. Tried once for every question, before any hint; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.lessons.guard import Guarded

Undress = Callable[[Any], Any]


def plain(value: Any) -> Any:
    """A list, a series, an index, or an array of one number, as the array or number that it is."""
    if isinstance(value, pd.Series | pd.Index):
        return value.to_numpy()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    if isinstance(value, list) and value and not isinstance(value[0], list | tuple | np.ndarray):
        return np.array(value)
    if isinstance(value, list):
        return tuple(map(plain, value))
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def _of_one(value: Any) -> Any:
    (only,) = np.asarray(value).ravel().tolist()
    return only


def _values(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError("no dict")
    return tuple(value.values())


def _flat(value: Any) -> Any:
    array = np.asarray(value)
    if array.ndim < 2 or 1 not in array.shape:
        raise TypeError("flat already")
    return array.ravel()


def _each(change: Callable[[Any], Any]) -> Undress:
    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(changed, value))
        if isinstance(value, bool | str) or np.asarray(value).dtype.kind not in "iuf":
            raise TypeError("no number")
        return change(np.asarray(value) if isinstance(value, list) else value)

    return changed


def _swapped(value: Any) -> Any:
    first, second = value
    return second, first


def _from_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError("no text")
    return float(value.strip(" %"))


def _turned(value: Any) -> Any:
    mask = np.asarray(value)
    if mask.dtype != bool:
        raise TypeError("no mask")
    return ~mask


DRESSES: dict[str, Undress] = {
    "it comes as text; return a number": _from_text,
    "it comes in a container of one; return the number itself": _of_one,
    "it comes as a dict; return the values themselves, in the order of the prompt": _values,
    "it has two dimensions; return it flat, one value each": _flat,
    "the two of them are swapped": _swapped,
    "the mask is turned round: it is true where it should be false": _turned,
    "the sign is the other one": _each(lambda value: -value),
    "it is a hundred times too large: a share, or euros, are asked for": _each(lambda v: v / 100),
    "it is a hundred times too small: percent, or cents, are asked for": _each(lambda v: v * 100),
    "it is a thousand times too large": _each(lambda value: value / 1_000),
    "it is a thousand times too small": _each(lambda value: value * 1_000),
}


def undressed(answer: Any) -> Iterator[tuple[str, Any]]:
    """The same answer in each other form, with the words for the dress; "" for a form that is fine.

    >>> [words for words, other in undressed("45") if other == 45.0]
    ['it comes as text; return a number']
    """
    for words, change in {"": plain, **DRESSES}.items():
        if isinstance(answer, Guarded):
            yield words, _behind(answer.__wrapped__, change)
        elif not callable(answer):
            try:
                yield words, change(answer)
            except Exception:  # it does not wear this dress
                continue


def _behind(function: Callable[..., Any], change: Undress) -> Callable[..., Any]:
    def other(*arguments: Any, **named: Any) -> Any:
        return change(function(*arguments, **named))

    return other
