"""What noticing and repairing take: delays, hazards, limits and prices, in one table.

Each line has its unit, the range of what is published or plausible, and where it comes from:
P read at the publisher, S read in a third party's page, C computed from either, a assumed. They
were set before any run. The days until somebody notices are no input: they come out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd


@dataclass(frozen=True)
class Assumption:
    """One number of the table."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    source: str


_CORPORA = "C: public software incidents, 53 % over within two hours"
_TICKET = "a: the team's next working morning comes first"
ASSUMPTIONS = (
    # noticing
    Assumption("chance", 1 / 60, 1 / 180, 1 / 20, "a day", "a: median 42 days; Uber's field 45 P"),
    Assumption("till_rise", 0.30, 0.20, 0.50, "share a month", "a: finance asks about a third"),
    Assumption("till_noise", 3.0, 2.0, 4.0, "standard deviations", "a: small months vary"),
    Assumption("calls_multiple", 2.0, 1.5, 3.0, "times the usual week", "a"),
    # working on a case: medians
    Assumption("spread", 1.35, 0.6, 1.6, "log points, all delays", _CORPORA),
    Assumption("acknowledge", 1.0, 0.3, 8.0, "hours, tickets", _TICKET),
    Assumption("diagnose_named", 4.0, 1.0, 12.0, "hours", "S: 9 h to resolve a data incident"),
    Assumption("diagnose_scores", 24.0, 8.0, 72.0, "hours", "P: 26 % need a week to find and fix"),
    Assumption("diagnose_money", 60.0, 40.0, 800.0, "hours", "S: five months at Facebook is far"),
    Assumption("hand_off", 8.0, 2.0, 24.0, "hours, each", "a: one working day"),
    # until it is over, once somebody does the right thing: medians
    Assumption("ask_owner", 24.0, 9.0, 48.0, "hours", "S: 9 h to 2 days by kind"),
    Assumption("rebuild_table", 12.0, 4.0, 24.0, "hours", "S: half a day"),
    Assumption("roll_back", 1.0, 0.3, 4.0, "hours, practised", "S"),
    Assumption("roll_back_unpractised", 24.0, 8.0, 72.0, "hours", "S: a day where nobody has"),
    Assumption("scale_out", 0.5, 0.1, 4.0, "hours", "S: half an hour to switch"),
    # prices
    Assumption("hour", 6_000.0, 4_000.0, 12_000.0, "cents, one person", "a"),
    Assumption("work_named", 2.0, 1.0, 8.0, "hours of people a case", "a"),
    Assumption("work_scores", 8.0, 4.0, 24.0, "hours of people a case", "a"),
    Assumption("work_money", 24.0, 8.0, 80.0, "hours of people a case", "a"),
    Assumption("work_mitigation", 0.5, 0.2, 2.0, "hours of people, each", "a"),
    Assumption("warehouse_night", 2_000.0, 500.0, 10_000.0, "cents a rebuild", "a"),
    Assumption("server_day", 4_000.0, 1_000.0, 20_000.0, "cents a day while scaled out", "a"),
)
FIGURES = {row.name: row.value for row in ASSUMPTIONS}


def table() -> pd.DataFrame:
    """The whole table, one row a number.

    >>> table().query("name == 'hour'")[["value", "unit"]].values.tolist()
    [[6000.0, 'cents, one person']]
    """
    return pd.DataFrame([asdict(row) for row in ASSUMPTIONS])
