"""Reviews: people see the most valuable cases, and their minutes and the delay have a price."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.feedback.reviews import ReviewQueue
from mlsys_lessons.records import ClosedDay
from mlsys_lessons.worlds.payments.domain import COSTS


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.integers(-5, 5), max_size=20), capacity=st.integers(0, 8))
def test_people_see_the_most_valuable_cases_first(values: list[int], capacity: int) -> None:
    held = pd.DataFrame({
        "request_id": np.arange(len(values)),
        "score": 0.5,
        "review_value": np.array(values, dtype=np.float64),
        "amount": 1.0,
    })  # fmt: skip
    picks = ReviewQueue(capacity).picks(held)
    order = sorted(range(len(values)), key=lambda row: (-values[row], row))[:capacity]
    assert picks["request_id"].tolist() == order
    assert {"request_id", "score", "review_value"} <= set(picks.columns)


@settings(max_examples=40, deadline=None)
@given(minutes=st.lists(st.floats(0, 60), max_size=5), unreached=st.integers(0, 5))
def test_minutes_and_the_delay_of_every_held_row_are_paid(
    minutes: list[float], unreached: int
) -> None:
    verdicts = pd.DataFrame({"minutes": np.array(minutes, dtype=np.float64)})
    day = ClosedDay(3, pd.DataFrame(), verdicts, held=len(minutes) + unreached)
    assert ReviewQueue(capacity=5).overheads(day, COSTS) == {
        "review": round(sum(minutes) * COSTS.review_minute),
        "delay": (len(minutes) + unreached) * COSTS.delay,
    }


def test_reviews_are_no_component_with_a_level_to_keep() -> None:
    """People are paid by the minute: a queue without work is free."""
    quiet = ClosedDay(0, pd.DataFrame(), pd.DataFrame({"minutes": np.empty(0)}), held=0)
    assert ReviewQueue().overheads(quiet, COSTS) == {"review": 0, "delay": 0}
