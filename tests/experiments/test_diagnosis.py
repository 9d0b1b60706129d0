"""Diagnosis: orders by brute force, attributions by closed form, incidents against their twins."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons.components.inference.models import LogisticModel, RuleModel
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments import diagnosis
from mlsys_lessons.experiments.diagnosis import INPUTS, attribution, inspections

UNSEEN = 79  # shown in no lesson, used by no claim


def by_all_orders(shifts: list[float], broken: list[bool]) -> float:
    """The mean over every order that puts no smaller shift before a larger one."""
    places = range(len(shifts))
    allowed = [
        order for order in permutations(places)
        if all(abs(shifts[a]) >= abs(shifts[b]) for a, b in pairwise(order))
    ]  # fmt: skip
    firsts = [next(n for n, place in enumerate(order, 1) if broken[place]) for order in allowed]
    return float(np.mean(firsts))


def test_looks_are_the_mean_over_all_orders_that_are_allowed() -> None:
    luck = np.random.default_rng(3)
    for _ in range(40):
        size = int(luck.integers(1, 7))
        shifts = luck.integers(-2, 3, size).astype(float).tolist()
        broken = luck.random(size) < 0.4
        if broken.any():
            due = by_all_orders(shifts, broken.tolist())
            assert inspections(shifts, broken) == pytest.approx(due)
    assert np.isnan(inspections([1.0, 2.0], [False, False]))
    with pytest.raises(InputError, match="one shift an input"):
        inspections([1.0], [True, False])


def table(rows: int = 500) -> tuple[pd.DataFrame, np.ndarray]:
    luck = np.random.default_rng(4)
    frame = pd.DataFrame({name: luck.gamma(1.0, 1.0, rows) for name in INPUTS})
    return frame, (luck.random(rows) < 1 / (1 + np.exp(3 - 2 * frame["is_online"]))).astype(float)


def test_the_attribution_of_a_linear_model_is_its_term() -> None:
    frame, label = table()
    inputs = dict.fromkeys(INPUTS, "")
    model = LogisticModel(inputs=inputs).fit(frame, label)
    usual = frame.median()
    terms = (frame - usual) * (model.weights_ / model.scale_)
    np.testing.assert_allclose(attribution(model, frame, usual), terms, atol=1e-6)


def test_a_rule_attributes_nothing_to_what_it_does_not_ask() -> None:
    frame, label = table()
    model = RuleModel().fit(frame, label)
    parts = attribution(model, frame, frame.median())
    asked = {name for name, _ in model.questions}
    assert not parts.drop(columns=list(asked)).to_numpy().any()
    assert parts["is_online"].abs().max() > 0


def test_a_missing_input_counts_as_the_usual_one_for_a_linear_model_at_its_mean() -> None:
    frame, label = table()
    model = LogisticModel(inputs=dict.fromkeys(INPUTS, "")).fit(frame, label)
    holed = frame.assign(log_amount=np.nan)
    parts = attribution(model, holed, frame.mean())
    np.testing.assert_allclose(parts["log_amount"], 0.0, atol=1e-9)


def test_what_is_broken_is_what_differs_from_the_twin() -> None:
    twin, run = (diagnosis.gone_on(UNSEEN, name, 200) for name in ("", "unit_change"))
    assert twin.value_by_tick()[: diagnosis.QUIET_DAYS].equals(
        run.value_by_tick()[: diagnosis.QUIET_DAYS]
    )
    clean, since = (diagnosis.rows_of(one, diagnosis.QUIET_DAYS, one.days) for one in (twin, run))
    wrong = dict(zip(INPUTS, diagnosis.wrong_inputs(clean, since), strict=True))
    assert wrong["log_amount"] and wrong["amount_to_habit"]
    assert not wrong["is_online"] and not wrong["hour_sin"] and not wrong["account_age_days"]
    assert not diagnosis.wrong_inputs(clean, clean).any()


def test_a_table_has_a_row_a_fault_and_no_order_takes_the_mean_of_all() -> None:
    found = diagnosis.incident(UNSEEN, "renamed_category", 200)
    hits, size = int(found.broken.sum()), len(INPUTS)
    blind = inspections(found.shifts[diagnosis.UNORDERED], found.broken)
    assert hits and blind == pytest.approx((size + 1) / (hits + 1))
    assert set(found.shifts) == set(diagnosis.ORDERS)
    assert set(diagnosis.A_YEAR) == set(diagnosis.FAULTS)
