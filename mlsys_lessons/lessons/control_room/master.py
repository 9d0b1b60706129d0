"""The game master's desk: the truth of an incident for one pair of eyes, and clues for the room.

The master plays nothing. What is revealed appears under the head of the room that plays the same
incident; what is not stays here.
"""

from __future__ import annotations

from html import escape
from typing import Any

from mlsys_lessons.drill.observation import command_of
from mlsys_lessons.drill.scenario import PAGE_DAY, DrillScenario
from mlsys_lessons.errors import StateError
from mlsys_lessons.lessons.control_room import words
from mlsys_lessons.lessons.control_room.room import Room


def clues_of(what: DrillScenario) -> tuple[str, ...]:
    """What may be revealed, the vaguest first.

    >>> from mlsys_lessons.drill import scenario
    >>> clues_of(scenario("unit_change"))[:2]
    ('It shows in inputs.', 'Look at inputs.amount_mean.')
    """
    layers = dict.fromkeys(path.partition(".")[0] for path in what.shown_by)
    shown = f"It shows in {', '.join(layers)}." if layers else "No number shows it."
    metric = [f"Look at {', '.join(what.shown_by)}."] if layers else []
    return (shown, *metric, f"Lesson {what.lesson} is about it.", what.told)


class Master:
    """The desk beside a room: `box` for a screen, `text` for a page, `reveal()` for the next clue.

    >>> from mlsys_lessons.drill import Incident
    >>> master = Master(Room(Incident("unlucky_day", seed=3)))
    >>> master.reveal(), master.room.clues
    ('No number shows it.', ['No number shows it.'])
    """

    def __init__(self, room: Room) -> None:
        self.room, self._left = room, list(clues_of(room.incident.scenario))
        self._make()

    def __repr__(self) -> str:
        return f"Master({len(self.room.clues)} clues revealed, {len(self._left)} left)"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return {**self.box._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    @property
    def text(self) -> str:
        """The truth: what it is, since when, what ends it, what it looks like, the next clue."""
        what = self.room.incident.scenario
        lines = [what.title, what.told]
        lines += [f"{one.name} since day {one.start - PAGE_DAY:+.1f}" for one in what.happening()]
        lines.append(f"ends it: {', '.join(map(command_of, what.remedies)) or 'nothing has to'}")
        lines.append(f"looks like: {', '.join(what.looks_like)}")
        lines.append(f"next clue: {self._left[0] if self._left else 'none'}")
        return "\n".join(lines)

    def reveal(self) -> str:
        """Give the room the next clue. Raises StateError when all are given."""
        if not self._left:
            raise StateError("every clue is given; the rest is the debrief.")
        clue = self._left.pop(0)
        self.room.clues.append(clue)
        self.room.show("The game master has spoken.")
        self._show()
        return clue

    def _make(self) -> None:
        import ipywidgets as forms

        self.html = forms.HTML().add_class("mls-master-text")
        self.button = forms.Button(description="Reveal the next clue", layout={"width": "auto"})
        self.button.add_class("mls-master-reveal").on_click(lambda _: self.reveal())
        style = forms.HTML(words.LOOK)
        self.box = forms.VBox([style, self.html, self.button]).add_class("mls-room")
        self._show()

    def _show(self) -> None:
        self.html.value = f"<h4>Game master only</h4><pre>{escape(self.text)}</pre>"
        self.button.disabled = not self._left
