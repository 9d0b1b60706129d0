"""Another past: a history under a fault, or with other labels, and systems trained on it.

An instrument of claims C9 and C10 and of the lesson about data. The present is the same reality on
the same luck; what differs is the history that the model was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import pandas as pd

from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.features.stages import OnlineFeatures
from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.gaps import with_gaps
from mlsys_lessons.records import ticks
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    assemble,
    notebook_model,
    training_rows,
)
from mlsys_lessons.system.faults import Fault, faulted
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import History, PaymentsWorld, payments_world
from mlsys_lessons.worlds.payments.domain import HISTORY

_NO_LABELS = pd.DataFrame(0, index=[], columns=["tick", "merchant_id", "country", "category"])


@dataclass(frozen=True, repr=False)
class AnotherPast(PaymentsWorld):
    """A world whose days before day 0 are rewritten; everything else is as it was."""

    rewrite: Callable[[History], History]  # hashable: histories are remembered by world

    @classmethod
    def of(cls, world: PaymentsWorld, rewrite: Callable[[History], History]) -> AnotherPast:
        """The same world with a rewritten past."""
        return cls(world.seed, world.daily, world.drift, world.reviewers, rewrite)

    def history(self, days: int) -> History:
        """The same days, rewritten."""
        return self.rewrite(super().history(days))


@dataclass(frozen=True)
class UnderFaults:
    """A rewritten history: producers made these mistakes all along."""

    faults: tuple[Fault, ...]

    def __call__(self, history: History) -> History:
        """The requests as they came in; the labels are what they are."""
        mistakes = [fault for fault in self.faults if fault.seam == "requests"]
        sent = faulted(lambda frame: frame, mistakes)(history.requests)
        return History(sent.sort_values("arrival_time", kind="stable"), history.labels)


def all_along(fault: Fault) -> Fault:
    """The same fault without a beginning or an end.

    >>> from mlsys_lessons.system.faults import CATALOGUE
    >>> all_along(CATALOGUE["null_flood"](start=3, end=5))
    null_flood(start=-1e+06, end=1e+06, severity=0.3)
    """
    return replace(fault, start=-1e6, end=1e6)


def table_under(history: History, faults: Iterable[Fault] = ()) -> pd.DataFrame:
    """The training table as a system with these faults at its features would have logged it.

    Why it matters: who logs features logs the faults of that day with them. Risk columns are
    today's even in a stale table, so only the customer's history is replayed under the faults.
    """
    requests, labels = history
    requests = requests.sort_values("arrival_time", kind="stable")
    table = offline(requests, labels)
    broken = [fault for fault in faults if fault.seam == "features"]
    if not broken:
        return table
    online, parts = OnlineFeatures(), []
    stage = faulted(online, broken)
    for _, rows in requests.groupby(ticks(requests["arrival_time"])):
        parts.append(stage(rows)[list(HISTORY)])
        online.step(int(ticks(rows["arrival_time"])[0]), _NO_LABELS)
    logged = pd.concat(parts)
    return table.assign(**{name: logged[name].to_numpy() for name in HISTORY})


@lru_cache(maxsize=16)
def table_of(seed: int, rewrite: Callable[[History], History] | None = None) -> pd.DataFrame:
    """The training table of one seed's history, rewritten or not; computed once in a process."""
    history = payments_world(seed=seed, daily=TRAINING_DAILY).history(HISTORY_DAYS)
    faults = rewrite.faults if isinstance(rewrite, UnderFaults) else ()
    return table_under(rewrite(history) if rewrite else history, faults)


def trained_on(table: pd.DataFrame, levels: Iterable[str], *, seed: int) -> System:
    """A system whose model was fitted on the given table; it is not refitted.

    The recipes are those of the presets: all rows, with gaps, for a system with prices, and
    lesson 01's split with its F1 cut for one without.
    """
    system, label = assemble(levels, seed=seed, retraining=None), "boosted-of-its-past"
    if "decisions" in system.levels:
        rows = with_gaps(training_rows(table), system.domain, seed)
        model = BoostedModel(random_state=seed).fit(rows, rows["label"].to_numpy())
        return system.with_(model=ModelVersion(label, model))
    notebook = notebook_model(table, seed=seed)
    version = ModelVersion(label, notebook.model)
    return system.with_(model=version, decisions=ScoreCut(notebook.cut))
