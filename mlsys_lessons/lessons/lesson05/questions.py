"""Questions and bets of lesson 05: where a fault begins, its unit, how long it stays, its price."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT, Contract
from mlsys_lessons.lessons import Prediction, Question, WrongAnswer, agrees_with
from mlsys_lessons.lessons.lesson05.contract_editor import edited, under

bet1 = Prediction(
    id="lesson05.bet1",
    question="Six tickets say that the model is broken. How many does a better model cure?",
    unit="tickets",
)
bet2 = Prediction(
    id="lesson05.bet2",
    question="One amount in a hundred comes in cents. Which number rings?",
    choices=("mean", "median", "PSI", "all three"),
)
bet3 = Prediction(
    id="lesson05.bet3",
    question="How many euros does the repair of the table bring in the next 30 days?",
    unit="euros",
)

# --- q1: the first thing out of line -------------------------------------------------------------


def first_suspect(before: pd.DataFrame, now: pd.Series) -> str:
    """The most unusual metric of the first layer in which anything is out of line."""
    noise = before.std().clip(lower=0.001)
    far = (now - before.mean()).abs() / noise
    for layer in ("operations", "inputs", "outputs", "decisions"):
        here = far[far.index.str.startswith(layer)]
        if here.max() > 10:
            return str(here.idxmax())
    return str(far.idxmax())


def loudest(before: pd.DataFrame, now: pd.Series) -> str:
    """The most unusual of all."""
    noise = before.std().clip(lower=0.001)
    return str(((now - before.mean()).abs() / noise).idxmax())


def largest_change(before: pd.DataFrame, now: pd.Series) -> str:
    """The largest difference, whatever its unit."""
    return str((now - before.mean()).abs().idxmax())


def largest_ratio(before: pd.DataFrame, now: pd.Series) -> str:
    """The largest relative change."""
    usual = before.mean().abs().clip(lower=1e-9)
    return str(((now - before.mean()).abs() / usual).idxmax())


_METRICS = {  # name: level, noise
    "operations.requests": (1_000.0, 40.0),
    "inputs.amount_mean": (60.0, 4.0),
    "inputs.null_rate.amount": (0.0, 0.0),
    "inputs.share_online": (0.3, 0.01),
    "inputs.unknown_category_rate.category": (1e-5, 1e-6),
    "outputs.score_p99": (0.1, 0.005),
    "decisions.blocked_cents": (9_000.0, 900.0),
    "decisions.block_rate": (0.002, 0.001),
}


def _weeks(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Three weeks and a present: a fault upstream, with louder echoes downstream."""
    for story in ("inputs.share_online", "inputs.null_rate.amount", "outputs.score_p99"):
        level = np.array([each[0] for each in _METRICS.values()])
        noise = np.array([each[1] for each in _METRICS.values()])
        days = level + noise * generator.normal(size=(21, len(level)))
        before = pd.DataFrame(days, columns=list(_METRICS))
        now = pd.Series(level + noise * generator.normal(0, 0.5, len(level)), index=list(_METRICS))
        now[story] += 25 * max(_METRICS[story][1], 0.002)
        now["decisions.blocked_cents"] += 30 * 900.0  # the largest number
        now["decisions.block_rate"] += 90 * 0.001  # the loudest
        now["inputs.unknown_category_rate.category"] += 1e-3  # a hundred times nearly nothing
        yield {"before": before, "now": now}


_SUSPECTS = {
    "the loudest": WrongAnswer(
        loudest,
        "You take the most unusual number of all; a decision at the end of the stream often rings "
        "louder than the field that caused it.",
    ),
    "the largest change": WrongAnswer(
        largest_change,
        "You compare cents with shares: measure each change in units of the metric's own noise.",
    ),
    "the largest ratio": WrongAnswer(
        largest_ratio,
        "A relative change makes every rare thing look enormous: a rate that was nearly zero "
        "doubles on any morning.",
    ),
}

q1 = Question(
    id="lesson05.q1",
    prompt=(
        "Write `first_suspect(before, now)`. `before` has a row a day and a column a metric, named "
        "`layer.metric`; `now` holds the same metrics of today. Measure each change in units of "
        "the metric's own day-to-day standard deviation, which you never believe to be below "
        "0.001. Go down the stream, `operations`, `inputs`, `outputs`, `decisions`, and return the "
        "name of the most unusual metric in the *first* layer that has one beyond 10; if there is "
        "none, the most unusual of all."
    ),
    starter="""
        def first_suspect(before, now):
            noise = before.std().clip(lower=0.001)
            far = ...  # how far each metric is from its own habit
            for layer in ("operations", "inputs", "outputs", "decisions"):
                here = far[far.index.str.startswith(layer)]
                ...
            return far.idxmax()
    """,
    hints=(
        "A fault flows downstream. The loudest number is often the last one, the cause the first.",
        "`far` is a Series: the absolute change from the mean of `before`, divided by `noise`.",
        "`far = (now - before.mean()).abs() / noise`; in the loop: `if here.max() > 10: return "
        "here.idxmax()`.",
    ),
    answer=first_suspect,
    rule=agrees_with(
        first_suspect, _weeks, tempting=_SUSPECTS,
        otherwise="Own noise as the unit, and the first layer that has anything beyond 10.",
    ),
    wrong_answers=_SUSPECTS,
    explanation=(
        "Two ideas. A change means nothing without the metric's own noise, and a symptom means "
        "little without its place in the stream. If the inputs are calm and the scores are not, "
        "look at what stands between them: the model in service, and who deployed it."
    ),
)  # fmt: skip

# --- q2: another unit ----------------------------------------------------------------------------


def other_unit(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Amounts that are a factor of 50 or more away from what their merchant usually takes."""
    return np.abs(np.log(amount / usual)) > np.log(50)


def above_the_range(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Amounts above the contract's range."""
    return amount > 20_000


def three_sigma(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Amounts far from the mean of the day."""
    return np.abs(amount - amount.mean()) > 3 * amount.std()


def only_upward(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Only what is too much."""
    return amount / usual > 50


def in_euros(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """A distance in euros."""
    return np.abs(amount - usual) > 50


def _tills(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (60, 600):
        usual = generator.choice([8.0, 25.0, 60.0, 300.0], rows)
        amount = usual * np.exp(generator.normal(0, 0.6, rows))
        slip = generator.random(rows)
        amount = np.where(slip < 0.1, amount * 300, amount)
        amount = np.where(slip > 0.9, amount / 300, amount)
        amount[:3], usual[:3] = [900.0, 450.0, 2_500.0], [300.0, 8.0, 25.0]
        yield {"amount": amount, "usual": usual}


_UNITS = {
    "the range": WrongAnswer(
        above_the_range,
        "Thirty euros in cents are 3,000, well inside the field's range: a range knows no "
        "merchant.",
    ),
    "three sigma": WrongAnswer(
        three_sigma,
        "The mean and the deviation of the day are made by the very rows you want to catch.",
    ),
    "upward only": WrongAnswer(
        only_upward, "A unit can slip the other way: somebody sends thousands, or euros for cents."
    ),
    "in euros": WrongAnswer(
        in_euros,
        "A unit is a factor, not a difference: fifty euros more is an evening at a restaurant.",
    ),
}

q2 = Question(
    id="lesson05.q2",
    prompt=(
        "Write `other_unit(amount, usual)`: which amounts are in another unit? `usual` is what "
        "each row's merchant has usually taken in the last weeks. Another unit is a factor of more "
        "than 50 away from it, up or down. Return a mask."
    ),
    starter="""
        def other_unit(amount, usual):
            ...
    """,
    hints=(
        "A unit is a factor. Factors up and down are the same distance on one scale.",
        "On the logarithmic scale `amount / usual` is a distance.",
        "`np.abs(np.log(amount / usual)) > np.log(50)`.",
    ),
    answer=other_unit,
    rule=agrees_with(
        other_unit, _tills, tempting=_UNITS,
        otherwise="Compare each amount with its own merchant's level, as a factor, both ways.",
    ),
    wrong_answers=_UNITS,
    explanation=(
        "The promise that was broken is not about the field but about the field *of this "
        "producer*. Its own history is the only yardstick on which 3,000 for a sandwich is "
        "absurd and 3,000 for a sofa is not."
    ),
)  # fmt: skip

# --- q3: how long the past stays -----------------------------------------------------------------


def clean_from(fixed: int, window: int, maturity: int) -> int:
    """The first day on which a fit learns from no day before the fix."""
    return fixed + window + maturity - 1


def at_once(fixed: int, window: int, maturity: int) -> int:
    """The day of the fix."""
    return fixed


def when_labels_come(fixed: int, window: int, maturity: int) -> int:
    """The first clean labels."""
    return fixed + maturity


def window_only(fixed: int, window: int, maturity: int) -> int:
    """The window, labels forgotten."""
    return fixed + window - 1


def _schedules(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for _ in range(4):
        fixed, window, maturity = generator.integers([50, 30, 20], [200, 150, 60]).tolist()
        yield {"fixed": fixed, "window": window, "maturity": maturity}


_DATES = {
    "at once": WrongAnswer(
        at_once, "On the day of the fix the training window holds nothing but the fault."
    ),
    "when labels come": WrongAnswer(
        when_labels_come,
        "That is the first day with any clean row in the window; all the others are still dirty.",
    ),
    "the window only": WrongAnswer(
        window_only,
        "You forget that a row has to mature: the newest day in the window is not yesterday.",
    ),
}

q3 = Question(
    id="lesson05.q3",
    prompt=(
        "Write `clean_from(fixed, window, maturity)`. A fit at the end of day `t` learns from the "
        "`window` days up to and including day `t - maturity`, with the features as they were "
        "logged. From day `fixed` on the log is clean. Which is the first `t` whose window holds "
        "no dirty day?"
    ),
    starter="""
        def clean_from(fixed, window, maturity):
            ...
    """,
    hints=(
        "What is the *oldest* day that a fit at `t` reads?",
        "The newest is `t - maturity`; the window holds `window` days with it.",
        "The oldest is `t - maturity - window + 1`; it must not be before `fixed`.",
    ),
    answer=clean_from,
    rule=agrees_with(
        clean_from, _schedules, tempting=_DATES,
        otherwise="Ask for the oldest day in the window, and put it on the day of the fix.",
    ),
    wrong_answers=_DATES,
    explanation=(
        "A log of features remembers every fault of the feature pipeline for as long as the "
        "training window is, plus the time that labels take. Raw events have no such memory: "
        "features can be made again from them on the day of the fix."
    ),
)  # fmt: skip

# --- q4: a contract that pays --------------------------------------------------------------------

DAYS, DAILY = 14, 1_000
WORLDS = (range(100, 104), range(104, 108))  # none is left out; one of them is unlucky
BAR = 50.0  # euros a world more than the contract as agreed, in two weeks


def my_contract():
    """Do without the field where the row can be answered without it."""
    from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT
    from mlsys_lessons.lessons.lesson05.contract_editor import edited

    contract = edited(PAYMENTS_CONTRACT, "amount", on_breach="degrade")
    return edited(contract, "category", on_breach="degrade")


def as_agreed() -> Contract:
    """Every breach puts its row aside."""
    return PAYMENTS_CONTRACT


def stricter() -> Contract:
    """A narrower range."""
    return edited(PAYMENTS_CONTRACT, "amount", maximum=300.0)


def promises_nothing() -> Contract:
    """A wider range, and gaps allowed."""
    return edited(PAYMENTS_CONTRACT, "amount", maximum=1e9, null_rate=1.0)


_CONTRACTS = {
    "as agreed": WrongAnswer(
        as_agreed,
        "Every breach puts its row aside: each costs handling, and a model that could have done "
        "without the field is not asked.",
    ),
    "stricter": WrongAnswer(
        stricter,
        "A narrower range catches more bad rows and, with them, the largest genuine payments and "
        "frauds: they are then decided without their amount.",
    ),
    "nothing promised": WrongAnswer(
        promises_nothing,
        "A promise that cannot be broken changes nothing here but the phone: nobody is called, "
        "and missing amounts are put aside as before.",
    ),
}


def bad_fortnight() -> list[mls.faults.Fault]:
    """Three producers at fault: a unit for four days, gaps for six, a new word for ten."""
    return [
        mls.faults.unit_change(start=0, end=4, severity=0.25),
        mls.faults.null_flood(start=4, end=10, severity=0.6),
        mls.faults.renamed_category(start=4, end=14, severity=1.0),
    ]


@lru_cache(maxsize=32)
def fortnight(contract: Contract, seed: int) -> float:
    """Expected euros of the bad fortnight under a contract, handling of its rows included."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    system = under(contract, seed, retraining=None)
    run = mls.simulate(world, system, days=DAYS, faults=bad_fortnight(), keep="metrics")
    return run.expected_value / 100


def _missed(contract: Contract) -> str:
    if contract == as_agreed() or all(each.on_breach == "degrade" for each in contract.fields):
        return _CONTRACTS["as agreed"].message
    amount = next(each for each in contract.fields if each.name == "amount")
    if amount.maximum is not None and amount.maximum < 2_000:
        return _CONTRACTS["stricter"].message
    return _CONTRACTS["nothing promised"].message


def _pays(answer: Any, generator: np.random.Generator) -> str | None:
    contract = answer()
    if not isinstance(contract, Contract):
        kind = type(contract).__name__
        return f"yours returns a {kind}; return a Contract, as `edited(...)` makes one."
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    mine = sum(fortnight(contract, seed) for seed in worlds) / len(worlds)
    bar = sum(fortnight(PAYMENTS_CONTRACT, seed) for seed in worlds) / len(worlds) + BAR
    if mine >= bar:
        return None
    return (
        f"in worlds {worlds[0]} to {worlds[-1]} your contract is worth {mine:,.0f} euros a world "
        f"in {DAYS} bad days; the bar is {bar:,.0f}. {_missed(contract)}"
    )


q4 = Question(
    id="lesson05.q4",
    prompt=(
        "Design: write `my_contract()`. For two weeks in worlds that you have not seen, a quarter "
        "of the merchants send cents for four days, six amounts in ten are missing for six, and "
        "a category is renamed for ten. `edited(contract, field, **promise)` changes `minimum`, "
        "`maximum`, `null_rate` or `on_breach` of one field; a row whose field is `degrade`d stays "
        "in and is decided without that field. The bar: on average over four worlds, 50 euros more "
        "than the contract as agreed."
    ),
    starter="""
        def my_contract():
            from mlsys_lessons.contract import PAYMENTS_CONTRACT
            from mlsys_lessons.exercises.contract_editor import edited

            contract = edited(PAYMENTS_CONTRACT, "amount", on_breach=...)
            return contract
    """,
    hints=(
        "Ask of each field: can the row be answered without it?",
        "A missing amount and an unknown category are two such fields; an unknown customer is not.",
        '`edited(edited(PAYMENTS_CONTRACT, "amount", on_breach="degrade"), "category", '
        'on_breach="degrade")`.',
    ),
    answer=my_contract,
    rule=_pays,
    wrong_answers=_CONTRACTS,
    explanation=(
        "Putting a row aside protects tomorrow's model and costs today's answer; doing without a "
        "field keeps the answer. Which of the two is right differs by field and by fault, so it is "
        "written per field, with an owner, before the night on which it is needed. On average: in "
        "one of our eight worlds the contract as agreed was the better one."
    ),
    seeds=(1, 2),
)
