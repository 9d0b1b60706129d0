"""Features against independent oracles: slow loops written from the definitions, row by row."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.features import event_store
from mlsys_lessons.components.features.event_store import KEPT_MS
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.features.risk_tables import FIRST_GUESS, WINDOW_DAYS, RiskTable
from mlsys_lessons.components.features.stages import BatchFeatures, OnlineFeatures
from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.frames import categorical
from mlsys_lessons.records import DAY_MS, EPOCH, HOUR_MS, milliseconds, ticks, timestamps
from mlsys_lessons.worlds.payments.domain import (
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    COUNTRY_DTYPE,
    FEATURES,
    HISTORY,
    PAYMENTS,
    RAW_COLUMNS,
)

DERIVED = PAYMENTS.derived
RISK_PRIORS = {"merchant_id": 300.0, "country": 1_000.0, "category": 1_000.0}

NOTHING = pd.DataFrame(
    {name: np.empty(0, np.int64) for name in ("request_id", "tick", *RISK_PRIORS)}
)
NO_LABELS = pd.DataFrame(
    {
        "request_id": np.empty(0, np.int64),
        "label": np.empty(0, np.int8),
        "label_time": EPOCH[None][:0],
    }
)


def payments(event_ms: Iterable[int], **columns: object) -> pd.DataFrame:
    """Requests of customer 1 over 10.00 euros each, unless the columns say otherwise."""
    event = np.array(list(event_ms), dtype=np.int64)
    rows = len(event)
    code = np.zeros(rows, dtype=np.int8)
    plain = {
        "request_id": np.arange(rows),
        "event_time": timestamps(event),
        "arrival_time": timestamps(event),
        "customer_id": np.ones(rows, dtype=np.int64),
        "account_opened": timestamps(np.full(rows, -100 * DAY_MS)),
        "card_country": categorical(code, COUNTRY_DTYPE),
        "merchant_id": np.ones(rows, dtype=np.int64),
        "category": categorical(code, CATEGORY_DTYPE),
        "country": categorical(code, COUNTRY_DTYPE),
        "channel": categorical(code, CHANNEL_DTYPE),
        "amount": np.full(rows, 10.0),
    }
    return pd.DataFrame({**plain, **columns})


def traffic(seed: int, *, rows: int, days: int, first: int = 0) -> pd.DataFrame:
    """Random requests with ties, late rows, overtaking rows, and some in quarantine."""
    random = np.random.default_rng(seed)
    grain = HOUR_MS // 2  # a coarse clock makes ties
    arrival = np.sort(
        random.integers(first * DAY_MS, (first + days) * DAY_MS, rows) // grain * grain
    )
    delay = np.where(random.random(rows) < 0.3, random.exponential(2 * DAY_MS, rows), 0.0)
    event = arrival - np.minimum(delay, 7 * DAY_MS).astype(np.int64) // grain * grain
    return payments(
        event,
        request_id=random.permutation(rows),
        arrival_time=timestamps(arrival),
        customer_id=random.geometric(0.3, rows) - 1,  # a few customers pay most of the time
        card_country=categorical(random.integers(0, 3, rows), COUNTRY_DTYPE),
        merchant_id=random.integers(1, 9, rows),
        category=categorical(random.integers(0, 8, rows), CATEGORY_DTYPE),
        country=categorical(random.integers(0, 3, rows), COUNTRY_DTYPE),
        channel=categorical(random.integers(0, 3, rows), CHANNEL_DTYPE),
        amount=np.round(random.lognormal(3, 1, rows), 2),
        is_quarantined=random.random(rows) < 0.05,
    )


def verdicts(requests: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Labels for a random part of the requests; some first matured as genuine, then corrected."""
    random = np.random.default_rng(seed)
    labelled = requests[random.random(len(requests)) < 0.6]
    label = (random.random(len(labelled)) < 0.3).astype(np.int8)
    delay = random.integers(0, 60 * DAY_MS, len(labelled))
    time = milliseconds(labelled["event_time"]) + delay
    first = pd.DataFrame(
        {"request_id": labelled["request_id"], "label": label, "label_time": timestamps(time)}
    )
    later = first[first["label"] == 0].head(20)
    corrected = later.assign(label=1, label_time=later["label_time"] + pd.Timedelta(days=3))
    return pd.concat([first, corrected]).sort_values("label_time", kind="stable")


def days_of(frame: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    day = ticks(frame["arrival_time"])
    return [(tick, frame[day == tick]) for tick in range(day[0], day[-1] + 1)]


def replay(features: OnlineFeatures, frame: pd.DataFrame, size: int | None = None) -> pd.DataFrame:
    """Feed a frame day by day in batches of a size; only the features of each row."""
    parts = []
    for tick, rows in days_of(frame):
        step = size or max(len(rows), 1)
        parts += [features(rows.iloc[at : at + step]) for at in range(0, len(rows), step)]
        features.step(tick, NOTHING)
    return pd.concat(parts)[list(FEATURES)]


def identical(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Bit for bit, NaN being equal to NaN."""
    one, other = left[list(FEATURES)].to_numpy(), right[list(FEATURES)].to_numpy()
    return one.shape == other.shape and one.tobytes() == other.tobytes()


def history_oracle(frame: pd.DataFrame) -> pd.DataFrame:
    """The two-clock sentence, word for word: earlier rows, strictly earlier events."""
    event, customer = milliseconds(frame["event_time"]), frame["customer_id"].to_numpy()
    cents = np.rint(frame["amount"].to_numpy() * 100).astype(int)
    kept = ~frame["is_quarantined"].to_numpy()
    rows = []
    for row in range(len(frame)):
        events = [
            (int(event[row] - event[past]), int(cents[past]))
            for past in range(row)
            if kept[past] and customer[past] == customer[row] and event[past] < event[row]
        ]
        rows.append(_history(events, float(frame["amount"].iloc[row])))
    return pd.DataFrame(rows, index=frame.index)


def _history(events: list[tuple[int, int]], amount: float) -> dict[str, float]:
    """History features from (age in ms, cents) of the events a row may know."""
    within = {
        hours: [cents for age, cents in events if age <= hours * HOUR_MS]
        for hours in (1, 24, 168, 720)
    }
    habit = within[720]
    return {
        "count_1h": len(within[1]),
        "count_24h": len(within[24]),
        "count_7d": len(within[168]),
        "sum_24h": np.log1p(sum(within[24]) / 100),
        "sum_7d": np.log1p(sum(within[168]) / 100),
        "recency_hours": min([720.0, *(age / HOUR_MS for age, _ in events)]),
        "amount_to_habit": np.log(amount / (sum(habit) / len(habit) / 100)) if habit else 0.0,
    }


def close(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal up to the last digits of a logarithm."""
    for name in expected.columns:
        np.testing.assert_allclose(
            found[name].to_numpy(), expected[name].to_numpy(float), rtol=0, atol=1e-12, err_msg=name
        )


# --- history ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 1, 37])
def test_history_is_what_the_two_clocks_say(size: int | None) -> None:
    frame = traffic(1, rows=700, days=50)
    features = OnlineFeatures()
    close(replay(features, frame, size), history_oracle(frame))
    assert len(features.store) < (~frame["is_quarantined"]).sum(), "nothing was forgotten"


def test_the_traffic_of_these_tests_is_nasty() -> None:
    frame = traffic(1, rows=700, days=50)
    pairs = frame[["customer_id", "event_time"]]
    assert pairs.duplicated().any(), "no ties"
    is_new, line = event_store._lines(_keys(frame))
    waves = list(event_store._waves(_keys(frame)[is_new], line))
    assert len(waves) > 5, "no overtaking"
    assert sum(len(rows) for _, rows in waves) == len(frame)


def _keys(frame: pd.DataFrame) -> np.ndarray:
    rows = frame.sort_values("customer_id", kind="stable")
    event, customer = milliseconds(rows["event_time"]), rows["customer_id"].to_numpy()
    return event_store.read_attempts(customer, event, event, enters=event > 0).keys


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 80), min_size=1, max_size=12))
def test_any_cut_gives_the_same_bits(seed: int, sizes: list[int]) -> None:
    frame = traffic(seed, rows=240, days=3)
    whole, cut = OnlineFeatures(), OnlineFeatures()
    expected = replay(whole, frame)
    parts = []
    for tick, rows in days_of(frame):
        edges = [0, *np.cumsum(sizes * (len(rows) // sum(sizes) + 1))]
        parts += [cut(rows.iloc[a:b]) for a, b in pairwise(edges) if a < len(rows)]
        cut.step(tick, NOTHING)
    assert identical(pd.concat(parts), expected)
    assert same_state(whole, cut)


@pytest.mark.parametrize("kind", [OnlineFeatures, BatchFeatures])
@pytest.mark.parametrize("size", [1, 37, 1_000])
def test_standard_cuts_give_the_same_bits(kind: type[OnlineFeatures], size: int) -> None:
    frame = traffic(2, rows=3_000 if size > 1 else 900, days=3)
    assert identical(replay(kind(), frame, size), replay(kind(), frame))


def same_state(one: OnlineFeatures, other: OnlineFeatures) -> bool:
    return flat(one) == flat(other)


def flat(features: OnlineFeatures) -> list[object]:
    """Everything the object holds, as comparable values."""
    store = features.store
    past = store.base.with_run(store.recent)
    past = past.younger_than(store.midnight_ms - KEPT_MS)  # whenever it is forgotten
    runs = [array.tobytes() for run in (past, store.today) for array in (run.keys, run.totals)]
    tables: list[object] = []
    for table in features.risks.values():
        days = {
            day: (slots.tolist(), counts.tolist()) for day, (slots, counts) in table._days.items()
        }
        frauds = sorted(zip(*(column.tolist() for column in table._frauds), strict=True))
        totals = table._requests.tolist(), table._positives.tolist()
        today = [list(chunk) for chunk in table._today]
        tables.append((table.base, days, frauds, totals, today, table._inside))
    return [*runs, store.midnight_ms, *tables, features.last_tick]


def test_window_edges() -> None:
    day = 86_400_000
    frame = payments([0, day, day + 1])
    found = OnlineFeatures()(frame)
    assert found["count_24h"].tolist() == [0, 1, 1], "24 h ago is in, a millisecond more is out"
    assert found["count_7d"].tolist() == [0, 1, 2], "the row itself is not in its own window"
    ages = OnlineFeatures()(payments([0, HOUR_MS, 2 * HOUR_MS + 1]))
    assert ages["count_1h"].tolist() == [0, 1, 0]


def test_ties_do_not_count_each_other() -> None:
    found = OnlineFeatures()(payments([5, 5, 6]))
    assert found["count_1h"].tolist() == [0, 0, 2]
    assert found["recency_hours"].tolist()[:2] == [720.0, 720.0]


def test_an_overtaken_row_is_unknown_to_the_one_that_overtook_it() -> None:
    late = payments([100, 50, 200], amount=[1.0, 2.0, 4.0])
    found = OnlineFeatures()(late)
    assert found["count_1h"].tolist() == [0, 0, 2]
    assert found["amount_to_habit"].tolist() == [0.0, 0.0, np.log(4.0 / 1.5)]
    assert found["recency_hours"].iloc[2] == 100 / HOUR_MS


def test_the_smallest_number_is_a_small_share_of_any_habit() -> None:
    found = OnlineFeatures()(payments([1, 2], amount=[50.0, 5e-324]))
    assert found["amount_to_habit"].tolist() == [0.0, np.log(np.finfo(float).tiny)]


def test_customers_do_not_share_a_history() -> None:
    found = OnlineFeatures()(payments([1, 2, 3], customer_id=np.array([5, 6, 5])))
    assert found["count_24h"].tolist() == [0, 0, 1]
    assert found["recency_hours"].tolist()[:2] == [720.0, 720.0]


def test_recency_is_capped_and_habits_end_after_30_days() -> None:
    features = OnlineFeatures()
    month = 30 * DAY_MS
    found = features(payments([0, month, 2 * month + 1], amount=[10.0, 20.0, 40.0]))
    assert found["recency_hours"].tolist() == [720.0, 720.0, 720.0]
    assert found["amount_to_habit"].tolist() == [0.0, np.log(2.0), 0.0]


def test_one_customer_who_always_overtakes_himself() -> None:
    frame = payments(range(2_000, 0, -1))
    assert OnlineFeatures()(frame)["count_1h"].tolist() == [0] * 2_000


# --- looking up without leaving a trace ---------------------------------------------------------


def test_lookup_is_a_call_that_leaves_no_trace() -> None:
    frame = traffic(3, rows=600, days=3)
    features = OnlineFeatures()
    replay(features, frame[:400])
    before = flat(features)
    seen = features.lookup(frame[400:])
    features.lookup(frame[400:], as_of=EPOCH)
    assert flat(features) == before
    assert identical(seen, features(frame[400:]))


@pytest.mark.parametrize("back", [0, 1, 2, 9])
def test_as_of_reads_history_as_it_was(back: int) -> None:
    frame = traffic(4, rows=700, days=12)
    past, today = frame[:600], frame[600:]
    past_days = days_of(past)
    features = OnlineFeatures()
    replay(features, past)
    as_of = (past_days[-1][0] + 1 - back) * DAY_MS
    found = features.lookup(today, as_of=timestamps(np.array([as_of]))[0])
    close(found, as_of_oracle(past, today, as_of))


def as_of_oracle(past: pd.DataFrame, today: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """Windows end at the table's moment or the row's; recency runs on to the row."""
    kept = past[~past["is_quarantined"]]
    event, cents = milliseconds(kept["event_time"]), np.rint(kept["amount"] * 100).to_numpy(int)
    found = []
    rows = zip(
        today["customer_id"], milliseconds(today["event_time"]), today["amount"], strict=True
    )
    for customer, time, amount in rows:
        end = min(int(time), as_of)
        events = np.flatnonzero((kept["customer_id"] == customer).to_numpy() & (event < end))
        history = _history([(end - int(event[k]), int(cents[k])) for k in events], amount)
        gap = min([720.0, *((int(time) - int(event[k])) / HOUR_MS for k in events)])
        found.append({**history, "recency_hours": gap})
    return pd.DataFrame(found, index=today.index)


def test_as_of_within_the_running_day_reads_its_rows() -> None:
    features = OnlineFeatures()
    features(payments([1_000, 5_000]))
    row = payments([9_000])
    counts = [
        features.lookup(row, as_of=timestamps(np.array([moment]))[0])["count_1h"].item()
        for moment in (1_000, 1_001, 5_001, 99_999)
    ]
    assert counts == [0, 1, 2, 2]


def test_batch_features_know_nothing_of_today() -> None:
    features = BatchFeatures()
    assert features(payments([HOUR_MS, 2 * HOUR_MS]))["count_24h"].tolist() == [0, 0]
    features.step(0, NOTHING)
    noon = payments([DAY_MS + 12 * HOUR_MS, DAY_MS + 13 * HOUR_MS])
    found = features(noon)
    assert found["count_24h"].tolist() == [2, 2], "windows end at midnight"
    assert found["recency_hours"].tolist() == [34.0, 35.0], "time runs on, the table does not"
    assert identical(features.lookup(noon), found)


# --- state --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [OnlineFeatures, BatchFeatures])
def test_warm_is_a_replay(kind: type[OnlineFeatures]) -> None:
    frame = traffic(5, rows=4_000, days=120, first=-120)
    labels = verdicts(frame, 5)
    labels = labels[milliseconds(labels["label_time"]) < 0]
    warm, slow = kind(), kind()
    warm.warm(frame, labels)
    for tick, rows in days_of(frame):
        slow(rows)
        slow.step(tick, known_on(frame, labels, tick))
    assert same_state(warm, slow)
    assert len(slow.risks["category"]) == 8


def known_on(frame: pd.DataFrame, labels: pd.DataFrame, tick: int) -> pd.DataFrame:
    """The positives that become known on one day, as the label queue reports them."""
    positive = labels[labels["label"] == 1].drop_duplicates("request_id")
    day = frame.assign(tick=ticks(frame["arrival_time"]))
    merged = positive.merge(day[["request_id", "tick", *RISK_PRIORS]], on="request_id")
    heard = -(-milliseconds(merged["label_time"]) // DAY_MS) - 1
    return merged[np.maximum(heard, merged["tick"]) == tick]


def test_offline_equals_online() -> None:
    frame = traffic(6, rows=5_000, days=130, first=-130).drop(columns="is_quarantined")
    labels = verdicts(frame, 6)
    online, parts = OnlineFeatures(), []
    for tick, rows in days_of(frame):
        parts.append(online(rows))
        online.step(tick, known_on(frame, labels, tick))
    table = offline(frame, labels)
    assert identical(table, pd.concat(parts))
    assert table["request_id"].tolist() == frame["request_id"].tolist()
    last = labels.drop_duplicates("request_id", keep="last").set_index("request_id")["label"]
    expected = last.reindex(frame["request_id"]).to_numpy(float)
    np.testing.assert_array_equal(table["label"].to_numpy(), expected)
    assert table["label"].isna().any() and table["merchant_risk"].nunique() > 100


def test_offline_does_not_mind_the_order_of_rows_or_a_silent_day() -> None:
    frame = payments([DAY_MS * 3, 0], amount=[1.0, 2.0])
    table = offline(frame, NO_LABELS)
    assert table["amount"].tolist() == [2.0, 1.0]
    assert table["tick"].tolist() == [0, 3]
    assert table["label"].isna().all()
    assert offline(frame[:0], NO_LABELS).empty


def test_offline_reads_words_as_it_reads_categories() -> None:
    frame = traffic(6, rows=200, days=2)
    words = ["card_country", "category", "country", "channel"]
    assert identical(offline(frame.astype(dict.fromkeys(words, object)), NO_LABELS),
                     offline(frame, NO_LABELS))  # fmt: skip


def test_offline_names_what_is_missing() -> None:
    frame = payments([0])
    with pytest.raises(InputError, match="'amount' is absent"):
        offline(frame.drop(columns="amount"), NO_LABELS)
    with pytest.raises(InputError, match="'label_time' is absent"):
        offline(frame, NO_LABELS.drop(columns="label_time"))
    with pytest.raises(InputError, match="arrival_time is missing"):
        offline(frame.assign(arrival_time=pd.NaT), NO_LABELS)


def test_memory_is_bounded_in_days() -> None:
    features = OnlineFeatures()
    held = []
    for tick in range(300):
        features(payments(range(tick * DAY_MS, (tick + 1) * DAY_MS, DAY_MS // 20)))
        fraud = NOTHING.reindex([0]).assign(tick=tick, merchant_id=1, country=0, category=0)
        features.step(tick, fraud)
        held.append((len(features.store), len(features.risks["country"]._days)))
    weeks = {size for size, _ in held[100:]}  # old events are forgotten once a week
    assert max(weeks) <= (37 + 7) * 20 and len(weeks) == 7
    assert held[-1][1] == held[200][1] == WINDOW_DAYS + 45
    assert all(len(table._frauds[0]) <= WINDOW_DAYS + 45 for table in features.risks.values())


def test_a_copy_goes_its_own_way() -> None:
    frame = traffic(7, rows=600, days=4)
    features = OnlineFeatures()
    replay(features, frame[:300])
    before = flat(features)
    twin = copy.deepcopy(features)
    assert flat(twin) == before
    replay_rest = days_of(frame[300:])[1:]
    for tick, rows in replay_rest:
        twin(rows)
        twin.step(tick, NOTHING)
    assert flat(features) == before != flat(twin)


def test_a_day_is_closed_once() -> None:
    features = OnlineFeatures()
    features.step(3, NOTHING)
    with pytest.raises(StateError, match="tick 3 is over"):
        features.step(3, NOTHING)
    assert "last tick 3" in repr(features)


# --- risk ---------------------------------------------------------------------------------------


def test_risk_by_hand() -> None:
    features = OnlineFeatures()
    shops = np.array([1, 1, 1, 2])
    features(payments([1, 2, 3, 4], merchant_id=shops))
    features.step(0, NOTHING)
    fraud = NOTHING.reindex([0]).assign(tick=0, merchant_id=1, country=0, category=0)
    features.step(1, fraud)  # known early, counted when the day has matured
    row = payments([50 * DAY_MS] * 3, merchant_id=np.array([1, 2, 77]))
    assert features.lookup(row)["merchant_risk"].tolist() == [FIRST_GUESS] * 3
    features.step(44, NOTHING)
    assert features.lookup(row)["merchant_risk"].tolist() == [FIRST_GUESS] * 3
    features.step(45, NOTHING)
    prior, base = RISK_PRIORS["merchant_id"], 1 / 4
    expected = [(1 + prior * base) / (3 + prior), (0 + prior * base) / (1 + prior), base]
    np.testing.assert_allclose(features.lookup(row)["merchant_risk"], expected, rtol=1e-14)
    features.step(104, NOTHING)  # opens day 105: day 0 is the oldest in the window
    np.testing.assert_allclose(features.lookup(row)["merchant_risk"], expected, rtol=1e-14)
    features.step(105, NOTHING)
    assert features.lookup(row)["merchant_risk"].tolist() == [FIRST_GUESS] * 3


def test_a_report_that_comes_late_counts_from_then_on() -> None:
    table = RiskTable(prior=10)
    table.count(np.array([3, 3]))
    table.close_day(0)
    table.open_day(50)
    assert table.rate(np.array([3]))[0] == pytest.approx(FIRST_GUESS * 10 / 12)
    table.learn(ticks=np.array([0]), codes=np.array([3]))
    table.open_day(51)
    assert table.rate(np.array([3]))[0] == pytest.approx((1 + 10 * 0.5) / 12)


def test_a_label_at_midnight_is_known_at_midnight() -> None:
    frame = payments([1, 50 * DAY_MS + 1, 51 * DAY_MS + 1])
    found = []
    for late in (0, 1):
        heard = timestamps(np.array([50 * DAY_MS + late]))
        labels = pd.DataFrame({"request_id": [0], "label": [1], "label_time": heard})
        found.append((offline(frame, labels)["country_risk"] > FIRST_GUESS).tolist())
    assert found == [[False, True, True], [False, False, True]]


def test_risk_is_what_its_sentence_says() -> None:
    frame = traffic(8, rows=4_000, days=150, first=-150).drop(columns="is_quarantined")
    labels = verdicts(frame, 8)
    table = offline(frame, labels)
    tick = ticks(frame["arrival_time"])
    first = labels[labels["label"] == 1].drop_duplicates("request_id").set_index("request_id")
    time = first["label_time"].reindex(frame["request_id"])
    heard = np.where(time.isna(), np.inf, milliseconds(time))
    for row in range(2_500, len(frame), 97):
        now = tick[row]
        window = (tick >= now - 105) & (tick < now - 45)
        known = window & (heard <= now * DAY_MS)
        base = known.sum() / window.sum() if known.any() else FIRST_GUESS
        for field, prior in RISK_PRIORS.items():
            same = (frame[field] == frame[field].iloc[row]).to_numpy()
            expected = ((known & same).sum() + prior * base) / ((window & same).sum() + prior)
            name = f"{field.removesuffix('_id')}_risk"
            assert table[name].iloc[row] == pytest.approx(expected, rel=1e-12), (row, name)


# --- the row itself, and odd ones ---------------------------------------------------------------


def test_features_of_the_row_itself() -> None:
    frame = payments(
        [6 * HOUR_MS, 18 * HOUR_MS],
        channel=pd.Categorical(["online", "chip"], dtype=CHANNEL_DTYPE),
        country=pd.Categorical(["FR", "DE"], dtype=COUNTRY_DTYPE),
    )
    found = OnlineFeatures()(frame)
    assert tuple(found.columns) == (*RAW_COLUMNS, *FEATURES)
    assert all(found[name].dtype == np.float64 for name in FEATURES)
    assert found["hour_sin"].round(12).tolist() == [1.0, -1.0]
    assert found["hour_cos"].abs().max() < 1e-12
    assert found["is_online"].tolist() == [1.0, 0.0]
    assert found["is_foreign"].tolist() == [1.0, 0.0]
    assert found["account_age_days"].tolist() == [100.25, 100.75]
    assert found["log_amount"].tolist() == [np.log(10.0)] * 2
    with pytest.raises(StateError, match="already there"):
        OnlineFeatures()(found)


def test_quarantined_rows_get_features_and_leave_no_trace() -> None:
    put_aside = np.array([True, False, False])
    features = OnlineFeatures()
    found = features(payments([1, 2, 3], is_quarantined=put_aside))
    assert found["count_1h"].tolist() == [0, 0, 1]
    assert len(features.store) == 2
    features.step(0, NOTHING)
    features.step(46, NOTHING)
    assert features.risks["country"]._requests.sum() == 2


ODD = {
    "amount": [np.nan, np.inf, -np.inf, -5.0, 0.0, 1e300],
    "customer_id": [-1, 2**24, 2**62, -(2**63)],
    "merchant_id": [-1, 2**20, 2**63 - 1],
    "event_time": ["NaT", "1900-01-01", "2290-01-01"],
    "account_opened": ["NaT"],
    "country": [None],
    "card_country": [None],
    "category": [None],
    "channel": [None],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("field", "value"), [(name, each) for name in ODD for each in ODD[name]])
def test_odd_values_never_raise(field: str, value: object) -> None:
    frame = payments([1, 2, 3])
    column = frame[field].copy()
    column.iloc[1] = np.datetime64(value, "ms") if "time" in field or "opened" in field else value
    odd = frame.assign(**{field: column.astype(frame[field].dtype)})
    for features in (OnlineFeatures(), BatchFeatures()):
        found = features(odd)[list(FEATURES)]
        illegible = field in ("amount", "customer_id", "event_time")
        assert len(features.store) == (2 if illegible else 3)
        features.step(0, NOTHING)
        assert found.iloc[[0, 2]].notna().all(axis=None), "a neighbour was hurt"
        missing = set(FEATURES) - set(found.columns[found.iloc[1].notna()])
        assert missing <= set(DERIVED[field])
        assert len(features(payments([DAY_MS]))) == 1


def test_rows_that_cannot_be_read_have_no_history() -> None:
    frame = payments([1, 2], event_time=np.array(["NaT", "2025-01-01T01"], dtype="datetime64[ms]"))
    found = OnlineFeatures()(frame)
    assert found.loc[0, list(DERIVED["event_time"])].isna().all()
    assert found.loc[1, list(FEATURES)].notna().all()


def test_words_outside_the_vocabulary_are_unknown() -> None:
    renamed = pd.Categorical(["fuel", "petrol"], categories=["petrol", "fuel"])
    plain = pd.Categorical(["fuel", None], dtype=CATEGORY_DTYPE)
    features = [OnlineFeatures(), OnlineFeatures()]
    for each, column in zip(features, (renamed, plain), strict=True):
        each(payments([1, 2], category=column))
        each.step(0, NOTHING)
    assert same_state(*features)


def test_a_field_that_is_not_trusted_takes_its_features_with_it() -> None:
    frame = traffic(9, rows=200, days=1)
    plain, wary = OnlineFeatures(), OnlineFeatures()
    wary.untrusted = frozenset({"account_opened", "channel", "no such field"})
    expected, found = plain(frame), wary(frame)
    hidden = [*DERIVED["account_opened"], *DERIVED["channel"]]
    assert found[hidden].isna().all(axis=None)
    kept = [name for name in FEATURES if name not in hidden]
    pd.testing.assert_frame_equal(found[kept], expected[kept])
    assert same_state(plain, wary), "what is not remembered cannot be forgotten"


@pytest.mark.parametrize("name", [*RAW_COLUMNS, "iban"])
def test_any_raw_field_may_lose_its_trust(name: str) -> None:
    """What stands on it is missing; the event's time has a stand-in."""
    features = OnlineFeatures()
    features.untrusted = frozenset({name})
    found = features(traffic(9, rows=200, days=1))
    lost = () if name == "event_time" else DERIVED.get(name, ())
    assert found[list(lost)].isna().all(axis=None)
    nobodys = name == "customer_id"
    assert (len(features.store) == 0) == nobodys
    features.step(0, NOTHING)


def in_doubt(field: str, **changes: object) -> pd.DataFrame:
    """Three payments of one customer, an hour apart; the second one's field is in doubt."""
    reason = pd.Categorical([None, f"{field}: not so", None])
    hours = np.arange(3) * HOUR_MS
    return payments(hours, amount=[10.0, 9_000.0, 40.0], quarantine_reason=reason, **changes)


def test_an_amount_in_doubt_counts_as_an_attempt_and_is_in_no_sum() -> None:
    features = OnlineFeatures()
    found = features(in_doubt("amount"))
    assert found["count_24h"].tolist() == [0, 1, 2]
    assert found["log_amount"].isna().tolist() == [False, True, False]
    assert found["amount_to_habit"].isna().tolist() == [False, True, False]
    assert found["sum_24h"].tolist() == pytest.approx(np.log1p([0.0, 10.0, 10.0]))
    assert found["amount_to_habit"].iloc[2] == pytest.approx(np.log(40.0 / 10.0))
    features.step(0, NOTHING)  # and so it stays when the day has joined the others
    later = features.lookup(payments([5 * HOUR_MS], amount=[20.0]))
    assert later["amount_to_habit"].iloc[0] == pytest.approx(np.log(20.0 / 25.0))


def test_a_customer_whose_amounts_are_all_in_doubt_has_no_habit() -> None:
    frame = in_doubt("amount").assign(
        quarantine_reason=pd.Categorical(["amount: a", "amount: a", None], ["amount: a"])
    )
    found = OnlineFeatures()(frame)
    assert found["count_24h"].iloc[2] == 2
    assert found["amount_to_habit"].iloc[2] == 0.0


def test_for_a_clock_in_doubt_the_arrival_stands_in() -> None:
    """The answers and the memory of a twin whose event had its arrival's time."""
    frame = in_doubt("event_time")
    event = frame["event_time"].to_numpy().copy()
    event[1] += np.timedelta64(9, "h")
    honest = frame["event_time"].to_numpy().copy()
    honest[1] = frame["arrival_time"].to_numpy()[1]
    wary, plain = OnlineFeatures(), OnlineFeatures()
    found = wary(frame.assign(event_time=event))
    expected = plain(frame.assign(event_time=honest).drop(columns="quarantine_reason"))
    pd.testing.assert_frame_equal(found[list(FEATURES)], expected[list(FEATURES)])
    assert same_state(wary, plain)


def test_every_field_says_what_stands_on_it() -> None:
    assert set(DERIVED) == set(RAW_COLUMNS)
    assert {name for names in DERIVED.values() for name in names} == set(FEATURES)
    assert set(HISTORY) < set(FEATURES)


def test_nobody_came() -> None:
    features = OnlineFeatures()
    found = features(payments([]))
    assert found.empty and tuple(found.columns[-len(FEATURES) :]) == FEATURES
    features.step(0, NOTHING)
    features.warm(payments([]), NO_LABELS)
    assert len(features.store) == 0
