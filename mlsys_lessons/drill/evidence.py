"""The shelf: what can be looked at while an incident lasts, and how many minutes a look takes.

Each look reads what a team could read: the monitor's metrics, yesterday's log, the model registry,
the labels that are known, the firm's calendar. None reads the truth. The prices in minutes are
assumed; an hour of somebody's time costs what it costs everywhere in the course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import path
from mlsys_lessons.drill.scenario import DrillScenario
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import LAYERS, ticks
from mlsys_lessons.simulation.run import Run

Rows = Iterator[dict[str, Any]]
USUAL_DAYS, WEEK = 28, 7


class Evidence(NamedTuple):
    """One thing on the shelf: what it is about, minutes a look takes, who shows it."""

    about: str  # "" for nothing, else what has to be named
    minutes: int
    told: str
    look: Callable[[Run, DrillScenario, str], Rows]


def _layer(layer: str) -> Callable[[Run, DrillScenario, str], Rows]:
    """A layer's metrics of the last day, beside their usual values; the oddest first."""

    def look(run: Run, scenario: DrillScenario, about: str) -> Rows:
        metrics = run.metrics
        mine = metrics[metrics["layer"] == layer]
        names = [path(layer, *pair) for pair in zip(mine["metric"], mine["segment"], strict=True)]
        days = mine.assign(path=names).pivot_table(index="tick", columns="path", values="value")
        last = days.index[-1]
        usual = days.loc[max(last - USUAL_DAYS - WEEK, 0) : last - WEEK]
        spread = usual.std().clip(lower=1e-9)
        off = ((days.loc[last] - usual.median()) / spread).fillna(0.0)
        for name in off.abs().sort_values(ascending=False, kind="stable").index:
            yield {
                "metric": name, "now": float(days.loc[last, name]),
                "usual": float(usual[name].median()), "off": round(float(off[name]), 1),
            }  # fmt: skip

    return look


def _slice(run: Run, scenario: DrillScenario, field: str) -> Rows:
    """Yesterday by the words of a field: its share, mean score, share blocked; and a month ago."""
    words = run.system.domain.vocabularies
    if field not in words:
        raise InputError(f"no slice by {field!r}; choose one of {', '.join(words)}.")
    log, ago = run.log, _days_ago(run.log)
    now, before = log[ago == 0], log[(ago > WEEK) & (ago <= USUAL_DAYS)]
    for word in [*words[field].categories, None]:
        told: dict[str, Any] = {"value": word or "(none of these)"}
        for name, rows in (("now", now), ("usual", before)):
            here = rows[field].isna() if word is None else rows[field] == word
            part = rows[np.asarray(here)]
            told[f"share {name}"] = round(len(part) / max(len(rows), 1), 4)
            told[f"score {name}"] = _mean(part["score"])
            told[f"blocked {name}"] = _mean(part["action"] == "block")
        yield told


def _days_ago(log: pd.DataFrame) -> NDArray[np.int64]:
    """Of each row, how many days before the last one it came."""
    day = ticks(log["arrival_time"])
    return day[-1] - day


def _mean(column: pd.Series) -> float | None:
    return round(float(column.mean()), 4) if len(column) and column.notna().any() else None


def _versions(run: Run, scenario: DrillScenario, about: str) -> Rows:
    """Who answered yesterday, and what stands in the registry."""
    versions = run.log.loc[_days_ago(run.log) == 0, "model_version"]
    for label, share in versions.value_counts(normalize=True).items():
        if share:
            yield {"what": "answered yesterday", "version": str(label), "share": round(share, 4)}
    for version in run.system.inference.registry.versions:
        yield {"what": "in the registry", "version": version.label, "fitted": version.fitted_tick}


def _labels(run: Run, scenario: DrillScenario, about: str) -> Rows:
    """Labels that became known, week by week: by source, and the share that is fraud."""
    labels = run.labels
    week = (labels["label_time"].max() - labels["label_time"]).dt.days // WEEK
    for number, rows in labels.groupby(week):
        if number > USUAL_DAYS // WEEK:
            continue
        told = rows["source"].value_counts()
        yield {"weeks ago": int(number), "frauds": int(rows["label"].sum()),
               **{str(name): int(count) for name, count in told.items()}}  # fmt: skip


def _rows(run: Run, scenario: DrillScenario, about: str) -> Rows:
    """The last payments as they came in."""
    fields = [one.name for one in run.system.domain.fields]
    for row in run.log[[*fields, "score", "action"]].tail(5).to_dict("records"):
        yield {name: value if isinstance(value, (int, float)) else str(value)
               for name, value in row.items()}  # fmt: skip


def _calendar(run: Run, scenario: DrillScenario, about: str) -> Rows:
    """What the firm had planned for these days."""
    yield {"calendar": scenario.calendar}


SHELF: dict[str, Evidence] = {
    **{layer: Evidence("", 10, f"the {layer} layer, yesterday and usually", _layer(layer))
       for layer in LAYERS},
    "slice": Evidence("field", 20, "yesterday by the words of a field", _slice),
    "versions": Evidence("", 10, "who answered, what is in the registry", _versions),
    "labels": Evidence("", 15, "labels by week and source", _labels),
    "rows": Evidence("", 5, "the last payments as they came", _rows),
    "calendar": Evidence("", 15, "what the firm had planned", _calendar),
}  # fmt: skip
