"""Scenarios that look alike on the page: what lies on the shelf tells them apart."""

from __future__ import annotations

from typing import Any

import pytest

from mlsys_lessons.drill import Incident

SEED = 3


def rows_of(name: str, look: str) -> list[dict[str, Any]]:
    """What a look shows at the page."""
    return list(Incident(name, SEED).do(f"inspect {look}"))


def test_a_late_label_is_missing_and_a_flipped_one_is_there() -> None:
    """Both ring alike: a week without a report of fraud."""
    late, flipped, usual = (
        rows_of(name, "labels")[0] for name in ("late_labels", "flipped_labels", "unlucky_day")
    )
    assert late.get("cardholder", 0) < flipped["cardholder"] / 2
    assert flipped["frauds"] < usual["frauds"]


def test_a_version_says_its_name_and_how_much_it_answers() -> None:
    for name, share in (("canary_one_segment", 0.1), ("poisoned_model", 1.0), ("unlucky_day", 0.0)):
        rows = rows_of(name, "versions")
        found = sum(
            row["share"] for row in rows if row["version"] == "boosted-2" and "share" in row
        )
        assert found == pytest.approx(share, abs=0.05)


def test_a_slice_shows_the_canary_s_country_and_the_mean_hardly() -> None:
    blocked = {row["value"]: row for row in rows_of("canary_one_segment", "slice card_country")}
    here = blocked.pop("DE")
    assert here["blocked now"] > 3 * here["blocked usual"]
    others = [row["blocked now"] for row in blocked.values() if row["blocked now"] is not None]
    assert here["blocked now"] > 2 * max(others)


def test_nobody_at_the_desk_shows_in_the_decisions_alone() -> None:
    for name, idle in (("reviewers_away", True), ("unlucky_day", False)):
        rows = {row["metric"]: row for row in rows_of(name, "decisions")}
        assert (rows["decisions.review_rate"]["now"] == 0.0) == idle
        assert rows["decisions.review_rate"]["usual"] > 0.0
