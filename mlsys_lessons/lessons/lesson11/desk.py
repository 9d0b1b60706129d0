"""The reviewers' desk: a month's cases, the known ones mixed in, and how people do on them.

A reviewer can be measured on known cases alone, as screeners at an airport are: frauds of a closed
month, and as many honest payments. `desk.csv` holds twenty worlds that no lesson shows, made by

    python -m mlsys_lessons.lessons.lesson11.desk

Written down before these twenty (two others had been looked at): who sees the score accuses fewer
honest customers, and finds fewer of the frauds that the model is blind to; fewer than one case in
ten of the queue is a fraud. It decides nothing in the running system.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mlsys_lessons as mls
from mlsys_lessons.experiments.people_alone import staffed
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.randomness import luck
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.worlds.payments.people import Reviewers
from mlsys_lessons.worlds.payments.trust import Trust, rarer

SIZE = ClaimSize(days=30, daily=1_000)
ROOM = 4  # cases a day that the usual reviewers of this world take
BLIND = 0.05  # a fraud scored below this is one that the model is blind to; assumed
DEFERENCE = round(Trust().rest(0.01) * Trust().most, 2)  # of people who see one error in a hundred
SEES, IS_BLIND, HONEST = "frauds that the model sees", "frauds it is blind to", "honest customers"
HIDDEN, SHOWN = "score hidden", "score shown"
GROUPS = (SEES, IS_BLIND, HONEST)
STORED = Path(__file__).with_name("desk.csv")
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@lru_cache(maxsize=4)
def month(seed: int) -> mls.Run:
    """A calm month of the resilient system, with its queue and the usual people."""
    arm = staffed(0.0)
    return mls.simulate(arm.world(seed, SIZE), arm.system(seed), days=SIZE.days, keep="log")


def cases(run: mls.Run) -> pd.DataFrame:
    """A run's first-time payments: request_id, day, score, cents, p, fraud, blocked, held, value.

    `blocked` is what the policy would do without people, `value` what it believes a look is worth.
    """
    log = run.log[~run.log["is_duplicate"] & run.log["score"].notna()]
    truth = run.truth().loc[log["request_id"]]
    decisions: Any = run.system.decisions
    approve, block, review = decisions.expected_cents(log)
    columns = {
        "request_id": log["request_id"].to_numpy(),
        "day": (log["arrival_time"] - run.log["arrival_time"].min().normalize()).dt.days.to_numpy(),
        "score": log["score"].to_numpy(), "cents": truth["true_amount_cents"].to_numpy(),
        "p": truth["true_probability"].to_numpy(), "fraud": truth["true_label"].to_numpy() == 1,
        "blocked": approve < block, "held": (log["decided_by"] == "reviewer").to_numpy(),
        "value": review - np.maximum(approve, block),
    }  # fmt: skip
    return pd.DataFrame(columns)


def known_cases(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All frauds and as many honest payments, in the order of a draw, each with its group."""
    draw = luck(seed, "desk.draw", table["request_id"].to_numpy(np.int64))
    shuffled = table.iloc[np.argsort(draw, kind="stable")]
    honest = shuffled[~shuffled["fraud"]].head(int(shuffled["fraud"].sum()))
    pile = pd.concat([shuffled[shuffled["fraud"]], honest])
    group = np.where(~pile["fraud"], HONEST, np.where(pile["score"] < BLIND, IS_BLIND, SEES))
    return pile.assign(group=group).sample(frac=1.0, random_state=seed).reset_index(drop=True)


def people(deference: float = 0.0, **traits: Any) -> Reviewers:
    """The usual reviewers over a calm pile of one day: no fatigue, so much deference."""
    return replace(Reviewers(ROOM, fatigue=0.0), deference=deference, **traits)


def accused(pile: pd.DataFrame, seed: int, who: Reviewers) -> Mask:
    """What they say of each case: True is fraud."""
    picks = pile[["request_id", "score"]]
    verdicts = who.judge(seed, picks, pile["fraud"].to_numpy(), pile["p"].to_numpy())
    return verdicts["label"].to_numpy() == 1


def right(pile: pd.DataFrame, verdicts: Mask) -> pd.Series:
    """Share of right answers in each group."""
    return (verdicts == pile["fraud"]).groupby(pile["group"]).mean().reindex(list(GROUPS))


def missed_by_place(cases_a_day: int, frauds: float) -> pd.Series:
    """Chance that a clear fraud is missed, by its place in a full day, where so many are frauds."""
    who, place = Reviewers(cases_a_day, rarity=0.38), np.arange(cases_a_day)
    clear = np.array([True])
    fresh = rarer(who.slip(clear, np.ones(1)), clear, frauds, usual=who.usual, rarity=who.rarity)
    return pd.Series(fresh[0] * (1 + who.fatigue * place / cases_a_day), place + 1)


def two_screens(seed: int, deference: float = DEFERENCE) -> pd.DataFrame:
    """Share right by group: the same people and cases, with the score on the screen and without."""
    pile = known_cases(cases(month(seed)), seed)
    shares = {HIDDEN: 0.0, SHOWN: deference}
    found = {
        name: right(pile, accused(pile, seed, people(share))) for name, share in shares.items()
    }
    return pd.DataFrame(found)


def looks_worth(table: pd.DataFrame, deference: float | Floats = 0.0) -> Floats:
    """Expected cents that a look adds to the policy alone, its minutes and its delay paid.

    By the world's probabilities; whether somebody accuses is taken apart by the truth.
    """
    p, cents, score = (table[name].to_numpy() for name in ("p", "cents", "score"))
    costs, who, yes = mls.COSTS, people(), np.ones(len(table), dtype=bool)
    accuses = [
        (1 - deference) * chance + deference * score
        for chance in (1 - who.slip(yes, p), who.slip(~yes, p))
    ]
    lost, margin = costs.fraud_loss(cents), costs.margin(cents)
    looked = -p * (1 - accuses[0]) * lost
    looked += (1 - p) * ((1 - accuses[1]) * margin - accuses[1] * costs.friction)
    alone = np.where(table["blocked"], -(1 - p) * costs.friction, (1 - p) * margin - p * lost)
    return np.asarray(looked - alone - who.minutes * costs.review_minute - costs.delay)


def most_valuable(table: pd.DataFrame, looks: int) -> pd.DataFrame:
    """The cases of a month in which the policy believes that a look is worth most."""
    return table.iloc[np.argsort(-table["value"].to_numpy(), kind="stable")[:looks]]


def euros_per_thousand(cents: Floats) -> float:
    """Cents of a month's looks as euros per 1,000 payments."""
    return float(np.sum(cents)) / 100 / SIZE.days / SIZE.daily * 1_000


def measured(seeds: Iterable[int]) -> pd.DataFrame:
    """Each world and screen: share right by group, frauds per 100 cases of the queue, euros.

    `euros` is what 120 looks at the most valuable cases add per 1,000 payments.
    """
    rows, shares = [], {HIDDEN: 0.0, SHOWN: DEFERENCE}
    for seed in seeds:
        table = cases(month(seed))
        screens = two_screens(seed)
        frauds = 100 * table.loc[table["held"], "fraud"].mean()
        queue = most_valuable(table, SIZE.days * ROOM)
        for screen in screens:
            euros = euros_per_thousand(looks_worth(queue, shares[screen]))
            told = {"seed": seed, "screen": screen, "queue": frauds, "euros": euros}
            rows.append({**told, **screens[screen]})
    return pd.DataFrame(rows).round(4)


def stored() -> pd.DataFrame:
    """Twenty worlds that no lesson shows, as `measured` found them."""
    return pd.read_csv(STORED)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """A row a group: points that showing the score adds to the share right, with its interval."""
    rows = {}
    for group in GROUPS:
        by_screen = found.pivot(index="seed", columns="screen", values=group)
        change = 100 * (by_screen[SHOWN] - by_screen[HIDDEN])
        one = mean_interval(change.to_numpy())
        rows[group] = {"effect": one.estimate, "low": one.low, "high": one.high}
    return pd.DataFrame(rows).T


if __name__ == "__main__":
    measured(range(400, 420)).to_csv(STORED, index=False)
