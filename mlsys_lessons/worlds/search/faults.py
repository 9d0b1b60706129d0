"""Which faults of the catalogue exist at a search engine, and which of its fields they hit.

What each means is told in system/faults, in the words of payments; here is what stands in for a
field that a search engine does not have. Data alone.
"""

from __future__ import annotations

from mlsys_lessons.worlds.recommender.faults import Here

FAULTS = {
    "unit_change": Here(
        "The index sends the match of a share of documents in hundredths.",
        {"field": "match", "sender": "document_id"},
    ),
    "null_flood": Here("The index leaves the match empty.", {"field": "match"}),
    "duplicate_replay": Here("A queue redelivers pages: a page is answered and counted once."),
    "late_rows": Here("Pages wait in a buffer; the searcher has seen the bare index meanwhile."),
    "time_zone_shift": Here(
        "Half of the apps stamp searches in local time.", {"sender": "user_id"}
    ),
    "renamed_category": Here("The crawler renames a topic.", {"field": "topic", "word": "sport"}),
    "stale_features": Here("The table of what users have searched is days old."),
    "missing_features": Here("Look-ups of users time out."),
    "cold_start": Here("The feature service restarts: every user is a stranger."),
    "wrong_model": Here(
        "A replica serves the model of another engine, where a weak match answers.",
        {"reads": ("log_match", "document_age_days")},
    ),
    "silent_fallback": Here("A corrupt file scores 0, a sure answer: everything is shown."),
    "latency": Here("Calls take long; the page does not wait."),
    "dependency_outage": Here("What the model needs is down."),
    "traffic_spike": Here("The news bring everybody at once."),
    "partial_outage": Here("A zone is lost."),
    "label_job_failure": Here(
        "Places without an answer are not reported: silence reads as one.", {"harm": "miss"}
    ),
}
