"""Trees: a fitted boosted ensemble as tables of bits, for scoring a batch without walking a tree.

models.py fits and names the models; this file only answers what the fitted trees answer, the same
bits, several times sooner: what a model costs a call decides how much traffic a machine can take.

How: a leaf is one bit. A row's value of one feature says, in all trees at once, which leaves it can
no longer reach; the rows of these tables are combined by AND, and one bit is left in each tree.

Reference: QuickScorer (Lucchese, Nardini, Orlando, Perego, Tonellotto and Venturini, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.unsignedinteger]
Floats = NDArray[np.float64]

MOST_LEAVES = 64  # the bits of the widest whole number
_ROWS_AT_ONCE = 4_096  # so that a batch's bits stay in the processor's cache
_LONG = 2_500  # values from which on comparing with every threshold is quicker than searching
_EXPONENT_BITS, _EXPONENT_ZERO = 23, 127  # of a 32 bit float: a power of two is only its exponent


@dataclass(frozen=True)
class SplitTable:
    """What one feature tells: its thresholds, and the leaves open in each interval between them.

    `leaves` has a row for each interval and a last one for a missing value, a column for each tree.
    """

    feature: int
    thresholds: Floats
    leaves: Bits

    def open_leaves(self, values: Floats) -> Bits:
        """The leaves that each value leaves open, shape (rows, trees)."""
        interval = _thresholds_below(self.thresholds, values)
        interval[np.isnan(values)] = len(self.leaves) - 1
        return self.leaves.take(interval, axis=0)


@dataclass(frozen=True)
class TreeTables:
    """A fitted `HistGradientBoostingClassifier` for two classes, ready to score.

    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> inputs = np.random.default_rng(0).normal(size=(200, 2))
    >>> fitted = HistGradientBoostingClassifier(max_iter=3).fit(inputs, inputs[:, 0] > 0)
    >>> tables = TreeTables.of(fitted)
    >>> bool((tables.predict(inputs) == fitted.predict_proba(inputs)[:, 1]).all())
    True
    """

    baseline: float
    tables: tuple[SplitTable, ...]
    every: Bits = field(repr=False)  # all leaves of each tree
    values: Floats = field(repr=False)  # shape (trees, leaves)

    @classmethod
    def of(cls, estimator: Any) -> TreeTables:
        """Tabulate a fitted estimator of numeric features and at most 64 leaves a tree."""
        trees = [predictor.nodes for (predictor,) in estimator._predictors]
        values = np.zeros((len(trees), MOST_LEAVES))
        splits: list[tuple[int, float, int, int, int, int]] = []
        for tree, nodes in enumerate(trees):
            _below(nodes, 0, tree, values, splits)
        leaves = [int(nodes["is_leaf"].sum()) for nodes in trees]
        bits = next(size for size in (16, 32, 64) if max(leaves) <= size)
        every = np.array([(1 << count) - 1 for count in leaves], dtype=f"uint{bits}")
        used = sorted({split[0] for split in splits})
        tables = (
            _table(name, [split[1:] for split in splits if split[0] == name], every)
            for name in used
        )
        return cls(float(estimator._baseline_prediction.item()), tuple(tables), every, values)

    def predict(self, inputs: Floats) -> Floats:
        """Probability of the second class for each row; NaN is a missing value."""
        from scipy.special import expit

        parts = np.array_split(inputs, -(-len(inputs) // _ROWS_AT_ONCE) or 1)
        return np.asarray(expit(np.concatenate([self._sums(part) for part in parts])))

    def _sums(self, inputs: Floats) -> Floats:
        """The trees' values added tree by tree: no other order gives the same bits."""
        trees, leaves = self.values.shape
        open_ = np.tile(self.every, (len(inputs), 1))
        for table in self.tables:
            open_ &= table.open_leaves(np.ascontiguousarray(inputs[:, table.feature]))
        exponent = open_.astype(np.float32).view(np.int32) >> _EXPONENT_BITS
        leaf = exponent.T - _EXPONENT_ZERO + leaves * np.arange(trees)[:, None]
        total = np.full(len(inputs), self.baseline)
        for value in self.values.take(leaf):
            total += value
        return total


def _thresholds_below(thresholds: Floats, values: Floats) -> NDArray[np.integer]:
    """How many of the sorted thresholds lie below each value; anything for a missing one."""
    if len(values) < _LONG:
        return np.searchsorted(thresholds, values)
    count = np.min_scalar_type(len(thresholds) + 1)
    lie_below = thresholds[:, None] < values  # many compares, but none that has to be guessed
    return np.asarray(lie_below.view(np.uint8).sum(axis=0, dtype=count))


def _below(
    nodes: NDArray[Any],
    place: int,
    tree: int,
    values: Floats,
    splits: list[tuple[int, float, int, int, int, int]],
) -> int:
    """The leaves below a node as bits; notes their values and the splits on the way."""
    node = nodes[place]
    if node["is_leaf"]:
        leaf = int(nodes["is_leaf"][:place].sum())
        values[tree, leaf] = node["value"]
        return 1 << leaf
    left = _below(nodes, int(node["left"]), tree, values, splits)
    right = _below(nodes, int(node["right"]), tree, values, splits)
    missing = right if node["missing_go_to_left"] else left  # what a missing value cannot reach
    splits.append(
        (int(node["feature_idx"]), float(node["num_threshold"]), tree, left, right, missing)
    )
    return left | right


def _table(feature: int, splits: list[tuple[float, int, int, int, int]], every: Bits) -> SplitTable:
    """One feature's splits (threshold, tree, leaves left, right, lost when missing) as a table."""
    thresholds = np.unique([split[0] for split in splits])
    leaves = np.tile(every, (len(thresholds) + 2, 1))
    for threshold, tree, left, right, missing in splits:
        place = int(np.searchsorted(thresholds, threshold))
        leaves[: place + 1, tree] &= every.dtype.type(int(every[tree]) & ~right)
        leaves[place + 1 : -1, tree] &= every.dtype.type(int(every[tree]) & ~left)
        leaves[-1, tree] &= every.dtype.type(int(every[tree]) & ~missing)
    return SplitTable(feature, thresholds, leaves)
