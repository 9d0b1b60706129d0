"""C5, "same model, same rows, another pipeline: another result": five pairs of pipelines.

Each pair is one model on the rows of one run: offline it reads the features of the pipeline that it
was fitted on, online those of the pipeline that serves it. Three offline pipelines are the classic
mistakes of the warehouse's SQL, served from exact state; one is right and served from a nightly
table, or from the table of the night before. The metric is the area under the ROC curve on the true
labels, the money what the model's own cut would have earned on the same rows. Rows that the model
did not answer (a failed call, a wrong replica) and repeats of a request are left out on both sides.
A sixth pair is the control: the same model on the features that the run has logged, which must
differ by nothing. How a pair is played is told in pipelines.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlsys_lessons.claims.claim import (
    Claim,
    Effects,
    Evidence,
    Row,
    least_effect,
    table_by_rate,
)
from mlsys_lessons.claims.effects import FAILS, HOLDS, all_of, mean_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.pipelines import STATE, Pair
from mlsys_lessons.experiments.statistics import mean_interval

# Written before the first run: a gain for which a team would ship a new model.
AUC_POINTS = 0.01

PAIRS: Mapping[str, tuple[str | None, str]] = {  # name -> mistake of the SQL (or none), served from
    "today's label, served from state": ("todays_label", STATE),
    "today's mean, served from state": ("todays_mean", STATE),
    "last write wins, served from state": ("last_write_wins", STATE),
    "right, served from last midnight's table": (None, "last midnight's table"),
    "right, served from the table before it": (None, "the table before it"),
}
CONTROL = "right, replayed from the log"


def arms(rate: float) -> Mapping[str, Arm]:
    """Five pairs of pipelines and the control."""
    levels = ("model", "features")
    pairs = {
        name: Pair(levels, rate=rate, mistake=mistake, served=served)
        for name, (mistake, served) in PAIRS.items()
    }
    return {**pairs, CONTROL: Pair(levels, rate=rate)}


def gaps(evidence: Evidence, rate: float) -> Effects:
    """How much better each model is offline than online, by pair, in AUC, beyond the control's.

    An incident may put another model in service, or silence it: no pipeline's doing, and the same
    for the control in the same world.
    """
    runs = evidence.runs[evidence.runs["rate"] == rate]
    runs = runs.assign(gap=runs["offline_auc"] - runs["online_auc"])
    gap = runs.pivot(index="seed", columns="arm", values="gap").sort_index()
    return tuple(
        mean_effect(
            name, "AUC, offline - online", (gap[name] - gap[CONTROL]).to_numpy(), AUC_POINTS
        )
        for name in PAIRS
    )


def verdict_at(evidence: Evidence, rate: float, effects: Effects, tests: int) -> str:
    """Each of the five; where some surely do and some surely do not, it is the pipeline's doing."""
    verdicts = {effect.verdict(tests=tests * len(effects)) for effect in effects}
    if verdicts >= {HOLDS, FAILS}:
        return "depends on the pipeline"
    return all_of(effects, tests=tests)


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """By how much the control is off: in a world without incidents nothing may be left."""
    control = evidence.runs[evidence.runs["arm"] == CONTROL]
    off = (control["offline_auc"] - control["online_auc"]).abs().groupby(control["rate"]).max()
    cents = (control["offline_cents"] - control["expected_cents"]).abs()
    exact = float(cents[control["rate"] == 0].max())
    return (
        f"control: replayed on the logged features AUC differs by {off[0.0]:g} in any seed at "
        f"most, and money by {exact:.2f} cents, where there are no incidents; in an ordinary year "
        f"by {off[1.0]:.2g}, for an incident may put another model in service",
        "by incident rate, the effect shown is that of the pair that differs least",
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each pair: AUC offline and online, euros per 1,000 requests of both."""
    for pair, runs in evidence.runs[evidence.runs["rate"] == rate].groupby("arm"):
        offline, online = (
            runs[cents] / runs["requests"] * 10 for cents in ("offline_cents", "expected_cents")
        )
        yield {
            "pipelines": pair, "offline_auc": runs["offline_auc"].mean(),
            "online_auc": runs["online_auc"].mean(), "euros offline": offline.mean(),
            "euros online": online.mean(), **mean_interval(offline - online).columns("lost"),
        }  # fmt: skip


CLAIM = Claim(
    name="C5",
    sentence="The same model on the same rows through another pipeline is another result.",
    fails_where=(
        "customers who pay once a month: a table of last midnight then holds nearly all that exact "
        "state holds, and serving from it costs less than any metric can show"
    ),
    arms=arms,
    effects=gaps,
    verdict_at=verdict_at,
    shown=least_effect,
    notes=notes,
    table=table_by_rate(rows),
    earlier=(
        Earlier("the same with BCa intervals", "undecided", "2026-11-23"),
        Earlier("the control's own gap not taken off", "undecided", "2026-11-27"),
    ),
)
