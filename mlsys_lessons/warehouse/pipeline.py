"""The offline pipeline: which SQL runs in which order, and which step each mistake replaces.

The steps are in sql/*.sql, one text each (but for the first, the domain's words); here are only
their order and what they read. Nothing in the file is changed: every step makes temporary tables of
one cursor.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons import reading
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import categorical
from mlsys_lessons.worlds.payments.domain import PAYMENTS

STEPS = ("vocabulary", "payments", "history", "habits", "risks", "features")
MISTAKES = {"todays_label": "risks", "todays_mean": "habits", "last_write_wins": "habits"}
"""The classic mistakes: the name of its SQL -> the right step that it replaces."""

# --- the schema: what the steps read beside the raw columns (their words are the domain's) ----

_FLAGS = {"is_duplicate": "false", "is_quarantined": "false", "quarantine_reason": "NULL"}
"""Columns that only a system's log has -> the SQL that stands for them where they are absent."""
_LABEL_COLUMNS = ("request_id", "label", "label_time")
_QUARANTINE_DTYPE = pd.CategoricalDtype(["amount"])  # of a column without any reason


def sql(name: str) -> str:
    """The text of one step or of one mistake, to read before it runs.

    >>> print(sql("todays_mean").splitlines()[0])
    -- WRONG on purpose: today's mean. The customer's usual payment is the mean of all payments that
    """
    if name not in (*STEPS, *MISTAKES):
        raise InputError(f"sql {name!r} is unknown; choose one of {[*STEPS, *MISTAKES]}.")
    if name == "vocabulary":
        return vocabulary()
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def vocabulary() -> str:
    """The words that the producers have agreed on, as types; any other word is read as NULL.

    Fields with the same words share a type, named after the last of them.

    >>> print(vocabulary().splitlines()[-1])
    CREATE TEMP TYPE known_channel AS ENUM ('chip', 'contactless', 'online');
    """
    named = {field.categories: field.name for field in PAYMENTS.fields if field.categories}
    types = [f"CREATE TEMP TYPE known_{name} AS ENUM {words};" for words, name in named.items()]
    return "\n".join(["-- The words that the producers have agreed on.", *types])


def training_table(
    cursor: Any, requests: pd.DataFrame | None, labels: pd.DataFrame | None, *, mistake: str | None
) -> pd.DataFrame:
    """Features and labels of two frames; a frame that is None is read from the cursor's file."""
    if mistake is not None and mistake not in MISTAKES:
        raise InputError(f"mistake {mistake!r} is unknown; choose one of {list(MISTAKES)}.")
    if requests is None:
        _view_logged_requests(cursor)
    else:
        cursor.register("requests", _prepared_requests(requests))
    if labels is None:
        cursor.execute("CREATE TEMP VIEW labels AS SELECT *, rowid AS position FROM label_log")
    else:
        cursor.register("labels", _prepared_labels(labels))
    for step in STEPS:
        is_replaced = mistake is not None and MISTAKES[mistake] == step
        cursor.execute(sql(str(mistake) if is_replaced else step))
    return cursor.df()


def _view_logged_requests(cursor: Any) -> None:
    """Make the log in the file the steps' `requests`; a log of raw requests gets blank flags."""
    logged = {column[0] for column in cursor.execute("FROM log LIMIT 0").description}
    blanks = "".join(f", {_FLAGS[name]} AS {name}" for name in _FLAGS if name not in logged)
    cursor.execute(f"CREATE TEMP VIEW requests AS SELECT *{blanks} FROM log")


def _prepared_requests(requests: pd.DataFrame) -> pd.DataFrame:
    """Raw requests, or a run's log, as the first step reads them; equal arrivals keep their order.

    A flag that is absent or missing counts as false. Raises InputError as `System.handle` does.
    """
    rows = len(requests)
    flags: dict[str, object] = {"row_id": np.arange(rows)}
    for name in ("is_duplicate", "is_quarantined"):
        flags[name] = (
            requests[name].eq(True).to_numpy() if name in requests else np.zeros(rows, bool)
        )
    blank = categorical(np.full(rows, -1, dtype=np.int8), _QUARANTINE_DTYPE)
    reason = requests["quarantine_reason"].array if "quarantine_reason" in requests else blank
    return reading.requests(requests, PAYMENTS).assign(**flags, quarantine_reason=reason)


def _prepared_labels(labels: pd.DataFrame) -> pd.DataFrame:
    """Labels as the steps read them: of two labels at the same moment the later row counts."""
    read = reading.labels(labels, PAYMENTS.identity)
    return read[list(_LABEL_COLUMNS)].assign(position=np.arange(len(read)))
