"""Four pages of one week, and what policies come to in them; stored world by world.

The incidents are scenarios of the drill, under letters that say nothing; on two of them nothing is
wrong. The stored table is made by `python -m mlsys_lessons.lessons.lesson14.four_pages`; its seeds
are shown in no lesson.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from mlsys_lessons.drill import Incident, Score, scenario
from mlsys_lessons.drill.play import play
from mlsys_lessons.drill.policies import (
    always_roll_back,
    omniscient,
    runbook_follower,
    threshold_alarm,
)
from mlsys_lessons.drill.runs import best, lived, usual_day
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.statistics import mean_interval

PAGES = {"A": "silent_fallback", "B": "unlucky_day", "C": "unit_change", "D": "new_country"}
NOTHING, FAST, KNOWING = "does nothing", "acts when it rings", "knows the cause"
POLICIES = {FAST: threshold_alarm, "rolls back": always_roll_back,
            "follows the runbook": runbook_follower}  # fmt: skip
ORDER = (NOTHING, *POLICIES, KNOWING)
STORED = Path(__file__).parent / "four_pages.csv"


def incident(letter: str, seed: int) -> Incident:
    """The incident behind a letter. Raises InputError for a letter that nobody was paged by."""
    if letter not in PAGES:
        raise InputError(f"no page has the letter {letter!r}; choose one of {', '.join(PAGES)}.")
    return Incident(PAGES[letter], seed)


def nothing_done(letter: str, seed: int) -> Score:
    """The score of doing nothing, which needs no run beyond those of the scale."""
    name, world = PAGES[letter], scenario(PAGES[letter]).world
    lost = best(name, seed) - lived(name, seed).expected_value
    return Score(lost=lost, at_stake=lost, day=usual_day(seed, world), evidence=0.0)


def lived_with(command: str, letter: str, seed: int) -> Score:
    """The score of one command at the page, and patience; no command is nothing done."""
    if not command:
        return nothing_done(letter, seed)
    played = incident(letter, seed)
    played.act(command)
    played.advance(played.scenario.days)
    return played.score


def week(seed: int) -> Iterator[dict[str, Any]]:
    """Every policy in the four incidents of one world."""
    for letter, name in PAGES.items():
        what, nothing = scenario(name), nothing_done(letter, seed)
        yield _row(seed, letter, NOTHING, nothing, 0)
        for called, policy in {**POLICIES, KNOWING: omniscient(what)}.items():
            if called == KNOWING and what.quiet:  # whoever knows does nothing
                yield _row(seed, letter, KNOWING, nothing, 0)
                continue
            played = play(incident(letter, seed), policy)
            yield _row(seed, letter, called, played.score, played.actions)


def _row(seed: int, letter: str, called: str, score: Score, actions: int) -> dict[str, Any]:
    return {
        "seed": seed, "page": letter, "policy": called, "points": round(score.points, 1),
        "lost_euros": round(score.lost / 100), "at_stake_euros": round(score.at_stake / 100),
        "actions": actions,
    }  # fmt: skip


def measured(seeds: Iterable[int]) -> pd.DataFrame:
    """The table over seeds."""
    return pd.DataFrame([row for seed in seeds for row in week(seed)])


def stored() -> pd.DataFrame:
    """The stored table: seed, page, policy, points, euros lost beyond the best, actions."""
    return pd.read_csv(STORED)


def by_page(table: pd.DataFrame) -> pd.DataFrame:
    """Median points: a row a policy, a column a page, and the mean of all four at the right."""
    wide = table.pivot_table(index="policy", columns="page", values="points", aggfunc="median")
    wide["all four"] = table.groupby("policy")["points"].mean()
    return wide.loc[list(dict.fromkeys(table["policy"]))]


def of_a_week(table: pd.DataFrame) -> pd.DataFrame:
    """Points of a week by policy: the mean of its four pages, with the interval over seeds."""
    weeks = table.groupby(["policy", "seed"])["points"].mean().unstack("policy")
    order = list(dict.fromkeys(table["policy"]))
    rows = {name: mean_interval(weeks[name].to_numpy()) for name in order}
    return pd.DataFrame(
        {name: {"effect": one.estimate, "low": one.low, "high": one.high}
         for name, one in rows.items()}
    ).T  # fmt: skip


if __name__ == "__main__":
    STORED.unlink(missing_ok=True)
    for seed in range(220, 240):
        measured([seed]).to_csv(STORED, index=False, mode="a", header=not STORED.exists())
