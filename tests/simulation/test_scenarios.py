"""Calendars of incidents: their rates, their luck, their names, and nonsense asked of them."""

from __future__ import annotations

import numpy as np
import pytest

from mlsys_lessons.errors import InputError
from mlsys_lessons.simulation.scenarios import (
    BY_ITSELF,
    BY_SOMEBODY,
    BY_THE_PLATFORM,
    CLAIM_SIZE,
    INCIDENTS,
    SCENARIOS,
    YEAR,
    fault_free_year,
    healthy,
    incident_calendar,
    ordinary_year,
    scenario,
)
from mlsys_lessons.system.faults import CATALOGUE
from mlsys_lessons.worlds import Drift

YEARS = 300


def test_the_table_covers_the_catalogue_once_with_legal_severities() -> None:
    assert sorted(row.fault for row in INCIDENTS) == sorted(CATALOGUE)
    for row in INCIDENTS:
        assert "assumed" in row.source
        assert row.a_year > 0 and 0 <= row.by_itself < 1
        assert row.ends in (BY_ITSELF, BY_THE_PLATFORM, BY_SOMEBODY)
        assert (row.hours > 0) == (row.ends != BY_SOMEBODY or row.by_itself > 0)
        for severity in row.severities:
            CATALOGUE[row.fault](start=0, end=1, severity=severity)


@pytest.mark.parametrize("row", INCIDENTS, ids=lambda row: row.fault)
def test_years_hold_what_the_table_says(row: object) -> None:
    faults = [fault for seed in range(YEARS) for fault in incident_calendar(seed)
              if fault.name == row.fault]  # type: ignore[attr-defined]  # fmt: skip
    expected = row.a_year * YEARS  # type: ignore[attr-defined]
    assert len(faults) == pytest.approx(expected, abs=4 * np.sqrt(expected))
    lasting = sum(fault.open_ended for fault in faults)
    share = 1 - row.by_itself if row.ends == BY_SOMEBODY else 0  # type: ignore[attr-defined]
    assert lasting == pytest.approx(share * len(faults), abs=2 * np.sqrt(len(faults)))
    lengths = np.log([fault.end - fault.start for fault in faults if not fault.open_ended])
    if len(lengths):
        assert np.median(lengths) == pytest.approx(
            np.log(row.hours / 24),  # type: ignore[attr-defined]
            abs=4 * 1.25 * 1.35 / np.sqrt(len(lengths)),
        )
    starts = np.array([fault.start for fault in faults])
    assert starts.mean() == pytest.approx(YEAR / 2, abs=4 * YEAR / np.sqrt(12 * len(faults)))
    severities = {fault.severity for fault in faults}
    assert severities == set(row.severities)  # type: ignore[attr-defined]


def test_a_calendar_is_a_function_of_its_seed_and_in_order_of_time() -> None:
    first, again = incident_calendar(7), incident_calendar(7)
    assert [repr(fault) for fault in first] == [repr(fault) for fault in again]
    assert [repr(fault) for fault in first] != [repr(fault) for fault in incident_calendar(8)]
    starts = [fault.start for fault in first]
    assert starts == sorted(starts)
    assert all(0 <= start < YEAR for start in starts)


def test_the_rate_scales_the_number_of_incidents() -> None:
    counts = {
        rate: sum(len(incident_calendar(seed, rate=rate)) for seed in range(40))
        for rate in (0.5, 1.0, 4.0)
    }
    yearly = sum(row.a_year for row in INCIDENTS) * 40
    for rate, count in counts.items():
        assert count == pytest.approx(rate * yearly, abs=4 * np.sqrt(rate * yearly))
    assert incident_calendar(7, rate=0.0) == ()


def test_more_incidents_are_the_same_incidents_and_more() -> None:
    """A verdict's flip is searched over the rate on the same luck, so calendars are nested."""
    for seed in range(5):
        few = {repr(fault) for fault in incident_calendar(seed, rate=1.0)}
        many = {repr(fault) for fault in incident_calendar(seed, rate=2.0)}
        assert few <= many


def test_a_shorter_year_is_the_beginning_of_a_longer_one() -> None:
    """120 days of an ordinary year meet the incidents of that year's first 120 days."""
    for seed in range(5):
        year = [repr(fault) for fault in incident_calendar(seed) if fault.start < 120]
        assert [repr(fault) for fault in incident_calendar(seed, days=120)] == year


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), 1e6])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match=r"is not between 0 and 16; 1\.0 is the ordinary year"):
        incident_calendar(7, rate=rate)


@pytest.mark.parametrize("rate", ["2", None])
def test_a_rate_that_is_no_number_is_refused(rate: object) -> None:
    with pytest.raises(InputError, match="rate="):
        incident_calendar(7, rate=rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("days", [-1, 0, 2.5, "30", True])
def test_an_impossible_length_is_refused(days: object) -> None:
    for make in (ordinary_year, fault_free_year, healthy):
        with pytest.raises(InputError, match="days"):
            make(3, days=days)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 1.5, "7"])
def test_an_impossible_seed_is_refused(seed: object) -> None:
    for make in (ordinary_year, fault_free_year, healthy, incident_calendar):
        with pytest.raises(InputError, match="seed"):
            make(seed)


def test_scenarios_are_found_by_name() -> None:
    for name in SCENARIOS:
        found = scenario(name, 3, daily=200, days=20)
        assert (found.name, found.days, found.world.seed, found.world.daily) == (name, 20, 3, 200)
        assert name in repr(found)


def test_an_unknown_scenario_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"^scenario 'doomsday' is unknown; choose one of"):
        scenario("doomsday")


def test_years_differ_in_what_they_say_they_differ_in() -> None:
    ordinary, calm, still = ordinary_year(3), fault_free_year(3), healthy(3)
    assert ordinary.world == calm.world
    assert ordinary.world.drift == Drift()
    assert ordinary.faults
    assert calm.faults == still.faults == ()
    assert still.world.drift == Drift.none()
    assert (ordinary.days, calm.days) == (YEAR, YEAR)


def test_the_claim_size_is_the_stated_one() -> None:
    assert (CLAIM_SIZE.days, CLAIM_SIZE.daily) == (120, 2_000)
