"""The raw columns of payments that a team would watch first. Nothing is measured here."""

from __future__ import annotations

import pandas as pd

from mlsys_lessons.records import DAY_MS, milliseconds


def watched(requests: pd.DataFrame) -> pd.DataFrame:
    """Six raw columns of requests; times as hours of the day."""
    hour = milliseconds(requests["event_time"]) % DAY_MS / 3_600_000
    words = ["category", "country", "channel", "card_country"]
    return requests[["amount", *words]].assign(hour=hour)
