"""The drill as text: the twin of the room with widgets, for a terminal and for a notebook.

`page_of` writes what stands before the player; `converse` reads commands, one a line. It holds no
state of its own and prints nothing that a player may not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mlsys_lessons.components.response import KINDS
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.drill.evidence import SHELF
from mlsys_lessons.drill.incident import Incident
from mlsys_lessons.drill.observation import Observation, figure
from mlsys_lessons.errors import InputError, StateError

PROMPT = "> "
BEGIN = "help lists what can be looked at and changed, and what each costs"
_ROWS = 12  # of a piece of evidence


def page_of(seen: Observation) -> str:
    """What stands before the player, as a page of text."""
    lines = [seen.page] if not seen.day else []
    lines.append(
        f"day {seen.day}, {seen.days_left} left; {seen.minutes_left} minutes for looking today; "
        f"{seen.spent_cents / 100:,.0f} EUR spent on it"
    )
    for alert in seen.alerts:
        runbook = f"; runbook: {', '.join(alert.runbook)}" if alert.runbook else ""
        lines.append(
            f"  {alert.severity:6} {alert.path} = {figure(alert.value)} "
            f"(limit {figure(alert.threshold)}), {alert.owner}{runbook}"
        )
    if not seen.alerts:
        lines.append("  nothing rings")
    lines += [f"  case   {one.number}: {', '.join(one.evidence)} ({one.owner})"
              for one in seen.cases if one.is_open]  # fmt: skip
    lines += [f"  reply  day {day}, {words}" for day, words in seen.replies]
    for word, commands in (("in force", seen.in_force), ("tonight", seen.asked)):
        lines += [f"  {word}: {', '.join(commands)}"] if commands else []
    return "\n".join(lines)


def rows_of(rows: Iterable[dict[str, Any]]) -> str:
    """Evidence as lines."""
    told = [", ".join(f"{name} {_short(value)}" for name, value in row.items()) for row in rows]
    more = [f"and {len(told) - _ROWS} more"] if len(told) > _ROWS else []
    return "\n".join(f"  {line}" for line in [*told[:_ROWS], *more]) or "  nothing"


def _short(value: Any) -> str:
    return "-" if value is None else figure(value) if isinstance(value, float) else str(value)


def help_text() -> str:
    """All commands, with what each costs."""
    price = FIGURES["hour"] / 60.0 / 100.0
    lines = ["look (inspect ...):"]
    for name, item in SHELF.items():
        asked = f"inspect {name}{' FIELD' if item.about else ''}"
        lines.append(
            f"  {asked:20} {item.minutes:3} min, {item.minutes * price:3.0f} EUR  {item.told}"
        )
    lines.append(
        "change (from midnight on: the next page still tells of today; undo ... takes back):"
    )
    for name, kind in KINDS.items():
        lines.append(
            f"  {name + (' ' + kind.takes.upper() if kind.takes else ''):26} {kind.side_effect}"
        )
    lines.append("go on:\n  advance [DAYS]\n  help, quit")
    return "\n".join(lines)


def _choices_text(choices: Mapping[str, tuple[str, ...]]) -> str:
    """What may stand for the words in capitals."""
    called = {"source": "SOURCE", "field": "FIELD", "slice": "FIELD of a slice"}
    return "\n".join(f"{called[what]}: {', '.join(names)}" for what, names in choices.items())


def converse(
    incident: Incident, commands: Iterable[str], say: Callable[[str], None] = print
) -> bool:
    """Follow commands until the incident is over; whether it came to its end."""
    say(f"{page_of(incident.observation)}\n{BEGIN}")
    for command in _cleaned(commands):
        if command == "quit":
            return False
        say(_answer(incident, command))
        if incident.is_over:
            say(incident.debrief().text)
            return True
    return False


def _cleaned(commands: Iterable[str]) -> Iterator[str]:
    yield from (line for line in (" ".join(each.split()) for each in commands) if line)


def _answer(incident: Incident, command: str) -> str:
    """What one command brings, in words; a mistake is a sentence, and nothing changes."""
    if command.split()[0] == "help":
        return f"{help_text()}\n{_choices_text(incident.choices)}"
    try:
        told = incident.do(command)
    except (InputError, StateError) as mistake:
        return str(mistake)
    if isinstance(told, Observation):
        return page_of(told)
    return told if isinstance(told, str) else rows_of(told)
