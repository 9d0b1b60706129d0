"""The ledger: what each decision earned or cost, to the cent, and what of it is known by when.

It is kept by reality, beside the loop: `entries` accrues every consequence at its request's tick
and sees everything; the books, which the business reads, show an item on the day it becomes known.
sum(entries) = sum(books) + outstanding, to the cent. It decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import categorical
from mlsys_lessons.ids import SeenIds
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import InputError
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, COSTS, Costs

REQUEST_ITEMS = ("margin", "fraud_loss", "fraud_blocked", "friction", "shed_sale")
OVERHEAD_ITEMS = (
    "review", "delay", "quarantine", "page", "on_call", "retraining", "upkeep",
)  # fmt: skip
ITEMS = (*REQUEST_ITEMS, *OVERHEAD_ITEMS)
ITEM_DTYPE = pd.CategoricalDtype(ITEMS)
_MARGIN, _FRAUD_LOSS, _FRAUD_BLOCKED, _FRICTION, _SHED = range(len(REQUEST_ITEMS))
_COMPLAINT_DAYS = 5  # a wrongly blocked customer calls within this many days
_SETTLED_DAYS = 7  # no copy of a request travels longer than this


def effects(
    action: NDArray[np.int8], fraud: NDArray[np.bool_], amount: NDArray[np.int64], costs: Costs
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """The one consequence of each settled request: its item and its cents.

    `action` holds codes of ACTIONS after review (approve, block or shed).

    >>> item, cents = effects(np.array([0, 0, 2]), np.array([False, True, False]),
    ...                       np.array([5_000, 5_000, 5_000]), COSTS)
    >>> [REQUEST_ITEMS[i] for i in item], cents.tolist()
    (['margin', 'fraud_loss', 'friction'], [110, -6500, -500])
    """
    approved, shed = action == 0, action == 3
    item = np.where(fraud, _FRAUD_BLOCKED, _FRICTION).astype(np.int8)
    item[approved & ~fraud], item[approved & fraud] = _MARGIN, _FRAUD_LOSS
    item[shed] = _SHED
    by_item = (
        costs.margin(amount),
        -costs.fraud_loss(amount),
        np.zeros_like(amount),
        np.full_like(amount, -costs.friction),
        np.full_like(amount, -costs.shed),
    )
    return item, np.choose(item, by_item)


def expected_cents(
    action: NDArray[np.int8], fraud: NDArray[np.float64], amount: NDArray[np.int64], costs: Costs
) -> NDArray[np.float64]:
    """Cents to expect from each settled request given its true fraud probability.

    The luck of who was a fraudster is averaged out, so a twin comparison needs fewer seeds.
    """
    good = np.where(action == 0, costs.margin(amount), -costs.friction)
    bad = np.where(action == 0, -costs.fraud_loss(amount), 0)
    return np.where(action == 3, -costs.shed, (1 - fraud) * good + fraud * bad)


@dataclass
class Ledger:
    """Entries, books and what is still outstanding; grows by one day at a time.

    >>> Ledger(seed=0)
    Ledger(0 entries, 0.00 EUR accrued, 0.00 EUR in the books)
    """

    seed: int
    costs: Costs = COSTS
    keep_entries: bool = True
    chunks: list[pd.DataFrame] = field(default_factory=list)
    accrued: int = 0
    booked: list[tuple[int, int, int]] = field(default_factory=list)  # tick, item code, cents
    settled: SeenIds = field(default_factory=lambda: SeenIds(days=_SETTLED_DAYS))
    unreported: dict[int, tuple[int, int]] = field(default_factory=dict)  # id -> loss, margin
    complaints: dict[int, int] = field(default_factory=dict)  # tick -> cents not yet known
    expected: float = 0.0

    def __repr__(self) -> str:
        rows = sum(len(chunk) for chunk in self.chunks)
        books = sum(cents for _, _, cents in self.booked)
        return (
            f"Ledger({rows:,} entries, {self.accrued / 100:,.2f} EUR accrued, "
            f"{books / 100:,.2f} EUR in the books)"
        )

    def settle(self, tick: int, closed: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
        """Accrue one effect for each request that is settled for the first time.

        `closed` is the day's log, `truth` has one row for each of its rows, in the same order.
        Returns what the world reacts to: request_id, final_action and the truth columns.
        """
        repeat = self.settled.add(closed["request_id"].to_numpy())
        self.settled.close_day()
        if repeat.any():
            closed, truth = closed[~repeat], truth[~repeat]
        ids = closed["request_id"].to_numpy()
        action = closed["final_action"].cat.codes.to_numpy()
        fraud, amount = truth["true_label"].to_numpy() == 1, truth["true_amount_cents"].to_numpy()
        item, cents = effects(action, fraud, amount, self.costs)
        self._accrue(tick, ids, item, cents)
        probability = truth["true_probability"].to_numpy()
        self.expected += float(expected_cents(action, probability, amount, self.costs).sum())
        self._book_day(tick, ids, item, cents, self.costs.margin(amount))
        columns = {name: truth[name].to_numpy() for name in truth.columns}
        final = categorical(action, ACTION_DTYPE)
        return pd.DataFrame({"request_id": ids, "final_action": final, **columns}, copy=False)

    def _accrue(
        self, tick: int, ids: NDArray[np.int64], item: NDArray[np.int8], cents: NDArray[np.int64]
    ) -> None:
        self.accrued += int(cents.sum())
        if not self.keep_entries:
            totals = np.bincount(item, minlength=len(ITEMS)), np.zeros(len(ITEMS), np.int64)
            np.add.at(totals[1], item, cents)
            item = np.flatnonzero(totals[0]).astype(np.int8)
            ids, cents = np.full(len(item), -1), totals[1][item]
        self._append(tick, ids, item, cents)

    def _append(
        self, tick: int, ids: NDArray[np.int64], item: NDArray[np.int8], cents: NDArray[np.int64]
    ) -> None:
        day = np.full(len(ids), tick, dtype=np.int32)
        named = categorical(item, ITEM_DTYPE)
        entry = {"tick": day, "request_id": ids, "item": named, "cents": cents}
        self.chunks.append(pd.DataFrame(entry, copy=False))

    def _book_day(
        self,
        tick: int,
        ids: NDArray[np.int64],
        item: NDArray[np.int8],
        cents: NDArray[np.int64],
        margin: NDArray[np.int64],
    ) -> None:
        """Write what the business sees today: every approved payment looks like a sale."""
        fraud = item == _FRAUD_LOSS
        sales = int(cents[item == _MARGIN].sum() + margin[fraud].sum())
        self._book(tick, _MARGIN, sales)
        self._book(tick, _SHED, int(cents[item == _SHED].sum()))
        losses = zip(cents[fraud].tolist(), margin[fraud].tolist(), strict=True)
        self.unreported.update(zip(ids[fraud].tolist(), losses, strict=True))
        angry = ids[item == _FRICTION]
        days = (luck(self.seed, "complaint", angry) * _COMPLAINT_DAYS).astype(np.int64)
        for delay, count in enumerate(np.bincount(days, minlength=1).tolist()):
            due = tick + delay
            self.complaints[due] = self.complaints.get(due, 0) - count * self.costs.friction
        self._book(tick, _FRICTION, self.complaints.pop(tick, 0))

    def report(self, tick: int, ids: NDArray[np.int64]) -> None:
        """Fraud that customers reported today: the sale is taken back, the loss is booked."""
        known = [self.unreported.pop(each) for each in ids.tolist() if each in self.unreported]
        self._book(tick, _FRAUD_LOSS, sum(loss for loss, _ in known))
        self._book(tick, _MARGIN, -sum(margin for _, margin in known))

    def charge(self, tick: int, overheads: dict[str, int]) -> None:
        """Accrue and book the day's overheads (positive cents are costs)."""
        spent = {name: -int(cents) for name, cents in overheads.items() if cents}
        unknown = set(spent) - set(OVERHEAD_ITEMS)
        if unknown:
            raise InputError(f"item {unknown.pop()!r} is not one of {OVERHEAD_ITEMS}.")
        codes = np.array([ITEMS.index(name) for name in spent], dtype=np.int8)
        cents = np.array(list(spent.values()), dtype=np.int64)
        self.accrued += int(cents.sum())
        self.expected += float(cents.sum())
        self._append(tick, np.full(len(codes), -1), codes, cents)
        for code, amount in zip(codes.tolist(), cents.tolist(), strict=True):
            self._book(tick, code, amount)

    def _book(self, tick: int, item: int, cents: int) -> None:
        if cents:
            self.booked.append((tick, item, cents))

    def booked_on(self, tick: int) -> dict[str, int]:
        """What became known on one day, by item."""
        known: dict[str, int] = {}
        for day, item, cents in reversed(self.booked):
            if day != tick:
                break
            known[ITEMS[item]] = known.get(ITEMS[item], 0) + cents
        return known

    @property
    def entries(self) -> pd.DataFrame:
        """tick, request_id (-1 for overheads), item, cents: everything, accrued at its tick."""
        if not self.chunks:
            self._append(0, np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.int64))
        return pd.concat(self.chunks, ignore_index=True)

    @property
    def books(self) -> pd.DataFrame:
        """tick, item, cents: what was known when."""
        rows = np.array(self.booked, dtype=np.int64).reshape(-1, 3)
        item = categorical(rows[:, 1].astype(np.int8), ITEM_DTYPE)
        return pd.DataFrame(
            {"tick": rows[:, 0].astype(np.int32), "item": item, "cents": rows[:, 2]}
        )

    @property
    def outstanding(self) -> int:
        """Cents that have happened and that nobody in the business knows of yet."""
        losses = sum(loss - margin for loss, margin in self.unreported.values())
        return losses + sum(self.complaints.values())
