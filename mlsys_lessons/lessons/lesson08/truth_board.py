"""The board that can be flipped: what a business can see one morning, and what is true.

Pure state (`Board`) with a text twin (its repr) and a thin view (`widget`). The truth is shown to
whoever has committed: is something wrong, in which layer does it begin, what does a week cost?
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons.lesson08 import answers, unseen_week
from mlsys_lessons.lessons.lesson08.blind_spot import five_layers
from mlsys_lessons.records import LAYERS, within

NOTHING = "nothing is wrong"
CHOICES = (NOTHING, *LAYERS)


@dataclass(frozen=True)
class Board:
    """One week as the business sees it; `commit` locks an opinion, `flip` shows the truth.

    >>> Board("B", seed=7).flip()
    Traceback (most recent call last):
    mlsys_lessons.errors.InputError: nothing is committed yet; say commit("inputs", 500) first.
    """

    letter: str
    seed: int
    opinion: tuple[str, float] | None = None
    flipped: bool = False

    def __post_init__(self) -> None:
        """Refuse a week that there is none of."""
        if self.letter not in unseen_week.WEEKS:
            raise InputError(f"week {self.letter!r} is not on the desk; choose one of A to G.")

    def commit(self, begins: str, euros_a_week: float) -> Board:
        """The board with an opinion, which stays: where it begins, and what a week costs."""
        if begins not in CHOICES:
            raise InputError(f"{begins!r} is no layer; choose one of {', '.join(CHOICES)}.")
        within("euros_a_week", euros_a_week, -1e6, 1e6)
        return self if self.opinion else replace(self, opinion=(begins, float(euros_a_week)))

    def flip(self) -> Board:
        """The same board with the truth on its back."""
        if self.opinion is None:
            raise InputError('nothing is committed yet; say commit("inputs", 500) first.')
        return replace(self, flipped=True)

    @property
    def front(self) -> str:
        """What the business can see on the last morning: its books, and five layers."""
        run, quiet = unseen_week.week(self.letter, self.seed), unseen_week.QUIET_DAYS
        booked = run.metrics.query("metric == 'booked_cents'")["value"].to_numpy() / 100
        layers = five_layers(run, unseen_week.DAYS - 1, before=quiet).drop(columns="owner")
        books = f"{booked[:quiet].mean():,.0f} euros booked a day, now {booked[quiet:].mean():,.0f}"
        return f"week {self.letter}, the morning of day {unseen_week.DAYS}; {books}\n{layers}"

    @property
    def back(self) -> str:
        """What is true, beside the opinion."""
        said = "you said: {}, {:,.0f} euros a week".format(*(self.opinion or (NOTHING, 0.0)))
        run, twin = unseen_week.week(self.letter, self.seed), unseen_week.calm(self.seed)
        first, owner, _ = answers.handover(run, twin)  # type: ignore[no-untyped-call]
        what = getattr(next(iter(run.faults), None), "name", NOTHING)
        return (
            f"{said}\ntrue: {what}; rang first: {first}, {owner}; "
            f"the week cost {unseen_week.euros_lost(run, twin):,.0f} euros"
        )

    def __repr__(self) -> str:
        return f"{self.front}\n\n{self.back}" if self.flipped else self.front


def widget(seed: int) -> Any:
    """The board as a small form: a week, an opinion, and a button that turns it over."""
    return _Form(seed).box


class _Form:
    """The view: it calls `Board.commit` and `Board.flip`, and shows the board's text."""

    def __init__(self, seed: int) -> None:
        import ipywidgets as forms

        self.seed = seed
        self.parts: dict[str, Any] = {
            "week": forms.Dropdown(options=list(unseen_week.WEEKS), description="week"),
            "begins": forms.Dropdown(options=CHOICES, description="it begins in"),
            "euros": forms.FloatText(description="euros a week"),
            "flip": forms.Button(description="commit and flip"),
            "status": forms.HTML(),
        }
        self.parts["week"].observe(self.load, names="value")
        self.parts["flip"].on_click(self.flip)
        for name, part in self.parts.items():
            part.add_class(f"mls-board-{name}")
        self.box = forms.VBox(list(self.parts.values())).add_class("mls-truth-board")
        self.load()

    def load(self, _: Any = None) -> None:
        """Put another week on the board, its front up."""
        self.board = Board(self.parts["week"].value, self.seed)
        self.parts["status"].value = f"<pre>{self.board}</pre>"

    def flip(self, _: Any) -> None:
        """Lock the opinion and show the truth; or say what is wrong with it."""
        try:
            opinion = self.parts["begins"].value, self.parts["euros"].value
            self.board, said = self.board.commit(*opinion).flip(), ""
        except InputError as error:
            said = f"\n\n{error}"
        self.parts["status"].value = f"<pre>{self.board}{said}</pre>"
