"""How a model ages: one frozen at day 0 and one refitted every month, on the same later days.

    mlsys-lessons ageing --seeds 20 --days 360 --daily 500

It is read against the same days without drift, since the season alone moves every share. Attackers
meet one fixed policy, so that both models are asked about the same payments; no system is run, and
nothing is claimed. Not for comparison with a run: labels come for blocked payments too, as late as
cardholders tell, so that only the age of what was learned differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.decisions.policy import Policy
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.experiments.statistics import Interval, mean_interval
from mlsys_lessons.records import APPROVE, BLOCK, DAY_MS, MATURITY_DAYS, timestamps, whole_number
from mlsys_lessons.simulation.ledger import expected_cents
from mlsys_lessons.simulation.presets import HISTORY_DAYS, WARM_UP_DAYS
from mlsys_lessons.worlds import Drift, payments_world
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, COSTS, PAYMENTS
from mlsys_lessons.worlds.payments.people import report_delay_days

MONTH = 30  # days of a block, and between fits
FALSE_POSITIVES = 0.01  # the fixed rate at which recall is read; assumed
BLOCKED_FROM = 0.5  # true probability from which the policy in service blocks; assumed
LEARNING_DAYS = HISTORY_DAYS - WARM_UP_DAYS - MATURITY_DAYS  # as many for every fit
FROZEN, REFITTED = "frozen", "refitted"
METRICS = ("recall", "pr_auc", "roc_auc", "value_share")
# The range of published steps is two to four a year (see docs of Drift.invention).
SETTINGS = {
    "without drift": Drift.none(),
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


def against_no_drift(table: pd.DataFrame, setting: str, model: str, metric: str) -> pd.DataFrame:
    """What drift has changed by each age: one row a seed, one column an age."""
    pivots = [
        table[(table["setting"] == name) & (table["model"] == model)].pivot(
            index="seed", columns="age", values=metric
        )
        for name in (setting, "without drift")
    ]
    return pivots[0] - pivots[1]


def curve(table: pd.DataFrame) -> pd.DataFrame:
    """The curve: a row for each setting, model, metric and age, with both intervals over seeds.

    `mean` is the metric itself; `lost` is what it is below the same days without drift.
    """
    rows = []
    for (setting, model), group in table.groupby(["setting", "model"], sort=False):
        for metric in METRICS:
            level = group.pivot(index="seed", columns="age", values=metric)
            gap = -against_no_drift(table, setting, model, metric)
            rows += [
                {"setting": setting, "model": model, "metric": metric, "age": age}
                | mean_interval(level[age]).columns("mean")
                | {f"lost_{key}": value for key, value in _named(mean_interval(gap[age]))}
                for age in level.columns
            ]
    return pd.DataFrame(rows)


def report(curve: pd.DataFrame, ends: pd.DataFrame) -> str:
    """The curve as a page: every age of the default pace, and what both ends of it cost."""
    lines = []
    for metric in METRICS:
        rows = curve[(curve["metric"] == metric) & curve["setting"].isin(list(SETTINGS)[:2])]
        shown = rows.apply(
            lambda row: f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]", axis=1
        )
        named = rows.assign(shown=shown, line=rows["model"] + ", " + rows["setting"])
        page = named.pivot(index="age", columns="line", values="shown")
        lines += [f"{metric} by age in days", page.to_string(), ""]
    last = ends.assign(
        lost=ends.apply(
            lambda row: f"{row['lost']:.3f} [{row['low']:.3f}, {row['high']:.3f}]", axis=1
        ),
        relative=ends["relative"].map("{:.0%}".format),
    )
    lines += ["lost in the last two months, against the same days without drift"]
    return "\n".join([*lines, last[[*list(ends.columns[:4]), "relative"]].to_string(index=False)])


def _named(interval: Interval) -> Iterable[tuple[str, float]]:
    return interval.columns("mean").items()


def year_end(table: pd.DataFrame, months: int = 2) -> pd.DataFrame:
    """What is lost in the last months, against no drift: points, and relative to it."""
    rows = []
    last = sorted(table["age"].unique())[-months:]
    for setting in [name for name in SETTINGS if name != "without drift"]:
        for model in (FROZEN, REFITTED):
            for metric in METRICS:
                gap = -against_no_drift(table, setting, model, metric)[last].mean(axis=1)
                still = table[
                    (table["setting"] == "without drift") & (table["model"] == model)
                    & table["age"].isin(last)
                ][metric].mean()  # fmt: skip
                row = {"setting": setting, "model": model, "metric": metric}
                lost = mean_interval(gap)
                rows.append({**row, **lost.columns("lost"), "relative": lost.estimate / still})
    return pd.DataFrame(rows)
