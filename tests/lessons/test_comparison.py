"""Two values: the same or not, and where they differ, in the learner's own terms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons.lessons.comparison import same, told_apart

SIXTY = np.zeros(60)
LATE = np.r_[np.zeros(57), 1.0, 1.0, np.nan]


def test_the_row_that_differs_is_shown_and_not_the_first_six() -> None:
    assert told_apart(LATE, SIXTY) == "yours gives 1 at [57] where 0 is due (3 of 60 values)"


@pytest.mark.parametrize(
    ("value", "due", "sentence"),
    [
        ((1, 2, 5), (1, 2, 3), "in the third of the 3 yours gives 5 where 3 is due"),
        ((SIXTY, LATE), (SIXTY, SIXTY), "in the second of the 2 yours gives 1 at [57] where 0 is"),
        ({"D": 1, "M": 3}, {"D": 1, "M": 2}, "under 'M' yours gives 3 where 2 is due"),
        ({"D": 1}, {"M": 1}, "yours gives {'D': 1} where {'M': 1} is due"),
        (pd.Series([1, 2]), pd.Series([1, 2], index=[0, 7]), "in the index yours gives array (0,"),
        (pd.DataFrame({"x": [1], "y": [2]}), pd.DataFrame({"x": [1], "z": [2]}), "in the columns"),
        (
            pd.DataFrame({"x": [1]}),
            pd.DataFrame({"x": [3]}),
            "in column 'x' yours gives series (1)",
        ),
        (np.array(["a"] * 9), np.array(["a"] * 8 + ["b"]), "yours gives 'a' at [8] where 'b' is"),
        (np.int64(3), 4, "yours gives 3 where 4 is due"),
        (np.zeros(3), SIXTY, "yours gives array (0, 0, 0) where array of 60 values"),
    ],
)
def test_the_part_that_differs_is_named(value: Any, due: Any, sentence: str) -> None:
    assert not same(value, due)
    assert told_apart(value, due).startswith(sentence)


@pytest.mark.parametrize(
    "value",
    [
        None, 3, "text", [1, [2, 3]], (SIXTY, np.zeros(3)), (np.arange(3), np.arange(9)), {}, [],
        ([1], [2], [3]), object(), np.array([None, "x"], dtype=object), pd.DataFrame({"x": SIXTY}),
    ],
)  # fmt: skip
def test_nothing_that_is_returned_makes_the_comparison_raise(value: Any) -> None:
    dues: list[Any] = [(SIXTY, SIXTY), SIXTY, 3.0, pd.Series(SIXTY), pd.DataFrame({"y": SIXTY})]
    for due in [*dues, {"a": SIXTY}]:
        if value is not due and not (value == 3 if isinstance(value, int) else False):
            assert not same(value, due)
        assert "is due" in told_apart(value, due)
