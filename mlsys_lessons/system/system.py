"""The system: five components wired into one pipeline, one day at a time.

    service -> ingestion -> features -> inference -> decisions        (handle: any batch size)
    review verdicts, labels, monitors, retraining                     (close_day and step: edges)

The same object runs in a notebook, over months, and behind a server. It never sees a `true_*`
column: reality is kept by simulation.py. How the components are chosen is told in presets.py.
Longer than most: it is the one place where all the parts meet.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.decisions import BLOCK, REVIEW, CostDecisions, ScoreCut
from mlsys_lessons.components.features.online import BatchFeatures, OnlineFeatures
from mlsys_lessons.components.feedback.labels import LabelQueue
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy, TrainingStore, challenge
from mlsys_lessons.components.feedback.reviews import ReviewQueue
from mlsys_lessons.components.inference.models import PerfectModel
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.inference.service import Service
from mlsys_lessons.components.inference.stages import BareInference, LadderInference
from mlsys_lessons.components.ingestion.contract import parse
from mlsys_lessons.components.ingestion.idempotency import DEDUP_DAYS, Answers
from mlsys_lessons.components.ingestion.stages import ContractIngestion, ParsingIngestion
from mlsys_lessons.components.monitoring import Monitor, OperationsOnly
from mlsys_lessons.frames import categorical, extend, pile, stacked
from mlsys_lessons.records import DayFacts, StateError, milliseconds, whole_number
from mlsys_lessons.system.faults import Fault, faulted
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, COSTS, FEATURES, SOURCE_DTYPE, Costs

DECIDED_BY_DTYPE = pd.CategoricalDtype(("policy", "reviewer", "timeout"))
_POLICY, _REVIEWER, _TIMEOUT = range(3)
YEAR_DAYS = 365


@dataclass(frozen=True)
class Edge:
    """What a tick edge produced: labels that became known, costs of the day, a new model."""

    tick: int
    labels: pd.DataFrame
    overheads: dict[str, int]  # ledger item -> cents spent
    adopted: str | None = None


@dataclass
class System:
    """One fraud system: its components, its memory, its clock.

    Made by `naive_system`, `resilient_system` or `assemble`; used by `simulate`, or by hand:
    `handle(frame)` as often as you like, then `step(tick)` at midnight.
    """

    name: str
    seed: int
    levels: frozenset[str]
    ingestion: ParsingIngestion | ContractIngestion
    features: OnlineFeatures | BatchFeatures
    inference: BareInference | LadderInference
    decisions: ScoreCut | CostDecisions
    monitor: Monitor | OperationsOnly
    retraining: RetrainingPolicy | None
    store: TrainingStore
    service: Service
    costs: Costs = COSTS
    charged: bool = True  # reference systems pay no upkeep
    labels: LabelQueue = field(default_factory=LabelQueue)
    reviews: ReviewQueue = field(default_factory=ReviewQueue)
    answers: Answers = field(default_factory=lambda: Answers(days=DEDUP_DAYS))
    faults: tuple[Fault, ...] = ()
    last_tick: int | None = None
    _today: list[pd.DataFrame] = field(default_factory=list, repr=False)
    _closed: pd.DataFrame | None = field(default=None, repr=False)
    _verdicts: pd.DataFrame | None = field(default=None, repr=False)
    _books: dict[str, int] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        levels = ", ".join(name for name in COMPONENTS if name in self.levels) or "none"
        return (
            f"System({self.name!r}, model {self.inference.registry.champion.label!r}, "
            f"resilient: {levels}; last tick {self.last_tick})"
        )

    # --- inside a tick -------------------------------------------------------------------------

    def handle(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Answer a batch of requests of any size; one row in, one row out.

        Returns the rows in arrival order, indexed by row_id, with every stage's columns; `action`
        is approve, review or block. Raises InputError for a frame that is not one of requests.

        >>> import mlsys_lessons as mls
        >>> world, system = mls.payments_world(seed=7, daily=200), mls.naive_system(seed=7)
        >>> answered = system.handle(world.day(0, world.start()).requests)
        >>> sorted(answered["action"].unique().tolist()) in (["approve"], ["approve", "block"])
        True
        """
        arrived = _in_arrival_order(parse(frame))
        served = self._stage("service", self.service)(arrived)
        received = self._stage("ingestion", self.ingestion)(served)
        repeated = received["is_duplicate"].to_numpy()
        if repeated.any():
            decided = self._with_repeats(received, repeated)
        else:
            decided = self._decide(received)
        pile(self._today, decided)
        return decided

    def _decide(self, received: pd.DataFrame) -> pd.DataFrame:
        featured = self._stage("features", self.features)(received)
        scored = self._stage("inference", self.inference)(featured)
        decided = self._stage("decisions", self.decisions)(scored)
        if isinstance(self.ingestion, ContractIngestion):
            self.answers.remember(decided)
        return decided

    def _with_repeats(self, received: pd.DataFrame, repeated: NDArray[np.bool_]) -> pd.DataFrame:
        fresh = self._decide(received[~repeated])
        return stacked([fresh, self.answers.repeat(received[repeated])]).sort_index()

    def _stage(
        self, seam: str, stage: Callable[[pd.DataFrame], pd.DataFrame]
    ) -> Callable[[pd.DataFrame], pd.DataFrame]:
        """A stage with the faults of its seam around it."""
        return faulted(stage, [fault for fault in self.faults if fault.seam == seam])

    # --- at the tick edge ----------------------------------------------------------------------

    def review_picks(self) -> pd.DataFrame:
        """The held payments that people should look at tonight, most valuable first."""
        asked = ["request_id", "score", "review_value"]
        rows = [(frame, _held(frame)) for frame in self._today]
        held = [frame.loc[waits, asked] for frame, waits in rows if waits.any()]
        if not held:
            return pd.DataFrame(columns=asked)
        return self.reviews.picks(pd.concat(held).drop_duplicates("request_id"))

    def receive(
        self,
        *,
        verdicts: pd.DataFrame | None = None,
        reports: pd.DataFrame | None = None,
        books: dict[str, int] | None = None,
    ) -> None:
        """Take in what people said since the last edge: it is filed at the next one."""
        if verdicts is not None:
            self._verdicts = verdicts
            today = np.full(len(verdicts), 0 if self.last_tick is None else self.last_tick + 1)
            self.labels.receive(_sourced(verdicts.assign(event_tick=today), 0))
        if reports is not None:
            self.labels.receive(_sourced(reports, 1))
        if books is not None:
            self._books = books

    def close_day(self, tick: int) -> pd.DataFrame:
        """Give every held payment its final action and return the day's complete log."""
        whole_number("tick", tick, 0, 1_095)
        if self.last_tick is not None and tick <= self.last_tick:
            raise StateError(f"tick {tick} is over; the next edge is {self.last_tick + 1}.")
        frames = self._today or [self.handle(_nothing())]
        closed = stacked(frames)
        closed = extend(closed, self._final(closed))
        if isinstance(self.ingestion, ContractIngestion):
            closed = self.answers.close_day(closed)
        self._today, self._closed = [], closed
        return closed

    def _final(self, closed: pd.DataFrame) -> dict[str, object]:
        """Held rows: the reviewer's word, or approval when nobody reached them."""
        action = closed["action"].cat.codes.to_numpy().copy()
        decided = np.full(len(closed), _POLICY, dtype=np.int8)
        rows = np.flatnonzero(_held(closed))
        if len(rows):
            verdicts = self._verdicts if self._verdicts is not None else _no_verdicts()
            said = verdicts.set_index("request_id")["label"]
            label = said.reindex(closed["request_id"].to_numpy()[rows]).to_numpy(dtype=float)
            action[rows] = np.where(label == 1, BLOCK, 0)
            decided[rows] = np.where(np.isnan(label), _TIMEOUT, _REVIEWER)
        return {
            "final_action": categorical(action, ACTION_DTYPE),
            "decided_by": categorical(decided, DECIDED_BY_DTYPE),
        }

    def step(self, tick: int) -> Edge:
        """Midnight: labels mature, risks refresh, monitors look, models learn."""
        if self._closed is None:
            self.close_day(tick)
        closed, self._closed = self._closed, None
        assert closed is not None
        distinct = closed if not closed["is_duplicate"].any() else closed[~closed["is_duplicate"]]
        waiting = distinct["final_action"].cat.codes.to_numpy() == 0
        self.labels.remember(tick, distinct, waiting)
        labels = self.labels.step(tick)
        self.features.step(tick, labels[labels["label"].to_numpy() == 1])
        self.ingestion.audit(tick, closed)
        for stage in (self.ingestion, self.inference, self.decisions):
            stage.step(tick)
        adopted = self._learn(tick, distinct)
        self._look(tick, closed, labels, retrained=adopted is not None)
        overheads = self._overheads(tick, closed)
        self._verdicts, self._books, self.last_tick = None, {}, tick
        return Edge(tick, labels, overheads, adopted)

    def _look(
        self, tick: int, closed: pd.DataFrame, labels: pd.DataFrame, *, retrained: bool
    ) -> None:
        """Let the monitors see the day. They call people; they switch nothing by themselves."""
        held = int(_held(closed).sum())
        reviewed = 0 if self._verdicts is None else len(self._verdicts)
        facts = DayFacts(tick, dict(self._books), labels, held, reviewed, retrained)
        self.monitor.look(tick, closed, facts)

    def _learn(self, tick: int, distinct: pd.DataFrame) -> str | None:
        """Fit a challenger when one is due; put it in service if it beats the champion."""
        if self.retraining is None:
            return None
        self.store.remember(tick, distinct)
        champion = self.inference.registry.champion
        if not self.retraining.due(tick) or isinstance(champion.model, PerfectModel):
            return None
        rows = self.store.matured(self.labels, tick, self.retraining.window)
        if not len(rows):
            return None
        challenger = copy.deepcopy(champion.model)  # of the same kind; fit forgets what it learned
        winner = challenge(champion.model, challenger, rows, self.retraining)
        if winner is None:
            return None
        label = f"{winner.name}-{len(self.inference.registry.versions) + 1}"
        self.inference.registry.adopt(ModelVersion(label, winner, fitted_tick=tick + 1))
        return label

    def _overheads(self, tick: int, closed: pd.DataFrame) -> dict[str, int]:
        """What the day cost beyond its payments: people, pages, upkeep."""
        if not self.charged:
            return {}
        costs, held = self.costs, int(_held(closed).sum())
        minutes = 0.0 if self._verdicts is None else float(self._verdicts["minutes"].sum())
        watched = "monitoring" in self.levels
        due = self.retraining is not None and self.retraining.due(tick)
        yearly = len(self.levels) * costs.upkeep_component_year
        if "model" in self.levels:
            yearly += len(FEATURES) * costs.upkeep_feature_year
        return {
            "review": round(minutes * costs.review_minute),
            "delay": held * costs.delay,
            "quarantine": int(closed["is_quarantined"].sum()) * costs.quarantine,
            "page": self.monitor.pages * costs.page,
            "on_call": costs.on_call_day if watched else 0,
            "retraining": costs.retraining if due else 0,
            "upkeep": yearly // YEAR_DAYS,
        }

    # --- before day 0 --------------------------------------------------------------------------

    def warm(self, requests: pd.DataFrame, labels: pd.DataFrame) -> None:
        """Take in a history in which everything was approved: features and labels, no scores."""
        self.ingestion.warm(requests)
        self.features.warm(requests, labels)
        self.labels.warm(requests, labels)

    def staff(self, capacity: int) -> None:
        """Say how many held payments people can look at in a day."""
        self.reviews.capacity = capacity
        if isinstance(self.decisions, CostDecisions):
            self.decisions.capacity = capacity

    def reveal(self, truth: pd.DataFrame) -> None:
        """Show the truth to a reference model; every other model stays in the dark."""
        model = self.inference.model
        if isinstance(model, PerfectModel):
            model.reveal(truth)

    def install(self, faults: Iterable[Fault]) -> None:
        """Put faults around the stages; components stay as they are."""
        self.faults = tuple(faults)


def _held(frame: pd.DataFrame) -> NDArray[np.bool_]:
    held = frame["action"].cat.codes.to_numpy() == REVIEW
    return np.asarray(held & ~frame["is_duplicate"].to_numpy())


def _in_arrival_order(frame: pd.DataFrame) -> pd.DataFrame:
    arrival = milliseconds(frame["arrival_time"])
    if len(arrival) < 2 or bool((arrival[1:] >= arrival[:-1]).all()):
        return frame
    return frame.iloc[np.argsort(arrival, kind="stable")]


def _sourced(labels: pd.DataFrame, source: int) -> pd.DataFrame:
    """Labels with the person they came from: investigator 0, cardholder 1."""
    codes = np.full(len(labels), source, dtype=np.int8)
    named = {name: labels[name].to_numpy() for name in ("request_id", "event_tick", "label")}
    return pd.DataFrame({**named, "source": categorical(codes, SOURCE_DTYPE)})


def _no_verdicts() -> pd.DataFrame:
    return pd.DataFrame({"request_id": np.empty(0, np.int64), "label": np.empty(0, np.int8)})


def _nothing() -> pd.DataFrame:
    """An empty frame of requests: a day on which nobody came."""
    from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

    return pd.DataFrame({name: pd.Series(dtype=object) for name in RAW_COLUMNS})
