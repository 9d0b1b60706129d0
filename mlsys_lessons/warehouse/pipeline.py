"""The offline pipeline: which SQL runs in which order, and what each classic mistake replaces.

The thinking is in sql/*.sql, one text for each step; here are only their order and their inputs.
It changes nothing in the file: every step is a temporary table of one cursor.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.ingestion.contract import parse
from mlsys_lessons.frames import categorical
from mlsys_lessons.records import InputError

STEPS = ("vocabulary", "payments", "history", "habits", "risks", "features")
MISTAKES = {"todays_label": "risks", "todays_mean": "habits", "last_write_wins": "habits"}
"""The classic mistakes: the name of its SQL -> the right step that it stands in for."""

_LOGGED_LABELS = "CREATE TEMP VIEW labels AS SELECT *, rowid AS position FROM label_log"
_FLAGS = {"is_duplicate": "false", "is_quarantined": "false", "quarantine_reason": "NULL"}
_LABELS = ("request_id", "label", "label_time")
_NO_REASON = pd.CategoricalDtype(["amount"])


def sql(name: str) -> str:
    """The text of one step or of one mistake, to read before it runs.

    >>> print(sql("todays_mean").splitlines()[0])
    -- WRONG on purpose: today's mean. The customer's usual payment is the mean of all payments that
    """
    if name not in (*STEPS, *MISTAKES):
        raise InputError(f"sql {name!r} is unknown; choose one of {[*STEPS, *MISTAKES]}.")
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def features_of(
    cursor: Any, requests: pd.DataFrame | None, labels: pd.DataFrame | None, mistake: str | None
) -> pd.DataFrame:
    """The training table of two frames, or of the log and the labels that the cursor sees."""
    if mistake is not None and mistake not in MISTAKES:
        raise InputError(f"mistake {mistake!r} is unknown; choose one of {list(MISTAKES)}.")
    if requests is None:
        known = {column[0] for column in cursor.execute("FROM log LIMIT 0").description}
        blank = "".join(f", {_FLAGS[name]} AS {name}" for name in _FLAGS if name not in known)
        cursor.execute(f"CREATE TEMP VIEW requests AS SELECT *{blank} FROM log")
    else:
        cursor.register("requests", _readable_requests(requests))
    if labels is None:
        cursor.execute(_LOGGED_LABELS)
    else:
        cursor.register("labels", _readable_labels(labels))
    for step in STEPS:
        wrong = mistake is not None and MISTAKES[mistake] == step
        cursor.execute(sql(str(mistake) if wrong else step))
    return cursor.df()


def _readable_requests(requests: pd.DataFrame) -> pd.DataFrame:
    """A frame of requests, or a run's log, as the first step reads it; equal arrivals keep order.

    A flag that is absent or missing says nothing against a row. Raises InputError as
    `System.handle` does.
    """
    rows = len(requests)
    flags: dict[str, object] = {"row_id": np.arange(rows)}
    for name in ("is_duplicate", "is_quarantined"):
        flags[name] = (
            requests[name].eq(True).to_numpy() if name in requests else np.zeros(rows, bool)
        )
    unheard = categorical(np.full(rows, -1, dtype=np.int8), _NO_REASON)
    reason = requests["quarantine_reason"].array if "quarantine_reason" in requests else unheard
    return parse(requests).assign(**flags, quarantine_reason=reason)


def _readable_labels(labels: pd.DataFrame) -> pd.DataFrame:
    """A frame of labels as the steps read it: of two words at one moment, the later row counts."""
    absent = [name for name in _LABELS if name not in labels.columns]
    if absent:
        raise InputError(f"column {absent[0]!r} is absent; labels need {list(_LABELS)}.")
    return labels[list(_LABELS)].assign(position=np.arange(len(labels)))
