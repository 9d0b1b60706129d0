"""How much room reviewers need: the same month with room for 0, 2, 8 and 32 cases a day.

A month's money in three parts: what looks changed, what became of held rows that nobody reached,
what people cost. `review_rooms.csv` holds twenty worlds that no lesson shows, made by

    python -m mlsys_lessons.lessons.lesson06.review_rooms

Ten other worlds had been looked at before. Written down before these twenty: room for two is not
decidedly worth more than none, room for thirty-two is, and unreached rows are why. All three came;
the last one barely. What the three parts leave is the world's answer: thieves and customers react.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.lessons.lesson06 import candidates

ROOMS = (0, 2, 8, 32)
PARTS = ("looks", "unreached", "work")
STORED = Path(__file__).with_name("review_rooms.csv")


def parts(run: mls.Run) -> dict[str, float]:
    """Expected euros of the looks, of held rows that nobody reached, and of people's work.

    Looks and unreached rows are held against what the policy would have done without a queue.
    """
    rows = candidates.priced(run)
    decisions: Any = run.system.decisions
    log = run.log[~run.log["is_duplicate"] & run.log["score"].notna()]
    alone_approves = np.greater_equal(*decisions.expected_cents(log)[:2])
    approves = (log["final_action"] == "approve").to_numpy()
    money = (rows["approve"] - rows["block"]).to_numpy() * (approves.astype(int) - alone_approves)
    who = log["decided_by"].astype(str).to_numpy()
    cents = run.ledger.groupby("item", observed=True)["cents"].sum()
    return {
        "looks": money[who == "reviewer"].sum() / 100,
        "unreached": money[who == "timeout"].sum() / 100,
        "work": float(cents.get("review", 0) + cents.get("delay", 0)) / 100,
        "looked_at": int((who == "reviewer").sum()), "left": int((who == "timeout").sum()),
    }  # fmt: skip


def measured(seeds: Iterable[int], rooms: Iterable[int] = ROOMS) -> pd.DataFrame:
    """Each world and room: a month's expected euros, its parts, and how many rows were held."""
    rows = []
    for seed in seeds:
        for room in rooms:
            run = candidates.served(seed, candidates.logistic(seed), reviewers=room, keep="log")
            rows.append({
                "seed": seed, "room": room, "euros": run.expected_value / 100, **parts(run)
            })  # fmt: skip
    return pd.DataFrame(rows).round(2)


def stored() -> pd.DataFrame:
    """Twenty worlds that no lesson shows, as `measured` found them."""
    return pd.read_csv(STORED)


def against_nobody(found: pd.DataFrame) -> pd.DataFrame:
    """Euros a month more than without reviewers, a column a room, a row a world."""
    euros = found.pivot(index="seed", columns="room", values="euros")
    return euros.drop(columns=0).sub(euros[0], axis=0)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """A row a room: the mean effect with its 95 % interval."""
    gains = against_nobody(found)
    means = {f"{room} a day": mean_interval(gains[room].to_numpy()) for room in gains}
    rows = [(one.estimate, one.low, one.high) for one in means.values()]
    return pd.DataFrame(rows, index=list(means), columns=["effect", "low", "high"])


if __name__ == "__main__":
    measured(range(320, 340)).to_csv(STORED, index=False)
