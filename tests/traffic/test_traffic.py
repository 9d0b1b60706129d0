"""Traffic against queueing theory: every number is a closed form or a published fact."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from traffic_oracle import Brute

from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.traffic import (
    Arrivals,
    Fallback,
    Outage,
    Policy,
    QueueRun,
    Retries,
    Throttle,
    amplification,
    erlang_c,
    flash_crowd,
    late_share,
    mean_wait,
    poisson,
    simulate_queue,
    spike,
    stable,
    storm_threshold,
    together,
)

SEEDS = range(6)


# --- theory against itself written otherwise, and published values -----------------------------


@pytest.mark.parametrize("servers", (1, 2, 4, 10, 40))
@pytest.mark.parametrize("load", (0.1, 0.5, 0.9))
def test_erlang_c_is_the_textbook_sum(load: float, servers: int) -> None:
    offered = load * servers
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1 - load)
    assert erlang_c(load, servers) == pytest.approx(last / (sum(terms) + last), rel=1e-12)


WAITS = {
    1: (1.0, 4.0, 9.0, 19.0),
    2: (0.333, 1.778, 4.263, 9.256),
    4: (0.087, 0.746, 1.969, 4.457),
    10: (0.007, 0.205, 0.669, 1.651),
}
LOADS = (0.5, 0.8, 0.9, 0.95)
HORIZON = {0.5: 40_000.0, 0.8: 160_000.0, 0.9: 200_000.0}  # a busy queue forgets slowly


@pytest.mark.parametrize("servers", WAITS)
def test_mean_waits_are_the_published_ones(servers: int) -> None:
    measured = [mean_wait(load, servers) for load in LOADS]
    assert measured == pytest.approx(WAITS[servers], abs=6e-4)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.8), (2, 0.8), (4, 0.8)])
def test_the_laboratory_waits_as_erlang_says(servers: int, load: float) -> None:
    runs = [
        simulate_queue(poisson(load * servers, HORIZON[load] / servers, seed=seed), servers=servers,
                       seed=seed)
        for seed in SEEDS
    ]  # fmt: skip
    assert np.mean([run.waits.mean() for run in runs]) == pytest.approx(
        mean_wait(load, servers), rel=0.05
    )
    waited = np.mean([np.mean(run.waits > 0) for run in runs])
    assert waited == pytest.approx(erlang_c(load, servers), rel=0.05)


def lindley(calls: Arrivals, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Waits at one server as a walk above its running minimum, and the service times."""
    needs = stream(seed, "traffic.service", 0).standard_exponential(len(calls))
    walk = np.concatenate([[0.0], np.cumsum(needs[:-1] - np.diff(calls.times))])
    return walk - np.minimum.accumulate(walk), needs


def test_one_server_is_lindleys_recursion_to_the_last_digit() -> None:
    calls = poisson(0.9, 5_000.0, seed=8)
    waits, needs = lindley(calls, 8)
    run = simulate_queue(calls, policy=Policy(timeout_s=20.0), seed=8)
    np.testing.assert_allclose(run.waits, waits, atol=1e-8)
    assert run.share("late") == np.mean(waits + needs > 20) > 0


@pytest.mark.parametrize(("servers", "load"), [(2, 0.9), (4, 0.95), (10, 1.1)])
def test_many_servers_are_kiefer_and_wolfowitz_to_the_last_digit(servers: int, load: float) -> None:
    calls, seed, work = poisson(load * servers, 5_000.0 / servers, seed=9), 9, np.zeros(servers)
    needs = stream(seed, "traffic.service", 0).standard_exponential(len(calls))
    waits = []
    for gap, need in zip(np.diff(calls.times, prepend=0.0), needs, strict=True):
        work = np.sort(np.maximum(work - gap, 0))  # what each server still has before it
        waits.append(work[0])
        work[0] += need
    run = simulate_queue(calls, servers=servers, seed=seed)
    np.testing.assert_allclose(run.waits, waits, atol=1e-8)


@pytest.mark.parametrize("load", (0.8, 0.9, 0.95))
def test_waits_and_missed_deadlines_are_those_of_the_closed_forms(load: float) -> None:
    waited, late = [], []
    for seed in range(24):  # twelve million calls: at 95 % a mean has a standard error of 1 %
        waits, needs = lindley(poisson(load, 500_000 / load, seed=seed), seed)
        waited.append(waits.mean())
        late.append(np.mean(waits + needs > 20))
    assert np.mean(waited) == pytest.approx(mean_wait(load), rel=0.05)
    assert np.mean(late) == pytest.approx(late_share(load, 20.0), rel=0.08)


# --- arrivals ----------------------------------------------------------------------------------


def test_poisson_gaps_are_exponential_and_counts_are_poisson() -> None:
    times = poisson(50.0, 400.0, seed=3).times
    assert stats.kstest(np.diff(times), "expon", args=(0, 1 / 50.0)).pvalue > 0.01
    counts = np.histogram(times, np.arange(401.0))[0]
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.25)


def test_a_spike_has_the_rates_it_says_and_shares_the_luck_before_it() -> None:
    calm = poisson(100.0, 90.0, seed=5)
    crowded = spike(100.0, 90.0, factor=4.0, start=30.0, end=60.0, seed=5)
    before = crowded.times[crowded.times < 30]
    np.testing.assert_allclose(before, calm.times[: len(before)], rtol=1e-12)
    inside = ((crowded.times >= 30) & (crowded.times < 60)).sum()
    assert inside == pytest.approx(12_000, abs=4 * math.sqrt(12_000))


def test_a_flash_crowd_jumps_and_fades() -> None:
    crowd = flash_crowd(100.0, 300.0, factor=6.0, at=60.0, fades_in=30.0, seed=2)
    rates = np.histogram(crowd.times, np.arange(0.0, 301.0, 10))[0] / 10
    assert rates[:6] == pytest.approx(100, abs=20)
    expected = 100 * (1 + 5 * 30 / 10 * (1 - math.exp(-1 / 3)))  # the mean of its first ten seconds
    assert rates[6] == pytest.approx(expected, rel=0.08)
    assert rates[-1] == pytest.approx(100, abs=20)


# --- the facts of trouble ----------------------------------------------------------------------


def stalled(load: float, policy: Policy, seed: int, servers: int = 10) -> QueueRun:
    """Run ten servers that do nothing for thirty seconds, and forty minutes more."""
    calls = poisson(load * servers, 3_000.0, seed=seed)
    return simulate_queue(
        calls, servers=servers, policy=policy, outages=[Outage(500.0, 530.0)], seed=seed
    )


@pytest.mark.parametrize("retries", (1, 3))
def test_a_retry_storm_outlives_its_cause_above_the_threshold_only(retries: int) -> None:
    policy = Policy(timeout_s=5.0, retries=Retries(retries))
    threshold = storm_threshold(retries)
    for seed in (1, 2):
        below = stalled(0.8 * threshold, policy, seed)
        above = stalled(1.2 * threshold, policy, seed)
        assert below.served_between(2_500, 3_000) > 0.98
        assert above.served_between(2_500, 3_000) < 0.02
        stuck = above.per_second().loc[1_500:2_500]
        assert stuck["calls"].sum() / stuck["requests"].sum() == pytest.approx(
            amplification(retries), rel=0.05
        )


@pytest.mark.parametrize("load", (0.3, 0.6))
def test_a_budget_of_a_tenth_recovers(load: float) -> None:
    run = stalled(load, Policy(timeout_s=5.0, retries=Retries(3, budget=0.1)), seed=3)
    assert run.served_between(2_500, 3_000) > 0.95
    assert run.amplification < 1.1 + 10 / len(run.outcome)


def test_patience_alone_does_not_end_a_storm_but_refusing_does() -> None:
    backoff = stalled(0.45, Policy(timeout_s=5.0, retries=Retries(3, backoff_s=2.0)), seed=4)
    limit = stalled(0.45, Policy(timeout_s=5.0, retries=Retries(3), queue_limit=20), seed=4)
    breaker = stalled(0.45, Policy(timeout_s=5.0, retries=Retries(3), breaker=Breaker()), seed=4)
    assert backoff.served_between(2_500, 3_000) < 0.02
    assert limit.served_between(2_500, 3_000) > 0.98
    assert breaker.served_between(2_500, 3_000) > 0.98


@pytest.mark.parametrize(("load", "lost"), [(0.7, 2), (0.7, 4), (0.5, 4), (0.5, 6)])
def test_a_partial_outage_is_survived_iff_the_rest_can_do_the_work(load: float, lost: int) -> None:
    calls = poisson(load * 10, 4_000.0, seed=6)
    run = simulate_queue(calls, servers=10, outages=[Outage(0.0, 4_000.0, servers=lost)], seed=6)
    grows = run.per_second()["queue"].iloc[-1] > 400
    assert grows == (not stable(load, 10, lost))


def test_a_throttled_backend_receives_twice_what_it_accepts_at_most() -> None:
    policy = Policy(timeout_s=3.0, queue_limit=20, throttle=Throttle(k=2.0))
    run = simulate_queue(poisson(60.0, 1_500.0, seed=7), servers=10, policy=policy, seed=7)
    late = run.sent > 300
    accepted = ~np.isnan(run.started[late])
    assert 1.5 < late.sum() / accepted.sum() <= 2.05
    unthrottled = simulate_queue(
        poisson(60.0, 1_500.0, seed=7), servers=10, policy=Policy(queue_limit=20), seed=7
    )
    assert len(unthrottled.sent) / (~np.isnan(unthrottled.started)).sum() > 5


def test_a_bulkhead_keeps_one_kind_of_caller_from_sinking_the_other() -> None:
    quick, slow = poisson(6.0, 600.0, seed=1), poisson(3.0, 600.0, seed=2)
    both = together(quick, slow)
    service = (0.5, 10.0)  # the slow kind alone offers thirty servers' work
    shares = []
    for bulkhead in (None, 5):
        policy = Policy(timeout_s=5.0, bulkhead=bulkhead)
        run = simulate_queue(both, servers=10, service_s=service, policy=policy, seed=3)
        frame = run.requests
        shares.append((frame.loc[frame["kind"] == 0, "outcome"] == "served").mean())
    assert shares[0] < 0.1
    assert shares[1] > 0.8


def test_a_throttle_forgets_after_its_window() -> None:
    calls, stall = poisson(4.0, 400.0, seed=2), [Outage(200.0, 260.0)]
    short, long = (
        simulate_queue(
            calls, servers=10, policy=Policy(queue_limit=0, throttle=Throttle(window_s=seconds)),
            outages=stall, seed=2,
        ).served_between(275, 290)
        for seconds in (10, 60)
    )  # fmt: skip
    assert short > 0.95
    assert long < 0.5


def test_a_breaker_looks_at_the_calls_that_the_throttle_let_go() -> None:
    policy = Policy(queue_limit=20, throttle=Throttle())  # one call in two is refused, and
    alone, opens, never = (  # five in six are not even made
        simulate_queue(poisson(60.0, 300.0, seed=7), servers=10, policy=tried, seed=1)
        for tried in (
            policy,
            *(replace(policy, breaker=Breaker(failure_share=x)) for x in (0.4, 0.8)),
        )
    )
    assert len(opens.sent) < 0.95 * len(alone.sent)
    np.testing.assert_array_equal(never.sent, alone.sent)


def test_a_breaker_does_not_blame_the_servers_for_what_the_caller_refused() -> None:
    calls = poisson(4.0, 600.0, seed=1)  # ten servers, 40 % busy: nothing is wrong with them
    alone, both = (
        simulate_queue(
            calls, servers=10, policy=Policy(60.0, bulkhead=3, breaker=breaker), seed=1
        ).share("served")
        for breaker in (None, Breaker())
    )
    assert 0.4 < alone < 0.7
    assert both == alone


def test_a_breaker_counts_refusals_by_the_servers() -> None:
    calls, full = poisson(60.0, 600.0, seed=7), Policy(queue_limit=20)
    eager, careful = (
        simulate_queue(calls, servers=10, policy=policy, seed=1)
        for policy in (full, replace(full, breaker=Breaker()))
    )
    assert eager.amplification == 1
    assert careful.amplification < 0.5  # open for five of six seconds
    closed = careful.per_second()["calls"] > 0
    assert closed.mean() < 0.5


def test_the_table_by_second_counts_what_the_requests_say() -> None:
    policy = Policy(timeout_s=3.0, retries=Retries(2), queue_limit=5)
    run = simulate_queue(poisson(12.0, 60.0, seed=4), servers=6, policy=policy, seed=4)
    table, second = run.per_second(), run.arrivals.times.astype(int)
    for moment, outcomes in run.requests.groupby(second)["outcome"]:
        for outcome, requests in outcomes.value_counts().items():
            assert table.loc[moment, outcome] == requests
    assert table["calls"].sum() == (run.sent < 60).sum()
    queued = [((run.sent < start) & (run.started >= start)).sum() for start in table.index]
    assert table["queue"].tolist() == queued
    assert max(queued) > 0


def test_a_fallback_answers_whatever_nobody_else_did() -> None:
    policy = Policy(timeout_s=2.0, queue_limit=5, fallback=Fallback(latency_s=0.01))
    run = simulate_queue(poisson(30.0, 300.0, seed=1), servers=10, policy=policy, seed=1)
    assert run.share("served") + run.share("fallback") == 1
    assert run.latency(100) <= 2.01 + 1e-9


# --- what always holds -------------------------------------------------------------------------

policies = st.builds(
    Policy,
    timeout_s=st.none() | st.floats(0.1, 20.0),
    retries=st.builds(
        Retries,
        attempts=st.integers(0, 4),
        backoff_s=st.sampled_from((0.0, 0.5)),
        budget=st.none() | st.floats(0, 1),
    ),
    queue_limit=st.none() | st.integers(0, 30),
    throttle=st.none() | st.builds(Throttle, k=st.floats(1.1, 4.0), window_s=st.integers(1, 60)),
    bulkhead=st.none() | st.integers(0, 20),
    breaker=st.none() | st.builds(Breaker),
    fallback=st.none() | st.builds(Fallback),
)
troubles = st.lists(
    st.builds(
        Outage,
        start=st.floats(0, 20),
        end=st.floats(21, 60),
        servers=st.none() | st.integers(1, 3),
    ),
    max_size=2,
)


@settings(max_examples=60, deadline=None)
@given(policy=policies, outages=troubles, rate=st.floats(0.5, 12.0), seed=st.integers(0, 999))
def test_every_request_ends_once_and_the_same_way_twice(
    policy: Policy, outages: list[Outage], rate: float, seed: int
) -> None:
    calls = poisson(rate, 80.0, seed=seed)
    one, two = (
        simulate_queue(calls, servers=3, policy=policy, outages=outages, seed=seed)
        for _ in range(2)
    )
    assert one.outcome.tobytes() == two.outcome.tobytes()
    assert one.done.tobytes() == two.done.tobytes()
    frame = one.requests
    assert len(frame) == len(calls)
    assert frame["outcome"].notna().all()
    assert (frame["latency"] >= 0).all()
    assert frame["attempts"].sum() == len(one.sent)
    assert frame["attempts"].max() <= policy.retries.attempts + 1 if len(frame) else True
    if policy.timeout_s is not None:
        times = policy.retries.attempts
        pauses = policy.retries.backoff_s * (2**times - 1)
        longest = (times + 1) * policy.timeout_s + pauses + Fallback().latency_s
        assert frame["latency"].max() <= longest + 1e-6 if len(frame) else True
    if policy.fallback is not None:
        assert set(frame["outcome"].unique()) <= {"served", "fallback"}
    assert one.per_second()["requests"].sum() == len(calls)


@settings(max_examples=150, deadline=None)
@given(
    policy=st.builds(
        Policy,
        timeout_s=st.none() | st.floats(0.3, 6.0),
        retries=st.builds(
            Retries, attempts=st.integers(0, 3), backoff_s=st.sampled_from((0.0, 0.5)),
            budget=st.none() | st.just(0.1), burst=st.sampled_from((3.0, 10.0)),
        ),
        queue_limit=st.none() | st.integers(0, 12),
        bulkhead=st.none() | st.integers(1, 8),
        fallback=st.none() | st.just(Fallback(0.01)),
    ),
    outages=st.lists(st.sampled_from((Outage(20.0, 35.0), Outage(20.0, 35.0, 1))), max_size=1),
    load=st.floats(0.3, 1.5),
    servers=st.integers(2, 4),
    seed=st.integers(0, 10**6),
)  # fmt: skip
def test_brute_force_tells_the_same_story_of_every_request(
    policy: Policy, outages: list[Outage], load: float, servers: int, seed: int
) -> None:
    calls = together(poisson(load * servers, 60.0, seed=seed), poisson(0.5, 60.0, seed=seed + 1))
    means = (1.0, 2.5)
    run = simulate_queue(
        calls, servers=servers, service_s=means, policy=policy, outages=outages, seed=seed
    ).requests
    brute = Brute(calls, servers, means, policy, outages, seed)
    assert run["outcome"].tolist() == brute.outcome
    assert run["attempts"].tolist() == brute.attempts
    np.testing.assert_allclose(run["latency"], brute.latency, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(rate=st.floats(1.0, 6.0), seed=st.integers(0, 999), servers=st.integers(1, 6))
def test_one_more_server_never_makes_anybody_wait_longer(
    rate: float, seed: int, servers: int
) -> None:
    calls = poisson(rate, 100.0, seed=seed)
    few, many = (
        simulate_queue(calls, servers=count, seed=seed) for count in (servers, servers + 1)
    )
    assert (many.started <= few.started + 1e-9).all()


def test_the_policy_that_is_passed_in_is_not_worn_out() -> None:
    breaker = Breaker()
    policy = Policy(timeout_s=1.0, breaker=breaker)
    run = simulate_queue(poisson(20.0, 60.0), servers=2, policy=policy)
    assert run.share("shed") > 0
    assert breaker == Breaker()


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (lambda: poisson(-1.0, 10.0), "rate=-1.0 must be a finite number above 0"),
        (lambda: poisson(1e9, 1e9), "too many"),
        (lambda: spike(1.0, 10.0, factor=2.0, start=8.0, end=4.0), "0 < start < end"),
        (lambda: flash_crowd(1.0, 10.0, factor=2.0, at=11.0), "0 < at"),
        (lambda: Arrivals(np.array([2.0, 1.0]), 10.0), "ascending"),
        (lambda: Arrivals(np.array([2.0, 11.0]), 10.0), "outside"),
        (lambda: together(), "no stream"),
        (lambda: simulate_queue([1, 2]), "poisson"),  # type: ignore[arg-type]
        (lambda: simulate_queue(poisson(1.0, 9.0), servers=0), "servers=0"),
        (lambda: simulate_queue(poisson(1.0, 9.0), service_s=0.0), "service_s=0.0"),
        (lambda: simulate_queue(together(poisson(1.0, 9.0), poisson(1.0, 9.0)), service_s=[1.0]),
         "one for each"),
        (lambda: Policy(timeout_s=0.0), "timeout_s"),
        (lambda: Policy(queue_limit=-1), "queue_limit"),
        (lambda: Retries(attempts=-1), "attempts"),
        (lambda: Retries(budget=2.0), "budget=2.0"),
        (lambda: Retries(backoff_s=-1.0), "backoff_s"),
        (lambda: Throttle(k=0.0), "k=0.0"),
        (lambda: Outage(5.0, 5.0), "0 <= start < end"),
        (lambda: Outage("a", 5.0), "start='a'"),  # type: ignore[arg-type]
        (lambda: Outage(1.0, math.inf), "end=inf"),
        (lambda: Outage(1.0, 2.0, servers=-1), "servers=-1"),
        (lambda: Fallback(-5.0), "latency_s=-5.0"),
        (lambda: Retries(burst=-1.0), "burst=-1.0"),
        (lambda: Policy(retries=3), r"retries=3 must be a Retries"),  # type: ignore[arg-type]
        (lambda: Policy(breaker=True), "Breaker"),  # type: ignore[arg-type]
        (lambda: simulate_queue(poisson(1.0, 9.0), policy=3), "Policy"),  # type: ignore[arg-type]
        (lambda: simulate_queue(poisson(1.0, 9.0), outages=[1]), "Outage"),  # type: ignore[list-item]
        (lambda: simulate_queue(poisson(1.0, 9.0), service_s=None), "service_s=None"),  # type: ignore[arg-type]
        (lambda: simulate_queue(poisson(1.0, 9.0), seed=-1), "seed=-1"),
        (lambda: poisson(1.0, 9.0, seed=-1), "seed=-1"),
        (lambda: spike(1.0, 9.0, factor=2.0, start="a", end=3.0), "start='a'"),  # type: ignore[arg-type]
        (lambda: Arrivals(np.array([1.0, 2.0]), 10.0, np.array([1])), "kinds"),
        (lambda: Arrivals(["a"], 10.0), "numbers of seconds"),  # type: ignore[arg-type]
        (lambda: together(3), "odd one"),  # type: ignore[arg-type]
        (lambda: simulate_queue(poisson(1.0, 9.0)).latency(200), "percentile=200"),
        (lambda: late_share(0.5, -1.0), "deadline=-1.0"),
        (lambda: stable(0.5, 4, -1), "lost=-1"),
        (lambda: storm_threshold(-1), "retries=-1"),
        (lambda: erlang_c(1.2), "no steady state"),
    ],
)  # fmt: skip
def test_mistakes_get_one_sentence(mistake: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        mistake()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_an_empty_stream_is_a_result_too() -> None:
    run = simulate_queue(Arrivals(np.empty(0), seconds=3.0))
    assert repr(run) == "QueueRun(0 requests: none; 0.00 attempts a request, p99 0.00 s)"
    assert len(run.per_second()) == 3
