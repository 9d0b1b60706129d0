"""Lesson 01's notebooks and how they are made, judged and shipped.

A has a tempting feature, B is the course's recipe without it, C is a rule of five questions. They
share rows, split and serving, so that what differs between their fortunes is one join. Nothing of
the system is changed: `ship` puts a notebook behind the endpoint of `naive_system`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.decisions import ScoreCut, best_f1_cut
from mlsys_lessons.components.inference.models import BoostedModel, RuleModel, _threads, matrix
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.lessons.lesson01.answers import time_split
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import MATURITY_DAYS
from mlsys_lessons.simulation.ledger import effects
from mlsys_lessons.simulation.presets import TEST_SHARE, NotebookModel, naive_system, training_rows
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import ACTIONS, COSTS, FEATURES

_APPROVE, _BLOCK = ACTIONS.index("approve"), ACTIONS.index("block")


def reports_of(requests: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Every fraud report of a history: customer_id, when it was `paid` and when it was `told`."""
    frauds = labels[labels["label"].to_numpy() == 1].drop_duplicates("request_id")
    reports = frauds.merge(requests, on="request_id")
    reports = reports.rename(columns={"event_time": "paid", "label_time": "told"})
    return reports[["customer_id", "paid", "told"]]


def reports_on_card(payments: pd.DataFrame, reports: pd.DataFrame) -> NDArray[np.float64]:
    """How many fraud reports there are on the card of each payment."""
    count = reports.groupby("customer_id").size()
    return payments["customer_id"].map(count).fillna(0).to_numpy(dtype=np.float64)


def reports_paid_before(payments: pd.DataFrame, reports: pd.DataFrame) -> NDArray[np.float64]:
    """The same, from frauds that were paid before this payment: the half repair."""
    pairs = payments[["request_id", "customer_id", "event_time"]].merge(reports, on="customer_id")
    count = pairs[pairs["paid"] < pairs["event_time"]].groupby("request_id").size()
    return payments["request_id"].map(count).fillna(0).to_numpy(dtype=np.float64)


class ReportsModel(BoostedModel):
    """The boosted model with one more input, the column `reports`.

    In service the column is looked up by card in the table that went live with the model: the
    reports known on day 0. Both the code and the table are correct.
    """

    name = "boosted with reports"

    def __init__(self, reports: pd.DataFrame, random_state: int = 0) -> None:
        super().__init__(random_state=random_state)
        self.reports = reports

    def fit(
        self, frame: pd.DataFrame, labels: NDArray[np.float64], weights: Any = None
    ) -> ReportsModel:
        """Fit as `BoostedModel` does."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        estimator = HistGradientBoostingClassifier(
            max_iter=self.trees, max_leaf_nodes=self.leaves, min_samples_leaf=40,
            l2_regularization=1.0, early_stopping=False, random_state=self.random_state,
        )  # fmt: skip
        with _threads().limit(limits=1):
            self.estimator_ = estimator.fit(self._inputs(frame), labels, sample_weight=weights)
        return self

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Fraud probability of each row."""
        with _threads().limit(limits=1):
            return np.asarray(self.estimator_.predict_proba(self._inputs(frame))[:, 1])

    def _inputs(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        in_training = "reports" in frame.columns
        column = frame["reports"] if in_training else reports_on_card(frame, self.reports)
        return np.column_stack([matrix(frame, FEATURES), column])


def notebook(model: Model, table: pd.DataFrame, *, seed: int = 0) -> NotebookModel:
    """The course's recipe around any model: the same random split, the best F1 cut."""
    rows = training_rows(table)
    held_out = luck(seed, "split", rows["request_id"].to_numpy()) < TEST_SHARE
    train, test = rows[~held_out], rows[held_out]
    model.fit(train, train["label"].to_numpy())
    cut = best_f1_cut(model.predict(test), test["label"].to_numpy())
    return NotebookModel(model, cut, train, test)


def five_questions_model() -> RuleModel:
    """Notebook C: the rule that an analyst could have written on a card."""
    return RuleModel()


def auc(scores: NDArray[np.float64], rows: pd.DataFrame) -> float:
    """Share of (fraud, genuine) pairs in which the fraud has the higher score; ties count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(rows["label"], scores))


def auc_on_time_split(model: Model, table: pd.DataFrame) -> float:
    """Fit on what could be judged when the last quarter of the rows began; AUC on that quarter."""
    rows = training_rows(table)
    paid = rows["tick"].to_numpy()
    train, test = time_split(paid, paid + MATURITY_DAYS)
    model.fit(rows[train], rows[train]["label"].to_numpy())
    return auc(model.predict(rows[test]), rows[test])


def auc_interval(scores: NDArray[np.float64], rows: pd.DataFrame) -> dict[str, float]:
    """AUC with its 95 % interval: effect, low, high (Hanley and McNeil, 1982)."""
    area, frauds = auc(scores, rows), float(rows["label"].sum())
    genuine = len(rows) - frauds
    pairs = (frauds - 1) * (area / (2 - area) - area**2)
    pairs += (genuine - 1) * (2 * area**2 / (1 + area) - area**2)
    half = 1.96 * float(np.sqrt((area * (1 - area) + pairs) / (frauds * genuine)))
    return {"effect": area, "low": area - half, "high": min(1.0, area + half)}


def promise(scores: NDArray[np.float64], cut: float, rows: pd.DataFrame) -> float:
    """Euros per 1,000 payments that labelled rows promise if all above the cut is blocked."""
    action = np.where(scores >= cut, _BLOCK, _APPROVE).astype(np.int8)
    cents = np.rint(rows["amount"].to_numpy() * 100).astype(np.int64)
    _, earned = effects(action, rows["label"].to_numpy() == 1, cents, COSTS)
    return float(earned.mean()) * 10


def ship(model: Model, cut: float, *, seed: int = 0) -> System:
    """The naive system with this model and this cut in service, as its author would deploy it."""
    version = ModelVersion(model.name, model)
    return naive_system(seed=seed).with_(model=version, decisions=ScoreCut(cut))
