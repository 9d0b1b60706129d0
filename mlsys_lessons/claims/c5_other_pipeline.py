"""C5, "same model, same rows, another pipeline: another result": five pairs of pipelines.

Each pair is one model on the rows of one run: offline it reads the features of the pipeline that it
was fitted on, online those of the pipeline that serves it. Three offline pipelines are the classic
mistakes of the warehouse's SQL, served from exact state; one is right and served from a nightly
table, or from the table of the night before. The metric is the area under the ROC curve on the true
labels, the money what the model's own cut would have earned on the same rows. Rows that the model
did not answer (a failed call, a wrong replica) and repeats of a request are left out on both sides. A sixth pair is the
control: the same model on the features that the run has logged, which must differ by nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.claims.arms import Arm
from mlsys_lessons.claims.claim import (
    FAILS,
    HOLDS,
    ORDINARY,
    Claim,
    Effect,
    Evidence,
    Findings,
    across,
    all_of,
    p_of_all,
)
from mlsys_lessons.claims.offline import area
from mlsys_lessons.claims.pipelines import LiveRows, live_rows, notebook_on, served_from
from mlsys_lessons.claims.statistics import FAMILY, mean_interval, p_value
from mlsys_lessons.ledger import effects, expected_cents
from mlsys_lessons.presets import NotebookModel, assemble
from mlsys_lessons.records import ACTIONS, COSTS
from mlsys_lessons.scenarios import ClaimSize
from mlsys_lessons.simulation import simulate

# Written before the first run: a gain for which a team would ship a new model.
AUC_POINTS = 0.01

STATE, LOGGED = "state", "the log"
PAIRS: Mapping[str, tuple[str | None, str]] = {  # name -> mistake of the SQL (or none), served from
    "today's label, served from state": ("todays_label", STATE),
    "today's mean, served from state": ("todays_mean", STATE),
    "last write wins, served from state": ("last_write_wins", STATE),
    "right, served from last midnight's table": (None, "0"),
    "right, served from the table before it": (None, "1"),
}
CONTROL = "right, replayed from the log"
_APPROVE, _BLOCK = ACTIONS.index("approve"), ACTIONS.index("block")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair(Arm):
    """One offline and one online pipeline around one model, on the rows of one run."""

    mistake: str | None = None
    served: str = LOGGED

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Score the same rows twice."""
        rows = _rows(seed, size, self.rate)
        notebook = notebook_on(seed, self.mistake)
        before, after = (notebook.model.predict(table) for table in self._tables(rows))
        if self.served == LOGGED:
            after = rows.log["score"].to_numpy()
        said = rows.first & rows.answered
        offline, online = (_outcome(scores, said, rows, notebook) for scores in (before, after))
        measured = {"offline_auc": offline[0], "online_auc": online[0], "offline_cents": offline[1]}
        return {
            "value_cents": online[2], "expected_cents": online[1], "items": {}, "alerts": 0,
            "requests": int(said.sum()), "measured": measured,
        }  # fmt: skip

    def _tables(self, rows: LiveRows) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What the model reads of each row offline, and online."""
        if self.served == LOGGED:
            return rows.log, rows.log
        offline = rows.features(self.mistake)
        return offline, rows.log if self.served == STATE else served_from(rows, int(self.served))


def _outcome(
    scores: Floats, said: NDArray[np.bool_], rows: LiveRows, notebook: NotebookModel
) -> tuple[float, float, int]:
    """AUC on the true labels, and cents of the notebook's cut, expected and realised."""
    scores, truth = scores[said], rows.truth[said]
    action = np.where(scores >= notebook.cut, _BLOCK, _APPROVE).astype(np.int8)
    fraud, cents = truth["true_label"].to_numpy() == 1, truth["true_amount_cents"].to_numpy()
    expected = expected_cents(action, truth["true_probability"].to_numpy(), cents, COSTS)
    _, realised = effects(action, fraud, cents, COSTS)
    return area(scores, fraud), float(expected.sum()), int(realised.sum())


@lru_cache(maxsize=1)
def _rows(seed: int, size: ClaimSize, rate: float) -> LiveRows:
    """The rows of a year of the notebook's model on exact state: the same for every pair."""
    arm = Arm(("model", "features"), rate=rate)
    system = assemble(arm.levels, seed=seed)
    faults = arm.faults(seed, size)
    return live_rows(simulate(arm.world(seed, size), system, days=size.days, faults=faults))


def arms(rate: float) -> Mapping[str, Arm]:
    """Five pairs of pipelines and the control."""
    levels = ("model", "features")
    pairs = {
        name: Pair(levels, rate=rate, mistake=mistake, served=served)
        for name, (mistake, served) in PAIRS.items()
    }
    return {**pairs, CONTROL: Pair(levels, rate=rate)}


def gaps(runs: pd.DataFrame) -> tuple[Effect, ...]:
    """How much better each model is offline than online, by pair, in AUC."""
    found = []
    for name in PAIRS:
        pair = runs[runs["arm"] == name].sort_values("seed")
        gap = (pair["offline_auc"] - pair["online_auc"]).to_numpy()
        p = p_value(gap, AUC_POINTS)
        found.append(Effect(name, "AUC, offline - online", mean_interval(gap), AUC_POINTS, p))
    return tuple(found)


def verdict_on(found: tuple[Effect, ...], *, tests: int = FAMILY) -> str:
    """Each of the five; where some surely do and some surely do not, it is the pipeline's doing."""
    said = {effect.verdict(tests=tests * len(found)) for effect in found}
    return "depends on the pipeline" if said >= {HOLDS, FAILS} else all_of(found, tests=tests)


def judge(evidence: Evidence) -> Findings:
    """Whether the offline metric beats the online one in each pair."""
    by_rate = {}
    for rate in evidence.rates():
        found = gaps(evidence.runs[evidence.runs["rate"] == rate])
        least = min(effect.interval.estimate for effect in found)
        by_rate[rate] = (least, verdict_on(found, tests=FAMILY if rate == ORDINARY else 1))
    found = gaps(evidence.runs[evidence.runs["rate"] == ORDINARY])
    verdict = across({rate: said for rate, (_, said) in by_rate.items()})
    control = evidence.runs[evidence.runs["arm"] == CONTROL]
    off = float((control["offline_auc"] - control["online_auc"]).abs().max())
    off = max(off, float((control["offline_cents"] - control["expected_cents"]).abs().max()))
    notes = (
        f"control: replayed on the logged features the largest difference of any seed is {off:g}",
        "by incident rate, the effect shown is that of the pair that differs least",
    )
    return Findings(found, _table(evidence), verdict, by_rate, p_of_all(found), notes)


def _table(evidence: Evidence) -> pd.DataFrame:
    """A row for each rate and pair: AUC offline and online, euros per 1,000 requests of both."""
    runs = evidence.runs
    euros = {"euros offline": "offline_cents", "euros online": "expected_cents"}
    for name, cents in euros.items():
        runs = runs.assign(**{name: runs[cents] / runs["requests"] * 10})
    table = runs.groupby(["rate", "arm"])[["offline_auc", "online_auc", *euros]].mean()
    lost = runs.assign(lost=runs["euros offline"] - runs["euros online"])
    intervals = lost.groupby(["rate", "arm"])["lost"].agg(lambda each: mean_interval(each))
    table["lost"] = [each.estimate for each in intervals]
    table["low"], table["high"] = ([getattr(i, b) for i in intervals] for b in ("low", "high"))
    return table.reset_index().rename(columns={"rate": "incidents", "arm": "pipelines"})


CLAIM = Claim(
    name="C5",
    sentence="The same model on the same rows through another pipeline is another result.",
    fails_where=(
        "customers who pay once a month: a table of last midnight then holds nearly all that exact "
        "state holds, and serving from it costs less than any metric can show"
    ),
    arms=arms,
    judge=judge,
)
