"""The shelf: what can be looked at while an incident lasts, and how many minutes a look takes.

Each look reads what a team could read: the monitor's metrics, yesterday's log, the model registry,
the labels that are known, the firm's calendar. None reads the truth. The prices in minutes are
assumed; an hour of somebody's time costs what it costs everywhere in the course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import path
from mlsys_lessons.drill.scenario import DrillScenario
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of, codes, has_action
from mlsys_lessons.records import BLOCK, LAYERS
from mlsys_lessons.simulation.run import Run

Rows = Iterator[dict[str, Any]]
Table = NDArray[np.float64]
OFF_SCALE = 999.0  # noises; what has never varied before is that far off at once
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
        last = run.days - 1
        names, days = _by_day(run, layer, since=last - USUAL_DAYS - WEEK)
        now, usual = days[-1], days[: USUAL_DAYS + 1]
        middle, spread = _middle_and_spread(usual)
        off = np.nan_to_num((now - middle) / np.maximum(spread, 1e-9))
        for place in np.argsort(-np.abs(off), kind="stable"):
            yield {
                "metric": names[place], "now": float(now[place]), "usual": float(middle[place]),
                "off": round(float(np.clip(off[place], -OFF_SCALE, OFF_SCALE)), 1),
            }  # fmt: skip

    return look


def _by_day(run: Run, layer: str, *, since: int) -> tuple[list[str], Table]:
    """A layer's metrics from a day on: their names, and a row a day, NaN where there is none."""
    lines = run.system.monitor.measured(layer, since=since)
    measured = [line[2:4] for line in lines]  # metric and segment
    path_of = {pair: path(layer, *pair) for pair in set(measured)}
    column = {pair: place for place, pair in enumerate(sorted(path_of, key=path_of.__getitem__))}
    table = np.full((run.days - since, len(column)), np.nan)
    days = [line[0] - since for line in lines]
    table[days, [column[pair] for pair in measured]] = [line[4] for line in lines]
    return [path_of[pair] for pair in column], table


def _middle_and_spread(days: Table) -> tuple[Table, Table]:
    """Median and standard deviation of each column, missing days left out; NaN where too few."""
    known = np.isfinite(days)
    count = known.sum(axis=0)
    ranked, column = np.sort(days, axis=0), np.arange(days.shape[1])
    middle = (ranked[np.maximum(count - 1, 0) // 2, column] + ranked[count // 2, column]) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, days, 0.0).sum(axis=0) / count
        squares = np.where(known, (days - mean) ** 2, 0.0).sum(axis=0)
        return middle, np.sqrt(squares / np.where(count > 1, count - 1.0, np.nan))


def _slice(run: Run, scenario: DrillScenario, field: str) -> Rows:
    """Yesterday by the words of a field: its share, mean score, share blocked; and a month ago."""
    words = run.system.domain.vocabularies
    if field not in words:
        raise InputError(f"no slice by {field!r}; choose one of {', '.join(words)}.")
    days = run.recorder.kept("log")
    spans = {"now": days[-1:], "usual": days[-1 - USUAL_DAYS : -1 - WEEK]}
    shares = {name: _shares(span, field, len(words[field].categories))
              for name, span in spans.items()}  # fmt: skip
    for place, word in enumerate([*words[field].categories, None]):
        told: dict[str, Any] = {"value": word or "(none of these)"}
        for name, (share, score, blocked) in shares.items():
            told[f"share {name}"] = round(float(share[place]), 4)
            told[f"score {name}"] = _known(score[place])
            told[f"blocked {name}"] = _known(blocked[place])
        yield told


def _shares(days: Sequence[pd.DataFrame], field: str, words: int) -> tuple[Table, Table, Table]:
    """By word, and last for none of them: share of rows, mean score, share blocked."""
    word = np.concatenate([codes(array_of(day, field)) for day in days]).astype(np.int64)
    word[word < 0] = words
    score = np.concatenate([array_of(day, "score", np.float64) for day in days])
    blocked = word[np.concatenate([has_action(day, BLOCK) for day in days])]
    scored = np.isfinite(score)
    seen, rows = word[scored], np.bincount(word, minlength=words + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(seen, score[scored], words + 1) / np.bincount(seen, minlength=words + 1)
        return rows / max(len(word), 1), mean, np.bincount(blocked, minlength=words + 1) / rows


def _known(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _versions(run: Run, scenario: DrillScenario, about: str) -> Rows:
    """Who answered yesterday, and what stands in the registry."""
    versions = run.recorder.kept("log")[-1]["model_version"]
    for label, share in versions.value_counts(normalize=True).items():
        if share:
            yield {"what": "answered yesterday", "version": str(label), "share": round(share, 4)}
    for version in run.system.inference.registry.versions:
        yield {"what": "in the registry", "version": version.label, "fitted": version.fitted_tick}


def _labels(run: Run, scenario: DrillScenario, about: str) -> Rows:
    """Labels that became known, week by week: by source, and how many are fraud."""
    kept, names = run.recorder.kept("labels"), run.system.domain.label_sources
    newest = max((day for day, known in enumerate(kept) if len(known)), default=0)
    for number in range(USUAL_DAYS // WEEK + 1):
        last = newest + 1 - WEEK * number
        week = [known for known in kept[max(last - WEEK, 0) : max(last, 0)] if len(known)]
        if week:
            source = np.concatenate([codes(array_of(known, "source")) for known in week])
            counts = np.bincount(source, minlength=len(names)).tolist()
            told = sorted(zip(names, counts, strict=True), key=lambda one: -one[1])
            yield {"weeks ago": number,
                   "frauds": sum(int(array_of(known, "label").sum()) for known in week),
                   **{name: count for name, count in told if count}}  # fmt: skip


def _rows(run: Run, scenario: DrillScenario, about: str) -> Rows:
    """The last payments as they came in."""
    fields = [one.name for one in run.system.domain.fields]
    day, names = run.recorder.kept("log")[-1], [*fields, "score", "action"]
    columns = [array_of(day, name)[-5:].tolist() for name in names]
    for row in zip(*columns, strict=True):
        yield {name: value if isinstance(value, (int, float)) else str(value)
               for name, value in zip(names, row, strict=True)}  # fmt: skip


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
