"""A pool of real paired effects: what a few hundred small worlds earn under four systems each.

    python -m mlsys_lessons.experiments.paired_effects    makes it anew (20 minutes on one core)

The committed pool (paired_effects.csv) is what coverage.py resamples. Make it again when worlds,
systems or incidents have changed. It judges nothing. The arms are the claims' own (arms.py), on
seeds that no claim and no lesson uses. Worlds are small, with as many incidents as a claim's run
meets: fewer frauds and shorter days to spread them over make their effects more skewed than a
claim's, so an interval that keeps its word here keeps it there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mlsys_lessons.errors import StorageError
from mlsys_lessons.experiments.arms import NAIVE, RESILIENT, Arm
from mlsys_lessons.experiments.statistics import Values
from mlsys_lessons.files import write_whole
from mlsys_lessons.simulation.scenarios import CLAIM_SIZE, ClaimSize
from mlsys_lessons.system.system import System

POOL = Path(__file__).with_name("paired_effects.csv")
SIZE = ClaimSize(days=30, daily=300)
RATE = CLAIM_SIZE.days / SIZE.days  # as many incidents as in a claim's run
WORLDS, FIRST_WORLD = 300, 50_000
WORLDS_A_HISTORY = 5  # a fit costs as much as three runs, so five worlds share their models
_COMMAND = "python -m mlsys_lessons.experiments.paired_effects"

EFFECTS = {  # name -> one arm less another, as the claims subtract them
    "resilient - naive": ("resilient", "naive"),
    "resilient - without ingestion": ("resilient", "without ingestion"),
    "naive, no incidents - incidents": ("naive, no incidents", "naive"),
}
RATIO = "naive, no incidents - incidents"  # as a share of what is earned without incidents


@dataclass(frozen=True)
class PoolArm(Arm):
    """An arm whose models are fitted on the history of the first world of five."""

    def system(self, seed: int) -> System:
        """The system, fitted on that history."""
        return super().system(seed - seed % WORLDS_A_HISTORY)


ARMS = {
    "naive": PoolArm(NAIVE, rate=RATE),
    "naive, no incidents": PoolArm(NAIVE, rate=0.0),
    "resilient": PoolArm(RESILIENT, rate=RATE),
    "without ingestion": PoolArm(
        tuple(part for part in RESILIENT if part != "ingestion"), rate=RATE
    ),
}


def earned(world: int, size: ClaimSize = SIZE) -> Mapping[str, float]:
    """Expected cents per 1,000 requests of each arm in one world, on the same luck."""
    runs = {name: arm.play(world, size) for name, arm in ARMS.items()}
    thousands = max(run["requests"] for run in runs.values()) / 1_000
    return {name: round(run["expected_cents"] / thousands, 1) for name, run in runs.items()}


def make(path: Path = POOL, *, worlds: int = WORLDS, size: ClaimSize = SIZE) -> pd.DataFrame:
    """Make and write the pool: a row a world, a column an arm; says how far it is."""
    rows: dict[int, Mapping[str, float]] = {}
    for world in range(FIRST_WORLD, FIRST_WORLD + worlds):
        rows[world] = earned(world, size)
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("world")
        if len(rows) % 20 == 0 or len(rows) == worlds:
            write_whole(path, table.to_csv().encode(), way_out="make its folder writable")
            print(f"  {len(rows)} of {worlds} worlds", file=sys.stderr, flush=True)
    return table


def pool(path: Path = POOL) -> pd.DataFrame:
    """The committed pool; raises StorageError where there is none."""
    try:
        return pd.read_csv(path, index_col="world")
    except OSError as error:
        raise StorageError(f"{path.name} is not there; make it with {_COMMAND}.") from error


def paired_effects(earned: pd.DataFrame) -> Mapping[str, Values]:
    """The paired differences of a pool, in cents per 1,000 requests, by effect."""
    return {
        name: (earned[arm] - earned[other]).to_numpy(dtype=float)
        for name, (arm, other) in EFFECTS.items()
    }


def paired_ratio(earned: pd.DataFrame) -> tuple[Values, Values]:
    """Parts and wholes of a share: what incidents cost, of what is earned without them."""
    whole = earned[EFFECTS[RATIO][0]].to_numpy(dtype=float)
    return paired_effects(earned)[RATIO], whole


if __name__ == "__main__":
    make()
