"""Scenarios that look alike on the page: what lies on the shelf tells them apart."""

from __future__ import annotations

from typing import Any

import pytest

from mlsys_lessons.drill import Incident

SEED = 3


def rows_of(name: str, look: str, *, day: int = 0) -> list[dict[str, Any]]:
    """What a look shows so many days after the page."""
    incident = Incident(name, SEED)
    if day:
        incident.advance(day)
    return list(incident.do(f"inspect {look}"))


def test_a_late_label_is_missing_and_a_flipped_one_is_there() -> None:
    """Both ring alike: a week without a report of fraud."""
    late, flipped, usual = (
        rows_of(name, "labels", day=4)[0]
        for name in ("late_labels", "flipped_labels", "unlucky_day")
    )
    assert late.get("cardholder", 0) < flipped["cardholder"] / 2
    assert flipped["frauds"] < usual["frauds"]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("canary_one_segment", 0.05, 0.15), ("poisoned_model", 0.6, 1.0), ("unlucky_day", 0.0, 0.0)],
)
def test_a_version_says_its_name_and_how_much_it_answers(
    name: str, low: float, high: float
) -> None:
    """The poisoned one has been there for half a day, the canary for a day."""
    answered = {row["version"]: row["share"] for row in rows_of(name, "versions") if "share" in row}
    assert low <= answered.get("boosted-2", 0.0) <= high


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
