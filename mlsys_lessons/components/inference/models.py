"""Models: rule, logistic, boosted, base rate, and the two that only reality could have.

A model turns a frame with features into fraud probabilities and knows nothing of traffic, money
or time. The constructor stores, `fit` learns and returns self, learned state ends in an underscore.
Longer than most: six models side by side, because comparing them is what the course does.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.components.inference.tree_tables import MOST_LEAVES, TreeTables
from mlsys_lessons.errors import InputError, NotFittedError
from mlsys_lessons.frames import array_of
from mlsys_lessons.ids import is_in, row_keys
from mlsys_lessons.records import whole_number

Scores = NDArray[np.float64]
Inputs = Mapping[str, str]  # name -> scale
Questions = tuple[tuple[str, float], ...]
LEAST_RATE = 1e-6  # a smaller rate counts as this one, so that its logarithm exists


@lru_cache(maxsize=1)
def _threads() -> Any:
    """The thread pools below scikit-learn, to be limited to one."""
    import sklearn.ensemble  # noqa: F401  (its pools must be loaded to be found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def matrix(frame: pd.DataFrame, inputs: Iterable[str]) -> NDArray[np.float64]:
    """The model inputs of a frame as one array, shape (rows, inputs), column by column."""
    return np.array([array_of(frame, name) for name in inputs], dtype=np.float64).T


def _known(columns: Scores) -> Scores:
    """Columns to learn from; one that nobody has ever seen a value of says the same of every row.

    A field can be distrusted for as long as a training window is.
    """
    return np.where(np.isnan(columns).all(axis=0), 0.0, columns)


class BaseRate:
    """Everybody gets the average. The honest zero of modelling, and the last rung of a ladder.

    >>> model = BaseRate().fit(pd.DataFrame({"x": [0, 0]}), np.array([0.0, 1.0]))
    >>> model.predict(pd.DataFrame({"x": [1]})).tolist()
    [0.5]
    """

    name = "base rate"
    resilient = False  # nothing is kept alive for it

    def __init__(self) -> None:
        self.rate_: float | None = None

    def __repr__(self) -> str:
        return f"BaseRate(rate={self.rate_})"

    def fit(
        self, frame: pd.DataFrame, labels: NDArray[np.float64], weights: Scores | None = None
    ) -> BaseRate:
        """Take the weighted mean of the labels."""
        self.rate_ = float(np.average(labels, weights=weights))
        return self

    def predict(self, frame: pd.DataFrame) -> Scores:
        """The same number for every row."""
        return np.full(len(frame), _fitted(self.rate_, self))


class RuleModel:
    """A few questions an analyst would ask; the score is how often that many were a yes.

    Why it matters: it needs no library, no state beyond the features, and can be read on the
    phone at three in the morning. It is the yardstick, and the fallback.
    """

    name = "rule"

    def __init__(self, questions: Questions = DEFAULT_DOMAIN.questions) -> None:
        self.questions = questions  # (input, limit): a yes above the limit
        self.rates_: Scores | None = None

    def __repr__(self) -> str:
        return f"RuleModel({len(self.questions)} questions)"

    def points(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """How many questions each row answers with yes; a missing value is a no."""
        asked = [array_of(frame, name) > limit for name, limit in self.questions]
        return np.sum(asked, axis=0, dtype=np.int64)

    def fit(
        self, frame: pd.DataFrame, labels: NDArray[np.float64], weights: Scores | None = None
    ) -> RuleModel:
        """Learn one fraud rate per number of points, never falling as points rise."""
        points, size = self.points(frame), len(self.questions) + 1
        weights = np.ones(len(frame)) if weights is None else weights
        overall = np.average(labels, weights=weights)
        positives = np.bincount(points, weights * labels, minlength=size)
        rows = np.bincount(points, weights, minlength=size)
        self.rates_ = np.maximum.accumulate((positives + 50 * overall) / (rows + 50))
        return self

    def predict(self, frame: pd.DataFrame) -> Scores:
        """The learned rate at each row's number of points."""
        return np.asarray(_fitted(self.rates_, self)[self.points(frame)])


class LogisticModel:
    """A weighted sum of the inputs, squashed. Every weight can be argued about.

    `inputs` is each input's name and scale ("log1p", "log" or "": see `Feature`). Scores are summed
    column by column, so they do not depend on batch, thread or BLAS.
    """

    name = "logistic"

    def __init__(self, strength: float = 1.0, inputs: Inputs = DEFAULT_DOMAIN.inputs) -> None:
        self.inputs = inputs
        self.strength = strength  # inverse of the L2 penalty
        self.weights_: Scores | None = None
        self.intercept_ = 0.0
        self.centre_: Scores = np.zeros(0)
        self.scale_: Scores = np.ones(0)

    def __repr__(self) -> str:
        return f"LogisticModel(strength={self.strength}, fitted={self.weights_ is not None})"

    def fit(
        self, frame: pd.DataFrame, labels: NDArray[np.float64], weights: Scores | None = None
    ) -> LogisticModel:
        """Standardise the inputs and minimise the penalised log loss on one thread."""
        from sklearn.linear_model import LogisticRegression

        if labels.min() == labels.max():
            raise InputError(
                f"every label is {labels.min():g}; a model needs rows of both kinds to tell apart."
            )
        columns = [_known(_unskewed(frame[name], scale)) for name, scale in self.inputs.items()]
        self.centre_ = np.array([np.nanmean(column) for column in columns])
        spread = np.array([np.nanstd(column) for column in columns])
        self.scale_ = np.where(spread > 0, spread, 1.0)
        inputs = np.column_stack([self._standard(j, columns[j]) for j in range(len(columns))])
        with _threads().limit(limits=1):
            solver = LogisticRegression(C=self.strength, max_iter=500)
            solver.fit(inputs, labels, sample_weight=weights)
        self.weights_, self.intercept_ = solver.coef_[0].copy(), float(solver.intercept_[0])
        return self

    def predict(self, frame: pd.DataFrame) -> Scores:
        """Fraud probability; a missing input counts as average."""
        weights = _fitted(self.weights_, self)
        total = np.full(len(frame), self.intercept_)
        for j, (name, scale) in enumerate(self.inputs.items()):
            total += weights[j] * self._standard(j, _unskewed(frame[name], scale))
        return np.asarray(1.0 / (1.0 + np.exp(-total)))

    def _standard(self, j: int, column: Scores) -> Scores:
        values = (column - self.centre_[j]) / self.scale_[j]
        return np.where(np.isnan(values), 0.0, values)


def _unskewed(column: pd.Series, scale: str) -> Scores:
    """A column on the scale on which a linear model should look at it."""
    values = column.to_numpy(dtype=np.float64)
    if scale == "log1p":
        return np.log1p(np.maximum(values, 0.0))
    return np.log(np.maximum(values, LEAST_RATE)) if scale == "log" else values


class BoostedModel:
    """Sixty small trees, each correcting the sum of those before it.

    Gradient boosting on histograms (Friedman, 2001; Ke et al., 2017); missing inputs are a branch
    of their own. No early stopping: with it, two fits of the same data can differ.
    """

    name = "boosted"

    def __init__(
        self, trees: int = 60, leaves: int = 15, random_state: int = 0,
        inputs: Inputs = DEFAULT_DOMAIN.inputs,
    ) -> None:  # fmt: skip
        self.inputs = inputs
        self.trees = trees
        self.leaves = leaves
        self.random_state = random_state
        self.estimator_: Any = None
        self._tables: TreeTables | None = None  # the estimator as predict uses it

    def __repr__(self) -> str:
        fitted = self.estimator_ is not None
        return f"BoostedModel({self.trees} trees x {self.leaves} leaves, fitted={fitted})"

    def fit(
        self, frame: pd.DataFrame, labels: NDArray[np.float64], weights: Scores | None = None
    ) -> BoostedModel:
        """Fit by log loss, so that scores are probabilities."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        whole_number("leaves", self.leaves, 2, MOST_LEAVES)
        estimator = HistGradientBoostingClassifier(
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=40,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.random_state,
        )
        self.estimator_ = _grown(estimator, _known(matrix(frame, self.inputs)), labels, weights)
        self._tables = None
        return self

    def predict(self, frame: pd.DataFrame) -> Scores:
        """Fraud probability of each row."""
        if not len(frame):
            return np.empty(0)
        estimator = _fitted(self.estimator_, self)
        if self._tables is None:
            self._tables = TreeTables.of(estimator)
        return self._tables.predict(matrix(frame, self.inputs))


_GROWN: dict[bytes, Any] = {}  # fitted estimators by what they were grown from
_MOST_GROWN = 32


def _grown(estimator: Any, inputs: Scores, labels: Scores, weights: Scores | None) -> Any:
    """The estimator, fitted on one thread; a copy of what has grown from the same before.

    Why it matters: twins of a run learn the same for as long as they see the same, and a fit takes
    longer than a week of days.
    """
    content = blake2b(repr((estimator.get_params(), inputs.shape)).encode())
    for array in (inputs.T, labels, () if weights is None else weights):
        content.update(np.asarray(array, dtype=np.float64).tobytes())
    found = content.digest()
    if found not in _GROWN:
        with _threads().limit(limits=1):
            fitted = estimator.fit(inputs, labels, sample_weight=weights)
        while len(_GROWN) >= _MOST_GROWN:
            del _GROWN[next(iter(_GROWN))]
        _GROWN[found] = fitted
    return copy.deepcopy(_GROWN[found])


class PerfectModel:
    """The world's own fraud probability: no system can have it, every system is held against it.

    `simulate` reveals each day's truth to it and to nothing else; see `System.reveal`.
    """

    name = "perfect"
    learns = False
    truth_column = "true_probability"

    def __init__(self, identity: tuple[str, ...] = DEFAULT_DOMAIN.identity) -> None:
        self.identity = identity
        self._ids: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._values: Scores = np.empty(0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.truth_column})"

    def reveal(self, truth: pd.DataFrame) -> None:
        """Take in the truth about rows that are about to arrive (index: their identity)."""
        ids = truth.index.to_numpy()
        order = np.argsort(ids)
        self._ids = ids[order]
        self._values = array_of(truth, self.truth_column, np.float64)[order]

    def fit(
        self, frame: pd.DataFrame, labels: NDArray[np.float64], weights: Scores | None = None
    ) -> PerfectModel:
        """There is nothing left to learn."""
        return self

    def predict(self, frame: pd.DataFrame) -> Scores:
        """The revealed value of each request."""
        wanted = row_keys(frame, self.identity)
        strange = wanted[~is_in(wanted, self._ids)]
        if len(strange):
            raise NotFittedError(
                f"{self!r} has not been shown request {strange[0]}; only simulate() can."
            )
        return self._values[np.searchsorted(self._ids, wanted)]


class ClairvoyantModel(PerfectModel):
    """Knows each label in advance: a ceiling that luck puts out of anybody's reach."""

    name = "clairvoyant"
    truth_column = "true_label"


def _fitted(state: Any, model: object) -> Any:
    if state is None:
        raise NotFittedError(f"{model!r} has learned nothing yet; call fit(frame, labels) first.")
    return state
