"""Probing by closed form: bisection, no news without transparency, an interval under chance.

Oracles are log2, Bayes' rule written out, and the world's own calibration with the knobs on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsys_lessons.errors import InputError
from mlsys_lessons.worlds import Drift, payments_world
from mlsys_lessons.worlds.payments import probing

ME = np.array([0])
CELL = (probing.LEVELS[1] - probing.LEVELS[0]) / probing.CELLS
HEALTHY = Drift.none()


def ask(belief: np.ndarray, passes: bool, trusted: float) -> np.ndarray:
    """One test where the belief is halved."""
    level = probing.quantile(belief, 0.5)
    return probing.informed(belief, ME, level, np.array([passes]), trusted)


def width(belief: np.ndarray) -> float:
    return float((probing.quantile(belief, 1 - 1e-9) - probing.quantile(belief, 1e-9))[0])


@given(st.floats(-1.49, 0.99))
def test_a_prober_that_bisects_a_cut_knows_it_after_log2_steps(cut: float) -> None:
    belief = probing.no_idea(1)
    for step in range(1, int(np.log2(probing.CELLS)) + 1):
        level = probing.quantile(belief, 0.5)
        belief = ask(belief, bool(level[0] < cut), 1.0)
        low, high = (probing.quantile(belief, share)[0] for share in (1e-9, 1 - 1e-9))
        assert low - 1e-6 <= cut <= high + 1e-6
        assert high - low == pytest.approx((1.0 - -1.5) / 2**step, abs=1e-6)
    assert width(belief) == pytest.approx(CELL, abs=1e-6)


@given(st.lists(st.tuples(st.floats(-1.5, 1.0), st.booleans()), max_size=30))
def test_without_transparency_nobody_learns_anything(answers: list[tuple[float, bool]]) -> None:
    level, passed = (np.array([answer[place] for answer in answers]) for place in (0, 1))
    ring = np.zeros(len(answers), dtype=int)
    nothing = probing.trust(0.0)
    after = probing.informed(
        probing.no_idea(2), ring, level.astype(float), passed.astype(bool), nothing
    )
    np.testing.assert_allclose(after, probing.no_idea(2))
    assert probing.ignorance(after) == pytest.approx(1.0)


@given(
    st.lists(st.tuples(st.integers(0, probing.CELLS), st.booleans()), max_size=12),
    st.floats(0.5, 0.99),
)
def test_answers_move_a_belief_by_bayes_rule_in_any_order(
    answers: list[tuple[int, bool]], trusted: float
) -> None:
    edge = np.array([answer[0] for answer in answers], dtype=int)
    passed = np.array([answer[1] for answer in answers], dtype=bool)
    ring = np.zeros(len(answers), dtype=int)
    ours = probing.informed(probing.no_idea(1), ring, probing.EDGES[edge], passed, trusted)
    back = probing.informed(
        probing.no_idea(1), ring, probing.EDGES[edge][::-1], passed[::-1], trusted
    )
    expected = np.ones(probing.CELLS)
    for cell in range(probing.CELLS):
        for place, through in zip(edge, passed, strict=True):
            agrees = (cell >= place) == through
            expected[cell] *= trusted if agrees else 1 - trusted
    np.testing.assert_allclose(ours[0], expected / expected.sum(), rtol=1e-9)
    np.testing.assert_allclose(ours, back, rtol=1e-9)


def test_a_randomised_cut_leaves_an_interval_and_a_fixed_one_a_cell() -> None:
    luck, left = np.random.default_rng(8), {}
    for band in (0.0, 0.4):
        widths = []
        for _ in range(60):
            belief = probing.no_idea(1)
            for _ in range(40):
                cut = luck.uniform(-band, band)
                belief = ask(belief, bool(probing.quantile(belief, 0.5)[0] < cut), 0.95)
            spread = probing.quantile(belief, 0.9) - probing.quantile(belief, 0.1)
            found = probing.quantile(belief, 0.5)[0]
            widths.append((float(spread[0]), abs(found)))
        left[band] = np.array(widths)
    assert np.median(left[0.0][:, 0]) < 2 * CELL and (left[0.0][:, 1] < 2 * CELL).mean() > 0.9
    assert left[0.4][:, 1].mean() > 4 * left[0.0][:, 1].mean()  # it settles anywhere in the band
    assert (left[0.4][:, 1] < 0.4 + CELL).mean() > 0.9


def test_a_refuted_belief_starts_again_and_an_old_one_fades() -> None:
    sure = probing.informed(probing.no_idea(1), ME, np.array([0.5]), np.array([True]), 1.0)
    both = probing.informed(sure, ME, np.array([0.0]), np.array([False]), 1.0)
    np.testing.assert_allclose(both, probing.no_idea(1))
    for _ in range(400):
        sure = probing.faded(sure)
    np.testing.assert_allclose(sure, probing.no_idea(1), atol=1e-6)


def test_who_knows_aims_just_below_and_does_not_scatter() -> None:
    level, spread = np.array([0.3]), np.array([0.75])
    blank = probing.no_idea(1)
    assert probing.aimed(blank, level) == pytest.approx(0.3)
    assert probing.narrowed(blank, spread, ME) == pytest.approx(0.75)
    knows = blank
    for _ in range(6):
        knows = ask(knows, bool(probing.quantile(knows, 0.5)[0] < 0.62), 1.0)
    assert 0.62 - 3 * CELL < probing.aimed(knows, level)[0] < 0.62
    assert probing.narrowed(knows, spread, ME) == probing.TEST_SPREAD


@pytest.mark.parametrize("knob", ["probing", "transparency"])
def test_knobs_are_shares(knob: str) -> None:
    with pytest.raises(InputError, match=knob):
        Drift(**{knob: 1.5})


def lived(drift: Drift, *, days: int, cut: float) -> tuple[pd.DataFrame, np.ndarray]:
    """A world that blocks attempts above so many euros, and all that is likely a fraud."""
    world = payments_world(seed=17, daily=2_000, drift=drift)
    state, parts = world.start(), []
    for tick in range(days):
        requests, truth = world.day(tick, state)
        attempt = truth["true_label"].to_numpy() == 1
        block = (truth["true_amount_cents"].to_numpy() > 100 * cut) & attempt
        action = pd.Categorical(np.where(block, "block", "approve"))
        world.react(state, tick, truth.reset_index().assign(final_action=action))
        parts.append(truth.assign(tick=tick, euros=requests["amount"].to_numpy()))
    return pd.concat(parts), state.rings.belief


def test_the_truth_stays_calibrated_while_rings_probe() -> None:
    rows, _ = lived(replace(HEALTHY, probing=1.0, transparency=1.0), days=60, cut=90.0)
    for low, high in ((0.0, 0.01), (0.01, 0.2), (0.2, 1.0), (0.0, 1.0)):
        here = rows[rows["true_probability"].between(low, high, inclusive="left")]
        chance = here["true_probability"].to_numpy()
        error = np.sqrt(1.5 * (chance * (1 - chance)).sum())
        assert abs(here["true_label"].sum() - chance.sum()) < 3.5 * error, (low, high)


def test_rings_find_a_cut_in_euros_only_where_the_shop_tells() -> None:
    """Of all cash-outs those by card testing, with a median of 120 euros, are the most."""
    above = {}
    for transparency in (0.0, 1.0):
        drift = replace(HEALTHY, probing=0.5, transparency=transparency)
        rows, belief = lived(drift, days=60, cut=90.0)
        late = rows[(rows["true_label"] == 1) & (rows["tick"] >= 30)]
        above[transparency] = (late["euros"] > 1.2 * 90).mean()
        found = probing.quantile(belief, 0.5)
        if transparency == 0.0:
            np.testing.assert_allclose(belief, probing.no_idea(len(belief)))
        else:
            np.testing.assert_allclose(found, np.log(90 / 120), atol=0.15)
    assert above[1.0] < 0.5 * above[0.0]


def test_the_knobs_rest_at_zero_and_then_transparency_moves_nothing() -> None:
    assert (Drift().probing, Drift().transparency) == (0.0, 0.0)
    quiet, _ = lived(replace(HEALTHY, transparency=1.0), days=8, cut=90.0)
    still, _ = lived(HEALTHY, days=8, cut=90.0)
    pd.testing.assert_frame_equal(quiet, still)
