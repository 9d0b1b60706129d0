"""The README's pages on incidents: one life in a picture, who notices, and fault by fault.

    python docs/incidents.py            measure (an hour on one core), store, draw, fill in
    python docs/incidents.py --redraw   only draw (a minute) and fill in, from docs/incidents.json

Writes docs/incidents.json, docs/incident.png and its blocks of README.md. The tables are those of
`mlsys-lessons noticing` and `mlsys-lessons faults`; the picture is lesson 00's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from mlsys_lessons import claims
from mlsys_lessons.drill import league as leagues
from mlsys_lessons.experiments import fault_by_fault, layer_matrix, noticing
from mlsys_lessons.lessons import charts
from mlsys_lessons.lessons.lesson00.measurements import INCIDENTS
from mlsys_lessons.records import LAYERS
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.simulation.trace import IncidentLife
from mlsys_lessons.system.faults import Fault, stale_features
from mlsys_lessons.worlds import payments_world

sys.path.insert(0, str(Path(__file__).parent))
from year import README, ROOT, filled, write

PICTURE = ROOT / "docs" / "incident.png"
SEED, DAYS, DAILY, HANGS = 7, 180, 1_000, 90  # lesson 00's
TITLE = "A job hangs and the feature table is not refreshed: who notices, and what it costs"
PLAYERS = {
    "do_nothing": "do nothing", "always_roll_back": "roll back", "always_retrain": "retrain",
    "threshold_alarm": "out of service while it rings", "runbook_follower": "the runbook's lines",
    "omniscient": "told the cause",
}  # fmt: skip
NOTICING, FAULTS = range(200, 220), range(200, 210)  # the seeds of the two commands


def main(arguments: list[str]) -> int:
    """Measure unless told to redraw; then draw and write."""
    if arguments not in ([], ["--redraw"]):
        print(__doc__)
        return 2
    if not arguments:
        store(noticing.lives(seeds=NOTICING), fault_by_fault.losses(FAULTS))
    facts = json.loads(INCIDENTS.read_text(encoding="utf-8"))
    lives = one_life()
    axes = charts.life_of_incident(lives, title=TITLE)
    write(PICTURE, charts.png(axes))
    facts["picture"] = {name: _told(life) for name, life in lives.items()}
    write(INCIDENTS, (json.dumps(facts, indent=1) + "\n").encode())
    write(README, filled(README.read_text(encoding="utf-8"), blocks(facts)).encode())
    return 0


def store(lives: pd.DataFrame, losses: pd.DataFrame) -> None:
    """Keep both tables, summed up."""
    facts = {
        "noticing": noticing.summary(lives).to_dict("records"),
        "faults": fault_by_fault.compared(losses).to_dict("records"),
        "seeds": {"noticing": lives["seed"].nunique(), "faults": losses["seed"].nunique()},
    }
    write(INCIDENTS, (json.dumps(facts, indent=1) + "\n").encode())


def one_life() -> dict[str, IncidentLife]:
    """The life of one hanging job in both systems, each against its own twin."""
    return {
        name: _run(name, stale_features(start=HANGS)).life(0, twin=_run(name))
        for name in noticing.SYSTEMS
    }


def _run(name: str, *faults: Fault) -> Run:
    world, system = payments_world(seed=SEED, daily=DAILY), noticing.SYSTEMS[name](seed=SEED)
    return simulate(world, system, days=DAYS, faults=faults, keep="metrics")


def _told(life: IncidentLife) -> dict[str, Any]:
    return {
        "euros": round(float(life.cents.sum()) / 100),
        "noticed_by": life.noticed_by or "nobody",
        "days": None if life.noticed is None else round(life.noticed - HANGS, 1),
    }


# --- blocks of the README ------------------------------------------------------------------------


def blocks(facts: dict[str, Any]) -> dict[str, str]:
    """What the README shows between its markers, by name."""
    return {
        "incident": incident(facts), "noticing": who(facts), "layers": by_layer(),
        "faults": by_fault(facts), "league": by_player(),
    }  # fmt: skip


def incident(facts: dict[str, Any]) -> str:
    """The image with its alternative text and its caption."""
    ends = "; ".join(f"{name} {_epitaph(told)}" for name, told in facts["picture"].items())
    return (
        f"![One hanging job as both systems lived it: {ends}.](docs/incident.png)\n\n"
        f"*A feature table stops being refreshed on day {HANGS}, seed {SEED}, {DAILY:,} payments a "
        f"day: {ends}. Money against the same days without it. By `python docs/incidents.py`.*"
    )


def _days(count: float) -> str:
    return "day" if round(count) == 1 else "days"


def _epitaph(told: dict[str, Any]) -> str:
    found = "never noticed" if told["days"] is None else (
        f"noticed by {told['noticed_by']} after {told['days']:.0f} {_days(told['days'])}"
    )  # fmt: skip
    return f"{found}, {told['euros']:+,.0f} euros"


def who(facts: dict[str, Any]) -> str:
    """Median days and mean euros of each lasting fault, both systems side by side."""
    lines = [
        "| fault | naive: noticed mostly by | after days | ended after | euros | "
        "resilient: noticed mostly by | after days | ended after | euros |",
        "|---|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    rows = {(row["fault"], row["system"]): row for row in facts["noticing"]}
    for fault in dict.fromkeys(fault for fault, _ in rows):
        cells = [_cells(rows[fault, system]) for system in noticing.SYSTEMS]
        lines.append(f"| {fault} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", (
        f"*{facts['seeds']['noticing']} seeds, {noticing.DAYS} days at {noticing.DAILY} payments "
        f"each, broken on day {noticing.BREAKS}. Days are medians, what never came is the last "
        f"one; euros are means with 95 % intervals. By `mlsys-lessons noticing`.*"
    )])  # fmt: skip


def _cells(row: dict[str, Any]) -> str:
    money = f"{row['euros']:,.0f} [{row['low']:,.0f}, {row['high']:,.0f}]"
    return f"{row['noticed_by']} | {row['days_to_notice']:.0f} | {row['days_to_end']:.0f} | {money}"


def by_layer() -> str:
    """Days until each layer sees each fault, as claim C17 has them, and what it then costs."""
    found = claims.stored("C17")
    table = found.table
    last = table["days"].max()
    lines = [
        f"| fault | {' | '.join(LAYERS)} | without monitors | euros |",
        f"|---|{'---:|' * (len(LAYERS) + 2)}",
    ]
    for fault, rows in table.groupby("fault", sort=False):
        seen = rows.set_index("layer")
        days = [
            f"{seen.loc[layer, 'days']:.0f}" if seen.loc[layer, "detected"] >= 0.5 else "-"
            for layer in LAYERS
        ]
        one = rows.iloc[0]
        alone = f"{one['alone']:.0f}" if one["alone"] < last else "-"
        money = f"{-one['euros']:,.0f} [{-one['high']:,.0f}, {-one['low']:,.0f}]"
        lines.append(f"| {fault} | {' | '.join(days)} | {alone} | {money} |")
    quiet = table.drop_duplicates("layer").set_index("layer")["false_alarms"]
    alarms = " | ".join(f"{quiet[layer]:.2f}" for layer in LAYERS)
    lines.append(f"| *false alarms a month* | {alarms} | | |")
    return "\n".join([*lines, "", (
        f"*Median days until a layer's first alert, {len(found.seeds)} seeds, "
        f"{found.size.daily} payments a day, broken on day {layer_matrix.BREAKS} of "
        f"{found.size.days}; - where it sees it in less than half of the worlds. Without "
        f"monitors: till, customers and chance of the naive system. Euros: the resilient system "
        f"with its on-call against its healthy twin, from the break until the fault is "
        f"ended. By `mlsys-lessons claims C17`.*"
    )])  # fmt: skip


def by_player() -> str:
    """The stored league: median points of each policy in each scenario, and what is at stake."""
    kept = leagues.stored()
    summed = leagues.table(kept)
    points = summed.pivot(index="scenario", columns="policy", values="median")[list(PLAYERS)]
    stakes = summed.groupby("scenario")["at_stake"].first()
    lines = [
        f"| scenario | euros at stake | {' | '.join(PLAYERS.values())} |",
        f"|---|{'---:|' * (1 + len(PLAYERS))}",
    ]
    lines += [
        f"| {name} | {stakes[name]:,.0f} | {' | '.join(f'{each:.0f}' for each in row)} |"
        for name, row in zip(points.index, points.to_numpy(), strict=True)
    ]
    for word, count in (
        ("70 or more in", (points >= leagues.PASSED).sum()),
        ("below 40 in", (points < leagues.FAILED).sum()),
    ):
        cells = " | ".join(f"{count[name]}" for name in PLAYERS)
        lines.append(f"| *{word}* | | {cells} |")
    return "\n".join([*lines, "", f"*Median points of 100; {leagues.origin(kept)}. With intervals "
                      "of the means: `mlsys-lessons drill --league`.*"])  # fmt: skip


def by_fault(facts: dict[str, Any]) -> str:
    """Euros per 1,000 payments of a fixed window, both systems, and the paired difference."""
    lines = [
        "| fault | naive | resilient | resilient loses less by | |",
        "|---|---:|---:|---:|---|",
    ]
    for row in facts["faults"]:
        saved = f"{row['saved']:,.0f} [{row['low']:,.0f}, {row['high']:,.0f}]"
        lines.append(
            f"| {row['fault']} | {row['naive']:,.0f} | {row['resilient']:,.0f} | {saved} | "
            f"{row['verdict']} |"
        )
    window = fault_by_fault.WINDOW
    return "\n".join([*lines, "", (
        f"*Euros lost per 1,000 payments of a window of {window.end - window.start} days, nobody "
        f"acting, {facts['seeds']['faults']} seeds, 95 % intervals. By `mlsys-lessons faults`.*"
    )])  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
