"""Speed of the worlds of pages, day by day: places a second, and what 80 days cost beside 20.

Bare cost = numpy work that no simulation of such slates can do without, after every day anew: even
luck for 24 items a slate, its sort, and the match of each with its user. Training and history are
done beforehand. Nothing here is asserted: machines are noisy, the ratios of one run are to quote.

A day has costs that do not grow with its pages: with --visits 1, a page a user a day, they weigh
less than with the worlds' own .4.

    python tests/benchmarks/pages.py [--users 5000] [--days 80] [--visits 0.4] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SEED = 7
PLACES, POOL, TASTES = 10, 24, 8  # of a slate; items drawn for it; numbers that make a taste
ITEMS = 2_000
USUAL_VISITS = 0.4  # of a user, a day: both worlds' default
LEVELS = ("naive", "resilient")
WORLDS = ("recommender", "search")


class Days(NamedTuple):
    """What each day took: places served, seconds of its step, seconds of the bare work."""

    places: NDArray[np.float64]
    seconds: NDArray[np.float64]
    bare: NDArray[np.float64]

    @property
    def cost(self) -> float:
        """Seconds by those of the bare work, all days together."""
        return float(self.seconds.sum() / self.bare.sum())


def bare(slates: int, tastes: NDArray[np.float64], traits: NDArray[np.float64]) -> float:
    """Seconds to draw and sort luck for the items of some slates, and to match them with users."""
    generator = np.random.default_rng(slates)
    began = time.perf_counter()
    drawn = np.sort(generator.random((slates, POOL)), axis=1)
    items = (drawn * len(traits)).astype(np.int64)
    np.einsum("sd,skd->sk", tastes[:slates], traits[items])
    return time.perf_counter() - began


def stepped(world: str, level: str, users: int, days: int, visits: float) -> Days:
    """A run of one world and one level, timed day by day; two days warm it up."""
    import mlsys_lessons as mls

    made = {
        "recommender": lambda: mls.recommender_world(SEED, users, habits=mls.Habits(visits=visits)),
        "search": lambda: mls.search_world(SEED, users, habits=mls.SearchHabits(searches=visits)),
    }[world]()
    system = {"naive": mls.naive_system, "resilient": mls.resilient_system}[level]
    run = mls.simulate(made, system(world, seed=SEED), days=2)
    generator = np.random.default_rng(SEED)
    tastes, traits = generator.random((users, TASTES)), generator.random((ITEMS, TASTES))
    took = []
    for _ in range(days):
        began, rows = time.perf_counter(), run.requests
        run.step()
        seconds, places = time.perf_counter() - began, run.requests - rows
        took.append((places, seconds, bare(places // PLACES, tastes, traits)))
    return Days(*np.array(took, dtype=np.float64).T)


def measured(users: int, days: int, visits: float = USUAL_VISITS) -> dict[str, float]:
    """Every figure of the table, by world and level."""
    table = {}
    for world, level in product(WORLDS, LEVELS):
        name, whole = f"{world}, {level}", stepped(world, level, users, days, visits)
        quarter = Days(*(column[: days // 4] for column in whole))
        table[f"{name}: places a day"] = float(np.mean(whole.places))
        table[f"{name}: ms a day"] = 1e3 * float(np.median(whole.seconds))
        table[f"{name}: places a second"] = float(np.median(whole.places / whole.seconds))
        table[f"{name}: ratio to bare"] = whole.cost
        table[f"{name}: {days} days by {days // 4}, a day"] = whole.cost / quarter.cost
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=80)
    parser.add_argument("--visits", type=float, default=USUAL_VISITS, help="a day, of a user")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    table = measured(chosen.users, chosen.days, chosen.visits)
    if chosen.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{chosen.users:,} users, {chosen.visits:g} visits a day each, {chosen.days} days")
    for name, value in table.items():
        print(f"{name:<70} {value:>12,.3f}")


if __name__ == "__main__":
    main()
