"""What must hold, always: DESIGN's invariants 1 to 6 over random calendars of faults, both systems.

Each example is a short run in a small world; hypothesis shrinks a failure to the fewest faults.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlsys_lessons as mls
from mlsys_lessons.records import milliseconds
from mlsys_lessons.simulation.ledger import effects
from mlsys_lessons.system.faults import CATALOGUE
from mlsys_lessons.worlds.payments.domain import COSTS, ITEMS, RAW_COLUMNS

DAYS, DAILY = 3, 120
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
SEVERITIES = {
    "time_zone_shift": st.floats(-12, 12),
    "stale_features": st.floats(0, 7),
    "latency": st.floats(1, 500),
    "cold_start": st.floats(1, 96),
    "traffic_spike": st.floats(1, 1_000),
}
OLD_TABLES = ("stale_features", "missing_features", "cold_start")  # answers from an older history


@st.composite
def fault(draw: st.DrawFn) -> mls.faults.Fault:
    """Any fault of the catalogue, any window, any legal severity."""
    name = draw(st.sampled_from(sorted(CATALOGUE)))
    start = draw(st.floats(0, DAYS - 0.1))
    length = draw(st.floats(0.05, DAYS))
    severity = draw(SEVERITIES.get(name, st.floats(0, 1)))
    return CATALOGUE[name](start=start, end=start + length, severity=severity)


schedules = st.lists(fault(), max_size=6)
several = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def simulated(name: str, seed: int, faults: list[mls.faults.Fault]) -> mls.Run:
    """A short run; that it returns at all is invariant 6."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, PRESETS[name](seed=7), days=DAYS, faults=faults)


@given(name=st.sampled_from(sorted(PRESETS)), seed=st.integers(0, 50), faults=schedules)
@several
def test_invariants(name: str, seed: int, faults: list[mls.faults.Fault]) -> None:
    """Conservation, reconciliation, secrecy, whatever goes wrong and however it combines."""
    run = simulated(name, seed, faults)
    _rows_are_conserved(run)
    _ledger_reconciles(run)
    _truth_is_hidden(run)


def _rows_are_conserved(run: mls.Run) -> None:
    """Invariant 1: one action a row, one effect a request."""
    log = run.log
    assert log["action"].notna().all() and log["final_action"].notna().all()
    assert log["final_action"].isin(["approve", "block", "shed"]).all()
    assert log.index.equals(pd.RangeIndex(len(log), name="row_id"))
    effect = run.ledger[run.ledger["request_id"] >= 0]
    assert effect["request_id"].is_unique
    assert set(effect["request_id"]) == set(log["request_id"])
    assert effect["item"].isin(ITEMS).all()
    sent = run.requests + sum(len(pair[0]) for pair in run.transit.waiting)
    produced = len(run.truth().index.union(_ids_waiting(run)))
    assert (
        sent
        >= produced
        == log["request_id"].nunique() + len(_ids_waiting(run).difference(log["request_id"]))
    )


def _ids_waiting(run: mls.Run) -> pd.Index:
    waiting = [pair[0]["request_id"].to_numpy() for pair in run.transit.waiting]
    return pd.Index(np.unique(np.concatenate([np.empty(0, np.int64), *waiting])))


def _ledger_reconciles(run: mls.Run) -> None:
    """Invariant 2: the ledger follows from log and truth, to the cent; so do the books."""
    first = run.log[~run.log["request_id"].duplicated()]
    truth = run.truth().loc[first["request_id"]]
    item, cents = effects(
        first["final_action"].cat.codes.to_numpy(),
        truth["true_label"].to_numpy() == 1,
        truth["true_amount_cents"].to_numpy(),
        COSTS,
    )
    effect = run.ledger[run.ledger["request_id"] >= 0].set_index("request_id")
    effect = effect.loc[first["request_id"]]
    assert effect["cents"].tolist() == cents.tolist()
    assert [ITEMS[code] for code in item] == effect["item"].tolist()
    assert run.value == int(run.ledger["cents"].sum())
    assert run.value == int(run.books["cents"].sum()) + run.outstanding


def _truth_is_hidden(run: mls.Run) -> None:
    """Invariant 3: nothing that a system sees carries the truth."""
    for frame in (run.log, run.metrics, run.alerts, run.labels, run.books):
        assert not [name for name in frame.columns if str(name).startswith("true")]
    assert {"true_label", "true_probability", "true_amount_cents"} <= set(run.truth().columns)


@given(seed=st.integers(0, 50), faults=schedules)
@several
def test_features_never_look_past_event_time(seed: int, faults: list[mls.faults.Fault]) -> None:
    """Invariant 4, by an oracle: counts over 24 hours, straight from the two-clock sentence."""
    faults = [each for each in faults if each.name not in OLD_TABLES]
    log = simulated("resilient", seed, faults).log
    usable = ~(log["is_duplicate"] | log["is_quarantined"])
    doubted = log["quarantine_reason"].astype(str).str.startswith("event_time").to_numpy()
    event = milliseconds(log["event_time"].mask(doubted, log["arrival_time"]))
    customer = log["customer_id"].to_numpy()
    asked = np.flatnonzero(usable.to_numpy() & log["count_24h"].notna().to_numpy())[::7]
    for row in asked:
        gap = event[row] - event[:row]
        counted = usable.to_numpy()[:row] & (customer[:row] == customer[row])
        inside = counted & (gap > 0) & (gap <= 86_400_000)
        history = log["count_24h"].iloc[row] - inside.sum()
        assert history >= 0
        if event[row] >= 86_400_000:
            assert history == 0


@given(seed=st.integers(0, 20), faults=schedules)
@settings(max_examples=5, deadline=None, derandomize=True)
def test_same_seed_same_bytes(seed: int, faults: list[mls.faults.Fault]) -> None:
    """Invariant 5: the same call twice, and in pieces of 13 rows, answers the same."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    runs = [
        mls.simulate(world, mls.resilient_system(seed=7), days=2, faults=faults, batch_size=size)
        for size in (None, None, 13)
    ]
    assert len({run.actions_sha256 for run in runs}) == 1
    assert len({run.value for run in runs}) == 1


def test_a_system_refuses_to_see_the_truth() -> None:
    """Invariant 3, from the other side: a frame with a true_* column is sent back."""
    world = mls.payments_world(seed=1, daily=DAILY)
    frame = world.day(0, world.start()).requests.assign(true_label=0)
    assert set(RAW_COLUMNS) <= set(frame.columns)
    try:
        mls.naive_system(seed=7).handle(frame)
    except mls.InputError as error:
        assert "true_label" in str(error)
    else:
        raise AssertionError("the truth was let in")
