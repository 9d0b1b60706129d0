"""What a component says of itself: the columns it needs and adds, its level, what it costs.

Each stage gets a day with only the columns that it says it needs, and must answer as if it had got
everything. The days are of two domains, and have rows for every branch: nobody's, in quarantine, a
gap in the amount, a call that is not answered.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from strategies import ended
from toy import shelf_world

import mlsys_lessons as mls
from mlsys_lessons import worlds
from mlsys_lessons.components.component import COMPONENTS, PARTS, Component
from mlsys_lessons.components.feedback.retraining import Frozen, Retraining, RetrainingPolicy
from mlsys_lessons.components.inference.models import BaseRate
from mlsys_lessons.components.inference.service import FATE
from mlsys_lessons.components.ingestion.contract import Contract, parse
from mlsys_lessons.components.response import Signals
from mlsys_lessons.frames import stacked
from mlsys_lessons.records import ClosedDay, DayFacts
from mlsys_lessons.worlds.payments.domain import COSTS, FEATURES

Stage = Callable[[pd.DataFrame], pd.DataFrame]
MAKES = {
    "naive": mls.naive_system,
    "resilient": mls.resilient_system,
    "reference": mls.reference_system,
}
WORLDS = {"payments": mls.payments_world, "shelf": shelf_world}
STAGES = ("ingestion", "features", "inference", "decisions")
CASES = [
    (domain, name)
    for domain in WORLDS
    for name in MAKES
    if (domain, name) != ("shelf", "reference")  # a slate is no payment: nobody has its cents
]


@pytest.fixture(scope="module", autouse=True)
def _named() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(worlds.WORLDS, "shelf", shelf_world)
        yield


@dataclass
class Morning:
    """A system before a day, the day's requests, and what became of them."""

    system: mls.System
    requests: pd.DataFrame
    log: pd.DataFrame  # as handled: without a final action

    def stage(self, part: str) -> Component:
        """A component as it was before the day."""
        return copy.deepcopy(getattr(self.system, part))


def spoiled(requests: pd.DataFrame, system: mls.System) -> pd.DataFrame:
    """The day with rows that belong to nobody, unknown words, and amounts that are none."""
    domain, row = system.domain, np.arange(len(requests))
    word = next(iter(domain.vocabularies))
    actor = np.where(row % 9 == 4, -1, requests[domain.actor])
    words = requests[word].astype(object).mask(row % 5 == 1, "unheard of")
    event = requests["event_time"] + pd.to_timedelta(np.where(row % 13 == 8, 3, 0), unit="h")
    spoiled = requests.assign(**{domain.actor: actor, word: words, "event_time": event})
    if domain.measure:
        amounts = requests[domain.measure].mask(row % 7 == 3).mask(row % 11 == 6, 30_000.0)
        spoiled = spoiled.assign(**{domain.measure: amounts})
    return spoiled


def strict_about(contract: Contract) -> Contract:
    """A contract that puts a row aside for a breach of its last field."""
    *others, last = contract.fields
    return replace(contract, fields=(*others, replace(last, on_breach="quarantine")))


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def morning(request: pytest.FixtureRequest) -> Morning:
    domain, name = request.param
    world = WORLDS[domain](seed=3, daily=250)
    system = MAKES[name](domain, seed=3)
    if system.ingestion.resilient:  # so that there are rows put aside, and rows degraded
        system.ingestion.contract = strict_about(system.ingestion.contract)
    system.staff(2)
    system.install([mls.faults.dependency_outage(start=0, end=0.5, severity=0.3)])
    day = world.day(0, world.start())
    system.reveal(day.truth)
    handled = copy.deepcopy(system)
    requests = parse(spoiled(day.requests, system), system.domain)
    return Morning(system, requests, handled.handle(requests))


# --- needs and adds -----------------------------------------------------------------------------


def before(morning: Morning, part: str) -> pd.DataFrame:
    """The day as the component finds it."""
    return morning.requests if part == "ingestion" else morning.log


@pytest.mark.parametrize("part", STAGES)
def test_a_stage_needs_what_it_says_and_adds_what_it_says_in_order(
    morning: Morning, part: str
) -> None:
    stage = morning.stage(part)
    found = stage(before(morning, part)[list(stage.needs)])
    assert list(found.columns) == [*stage.needs, *stage.adds]
    pd.testing.assert_frame_equal(
        found[list(stage.adds)], morning.log[list(stage.adds)], check_exact=True
    )


@pytest.mark.parametrize(
    ("morning", "part"),
    [
        *((("payments", "resilient"), part) for part in STAGES),
        *((("payments", "naive"), part) for part in ("inference", "decisions")),
    ],
    indirect=["morning"],
)
def test_a_stage_says_nothing_that_it_does_not_need(morning: Morning, part: str) -> None:
    """Without any one of these columns there is no answer, or another one."""
    for name in morning.stage(part).needs:
        stage = morning.stage(part)
        fewer = before(morning, part)[[other for other in stage.needs if other != name]]
        try:
            found = stage(fewer)
        except KeyError as error:
            assert name in str(error)
        else:
            assert not found[list(stage.adds)].equals(morning.log[list(stage.adds)]), name


def test_the_service_reads_nothing_but_the_callers_id(morning: Morning) -> None:
    service = morning.system.inference.service
    found = service(morning.log[["request_id"]])
    assert list(found.columns) == ["request_id", *FATE]
    assert found["latency_ms"].tolist() == morning.log["latency_ms"].tolist()


def test_the_log_is_what_the_stages_add_one_after_the_other(morning: Morning) -> None:
    """What a model call meets stands behind the features: the service is asked after them."""
    system, columns = morning.system, list(morning.system.domain.columns)
    for part in STAGES:
        columns += FATE if part == "inference" else ()
        stage = getattr(system, part)
        assert set(stage.needs) <= set(columns), part
        columns += stage.adds
    assert list(morning.log.columns) == columns
    closed = copy.deepcopy(system).close(0).log
    assert list(closed.columns) == [*columns, "final_action", "decided_by"]


def test_the_monitors_need_what_they_say(morning: Morning) -> None:
    """Twins, one before the whole log and one before the needed columns, write the same down."""
    system = copy.deepcopy(morning.system)
    system.handle(morning.requests)
    day = system.close(0)
    system.step(day)
    needed = list(system.monitor.needs)
    assert set(needed) <= set(day.log.columns) and system.monitor.adds == ()
    facts = DayFacts(0, {"margin": 7}, system.labels.step(1, day.verdicts), day.held, 0)
    seen = [morning.stage("monitor"), morning.stage("monitor")]
    for tick in range(9):  # a week, so that references speak
        for monitor, log in zip(seen, (day.log, day.log[needed]), strict=True):
            monitor.look(tick, log, facts)
    pd.testing.assert_frame_equal(seen[0].metrics, seen[1].metrics, check_exact=True)
    for name in needed:
        with pytest.raises(KeyError, match=name):
            morning.stage("monitor").look(0, day.log[needed].drop(columns=name), facts)


# --- levels and costs ---------------------------------------------------------------------------


def test_the_names_of_components_and_parts() -> None:
    assert COMPONENTS == ("ingestion", "features", "model", "serving", "decisions", "monitoring")
    assert PARTS == ("ingestion", "features", "inference", "decisions", "monitoring")
    for make in MAKES.values():
        assert tuple(make(seed=3).components) == COMPONENTS


def test_each_level_says_which_it_is_and_what_it_costs_to_keep() -> None:
    for name, part in mls.resilient_system(seed=3).components.items():
        inputs = len(FEATURES) * COSTS.upkeep_feature_year if name == "model" else 0
        assert part.resilient, name
        assert part.upkeep_year(COSTS) == COSTS.upkeep_component_year + inputs
    for name, part in mls.naive_system(seed=3).components.items():
        assert part.resilient == (name == "model"), name
        assert (part.upkeep_year(COSTS) > 0) == (name == "model")


def test_a_model_that_is_an_average_is_kept_by_nobody() -> None:
    registry = mls.assemble(set(), seed=3).inference.registry
    assert isinstance(registry.champion.model, BaseRate)
    assert not registry.resilient and registry.upkeep_year(COSTS) == 0


def test_what_a_day_costs_beyond_upkeep_is_said_by_the_part_that_spends_it() -> None:
    log = ended(30).log.reindex(range(4)).assign(is_quarantined=[True, False, True, False])
    verdicts = pd.DataFrame({"minutes": [6.0, 1.5]})
    day = ClosedDay(30, log, verdicts, held=3)
    system = mls.resilient_system(seed=3)
    spent = {name: dict(part.overheads(day, COSTS)) for name, part in system.components.items()}
    assert spent == {
        "ingestion": {"quarantine": 2 * COSTS.quarantine}, "features": {}, "model": {},
        "serving": {}, "decisions": {}, "monitoring": {},
    }  # fmt: skip
    system.response.notice(30, Signals(watched=True))
    on_call = {"page": 0, "on_call": COSTS.on_call_day, "response": 0}
    assert system.response.overheads(day, COSTS) == on_call
    assert system.reviews.overheads(day, COSTS) == {
        "review": round(7.5 * COSTS.review_minute), "delay": 3 * COSTS.delay,
    }  # fmt: skip
    due = Retraining(RetrainingPolicy(every=10, first=31), seed=3)
    assert due.overheads(day, COSTS) == {"retraining": COSTS.retraining}
    assert due.overheads(ended(31), COSTS) == {"retraining": 0}
    assert Frozen().overheads(day, COSTS) == {}


def test_a_day_shows_its_first_rows_once() -> None:
    log = pd.DataFrame({"request_id": [1, 2, 1], "is_duplicate": [False, False, True]})
    day = ended(0, log)
    assert day.firsts["request_id"].tolist() == [1, 2]
    assert day.firsts is day.firsts
    calm = stacked([log.iloc[:2]])
    assert ended(0, calm).firsts is calm
