"""The loop as a learner uses it: simulate, resume, handle, step, trace, compare, and bad input.

Same bytes are test_exactness.py's concern, conservation and reconciliation test_invariants.py's.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.domain import OVERHEAD_ITEMS
from mlsys_lessons.errors import StateError
from mlsys_lessons.records import DAY_MS, ticks, timestamps
from mlsys_lessons.simulation.simulate import WARM_DAYS, simulate
from mlsys_lessons.system.faults import Fault, Stage
from mlsys_lessons.worlds.payments.domain import FEATURES, ITEMS, RAW_COLUMNS

SEED, DAILY, DAYS = 7, 200, 6
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
WORLD = mls.payments_world(seed=SEED, daily=DAILY)


@pytest.fixture(scope="module", params=PRESETS)
def run(request: pytest.FixtureRequest) -> mls.Run:
    """A short run of each preset with a fault in it that makes duplicates and late rows."""
    system = PRESETS[request.param](seed=SEED)
    return simulate(WORLD, system, days=DAYS, faults=traffic_jam())


@pytest.fixture(scope="module")
def healthy() -> dict[str, mls.Run]:
    """Both presets without a fault."""
    return {name: simulate(WORLD, make(seed=SEED), days=DAYS) for name, make in PRESETS.items()}


def traffic_jam() -> tuple[Fault, ...]:
    return (
        mls.faults.duplicate_replay(start=1, end=3),
        mls.faults.late_rows(start=2, end=4),
        mls.faults.null_flood(start=3, end=4, severity=0.1),
    )


# --- simulate -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_world_and_system_stay_as_they_were(name: str) -> None:
    system = PRESETS[name](seed=SEED)
    world = mls.payments_world(seed=SEED, daily=DAILY)
    before = pickle.dumps(system), repr(system), hash(world), repr(world)
    done = simulate(world, system, days=3, faults=traffic_jam())
    assert (pickle.dumps(system), repr(system), hash(world), repr(world)) == before
    assert done.system is not system and done.system.last_tick == 2 and system.last_tick is None
    assert done.faults == traffic_jam() and system.faults == ()


def test_a_run_says_what_it_is(run: mls.Run) -> None:
    assert (run.days, run.world) == (DAYS, WORLD)
    assert run.requests == len(run.log) > DAYS * DAILY * 0.7
    assert f"over {DAYS} days of payments" in repr(run) and f"{run.requests:,} rows" in repr(run)
    assert 0 < run.seconds < 600


def test_the_log_is_one_life_a_row(run: mls.Run) -> None:
    log = run.log
    wanted = [
        *RAW_COLUMNS,
        *FEATURES,
        "score",
        "action",
        "propensity",
        "final_action",
        "decided_by",
    ]
    assert [name for name in wanted if name not in log.columns] == []
    assert log.index.equals(pd.RangeIndex(len(log), name="row_id"))
    assert log["arrival_time"].is_monotonic_increasing
    assert set(ticks(log["arrival_time"])) == set(range(DAYS))


def test_one_day_by_hand_is_the_day_of_the_loop(healthy: dict[str, mls.Run]) -> None:
    """The loop has no secret: staff, warm, handle, close give its first day."""
    history = WORLD.history(WARM_DAYS)
    for name, make in PRESETS.items():
        system = make(seed=SEED)
        system.staff(WORLD.reviewers.capacity)
        system.warm(history.requests, history.labels)
        state = WORLD.start()
        for piece in np.array_split(np.arange(len(WORLD.day(0, state).requests)), 5):
            system.handle(WORLD.day(0, state).requests.iloc[piece])
        picks = system.review_picks()
        day = system.close(0, WORLD.review(state, 0, picks))
        closed = day.log
        logged = healthy[name].log.iloc[: len(closed)]
        for column in ("request_id", "score", "action", "final_action", "decided_by"):
            assert closed[column].tolist() == logged[column].tolist(), column
        assert system.step(day).tick == 0 and system.last_tick == 0


def test_value_by_tick_adds_up(run: mls.Run) -> None:
    daily = run.value_by_tick()
    assert daily.index.tolist() == list(range(DAYS)) and daily.index.name == "tick"
    assert daily.dtype == np.int64 and int(daily.sum()) == run.value
    assert int(daily.loc[2]) == int(run.ledger.query("tick == 2")["cents"].sum())


def postponed(wrapped: Fault) -> Fault:
    """A fault that lets nothing arrive on the day it is sent."""

    def wrap(stage: Stage, fault: Fault) -> Stage:
        def with_fault(frame: pd.DataFrame) -> pd.DataFrame:
            out = stage(frame)
            tomorrow = (ticks(out["arrival_time"]) + 1) * DAY_MS
            late = np.where(fault.covers(out["event_time"]), tomorrow, 0)
            stamped = np.maximum(out["arrival_time"].to_numpy(), timestamps(late))
            return out.assign(arrival_time=stamped)

        return with_fault

    return replace(wrapped, name="postponed", wrap=wrap)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("start", [0, 1])
def test_a_day_without_rows_is_a_day(name: str, start: int) -> None:
    fault = postponed(mls.faults.late_rows(start=start, end=start + 1))
    done = simulate(WORLD, PRESETS[name](seed=SEED), days=3, faults=[fault])
    sent = simulate(WORLD, PRESETS[name](seed=SEED), days=3)
    assert set(ticks(done.log["arrival_time"])) == {0, 1, 2} - {start}
    assert not done.ledger.query("tick == @start and request_id >= 0").size
    assert done.value_by_tick().index.tolist() == [0, 1, 2]
    requests = done.metrics.query("metric == 'requests'")["value"]
    assert requests.tolist()[start] == 0 and len(requests) == 3
    assert done.value == int(done.books["cents"].sum()) + done.outstanding
    assert set(done.log["request_id"]) >= set(sent.log.query("row_id < 400")["request_id"])


def test_a_bar_appears_on_stderr_and_changes_nothing(
    healthy: dict[str, mls.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    done = simulate(WORLD, mls.naive_system(seed=SEED), days=DAYS, progress=True)
    said = capsys.readouterr()
    assert "days: 100%" in said.err and f"{DAYS}/{DAYS}" in said.err and said.out == ""
    assert done.actions_sha256 == healthy["naive"].actions_sha256
    simulate(WORLD, mls.naive_system(seed=SEED), days=1)
    assert capsys.readouterr().err == ""


def test_the_reference_expects_most_and_the_clairvoyant_gets_most() -> None:
    """Expected value, three weeks, no faults: nobody who sees less decides better."""
    world = mls.payments_world(seed=SEED, daily=500)
    makes = (
        mls.reference_system, mls.clairvoyant_system, mls.resilient_system, mls.naive_system,
    )  # fmt: skip
    reference, clairvoyant, resilient, naive = (
        simulate(world, make(seed=SEED), days=21, keep="metrics") for make in makes
    )
    assert reference.expected_value > max(resilient.expected_value, naive.expected_value)
    assert clairvoyant.value > max(each.value for each in (reference, resilient, naive))
    assert reference.ledger["item"].isin([*ITEMS, "review", "delay"]).all()


# --- keep="metrics" -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_without_rows_everything_else_is_the_same(name: str) -> None:
    system = PRESETS[name](seed=SEED)
    rows, bare = (
        simulate(WORLD, system, days=DAYS, faults=traffic_jam(), keep=keep)
        for keep in ("log", "metrics")
    )
    assert bare.actions_sha256 == rows.actions_sha256
    same = ("value", "expected_value", "outstanding", "requests", "days")
    assert [getattr(bare, each) for each in same] == [getattr(rows, each) for each in same]
    for frame in ("metrics", "alerts", "books"):
        pd.testing.assert_frame_equal(getattr(bare, frame), getattr(rows, frame), check_exact=True)
    pd.testing.assert_series_equal(bare.value_by_tick(), rows.value_by_tick())
    by_item = [each.ledger.groupby("item", observed=True)["cents"].sum() for each in (bare, rows)]
    nonzero = [sums[sums != 0] for sums in by_item]
    pd.testing.assert_series_equal(*nonzero)
    assert set(vars(bare.recorder)) == {"path", "days", "rows", "digest"}  # nowhere for a row
    assert len(bare.ledger) <= DAYS * (len(ITEMS) + len(OVERHEAD_ITEMS))


@pytest.mark.parametrize("what", ["log", "labels", "truth", "trace"])
def test_what_was_not_kept_says_how_to_keep_it(what: str) -> None:
    bare = simulate(WORLD, mls.naive_system(seed=SEED), days=1, keep="metrics")
    with pytest.raises(StateError, match=r"keep='metrics'.*keep='log'") as caught:
        {"truth": bare.truth, "trace": lambda: bare.trace(1)}.get(
            what, lambda: getattr(bare, what)
        )()
    assert "\n" not in str(caught.value)


def test_without_rows_memory_does_not_grow_with_days() -> None:
    """Beyond the months that labels need, only a few numbers a day are added."""
    system = mls.resilient_system(seed=SEED, retraining=None)
    first = simulate(WORLD, system, days=90, keep="metrics")
    then = mls.resume(first, days=60)
    sizes = [held(each) for each in (first, then)]
    a_row = 100  # bytes: the ids and the times of a row, to say nothing of its 40 columns
    rows = (then.requests - first.requests) * a_row
    assert sizes[1] - sizes[0] < 0.2 * rows
    assert sizes[1] < 1.2 * sizes[0]


def held(run: mls.Run) -> int:
    """Bytes of everything that a run holds beyond its world and a fresh system."""
    parts = (run.system, run.accounts, run.state, run.transit)
    kept = [value for name, value in vars(run.recorder).items() if name != "digest"]
    return sum(len(pickle.dumps(part)) for part in (*parts, *kept))


# --- resume -------------------------------------------------------------------------------------


def test_resume_goes_on_and_leaves_the_first_run_alone(run: mls.Run) -> None:
    before = run.actions_sha256, run.value, run.days, len(run.metrics), len(run.books)
    longer = mls.resume(run, days=2)
    after = run.actions_sha256, run.value, run.days, len(run.metrics), len(run.books)
    assert after == before and longer.days == DAYS + 2
    pd.testing.assert_frame_equal(longer.log.iloc[: run.requests], run.log, check_exact=True)
    again = mls.resume(run, days=2)
    assert (again.actions_sha256, again.value) == (longer.actions_sha256, longer.value)


# --- money --------------------------------------------------------------------------------------


def test_books_know_less_and_later_than_the_ledger(run: mls.Run) -> None:
    """Overheads are known the day they arise; sales too; losses and complaints come later."""
    ledger, books = run.ledger, run.books
    assert run.value == int(books["cents"].sum()) + run.outstanding
    shown = [
        _by_day(each[each["item"].isin([*OVERHEAD_ITEMS, "shed_sale"])]) for each in (ledger, books)
    ]
    pd.testing.assert_series_equal(*shown)
    for item in ("fraud_loss", "friction"):
        happened, known = (
            _by_day(each[each["item"] == item]).groupby("tick").sum().reindex(range(DAYS)).fillna(0)
            for each in (ledger, books)
        )
        assert (happened.cumsum() <= known.cumsum()).all(), item
    assert books["tick"].between(0, DAYS - 1).all() and not (books["cents"] == 0).any()


def _by_day(entries: pd.DataFrame) -> pd.Series:
    sums = entries.astype({"tick": int, "item": str}).groupby(["tick", "item"])["cents"].sum()
    return sums[sums != 0]


def test_compare_prices_the_difference_to_the_cent(healthy: dict[str, mls.Run]) -> None:
    a, b = healthy["naive"], healthy["resilient"]
    priced = mls.compare(a, b)
    assert priced.total == b.value - a.value
    parts = priced.same_request + priced.only_in_b - priced.only_in_a + priced.overheads
    assert parts == priced.total
    _requests_add_up(priced)
    overheads = [
        int(each.ledger.loc[each.ledger["request_id"] < 0, "cents"].sum()) for each in (a, b)
    ]
    assert priced.overheads == overheads[1] - overheads[0]
    backwards = mls.compare(b, a)
    assert (backwards.total, backwards.only_in_a) == (-priced.total, priced.only_in_b)


def test_compare_finds_requests_that_only_one_run_saw(healthy: dict[str, mls.Run]) -> None:
    """A fault at the end of a run leaves rows on the road: they are in one ledger only."""
    late = mls.faults.late_rows(start=DAYS - 1, end=DAYS, severity=1.0)
    faulty = simulate(WORLD, mls.naive_system(seed=SEED), days=DAYS, faults=[late])
    priced = mls.compare(healthy["naive"], faulty)
    assert priced.only_in_a != 0 and priced.only_in_b == 0
    assert priced.total == faulty.value - healthy["naive"].value
    missing = priced.requests["cents_b"].isna()
    assert int(priced.requests.loc[missing, "cents_a"].sum()) == priced.only_in_a
    _requests_add_up(priced)


def _requests_add_up(priced: object) -> None:
    listed = int(priced.requests["difference"].sum())
    assert listed == priced.same_request + priced.only_in_b - priced.only_in_a
    assert priced.requests["request_id"].is_unique


def test_a_run_compared_with_itself_differs_in_nothing(healthy: dict[str, mls.Run]) -> None:
    same = mls.compare(healthy["naive"], healthy["naive"])
    assert (same.total, len(same.requests)) == (0, 0)


# --- trace --------------------------------------------------------------------------------------


def test_trace_tells_a_life_from_top_to_bottom(run: mls.Run) -> None:
    repeated = run.log["request_id"][run.log["request_id"].duplicated()].iloc[0]
    life = run.trace(int(repeated))
    assert len(life.rows) == 2 and len(life.ledger) == 1
    assert life.ledger["item"].iloc[0] in ITEMS
    told = repr(life).splitlines()
    stages = [line.split()[0] for line in told]
    one_row = ["row", "request", "ingestion", "features", "inference", "decision", "final"]
    known = [stage for stage in stages if stage not in ("meanwhile", "label")]
    assert known == [*one_row * 2, "ledger"]
    assert stages.count("meanwhile") == sum(
        fault.covers(life.rows["arrival_time"]).any() for fault in run.faults
    )
    assert str(repeated) in told[0]
    assert ("duplicate" in told[9]) == ("ingestion" in run.system.levels)


def test_trace_shows_each_label(run: mls.Run) -> None:
    labelled = run.labels["request_id"][run.labels["request_id"].isin(run.log["request_id"])]
    if len(labelled):
        life = run.trace(int(labelled.iloc[0]))
        assert len(life.labels) >= 1 and "  label " in repr(life)


# --- handle and step ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_handle_answers_each_row_once_and_keeps_the_frame(name: str) -> None:
    system, frame = PRESETS[name](seed=SEED), WORLD.day(0, WORLD.start()).requests
    before = frame.copy(deep=True)
    shuffled = frame.iloc[np.random.default_rng(1).permutation(len(frame))]
    answered = system.handle(shuffled)
    pd.testing.assert_frame_equal(frame, before)
    assert answered["request_id"].tolist() == frame["request_id"].tolist()
    assert answered["action"].isin(["approve", "review", "block"]).all()
    assert answered["propensity"].between(0, 1, inclusive="right").all()
    assert len(system.handle(frame.iloc[:0])) == 0


@pytest.mark.parametrize("name", PRESETS)
def test_a_tick_is_closed_once(name: str) -> None:
    system = PRESETS[name](seed=SEED)
    assert system.step(0).labels.empty
    with pytest.raises(StateError, match="tick 0 is over; the next to close is 1"):
        system.step(0)
    assert system.step(1).tick == 1


# --- bad input ----------------------------------------------------------------------------------


DAY = WORLD.day(0, WORLD.start()).requests
NAIVE = mls.naive_system(seed=SEED)
FAULT = mls.faults.unit_change(start=0, end=1)


def of_simulate(**change: object) -> Callable[[], object]:
    """A call of `simulate` with one bad argument."""
    arguments = {"world": WORLD, "system": NAIVE, "days": 1, **change}
    return lambda: simulate(**arguments)  # type: ignore[arg-type]


def of_handle(frame: object, name: str = "resilient") -> Callable[[], object]:
    """A call of `handle` with a bad frame."""
    return lambda: copy.deepcopy(PRESETS[name](seed=SEED)).handle(frame)  # type: ignore[arg-type]


def short() -> mls.Run:
    return simulate(WORLD, NAIVE, days=1)


# call, then what the sentence has to name: the value, and the rule or the way out
REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "negative days": (of_simulate(days=-3), ("days=-3", "1..1096")),
    "no days": (of_simulate(days=0), ("days=0", "1..1096")),
    "half a day": (of_simulate(days=1.5), ("days=1.5", "whole number", "days=1")),
    "days as a word": (of_simulate(days="3"), ("days='3'", "whole number")),
    "days as a truth": (of_simulate(days=True), ("days=True", "whole number")),
    "too many days": (of_simulate(days=5_000), ("days=5000", "1..1096")),
    "world by name": (of_simulate(world="payments"), ("'payments'", "payments_world(")),
    "no world": (of_simulate(world=None), ("None", "payments_world(")),
    "a factory as world": (of_simulate(world=mls.payments_world), ("world is", "payments_world(")),
    "a scenario as world": (
        of_simulate(world=mls.scenarios.healthy(7)), ("Scenario", "payments_world("),
    ),
    "world and system swapped": (
        lambda: simulate(NAIVE, WORLD, days=1),  # type: ignore[arg-type]
        ("System", "payments_world("),
    ),
    "system by name": (of_simulate(system="naive"), ("'naive'", "resilient_system(")),
    "a factory as system": (of_simulate(system=mls.naive_system), ("naive_system", "make one")),
    "fault by name": (of_simulate(faults=["latency"]), ("'latency'", "faults.unit_change(")),
    "a factory as fault": (
        of_simulate(faults=[mls.faults.latency]), ("latency", "faults.unit_change("),
    ),
    "unknown keep": (of_simulate(keep="all"), ("keep='all'", "log, metrics")),
    "keep nothing": (of_simulate(keep=None), ("keep=None", "log, metrics")),
    "batch of none": (of_simulate(batch_size=0), ("batch_size=0", "1..")),
    "negative batch": (of_simulate(batch_size=-1), ("batch_size=-1", "1..")),
    "half a row": (of_simulate(batch_size=2.5), ("batch_size=2.5", "whole number")),
    "resume for no days": (lambda: mls.resume(short(), days=0), ("days=0", "1..1096")),
    "resume by a word": (
        lambda: mls.resume(short(), days="2"),  # type: ignore[arg-type]
        ("days='2'", "whole number"),
    ),
    "unknown request": (lambda: short().trace(123), ("request 123", "run.log['request_id']")),
    "request as a word": (
        lambda: short().trace("abc"),  # type: ignore[arg-type]
        ("request abc", "run.log['request_id']"),
    ),
    "other worlds": (
        lambda: mls.compare(
            short(), simulate(mls.payments_world(seed=8, daily=DAILY), NAIVE, days=1)
        ),
        ("Run('naive'", "different worlds", "twins of one world"),
    ),
    "no frame": (of_handle(None), ("NoneType", "pandas DataFrame")),
    "a list of rows": (of_handle([{"amount": 3}]), ("list", "pandas DataFrame")),
    "a column short": (of_handle(DAY.drop(columns="amount")), ("'amount'", "absent")),
    "a column misspelt": (
        of_handle(DAY.rename(columns={"merchant_id": "merchant"})), ("'merchant_id'", "absent"),
    ),
    "a column twice": (of_handle(pd.concat([DAY, DAY[["amount"]]], axis=1)), ("'amount'", "twice")),
    "amount in words": (
        of_handle(DAY.assign(amount="a lot")), ("'amount'", "float64", "write numbers"),
    ),
    "time in words": (
        of_handle(DAY.assign(event_time="noon")), ("'event_time'", "noon", "write ISO 8601"),
    ),
    "half the times with a zone": (
        of_handle(DAY.assign(event_time=[
            f"{time:%Y-%m-%dT%H:%M}{'Z' * (row % 2)}" for row, time in enumerate(DAY["event_time"])
        ])), ("'event_time'", "have a zone and some have none", "write one for all"),
    ),
    "customers in halves": (
        of_handle(DAY.assign(customer_id=1.5)), ("'customer_id'", "1.5", "write whole numbers"),
    ),
    "arrival unknown": (
        of_handle(DAY.assign(arrival_time=pd.NaT)), ("arrival_time", "missing", "leave"),
    ),
    "the truth": (of_handle(DAY.assign(true_label=0)), ("'true_label'", "drop it")),
    "the truth, naively": (
        of_handle(DAY.assign(true_label=0), "naive"), ("'true_label'", "drop it"),
    ),
    "a column short, naively": (
        of_handle(DAY.drop(columns="country"), "naive"), ("'country'", "absent"),
    ),
    "unknown domain": (lambda: mls.naive_system("surgery"), ("'surgery'", "payments")),
    "unknown model": (lambda: mls.naive_system(model="xgb"), ("'xgb'", "boosted")),
    "unknown component": (lambda: mls.assemble(["modl"]), ("'modl'", "'model'")),
    "unknown scenario": (
        lambda: mls.scenarios.scenario("quiet"), ("'quiet'", "ordinary_year"),
    ),
    "a seed in words": (
        lambda: mls.resilient_system(seed="a"),  # type: ignore[arg-type]
        ("seed='a'", "whole number"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_gets_one_sentence_with_value_rule_and_way_out(what: str) -> None:
    call, named = REFUSED[what]
    with pytest.raises(mls.InputError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said and said.endswith(".") and len(said) < 400, said
    assert [word for word in named if word not in said] == [], said


# objects that nobody should pass, and somebody will
ODD: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "one bare fault": (of_simulate(faults=FAULT), ("unit_change", "list")),
    "faults None": (of_simulate(faults=None), ("None", "list")),
    "faults by one name": (of_simulate(faults="latency"), ("'latency'", "faults.")),
    "the class as world": (of_simulate(world=type(WORLD)), ("world is", "payments_world(")),
    "resume nothing": (
        lambda: mls.resume(None, days=2),  # type: ignore[arg-type]
        ("None", "simulate"),
    ),
    "compare with nothing": (
        lambda: mls.compare(short(), None),  # type: ignore[arg-type]
        ("None", "simulate"),
    ),
    "trace two requests": (
        lambda: short().trace([1, 2]),  # type: ignore[arg-type]
        ("[1, 2]", "run.log['request_id']"),
    ),
    "step by a word": (lambda: copy.deepcopy(NAIVE).step("0"), ("'0'", "whole number")),  # type: ignore[arg-type]
    "step by half": (lambda: copy.deepcopy(NAIVE).step(1.5), ("1.5", "whole number")),  # type: ignore[arg-type]
    "step before the start": (lambda: copy.deepcopy(NAIVE).step(-1), ("-1", "0..")),
    "one component as a word": (lambda: mls.assemble("model"), ("'model'", "[")),
    "retraining as a number": (
        lambda: mls.resilient_system(retraining=30),  # type: ignore[arg-type]
        ("30", "RetrainingPolicy"),
    ),
    "scenario by a list": (
        lambda: mls.scenarios.scenario(["healthy"]),  # type: ignore[arg-type]
        ("['healthy']", "ordinary_year"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_an_odd_object_gets_one_sentence_too(what: str) -> None:
    call, named = ODD[what]
    with pytest.raises(mls.InputError) as caught:
        call()
    assert [word for word in named if word not in str(caught.value)] == []


def test_compare_refuses_runs_without_rows() -> None:
    bare = simulate(WORLD, NAIVE, days=1, keep="metrics")
    with pytest.raises(StateError, match="keep='log'"):
        mls.compare(short(), bare)
