"""Which faults of the catalogue exist on a front page, and which of its fields they hit.

The faults are told in system/faults, in the words of payments. Here is what stands in for a field
that a front page does not have, and what each means here. Data alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Here(NamedTuple):
    """One fault on a front page: what happened, in a colleague's words, and what to call it with.

    `exists` is False where it cannot happen; `told` then says why.
    """

    told: str
    using: Mapping[str, Any] = MappingProxyType({})
    exists: bool = True


FAULTS = {
    "unit_change": Here(
        "Retrieval's new release sends the match of a share of items in hundredths.",
        {"field": "affinity", "sender": "item_id"},
    ),
    "null_flood": Here("Retrieval leaves the affinity empty.", {"field": "affinity"}),
    "duplicate_replay": Here("A queue redelivers slates: a place is filled and counted once."),
    "late_rows": Here("Slates wait in a buffer; the user has seen the editors' page meanwhile."),
    "time_zone_shift": Here("Half of the apps stamp visits in local time.", {"sender": "user_id"}),
    "renamed_category": Here(
        "The catalogue desk renames a genre.", {"field": "genre", "word": "crime"}
    ),
    "stale_features": Here("The table of what users have seen is days old."),
    "missing_features": Here("Look-ups of users time out."),
    "cold_start": Here("The feature service restarts: every user is a stranger."),
    "wrong_model": Here(
        "A replica serves the model of another page, where a weak match sells.",
        {"reads": ("log_affinity", "item_age_days")},
    ),
    "silent_fallback": Here("A corrupt file scores 0, a sure order: everything is shown."),
    "latency": Here("Calls take long; the page does not wait."),
    "dependency_outage": Here("What the model needs is down."),
    "traffic_spike": Here("A premiere brings everybody at once."),
    "partial_outage": Here("A zone is lost."),
    "label_job_failure": Here(
        "Places without an order are not reported: silence reads as a sale.", {"harm": "miss"}
    ),
}
