"""A world whose frauds are all known within two days, blocked ones too: labels without delay.

An instrument of claim C1, which has to switch selection and label delay off. It is the same
reality on the same luck: only what people tell the system, and when, is different.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.frames import categorical
from mlsys_lessons.records import DAY_MS, MATURITY_DAYS, timestamps
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    NotebookModel,
    assemble,
    notebook_model,
)
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import History, PaymentsWorld, payments_world
from mlsys_lessons.worlds.payments.domain import LABEL_SOURCES, SOURCE_DTYPE
from mlsys_lessons.worlds.payments.state import WorldState, past_attempts, remembered_attempts

KNOWN_AFTER_DAYS = 2  # by then every delayed row has arrived and can be labelled


@dataclass(frozen=True, repr=False)
class OpenLabelsWorld(PaymentsWorld):
    """A payments world in which nobody waits for a report and blocked fraud is labelled."""

    @classmethod
    def of(cls, world: PaymentsWorld) -> OpenLabelsWorld:
        """The same world with open labels."""
        return cls(world.seed, world.daily, world.drift, world.reviewers, appeals=world.appeals)

    def reports(self, state: WorldState, tick: int) -> pd.DataFrame:
        """Every fraud of two days ago, whatever was decided about it."""
        super().reports(state, tick)  # taken off the list: all of these are known already
        attempts, _ = remembered_attempts(self.population, state, tick)
        day = tick - KNOWN_AFTER_DAYS
        ids = attempts.request_id[(attempts.time // DAY_MS == day) & (day >= 0)]
        columns = {
            "request_id": ids,
            "event_tick": np.full(len(ids), day),
            "label": np.ones(len(ids), dtype=np.int8),
            "label_time": timestamps(np.full(len(ids), tick * DAY_MS)),
        }
        return pd.DataFrame(columns)

    def history(self, days: int) -> History:
        """The same days before day 0, with the truth as labels, known at once."""
        requests = super().history(days).requests
        attempts, _, _ = past_attempts(self.population, self.daily, days)
        fraud = np.isin(requests["request_id"].to_numpy(), attempts.request_id)
        source = np.where(fraud, *map(LABEL_SOURCES.index, ("cardholder", "matured")))
        columns = {
            "request_id": requests["request_id"].to_numpy(),
            "label": fraud.astype(np.int8),
            "label_time": requests["event_time"].to_numpy(),
            "source": categorical(source.astype(np.int8), SOURCE_DTYPE),
        }
        return History(requests, pd.DataFrame(columns))


@lru_cache(maxsize=8)
def open_notebook(seed: int) -> NotebookModel:
    """Lesson 01's recipe on true labels up to the last day before day 0."""
    history = OpenLabelsWorld.of(payments_world(seed=seed, daily=TRAINING_DAILY)).history(
        HISTORY_DAYS
    )
    table = offline(history.requests, history.labels)
    # The recipe leaves out the newest 45 days, whose labels are unknown in life; here they are not.
    return notebook_model(table.assign(tick=table["tick"] - MATURITY_DAYS), seed=seed)


def open_system(levels: Iterable[str], *, seed: int) -> System:
    """A system with a bare call and one cut whose model never waited for a label."""
    notebook = open_notebook(seed)
    version = ModelVersion("boosted-1", notebook.model)
    system = assemble(levels, seed=seed, retraining=None)
    return system.with_(model=version, decisions=ScoreCut(notebook.cut))
