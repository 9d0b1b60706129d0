"""The buttons of the control room: each says one command to the incident, and all is shown anew.

State lives in `drill.Incident`; here are widgets, in the order in which a Tab key meets them. The
text beside it is the drill's own (drill/text.py), so what eyes see, a screen reader hears.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mlsys_lessons.components.response import KINDS
from mlsys_lessons.drill import SHELF, Incident, Observation
from mlsys_lessons.drill.text import page_of, rows_of
from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.lessons.control_room import words
from mlsys_lessons.lessons.control_room.wall import Picture, Wall
from mlsys_lessons.lessons.house_style import Picture as Poster

RUNBOOK_LINES, WAYS_BACK = 4, 4  # buttons that wait for something to say
_FIRST = {"score": 0.4, "cases a day": 40, "days": 120, "share": 0.02}  # what a number begins at
_MOST_LOG = 60  # lines of the text twin


class Room:
    """One incident with a wall, a shelf and buttons. Display `room.box`, or the room itself.

    Parameters
    ----------
    incident
        The incident to live through; it may have begun elsewhere, in text, say.

    >>> room = Room(Incident("unlucky_day", seed=3))
    >>> room.say("inspect calendar")
    >>> room.incident.minutes
    15
    """

    def __init__(self, incident: Incident) -> None:
        self.incident = incident
        self.clues: list[str] = []  # what a game master has revealed
        self.log = [page_of(incident.observation)]
        self.picture = Picture(incident.scenario.days)
        self._make()
        self.show("The page is in. Look, act, or let a day go by.")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown = self.box._repr_mimebundle_(**kwargs)
        return {**shown, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Room({self.incident!r})"

    @property
    def poster(self) -> Poster:
        """What hangs on the wall now, as a picture to keep; alive or on paper."""
        seen = self.incident.observation
        title = words.title_of(seen)
        drawn = self.picture.draw(self._hung(seen, title))
        return Poster(drawn, f"Five layers over days. {title}.")

    # --- one command ---------------------------------------------------------------------------

    def say(self, command: str, _: Any = None) -> None:
        """Follow a command and show what came of it; a mistake is one sentence."""
        try:
            told = self.incident.do(command)
        except (InputError, StateError) as mistake:
            self._note(command, str(mistake))
            self.show(str(mistake), wrong=True)
            return
        if isinstance(told, Observation):
            self._note(command, page_of(told))
            self.show("Over: read the debrief." if self.incident.is_over else f"Day {told.day}.")
        elif isinstance(told, str):
            self._note(command, told)
            self.show(told[:1].upper() + told[1:])
        else:
            self._note(command, rows_of(told))
            self.show(f"Looked at {command.removeprefix('inspect ')}.")

    def _note(self, command: str, answer: str) -> None:
        self.log += [f"> {command}", answer]

    # --- what stands in the room ---------------------------------------------------------------

    def _make(self) -> None:
        import ipywidgets as forms

        names = ("style", "head", "wall", "said", "alerts", "evidence", "twin", "debrief")
        self.html = html = {name: forms.HTML().add_class(f"mls-room-{name}") for name in names}
        html["style"].value = words.LOOK
        self.lines = [self._button("", "") for _ in range(RUNBOOK_LINES)]
        self.back = [self._button("", "") for _ in range(WAYS_BACK)]
        self.lines_row = _row("the runbook says", self.lines)
        self.back_row = _row("in force: take back", self.back)
        self.values: dict[str, Any] = {}
        clock = [self._button(f"advance {days}", label) for days, label in
                 ((1, "Live until tomorrow"), (3, "Live three days"))]  # fmt: skip
        clock[0].button_style = "primary"
        self.typed = forms.Text(placeholder="or in words: inspect inputs", continuous_update=False,
                                tooltip="a command in words")  # fmt: skip
        self.typed.add_class("mls-room-typed")
        self.typed.observe(self._typed, names="value")
        left = forms.VBox([html["alerts"], self.lines_row, html["evidence"]])
        right = forms.VBox(
            [*self._shelf(), *self._levers(), self.back_row, _row("clock", [*clock, self.typed])]
        )
        left.layout.width, right.layout.width = "50%", "50%"
        self.desk = forms.HBox([left, right])
        parts = [*(html[name] for name in names[:4]), html["debrief"], self.desk, html["twin"]]
        self.box = forms.VBox(parts).add_class("mls-room")

    def _button(self, command: str | Callable[[], str], label: str, hint: str = "") -> Any:
        import ipywidgets as forms

        button = forms.Button(description=label, tooltip=hint or label, layout={"width": "auto"})
        button.command = command
        button.add_class(_class_of(label if callable(command) else command))
        button.on_click(self._clicked)
        return button

    def _clicked(self, button: Any) -> None:
        self.say(button.command() if callable(button.command) else button.command)

    def _typed(self, change: Any) -> None:
        if change["new"].strip():
            self.say(change["new"])
            self.typed.value = ""

    def _shelf(self) -> Sequence[Any]:
        """Evidence by price; a slice needs a field."""
        looks = []
        for kind, item in SHELF.items():
            command: Any = f"inspect {kind}"
            if item.about:
                chosen = self._choice("slice", self.incident.choices["slice"], "cut by")
                command = partial(_with, command, chosen)
            label = f"{kind} · {words.price_of_look(kind)}"
            looks.append(self._button(command, label, f"look at {item.told}"))
            if item.about:
                looks[-1] = _pair(looks[-1], chosen)
        return [_row("look: the shelf", looks)]

    def _levers(self) -> Sequence[Any]:
        """Mitigations by price, each with what it has to be told."""
        choices, levers = self.incident.choices, []
        for kind, line in KINDS.items():
            if kind == "nothing":
                continue
            command: Any = kind
            if line.takes:
                names = choices.get(line.takes)
                first = _FIRST.get(line.takes, 0)
                given = self._choice(kind, names or (), line.takes, first)
                command = partial(_with, kind, given)
            label = f"{kind} · {words.price_of(kind)}"
            levers.append(self._button(command, label, words.hint_of(kind)))
            if line.takes:
                levers[-1] = _pair(levers[-1], given)
        return [_row("change: takes effect tonight", levers)]

    def _choice(self, kind: str, names: Sequence[str], hint: str, first: float = 0) -> Any:
        import ipywidgets as forms

        layout = {"width": "118px" if names else "66px"}
        given = (forms.Dropdown(options=names, layout=layout, tooltip=hint) if names
                 else forms.FloatText(value=first, layout=layout, tooltip=hint))  # fmt: skip
        self.values[kind] = given.add_class(f"mls-value-{kind}")
        return given

    # --- showing -------------------------------------------------------------------------------

    def show(self, told: str, *, wrong: bool = False) -> None:
        """Everything anew, from what the incident says of itself."""
        seen, html = self.incident.observation, self.html
        html["head"].value = words.head(seen, self.incident.usual_day, self.clues)
        html["said"].value = words.said(told, wrong=wrong)
        html["alerts"].value = words.alerts(seen)
        html["evidence"].value = words.evidence(seen.evidence[-1] if seen.evidence else None)
        html["twin"].value = words.twin("\n".join(self.log).splitlines()[-_MOST_LOG:])
        title = words.title_of(seen)
        html["wall"].value = words.image(self.picture.draw(self._hung(seen, title)), title)
        lines = dict.fromkeys(line for alert in seen.alerts for line in alert.runbook)
        _offer(self.lines_row, self.lines, [line for line in lines if line not in seen.asked])
        undone = [f"undo {command}" for command in seen.in_force]
        _offer(self.back_row, self.back, [line for line in undone if line not in seen.asked])
        if self.incident.is_over:
            html["debrief"].value = words.debrief(self.incident.debrief())
            self.desk.layout.display = "none"

    def _hung(self, seen: Observation, title: str) -> Wall:
        alerts = [(day, path.partition(".")[0], severity)
                  for day, path, severity in self.incident.rung]  # fmt: skip
        truth = self.incident.debrief().truth if self.incident.is_over else ()
        tonight = [(seen.day, command) for command in seen.asked]
        return Wall(seen.day, self.incident.scenario.days, alerts, [*seen.history, *tonight],
                    [one.day for one in seen.evidence], truth, title)  # fmt: skip


def _with(command: str, given: Any) -> str:
    """A command and the value that stands beside its button."""
    value = given.value
    return f"{command} {value if isinstance(value, str) else format(value, 'g')}"


def _class_of(command: str) -> str:
    """A button's class, by which a test and a style sheet find it."""
    name = command.split("·")[0].strip().removeprefix("inspect ")
    return f"mls-say-{name.replace(' ', '-') or 'waiting'}"


def _offer(row: Any, buttons: Sequence[Any], lines: Sequence[str]) -> None:
    """Let waiting buttons say something; the rest is out of sight and out of the Tab order."""
    row.layout.display = "" if lines else "none"
    for place, button in enumerate(buttons):
        line = lines[place] if place < len(lines) else ""
        button.command = button.description = button.tooltip = line
        button.layout.display = "" if line else "none"


def _pair(button: Any, given: Any) -> Any:
    """A button beside what it has to be told."""
    import ipywidgets as forms

    return forms.HBox([button, given]).add_class("mls-pair")


def _row(name: str, parts: Sequence[Any]) -> Any:
    import ipywidgets as forms

    line = forms.Box(list(parts), layout={"flex_flow": "row wrap", "align_items": "center"})
    return forms.VBox([forms.HTML(f"<h4>{name}</h4>"), line])
