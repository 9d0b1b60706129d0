"""Questions and bets of lesson 04: waiting, asking again, giving up, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons import traffic
from mlsys_lessons.lessons import NotAttempted, Prediction, Question, WrongAnswer, agrees_with
from mlsys_lessons.lessons.lesson04 import overload_lab as lesson04_lab
from mlsys_lessons.traffic import Policy, Retries

bet1 = Prediction(
    id="lesson04.bet1",
    question="How long after the five seconds until callers with three retries are answered again?",
    choices=("seconds", "a minute or two", "about ten minutes", "not by itself"),
)
bet2 = Prediction(
    id="lesson04.bet2",
    question="How many servers in place of four would end it, at the same load?",
    unit="servers",
)

bet3 = Prediction(
    id="lesson04.bet3",
    question="Which failure mode does most damage in a week without its design?",
    choices=tuple(mls.faults.FAILURE_MODES),
)

# --- q1: when to ask again -----------------------------------------------------------------------


def backoff(attempt, luck):
    """Seconds to wait: anything between now and a wait that doubles up to two seconds."""
    longest = np.minimum(2.0, 0.1 * 2.0**attempt)
    return luck * longest


def all_together(attempt, luck):
    """Doubling, without jitter."""
    return np.minimum(2.0, 0.1 * 2.0**attempt)


def without_end(attempt, luck):
    """Doubling for ever."""
    return luck * 0.1 * 2.0**attempt


def a_little_jitter(attempt, luck):
    """Doubling, with a pinch of luck on top."""
    return np.minimum(2.0, 0.1 * 2.0**attempt) + 0.1 * luck


def evenly(attempt, luck):
    """A step longer each time."""
    return luck * np.minimum(2.0, 0.1 * (attempt + 1))


def _attempts(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (8, 300):
        attempt = generator.integers(0, 12, rows)
        attempt[:3] = [0, 3, 9]
        yield {"attempt": attempt, "luck": generator.random(rows)}


_WAITS = {
    "all together": WrongAnswer(
        all_together,
        "Everybody whom one stall has failed waits equally long and comes back in one crowd; the "
        "wait needs luck in it.",
    ),
    "without end": WrongAnswer(
        without_end,
        "Doubling has no end: the tenth try comes after more than a minute, when nobody waits for "
        "it any more. Cap it.",
    ),
    "a little jitter": WrongAnswer(
        a_little_jitter,
        "Luck is added on top of the wait, so the crowd of one stall still comes back within a "
        "tenth of a second.",
    ),
    "evenly": WrongAnswer(
        evenly, "The wait grows by steps; a crowd that grows by doubling is not slowed by steps."
    ),
}

q1 = Question(
    id="lesson04.q1",
    prompt=(
        "Write `backoff`: how many seconds a caller waits before it asks again. `attempt` counts "
        "its retries from 0, `luck` is uniform between 0 and 1 (arrays). The longest wait is 0.1 s "
        "and doubles with each retry up to 2 s; the wait is anything between zero and that."
    ),
    starter="""
        def backoff(attempt, luck):
            longest = ...  # 0.1 s, doubling, at most 2 s
            return ...
    """,
    hints=(
        "Two things spread a crowd: waiting longer each time, and not all equally long.",
        "The bound doubles; the luck decides where below the bound this caller lands.",
        "`luck * np.minimum(2.0, 0.1 * 2.0**attempt)`.",
    ),
    answer=backoff,
    rule=agrees_with(
        backoff, _attempts, tempting=_WAITS,
        otherwise="The bound is 0.1 s at the first retry, 0.2 s at the second, never above 2 s.",
    ),
    wrong_answers=_WAITS,
    explanation=(
        "Exponential backoff with full jitter, as every client library offers it. It takes the "
        "peaks off a crowd. What it does not change is how many calls come: each failed call is "
        "still asked as often as before, only later."
    ),
)  # fmt: skip

# --- q2: how many may ask again ------------------------------------------------------------------


def may_retry(calls, failures, retries):
    """Whether one more retry keeps the load below 1.1 times the fresh calls."""
    return retries + 1 <= 0.1 * calls


def of_the_failures(calls, failures, retries):
    """A tenth of what fails."""
    return retries + 1 <= 0.1 * failures


def of_everything(calls, failures, retries):
    """A tenth of all that is sent."""
    return retries + 1 <= 0.1 * (calls + retries)


def up_to_three(calls, failures, retries):
    """Three for each failed call, as before."""
    return retries + 1 <= 3 * failures


def _minutes(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    calls = generator.integers(500, 9_000, 60)
    calm = generator.random(60) < 0.5
    failures = np.where(calm, calls // 50, calls * 3)
    retries = (calls * generator.choice([0.0, 0.03, 0.0999, 0.105, 0.2, 1.5], 60)).astype(np.int64)
    yield {"calls": calls, "failures": failures, "retries": retries}


_BUDGETS = {
    "of the failures": WrongAnswer(
        of_the_failures,
        "A share of the failures grows with the failures: in a storm, when everything fails, it "
        "allows most. Tie it to something that the storm cannot inflate.",
    ),
    "of everything": WrongAnswer(
        of_everything,
        "Your retries count among the calls that allow retries: each one pays for a part of the "
        "next. Count fresh calls only.",
    ),
    "up to three": WrongAnswer(
        up_to_three,
        "A limit for each call is what the callers had already; a limit is missing for all of them "
        "together.",
    ),
}

q2 = Question(
    id="lesson04.q2",
    prompt=(
        "Write `may_retry`: may one retry more be sent? In the last minute there were `calls` "
        "fresh calls, `failures` timeouts, of fresh calls and of retries, and `retries` retries "
        "(arrays, one entry a client). Whatever fails, the servers must never get more than 1.1 "
        "times the fresh calls."
    ),
    starter="""
        def may_retry(calls, failures, retries):
            ...
    """,
    hints=(
        "In a storm nearly everything that one can count goes up. What does not?",
        "The fresh calls. A tenth of them is the budget, and the next retry must still fit in.",
        "`retries + 1 <= 0.1 * calls`.",
    ),
    answer=may_retry,
    rule=agrees_with(
        may_retry, _minutes, tempting=_BUDGETS,
        otherwise="Fresh calls and retries together, the next one included, stay within 1.1 times "
        "the fresh calls.",
    ),
    wrong_answers=_BUDGETS,
    explanation=(
        "On a calm day hardly anybody notices the budget: one call in a hundred fails, and each of "
        "them may ask again. In a storm it is all that counts, because it is tied to the one "
        "number that the storm cannot inflate. In `traffic` it is `Retries(3, budget=0.1)`."
    ),
)  # fmt: skip

# --- q3: how busy may it be ----------------------------------------------------------------------


def busiest(utilisation, p99_ms, target_ms, servers, lost):
    """The load of the whole fleet at which what is left of it still keeps the target."""
    first_breach = int(np.argmax(p99_ms > target_ms))
    left = utilisation[first_breach - 1]
    return float(left * (servers - lost) / servers)


def nobody_dies(utilisation, p99_ms, target_ms, servers, lost):
    """The curve, read for a fleet that never loses anybody."""
    return float(utilisation[int(np.argmax(p99_ms > target_ms)) - 1])


def a_lucky_point(utilisation, p99_ms, target_ms, servers, lost):
    """The last point below the target, wherever it lies."""
    return float(utilisation[p99_ms <= target_ms].max() * (servers - lost) / servers)


def merely_stable(utilisation, p99_ms, target_ms, servers, lost):
    """The load at which the queue does not grow for ever."""
    return (servers - lost) / servers


def the_wrong_way(utilisation, p99_ms, target_ms, servers, lost):
    """More, because there were more servers."""
    found = utilisation[int(np.argmax(p99_ms > target_ms)) - 1] * servers / (servers - lost)
    return float(min(found, 1.0))


def _curves(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Measured curves, with a lucky point behind the first breach."""
    for servers, lost in ((4, 1), (10, 3), (2, 1)):
        utilisation = np.round(np.arange(0.30, 0.96, 0.05), 2)
        p99 = generator.uniform(50, 90) / (1 - utilisation) ** generator.uniform(0.6, 1.2)
        breach = int(generator.integers(4, len(p99) - 3))
        target = float(p99[breach] * 0.97)
        p99[breach + 1] = target * generator.uniform(0.9, 0.99)
        yield {
            "utilisation": utilisation, "p99_ms": p99, "target_ms": target,
            "servers": servers, "lost": lost,
        }  # fmt: skip


_LOADS = {
    "nobody dies": WrongAnswer(
        nobody_dies,
        "You read the curve of the servers that are left and forget that they carry the load of "
        "all: with k of N gone, each is busier by N/(N - k).",
    ),
    "a lucky point": WrongAnswer(
        a_lucky_point,
        "A later point lies below the target by luck of the measurement; the load must be one "
        "below which every point keeps it.",
    ),
    "merely stable": WrongAnswer(
        merely_stable,
        "At (N - k)/N the queue only just does not grow for ever; the target is a wait, and waits "
        "explode long before.",
    ),
    "the wrong way": WrongAnswer(
        the_wrong_way, "The whole fleet must be idler than what is left of it will be, not busier."
    ),
}

q3 = Question(
    id="lesson04.q3",
    prompt=(
        "Write `busiest`: how busy the whole fleet of `servers` may be on a quiet day, so that "
        "with `lost` of them gone `target_ms` is still kept. `utilisation` (ascending) and "
        "`p99_ms` are a measured hockey stick of the servers that are *left*; measured, so it "
        "wobbles. Somewhere it breaches the target."
    ),
    starter="""
        def busiest(utilisation, p99_ms, target_ms, servers, lost):
            left = ...  # how busy may those be that are left?
            return ...  # and how busy were all of them before?
    """,
    hints=(
        "Two steps: read the curve for the servers that are left, then go back to the day on "
        "which all were there.",
        "Read from the left and stop at the first breach; later points may dip below it by luck.",
        "`utilisation[np.argmax(p99_ms > target_ms) - 1] * (servers - lost) / servers`.",
    ),
    answer=busiest,
    rule=agrees_with(
        busiest, _curves, tempting=_LOADS,
        otherwise="Take the point before the first breach, then spread its load over all servers.",
    ),
    wrong_answers=_LOADS,
    explanation=(
        "A queue is stable below one, but a promise about the slowest hundredth is broken long "
        "before, and a fleet that keeps it only while nobody is missing does not keep it. The idle "
        "part is not waste. It is what the promise is made of."
    ),
)  # fmt: skip

# --- q4: when to stop asking ---------------------------------------------------------------------


def open_above(model, rule, waiting):
    """The failure share from which a breaker earns more open than closed."""
    return (model - rule) / (model - rule + waiting)


def half(model, rule, waiting):
    """What the library has as its default."""
    return 0.5 + 0.0 * (model + rule + waiting)


def no_rung_below(model, rule, waiting):
    """As if a failed call got no answer at all."""
    return (model - rule) / (model + waiting)


def share_that_works(model, rule, waiting):
    """The share of calls that must still succeed."""
    return waiting / (model - rule + waiting)


def _worths(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    rows = 6
    rule = generator.uniform(5, 40, rows)
    yield {
        "model": rule + generator.uniform(5, 60, rows), "rule": rule,
        "waiting": generator.uniform(1, 30, rows),
    }  # fmt: skip


_OPENINGS = {
    "half": WrongAnswer(
        half,
        "One half is the default of two well-known libraries; it knows neither your model's worth "
        "nor what waiting costs.",
    ),
    "no rung below": WrongAnswer(
        no_rung_below,
        "A failed call is not lost: after the wait the rule answers it as well. Count what the "
        "rule earns there, too.",
    ),
    "the share that works": WrongAnswer(
        share_that_works, "That is the share of calls that must still succeed; asked is its rest."
    ),
}

q4 = Question(
    id="lesson04.q4",
    prompt=(
        "Write `open_above`: the share of failing calls above which an open breaker earns more "
        "than a closed one. A call that the model answers earns `model` cents, one that the rule "
        "answers `rule`. Closed, every call asks the model; one that fails has cost `waiting` "
        "cents before the rule steps in. Open, the rule answers at once."
    ),
    starter="""
        def open_above(model, rule, waiting):
            ...
    """,
    hints=(
        "Write down what a call earns on average with the breaker closed when a share s fails.",
        "Closed: `(1 - s) * model + s * (rule - waiting)`. Open: `rule`. Where do they meet?",
        "`(model - rule) / (model - rule + waiting)`.",
    ),
    answer=open_above,
    rule=agrees_with(
        open_above, _worths, tempting=_OPENINGS,
        otherwise="At the share asked for, open and closed earn the same.",
    ),
    wrong_answers=_OPENINGS,
    explanation=(
        "If waiting costs nothing, the breaker should never open: it can only throw away the "
        "answers that would still have come. It earns its place by what waiting costs, to the "
        "caller and to the service that is already down. One breaker for a whole fleet is "
        "dangerous for the same reason: with one of four replicas gone it turns a quarter of the "
        "failures into all of them."
    ),
)  # fmt: skip

# --- q5: survive the crowd -----------------------------------------------------------------------

BAR, CROWDS = 0.9, tuple(range(300, 340))
CROWD: dict[str, Any] = {"rate": 120.0, "seconds": 120.0, "factor": 4.0, "at": 20.0,
                         "fades_in": 20.0}  # fmt: skip


def my_policy():
    """A small room, a rule at its door, and no second try."""
    return mls.traffic.Policy(timeout_s=0.5, queue_limit=20, fallback=mls.traffic.Fallback())


def ask_again():
    """What the storm taught: a budget."""
    return Policy(timeout_s=0.5, retries=Retries(3, backoff_s=0.1, budget=0.1))


def rule_at_the_end():
    """A rule for whoever has waited in vain, three times."""
    return Policy(timeout_s=0.5, retries=Retries(3), fallback=traffic.Fallback())


def rule_after_the_wait():
    """A rule for whoever has waited in vain."""
    return Policy(timeout_s=0.5, fallback=traffic.Fallback())


def only_the_door():
    """A small room, and nothing for those who stay outside."""
    return Policy(timeout_s=0.5, queue_limit=20)


def a_room_for_all():
    """A large room."""
    return Policy(timeout_s=0.5, queue_limit=1_000, fallback=traffic.Fallback())


_POLICIES = {
    "a budget": WrongAnswer(
        ask_again,
        "A crowd is no stall: there are too many fresh calls, and no rule about retries makes them "
        "fewer. Somebody must be turned away.",
    ),
    "a rule at the very end": WrongAnswer(
        rule_at_the_end,
        "Your rule answers after four timeouts; by then two seconds have passed and nobody is "
        "listening.",
    ),
    "a rule after the wait": WrongAnswer(
        rule_after_the_wait,
        "The servers spend the crowd on calls whose callers have gone: whoever waits too long must "
        "not get into the queue.",
    ),
    "only the door": WrongAnswer(
        only_the_door, "Whoever is turned away gets nothing; give them the simpler answer at once."
    ),
    "a room for all": WrongAnswer(
        a_room_for_all,
        "A thousand places are five seconds of work: everybody in that room gives up before their "
        "turn.",
    ),
}


@lru_cache
def _crowd(seed: int) -> traffic.Arrivals:
    return traffic.flash_crowd(**CROWD, seed=seed)


def _missed(policy: Policy) -> str:
    """What a policy that earns too little has missed."""
    if policy.queue_limit is not None:
        found = "a room for all" if policy.fallback is not None else "only the door"
    elif policy.fallback is None:
        found = "a budget"
    else:
        again = policy.retries.attempts > 1 and policy.retries.budget is None
        found = "a rule at the very end" if again else "a rule after the wait"
    return _POLICIES[found].message


def _survives(answer: Any, generator: np.random.Generator) -> str | None:
    policy = answer()
    if policy is None or policy is ...:
        raise NotAttempted("the policy is still open")
    if not isinstance(policy, Policy):
        return f"yours returns a {type(policy).__name__}; return a `mls.traffic.Policy(...)`."
    seed = int(generator.choice(CROWDS))
    crowd = _crowd(seed)
    run = traffic.simulate_queue(
        crowd, servers=lesson04_lab.SERVERS, service_s=lesson04_lab.SERVICE_S, policy=policy,
        seed=seed,
    )  # fmt: skip
    share = lesson04_lab.earned(run) / (len(crowd) * lesson04_lab.worth()["served"] / 100)
    if share >= BAR:
        return None
    return (
        f"in crowd {seed} yours earns {share:.0%} of what a fleet without limits would; the bar is "
        f"{BAR:.0%}. {_missed(policy)}"
    )


q5 = Question(
    id="lesson04.q5",
    prompt=(
        "Design: in the twentieth second a link goes round, and four times as many people come; "
        "the crowd fades within minutes. Write `my_policy()`, a `mls.traffic.Policy` for the same "
        "four servers: `timeout_s`, `retries`, `queue_limit`, `throttle`, `breaker`, `fallback`. "
        "An answer of the model earns what it is worth, one of the rule less, and one that takes "
        "longer than two seconds nothing. The bar, in crowds that you have not seen: nine tenths "
        "of what a fleet without limits would earn."
    ),
    starter="""
        def my_policy():
            queue_limit = ...
            fallback = ...
            return ...  # mls.traffic.Policy(timeout_s=0.5, ...)
    """,
    hints=(
        "There is work for three times the servers. Which calls get none, and when do they hear "
        "of it?",
        "Nobody should join a queue that is longer than their patience; whoever does not needs "
        "another answer, now.",
        "`mls.traffic.Policy(timeout_s=0.5, queue_limit=20, fallback=mls.traffic.Fallback())`.",
    ),
    answer=my_policy,
    rule=_survives,
    wrong_answers=_POLICIES,
    explanation=(
        "Twenty waiting calls are a tenth of a second for four servers: whoever gets in is "
        "answered in time, so no work is wasted on people who have gone, and whoever does not get "
        "in still has all their patience left for the rule. A no that comes at once is worth more "
        "than a yes that comes too late (Beyer and others, 2016, Handling Overload)."
    ),
)
