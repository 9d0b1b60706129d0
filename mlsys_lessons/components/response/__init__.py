"""Response: who notices, who is called, what is changed. Part of monitoring & feedback.

    alert, till, customers, chance -> case -> diagnosis -> mitigation -> repair

responders.py is the two levels, response.py how cases run, mitigations.py the closed list of
changes, assumptions.py the one table of delays, hazards and prices.
"""

from mlsys_lessons.components.response.assumptions import ASSUMPTIONS, table
from mlsys_lessons.components.response.cases import Alert, Case, Observation
from mlsys_lessons.components.response.mitigations import (
    KINDS,
    Mitigation,
    ask_owner,
    explore,
    fall_back,
    nothing,
    quarantine,
    rebuild_table,
    retrain,
    roll_back,
    scale_out,
    set_threshold,
    widen_review,
)
from mlsys_lessons.components.response.responders import Nobody, OnCall
from mlsys_lessons.components.response.response import Finding, Response, Signals

__all__ = [
    "ASSUMPTIONS", "KINDS", "Alert", "Case", "Finding", "Mitigation", "Nobody", "Observation",
    "OnCall", "Response", "Signals", "ask_owner", "explore", "fall_back", "nothing", "quarantine",
    "rebuild_table", "retrain", "roll_back", "scale_out", "set_threshold", "table", "widen_review",
]  # fmt: skip
