"""What worlds of pages share: when people come by, that nobody reviews, what is known of a past.

A page is a slate of places that is shown to one person. What stands on it, and what comes of it, is
told in each world's folder.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import Domain
from mlsys_lessons.frames import array_of, framed
from mlsys_lessons.ids import BitFields
from mlsys_lessons.randomness import DAY_BITS, DAY_OFFSET, luck
from mlsys_lessons.records import DAY_MS, EPOCH, HOUR_MS, MATURITY_DAYS, timestamps
from mlsys_lessons.worlds.world import History

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEEK = (1.0, 0.95, 0.95, 1.0, 1.1, 1.2, 1.15)  # visits by weekday, Wednesday first (assumed)
_HOURS = np.cumsum(
    [0, 1, 0.5, 0.3, 0.2, 0.2, 0.5, 1, 2, 2, 2, 2, 3, 3, 2, 2, 3, 4, 6, 8, 10, 11, 9, 5, 2]
)
_USER_DAY = BitFields("user", day=DAY_BITS)


class Nobody(NamedTuple):
    """Nobody looks at held rows here."""

    capacity: int = 0


def visits(seed: int, tick: int, rate: float, share: Floats) -> tuple[Ints, Ints]:
    """Who comes by on a day, and when (milliseconds), in order of time; at most once each.

    `rate` is the chance of somebody's visit on a weekday like the first, `share` what each person
    keeps of it.
    """
    people = np.arange(len(share))
    likely = rate * WEEK[tick % len(WEEK)] * share
    keys = _USER_DAY.pack(user=people, day=tick + DAY_OFFSET)
    user = people[luck(seed, "visit", keys) < likely]
    moment = luck(seed, "hour", keys[user]) * _HOURS[-1]
    event_ms = np.interp(moment, _HOURS, np.arange(len(_HOURS))) * HOUR_MS
    order = np.argsort(event_ms, kind="stable")
    return user[order], event_ms[order].astype(np.int64) + tick * DAY_MS


def in_vain(
    domain: Domain, settled: pd.DataFrame, rows: Ints, *, event: int, due: int
) -> pd.DataFrame:
    """What the log will say at tick `due` of rows that were shown at tick `event` for nothing."""
    heard = timestamps(np.array([due * DAY_MS]))
    return framed({
        **{name: array_of(settled, name)[rows] for name in domain.identity},
        "event_tick": np.full(len(rows), event), "label": np.ones(len(rows), dtype=np.int64),
        "label_time": np.repeat(heard, len(rows)),
    })  # fmt: skip


def no_reports(domain: Domain) -> pd.DataFrame:
    """What the log says on a day before which nothing was shown: nothing."""
    nobody = pd.DataFrame(columns=[*domain.identity], dtype=np.int64)
    return in_vain(domain, nobody, np.empty(0, dtype=np.int64), event=0, due=0)


def no_verdicts(domain: Domain, picks: pd.DataFrame) -> pd.DataFrame:
    """What people find on held rows where nobody looks: nothing."""
    return picks.iloc[:0][[*domain.identity]].assign(label=np.int8(0), minutes=0.0)


def known_history(
    domain: Domain, requests: pd.DataFrame, truth: pd.DataFrame, attribution_days: int
) -> History:
    """A past with its labels that are known when day 0 opens, and the clicks a notebook learns.

    A place in vain is known after the days of attribution, the others when silence has matured.
    """
    label = array_of(truth, "true_label")
    wait = np.where(label == 1, attribution_days, MATURITY_DAYS) * np.timedelta64(1, "D")
    known = requests[[*domain.identity]].assign(
        label=label, label_time=requests["event_time"] + wait,
        **{domain.proxy: (1 - array_of(truth, "true_click")).astype(np.int8)},
    )  # fmt: skip
    return History(requests, known[(known["label_time"] < EPOCH).to_numpy()].reset_index(drop=True))
