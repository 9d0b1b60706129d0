"""Training-serving skew on the rows of one run: other pipelines' features, and what they cost.

Rows, labels, model and cut stay what they were. What changes is one thing between the event and the
number that the model reads, in a list of small mistakes. How another pipeline is replayed stands in
mlsys_lessons.experiments.pipelines; features themselves are made in components and warehouse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.features.stages import OnlineFeatures
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.components.monitoring.drift import psi
from mlsys_lessons.experiments.pipelines import LiveRows, live_rows, notebook_on, served_from
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import DAY_MS, ticks
from mlsys_lessons.simulation.ledger import expected_cents
from mlsys_lessons.simulation.presets import NotebookModel
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.system.faults import CATALOGUE, faulted
from mlsys_lessons.worlds.payments.domain import ACTIONS, COSTS, FEATURES, HISTORY

Floats = NDArray[np.float64]
FRAME = list(FEATURES)
_APPROVE, _BLOCK = ACTIONS.index("approve"), ACTIONS.index("block")
UNANSWERED = 0.3  # share of look-ups that come back empty


# --- the same rows -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SameRows:
    """The rows of one run with the model and the cut that answered them."""

    rows: LiveRows
    model: Model
    cut: float

    @classmethod
    def of(cls, run: Run) -> SameRows:
        """The rows of a run of a system with a cut, ready for another pipeline."""
        cut = run.system.decisions.cut  # type: ignore[union-attr]
        return cls(live_rows(run), run.system.inference.model, cut)

    def __repr__(self) -> str:
        return f"SameRows({len(self.rows.log):,} rows, {int(self.fraud.sum())} frauds)"

    @cached_property
    def fraud(self) -> NDArray[np.bool_]:
        """Which rows are fraud, in truth."""
        return self.rows.truth["true_label"].to_numpy() == 1

    @cached_property
    def online(self) -> pd.DataFrame:
        """What the model read when it answered: the features in the log."""
        return self.rows.log[FRAME]

    def features(self, mistake: str) -> pd.DataFrame:
        """The features of every row from the pipeline with this mistake."""
        return MISTAKES[mistake].features(self)

    def scores(self, features: pd.DataFrame) -> Floats:
        """The model's scores on other features of the same rows."""
        return self.model.predict(features)

    def lift(self, scores: Floats, cut: float | None = None) -> float:
        """Euros per 1,000 payments that a cut on the scores earns beyond approving everything."""
        blocks = scores >= (self.cut if cut is None else cut)
        return float(self._mean_cents(blocks) - self._mean_cents(np.zeros_like(blocks))) * 10

    def _mean_cents(self, blocks: NDArray[np.bool_]) -> float:
        action = np.where(blocks, _BLOCK, _APPROVE).astype(np.int8)
        truth = self.rows.truth
        probability, cents = truth["true_probability"], truth["true_amount_cents"]
        return expected_cents(action, probability.to_numpy(), cents.to_numpy(), COSTS).mean()

    def measurements(self, features: pd.DataFrame) -> dict[str, float]:
        """AUC, lift and blocked rows on other features, and how far the worst column moved."""
        scores = self.scores(features)
        shifts = {name: psi(self.online[name], features[name]) for name in FRAME}
        return {
            "AUC": auc(scores, self.fraud),
            "lift": self.lift(scores),
            "blocked": int((scores >= self.cut).sum()),
            "largest PSI": max(shifts.values()),
            "column": max(shifts, key=lambda name: shifts[name]),  # type: ignore[dict-item]
        }

    def best_cut(self, scores: Floats) -> float:
        """The cut that would have earned most on these very rows: nobody has it in advance."""
        cuts = np.unique(np.quantile(scores, np.linspace(0.9, 1, 301)))
        return float(max(cuts, key=lambda cut: self.lift(scores, cut)))


# --- four causes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """One way in which serving can differ from training: its cause, and what the model reads."""

    cause: str
    features: Callable[[SameRows], pd.DataFrame]


def _nightly(same: SameRows, *, age: int) -> pd.DataFrame:
    return served_from(same.rows, age)


def _changed(same: SameRows, **columns: Callable[[Floats], Floats]) -> pd.DataFrame:
    new = {name: change(same.online[name].to_numpy()) for name, change in columns.items()}
    return same.online.assign(**new)


def _unanswered(same: SameRows, *, filled: float) -> pd.DataFrame:
    """A share of the look-ups about the customer brings nothing, and somebody fills the gap."""
    hit = luck(0, "unanswered", same.rows.log["request_id"].to_numpy()) < UNANSWERED
    columns = {name: np.where(hit, filled, same.online[name]) for name in HISTORY}
    return same.online.assign(**columns)


def _mess(same: SameRows, *, fault: str, severity: float = 0.33) -> pd.DataFrame:
    """State that has eaten what really arrived, while the warehouse was tidied up afterwards."""
    mess = CATALOGUE[fault](start=0, end=1e4, severity=severity)
    numbered = same.rows.requests.assign(place=np.arange(len(same.rows.requests)))
    arrivals = faulted(lambda frame: frame, [mess])(numbered)
    arrivals = arrivals.sort_values("arrival_time", kind="stable")
    online, parts = OnlineFeatures(), []
    for tick, day in arrivals.groupby(ticks(arrivals["arrival_time"])):
        parts.append(online(day)[["place", *HISTORY]])
        online.store.close_day((int(tick) + 1) * DAY_MS)  # type: ignore[call-overload]
    live = pd.concat(parts).drop_duplicates("place").sort_values("place").tail(len(same.online))
    return same.online.assign(**{name: live[name].to_numpy() for name in HISTORY})


PIPELINE, PREPROCESSING = "another pipeline", "other preprocessing"
MISSING, MESS = "missing values", "real-world mess"
MISTAKES: dict[str, Mistake] = {
    "last midnight's table": Mistake(PIPELINE, partial(_nightly, age=0)),
    "a table one day older": Mistake(PIPELINE, partial(_nightly, age=1)),
    "amounts in cents": Mistake(
        PREPROCESSING, partial(_changed, log_amount=lambda column: column + np.log(100))
    ),
    "sums without their logarithm": Mistake(
        PREPROCESSING, partial(_changed, sum_24h=np.expm1, sum_7d=np.expm1)
    ),
    "30 % unanswered, left empty": Mistake(MISSING, partial(_unanswered, filled=np.nan)),
    "30 % unanswered, filled with 0": Mistake(MISSING, partial(_unanswered, filled=0.0)),
    "a third of the events come twice": Mistake(MESS, partial(_mess, fault="duplicate_replay")),
    "a third of the events come late": Mistake(MESS, partial(_mess, fault="late_rows")),
}


def damage(same: SameRows) -> pd.DataFrame:
    """Every mistake on the same rows: cause, AUC, lift, share of the lift lost, largest PSI."""
    whole = same.lift(same.scores(same.online))
    rows = {"none": {"cause": "none", **same.measurements(same.online)}}
    for name, mistake in MISTAKES.items():
        rows[name] = {"cause": mistake.cause, **same.measurements(same.features(name))}
    table = pd.DataFrame(rows).T.infer_objects()
    return table.assign(lost=1 - table["lift"] / whole)


# --- how sure ------------------------------------------------------------------------------------


def gap_interval(gaps: Floats) -> dict[str, float]:
    """The mean of paired differences with its 95 % bootstrap interval: effect, low, high."""
    mean = mean_interval(gaps, resamples=999)
    return {"effect": mean.estimate, "low": mean.low, "high": mean.high}


def sql_notebook(same: SameRows, mistake: str) -> tuple[NotebookModel, pd.DataFrame]:
    """A model fitted on the warehouse's wrong table, and these rows as that table has them."""
    seed = getattr(same.model, "random_state", 0)
    return notebook_on(seed, mistake), same.rows.features(mistake)


# --- a figure -----------------------------------------------------------------------------------


def damage_chart(table: pd.DataFrame, title: str) -> Any:
    """Draw what each mistake costs, longest bar first, with the largest PSI of its columns."""
    from mlsys_lessons.lessons import charts

    rows = table.drop("none").sort_values("lost")
    with charts.style():
        axes = charts.canvas(title, height=1.6 + 0.55 * len(rows))
        colours = [charts.ALERT if lost > 0.5 else charts.OTHERS[0] for lost in rows["lost"]]
        places = range(len(rows))
        axes.barh(places, 100 * rows["lost"].astype(float), color=colours, height=0.62)
        for place, (lost, shift) in enumerate(zip(rows["lost"], rows["largest PSI"], strict=True)):
            axes.annotate(f"PSI {shift:.2f}", (max(100 * lost, 0), place), xytext=(6, 0),
                          textcoords="offset points", va="center")  # fmt: skip
        axes.set_yticks(places, list(rows.index))
        axes.axvline(0, color="black", linewidth=1.5)
        axes.set_xlabel("% of the lift lost", loc="right")
        axes.margins(x=0.16)
    return axes
