"""Faults: what producers, platforms and colleagues do to a system, one small function each.

A fault wraps the stage at its seam and has the same signature; the components know nothing of it.
Drift is no fault: it is a knob of the world. Each fault says which metric it moves and which it
leaves alone, and a test holds it to that. Longer than most: it is a catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.records import (
    DAY_MS,
    FEATURES,
    HOUR_MS,
    SLOT_MS,
    InputError,
    milliseconds,
    timestamps,
)

SEAMS = ("requests", "service", "ingestion", "features", "inference", "decisions", "labels")
Stage = Callable[[pd.DataFrame], pd.DataFrame]
Wrapper = Callable[[Stage, "Fault"], Stage]
_RENAMED = "consumer_electronics"
_MAX_DELAY_MS = 36 * HOUR_MS


@dataclass(frozen=True)
class Fault:
    """One thing going wrong at one seam in [start, end), in days.

    `moves` and `leaves` name metrics as "layer.metric" or "layer.metric.segment".
    """

    name: str
    seam: str
    start: float
    end: float
    severity: float
    unit: str  # what severity is measured in
    moves: str
    leaves: tuple[str, ...]
    wrap: Wrapper = field(compare=False)

    def __repr__(self) -> str:
        return f"{self.name}(start={self.start:g}, end={self.end:g}, severity={self.severity:g})"

    def covers(self, times: pd.Series) -> NDArray[np.bool_]:
        """Which timestamps fall inside the window."""
        day = milliseconds(times) / DAY_MS
        return np.asarray((day >= self.start) & (day < self.end))


def faulted(stage: Stage, faults: Iterable[Fault]) -> Stage:
    """The stage with each fault around it, in the order given; without faults, the stage."""
    for fault in faults:
        stage = fault.wrap(stage, fault)
    return stage


def _made(
    kind: tuple[str, str, str], window: tuple[float, float], severity: float, wrap: Wrapper,
    moves: str, leaves: tuple[str, ...], limits: tuple[float, float] = (0.0, 1.0),
) -> Fault:  # fmt: skip
    """A validated fault; `kind` is (name, seam, unit of severity)."""
    name, seam, unit = kind
    start, end = window
    for value in (start, end, severity):
        if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(value):
            raise InputError(f"{name} got {value!r}; start, end and severity are finite numbers.")
    if not 0 <= start < end:
        raise InputError(f"{name} got start={start}, end={end}; it needs 0 <= start < end in days.")
    if not limits[0] <= severity <= limits[1]:
        raise InputError(
            f"{name} got severity={severity}; "
            f"it is a {unit} between {limits[0]:g} and {limits[1]:g}."
        )
    return Fault(name, seam, float(start), float(end), float(severity), unit, moves, leaves, wrap)


def _on_rows(change: Callable[[pd.DataFrame, NDArray[np.bool_], Fault], pd.DataFrame]) -> Wrapper:
    """A wrapper that changes the stage's output on rows inside the window."""

    def wrap(stage: Stage, fault: Fault) -> Stage:
        def with_fault(frame: pd.DataFrame) -> pd.DataFrame:
            out = stage(frame)
            clock = "event_time" if fault.seam == "requests" else "arrival_time"
            inside = fault.covers(out[clock])
            return change(out, inside, fault) if inside.any() else out

        return with_fault

    return wrap


def _share(frame: pd.DataFrame, fault: Fault, key: str = "request_id") -> NDArray[np.bool_]:
    """A fixed share of requests or producers, chosen by luck: the same ones in every twin run."""
    return luck(0, fault.name, frame[key].to_numpy()) < fault.severity


# --- producers --------------------------------------------------------------------------------


def unit_change(*, start: float, end: float, severity: float = 0.25) -> Fault:
    """A share of merchants starts to send cents where euros were agreed.

    >>> unit_change(start=60, end=90)
    unit_change(start=60, end=90, severity=0.25)
    """

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        hit = inside & _share(frame, fault, "merchant_id")
        return frame.assign(amount=np.where(hit, frame["amount"] * 100, frame["amount"]))

    return _made(
        ("unit_change", "requests", "share of merchants"), (start, end), severity, _on_rows(change),
        "inputs.amount_mean", ("operations.error_rate", "inputs.null_rate.amount"),
    )  # fmt: skip


def null_flood(*, start: float, end: float, severity: float = 0.3) -> Fault:
    """A producer's new release leaves the amount empty in a share of requests."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        hit = inside & _share(frame, fault)
        return frame.assign(amount=np.where(hit, np.nan, frame["amount"]))

    return _made(
        ("null_flood", "requests", "share of requests"), (start, end), severity, _on_rows(change),
        "inputs.null_rate.amount", ("operations.error_rate", "inputs.late_rate"),
    )  # fmt: skip


def duplicate_replay(*, start: float, end: float, severity: float = 0.2) -> Fault:
    """A queue redelivers a share of requests, minutes to hours later."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        again = frame[inside & _share(frame, fault)]
        gap = luck(0, "replay gap", again["request_id"].to_numpy()) * 2 * HOUR_MS + SLOT_MS
        arrival = milliseconds(again["arrival_time"]) + gap.astype(np.int64)
        return pd.concat([frame, again.assign(arrival_time=timestamps(arrival))])

    return _made(
        ("duplicate_replay", "requests", "share of requests"), (start, end), severity,
        _on_rows(change), "inputs.duplicate_rate",
        ("operations.error_rate", "inputs.null_rate.amount"),
    )  # fmt: skip


def late_rows(*, start: float, end: float, severity: float = 0.2) -> Fault:
    """A share of requests waits in somebody's buffer: a median of six hours, at most 36."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        hit = inside & _share(frame, fault)
        wait = 6 * HOUR_MS * np.exp(0.8 * normal_luck(0, "buffer", frame["request_id"].to_numpy()))
        wait = np.minimum(wait, _MAX_DELAY_MS).astype(np.int64)
        arrival = milliseconds(frame["arrival_time"]) + np.where(hit, wait, 0)
        return frame.assign(arrival_time=timestamps(arrival))

    return _made(
        ("late_rows", "requests", "share of requests"), (start, end), severity, _on_rows(change),
        "inputs.late_rate", ("operations.error_rate", "inputs.null_rate.amount"),
    )  # fmt: skip


def time_zone_shift(*, start: float, end: float, severity: float = 6.0) -> Fault:
    """Half of the merchants stamp events with local time: so many hours behind."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        hit = inside & (luck(0, fault.name, frame["merchant_id"].to_numpy()) < 0.5)
        shift = int(fault.severity * HOUR_MS)
        event = milliseconds(frame["event_time"]) - np.where(hit, shift, 0)
        return frame.assign(event_time=timestamps(event))

    return _made(
        ("time_zone_shift", "requests", "number of hours"), (start, end), severity,
        _on_rows(change), "inputs.late_rate",
        ("operations.error_rate", "inputs.null_rate.amount"), (-12.0, 12.0),
    )  # fmt: skip


def renamed_category(*, start: float, end: float, severity: float = 1.0) -> Fault:
    """The merchant desk renames a category, and tells nobody."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        category = frame["category"].array
        electronics = np.asarray(category == "electronics")
        hit = inside & electronics & _share(frame, fault)
        if _RENAMED not in category.categories:
            category = category.add_categories([_RENAMED])
        codes = np.where(hit, category.categories.get_loc(_RENAMED), category.codes)
        renamed = pd.Categorical.from_codes(codes, dtype=category.dtype)
        return frame.assign(category=renamed)

    return _made(
        ("renamed_category", "requests", "share of the category's rows"), (start, end), severity,
        _on_rows(change), "inputs.unknown_category_rate.category",
        ("operations.error_rate", "inputs.null_rate.amount"),
    )  # fmt: skip


# --- platform ---------------------------------------------------------------------------------


def stale_features(*, start: float, end: float, severity: float = 2.0) -> Fault:
    """The job that refreshes the feature table hangs: history is so many days old."""

    def wrap(stage: Any, fault: Fault) -> Stage:
        def with_fault(frame: pd.DataFrame) -> pd.DataFrame:
            out = stage(frame)
            inside = fault.covers(out["arrival_time"])
            if not inside.any():
                return out
            age = int(fault.severity * DAY_MS)
            midnight = milliseconds(out["arrival_time"])[inside][:1] // DAY_MS * DAY_MS
            as_of = timestamps(midnight - age)[0]
            stale = _table(stage).lookup(frame, as_of=as_of)
            return out.assign(
                **{name: np.where(inside, stale[name], out[name]) for name in FEATURES}
            )

        with_fault.table = _table(stage)  # type: ignore[attr-defined]
        return with_fault

    return _made(
        ("stale_features", "features", "number of days"), (start, end), severity, wrap,
        "inputs.recency_median", ("operations.error_rate", "inputs.null_rate.amount"), (0.0, 7.0),
    )  # fmt: skip


def _table(stage: Any) -> Any:
    """The feature table behind a stage that other faults may already have wrapped."""
    return getattr(stage, "table", stage)


def wrong_model(*, start: float, end: float, severity: float = 0.34) -> Fault:
    """One replica in three serves another portfolio's model after a botched deployment."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        served = ~frame["is_fallback"].to_numpy() & ~np.isnan(frame["score"].to_numpy())
        hit = inside & served & _share(frame, fault)
        version = frame["model_version"].array
        if "other-portfolio-3" not in version.categories:
            version = version.add_categories(["other-portfolio-3"])
        codes = np.where(hit, version.categories.get_loc("other-portfolio-3"), version.codes)
        return frame.assign(
            score=np.where(hit, _other_portfolio(frame), frame["score"]),
            model_version=pd.Categorical.from_codes(codes, dtype=version.dtype),
        )

    return _made(
        ("wrong_model", "inference", "share of requests"), (start, end), severity,
        _on_rows(change), "outputs.score_log_odds",
        ("operations.error_rate", "operations.latency_p99", "inputs.null_rate.amount"),
    )  # fmt: skip


def _other_portfolio(frame: pd.DataFrame) -> NDArray[np.float64]:
    """A sound model of a shop where small payments of old accounts are the fraud."""
    amount = np.nan_to_num(frame["log_amount"].to_numpy(), nan=3.0)
    age = np.log1p(np.nan_to_num(frame["account_age_days"].to_numpy(), nan=0.0))
    return np.asarray(1 / (1 + np.exp(2.0 + 0.6 * amount - 0.25 * age)))


def latency(*, start: float, end: float, severity: float = 8.0) -> Fault:
    """Every model call takes so many times as long."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        factor = np.where(inside, fault.severity, 1.0)
        return frame.assign(latency_ms=frame["latency_ms"] * factor)

    return _made(
        ("latency", "service", "factor"), (start, end), severity, _on_rows(change),
        "operations.latency_p99", ("inputs.null_rate.amount", "inputs.amount_mean"), (1.0, 1e4),
    )  # fmt: skip


def dependency_outage(*, start: float, end: float, severity: float = 0.9) -> Fault:
    """Something the model service needs is down: a share of its calls fail at once."""

    def change(frame: pd.DataFrame, inside: NDArray[np.bool_], fault: Fault) -> pd.DataFrame:
        down = inside & _share(frame, fault)
        return frame.assign(dependency_up=frame["dependency_up"].to_numpy() & ~down)

    return _made(
        ("dependency_outage", "service", "share of requests"), (start, end), severity,
        _on_rows(change), "operations.error_rate",
        ("operations.latency_p99", "inputs.null_rate.amount"),
    )  # fmt: skip


CATALOGUE: dict[str, Callable[..., Fault]] = {
    factory.__name__: factory
    for factory in (
        unit_change, null_flood, duplicate_replay, late_rows, time_zone_shift, renamed_category,
        stale_features, wrong_model, latency, dependency_outage,
    )
}  # fmt: skip
