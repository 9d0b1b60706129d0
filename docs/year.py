"""The README's picture and tables: a year of one business, and the claims measured so far.

    python docs/year.py            measure (some minutes), store, draw, and fill in the README
    python docs/year.py --redraw   only draw and fill in, from docs/year.json and the claims

Writes docs/year.json, docs/year.png and what stands between the markers in README.md. It measures
with the course's defaults and shows every seed that it ran.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.files import write_whole
from mlsys_lessons.lessons import charts
from mlsys_lessons.lessons.lesson00.measurements import STORED, measure, stored
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.simulation.scenarios import YEAR
from mlsys_lessons.worlds.payments.domain import PAYMENTS

ROOT = Path(__file__).resolve().parent.parent
README, PICTURE = ROOT / "README.md", ROOT / "docs" / "year.png"
RESULTS = ROOT / "mlsys_lessons" / "claims" / "results"
SEEDS = (7, 8, 9, 10, 11)  # the first one is drawn
DAILY = 1_000
DRAWN = ("naive", "resilient", "Bayes reference")

write = partial(write_whole, way_out="make it writable, and run this again")


def main(arguments: list[str]) -> int:
    """Measure unless told to redraw; then draw and write."""
    if arguments not in ([], ["--redraw"]):
        print(__doc__)
        return 2
    if not arguments:
        write(STORED, (json.dumps(measured(), indent=1) + "\n").encode())
    facts = stored()
    write(PICTURE, charts.png(drawn(facts)))
    write(README, filled(README.read_text(encoding="utf-8"), blocks(facts)).encode())
    return 0


def measured() -> dict[str, Any]:
    """Every seed's row, and the first one's lines."""
    rows, lines, broken = [], {}, []
    for seed in SEEDS:
        row, runs = measure(seed, days=YEAR, daily=DAILY)
        rows.append(row)
        broken = broken or [[fault.start, min(fault.end, YEAR)] for fault in runs["naive"].faults]
        lines = lines or {name: runs[name].value_by_tick().cumsum().tolist() for name in DRAWN}
        print(f"seed {seed} done", file=sys.stderr, flush=True)
    return {"days": YEAR, "daily": DAILY, "worlds": rows, "picture": lines, "broken": broken}


def drawn(facts: dict[str, Any]) -> Any:
    """The year of the first seed: three lines, and when something was broken in the naive one."""
    windows = [(start, max(end, start + 0.5), "") for start, end in facts["broken"]]
    lines = {name: pd.Series(line) for name, line in facts["picture"].items()}
    title = "The same customers, fraudsters and luck: what three systems earn in a year"
    return charts.value_over_time(lines, title=title, windows=windows)


def blocks(facts: dict[str, Any]) -> dict[str, str]:
    """What the README shows between its markers, by name."""
    return {"picture": picture(facts), "year": table(facts), "claims": claims(), "stages": stages()}


def picture(facts: dict[str, Any]) -> str:
    """The image with its alternative text and its caption."""
    row = facts["worlds"][0]
    ends = ", ".join(f"{name} {row[name] / 1e5:,.0f}" for name in DRAWN)
    return (
        f"![Value earned over a year in thousand euros: {ends}.](docs/year.png)\n\n"
        f"*{facts['days']} days at {facts['daily']:,} payments a day, seed {row['seed']}; "
        f"{row['faults']} faults hit the naive and the resilient system alike and spare the "
        f"reference; shaded, for as long as the naive one had them. By `python docs/year.py`.*"
    )


def table(facts: dict[str, Any]) -> str:
    """Thousands of euros by seed: the ordinary year, the fault-free one, the one without drift."""
    kinds = ("", ", no fault", ", still")
    columns = [f"{name}{kind}" for kind in kinds for name in ("naive", "resilient")]
    columns.append("Bayes reference")
    lines = [f"| seed | faults | {' | '.join(columns)} |", "|---:" * (len(columns) + 2) + "|"]
    for row in facts["worlds"]:
        money = " | ".join(f"{row[name] / 1e5:,.0f}" for name in columns)
        lines.append(f"| {row['seed']} | {row['faults']} | {money} |")
    worlds = pd.DataFrame(facts["worlds"])
    worth = [
        mean_interval((worlds[f"resilient{kind}"] - worlds[f"naive{kind}"]) / 1e5) for kind in kinds
    ]
    said = (f"{one.estimate:+,.0f} [{one.low:,.0f}, {one.high:,.0f}]" for one in worth)
    year, calm, still = said
    lines += ["", (
        f"What resilience is worth, in thousand euros, mean of {len(worlds)} worlds: {year} in an "
        f"ordinary year, {calm} without a fault, {still} in a year without faults and drift."
    )]  # fmt: skip
    return "\n".join(lines)


def claims() -> str:
    """One line for each claim with a stored result, failed ones included."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("C*.json")]
    if not results:
        return "No claim has a stored result yet."
    lines = [
        "| claim | sentence | verdict | seeds | measured | before |",
        "|---|---|---|---:|---|---|",
    ]
    for each in sorted(results, key=lambda result: int(result["claim"][1:])):
        seeds = len(each["seeds"])
        words = [each["claim"], each["sentence"], f"**{each['verdict']}**", seeds, each["date"]]
        before = [f"{one['verdict']} ({one['date']})" for one in each.get("earlier", ())]
        lines.append(f"| {' | '.join(map(str, [*words, ', '.join(before)]))} |")
    return "\n".join(lines)


def stages() -> str:
    """Which columns each stage of the resilient system needs and adds, as it says itself."""
    system, features = resilient_system(seed=0), tuple(PAYMENTS.inputs)
    parts = {
        "ingestion": system.ingestion, "features": system.features,
        "the service": system.inference.service, "inference": system.inference,
        "decisions": system.decisions,
    }  # fmt: skip
    lines = ["| stage | needs | adds |", "|---|---|---|"]
    for name, stage in parts.items():
        columns = (_listed(each, features) for each in (stage.needs, stage.adds))
        lines.append(f"| {name} | {' | '.join(columns)} |")
    return "\n".join(lines)


def _listed(columns: tuple[str, ...], features: tuple[str, ...]) -> str:
    """Names of columns, the raw ones and the features by one word where all are meant."""
    groups = {"the raw columns": PAYMENTS.columns, f"{len(features)} features": features}
    words: list[str] = []
    for word, group in groups.items():
        if set(group) <= set(columns):
            words.append(word)
            columns = tuple(name for name in columns if name not in group)
    return ", ".join([*(f"`{name}`" for name in columns), *words])


def filled(text: str, parts: dict[str, str]) -> str:
    """The README with each block between its markers replaced."""
    for name, part in parts.items():
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?\n?(<!-- end {name} -->)"
        text, count = re.subn(
            pattern, lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text, flags=re.DOTALL
        )
        if count != 1:
            raise SystemExit(f"README.md has {count} blocks {name!r}; it needs one.")
    return text


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
