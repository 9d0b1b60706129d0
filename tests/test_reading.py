"""One reader of times, numbers, words and labels: nothing is guessed, and all who read agree."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons import reading
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT, parse
from mlsys_lessons.errors import InputError
from mlsys_lessons.serving.schemas import epoch_ms
from mlsys_lessons.warehouse import Warehouse
from mlsys_lessons.worlds.payments.domain import PAYMENTS

EXAMPLES = int(os.environ.get("MLSYS_EXAMPLES", "16"))
HISTORY = mls.payments_world(seed=7, daily=50).history(60)
DAY = HISTORY[0].tail(400).reset_index(drop=True)
TIMES = ("event_time", "arrival_time", "account_opened")


def both(requests: pd.DataFrame, labels: pd.DataFrame) -> tuple[object, object]:
    """What the two feature pipelines make of the same frames: a table, or a sentence."""
    with Warehouse() as house:
        pipelines: list[Callable[..., pd.DataFrame]] = [offline, house.offline_features]
        made: list[object] = []
        for pipeline in pipelines:
            try:
                made.append(pipeline(requests, labels))
            except InputError as error:
                made.append(str(error))
    return made[0], made[1]


def assert_alike(requests: pd.DataFrame, labels: pd.DataFrame) -> object:
    memory, sql = both(requests, labels)
    if isinstance(memory, str) or isinstance(sql, str):
        assert memory == sql
    else:
        pd.testing.assert_frame_equal(memory, sql, check_exact=False, rtol=1e-9, atol=1e-9)
    return memory


# --- times --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("order", ["%d.%m.%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y", "%b %d %Y", "%y%m%d"])
def test_a_date_whose_order_could_be_guessed_is_refused(name: str, order: str) -> None:
    with pytest.raises(InputError, match=f"column '{name}'.* cannot be read as datetime64.*8601"):
        parse(DAY.assign(**{name: DAY[name].dt.strftime(order)}))


def test_a_bad_cell_changes_nothing_about_its_neighbours() -> None:
    iso = DAY["account_opened"].dt.strftime("%Y-%m-%d").astype(object)
    iso.iloc[::3] = "03/04/2025"
    read = parse(DAY.assign(account_opened=iso))["account_opened"]
    kept = np.arange(len(DAY)) % 3 != 0
    assert read.isna().tolist() == (~kept).tolist()
    assert (read == DAY["account_opened"].dt.floor("D"))[kept].all()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "Asia/Kathmandu"])
def test_aware_times_become_utc(zone: str) -> None:
    aware = DAY["event_time"].dt.tz_localize("UTC").dt.tz_convert(zone)
    text = pd.Series([stamp.isoformat() for stamp in aware], index=DAY.index)
    objects = pd.Series([stamp.to_pydatetime() for stamp in aware], dtype=object)
    for column in (aware, text, objects):
        read = parse(DAY.assign(event_time=column))["event_time"]
        assert (read == DAY["event_time"]).all() and read.dtype == "datetime64[ms]"


def test_a_half_aware_column_is_named() -> None:
    iso = DAY["event_time"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    half = iso.where(DAY.index % 2 == 0, iso + "Z")
    with pytest.raises(InputError, match="'event_time': some of its times have a zone and some"):
        parse(DAY.assign(event_time=half))
    assert parse(DAY.assign(event_time=iso + "Z"))["event_time"].notna().all()


@pytest.mark.parametrize("name", TIMES)
def test_a_clock_in_seconds_is_no_clock_in_milliseconds(name: str) -> None:
    seconds = DAY[name].astype("int64") // 1_000
    with pytest.raises(InputError, match=f"'{name}'.*milliseconds \\(not seconds\\)"):
        parse(DAY.assign(**{name: seconds}))
    whole = parse(DAY.assign(**{name: seconds * 1_000}))[name]
    assert (whole == DAY[name].dt.floor("s")).all()


@pytest.mark.parametrize(
    "value",
    [
        "2025-01-31T09:30:00Z", "2025-01-31T10:30:00+01:00", "2025-01-31 09:30", 1_738_315_800_000,
        1_738_315_800_000.0, np.int64(1_738_315_800_000), datetime(2025, 1, 31, 9, 30),
        datetime(2025, 1, 31, 9, 30, tzinfo=UTC), pd.Timestamp("2025-01-31 09:30"),
        datetime(2025, 1, 31, 10, 30, tzinfo=ZoneInfo("Europe/Oslo")),
        np.datetime64("2025-01-31T09:30"),
    ],
)  # fmt: skip
def test_frames_and_the_edge_read_a_time_alike(value: object) -> None:
    read = reading.times(pd.Series([value, value], dtype=object))
    assert read.tolist() == [pd.Timestamp("2025-01-31 09:30")] * 2
    assert epoch_ms(value) == 1_738_315_800_000
    assert reading.times(pd.Series([date(2025, 1, 31)])).iloc[0] == pd.Timestamp("2025-01-31")


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "now",
        "",
        "2025",
        "31.01.2025",
        1_738_315_800,
        1.5,
        True,
        None,
        np.nan,
        {},
        b"x",
    ],
)
def test_neither_reads_what_is_no_time(value: object) -> None:
    assert reading.times(pd.Series([value], dtype=object)).isna().all()
    with pytest.raises(ValueError, match="should be a time"):
        epoch_ms(value)


def test_a_time_that_cannot_be_is_noticed() -> None:
    reasons = PAYMENTS_CONTRACT.reasons
    for opened in ("0001-01-01", "1899-12-31", "2099-01-01", "9999-12-31", None):
        found = PAYMENTS_CONTRACT.violations(
            parse(
                DAY.assign(
                    account_opened=DAY["account_opened"].astype(object).where(DAY.index > 0, opened)
                )
            )
        )
        assert [reasons[found[0]], *(found[1:] >= 0)][:1] == ["account_opened: breaks its promise"]
        assert (found[1:] < 0).all()
    missing = DAY.assign(event_time=DAY["event_time"].where(DAY.index % 10 == 0))
    assert reasons[PAYMENTS_CONTRACT.violations(parse(missing))[1]].startswith("event_time: breaks")
    report = PAYMENTS_CONTRACT.report(missing, usual_rows=len(DAY))
    broken = report[report["broken"]][["field", "promise", "observed"]].values.tolist()
    assert broken == [["event_time", "null rate", 0.9]]


def test_the_contract_judges_frames_that_were_read() -> None:
    raw = pd.read_csv(io.StringIO(DAY.to_csv(index=False)))
    with pytest.raises(InputError, match=r"column 'event_time' is str; read the frame by parse"):
        PAYMENTS_CONTRACT.violations(raw)
    assert (PAYMENTS_CONTRACT.violations(parse(raw)) == PAYMENTS_CONTRACT.violations(DAY)).all()


# --- numbers and words --------------------------------------------------------------------------


def test_an_id_is_read_exactly_or_not_at_all() -> None:
    ids = [2**53 + 1, "9007199254740993", 7.0, "7.5", 7.5, np.nan, 2.0**70, "x", -3]
    read = reading.numbers(pd.Series(ids, dtype=object), "int64")
    assert read.tolist() == [2**53 + 1, 2**53 + 1, 7, -1, -1, -1, -1, -1, -3]


@pytest.mark.parametrize("name", ["category", "country", "channel", "card_country"])
@pytest.mark.parametrize("value", [np.nan, None, pd.NA, 5, "fax"])
def test_a_column_without_a_single_agreed_word_stops_nobody(name: str, value: object) -> None:
    frame = DAY.head(20).assign(**{name: [value] * 20})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for system in (mls.naive_system(seed=7), mls.resilient_system(seed=7)):
            assert len(system.handle(frame)) == 20


class Mute:
    """A value that cannot be said."""

    def __str__(self) -> str:
        raise ValueError("no")

    __repr__ = __str__


def test_a_value_that_cannot_be_said_is_missing() -> None:
    read = parse(DAY.head(3).assign(country=["DE", Mute(), "NO"]))["country"]
    assert read.isna().tolist() == [False, True, False]
    with pytest.raises(InputError, match=r"'country'.*its first value is a Mute"):
        parse(DAY.head(2).assign(country=[Mute(), Mute()]))


@pytest.mark.parametrize("value", [1e308, 5e-324, -0.0, np.inf])
def test_an_amount_at_the_end_of_floats_is_a_breach_and_no_warning(value: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answered = mls.resilient_system(seed=7).handle(DAY.head(20).assign(amount=value))
    assert answered["quarantine_reason"].notna().all()


# --- labels, and the two pipelines --------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, float, bool, "Int64", "object", "int8"])
def test_labels_of_any_type_are_the_same_labels(kind: object) -> None:
    requests, labels = HISTORY
    written = labels.assign(label=labels["label"].astype(kind))  # type: ignore[call-overload]
    table = assert_alike(requests, written)
    pd.testing.assert_frame_equal(table, offline(requests, labels))


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("label", "fraud", "label 'fraud' is neither 0 nor 1"),
        ("label", 2, "label 2 is neither 0 nor 1"),
        ("label_time", None, "label_time is missing or illegible in row"),
        ("label_time", "03/04/2025", "label_time is missing or illegible in row"),
    ],
)
def test_a_label_that_says_nothing_is_named(column: str, value: object, sentence: str) -> None:
    requests, labels = HISTORY
    spoiled = labels[column].astype(object)
    spoiled.iloc[3] = value
    assert sentence in str(assert_alike(requests, labels.assign(**{column: spoiled})))


DRESSES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "as it is": lambda column: column,
    "object": lambda column: column.astype(object),
    "text": lambda column: column.astype(str),
    "from CSV": lambda column: pd.read_csv(io.StringIO(column.to_csv(index=False))).iloc[:, 0],
    "float": lambda column: column.astype("float64"),
    "nullable": lambda column: column.astype("Int64").mask(column.index % 7 == 0),
    "aware": lambda column: column.dt.tz_localize("UTC").dt.tz_convert("Europe/Oslo"),
    "milliseconds": lambda column: column.astype("int64"),
    "nanoseconds": lambda column: column.astype("datetime64[ns]"),
    "day first": lambda column: column.dt.strftime("%d.%m.%Y"),
    "gaps": lambda column: column.astype(object).where(column.index % 5 != 0, None),
}
COLUMNS = [*PAYMENTS.columns, "label", "label_time"]


def dressed(seed: int) -> tuple[dict[str, str], pd.DataFrame, pd.DataFrame]:
    """A history whose columns come in some other types, in another order, with repeated labels."""
    luck = np.random.default_rng(seed)
    requests, labels = (frame.reset_index(drop=True) for frame in HISTORY)
    if luck.random() < 0.5:
        requests = requests.sample(frac=1, random_state=seed)
    if luck.random() < 0.5:
        labels = pd.concat([labels, labels.sample(30, random_state=seed)], ignore_index=True)
    dresses = {
        str(name): str(luck.choice(list(DRESSES)))
        for name in luck.choice(COLUMNS, luck.integers(1, 5), replace=False)
    }
    if dresses.get("arrival_time") == "gaps":  # weeks behind its event: memory has let go of that
        dresses.pop("arrival_time")
    for name, dress in dresses.items():
        frame = requests if name in requests else labels
        with suppress(TypeError, ValueError, AttributeError):  # no such dress for this column
            frame[name] = DRESSES[dress](frame[name]).set_axis(frame.index)
    return dresses, requests, labels


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_both_pipelines_read_the_same_frames_the_same_way(seed: int) -> None:
    """Over dtypes, text, zones, nullable integers, gaps, order and duplicated labels."""
    dresses, requests, labels = dressed(seed)
    try:
        assert_alike(requests, labels)
    except AssertionError as error:
        raise AssertionError(f"{dresses}: {error}") from None
