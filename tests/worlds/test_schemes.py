"""Schemes: what each looks like, how they spread, and a truth that knows all of them.

Oracles are closed forms, recounts and scipy; bounds are at least three standard errors wide.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from mlsys_lessons.records import DAY_MS, HOUR_MS
from mlsys_lessons.worlds import Drift, PaymentsWorld, payments_world
from mlsys_lessons.worlds.payments.calendars import HOURS
from mlsys_lessons.worlds.payments.domain import CATEGORIES
from mlsys_lessons.worlds.payments.fraudsters import campaign_rates, gather_rings
from mlsys_lessons.worlds.payments.people import GREY_ZONE, Reviewers, hardness
from mlsys_lessons.worlds.payments.playbook import playbook
from mlsys_lessons.worlds.payments.schemes import ABROAD, HABIT, HOME, KNOWN, SCHEMES, variant
from mlsys_lessons.worlds.payments.state import WorldState, past_attempts

HEALTHY = Drift.none()
BUSY = replace(HEALTHY, invention=12.0)  # knows many schemes within three years


def live(
    world: PaymentsWorld, days: int, *, cut: float | None = None, state: WorldState | None = None
) -> tuple[pd.DataFrame, WorldState]:
    """Live through some days: the truth about each payment, and the state after them."""
    state, parts = world.start() if state is None else state, []
    for tick in range(days):
        requests, truth = world.day(tick, state)
        block = np.zeros(len(truth), bool) if cut is None else truth["true_probability"] > cut
        action = pd.Categorical(np.where(block, "block", "approve"))
        world.react(state, tick, truth.reset_index().assign(final_action=action))
        parts.append(requests.assign(tick=tick, **{name: truth[name].to_numpy() for name in truth}))
    return pd.concat(parts, ignore_index=True), state


def using(world: PaymentsWorld, scheme: int) -> WorldState:
    """A world at day 0 whose rings have dropped everything for one scheme."""
    state = world.start()
    state.rings.mix = np.zeros_like(state.rings.mix)
    state.rings.mix[:, scheme] = 1.0
    state.live = state.live.take(np.zeros(len(state.live.key), dtype=bool))
    return state


def surprise(rows: pd.DataFrame, bursts: float = 1.0) -> float:
    """Observed frauds against the summed probability, in standard errors."""
    probability = rows["true_probability"].to_numpy()
    error = np.sqrt(bursts * (probability * (1.0 - probability)).sum())
    return float((rows["true_label"].sum() - probability.sum()) / error)


def burstiness(book, scheme: int) -> float:
    """Variance of the number of first-day attempts over their mean: 1 + Poisson a campaign."""
    more = book.pace[scheme, 0]
    return float(((1.0 + more) ** 2 + more) / (1.0 + more))


# --- what they look like -------------------------------------------------------------------------


def test_each_scheme_is_told_in_a_line_and_its_source_named():
    assert len(SCHEMES) >= 8 and len({scheme.name for scheme in SCHEMES}) == len(SCHEMES)
    for scheme in SCHEMES:
        assert len(repr(scheme)) < 110 and "\n" not in repr(scheme)
        assert scheme.source == "assumed" or scheme.source[-3:] in (", P", ", S", ", C")
        assert len(scheme.appeal) == len(CATEGORIES) and min(scheme.appeal) > 0


def test_day_0_has_half_a_percent_of_fraud_and_the_euros_it_had():
    """Schemes redistribute: 0.507 % and 113 euros an attempt were the figures of one scheme."""
    attempts = euros = 0.0
    for seed in range(8):
        payments, _, _ = past_attempts(
            payments_world(seed=seed, daily=1_000).population, 1_000, 180
        )
        attempts += len(payments.cents)
        euros += payments.cents.sum() / 100
    assert abs(attempts / (8 * 180 * 1_000) - 0.0050) < 0.0004
    assert abs(euros / attempts / 113 - 1) < 0.15


@pytest.mark.parametrize("scheme", range(len(SCHEMES) + 2))
def test_one_scheme_alone_is_calibrated_looks_as_told_and_costs_no_more(scheme: int):
    """The rate of attempts is the ring's; hours, channel and amounts are the scheme's."""
    world = payments_world(seed=21, daily=4_000, drift=BUSY)
    state = using(world, scheme)
    book, told = state.rings.book, state.rings.book.schemes[scheme]
    state.rings.heard = np.full_like(state.rings.heard, np.inf)  # nothing new is heard of
    rows, _ = live(world, 30, state=state)
    settled = rows[rows["tick"] >= 10]
    fraud = settled[settled["true_label"] == 1]
    assert set(fraud["true_scheme"]) == {scheme}
    bursts = burstiness(book, scheme)
    assert abs(surprise(settled, bursts)) < 3.3
    for low, high in ((0.0, 0.01), (0.01, 0.2), (0.2, 1.0)):
        within = settled["true_probability"].between(low, high, inclusive="left")
        assert abs(surprise(settled[within], bursts)) < 3.5, (low, high)
    usual = 0.005 * len(settled)
    assert abs(len(fraud) - usual) < 0.12 * usual + 3.5 * np.sqrt(4.0 * usual)
    shop = pd.Categorical(fraud["channel"]) != "online"
    own = 1.0 - told.copying
    assert abs((1 - shop.mean()) - told.online) < 0.4 * told.copying + 3.5 * np.sqrt(0.25 / 90)
    hours = np.bincount(fraud["event_time"].dt.hour, minlength=24) / len(fraud)
    if told.hours == 3:
        assert hours[1:5].sum() > 0.8 * own * HOURS[3, 1:5].sum()
    assert 0.4 < fraud["amount"].mean() / 113 < 2.3 or scheme >= len(SCHEMES)


def test_density_of_shops_is_that_of_choices():
    """Countries of each kind of scheme: what is drawn has the density, which adds up to one."""
    people = payments_world(seed=1, daily=500, drift=HEALTHY).population
    shops = np.arange(len(people.merchants))
    uniform = (np.arange(20_000) + 0.5) / 20_000
    for seat in (0, 5, 17):
        seats = np.full(len(shops), seat)
        many = np.full(len(uniform), seat)
        chosen = {
            HABIT: people.choose_country(many, uniform),
            ABROAD: people.choose_abroad(many, uniform),
        }
        for where in (HABIT, HOME, ABROAD):
            density = people.presence(seats, shops, where) * people.merchants.popularity
            assert density.sum() == pytest.approx(1.0)
            if where in chosen:
                drawn = np.bincount(chosen[where], minlength=7) / len(uniform)
                by_country = np.bincount(people.merchants.country, density, 7)
                np.testing.assert_allclose(drawn, by_country, atol=0.001)


def test_the_tilt_gives_categories_their_shares():
    """A bent uniform number picks categories as often as density says."""
    people = payments_world(seed=1, daily=500, drift=BUSY).population
    book, shops = playbook(people), people.merchants
    uniform = (np.arange(50_000) + 0.5) / 50_000
    for scheme in range(len(book.schemes)):
        bent = book.tilted(np.full(len(uniform), scheme), uniform)
        shop = shops.pick(np.zeros(len(uniform), dtype=int), bent)
        drawn = np.bincount(shops.category[shop], minlength=8) / len(uniform)
        density = (shops.country == 0) * shops.popularity * book.tilt[scheme, shops.category]
        np.testing.assert_allclose(drawn, np.bincount(shops.category, density, 8), atol=1e-3)
    assert (book.turned[:, -1] - 1.0 < 1e-12).all()


def test_young_accounts_are_the_ones_that_are_busted_out():
    """The ages of victims follow the stated exposure: mean youth in closed form."""
    world = payments_world(seed=2, daily=4_000, drift=BUSY)
    book = playbook(world.population)
    place = [scheme.name for scheme in book.schemes].index("bust-out")
    rows, _ = live(world, 25, state=using(world, place))
    fraud = rows[(rows["true_label"] == 1) & (rows["true_scheme"] == place)]
    age = {
        label: (part["event_time"] - part["account_opened"]).dt.days
        for label, part in (("fraud", fraud), ("genuine", rows[rows["true_label"] == 0]))
    }
    assert (age["fraud"] < 90).mean() > 0.4 > 5 * (age["genuine"] < 90).mean()


# --- how they come and spread --------------------------------------------------------------------


def test_inventions_are_poisson_and_a_quicker_pace_brings_the_same_ones_sooner():
    days = []
    for seed in range(60):
        slow, quick = (
            playbook(
                payments_world(
                    seed=seed, daily=50, drift=replace(HEALTHY, invention=pace)
                ).population
            )
            for pace in (2.0, 4.0)
        )
        common = len(slow.schemes)
        assert quick.schemes[:common] == slow.schemes
        new = slow.invented[KNOWN:]
        assert (np.abs(quick.invented[KNOWN:common] - new / 2) <= 1).all()
        days.append(new)
    assert abs(np.mean([len(new) for new in days]) / 6.0 - 1) < 0.2  # two a year for three years
    assert kstest(np.concatenate(days) / 1_095, "uniform").pvalue > 0.01


def test_variants_differ_from_all_that_was():
    moved = [variant(3, number) for number in range(1, 9)]
    assert len(set(moved)) == len(moved) and not set(moved) & set(SCHEMES)
    assert all(0 < one.online < 1 and max(one.pace) <= 12 for one in moved)


def test_a_healthy_world_keeps_its_ways_whatever_is_blocked():
    world = payments_world(seed=4, daily=1_000, drift=HEALTHY)
    start = world.start().rings
    _, state = live(world, 40, cut=0.2)
    np.testing.assert_array_equal(start.mix, state.rings.mix)
    np.testing.assert_array_equal(start.targets, state.rings.targets)
    assert len(start.book.schemes) == KNOWN


def test_mixes_leave_what_is_blocked_and_invention_moves_them_alone():
    """Blocking one scheme drives rings from it; curiosity goes on without any adaptation."""
    world = payments_world(seed=4, daily=2_000, drift=replace(HEALTHY, adaptation=1.0))
    state, first = world.start(), world.start().rings.mix.mean(axis=0)
    for tick in range(90):
        truth = world.day(tick, state).truth
        block = (truth["true_scheme"] == 0).to_numpy()
        action = pd.Categorical(np.where(block, "block", "approve"))
        world.react(state, tick, truth.reset_index().assign(final_action=action))
    mix = state.rings.mix
    assert mix[:, 0].mean() < 0.7 * first[0] and (mix[:, 1:].mean(axis=0) > first[1:]).all()
    np.testing.assert_allclose(mix.sum(axis=1), 1.0)

    curious = payments_world(seed=1, daily=1_000, drift=BUSY)
    rows, moved = live(curious, 150)
    born = moved.rings.book.invented
    assert (born[KNOWN:] <= 60).sum() >= 1
    assert 0.15 < moved.rings.mix[:, KNOWN:].sum(axis=1).mean() < 0.95
    used = rows[rows["true_scheme"] >= KNOWN]
    assert (born[used["true_scheme"]] < used["tick"]).all()
    still, _ = live(payments_world(seed=1, daily=1_000, drift=HEALTHY), 150)
    assert abs(rows["true_label"].mean() / still["true_label"].mean() - 1) < 0.25


def test_the_copied_ring_is_the_one_that_takes_most():
    """After long adaptation rings use much the same schemes; without it they stay apart."""
    apart = []
    for adaptation in (0.0, 3.0):
        world = payments_world(seed=6, daily=2_000, drift=replace(HEALTHY, adaptation=adaptation))
        _, state = live(world, 120)
        apart.append(float(state.rings.mix.std(axis=0).mean()))
    assert apart[1] < 0.6 * apart[0]


# --- the truth under every knob ------------------------------------------------------------------


EXTREMES = {
    "covariate up": {"covariate": 1.0}, "covariate down": {"covariate": -1.0},
    "label up": {"label": 2.0}, "label down": {"label": -2.0}, "concept": {"concept": 2.0},
    "growth": {"growth": 1.0}, "season": {"season": 3.0}, "ageing": {"ageing": 2.0},
    "adaptation": {"adaptation": 3.0}, "invention": {"invention": 12.0},
    "both": {"adaptation": 3.0, "invention": 12.0},
}  # fmt: skip


@pytest.mark.parametrize("name", EXTREMES)
def test_the_truth_is_calibrated_with_a_knob_at_its_end(name: str):
    world = payments_world(seed=31, daily=2_000, drift=replace(HEALTHY, **EXTREMES[name]))
    rows, _ = live(world, 60, cut=0.3)
    assert abs(surprise(rows, bursts=1.5)) < 3.3
    for low, high in ((0.0, 0.01), (0.01, 0.2), (0.2, 1.0)):
        within = rows["true_probability"].between(low, high, inclusive="left")
        assert abs(surprise(rows[within], bursts=1.5)) < 3.5, (low, high)


def test_label_drift_has_no_silent_cap():
    """Two log points a year are two in the second year too: in closed form, and drawn."""
    drift = replace(HEALTHY, label=2.0)
    people = payments_world(seed=3, daily=500, drift=drift).population
    rings = gather_rings(people, 500)
    rates = campaign_rates(people, rings, np.array([0, 365, 730])).sum(axis=(1, 2))
    np.testing.assert_allclose(np.log(rates[1:] / rates[0]), [2.0, 4.0])
    world = payments_world(seed=3, daily=500, drift=drift)
    state = world.start()
    drawn = [world.day(tick, state).truth["true_label"].sum() for tick in range(728, 732)]
    expected = 0.0025 * 500 * 2 * np.exp(4.0) * 0.4  # first days alone: about two attempts in five
    assert 0.6 < np.mean(drawn) / expected < 1.8


# --- reviewers -----------------------------------------------------------------------------------


def test_reviewers_find_a_third_in_the_grey_zone_and_are_as_good_as_ever_at_the_ends():
    """Means over an even grey zone, by quadrature: 36 % found, 11.7 % accused."""
    people = Reviewers(10)
    low, high = GREY_ZONE

    def mean(fraud: bool, missed: np.ndarray) -> float:
        def weight(p: float) -> float:
            return p if fraud else 1.0 - p

        def slips(p: float) -> float:
            return weight(p) * float(people.slip(np.array([fraud]), np.array([p]))[0])

        return quad(slips, low, high)[0] / quad(weight, low, high)[0]

    assert mean(True, hardness(np.array(low))) == pytest.approx(1 - 0.36)
    assert mean(False, hardness(np.array(low))) == pytest.approx(0.117)
    ends = people.slip(np.array([True, True, False, False]), np.array([0.0, 1.0, 0.0, 1.0]))
    np.testing.assert_allclose(ends, [0.10, 0.10, 0.02, 0.02])


def test_a_review_knows_todays_probability_and_that_of_held_over_requests():
    """The memory of probabilities makes no difference: kept, copied or computed again."""
    world = payments_world(seed=5, daily=2_000)
    state = world.start()
    rows = []
    for tick in range(3):
        truth = world.day(tick, state).truth
        rows.append(truth.sort_values("true_probability").tail(300))
        if tick < 2:
            world.react(state, tick, truth.reset_index().assign(final_action="approve"))
    picks = pd.concat(rows).reset_index()[["request_id"]].assign(score=np.nan)
    fresh = copy.deepcopy(state)
    fresh.today = fresh.doubts_today = None
    verdicts = [world.review(each, 2, picks) for each in (state, copy.deepcopy(state), fresh)]
    for other in verdicts[1:]:
        pd.testing.assert_frame_equal(verdicts[0], other)
    known = pd.concat(rows).loc[picks["request_id"]]
    people = replace(world.reviewers)
    exact = people.judge(
        world.seed,
        picks,
        (known["true_label"] == 1).to_numpy(),
        known["true_probability"].to_numpy(),
    )
    pd.testing.assert_frame_equal(verdicts[0], exact)


def test_hours_are_those_of_the_scheme():
    """Attempts of a sitting share their hour, in every scheme's own profile."""
    world = payments_world(seed=8, daily=4_000, drift=BUSY)
    payments, campaigns, _ = past_attempts(world.population, 4_000, 60)
    hour = payments.time % DAY_MS // HOUR_MS
    for scheme in range(KNOWN):
        rows = campaigns.scheme == scheme
        share = np.bincount(hour[rows], minlength=24) / rows.sum()
        wanted = HOURS[SCHEMES[scheme].hours]
        assert np.abs(share - wanted).max() < 0.06
