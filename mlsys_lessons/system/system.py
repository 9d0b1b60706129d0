"""The system: five components wired into one pipeline, one day at a time.

    ingestion -> features -> [service] inference -> decisions         handle: any batch size
    held rows get their final action                                  close: the day's last word
    labels, risk tables, prices, monitors, the next model, response   step: over midnight
    one change that somebody asks for                                 apply

The same object runs in a notebook, over months, and behind a server. It never sees a `true_*`
column: reality is kept by simulation/. How the components are chosen is told in presets.py.
Longer than most: a day's whole story stands in one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.ingestion.contract import parse
from mlsys_lessons.components.response import Alert, Mitigation, Signals
from mlsys_lessons.domain import AlertRule, Domain, path
from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.frames import (
    array_of,
    categorical,
    codes,
    extend,
    framed,
    has_action,
    in_arrival_order,
    pile,
    stacked,
    subset,
)
from mlsys_lessons.ids import locate, row_keys
from mlsys_lessons.records import (
    APPROVE,
    BLOCK,
    LAST_TICK,
    REVIEW,
    WRONGED,
    ClosedDay,
    DayFacts,
    News,
    whole_number,
)
from mlsys_lessons.system.faults import Fault, faulted
from mlsys_lessons.system.levers import apply
from mlsys_lessons.system.parts import Parts

DECIDED_BY_DTYPE = pd.CategoricalDtype(("policy", "reviewer", "timeout"))
POLICY, REVIEWER, TIMEOUT = range(3)
NO_NEWS = News()

Stage = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Midnight:
    """What a midnight produced: labels that became known, costs of the day, a new model."""

    tick: int
    labels: pd.DataFrame
    overheads: dict[str, int]  # ledger item -> cents spent
    adopted: str | None = None
    applied: tuple[Mitigation, ...] = ()  # what the responder has changed


@dataclass(repr=False)
class System(Parts):
    """One system of a domain: its components, its memory, its clock.

    Made by `naive_system`, `resilient_system` or `assemble`, changed by `with_`; used by
    `simulate`, or by hand: `handle(frame)` as often as you like, then `step(close(tick))`.
    """

    faults: tuple[Fault, ...] = ()
    closed: ClosedDay | None = field(default=None, repr=False)  # it waits for its midnight
    today: list[pd.DataFrame] = field(default_factory=list, repr=False)  # answered, not closed

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
        is one of the domain's. Raises InputError for a frame that is not one of requests.

        >>> import mlsys_lessons as mls
        >>> world, system = mls.payments_world(seed=7, daily=200), mls.naive_system(seed=7)
        >>> answered = system.handle(world.day(0, world.start()).requests)
        >>> sorted(answered["action"].unique().tolist()) in (["approve"], ["approve", "block"])
        True
        """
        arrived = in_arrival_order(parse(frame, self.domain))
        received = self._stage("ingestion", self.ingestion)(arrived)
        repeated = array_of(received, "is_duplicate")
        if repeated.any():
            fresh = self._decided(received[~repeated])
            decided = stacked([fresh, self._repeated(received[repeated])]).sort_index()
        else:
            decided = self._decided(received)
        pile(self.today, decided)
        return decided

    def _decided(self, received: pd.DataFrame) -> pd.DataFrame:
        """Rows that came for the first time, through the rest of the pipeline."""
        featured = self._stage("features", self.features)(received)
        called = self._stage("service", self.inference.service)(featured)
        scored = self._stage("inference", self.inference)(called)
        decided = self._stage("decisions", self.decisions)(scored)
        self.ingestion.remember(decided)
        return decided

    def _repeated(self, received: pd.DataFrame) -> pd.DataFrame:
        """Rows that came again, with their first answers; no feature is computed again."""
        blank = dict.fromkeys(self.features.adds, np.full(len(received), np.nan))
        called = self._stage("service", self.inference.service)(extend(received, blank))
        return self.ingestion.repeat(called)

    def _stage(self, seam: str, stage: Stage) -> Stage:
        """A stage with the faults of its seam around it."""
        return faulted(stage, [fault for fault in self.faults if fault.seam == seam])

    # --- at midnight ----------------------------------------------------------------------

    def review_picks(self) -> pd.DataFrame:
        """The held rows that people should look at tonight, most valuable first.

        Columns: the row's identity, score, review_value.
        """
        asked = [*self.domain.identity, "score", "review_value"]
        waiting = [(frame, _held(frame)) for frame in self.today]
        held = [subset(frame, asked, rows) for frame, rows in waiting if rows.any()]
        if not held:
            return framed(dict.fromkeys(asked, np.empty(0)))
        rows = stacked(held)
        _, first = np.unique(row_keys(rows, self.domain.identity), return_index=True)
        once = rows if len(first) == len(rows) else rows.iloc[np.sort(first)]
        return self.reviews.picks(once)

    def close(self, tick: int, verdicts: pd.DataFrame | None = None) -> ClosedDay:
        """End a day: give every held row its final action, by the reviewers' verdicts.

        `verdicts` (identity, label, minutes) answer the `review_picks`; a held row that nobody
        reached is approved. Raises StateError for a day that is over, or while another waits for
        its midnight.
        """
        whole_number("tick", tick, 0, LAST_TICK)
        if self.closed is not None:
            raise StateError(f"day {self.closed.tick} is closed; give it to step first.")
        if self.last_tick is not None and tick <= self.last_tick:
            raise StateError(f"tick {tick} is over; the next to close is {self.last_tick + 1}.")
        if not self.today:
            self.handle(_no_requests(self.domain))
        log = stacked(self.today)
        held = np.flatnonzero(_held(log))
        verdicts = _no_verdicts(self.domain) if verdicts is None else verdicts
        log = extend(log, self._final(log, held, verdicts))
        self.today = []
        self.closed = ClosedDay(tick, self.ingestion.complete(log), verdicts, len(held))
        return self.closed

    def _final(
        self, log: pd.DataFrame, held: NDArray[np.intp], verdicts: pd.DataFrame
    ) -> dict[str, object]:
        """Held rows: the reviewer's word, or approval when nobody reached them."""
        action = codes(array_of(log, "action")).copy()
        decided = np.full(len(log), POLICY, dtype=np.int8)
        if len(held):
            identity = self.domain.identity
            place = locate(row_keys(log, identity)[held], row_keys(verdicts, identity))
            words = np.append(array_of(verdicts, "label"), 0)  # the last: nobody has said one
            action[held] = np.where(words[place] == 1, BLOCK, APPROVE)
            decided[held] = np.where(place < 0, TIMEOUT, REVIEWER)
        return {
            "final_action": categorical(action, self.domain.action_dtype),
            "decided_by": categorical(decided, DECIDED_BY_DTYPE),
        }

    def step(self, day: ClosedDay | int, news: News = NO_NEWS) -> Midnight:
        """Over midnight: labels mature, risks refresh, models learn, monitors look.

        `day` is what `close` returned; a tick closes its day first, when nobody reviews. Raises
        StateError for a day that this system has not closed, or has taken over midnight already.
        """
        day = day if isinstance(day, ClosedDay) else self.close(day)
        if day is not self.closed:
            raise StateError(f"day {day.tick} is not the one that was closed; close(tick) it here.")
        waiting = has_action(day.firsts, APPROVE, "final_action")
        self.labels.remember(day.tick, day.firsts, waiting)
        labels = self.labels.step(day.tick, day.verdicts, self._heard(news.reports))
        harm, read = array_of(labels, "label") == 1, ("tick", *self.domain.risks)
        self.features.step(day.tick, subset(labels, read, harm))
        for stage in (self.ingestion, self.inference, self.decisions):
            stage.step(day)
        answered = self.inference.registry.champion
        registry, measured = self.inference.registry, self.monitor.today
        adopted = self.retraining.step(day, self.labels, registry, measured)
        facts = DayFacts(day.tick, news.books_cents, labels, day.held, len(day.verdicts))
        self.monitor.look(day.tick, day.log, facts)
        applied = self._respond(day.tick, int(np.count_nonzero(waiting)), news)
        if self.inference.registry.champion is not answered:
            self.monitor.expect_new_model()
        self.last_tick, self.closed = day.tick, None
        return Midnight(day.tick, labels, self.overheads(day), adopted, applied)

    def _respond(self, tick: int, accepted: int, news: News) -> tuple[Mitigation, ...]:
        """Let people notice, hear what they found, and do what the responder asks for."""
        response = self.response
        alerts = tuple(_alert(rule, alert) for rule, alert in self.monitor.fired)
        friction, heard = self.domain.costs.friction, news.reports
        refused = -news.books_cents.get(self.domain.items[WRONGED], 0)
        response.notice(tick, Signals(
            alerts=alerts,
            new=frozenset(path(r.layer, r.metric, r.segment) for r in self.monitor.opened),
            disputes=0 if heard is None else int((array_of(heard, "label") == 1).sum()),
            accepted=accepted,
            calls=refused // friction if friction else 0,
            tips=news.tips,
            watched=self.monitor.resilient,
        ))  # fmt: skip
        response.hear(tick, news.findings)
        seen = response.observe(tick, alerts, self.monitor.today, self.in_force)
        asked = response.answer(seen)
        for mitigation in asked:
            self.apply(mitigation)
        response.file(tick, asked)
        return asked

    def apply(self, mitigation: Mitigation) -> bool:
        """Change the running system, from the next request on; whether anything changed.

        The one door for change while a system runs. What is in force stays so until its `undo()`;
        what asks others to act (an owner, the warehouse) changes nothing here. Raises InputError
        for a field or a source that this domain does not have.

        >>> import mlsys_lessons as mls
        >>> system, amount = mls.resilient_system(seed=7), mls.response.quarantine("amount")
        >>> system.apply(amount), system.features.untrusted, system.apply(amount.undo())
        (True, frozenset({'amount'}), True)
        """
        if not isinstance(mitigation, Mitigation):
            raise InputError(
                f"{mitigation!r} is no mitigation; make one with response.roll_back()."
            )
        return apply(self, mitigation)

    def _heard(self, reports: pd.DataFrame | None) -> pd.DataFrame | None:
        """The reports as they come in, through the faults of their seam."""
        if reports is None or not len(reports):
            return reports
        return self._stage("labels", lambda frame: frame)(reports)

    # --- before day 0 --------------------------------------------------------------------------

    def warm(self, requests: pd.DataFrame, labels: pd.DataFrame) -> None:
        """Take in a history in which everything was approved: features and labels, no scores."""
        self.ingestion.warm(requests)
        self.features.warm(requests, labels)
        self.labels.warm(requests, labels)

    def reveal(self, truth: pd.DataFrame, midnight: Callable[[], Any] | None = None) -> None:
        """Show the truth to a reference model; every other model stays in the dark.

        One that reads received rows (`watch`) gets what the world knows at midnight instead, and
        the faults: a stale table makes it as old.
        """
        model: Any = self.inference.registry.model
        if hasattr(model, "watch") and midnight is not None:
            model.watch(midnight(), self.faults)
        elif self.inference.registry.truth_column:
            model.reveal(truth)

    def install(self, faults: Iterable[Fault]) -> None:
        """Put faults around the stages; components stay as they are."""
        self.faults = tuple(faults)


def _alert(rule: AlertRule, row: tuple[Any, ...]) -> Alert:
    """A monitor's alert as a responder sees it."""
    line = tuple(Mitigation(name, value or None) for name, value in rule.runbook)
    _, layer, metric, segment, value, threshold, severity, owner = row
    return Alert(layer, metric, segment, value, threshold, severity, owner, line)


def _held(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows wait for a reviewer."""
    return has_action(frame, REVIEW) & ~array_of(frame, "is_duplicate")


def _no_verdicts(domain: Domain) -> pd.DataFrame:
    """Nobody has reviewed anything."""
    ids = {name: np.empty(0, np.int64) for name in domain.identity}
    return framed({**ids, "label": np.empty(0, np.int8), "minutes": np.empty(0)})


def _no_requests(domain: Domain) -> pd.DataFrame:
    """An empty frame of requests: a day on which nobody came."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in domain.columns})
