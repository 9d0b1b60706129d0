"""The models at both ends of a comparison: great, and perfect on what is received.

*Great* is what a team gets with ten times the history and an afternoon of tuning. *Perfect on what
is received* is the world's closed form on the row as it came in, with the history that the feature
table had: no model can read more out of the same inputs. Claims C2 and C4 put them into systems.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.decisions import ScoreCut, best_f1_cut
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.inference.models import BoostedModel, PerfectModel
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.received import received_probability
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import DAY_MS, ticks
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TEST_SHARE,
    TRAINING_DAILY,
    training_rows,
)
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world
from mlsys_lessons.worlds.payments.domain import PAYMENTS

Floats = NDArray[np.float64]
TIMES_THE_HISTORY = 10
# The grid that is tried, trees x leaves: from the course's own model to four times its trees and
# twice its leaves (assumed: an afternoon's work), chosen by log loss on the newest quarter of days.
GRID = ((60, 15), (120, 15), (120, 31), (240, 31))
TUNING_SHARE = 0.2  # of the rows: enough to rank four settings
_MOST_DAYS = 8  # midnights that are kept: no table of the catalogue is older than seven days
_LOOKED_UP = PAYMENTS.history[0]


# --- perfect, on what is received ----------------------------------------------------------------


class ReceivedTruth(PerfectModel):
    """The world's closed form on received rows: a wrong unit or a stale table reaches it.

    It knows no row by its id. A look-up that brought nothing counts as the oldest table there is.
    """

    name = "perfect on what is received"
    truth_column = "what is received"

    def __init__(self) -> None:
        super().__init__()
        self._midnights: tuple[Any, ...] = ()  # the last ones, today's at the end
        self._faults: tuple[Fault, ...] = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> ReceivedTruth:
        """A copy that goes its own way; what worlds gave it is never changed, and shared."""
        other = type(self)()
        other._midnights, other._faults = self._midnights, self._faults
        return other

    def watch(self, midnight: Any, faults: tuple[Fault, ...]) -> None:
        """Take in what is known at this midnight, and how tables will age."""
        self._midnights = (*self._midnights, midnight)[-_MOST_DAYS:]
        self._faults = faults

    def predict(self, frame: pd.DataFrame) -> Floats:
        """P(fraud) of each row as it came, with a history as old as the table."""
        day = ticks(frame["arrival_time"])
        age = table_age(frame, self._faults)
        scores = np.empty(len(frame))
        for one in np.unique(day):
            for old in np.unique(age[day == one]):
                rows = (day == one) & (age == old)
                known = self._midnights[max(len(self._midnights) - 1 - int(old), 0)]
                scores[rows] = received_probability(known, frame[rows], int(one))
        return scores


def table_age(frame: pd.DataFrame, faults: Iterable[Fault]) -> Floats:
    """How many days the table behind each row's history is older than last midnight's.

    A look-up that brought nothing counts as the oldest table there is.
    """
    age = np.where(frame[_LOOKED_UP].isna().to_numpy(), float(_MOST_DAYS), 0.0)
    for fault in faults:
        if fault.name == "stale_features":
            inside = fault.covers(frame["arrival_time"])
            older = np.floor(fault.elapsed_ms(frame["arrival_time"]) / DAY_MS) * fault.open_ended
            told = np.minimum(np.floor(fault.severity) + older, _MOST_DAYS)
            age = np.where(inside, np.maximum(age, told), age)
    return age


# --- great ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def great_model(seed: int, *, times: int) -> tuple[Model, float]:
    """Lesson 01's recipe on so many times the history, with tuned trees: the model, its F1 cut."""
    world = payments_world(seed=seed, daily=times * TRAINING_DAILY)
    history = world.history(HISTORY_DAYS)
    rows = training_rows(offline(history.requests, history.labels))
    held_out = luck(seed, "split", row_keys(rows, PAYMENTS.identity)) < TEST_SHARE
    train, test = rows[~held_out], rows[held_out]
    model = tuned(train, seed=seed).fit(train, train["label"].to_numpy())
    return model, best_f1_cut(model.predict(test), test["label"].to_numpy())


def tuned(rows: pd.DataFrame, *, seed: int) -> BoostedModel:
    """The setting of the grid with the least log loss on the newest quarter, not fitted yet."""
    some = rows[luck(seed, "tuning", row_keys(rows, PAYMENTS.identity)) < TUNING_SHARE]
    newest = (some["tick"] >= some["tick"].quantile(1 - TEST_SHARE)).to_numpy()
    older, newer = some[~newest], some[newest]
    truth = newer["label"].to_numpy()

    def loss(setting: tuple[int, int]) -> float:
        model = BoostedModel(*setting, random_state=seed).fit(older, older["label"].to_numpy())
        said = np.clip(model.predict(newer), 1e-9, 1 - 1e-9)
        return float(-np.where(truth == 1, np.log(said), np.log1p(-said)).mean())

    return BoostedModel(*min(GRID, key=loss), random_state=seed)


# --- in a system ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExtremeArm(Arm):
    """An arm whose model is "great" or "received", at any levels."""

    def system(self, seed: int) -> System:
        """The levels' own system around that model; where there are no prices, with its F1 cut."""
        if self.model == "great":
            model, cut = great_model(seed, times=TIMES_THE_HISTORY)
        else:
            model, cut = ReceivedTruth(), 0.5  # where F1 cuts the truth (presets.py)
        system = Arm(self.levels, retraining=self.retraining).system(seed)
        version = ModelVersion(f"{self.model}-1", model)
        if "decisions" in system.levels:
            return system.with_(model=version)
        return system.with_(model=version, decisions=ScoreCut(cut))
