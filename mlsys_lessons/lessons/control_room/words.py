"""The words in the control room, as HTML: the head, the alerts, evidence, prices, the debrief.

Pure functions of what a player sees; nothing here clicks or draws. Whatever comes from data is
escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from mlsys_lessons.components.response import KINDS
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.drill import SHELF, Observation
from mlsys_lessons.drill.debrief import Debrief
from mlsys_lessons.drill.observation import Seen, figure
from mlsys_lessons.lessons.house_style import (
    ALERT,
    INK,
    NAIVE,
    OTHERS,
    PAPER,
    QUIET,
    RESILIENT,
)

MOST_ROWS = 12
_FAR = 30.0  # a bar of evidence is full from so many times the usual noise
LOOK = f"""<style>
.mls-room {{max-width: 1180px; color: {INK}; background: {PAPER}; padding: 0 0 12px 0}}
.mls-room .widget-html-content, .mls-room .jupyter-widgets {{line-height: 1.35}}
.mls-room-head .widget-html-content {{width: 100%}}
.mls-bar {{background: {INK}; color: {PAPER}; display: flex; gap: 34px; align-items: center;
  padding: 12px 18px; font-size: 15px}}
.mls-bar b {{display: block; font-size: 27px; line-height: 1.15;
  font-variant-numeric: tabular-nums}}
.mls-bar span {{white-space: nowrap}}
.mls-bar .mls-page {{flex: 1; white-space: normal; font-size: 17px;
  border-left: 4px solid {NAIVE}; padding-left: 14px}}
.mls-room h4 {{margin: 10px 0 4px 0; font-size: 13px; letter-spacing: .08em; color: {QUIET};
  text-transform: uppercase}}
.mls-room table {{border-collapse: collapse; font-size: 13px; width: 100%}}
.mls-room td, .mls-room th {{padding: 3px 8px 3px 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #e4e7e9; font-variant-numeric: tabular-nums}}
.mls-room th {{color: {QUIET}; font-weight: normal}}
.mls-room .mls-tag {{color: {PAPER}; background: {ALERT}; padding: 0 7px; border-radius: 3px}}
.mls-room .mls-tag.ticket {{color: {ALERT}; background: {PAPER}; outline: 1px solid {ALERT}}}
.mls-room .mls-off {{height: 10px; background: {OTHERS[0]}; display: inline-block}}
.mls-room .mls-off.far {{background: {ALERT}}}
.mls-room button:focus-visible {{outline: 3px solid {NAIVE} !important; outline-offset: 1px}}
.mls-room pre {{white-space: pre-wrap; font-size: 12.5px; line-height: 1.35; margin: 0;
  max-height: 300px; overflow-y: auto; background: #f5f6f7; padding: 10px; color: {INK}}}
.mls-last {{display: flex; flex-direction: column-reverse}}
.mls-wall {{width: 100%; display: block; margin: 6px 0}}
.mls-pair {{border: 1px solid #d5dade; margin: 1px 3px 1px 0}}
.mls-room-typed {{width: 97%}}
.mls-said {{border-left: 5px solid {RESILIENT}; padding: 4px 10px; font-size: 15px}}
.mls-said.no {{border-color: {ALERT}}}
.mls-score {{font-size: 54px; font-weight: bold; color: {RESILIENT}; line-height: 1}}
.mls-told {{font-size: 17px; max-width: 70ch}}
.mls-clue {{background: #fdf3da; padding: 6px 18px; font-size: 16px}}
</style>"""


def head(seen: Observation, usual_day: float, clues: Sequence[str] = ()) -> str:
    """The band on top: clock, minutes, money, the page, and what a game master has revealed."""
    clock = f"{seen.minutes_left // 60}:{seen.minutes_left % 60:02d}"
    parts = [
        (f"day {seen.day}", f"of {seen.day + seen.days_left}"), (clock, "hours left to look"),
        (f"{seen.spent_cents / 100:,.0f} €", "spent on looking"),
        (f"{bill(seen) / 100:,.0f} €", "on changes"),
        (f"{usual_day / 100:,.0f} €", "a usual day earns"),
    ]  # fmt: skip
    told = "".join(f"<span><b>{big}</b>{small}</span>" for big, small in parts)
    shown = "".join(f"<div class='mls-clue'>{escape(clue)}</div>" for clue in clues)
    return (
        f"<div class='mls-bar'>{told}<span class='mls-page'>{escape(seen.page)}</span></div>{shown}"
    )


def title_of(seen: Observation) -> str:
    """The picture's sentence: how many alerts, in how many layers."""
    layers = {alert.path.partition(".")[0] for alert in seen.alerts}
    if not layers:
        return f"Day {seen.day}: nothing rings"
    rings, where = ("alert rings", "alerts ring")[len(seen.alerts) > 1], ", ".join(sorted(layers))
    return f"Day {seen.day}: {len(seen.alerts)} {rings}, in {where}"


def alerts(seen: Observation) -> str:
    """What rings: severity, metric, value and limit, owner; and the cases that are open."""
    if not seen.alerts:
        rows = "<tr><td>Nothing rings.</td></tr>"
    else:
        rows = _heading("", "metric", "now", "limit", "owner") + "".join(
            f"<tr><td><span class='mls-tag {escape(one.severity)}'>{escape(one.severity)}</span>"
            f"</td><td><b>{escape(one.path)}</b></td><td>{figure(one.value)}</td>"
            f"<td>{figure(one.threshold)}</td><td>{escape(one.owner)}</td></tr>"
            for one in seen.alerts
        )
    open_cases = [one for one in seen.cases if one.is_open]
    said = "".join(
        f"<div>case {one.number}: {escape(', '.join(one.evidence[:3]))} ({escape(one.owner)})</div>"
        for one in open_cases
    )
    said += "".join(f"<div>reply of day {day}: {escape(it)}</div>" for day, it in seen.replies)
    return f"<h4>Alerts</h4><table>{rows}</table>{said}"


def evidence(one: Seen | None) -> str:
    """The last look: a table of its rows; metrics of a layer with a bar of how odd each is."""
    if one is None:
        return "<h4>Evidence</h4>Nothing looked at yet. Take something from the shelf."
    rows = one.rows[:MOST_ROWS]
    names = list(dict.fromkeys(name for row in rows for name in row))
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(name, row.get(name))}</td>" for name in names) + "</tr>"
        for row in rows
    )
    more = len(one.rows) - len(rows)
    rest = f"<div>and {more} more, all nearer to their usual values</div>" if more else ""
    named = ["noises off" if name == "off" else name for name in names]
    return (
        f"<h4>Evidence: {escape(one.asked)}, day {one.day}</h4>"
        f"<div style='overflow-x: auto'><table>{_heading(*named)}{body}</table></div>{rest}"
    )


def _heading(*names: str) -> str:
    return "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"


def _cell(name: str, value: Any) -> str:
    if name == "off" and isinstance(value, float):
        far = abs(value) > 4
        share = min(abs(value) / _FAR, 1.0)
        return (
            f"<span class='mls-off{' far' * far}' style='width: {2 + 78 * share:.0f}px'></span> "
            f"{value:+,.1f}"
        )
    return escape(
        "" if value is None else figure(value) if isinstance(value, float) else f"{value}"
    )


def image(png: bytes, title: str) -> str:
    """The picture on the wall, with its sentence for whoever cannot see it."""
    data = base64.b64encode(png).decode()
    alt = escape(title, quote=True)
    return f"<img class='mls-wall' alt='{alt}' src='data:image/png;base64,{data}'>"


def said(text: str, *, wrong: bool = False) -> str:
    """The answer to the last command, for eyes and for a screen reader."""
    return f"<div role='status' class='mls-said{' no' * wrong}'>{escape(text)}</div>"


def twin(lines: Iterable[str]) -> str:
    """The text beside the room."""
    text = escape("\n".join(lines))
    return f"<h4>The same in words</h4><pre class='mls-last' tabindex='0'>{text}</pre>"


def price_of_look(kind: str) -> str:
    """What a look costs: minutes, euros."""
    minutes = SHELF[kind].minutes
    return f"{minutes} min, {minutes * FIGURES['hour'] / 6_000:.0f} €"


def bill(seen: Observation) -> float:
    """Cents of people and machines that were asked for; what it does to payments comes on top."""
    asked = [command for _, command in seen.history] + list(seen.asked)
    return sum(_once(command.removeprefix("undo ").split()[0]) for command in asked)


def _once(kind: str) -> float:
    night = FIGURES["warehouse_night"] * (kind == "rebuild_table")
    return FIGURES["work_mitigation"] * FIGURES["hour"] + night


def price_of(kind: str) -> str:
    """What a mitigation costs people and machines; what it does to payments comes on top."""
    once, daily = _once(kind), FIGURES["server_day"] * (kind == "scale_out")
    return f"{once / 100:.0f} €" + (f" + {daily / 100:.0f} € a day" if daily else "")


def hint_of(kind: str) -> str:
    """What a mitigation does besides, and its way back: the button's tooltip."""
    return f"{kind}: {KINDS[kind].side_effect}; way back: {KINDS[kind].way_back}"


def debrief(told: Debrief) -> str:
    """The end: the score, what it was, the timeline, what ends it."""
    rows = "".join(
        f"<tr><td>{day:+.1f}</td><td>{escape(words)}</td></tr>" for day, words in told.timeline
    )
    wanted = ", then ".join(told.remedies) or "nothing, but looking"
    score = told.score
    return (
        f"<h4>Debrief</h4><div class='mls-score'>{score.points:.0f} of 100</div>"
        f"<p class='mls-told'><b>{escape(told.title)}.</b> {escape(told.told)} "
        f"What ends it: <b>{escape(wanted)}</b>.</p>"
        f"<p class='mls-told'>{score.lost / 100:,.0f} € lost beyond the best, of it "
        f"{score.evidence / 100:,.0f} € for looking; {score.at_stake / 100:,.0f} € were at "
        "stake.</p>"
        f"<table style='max-width: 620px'>{_heading('day', 'what')}{rows}</table>"
        f"<p style='color: {QUIET}'>The page to fill: "
        "<code>print(room.incident.debrief().postmortem)</code></p>"
    )
