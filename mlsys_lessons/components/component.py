"""What every component says of itself, and the one list of their names.

A component is called with a frame and returns it with columns more at its right. It says which
columns it `needs` and `adds`, whether it is at its resilient level, and what a day of it costs.
What it does is told in its own room. A component is made for a domain, and for payments where
no other is named: that default is all that the rooms know of any world.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import Costs, Domain
from mlsys_lessons.records import ClosedDay
from mlsys_lessons.worlds.payments.domain import PAYMENTS as DEFAULT_DOMAIN

__all__ = [
    "COMPONENTS",
    "DEFAULT_DOMAIN",
    "PARTS",
    "Columns",
    "Component",
    "Model",
    "ModelRegistry",
]

Columns = tuple[str, ...]

PARTS = ("ingestion", "features", "inference", "decisions", "monitoring")
# Inference counts twice where levels are chosen or priced: what answers, and how it is asked.
COMPONENTS = ("ingestion", "features", "model", "serving", "decisions", "monitoring")


class Component:
    """The base of both levels of each component.

    Why it matters: a system that adds up what its parts say cannot forget one of them in its bill.
    """

    resilient = True
    plugs_into = ""  # the part of a system that it can be, as `with_` names it
    domain: Domain

    @property
    def needs(self) -> Columns:
        """The columns that a frame must have when it comes in."""
        return ()

    @property
    def adds(self) -> Columns:
        """The columns that it has more when it goes out."""
        return ()

    def upkeep_year(self, costs: Costs) -> int:
        """Cents a year for keeping the component alive; a notebook's own level is free."""
        return costs.upkeep_component_year if self.resilient else 0

    def overheads(self, day: ClosedDay, costs: Costs) -> Mapping[str, int]:
        """Cents that a day of the component has cost beyond its upkeep, by ledger item."""
        return {}


class Model(Protocol):
    """What inference and retraining ask of any model.

    Three traits are assumed where a model does not say otherwise (see `Registry`): that it is
    `resilient` (has upkeep), that it `learns` (may be fitted again), and that it is shown nothing
    of the truth (`truth_column`).
    """

    name: str

    def fit(
        self,
        frame: pd.DataFrame,
        labels: NDArray[np.float64],
        weights: NDArray[np.float64] | None = None,
    ) -> Model:
        """Learn from rows with known labels."""

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Probability of harm of each row."""


class ModelRegistry(Protocol):
    """What retraining asks of the registry of models."""

    @property
    def model(self) -> Model:
        """The model in service."""

    @property
    def learns(self) -> bool:
        """Whether it may be fitted again."""

    def promote(self, model: Model, *, fitted_tick: int = 0, label: str = "") -> str:
        """Put a model in service under a label; returns the label."""
