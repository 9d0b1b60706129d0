"""Questions and bets of lesson 02: who decided, what an action is worth, what surrounds a model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mlsys_lessons as mls
from mlsys_lessons.components.inference.models import PerfectModel
from mlsys_lessons.lessons import (
    NotAttempted,
    Prediction,
    Question,
    WrongAnswer,
    agrees_with,
    in_order,
)
from mlsys_lessons.system.system import System

bet1 = Prediction(
    id="lesson02.bet1",
    question="Who earns more: a perfect model in the naive or a logistic in the resilient system?",
    choices=("perfect in naive", "logistic in resilient", "about the same"),
)
bet2 = Prediction(
    id="lesson02.bet2",
    question="How many euros do the other five components add around the perfect model in 60 days?",
    unit="euros",
)
bet3 = Prediction(
    id="lesson02.bet3",
    question="The model apart, which component is the dearest to take out of the resilient system?",
    choices=("ingestion", "features", "serving", "decisions", "monitoring"),
)

# --- q1: which component decided -----------------------------------------------------------------


def responsible(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Which swap alone stops a payment that the naive system let through."""
    other_score = score_resilient >= cut_naive
    other_policy = score_naive >= cut_resilient
    if other_score and other_policy:
        return "either"
    if other_score:
        return "score"
    return "policy" if other_policy else "both"


def larger_gap(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Blame whatever differs more."""
    scores, cuts = abs(score_naive - score_resilient), abs(cut_naive - cut_resilient)
    return "score" if scores > cuts else "policy"


def last_stage(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Blame whoever spoke last."""
    return "policy"


def whose_score_rose(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Blame the score when it rose."""
    return "score" if score_resilient > score_naive else "policy"


_STORIES = np.array([  # score naive, score resilient, cut naive, cut resilient
    [0.02, 0.05, 0.17, 0.007],
    [0.02, 0.30, 0.17, 0.120],
    [0.13, 0.30, 0.17, 0.120],
    [0.02, 0.15, 0.17, 0.120],
    [0.10, 0.09, 0.17, 0.020],
])  # fmt: skip


def _paid_and_stopped(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Payments below the naive cut and above the resilient one, of all four kinds."""
    names = ("score_naive", "score_resilient", "cut_naive", "cut_resilient")
    for story in generator.permutation(_STORIES):
        yield dict(zip(names, (story * generator.uniform(0.97, 1.03, 4)).tolist(), strict=True))


_CULPRITS = {
    "the larger gap": WrongAnswer(
        larger_gap,
        "You compare how far apart the numbers are; what counts is whether a swap changes the "
        "answer.",
    ),
    "the last stage": WrongAnswer(
        last_stage,
        "The decision stage always speaks last; that does not make it the one that was wrong.",
    ),
    "the higher score": WrongAnswer(
        whose_score_rose,
        "A higher score that still lies below the naive cut would have changed nothing.",
    ),
}

q1 = Question(
    id="lesson02.q1",
    prompt=(
        "The naive system paid a fraud, the resilient one stopped it. A policy stops a payment "
        "when `score >= cut`. Return `'score'` if the resilient score alone, under the naive cut, "
        "would have stopped it; `'policy'` if the resilient cut alone, on the naive score, would "
        "have; `'either'` if each alone would; `'both'` if it took the two together."
    ),
    starter="""
        def responsible(score_naive, score_resilient, cut_naive, cut_resilient):
            other_score = ...  # naive policy, resilient score: stopped?
            other_policy = ...  # naive score, resilient policy: stopped?
            ...
    """,
    hints=(
        "Cause is what changes the answer when nothing else is changed. Two swaps, four outcomes.",
        "Compare each score with the *other* system's cut; two of the four pairs are known "
        "already.",
        "`other_score = score_resilient >= cut_naive`, `other_policy = score_naive >= "
        "cut_resilient`, then return one of four words.",
    ),
    answer=responsible,
    rule=agrees_with(
        responsible, _paid_and_stopped, tempting=_CULPRITS,
        otherwise="Swap one thing at a time and see whether the answer changes.",
    ),
    wrong_answers=_CULPRITS,
    explanation=(
        "A trace shows what each stage said; only a swap shows which of them mattered. When "
        "either alone, or only both together, would have done it, there is no single culprit, and "
        "an argument about one has no end. Shapley's shares, further down, are the way to divide "
        "it."
    ),
)  # fmt: skip

# --- q2: three prices ----------------------------------------------------------------------------


def expected_cents(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """Expected cents of approving, blocking and reviewing a payment."""
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    friction, delay = mls.COSTS.friction, mls.COSTS.delay
    people = 6 * mls.COSTS.review_minute
    approve = (1 - fraud) * margin - fraud * loss
    block = -(1 - fraud) * friction
    right, wrong = (1 - fraud) * margin, block - fraud * loss
    review = 0.9 * right + 0.1 * wrong - delay - people
    return approve, block, review


def blocking_is_free(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """A block costs nothing."""
    approve, block, review = expected_cents(fraud, cents)
    return approve, np.zeros_like(block), review


def only_losses(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """An approval can only lose."""
    _, block, review = expected_cents(fraud, cents)
    return -fraud * mls.COSTS.fraud_loss(cents), block, review


def perfect_people(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """A reviewer is never wrong."""
    approve, block, _ = expected_cents(fraud, cents)
    people = mls.COSTS.delay + 6 * mls.COSTS.review_minute
    return approve, block, (1 - fraud) * mls.COSTS.margin(cents) - people


def free_people(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """A reviewer costs nothing."""
    approve, block, review = expected_cents(fraud, cents)
    return approve, block, review + mls.COSTS.delay + 6 * mls.COSTS.review_minute


def _payments(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (3, 50):
        fraud = generator.beta(0.4, 4.0, rows)
        yield {"fraud": fraud, "cents": np.rint(np.exp(generator.normal(8.5, 1, rows))).astype(int)}


_PRICES = {
    "blocking is free": WrongAnswer(
        blocking_is_free,
        "Blocking costs nothing in your table, so every doubt becomes a block; a genuine customer "
        "who is blocked costs an apology.",
    ),
    "losses only": WrongAnswer(
        only_losses,
        "You price what can go wrong and forget that an approved genuine payment earns a margin.",
    ),
    "people never err": WrongAnswer(
        perfect_people,
        "Your reviewers are always right; one case in ten goes the wrong way, and a fraud that "
        "slips through costs its full loss.",
    ),
    "people are free": WrongAnswer(
        free_people,
        "Six minutes of a reviewer and a night of waiting are missing from your review.",
    ),
}


def _all_three(answer: Any, generator: np.random.Generator) -> str | None:
    given = answer(np.array([0.2]), np.array([5_000]))
    if isinstance(given, tuple) and any(each is ... or each is None for each in given):
        raise NotAttempted("one of the three prices is still open")
    if not isinstance(given, tuple) or len(given) != 3:
        return "return three arrays: the cents of approving, blocking and reviewing, in this order."
    return None


q2 = Question(
    id="lesson02.q2",
    prompt=(
        "Write `expected_cents`: what approving, blocking and reviewing a payment earn on "
        "average, in cents, when `fraud` is the probability and `cents` the amount (arrays). An "
        "approved genuine payment earns the margin, an approved fraud costs the loss, a blocked "
        "genuine customer the friction; a blocked fraud costs nothing. A review costs a delay and "
        "people, always; then nine cases in ten end as they should, and the tenth the other way "
        "round."
    ),
    starter="""
        def expected_cents(fraud, cents):
            margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
            friction, delay = mls.COSTS.friction, mls.COSTS.delay
            people = 6 * mls.COSTS.review_minute
            approve = ...
            block = ...
            review = ...
            return approve, block, review
    """,
    hints=(
        "Each action meets a genuine payment with probability `1 - fraud` and a fraud with "
        "`fraud`.",
        "A review that ends right earns the margin of the genuine; one that ends wrong blocks the "
        "genuine and approves the fraud.",
        "`approve = (1 - fraud) * margin - fraud * loss`, `block = -(1 - fraud) * friction`, "
        "`review = 0.9 * right + 0.1 * wrong - delay - people`.",
    ),
    answer=expected_cents,
    rule=in_order(
        _all_three,
        agrees_with(
            expected_cents, _payments, tempting=_PRICES,
            otherwise="Go through the outcomes of each action: genuine or fraud, right or wrong.",
        ),
    ),
    wrong_answers=_PRICES,
    explanation=(
        "A score is an opinion, a price makes it an action (Elkan, 2001). The cheapest action "
        "depends on the amount: at 20 euros you need a strong suspicion, at 800 a faint one. A "
        "cut cannot say that, whatever model stands before it."
    ),
)  # fmt: skip

# --- q3: no answer -------------------------------------------------------------------------------


def answered(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """A score for every row: the model's, else the rule's; the base rate on broken fields."""
    spoken = np.where(np.isnan(score), rule_score, score)
    return np.where(quarantined, base_rate, spoken)


def silence_is_consent(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """No answer means yes."""
    return np.where(np.isnan(score) | quarantined, 0.0, score)


def silence_is_guilt(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """No answer means no."""
    return np.where(np.isnan(score) | quarantined, 1.0, score)


def rule_reads_anything(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """The rule answers for broken rows as well."""
    return np.where(np.isnan(score) | quarantined, rule_score, score)


def only_the_silent(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """The model is believed wherever it spoke."""
    return np.where(np.isnan(score), np.where(quarantined, base_rate, rule_score), score)


def _answers(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (12, 200):
        score: NDArray[np.float64] = generator.beta(0.3, 20, rows)
        score[generator.random(rows) < 0.3] = np.nan
        rule_score = generator.choice([0.001, 0.01, 0.08], rows)
        quarantined = generator.random(rows) < 0.2
        score[:4], quarantined[:4] = [np.nan, np.nan, 0.3, 0.3], [True, False, True, False]
        yield {
            "score": score, "rule_score": rule_score, "base_rate": 0.004,
            "quarantined": quarantined,
        }  # fmt: skip


_SILENCES = {
    "silence is consent": WrongAnswer(
        silence_is_consent,
        "A missing score becomes zero: every payment of an outage is approved, which is what the "
        "naive system does.",
    ),
    "silence is guilt": WrongAnswer(
        silence_is_guilt,
        "A missing score becomes one: an outage of the model becomes an outage of the shop.",
    ),
    "the rule reads anything": WrongAnswer(
        rule_reads_anything,
        "On a row whose fields broke the contract the rule reads the same broken fields as the "
        "model.",
    ),
    "only the silent rows": WrongAnswer(
        only_the_silent,
        "The model did answer on some quarantined rows, from fields that cannot be trusted; an "
        "answer is not yet a reason.",
    ),
}

q3 = Question(
    id="lesson02.q3",
    prompt=(
        "Write `answered`: a score for every row. Where the model was silent (`score` is NaN) "
        "take `rule_score`, a rule that needs no model server; where the row is `quarantined`, "
        "its fields broke the contract and nothing computed from them counts: take `base_rate`, a "
        "number."
    ),
    starter="""
        def answered(score, rule_score, base_rate, quarantined):
            ...
    """,
    hints=(
        "A ladder: the best answer, a simpler one, one that needs nothing. Which rung trusts what?",
        "Two questions in the right order: are the fields good, and did the model speak?",
        "`np.where(quarantined, base_rate, np.where(np.isnan(score), rule_score, score))`.",
    ),
    answer=answered,
    rule=agrees_with(
        answered, _answers, tempting=_SILENCES,
        otherwise="Broken fields take the base rate, silent rows the rule, the rest the model.",
    ),
    wrong_answers=_SILENCES,
    explanation=(
        "Somebody decides what silence means; if nobody does, an exception handler has. Both zero "
        "and one are decisions about money that no one has priced. `LadderInference` in "
        "`inference.py` is these two lines with a deadline and a breaker."
    ),
)  # fmt: skip

# --- q4: Shapley by hand -------------------------------------------------------------------------


def shapley(worth: dict[str, float]) -> dict[str, float]:
    """What each of D, F and M adds, on average over the six orders in which they can arrive."""
    from itertools import permutations

    shares = {"D": 0.0, "F": 0.0, "M": 0.0}
    for order in permutations("DFM"):
        for place, player in enumerate(order):
            before, after = "".join(sorted(order[:place])), "".join(sorted(order[: place + 1]))
            shares[player] += (worth[after] - worth[before]) / 6
    return shares


def comes_first(worth: dict[str, float]) -> dict[str, float]:
    """Each one added to nothing."""
    return {player: worth[player] - worth[""] for player in "DFM"}


def comes_last(worth: dict[str, float]) -> dict[str, float]:
    """Each one taken from everything."""
    return {player: worth["DFM"] - worth["DFM".replace(player, "")] for player in "DFM"}


def first_and_last(worth: dict[str, float]) -> dict[str, float]:
    """The mean of the two."""
    first, last = comes_first(worth), comes_last(worth)
    return {player: (first[player] + last[player]) / 2 for player in "DFM"}


def _games(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for _ in range(2):
        names = ["", "D", "F", "M", "DF", "DM", "FM", "DFM"]
        yield {"worth": dict(zip(names, generator.integers(0, 90, 8).tolist(), strict=True))}


_ORDERS = {
    "comes first": WrongAnswer(
        comes_first,
        "You add each component to nothing; together they are worth something else, and your "
        "shares do not add up to it.",
    ),
    "comes last": WrongAnswer(
        comes_last,
        "You take each component away from everything; what two of them do together is counted "
        "twice or not at all.",
    ),
    "first and last": WrongAnswer(
        first_and_last,
        "You average two of the orders and leave the middle place out: of six orders, each "
        "component stands in the middle in two.",
    ),
}

q4 = Question(
    id="lesson02.q4",
    prompt=(
        "Divide what decisions (D), features (F) and model (M) are worth together. `worth` holds "
        "the euros of each of the eight systems under its letters in alphabetical order: `''`, "
        "`'D'`, ... `'DM'`, `'DFM'`. Return a dict: what each letter adds, averaged over the six "
        "orders of arrival."
    ),
    starter="""
        def shapley(worth):
            from itertools import permutations

            orders = list(permutations("DFM"))
            shares = {"D": 0.0, "F": 0.0, "M": 0.0}
            ...
            return shares
    """,
    hints=(
        "Build the system in one order and write down what each arrival adds. Then the next order.",
        'For `order = ("M", "D", "F")` the three steps are `M` less nothing, `DM` less `M`, `DFM` '
        "less `DM`.",
        '`before = "".join(sorted(order[:place]))` and `after` the same with `place + 1`; add '
        "`(worth[after] - worth[before]) / 6`.",
    ),
    answer=shapley,
    rule=agrees_with(
        shapley, _games, tempting=_ORDERS,
        otherwise="The three shares add up to `worth['DFM'] - worth['']`, in every order.",
    ),
    wrong_answers=_ORDERS,
    explanation=(
        "Who comes first gets what is easy, who comes last gets what is left. The average over "
        "all orders is the one division that is fair to equals and adds up (Shapley, 1953). It is "
        "about value. How long a component takes to build is another question."
    ),
)  # fmt: skip

# --- q5: choose the neighbours -------------------------------------------------------------------


def my_system(seed: int) -> mls.System:
    """The model with the two neighbours that pay for themselves at a thousand payments a day."""
    around = {"features", "decisions"}
    return mls.assemble({"model", *around}, seed=seed)


def everything(seed: int) -> mls.System:
    """All six components."""
    return mls.resilient_system(seed=seed)


def the_model_alone(seed: int) -> mls.System:
    """The model behind an endpoint."""
    return mls.naive_system(seed=seed)


def the_model_watched(seed: int) -> mls.System:
    """The model, looked after."""
    return mls.assemble({"model", "ingestion", "serving", "monitoring"}, seed=seed)


def oracle(seed: int) -> mls.System:
    """The model that knows the truth."""
    return mls.naive_system(seed=seed, model="perfect")


BAR, DAYS, DAILY, WORLDS = 1.02, 60, 1_000, (100, 101, 103, 104, 106)

_DESIGNS = {
    "everything": WrongAnswer(
        everything,
        "All six components are the bar itself: at a thousand payments a day some cost more upkeep "
        "than they bring.",
    ),
    "the model alone": WrongAnswer(
        the_model_alone,
        "Nothing stands around your model that turns its doubt into money.",
    ),
    "watched, not priced": WrongAnswer(
        the_model_watched,
        "You look after the model and leave the cut as it was: none of your components touches a "
        "payment's action on an ordinary day.",
    ),
    "the perfect model": WrongAnswer(
        oracle, "The true probability is not for sale; build with a model that reads features."
    ),
}


def _earned(system: System, seed: int) -> float:
    """Cents of sixty days of an ordinary year at a thousand payments a day, all costs counted."""
    year = mls.scenarios.ordinary_year(seed, daily=DAILY, days=DAYS)
    return mls.simulate(year.world, system, days=DAYS, faults=year.faults, keep="metrics").value


@lru_cache
def _all_six(seed: int) -> float:
    return _earned(mls.resilient_system(seed=seed), seed)


def _missing(system: System) -> str:
    """What a design that earns too little has missed."""
    if {"decisions", "model"} <= system.levels:
        return _DESIGNS["everything"].message
    watched = system.levels & {"ingestion", "serving", "monitoring"}
    return _DESIGNS["watched, not priced" if watched else "the model alone"].message


def _pays(answer: Any, generator: np.random.Generator) -> str | None:
    seed = int(generator.choice(WORLDS))
    system = answer(seed)
    if not isinstance(system, System):
        kind = type(system).__name__
        return f"yours returns a {kind}; return a system, as `mls.assemble(...)` makes one."
    if isinstance(system.inference.model, PerfectModel):
        return _DESIGNS["the perfect model"].message
    system.charged = True
    mine, bar = _earned(system, seed), BAR * _all_six(seed)
    if mine >= bar:
        return None
    return (
        f"in world {seed} yours earns {mine / 100:,.0f} euros in {DAYS} days; the bar is "
        f"{bar / 100:,.0f}, two percent above all six components. {_missing(system)}"
    )


q5 = Question(
    id="lesson02.q5",
    prompt=(
        "Design: you run a thousand payments a day and may build any of `ingestion`, `features`, "
        "`serving`, `decisions`, `monitoring` around the model; each one built costs upkeep. "
        "Write `my_system(seed)`. It meets sixty days of an ordinary year in worlds that you have "
        "not seen. The bar: two percent more money than all six together, in each of them. Your "
        "own prices may go in: `neighbours.priced(system, expected_cents)`."
    ),
    starter="""
        def my_system(seed):
            around = ...
            return mls.assemble({"model", *around}, seed=seed)
    """,
    hints=(
        "Ask of each component: what does it do on a day on which nothing breaks, and how many "
        "days are there on which something does?",
        "Two components touch the action of payments every day. The other three are insurance.",
        '`around = {"features", "decisions"}`.',
    ),
    answer=my_system,
    rule=_pays,
    wrong_answers=_DESIGNS,
    explanation=(
        "Features and decisions work every day; ingestion, serving and monitoring work on bad "
        "days, and at this traffic their upkeep is larger than the days are bad. Two things are "
        "missing from this bill: ten times the traffic, at which upkeep hardly counts, and people "
        "who act on an alert, which nobody does here before lesson 12. Leaving a component out is "
        "a decision with a date: write down at which traffic you will build it."
    ),
)
