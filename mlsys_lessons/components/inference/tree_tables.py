"""Tree tables: a fitted boosted ensemble as tables of bits, to score a batch without walking trees.

models.py fits and names the models. This file gives exactly the fitted trees' scores, several times
faster: what a model costs a call decides how many requests a machine can take.

How: each leaf of a tree is one bit. A row's value of one feature says, in all trees at once, which
leaves it can no longer reach; the answers of all features are combined by AND, and in each tree one
bit is left: the row's leaf.

Reference: QuickScorer (Lucchese, Nardini, Orlando, Perego, Tonellotto and Venturini, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.unsignedinteger]
Floats = NDArray[np.float64]

MOST_LEAVES = 64  # the bits of the widest whole number
_ROWS_AT_ONCE = 4_096  # so that a batch's bits stay in the processor's cache
_LONG = 2_500  # from so many values on, comparing with every threshold is quicker than searching
_MANTISSA_BITS, _EXPONENT_ZERO = 23, 127  # of a 32 bit float


class Split(NamedTuple):
    """An inner node of a tree: the leaves on each side of it, as bits."""

    feature: int
    threshold: float
    tree: int
    left: int
    right: int
    lost: int  # out of reach of a missing value


@dataclass(frozen=True)
class SplitTable:
    """One feature in all trees: its thresholds, and the leaves open in each interval between them.

    `leaves` has a row for each interval and a last one for a missing value, a column for each tree.
    """

    feature: int
    thresholds: Floats
    leaves: Bits

    def open_leaves(self, values: Floats) -> Bits:
        """The leaves that each value can still reach, shape (rows, trees)."""
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
    all_leaves: Bits = field(repr=False)  # of each tree
    values: Floats = field(repr=False)  # shape (trees, leaves)

    def __deepcopy__(self, memo: dict[int, object]) -> TreeTables:
        """Return the tables themselves: nobody can change them."""
        return self

    @classmethod
    def of(cls, estimator: Any) -> TreeTables:
        """Tabulate a fitted estimator of numeric features and at most 64 leaves a tree."""
        trees = [predictor.nodes for (predictor,) in estimator._predictors]
        values = np.zeros((len(trees), MOST_LEAVES))
        splits: list[Split] = []
        for tree, nodes in enumerate(trees):
            _below(nodes, 0, tree, values, splits)
        leaves = [int(nodes["is_leaf"].sum()) for nodes in trees]
        bits = next(size for size in (16, 32, 64) if max(leaves) <= size)
        all_leaves = np.array([(1 << count) - 1 for count in leaves], dtype=f"uint{bits}")
        features = sorted({split.feature for split in splits})
        tables = tuple(_table(feature, splits, all_leaves) for feature in features)
        return cls(float(estimator._baseline_prediction.item()), tables, all_leaves, values)

    def predict(self, inputs: Floats) -> Floats:
        """Probability of the second class for each row; NaN is a missing value."""
        from scipy.special import expit

        parts = np.array_split(inputs, -(-len(inputs) // _ROWS_AT_ONCE) or 1)
        return np.asarray(expit(np.concatenate([self._sums(part) for part in parts])))

    def _sums(self, inputs: Floats) -> Floats:
        """The trees' values added tree by tree: no other order gives the same bits."""
        open_leaves = np.tile(self.all_leaves, (len(inputs), 1))
        for table in self.tables:
            open_leaves &= table.open_leaves(inputs[:, table.feature])
        leaves = _place_of_bit(np.ascontiguousarray(open_leaves.T))
        total = np.full(len(inputs), self.baseline)
        for values, leaf in zip(self.values, leaves, strict=True):
            total += values.take(leaf)
        return total


def _place_of_bit(words: Bits) -> NDArray[np.int32]:
    """Which one bit is set in each word, from 0: a float holds a power of two as its exponent."""
    exponent = words.astype(np.float32).view(np.int32) >> _MANTISSA_BITS
    return exponent - _EXPONENT_ZERO


def _thresholds_below(thresholds: Floats, values: Floats) -> NDArray[np.integer]:
    """How many of the sorted thresholds lie below each value; anything for a missing one."""
    if len(values) < _LONG:
        return np.searchsorted(thresholds, values)
    count = np.min_scalar_type(len(thresholds) + 1)
    is_below = thresholds[:, None] < values  # more comparisons, but no branch to be predicted
    return np.asarray(is_below.view(np.uint8).sum(axis=0, dtype=count))


def _below(nodes: NDArray[Any], place: int, tree: int, values: Floats, splits: list[Split]) -> int:
    """The leaves below a node as bits; notes their values and the splits on the way."""
    node = nodes[place]
    if node["is_leaf"]:
        leaf = int(nodes["is_leaf"][:place].sum())
        values[tree, leaf] = node["value"]
        return 1 << leaf
    left = _below(nodes, int(node["left"]), tree, values, splits)
    right = _below(nodes, int(node["right"]), tree, values, splits)
    lost = right if node["missing_go_to_left"] else left
    feature, threshold = int(node["feature_idx"]), float(node["num_threshold"])
    splits.append(Split(feature, threshold, tree, left, right, lost))
    return left | right


def _table(feature: int, splits: list[Split], all_leaves: Bits) -> SplitTable:
    """One feature's splits in all trees as a table."""
    own = [split for split in splits if split.feature == feature]
    thresholds = np.unique([split.threshold for split in own])
    leaves = np.tile(all_leaves, (len(thresholds) + 2, 1))

    def close(intervals: slice | int, tree: int, lost: int) -> None:
        leaves[intervals, tree] &= all_leaves.dtype.type(int(all_leaves[tree]) & ~lost)

    for split in own:
        place = int(np.searchsorted(thresholds, split.threshold))
        close(slice(place + 1), split.tree, split.right)  # at or below the threshold: left
        close(slice(place + 1, -1), split.tree, split.left)
        close(-1, split.tree, split.lost)
    return SplitTable(feature, thresholds, leaves)
