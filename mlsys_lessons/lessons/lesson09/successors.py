"""Months of a model's successors, in money: who learns from what, and what that costs.

Around `experiments/selective_labels.py`, which knows no money. Prices are those of lesson 06's
table, one amount for all (assumed). `successors.csv` holds twenty populations, made by

    python -m mlsys_lessons.lessons.lesson09.successors
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.feedback.off_policy import self_normalised
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.selective_labels import (
    LabelSource,
    Population,
    own_decisions,
    passed_only,
    reject_inference,
    retrained,
    weighted,
)
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.records import whole_number, within

FRAUD_CENTS, FRICTION_CENTS = 6_500, 500  # a fraud that passes, a good customer who is blocked
MONTHS, LAUNCH = 6, 5
TOWN = Population()
AFTER_A_LAUNCH = Population(newcomers=0.3, launch=LAUNCH)
SOURCES = {
    "what passed": passed_only, "own decisions": own_decisions,
    "reject inference": reject_inference, "weighted": weighted,
}  # fmt: skip
STORED = Path(__file__).with_name("successors.csv")


class OneThread:
    """A scikit-learn classifier that is fitted and asked with one thread, whatever the machine."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, feature: np.ndarray, label: np.ndarray) -> OneThread:
        """Fit; what it has learned before is forgotten."""
        with _one_thread():
            self.estimator.fit(feature, label)
        return self

    @property
    def classes_(self) -> np.ndarray:
        """The labels that it knows."""
        return np.asarray(self.estimator.classes_)

    def predict_proba(self, feature: np.ndarray) -> np.ndarray:
        """The probability of each label, one row a row."""
        with _one_thread():
            return np.asarray(self.estimator.predict_proba(feature))


def _one_thread() -> AbstractContextManager[Any]:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)  # type: ignore[no-any-return]


def boosted() -> OneThread:
    """Boosted trees with the settings of the course's own model (`BoostedModel`)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=1.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    return OneThread(trees)


def logistic() -> OneThread:
    """A logistic curve, which is the true shape here."""
    from sklearn.linear_model import LogisticRegression

    return OneThread(LogisticRegression(C=1e6, max_iter=500))


def naive_bayes() -> OneThread:
    """A normal curve for each class."""
    from sklearn.naive_bayes import GaussianNB

    return OneThread(GaussianNB())


MODELS: dict[str, Callable[[], OneThread]] = {
    "boosted": boosted, "logistic": logistic, "naive Bayes": naive_bayes,
}  # fmt: skip


def months(
    model: str, source: LabelSource, *, seed: int, share: float = 0.0, count: int = MONTHS,
    population: Population = TOWN,
) -> pd.DataFrame:  # fmt: skip
    """`retrained`, indexed by month, with the month's euros beside it.

    A fraud that passes costs 65 euros, a good customer who is stopped 5; of what would be blocked,
    `share` passes, and what that costs is in the euros.
    """
    found = retrained(
        MODELS[model], source, population=population, months=count, exploration=share, seed=seed
    ).set_index("month")
    return found.assign(euros=[_euros(row, share, population, seed) for row in found.itertuples()])


def after_the_launch(seed: int, *, share: float) -> pd.DataFrame:
    """Nine months of naive Bayes, weighted by propensity, with a launch in the fifth."""
    setting: dict[str, Any] = {"seed": seed, "share": share, "count": 9}
    return months("naive Bayes", weighted, population=AFTER_A_LAUNCH, **setting)


def asked(
    would_block: np.ndarray, passed: np.ndarray, propensity: np.ndarray, cents: np.ndarray
) -> str:
    """What the package's own estimator says of another cut, or why it refuses."""
    try:
        found = self_normalised(cents, propensity, (passed != would_block).astype(float))
    except InputError as refusal:
        return f"refused: {refusal}"
    return repr(found)


def _euros(month: Any, share: float, population: Population, seed: int) -> float:
    """What a month's decisions cost, below zero."""
    frauds = float(population.month(seed, month.Index)[1].sum())
    stopped = (1 - share) * population.rows * month.blocked
    caught = (1 - share) * frauds * month.recall
    cents = (frauds - caught) * FRAUD_CENTS + (stopped - caught) * FRICTION_CENTS
    return float(-cents / 100)


@dataclass(frozen=True)
class Loop:
    """One setting of the loop; its repr is what the widget shows.

    >>> print(Loop(months=2, seed=3).head)
    naive Bayes, learns from what passed, 0 % explored
    """

    model: str = "naive Bayes"
    source: str = "what passed"
    share: float = 0.0
    months: int = MONTHS
    seed: int = 7

    def __post_init__(self) -> None:
        """Refuse a share or a number of months that says nothing."""
        within("share", self.share, 0.0, 1.0)
        whole_number("months", self.months, 1, 24)

    @property
    def head(self) -> str:
        """The setting in words."""
        return f"{self.model}, learns from {self.source}, {100 * self.share:g} % explored"

    def __repr__(self) -> str:
        found = months(
            self.model, SOURCES[self.source], seed=self.seed, share=self.share, count=self.months,
            population=AFTER_A_LAUNCH,
        )  # fmt: skip
        return "\n".join([self.head, *(_line(row) for row in found.itertuples())])


def _line(month: Any) -> str:
    blocks = f"of them frauds {month.precision:.0%}" if month.blocked else "nobody is"
    stopped = f"blocks {month.blocked:.1%} of all, {blocks}"
    euros = f"{month.euros:,.0f} euros"
    line = f"month {month.Index}: catches {month.recall:.0%} of frauds; {stopped}; {euros}"
    return line.replace("%", " %")


def widget(seed: int = 7) -> Any:
    """The loop as a small form: a model, what it learns from, how much is explored, how long."""
    import ipywidgets as forms

    parts: dict[str, Any] = {
        "model": forms.Dropdown(options=list(MODELS), value="naive Bayes", description="model"),
        "source": forms.Dropdown(options=list(SOURCES), description="learns from"),
        "share": forms.FloatSlider(min=0, max=0.2, step=0.01, description="explored"),
        "months": forms.IntSlider(min=1, max=12, value=MONTHS, description="months"),
        "status": forms.HTML(),
    }

    def show(_: Any = None) -> None:
        chosen = {name: part.value for name, part in parts.items() if name != "status"}
        parts["status"].value = f"<pre>{Loop(**chosen, seed=seed)!r}</pre>"

    for name, part in parts.items():
        part.add_class(f"mls-loop-{name}")
        if name != "status":
            part.observe(show, names="value")
    show()
    return forms.VBox(list(parts.values())).add_class("mls-loop")


def measured(seeds: Iterable[int]) -> pd.DataFrame:
    """Each population and policy: mean recall of its months, the least, and the mean euros."""
    policies = [
        ("naive Bayes", "what passed", 0.0), ("logistic", "what passed", 0.0),
        ("naive Bayes", "reject inference", 0.0), ("naive Bayes", "weighted", 0.02),
    ]  # fmt: skip
    rows = []
    for seed in seeds:
        for model, source, share in policies:
            found = months(model, SOURCES[source], seed=seed, share=share, count=9,
                           population=AFTER_A_LAUNCH)  # fmt: skip
            policy = f"{model.removeprefix('naive ')}, {source}"
            rows.append({
                "seed": seed, "policy": policy, "recall": found["recall"].mean(),
                "least": found["recall"].min(), "euros": found["euros"].mean(),
            })  # fmt: skip
    return pd.DataFrame(rows).round(4)


def stored() -> pd.DataFrame:
    """Twenty populations that no lesson shows, as `measured` found them."""
    return pd.read_csv(STORED)


def against(base: str) -> pd.DataFrame:
    """Effect, low and high of each other policy: euros a month beyond `base`, in those towns."""
    euros = stored().pivot(index="seed", columns="policy", values="euros")
    others = [name for name in euros.columns if name != base]
    found = {name: mean_interval(euros[name] - euros[base]).columns("effect") for name in others}
    return pd.DataFrame(found).T


if __name__ == "__main__":
    measured(range(200, 220)).to_csv(STORED, index=False)
