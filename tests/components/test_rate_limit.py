"""A rate limit held to counting by hand, to any cut of the stream, and to a running system."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import CostDecisions, RandomisedCut, RateLimit, ScoreCut
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import has_action
from mlsys_lessons.records import BLOCK, timestamps
from mlsys_lessons.worlds import WORLDS

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400)), min_size=1, max_size=40)


def frame(keys: list[int], seconds: list[int], score: float = 0.1) -> pd.DataFrame:
    times = timestamps(np.array(seconds, dtype=np.int64) * 1_000)
    columns = {"request_id": np.arange(len(keys)), "customer_id": np.array(keys)}
    return pd.DataFrame({**columns, "arrival_time": times, "score": score})


def by_hand(rows: pd.DataFrame, limit: int, minutes: int) -> list[bool]:
    """Which rows are beyond the limit: every pair of rows is looked at."""
    minute = rows["arrival_time"].astype("datetime64[ms]").astype(np.int64) // 60_000
    pairs = list(zip(rows["customer_id"], minute, strict=True))
    return [
        sum(k == key and now - minutes <= m < now for k, m in pairs) >= limit for key, now in pairs
    ]


@settings(deadline=None)
@given(ROWS, st.integers(1, 3), st.integers(1, 4), st.integers(1, 12))
def test_it_counts_as_by_hand_and_any_cut_of_the_stream_gives_the_same(
    rows: list[tuple[int, int]], limit: int, minutes: int, size: int
) -> None:
    ordered = sorted(rows, key=lambda row: row[1])
    whole = frame([key for key, _ in ordered], [second for _, second in ordered])
    found = RateLimit(ScoreCut(0.5), limit=limit, minutes=minutes)(whole)
    assert has_action(found, BLOCK).tolist() == by_hand(whole, limit, minutes)
    in_parts = RateLimit(ScoreCut(0.5), limit=limit, minutes=minutes)
    parts = [in_parts(whole.iloc[start : start + size]) for start in range(0, len(whole), size)]
    pd.testing.assert_frame_equal(pd.concat(parts), found)


def test_within_the_limit_the_policy_inside_decides_and_is_logged() -> None:
    rows = frame([1, 1, 2], [0, 90, 90], score=0.25)
    inside = RandomisedCut(0.2, seed=4, width=1.0)
    found, plain = RateLimit(inside, limit=1, minutes=5)(rows), inside(rows)
    pd.testing.assert_series_equal(found["action"][[0, 2]], plain["action"][[0, 2]])
    assert found["reason"].tolist()[1] == "velocity" and found["propensity"].tolist()[1] == 1.0
    assert found["propensity"].tolist()[0] == plain["propensity"].tolist()[0]
    assert found["policy_version"].tolist()[0].endswith("-1-in-5-by-customer_id")


@pytest.mark.parametrize("policy", [ScoreCut, CostDecisions])
def test_it_plugs_into_a_system_and_any_batch_gives_the_same(policy: type) -> None:
    base = mls.naive_system(seed=3) if policy is ScoreCut else mls.resilient_system(seed=3)
    limited = base.with_(decisions=RateLimit(base.decisions, key="merchant_id", limit=2))
    world = mls.payments_world(seed=3, daily=200)
    runs = [mls.simulate(world, limited, days=5, batch_size=size) for size in (None, 37)]
    assert runs[0].actions_sha256 == runs[1].actions_sha256
    stopped = runs[0].log[runs[0].log["reason"] == "velocity"]
    assert len(stopped) > 5 and (stopped["action"] == "block").all()
    assert limited.levels == base.levels


def test_what_no_window_reaches_is_forgotten() -> None:
    base = mls.naive_system(seed=3)
    limited = base.with_(decisions=RateLimit(base.decisions, limit=9, minutes=60))
    run = mls.simulate(mls.payments_world(seed=3, daily=200), limited, days=4)
    assert 0 < len(run.system.decisions.seen) < 60


def test_a_lever_sets_the_cut_inside() -> None:
    system = mls.naive_system(seed=3)
    limited = system.with_(decisions=RateLimit(copy.deepcopy(system.decisions)))
    limited.apply(mls.response.set_threshold(0.123))
    assert limited.decisions.inside.cut == limited.decisions.cut == 0.123


def test_odd_settings_get_a_sentence() -> None:
    inside = ScoreCut(0.5)
    for wrong in ({"limit": 0}, {"minutes": 0}, {"key": "amount"}, {"key": "device"}):
        with pytest.raises(InputError):
            RateLimit(inside, **wrong)
    search = WORLDS["search"](seed=0, daily=200).domain
    with pytest.raises(InputError, match="velocity"):
        RateLimit(ScoreCut(0.5, search), key="request_id")
