"""The tables of a boosted ensemble answer what scikit-learn's own walk answers, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.components.inference.tree_tables import TreeTables
from mlsys_lessons.errors import InputError
from mlsys_lessons.worlds.payments.domain import FEATURES


def data(seed: int, rows: int) -> np.ndarray:
    """Columns of several kinds: smooth, whole numbers, two values, half missing, constant."""
    draw = np.random.default_rng(seed)
    columns = [draw.normal(size=rows), draw.poisson(3, rows), draw.random(rows) < 0.5]
    gaps = np.where(draw.random(rows) < 0.5, np.nan, draw.normal(size=rows))
    return np.column_stack([*columns, gaps, np.ones(rows)]).astype(np.float64)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    trees=st.integers(1, 12),
    leaves=st.sampled_from((2, 15, 16, 17, 32, 33, 64)),
)
def test_the_bits_are_those_of_the_library(seed: int, trees: int, leaves: int) -> None:
    inputs = data(seed, 900)
    wave = np.sin(3 * inputs[:, 0]) + np.nan_to_num(inputs[:, 3]) + inputs[:, 1] / 4
    labels = wave > np.median(wave)
    fitted = HistGradientBoostingClassifier(
        max_iter=trees, max_leaf_nodes=leaves, min_samples_leaf=3, early_stopping=False
    ).fit(inputs, labels)
    asked = np.concatenate([data(seed + 1, 5_000), np.full((1, 5), np.nan), np.full((1, 5), np.inf),
                            np.full((1, 5), -np.inf), inputs])  # fmt: skip
    expected = fitted.predict_proba(asked)[:, 1]
    np.testing.assert_array_equal(TreeTables.of(fitted).predict(asked), expected)


def test_a_value_on_a_threshold_goes_left_as_in_the_library() -> None:
    inputs = np.repeat(np.arange(8.0), 50)[:, None]
    fitted = HistGradientBoostingClassifier(max_iter=3).fit(inputs, inputs[:, 0] > 3.5)
    tables = TreeTables.of(fitted)
    edges = tables.tables[0].thresholds
    asked = np.concatenate([edges, np.nextafter(edges, 9), np.nextafter(edges, -9)])[:, None]
    for rows in (asked, np.resize(asked, (3_000, 1))):  # a short column is searched, a long is not
        np.testing.assert_array_equal(tables.predict(rows), fitted.predict_proba(rows)[:, 1])


def test_trees_that_never_split_answer_the_base_rate() -> None:
    inputs, labels = np.ones((200, 2)), np.arange(200) % 4 == 0
    fitted = HistGradientBoostingClassifier(max_iter=3).fit(inputs, labels)
    np.testing.assert_array_equal(
        TreeTables.of(fitted).predict(inputs), fitted.predict_proba(inputs)[:, 1]
    )


def test_more_leaves_than_bits_are_refused_in_one_sentence() -> None:
    import pandas as pd

    frame = pd.DataFrame(np.zeros((4, len(FEATURES))), columns=list(FEATURES))
    with pytest.raises(InputError, match="leaves=65"):
        BoostedModel(leaves=65).fit(frame, np.array([0.0, 1.0, 0.0, 1.0]))
