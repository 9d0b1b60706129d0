"""Faults of what the system runs on: tables that age or fall silent, models, calls, jobs.

What a stage does without its table, its memory or its replicas is for its own level to say
(`on_timeout`, `after_restart`, `on_spike`, `on_replica_loss`): the fault only says when, and to
which rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.inference.answers import ARTEFACT, VERSION
from mlsys_lessons.components.inference.stages import BareInference
from mlsys_lessons.components.response import ask_owner, rebuild_table, roll_back, scale_out
from mlsys_lessons.frames import array_of
from mlsys_lessons.records import DAY_MS, milliseconds, timestamps
from mlsys_lessons.system.faults.fault import Fault, Mask, made, on_rows, on_stage, replaced, share
from mlsys_lessons.worlds.payments.domain import MODELS, PLATFORM

_OLDEST_TABLE_MS = 21.0 * DAY_MS


def stale_features(*, start: float, end: float | None = None, severity: float = 2.0) -> Fault:
    """The job that refreshes the feature table hangs: history is so many days old.

    With an `end` it stays as old as that; without one it is never refreshed again and grows older,
    up to three weeks: further back no table of a month can be told from an empty one.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault, table: Any) -> pd.DataFrame:
        midnight = milliseconds(array_of(frame, "arrival_time"))[inside][:1] // DAY_MS * DAY_MS
        older = (midnight - fault.start * DAY_MS) * fault.open_ended
        age = np.minimum(fault.severity * DAY_MS + np.maximum(older, 0), _OLDEST_TABLE_MS)
        stale = table.on_stale(frame, timestamps((midnight - age).astype(np.int64))[0])
        return replaced(frame, inside, stale)

    return made(
        ("stale_features", "features", "number of days"), (start, end), severity, on_stage(change),
        "inputs.recency_median", ("operations.error_rate", "inputs.null_rate.amount"), (0.0, 7.0),
        remedies=(rebuild_table(),),
    )  # fmt: skip


def missing_features(*, start: float, end: float | None = None, severity: float = 0.5) -> Fault:
    """The feature store times out: a share of look-ups bring nothing about the customer."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault, table: Any) -> pd.DataFrame:
        fallback = table.on_timeout(frame)
        hit = inside & share(frame, fault)
        return replaced(frame, hit, fallback)

    return made(
        ("missing_features", "features", "share of requests"), (start, end), severity,
        on_stage(change), "inputs.null_rate.history",
        ("operations.error_rate", "operations.latency_p99", "inputs.null_rate.amount"),
        remedies=(scale_out(), ask_owner(PLATFORM)),
    )  # fmt: skip


def cold_start(*, start: float, end: float | None = None, severity: float = 4.0) -> Fault:
    """The feature service is restarted so many times a day, each time with an empty memory.

    A crash loop, an autoscaler or a week of releases: the first restart is at `start`.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault, table: Any) -> pd.DataFrame:
        age_ms = np.mod(fault.elapsed_ms(frame["arrival_time"]), DAY_MS / fault.severity)
        cold, fallback = table.after_restart(frame, age_ms)
        return replaced(frame, inside & cold, fallback)

    return made(
        ("cold_start", "features", "number of restarts a day"), (start, end), severity,
        on_stage(change), "inputs.recency_median",
        ("operations.error_rate", "operations.latency_p99", "inputs.null_rate.amount"),
        (1.0, 96.0),
        remedies=(ask_owner(PLATFORM),),
    )  # fmt: skip


def wrong_model(
    *, start: float, end: float | None = None, severity: float = 0.34,
    reads: tuple[str, str] = ("log_amount", "account_age_days"),
) -> Fault:  # fmt: skip
    """One replica in three serves another portfolio's model after a botched deployment."""

    def change(
        frame: pd.DataFrame, inside: Mask, fault: Fault, stage: BareInference
    ) -> pd.DataFrame:
        hit = inside & _served(frame) & share(frame, fault)
        other = _other_portfolio(frame, *reads)
        return stage.on_unusable(frame, hit, other, "other-portfolio-3", VERSION)

    return made(
        ("wrong_model", "inference", "share of requests"), (start, end), severity,
        on_stage(change), "outputs.score_log_odds",
        ("operations.error_rate", "operations.latency_p99", "inputs.null_rate.amount"),
        remedies=(roll_back(),),
    )  # fmt: skip


def silent_fallback(*, start: float, end: float | None = None, severity: float = 1.0) -> Fault:
    """The model file is corrupt on a share of replicas; every call is answered, with a 200.

    A bare handler swallows the error and returns its default score; a ladder takes the next rung.
    """

    def change(
        frame: pd.DataFrame, inside: Mask, fault: Fault, stage: BareInference
    ) -> pd.DataFrame:
        hit = inside & _served(frame) & share(frame, fault)
        default, label = np.zeros(len(frame)), stage.registry.champion.label
        return stage.on_unusable(frame, hit, default, label, ARTEFACT)

    return made(
        ("silent_fallback", "inference", "share of requests"), (start, end), severity,
        on_stage(change), "operations.fallback_rate",
        ("operations.error_rate", "operations.latency_p99", "inputs.null_rate.amount"),
        remedies=(roll_back(),),
    )  # fmt: skip


def _served(frame: pd.DataFrame) -> Mask:
    """Which rows a model has answered."""
    answered = ~array_of(frame, "is_fallback") & ~np.isnan(array_of(frame, "score"))
    return np.asarray(answered)


def _other_portfolio(frame: pd.DataFrame, size: str, days: str) -> NDArray[np.float64]:
    """A sound model of a shop where small payments of old accounts are the fraud."""
    amount = np.nan_to_num(array_of(frame, size), nan=3.0)
    age = np.log1p(np.nan_to_num(array_of(frame, days), nan=0.0))
    return np.asarray(1 / (1 + np.exp(2.0 + 0.6 * amount - 0.25 * age)))


def latency(*, start: float, end: float | None = None, severity: float = 8.0) -> Fault:
    """Every model call takes so many times as long."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        factor = np.where(inside, fault.severity, 1.0)
        return frame.assign(latency_ms=frame["latency_ms"] * factor)

    return made(
        ("latency", "service", "factor"), (start, end), severity, on_rows(change),
        "operations.latency_p99", ("inputs.null_rate.amount", "inputs.amount_mean"), (1.0, 1e4),
        remedies=(scale_out(), ask_owner(PLATFORM)),
    )  # fmt: skip


def dependency_outage(*, start: float, end: float | None = None, severity: float = 0.9) -> Fault:
    """Something the model service needs is down: a share of its calls fail at once."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        down = inside & share(frame, fault)
        return frame.assign(dependency_up=array_of(frame, "dependency_up") & ~down)

    return made(
        ("dependency_outage", "service", "share of requests"), (start, end), severity,
        on_rows(change), "operations.error_rate",
        ("operations.latency_p99", "inputs.null_rate.amount"),
        remedies=(ask_owner(PLATFORM),),
    )  # fmt: skip


def traffic_spike(*, start: float, end: float | None = None, severity: float = 4.0) -> Fault:
    """A flash sale elsewhere: the shared model service gets so many times its usual calls."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault, service: Any) -> pd.DataFrame:
        elapsed_ms = fault.elapsed_ms(frame["arrival_time"])
        return replaced(frame, inside, service.on_spike(frame, fault.severity, elapsed_ms))

    return made(
        ("traffic_spike", "service", "factor"), (start, end), severity, on_stage(change),
        "operations.error_rate", ("inputs.null_rate.amount", "inputs.amount_mean"), (1.0, 1e3),
        remedies=(scale_out(),),
    )  # fmt: skip


def partial_outage(*, start: float, end: float | None = None, severity: float = 0.5) -> Fault:
    """A zone is lost, and with it a share of the replicas that serve the model."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault, service: Any) -> pd.DataFrame:
        elapsed_ms = fault.elapsed_ms(frame["arrival_time"])
        return replaced(frame, inside, service.on_replica_loss(frame, fault.severity, elapsed_ms))

    return made(
        ("partial_outage", "service", "share of replicas"), (start, end), severity,
        on_stage(change), "operations.error_rate",
        ("inputs.null_rate.amount", "inputs.amount_mean"),
        remedies=(scale_out(), ask_owner(PLATFORM)),
    )  # fmt: skip


def label_job_failure(
    *, start: float, end: float | None = None, severity: float = 0.9, harm: str = "fraud"
) -> Fault:
    """The job that brings the reports home fails quietly: a share of them never arrives.

    Finance pays for these frauds all the same. The system takes the silence for innocence.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        return frame[~(inside & share(frame, fault))]

    return made(
        ("label_job_failure", "labels", "share of reports"), (start, end), severity,
        on_rows(change), f"business.reported_{harm}_rate",
        ("operations.error_rate", "inputs.null_rate.amount", "inputs.amount_mean"),
        remedies=(ask_owner(MODELS),),
    )  # fmt: skip
