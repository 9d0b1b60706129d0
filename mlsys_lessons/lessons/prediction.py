"""Bets: a learner says what will happen, before the run says it.

A bet is locked once and compared later, without a score. An open bet stops nothing. The text
follows from what this notebook holds: a cell with `...` in it prints the same on every machine,
whatever an older progress file remembers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, TypeGuard

from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.wording import describe, lines, number
from mlsys_lessons.records import InputError, StorageError

_OPEN = object()  # this notebook's bet cell was run with `...` in it
_NOT_RUN = object()  # it was not run at all


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """A question about what will happen: `guess` before the run, `reveal` after it.

    Why it matters: a surprise teaches only somebody who has said what they expected.

    Parameters
    ----------
    id
        `lesson01.bet1`.
    question
        One sentence.
    unit
        What a number counts, such as "days" or "euros".
    choices
        The possible answers when it is no free number.

    Examples
    --------
    >>> bet = Prediction(id="lesson01.bet1", question="Days until somebody notices?", unit="days")
    >>> bet.guess(...)
    [no bet] Days until somebody notices? Replace the `...` with a number of days and run the cell.
    >>> bet.reveal(41)
      your bet   none
      measured   41 days
    """

    id: str
    question: str
    unit: str = ""
    choices: tuple[Any, ...] | None = None
    _bet: list[Any] = field(default_factory=lambda: [_NOT_RUN], init=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"lesson\d\d\.bet\d+", self.id):
            raise InputError(f"bet id {self.id!r} must look like 'lesson01.bet1'; rename it")

    def __repr__(self) -> str:
        return f"{self.id}: {self.question}"

    def guess(self, value: Any) -> None:
        """Lock the bet and say so; a second, different one changes nothing."""
        if value is None or value is ...:
            self._bet[0] = _OPEN
            todo = f"Replace the `...` with {self._wanted()} and run the cell."
            return print(lines(f"[no bet] {self.question} {todo}"))
        bet = self._read(value)
        if bet is None:
            return print(lines(f"[no bet] {describe(value)} is not {self._wanted()}; try again."))
        earlier = self._bet[0] if self._bet[0] not in (_OPEN, _NOT_RUN) else bet
        kept = progress.remember("guesses", self.id, earlier)
        self._bet[0] = kept.value
        if kept.value == bet:
            print(lines(f"[locked] {self._shown(bet)}. {kept.note}"))
        else:
            print(lines(f"[locked] Your first bet stays: {self._shown(kept.value)}. {kept.note}"))

    def reveal(self, measured: Any, oddity: str = "") -> None:
        """Print the bet beside what was measured, and one sentence about the gap."""
        bet = self._standing()
        print(f"  your bet   {'none' if bet is _OPEN else self._shown(bet)}")
        print(f"  measured   {self._shown(measured)}")
        gap = "" if bet is _OPEN else self._gap(bet, measured)
        if sentence := f"{gap} {oddity}".strip():
            print(lines(sentence))

    def _standing(self) -> Any:
        if self._bet[0] is not _NOT_RUN:
            return self._bet[0]
        try:
            return progress.load()["guesses"].get(self.id, _OPEN)
        except StorageError:
            return _OPEN

    def _read(self, value: Any) -> Any:
        """The bet in its plain form, or None when it is no possible answer."""
        if self.choices is not None:
            word = str(value).strip().casefold()
            return next((c for c in self.choices if str(c).casefold() == word), None)
        if not _is_number(value) or not math.isfinite(value):
            return None
        plain = float(value)
        return int(plain) if plain.is_integer() else plain

    def _wanted(self) -> str:
        if self.choices is not None:
            return f"one of {', '.join(map(str, self.choices))}"
        return f"a number of {self.unit}" if self.unit else "a number"

    def _shown(self, value: Any) -> str:
        if _is_number(value):
            return f"{number(float(value))} {self.unit}".rstrip()
        return str(value)

    def _gap(self, bet: Any, measured: Any) -> str:
        if not (isinstance(bet, Real) and isinstance(measured, Real)) or self.choices is not None:
            return "Your bet holds." if str(bet) == str(measured) else "Not what you bet."
        expected, reality = float(bet), float(measured)
        if math.isclose(expected, reality, rel_tol=0.1):
            return "Your bet holds, within a tenth."
        if expected * reality < 0:
            return f"Off by {self._shown(abs(reality - expected))}, and on the other side of zero."
        if expected == 0 or reality == 0:
            return f"Off by {self._shown(abs(reality - expected))}."
        ratio = reality / expected
        if ratio > 1:
            return f"Reality is {number(round(ratio, 1))} times your bet."
        return f"Your bet is {number(round(1 / ratio, 1))} times reality."


def _is_number(value: Any) -> TypeGuard[Real]:
    """Whether a value is a real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)
