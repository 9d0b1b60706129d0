"""The postmortem: the run's own facts, open places, and not one word of blame."""

from __future__ import annotations

import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import InputError
from mlsys_lessons.simulation.postmortem import OPEN, postmortem

BLAME = (
    "fault of",
    "blame",
    "careless",
    "mistake",
    "should have",
    "failed to",
    "guilty",
    "error by",
)


@pytest.fixture(scope="module")
def run() -> mls.Run:
    world, system = mls.payments_world(seed=77, daily=150), mls.resilient_system(seed=77)
    return mls.simulate(world, system, days=30, faults=[mls.faults.unit_change(start=20)])


def test_its_facts_are_those_of_the_run(run: mls.Run) -> None:
    page, life = postmortem(run), run.life(0)
    assert page.startswith("# Postmortem: unit_change on day 20\n")
    for day, words in life.moments:
        assert f"| {day:.1f} | {words} |" in page
    assert f"{life.cents.sum() / 100:+,.0f} EUR, estimated" in page
    assert run.cases["owner"].iloc[life.case.number] in page
    for layer in life.seen:
        assert f"- {layer} raised an alert" in page


def test_a_twin_makes_the_price_exact(run: mls.Run) -> None:
    twin = mls.simulate(run.world, mls.resilient_system(seed=77), days=30)
    cents = run.life(0, twin=twin).cents.sum()
    assert f"{cents / 100:+,.0f} EUR, against the same days" in postmortem(run, twin=twin)


def test_it_blames_nobody_and_leaves_room(run: mls.Run) -> None:
    page = postmortem(run)
    assert not [word for word in BLAME if word in page.lower()]
    assert page.count(OPEN) >= 2
    assert "| change | owner | by |" in page


def test_an_incident_that_nobody_noticed_has_a_page_as_well() -> None:
    world, system = mls.payments_world(seed=77, daily=100), mls.naive_system(seed=77)
    run = mls.simulate(world, system, days=5, faults=[mls.faults.unit_change(start=3)])
    page = postmortem(run)
    assert "has not ended" in page
    assert f"**Owner of this page:** {OPEN}" in page
    with pytest.raises(InputError, match="incident 4"):
        postmortem(run, 4)
