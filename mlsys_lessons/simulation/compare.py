"""Compare: the price of the difference between two runs of one world, paired by request."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.simulation.run import Run


@dataclass(frozen=True)
class Comparison:
    """The price of the difference between two runs, in cents, paired by request."""

    same_request: int
    only_in_a: int
    only_in_b: int
    overheads: int
    requests: pd.DataFrame = field(repr=False)

    @property
    def total(self) -> int:
        """Value of b minus value of a."""
        return self.same_request + self.only_in_b - self.only_in_a + self.overheads


def compare(a: Run, b: Run) -> Comparison:
    """What run b earned beyond run a, and from which requests.

    Outer-joins the ledgers on the rows' identity. `requests` lists each row whose consequence
    differs, with both items and the difference in cents. Raises InputError for other worlds.
    """
    _check(a, b)
    identity = list(a.system.domain.identity)
    sides = [run.ledger[run.ledger["request_id"] >= 0] for run in (a, b)]
    pair = sides[0].merge(sides[1], on=identity, how="outer", suffixes=("_a", "_b"))
    gap = pair["cents_b"].fillna(0) - pair["cents_a"].fillna(0)
    pair["difference"] = gap.astype(np.int64)
    in_a, in_b = pair["cents_a"].notna(), pair["cents_b"].notna()
    only_a = int(pair.loc[in_a & ~in_b, "cents_a"].sum())
    only_b = int(pair.loc[in_b & ~in_a, "cents_b"].sum())
    same = int(pair.loc[in_a & in_b, "difference"].sum())
    overheads = (b.value - int(sides[1]["cents"].sum())) - (a.value - int(sides[0]["cents"].sum()))
    changed = pair[(pair["difference"] != 0) | (in_a != in_b)]
    columns = [*identity, "tick_a", "item_a", "cents_a", "tick_b", "item_b", "cents_b"]
    shown = changed[[*columns, "difference"]].reset_index(drop=True)
    return Comparison(same, only_a, only_b, overheads, shown)


def _check(a: Run, b: Run) -> None:
    """Two runs of one world, both with a ledger by request."""
    for run in (a, b):
        if not isinstance(run, Run):
            raise InputError(
                f"{run!r} is not a run; make one with simulate(world, system, days=30)."
            )
        if run.recorder.keep != "log":
            raise StateError(f"{run!r} has no ledger by request to be paired; use keep='log'.")
    if (a.world.name, a.world.seed, a.world.daily) != (b.world.name, b.world.seed, b.world.daily):
        raise InputError(f"{a!r} and {b!r} are of different worlds; compare twins of one world.")
