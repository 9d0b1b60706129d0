"""The ledger: what each decision earned or cost, to the cent, and what of it is known by when.

It is kept by reality, beside the loop: `entries` accrues every consequence at its request's tick
and sees everything; the books, which the business reads, show an item on the day it becomes known.
sum(entries) = sum(books) + outstanding, to the cent. It decides nothing. Longer than most: one
thing seen from three sides (accrued, booked, expected) stands in one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import OVERHEAD_ITEMS, Costs, Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of, categorical, codes, framed
from mlsys_lessons.ids import SeenIds, ascending, locate_sorted, row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import (
    APPROVE,
    GAINED,
    HARMED,
    PREVENTED,
    SHED,
    TURNED_AWAY,
    WRONGED,
    ClosedDay,
    Written,
)
from mlsys_lessons.worlds.payments.domain import PAYMENTS

_COMPLAINT_DAYS = 5  # a wrongly blocked customer calls within this many days
_SETTLED_DAYS = 7  # no copy of a request travels longer than this


def effects(
    action: NDArray[np.int8], harm: NDArray[np.bool_], amount: NDArray[np.int64], costs: Costs
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """The one consequence of each settled row: the code of its item, and its cents.

    `action` holds codes after review (APPROVE, BLOCK or SHED).

    >>> from mlsys_lessons.records import BLOCK
    >>> from mlsys_lessons.worlds.payments.domain import COSTS, ITEMS
    >>> item, cents = effects(np.array([APPROVE, APPROVE, BLOCK]), np.array([False, True, False]),
    ...                       np.array([5_000, 5_000, 5_000]), COSTS)
    >>> [ITEMS[i] for i in item], cents.tolist()
    (['margin', 'fraud_loss', 'friction'], [110, -6500, -500])
    """
    approved = action == APPROVE
    item = np.where(harm, PREVENTED, WRONGED).astype(np.int8)
    item[approved & ~harm], item[approved & harm] = GAINED, HARMED
    item[action == SHED] = TURNED_AWAY
    by_item = (
        costs.margin(amount),
        -costs.loss(amount),
        np.zeros_like(amount),
        np.full_like(amount, -costs.friction),
        np.full_like(amount, -costs.shed),
    )
    return item, np.choose(item, by_item)


def expected_cents(
    action: NDArray[np.int8], harm: NDArray[np.float64], amount: NDArray[np.int64], costs: Costs
) -> NDArray[np.float64]:
    """Cents to expect from each settled row given its true probability of harm.

    The luck of who was a fraudster is averaged out, so a twin comparison needs fewer seeds.
    """
    return _chosen(action, *_either(harm, amount, costs), costs)


def _either(
    harm: NDArray[np.float64], amount: NDArray[np.int64], costs: Costs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cents to expect from accepting each row, and from refusing it."""
    fine = 1 - harm
    return fine * costs.margin(amount) - harm * costs.loss(amount), fine * -costs.friction


def _chosen(
    action: NDArray[np.int8], accepting: NDArray[Any], refusing: NDArray[Any], costs: Costs
) -> NDArray[np.float64]:
    """What each row's own action is worth."""
    chosen = np.where(action == APPROVE, accepting, refusing)
    return np.where(action == SHED, -costs.shed, chosen)


class Expected(NamedTuple):
    """A day in expected cents: settled rows, what they brought with all overheads, the best."""

    rows: int
    earned: float
    best: float  # of accepting and refusing, on the true probability


@dataclass
class Unreported:
    """Accepted harm that nobody has heard of yet: rows, their losses, the sales they looked like.

    >>> waiting = Unreported()
    >>> waiting.add(np.array([7, 3]), np.array([-900, -500]), np.array([20, 10]))
    >>> waiting.pop(np.array([3, 4])), waiting.cents
    ((-500, 10), -920)
    """

    keys: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # sorted
    loss: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    margin: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def add(self, *columns: NDArray[np.int64]) -> None:
        """Take in rows: keys, loss, margin."""
        held = self.keys, self.loss, self.margin
        keys, *money = (np.concatenate(pair) for pair in zip(held, columns, strict=True))
        order = ascending(keys)
        self.keys, self.loss, self.margin = (each[order] for each in (keys, *money))

    def pop(self, keys: NDArray[np.int64]) -> tuple[int, int]:
        """Let go of the rows that are here, whichever else were named: their loss and margin."""
        place = locate_sorted(keys, self.keys)
        heard = np.zeros(len(self.keys), dtype=bool)
        heard[place[place >= 0]] = True
        known = int(self.loss[heard].sum()), int(self.margin[heard].sum())
        held = self.keys, self.loss, self.margin
        self.keys, self.loss, self.margin = (each[~heard] for each in held)
        return known

    @property
    def cents(self) -> int:
        """What the business will have to take back, in cents."""
        return int((self.loss - self.margin).sum())


@dataclass
class Ledger:
    """Entries, books and what is still outstanding; grows by one day at a time.

    >>> Ledger(seed=0)
    Ledger(0 entries, 0.00 EUR accrued, 0.00 EUR in the books)
    """

    seed: int
    domain: Domain = PAYMENTS
    keep_entries: bool = True
    chunks: list[dict[str, NDArray[Any]]] = field(default_factory=list)  # columns of `entries`
    accrued: int = 0
    booked: Written[tuple[int, int, int]] = field(default_factory=Written)  # tick, item code, cents
    settled: SeenIds = field(default_factory=lambda: SeenIds(days=_SETTLED_DAYS))
    unreported: Unreported = field(default_factory=Unreported)
    complaints: dict[int, int] = field(default_factory=dict)  # tick -> cents not yet known
    expected: float = 0.0
    days: Written[Expected] = field(default_factory=Written)  # what each day was to bring

    def __repr__(self) -> str:
        rows = sum(len(chunk["cents"]) for chunk in self.chunks)
        books = sum(cents for _, _, cents in self.booked)
        return (
            f"Ledger({rows:,} entries, {self.accrued / 100:,.2f} EUR accrued, "
            f"{books / 100:,.2f} EUR in the books)"
        )

    def settle(self, day: ClosedDay, truth: pd.DataFrame) -> pd.DataFrame:
        """Accrue one effect for each row that is settled for the first time.

        `truth` has one row for each row of the day's log, in the same order. Returns what the
        world reacts to: identity, final_action and the truth columns.
        """
        log, identity, costs = day.log, self.domain.identity, self.domain.costs
        keys = row_keys(log, identity)
        repeat = self.settled.add(keys)
        self.settled.close_day()
        if repeat.any():
            log, truth, keys = log[~repeat], truth[~repeat], keys[~repeat]
        action = codes(array_of(log, "final_action"))
        harm, amount = array_of(truth, "true_label") == 1, array_of(truth, "true_amount_cents")
        item, cents = effects(action, harm, amount, costs)
        ids = {name: array_of(log, name) for name in identity}
        self._accrue(day.tick, ids, item, cents)
        probability = array_of(truth, "true_probability")
        either = _either(probability, amount, costs)
        earned = float(_chosen(action, *either, costs).sum())
        self.expected += earned
        self.days.append(Expected(len(action), earned, float(np.maximum(*either).sum())))
        self._book_day(day.tick, keys, item, cents, costs.margin(amount))
        columns = {name: array_of(truth, name) for name in truth.columns}
        final = categorical(action, self.domain.action_dtype)
        return framed({**ids, "final_action": final, **columns})

    def _accrue(
        self,
        tick: int,
        ids: Mapping[str, NDArray[np.int64]],
        item: NDArray[np.int8],
        cents: NDArray[np.int64],
    ) -> None:
        self.accrued += int(cents.sum())
        if not self.keep_entries:
            totals = np.zeros(len(self.domain.items), np.int64)
            np.add.at(totals, item, cents)
            item = np.unique(item)
            cents, ids = totals[item], self._nobody(len(item))
        self._append(tick, ids, item, cents)

    def _nobody(self, rows: int) -> dict[str, NDArray[np.int64]]:
        """The identity of entries that belong to no row."""
        return dict.fromkeys(self.domain.identity, np.full(rows, -1))

    def _append(
        self,
        tick: int,
        ids: Mapping[str, NDArray[np.int64]],
        item: NDArray[np.int8],
        cents: NDArray[np.int64],
    ) -> None:
        day = np.full(len(item), tick, dtype=np.int32)
        self.chunks.append({"tick": day, **ids, "item": item, "cents": cents})

    def _book_day(
        self,
        tick: int,
        keys: NDArray[np.int64],
        item: NDArray[np.int8],
        cents: NDArray[np.int64],
        margin: NDArray[np.int64],
    ) -> None:
        """Write what the business sees today: every approved payment looks like a sale."""
        harmed = item == HARMED
        sales = int(cents[item == GAINED].sum() + margin[harmed].sum())
        self._book(tick, GAINED, sales)
        self._book(tick, TURNED_AWAY, int(cents[item == TURNED_AWAY].sum()))
        self.unreported.add(keys[harmed], cents[harmed], margin[harmed])
        angry = keys[item == WRONGED]
        days = (luck(self.seed, "complaint", angry) * _COMPLAINT_DAYS).astype(np.int64)
        for delay, count in enumerate(np.bincount(days, minlength=1).tolist()):
            due = tick + delay
            self.complaints[due] = self.complaints.get(due, 0) - count * self.domain.costs.friction
        self._book(tick, WRONGED, self.complaints.pop(tick, 0))

    def report(self, tick: int, reports: pd.DataFrame) -> None:
        """Harm that was reported today: the sale is taken back, the loss is booked."""
        loss, margin = self.unreported.pop(row_keys(reports, self.domain.identity))
        self._book(tick, HARMED, loss)
        self._book(tick, GAINED, -margin)

    def charge(self, tick: int, overheads: dict[str, int]) -> None:
        """Accrue and book the day's overheads (positive cents are costs)."""
        spent = {name: -int(cents) for name, cents in overheads.items() if cents}
        unknown = set(spent) - set(OVERHEAD_ITEMS)
        if unknown:
            raise InputError(f"item {unknown.pop()!r} is not one of {OVERHEAD_ITEMS}.")
        items = np.array([self._items.index(name) for name in spent], dtype=np.int8)
        cents = np.array(list(spent.values()), dtype=np.int64)
        self.accrued += int(cents.sum())
        self.expected += float(cents.sum())
        if self.days:
            today = self.days[-1]
            self.days[-1] = today._replace(earned=today.earned + float(cents.sum()))
        self._append(tick, self._nobody(len(items)), items, cents)
        for code, amount in zip(items.tolist(), cents.tolist(), strict=True):
            self._book(tick, code, amount)

    @property
    def _items(self) -> list[str]:
        return list(self.domain.item_dtype.categories)

    def _book(self, tick: int, item: int, cents: int) -> None:
        if cents:
            self.booked.append((tick, item, cents))

    def booked_on(self, tick: int) -> dict[str, int]:
        """What became known on one day, by item."""
        known: dict[str, int] = {}
        items = self._items
        for day, item, cents in reversed(self.booked):
            if day != tick:
                break
            known[items[item]] = known.get(items[item], 0) + cents
        return known

    @property
    def entries(self) -> pd.DataFrame:
        """tick, identity (-1 for overheads), item, cents: everything, accrued at its tick."""
        if not self.chunks:
            self._append(0, self._nobody(0), np.empty(0, np.int8), np.empty(0, np.int64))
        columns: dict[str, Any] = {
            name: np.concatenate([chunk[name] for chunk in self.chunks]) for name in self.chunks[0]
        }
        columns["item"] = categorical(columns["item"], self.domain.item_dtype)
        return pd.DataFrame(columns, copy=False)

    @property
    def books(self) -> pd.DataFrame:
        """tick, item, cents: what was known when."""
        rows = np.array(self.booked, dtype=np.int64).reshape(-1, 3)
        item = categorical(rows[:, 1].astype(np.int8), self.domain.item_dtype)
        return pd.DataFrame(
            {"tick": rows[:, 0].astype(np.int32), "item": item, "cents": rows[:, 2]}
        )

    @property
    def outstanding(self) -> int:
        """Cents that have happened and that nobody in the business knows of yet."""
        return self.unreported.cents + sum(self.complaints.values())
