"""How a model ages: one frozen at day 0 and one refitted every month, on the same later days.

    mlsys-lessons ageing --seeds 20 --days 360 --daily 500

It is read against the same days without drift, since the season alone moves every share. Attackers
meet one fixed policy, so that both models are asked about the same payments; no system is run, and
nothing is claimed. Not for comparison with a run: labels come for blocked payments too, as late as
cardholders tell, so that only the age of what was learned differs. Longer than most: living through
the days, reading the metrics and telling the curve are one experiment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.decisions.policy import Policy
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import APPROVE, BLOCK, DAY_MS, MATURITY_DAYS, timestamps, whole_number
from mlsys_lessons.simulation.ledger import expected_cents
from mlsys_lessons.simulation.presets import HISTORY_DAYS, WARM_UP_DAYS
from mlsys_lessons.worlds import Drift, payments_world
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, COSTS, PAYMENTS
from mlsys_lessons.worlds.payments.people import report_delay_days

MONTH = 30  # days of a block, and between fits
FALSE_POSITIVES = 0.01  # the fixed rate at which recall is read; assumed
# The policy in service: by luck it catches half of what the truth would block, as models do.
BLOCKED_FROM, CAUGHT = 0.5, 0.5  # true probability, and share; assumed
LEARNING_DAYS = HISTORY_DAYS - WARM_UP_DAYS - MATURITY_DAYS  # as many for every fit
FROZEN, REFITTED = "frozen", "refitted"
METRICS = ("recall", "pr_auc", "roc_auc", "value_share")
PUBLISHED = {  # what a fraud model frozen for a year loses: orders of magnitude, roc_auc assumed
    "recall": "0.04 to 0.12",
    "pr_auc": "10 to 30 %",
    "roc_auc": "0.01 to 0.04",
    "value_share": "5 to 20 %",
}
RESAMPLES = 1_999  # for each of some hundred intervals
STILL = "without drift"
SETTINGS = {  # published models decay in two to four steps a year, see Drift.invention
    STILL: Drift.none(),
    "with drift": Drift(),
    "slow": replace(Drift(), invention=2.0),
    "quick": replace(Drift(), invention=4.0),
}

Floats = NDArray[np.float64]


class Life(NamedTuple):
    """All rows of a history and the days after it: features, the truth, when fraud is known."""

    table: pd.DataFrame  # inputs and tick, in order of arrival
    known: Floats  # day on which a fraud is reported; inf for the rest
    probability: Floats  # true one; NaN in the history
    fraud: NDArray[np.bool_]  # of the days after it
    cents: NDArray[np.int64]


def life(seed: int, daily: int, days: int, drift: Drift) -> Life:
    """Live through some days under the fixed policy, and compute all features once."""
    world = payments_world(seed=seed, daily=daily, drift=drift)
    past, state, parts = world.history(HISTORY_DAYS), world.start(), []
    for tick in range(days):
        day = world.day(tick, state)
        block = day.truth["true_probability"].to_numpy() >= BLOCKED_FROM
        block &= luck(seed, "ageing.caught", day.truth.index.to_numpy()) < CAUGHT
        action = pd.Categorical(np.where(block, "block", "approve"), dtype=ACTION_DTYPE)
        world.react(state, tick, day.truth.reset_index().assign(final_action=action))
        parts.append((day.requests, day.truth))
    truth = pd.concat([part[1] for part in parts])
    requests = pd.concat([past.requests, *(part[0] for part in parts)], ignore_index=True)
    reports = pd.concat([past.labels[past.labels["label"] == 1], _reports(seed, requests, truth)])
    when = pd.Series(reports["label_time"].to_numpy(), index=reports["request_id"].to_numpy())
    told = when.reindex(requests["request_id"]).to_numpy()
    known = (told - timestamps(np.zeros(1, dtype=np.int64))) / np.timedelta64(DAY_MS, "ms")
    later = truth.reindex(requests["request_id"])
    return Life(
        offline(requests, reports),
        np.where(np.isnan(known), np.inf, known),
        later["true_probability"].to_numpy(),
        later["true_label"].to_numpy() == 1,
        np.rint(requests["amount"].to_numpy() * 100).astype(np.int64),
    )


def _reports(seed: int, requests: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Cardholders' reports of the frauds after day 0, as if none had been blocked."""
    fraud = truth[truth["true_label"] == 1]
    ids = fraud.index.to_numpy()
    delay = report_delay_days(seed, ids, fraud["true_amount_cents"].to_numpy())
    paid = requests.set_index("request_id")["event_time"].loc[ids].to_numpy()
    told = np.isfinite(delay)
    late = (np.maximum(delay[told], 1.0) * DAY_MS).astype("timedelta64[ms]")
    columns = {"request_id": ids[told], "label": 1, "label_time": paid[told] + late}
    return pd.DataFrame(columns)


def measure(seed: int, daily: int, days: int, drift: Drift) -> Iterator[dict[str, float | str]]:
    """One row for each month of age and model."""
    whole = life(seed, daily, days, drift)
    tick = whole.table["tick"].to_numpy()
    frozen = _fitted(whole, tick, 0, seed)
    for start in range(0, days - MONTH + 1, MONTH):
        month = (tick >= start) & (tick < start + MONTH)
        rows = whole.table[month]
        fresh = _fitted(whole, tick, start, seed) if start else frozen
        for name, model in ((FROZEN, frozen), (REFITTED, fresh)):
            yield {"model": name, "age": start, **_quality(model.predict(rows), whole, month)}


def _fitted(whole: Life, tick: NDArray[np.int64], today: int, seed: int) -> BoostedModel:
    """Fit on the matured payments of a fixed number of days, by the labels known today."""
    matured = (tick < today - MATURITY_DAYS) & (tick >= today - MATURITY_DAYS - LEARNING_DAYS)
    label = (whole.known[matured] < today).astype(np.float64)
    return BoostedModel(random_state=seed).fit(whole.table[matured], label)


def _quality(scores: Floats, whole: Life, rows: NDArray[np.bool_]) -> dict[str, float]:
    """The metrics of scores on some rows."""
    fraud, truth, cents = whole.fraud[rows], whole.probability[rows], whole.cents[rows]
    cut = np.quantile(scores[~fraud], 1.0 - FALSE_POSITIVES)
    worth = [_worth(each, truth, cents) for each in (np.zeros(len(truth)), scores, truth)]
    return {
        "recall": float((scores[fraud] > cut).mean()),
        "pr_auc": average_precision(scores, fraud),
        "roc_auc": auc(scores, fraud),
        "value_share": (worth[1] - worth[0]) / (worth[2] - worth[0]),
    }


def average_precision(scores: Floats, fraud: NDArray[np.bool_]) -> float:
    """Area under the curve of precision over recall, as the field's step function; ties together.

    >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])).__round__(3)
    0.833
    """
    ranked, found = np.sort(scores), np.sort(scores[fraud])
    above = len(ranked) - np.searchsorted(ranked, found)  # payments with at least each fraud's
    return float(np.mean((len(found) - np.searchsorted(found, found)) / above))


def _worth(scores: Floats, truth: Floats, cents: NDArray[np.int64]) -> float:
    """Expected cents of approving or blocking each payment as the costs and a score advise."""
    approve, block, _ = Policy.of(PAYMENTS).expected_cents(scores, cents, cents)
    action = np.where(approve >= block, APPROVE, BLOCK).astype(np.int8)
    return float(expected_cents(action, truth, cents, COSTS).sum())


def ageing(*, seeds: int = 20, days: int = 360, daily: int = 500) -> pd.DataFrame:
    """Measure every setting of SETTINGS: seed, setting, model, age (days) and METRICS.

    Why it matters: "how often must we retrain?" has no answer without the curve of the model that
    nobody retrains; and that curve means nothing without the one of a world that stands still.

    Recall is read at 1 % false positives; the value is a share of what the true probability adds
    to approving everything. Raises InputError for sizes outside their ranges.
    """
    whole_number("seeds", seeds, 2, 1_000)
    whole_number("days", days, 2 * MONTH, 1_080)
    whole_number("daily", daily, 100, 10_000)
    rows = [
        {"seed": seed, "setting": setting, **row}
        for seed in range(seeds)
        for setting, drift in SETTINGS.items()
        for row in measure(seed, daily, days, drift)
    ]
    return pd.DataFrame(rows)


def below(table: pd.DataFrame, setting: str, model: str, metric: str) -> pd.DataFrame:
    """How far drift holds a metric below the same days without it: row a seed, column an age."""
    still, moved = (
        table[(table["setting"] == name) & (table["model"] == model)].pivot(
            index="seed", columns="age", values=metric
        )
        for name in (STILL, setting)
    )
    return still - moved


def curve(table: pd.DataFrame) -> pd.DataFrame:
    """The curve: a row for each setting, model, metric and age, with intervals over seeds.

    `mean` is the metric itself, `below` how far it is under the same days without drift, `lost`
    what it has fallen under them since the first month: what attackers do to a system on its
    first days, whatever its age, is not ageing.
    """
    rows = []
    for (setting, model), group in table.groupby(["setting", "model"], sort=False):
        for metric in METRICS:
            gap = below(table, setting, model, metric)
            level = group.pivot(index="seed", columns="age", values=metric)
            for age in level.columns:
                row = {"setting": setting, "model": model, "metric": metric, "age": age}
                parts = {"mean": level[age], "below": gap[age], "lost": gap[age] - gap[0]}
                rows.append(row | _with_intervals(parts))
    return pd.DataFrame(rows)


def year_end(table: pd.DataFrame, months: int = 2) -> pd.DataFrame:
    """What the last months have lost, in points and relative to the first month with drift."""
    rows, last = [], sorted(table["age"].unique())[-months:]
    for setting in [name for name in SETTINGS if name != STILL]:
        for model in (FROZEN, REFITTED):
            for metric in METRICS:
                gap = below(table, setting, model, metric)
                lost = gap[last].mean(axis=1) - gap[0]
                chosen = (table["setting"] == setting) & (table["model"] == model)
                first = table.loc[chosen & (table["age"] == 0), metric].mean()
                row = {"setting": setting, "model": model, "metric": metric}
                rows.append(
                    row | _with_intervals({"lost": lost}) | {"relative": lost.mean() / first}
                )
    return pd.DataFrame(rows)


def _with_intervals(parts: dict[str, pd.Series]) -> dict[str, float]:
    """Each mean over seeds under its name, with its interval."""
    cells: dict[str, float] = {}
    for name, values in parts.items():
        found = mean_interval(values.to_numpy(dtype=np.float64), resamples=RESAMPLES)
        cells |= {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}
    return cells


def report(curve: pd.DataFrame, ends: pd.DataFrame) -> str:
    """The curve as a page: every age of the default pace, and what both ends of it cost."""
    lines = []
    for metric in METRICS:
        rows = curve[(curve["metric"] == metric) & curve["setting"].isin([STILL, "with drift"])]
        named = rows.assign(shown=_shown(rows, "mean"), line=rows["model"] + ", " + rows["setting"])
        page = named.pivot(index="age", columns="line", values="shown")
        lines += [f"{metric} by age in days", page.to_string(), ""]
    last = ends[["setting", "model", "metric"]].assign(
        lost=_shown(ends, "lost"), relative=ends["relative"].map("{:.0%}".format),
        published=ends["metric"].map(PUBLISHED).where(ends["model"] == FROZEN, ""),
    )  # fmt: skip
    title = "lost in the last two months since the first, against the same days without drift"
    return "\n".join([*lines, title, last.to_string(index=False)])


def _shown(rows: pd.DataFrame, name: str) -> list[str]:
    """A column with its interval, as text."""
    cells = rows[[name, f"{name}_low", f"{name}_high"]].to_numpy()
    return [f"{mean:.3f} [{low:.3f}, {high:.3f}]" for mean, low, high in cells]
