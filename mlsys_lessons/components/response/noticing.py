"""How a business comes to know without a monitor: its till, and its customers on the phone.

Both read what everybody in the company may read, the books and the reports, never the truth; both
are there for every system. The limits are in assumptions.py. The other two ways are an alert, which
monitoring raises, and chance, which reality deals.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.domain import MONTH_DAYS

WEEK_DAYS = 7
LEAST_PERIODS = 2  # before this there is nothing usual to compare with
MOST_PERIODS = 6


def rises(now: float, before: list[float], factor: float) -> bool:
    """Whether a count is beyond `factor` times the mean of those before, and beyond their noise.

    Counts vary like Poisson's, at least, and as they did before: a small business sees its months
    jump by themselves.

    >>> rises(130, [100, 100], 1.3), rises(140, [100, 100], 1.3), rises(14, [10, 10], 1.3)
    (False, True, False)
    """
    if len(before) < LEAST_PERIODS:
        return False
    usual = float(np.mean(before))
    variance = max(usual, 1.0, float(np.var(before, ddof=1)))
    noise = np.sqrt(variance * (1 + 1 / len(before)))
    return bool(now > max(usual * factor, usual + FIGURES["till_noise"] * noise))


@dataclass
class Till:
    """Finance: at each month's end, disputes known by then per accepted request.

    >>> till = Till()
    >>> [tick for tick in range(120) if till.close_day(tick, 10 if tick < 90 else 20, 1_000)]
    [119]
    """

    months: list[tuple[float, float]] = field(default_factory=list)  # disputes, accepted
    disputes: float = 0.0
    accepted: float = 0.0

    def close_day(self, tick: int, disputes: int, accepted: int) -> bool:
        """Add a day; True where a month ends tonight and its losses are out of line."""
        self.disputes, self.accepted = self.disputes + disputes, self.accepted + accepted
        if (tick + 1) % MONTH_DAYS:
            return False
        before = [  # what those months would have brought at this month's sales
            lost * self.accepted / max(sales, 1.0) for lost, sales in self.months[-MOST_PERIODS:]
        ]
        odd = rises(self.disputes, before, 1 + FIGURES["till_rise"])
        self.months.append((self.disputes, self.accepted))
        self.disputes = self.accepted = 0.0
        return odd


@dataclass
class Hotline:
    """Customers: how many people a week call because they were refused."""

    weeks: list[float] = field(default_factory=list)
    calls: float = 0.0

    def close_day(self, tick: int, calls: int) -> bool:
        """Add a day; True where a week ends tonight with far more calls than usual."""
        self.calls += calls
        if (tick + 1) % WEEK_DAYS:
            return False
        odd = rises(self.calls, self.weeks[-MOST_PERIODS:], FIGURES["calls_multiple"])
        self.weeks.append(self.calls)
        self.calls = 0.0
        return odd
