"""Answers to lesson 08's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.lessons.lesson08 import unseen_week
from mlsys_lessons.simulation.run import Run

Note = tuple[str, str, float]
Runbook = dict[str, list[mls.response.Mitigation]]

# --- q1: the rate behind a delay -----------------------------------------------------------------


def true_rate(age, reported, tau):
    """Reports so far, divided by the reports there would be if every payment were a fraud."""
    due = (1 - np.exp(-age / tau)).sum()
    return reported.sum() / due if due > 0 else np.nan


def as_counted(age: np.ndarray, reported: np.ndarray, tau: float) -> float:
    """Reports so far over all payments."""
    return float(np.mean(reported))


def matured_only(age: np.ndarray, reported: np.ndarray, tau: float) -> float:
    """Only payments older than twice the delay."""
    old = age >= 2 * tau
    return float(np.mean(reported[old])) if old.any() else float("nan")


def each_by_its_own(age: np.ndarray, reported: np.ndarray, tau: float) -> float:
    """Each report weighted by its own age."""
    seen = age > 0
    return float(np.sum(reported[seen] / (1 - np.exp(-age[seen] / tau))) / len(age))


def delay_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Payments of the last weeks, reported after exponential delays; some that are brand-new."""
    for rows, window, tau in ((4_000, 30.0, 20.0), (900, 60.0, 9.0), (40, 100.0, 25.0)):
        age = generator.uniform(0, window, rows)
        age[0] = 0.0
        harm = generator.random(rows) < 0.2
        reported = harm & (generator.exponential(tau, rows) <= age)
        reported[1:4] = True
        age[1:4] = [0.02 * window, 0.5 * window, window]
        yield {"age": age, "reported": reported, "tau": tau}
    for age in (np.zeros(2), np.array([1.0, 2.0])):
        yield {"age": age, "reported": np.array([True, False]), "tau": 20.0}


# --- q2: money without labels --------------------------------------------------------------------


def estimated_cents(chance, blocked, cents):
    """Expected cents of decisions, from the probability of fraud alone."""
    fraud, genuine = chance, 1 - chance
    approve = genuine * (0.02 * cents + 10) - fraud * (cents + 1_500)
    block = -genuine * 500
    return np.where(blocked, block, approve).sum()


def blocking_is_free(chance: np.ndarray, blocked: np.ndarray, cents: np.ndarray) -> float:
    """Whoever is blocked costs nothing."""
    approve = (1 - chance) * (0.02 * cents + 10) - chance * (cents + 1_500)
    return float(np.where(blocked, 0.0, approve).sum())


def as_if_certain(chance: np.ndarray, blocked: np.ndarray, cents: np.ndarray) -> float:
    """Above one half it is fraud, below it is not."""
    return float(estimated_cents((chance > 0.5).astype(float), blocked, cents))


def money_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Scores as rare as frauds are, some of them high; a cut that blocks them."""
    for rows in (5, 300, 3_000):
        chance = generator.beta(0.3, 12, rows)
        chance[:4] = [0.0, 0.6, 0.9, 1.0]
        blocked = chance > 0.25
        blocked[:2] = [True, False]
        cents = np.rint(np.exp(generator.normal(8, 1, rows)))
        yield {"chance": chance, "blocked": blocked, "cents": cents}


# --- q3: the handover ----------------------------------------------------------------------------


def handover(run, twin):
    """What rings first, who is called for it, and what the last seven days cost."""
    lost = twin.value_by_tick() - run.value_by_tick()
    week = lost.iloc[-7:].sum() / 100
    alerts = run.alerts
    if len(alerts) == 0:
        return "nothing", "nobody", week
    first = alerts[alerts["tick"] == alerts["tick"].min()]
    pages = first[first["severity"] == "page"]
    row = (pages if len(pages) else first).iloc[0]
    return f"{row['layer']}.{row['metric']}", row["owner"], week


def _line(alerts: pd.DataFrame, place: int, price: float) -> Note:
    if not len(alerts):
        return "nothing", "nobody", price
    row = alerts.iloc[place]
    return f"{row['layer']}.{row['metric']}", str(row["owner"]), price


def the_loudest(run: Run, twin: Run) -> Note:
    """The alert that is furthest beyond its threshold."""
    far = (run.alerts["value"] / run.alerts["threshold"]).abs().to_numpy()
    return _line(run.alerts, int(np.argmax(far)) if len(far) else 0, handover(run, twin)[2])


def the_first_line(run: Run, twin: Run) -> Note:
    """The first line of the table, on whatever day, whoever it calls."""
    return _line(run.alerts, 0, handover(run, twin)[2])


def by_the_books(run: Run, twin: Run) -> Note:
    """The week's price as the books have it by now."""
    metric, owner, _ = handover(run, twin)
    ours, theirs = (
        one.metrics.query("metric == 'booked_cents'")["value"].to_numpy() for one in (run, twin)
    )
    return metric, owner, float((theirs - ours)[-7:].sum() / 100)


def week_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Weeks of a world that no lesson shows, one of them quiet, and two with another desk's lines.

    On the last two the table is not in order: a ticket of the day before comes last.
    """
    seed = int(generator.choice(unseen_week.SEEDS))
    twin = unseen_week.calm(seed)
    for letter in ("B", str(generator.choice(["A", "D", "G"])), "C"):
        yield {"run": unseen_week.week(letter, seed), "twin": twin}
    for letter in ("B", "F"):
        week = unseen_week.week(letter, seed)
        lines = week.alerts.sample(frac=1.0, random_state=generator)
        ticket = lines.iloc[:1].assign(segment="all", severity="ticket", threshold=1.0)
        mild = ticket.assign(tick=unseen_week.DAYS - 1, layer="outputs", metric="psi_score",
                             owner="ML team", value=1.1)  # fmt: skip
        early = ticket.assign(tick=unseen_week.QUIET_DAYS - (letter == "B"), layer="business",
                              metric="precision_reviewed", owner="finance", value=1.2)  # fmt: skip
        written = SimpleNamespace(
            alerts=pd.concat([mild, lines, early]), metrics=week.metrics,
            value_by_tick=(week.value_by_tick() - 9_000).copy,
        )  # fmt: skip
        yield {"run": written, "twin": twin}


# --- q4: three numbers ---------------------------------------------------------------------------


def my_runbook():
    """The three numbers that name their cause, each with the line that ends it."""
    import mlsys_lessons as mls

    return {
        "operations.fallback_rate": [mls.response.roll_back()],
        "inputs.null_rate.history": [mls.response.rebuild_table()],
        "inputs.unseen_rate.history": [mls.response.ask_owner("payments platform")],
    }


def the_green_page() -> Runbook:
    """What every platform team watches."""
    names = ("operations.requests", "operations.latency_p99", "operations.error_rate")
    return {name: [mls.response.ask_owner("payments platform")] for name in names}


def the_scores() -> Runbook:
    """What every machine-learning team watches."""
    names = ("outputs.score_log_odds", "outputs.psi_score", "outputs.share_flagged")
    return {name: [mls.response.roll_back()] for name in names}


def the_money() -> Runbook:
    """What it is about, known last."""
    names = ("booked_cents", "reported_fraud_rate", "precision_reviewed")
    return {f"business.{name}": [mls.response.nothing()] for name in names}
