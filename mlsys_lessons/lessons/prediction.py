"""Bets: a learner says what will happen, before the run says it.

A bet is locked once and compared later, without a score; what looks like a slip is asked about
first. An open bet stops nothing: what was measured is then said by itself. The text follows from
what this notebook holds: a cell with `...` in it prints the same on every machine, whatever an
older progress file remembers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, TypeGuard

from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.wording import describe, lines, number

_OPEN = object()  # this notebook's bet cell was run with `...` in it
_NOT_RUN = object()  # it was not run at all
_NEAR = 0.05  # of the whole that a bet is a part of: this close it holds
_WRITTEN = re.compile(r"([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?) ?(%|[^\W\d]+|€)?")
_EUROS = {"€", "euro", "eur"}


@dataclass
class _Slip:
    """What this notebook knows of one bet."""

    bet: Any = _NOT_RUN
    asked: Any = None  # what the learner was asked to confirm
    revealed: bool = False


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
        What a number counts, in the plural, such as "days" or "euros".
    choices
        The possible answers when it is no free number; a part that only one of them has is enough.
    of
        The whole that the number is a part of: 100 in "of 100 euros". A number below none or above
        all of it, or one that looks like a share, is asked about before it is locked.
    least, most
        What a number cannot be below or above; nothing outside is locked.
    counted
        Whether it is a whole number.

    Examples
    --------
    >>> bet = Prediction(id="lesson01.bet1", question="Days until somebody notices?", unit="days")
    >>> bet.guess(...)
    [no bet] Days until somebody notices? Replace the `...` with a number of days and run the cell.
    >>> bet.reveal(41)
      measured   41 days
    """

    id: str
    question: str
    unit: str = ""
    choices: tuple[Any, ...] | None = None
    of: float | None = None
    least: float = -math.inf
    most: float = math.inf
    counted: bool = False
    _slip: _Slip = field(default_factory=_Slip, init=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"lesson\d\d\.bet\d+", self.id):
            raise InputError(f"bet id {self.id!r} must look like 'lesson01.bet1'; rename it")

    def __repr__(self) -> str:
        return f"{self.id}: {self.question}"

    def guess(self, value: Any) -> None:
        """Lock the bet and say so; a second, different one changes nothing."""
        if value is None or value is ...:
            self._slip.bet = _OPEN
            todo = f"Replace the `...` with {self._wanted()} and run the cell."
            return print(lines(f"[no bet] {self.question} {todo}"))
        try:
            bet = self._read(value)
        except InputError as problem:
            return print(lines(f"[no bet] {problem}"))
        if self._remembered() is _OPEN:
            if self._slip.revealed:
                late = "[too late] What was measured stands below already; nothing is locked."
                return print(late)
            if (doubt := self._doubt(bet)) and self._slip.asked != bet:
                self._slip.asked = bet
                again = "Run the cell again to lock it as it is, or write another number."
                return print(lines(f"[not yet] {doubt} {again}"))
        self._lock(bet)

    def _lock(self, bet: Any) -> None:
        earlier = self._slip.bet if self._slip.bet not in (_OPEN, _NOT_RUN) else bet
        kept = progress.remember("guesses", self.id, earlier)
        self._slip.bet = kept.value
        if kept.value == bet:
            print(lines(f"[locked] {self._shown(bet)}. {kept.note}"))
        else:
            print(lines(f"[locked] Your first bet stays: {self._shown(kept.value)}. {kept.note}"))

    def reveal(self, measured: Any, oddity: str = "") -> None:
        """Print what was measured, a bet beside it, and one sentence about the gap."""
        bet, gap = self._standing(), ""
        self._slip.revealed = True
        if bet is not _OPEN:
            print(f"  your bet   {self._shown(bet)}")
            gap = self._gap(bet, measured)
        print(f"  measured   {self._shown(measured)}")
        if sentence := f"{gap} {oddity}".strip():
            print(lines(sentence))

    def _standing(self) -> Any:
        """The bet that a reveal compares: this notebook's, or the file's when no cell has run."""
        return self._remembered() if self._slip.bet is _NOT_RUN else self._slip.bet

    def _remembered(self) -> Any:
        """The bet of this notebook or of the file; `_OPEN` when there is none."""
        if self._slip.bet not in (_OPEN, _NOT_RUN):
            return self._slip.bet
        try:
            return progress.load()["guesses"].get(self.id, _OPEN)
        except StorageError:
            return _OPEN

    # --- reading what was written ---------------------------------------------------------------

    def _read(self, value: Any) -> Any:
        """The bet in its plain form; raises InputError, with a way out, when it is none."""
        if self.choices is not None:
            return self._chosen(str(value).strip().casefold(), value)
        plain = self._number(value)
        if plain is None or not math.isfinite(plain):
            raise InputError(f"{describe(value)} is not {self._wanted()}; try again.")
        if not self.least <= plain <= self.most:
            raise InputError(f"{self._said(plain)} cannot be: {self._limits()}; try again.")
        if self.counted and not plain.is_integer():
            raise InputError(f"{self._said(plain)} cannot be: write a whole number.")
        return int(plain) if plain.is_integer() else plain

    def _chosen(self, words: str, value: Any) -> Any:
        choices = {str(choice).casefold(): choice for choice in self.choices or ()}
        part = re.search(r"[^\W\d]", words) is not None
        found = [choice for text, choice in choices.items() if part and words in text]
        if words in choices or len(found) == 1:
            return choices[words] if words in choices else found[0]
        if found:
            raise InputError(f"{describe(value)} may be {_quoted(found, 'or')}; write more of it.")
        raise InputError(f"{describe(value)} is not {self._wanted()}; try again.")

    def _number(self, value: Any) -> float | None:
        """A number, or one that is written: "10", "10 euros", and "10 %" of what has a whole."""
        if not isinstance(value, str):
            return float(value) if _is_number(value) and abs(value) < 1e300 else None
        written = _WRITTEN.fullmatch(value.strip().replace("\u2212", "-"))
        if written is None or not re.search(r"\d", written[1]):
            return None
        plain, unit = float(written[1].replace(",", "")), (written[2] or "").casefold()
        if unit == "%":
            return None if self.of is None else plain * self.of / 100
        if self.unit == "euros" and unit in _EUROS:
            return plain
        return plain if unit in ("", self.unit, self.unit.removesuffix("s")) else None

    def _doubt(self, bet: Any) -> str:
        """What makes a number look like a slip, or nothing."""
        if self.of is None or not _is_number(bet):
            return ""
        part = float(bet)
        if 0 < abs(part) < 1 and self.of >= 10:
            share = f"{self._shown(part)} is {100 * part / self.of:.3g} %"
            return f"{share}; {100 * part:.3g} % is {number(round(part * self.of, 6))}."
        if not 0 <= part <= self.of:
            return f"{self._shown(part)} is {'less than none' if part < 0 else 'more than all'}."
        return ""

    # --- saying it ------------------------------------------------------------------------------

    def _wanted(self) -> str:
        if self.choices is not None:
            return f"one of {_quoted(self.choices, 'and')}"
        whole = f" (of {number(self.of)})" if self.of is not None else ""
        return f"a number of {self.unit}{whole}" if self.unit else "a number"

    def _limits(self) -> str:
        if math.isinf(self.most):
            return f"at least {number(self.least)}"
        if math.isinf(self.least):
            return f"at most {number(self.most)}"
        return f"from {number(self.least)} to {number(self.most)}"

    def _shown(self, value: Any) -> str:
        if not _is_number(value):
            return str(value)
        if self.of is not None:
            return f"{number(float(value))} of {number(self.of)} {self.unit}"
        return self._said(float(value))

    def _said(self, value: float) -> str:
        """A number with its unit, which stands in the singular after a one."""
        unit = self.unit.removesuffix("s") if abs(value) == 1 else self.unit
        return f"{number(value)} {unit}".rstrip()

    def _gap(self, bet: Any, measured: Any) -> str:
        if not (isinstance(bet, Real) and isinstance(measured, Real)) or self.choices is not None:
            return "Your bet holds." if str(bet) == str(measured) else "Not what you bet."
        expected, reality = float(bet), float(measured)
        off = f"Off by {self._said(abs(reality - expected))}"
        if self.of is not None:
            near = abs(reality - expected) <= _NEAR * self.of
            return "Your bet holds, or nearly." if near else f"{off}."
        if math.isclose(expected, reality, rel_tol=0.1):
            return "Your bet holds, within a tenth."
        if expected * reality < 0:
            return f"{off}, and on the other side of zero."
        if expected == 0 or reality == 0:
            return f"{off}."
        ratio = reality / expected
        if ratio > 1:
            return f"Reality is {number(round(ratio, 1))} times your bet."
        return f"Your bet is {number(round(1 / ratio, 1))} times reality."


def _is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _quoted(choices: Any, last: str) -> str:
    """Choices as a learner writes them: words in quotes.

    >>> _quoted(["a, b", "c", 2], "or")
    '"a, b", "c" or 2'
    """
    words = [f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in choices]
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
