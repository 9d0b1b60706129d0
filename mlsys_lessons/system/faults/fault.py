"""What a fault is, and how it is put around a stage; what can go wrong stands in its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import PARTS
from mlsys_lessons.components.response import Mitigation
from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import DAY_MS, milliseconds

# The producers, each stage of the pipeline, what a model call meets, and what people report.
SEAMS = ("requests", *PARTS[:-1], "service", "labels")
CLOCKS = {"requests": "event_time", "labels": "label_time"}  # elsewhere the arrival time counts
Stage = Callable[[pd.DataFrame], pd.DataFrame]
Wrapper = Callable[[Stage, "Fault"], Stage]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Fault:
    """One thing going wrong at one seam in [start, end), in days; end is inf until it is ended.

    A fault that is given an `end` ends then, whoever notices. Without one it lasts until somebody
    does one of its `remedies`: what these are, only reality knows.

    `moves` and `leaves` name metrics as "layer.metric" or "layer.metric.segment". A component that
    answers the fault may hide it from `moves`: that is what its resilient level is for.
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
    remedies: tuple[Mitigation, ...] = ()
    open_ended: bool = False

    def __repr__(self) -> str:
        end = f", end={self.end:g}" if np.isfinite(self.end) else ""
        return f"{self.name}(start={self.start:g}{end}, severity={self.severity:g})"

    def ended_by(self, mitigation: Mitigation, domain: Domain) -> bool:
        """Whether a mitigation is what truly ends it: a field and its owner are one source."""
        if mitigation.undone:
            return False
        if mitigation.name != "ask_owner":
            return mitigation in self.remedies
        asked = {domain.owner_of(str(r.value)) for r in self.remedies if r.name == "ask_owner"}
        return domain.owner_of(str(mitigation.value)) in asked

    def covers(self, times: NDArray[np.datetime64] | pd.Series) -> Mask:
        """Which timestamps fall inside the window."""
        day = milliseconds(times) / DAY_MS
        return np.asarray((day >= self.start) & (day < self.end))

    def elapsed_ms(self, times: NDArray[np.datetime64] | pd.Series) -> NDArray[np.float64]:
        """Milliseconds from the start of the window to each timestamp; 0 before it."""
        return np.maximum(milliseconds(times) - self.start * DAY_MS, 0.0)


def faulted(stage: Stage, faults: Iterable[Fault]) -> Stage:
    """The stage with each fault around it, in the order given; without faults, the stage."""
    for fault in faults:
        stage = fault.wrap(stage, fault)
    return stage


def made(
    kind: tuple[str, str, str], window: tuple[float, float | None], severity: float, wrap: Wrapper,
    moves: str, leaves: tuple[str, ...], limits: tuple[float, float] = (0.0, 1.0), *,
    remedies: tuple[Mitigation, ...],
) -> Fault:  # fmt: skip
    """A validated fault; `kind` is (name, seam, unit of severity); `window` may have no end."""
    name, seam, unit = kind
    start, end = window
    given: list[float] = [start, severity, *([] if end is None else [end])]
    for value in given:
        if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(value):
            raise InputError(f"{name} got {value!r}; start, end and severity are finite numbers.")
    last = np.inf if end is None else float(end)
    if not 0 <= start < last:
        raise InputError(f"{name} got start={start}, end={end}; it needs 0 <= start < end in days.")
    if not limits[0] <= severity <= limits[1]:
        raise InputError(
            f"{name} got severity={severity}; "
            f"it is a {unit} between {limits[0]:g} and {limits[1]:g}."
        )
    numbers = float(start), last, float(severity)
    return Fault(name, seam, *numbers, unit, moves, leaves, wrap, remedies, end is None)


def on_stage(change: Callable[[pd.DataFrame, Mask, Fault, Any], pd.DataFrame]) -> Wrapper:
    """A wrapper that changes the stage's output on rows inside the window.

    `change` is also given the stage itself, whatever other faults stand around it: how a stage does
    without what it needs is for its own level to say.
    """

    def wrap(stage: Any, fault: Fault) -> Stage:
        bare = getattr(stage, "bare", stage)

        def with_fault(frame: pd.DataFrame) -> pd.DataFrame:
            out = stage(frame)
            inside = fault.covers(array_of(out, CLOCKS.get(fault.seam, "arrival_time")))
            return change(out, inside, fault, bare) if inside.any() else out

        with_fault.bare = bare  # type: ignore[attr-defined]
        return with_fault

    return wrap


def on_rows(change: Callable[[pd.DataFrame, Mask, Fault], pd.DataFrame]) -> Wrapper:
    """A wrapper for a change that is the same whatever the stage is."""
    return on_stage(lambda frame, inside, fault, _: change(frame, inside, fault))


def share(frame: pd.DataFrame, fault: Fault, key: str = "request_id") -> Mask:
    """A fixed share of requests or producers, chosen by luck: the same ones in every twin run."""
    return luck(0, fault.name, array_of(frame, key)) < fault.severity


def replaced(frame: pd.DataFrame, hit: Mask, values: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with other `values` in their columns, on the rows that were hit."""
    return frame.assign(**{name: np.where(hit, values[name], frame[name]) for name in values})
