"""Questions and bets of lesson 01: a split, a date, a cut, and a decision in service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import ScoreCut, best_f1_cut
from mlsys_lessons.lessons import NotAttempted, Prediction, Question, WrongAnswer, describe, same
from mlsys_lessons.records import DAY_MS, EPOCH

bet1 = Prediction(
    id="lesson01.bet1",
    question="Which notebook earns most in the next six months?",
    choices=("A", "B", "C"),
)
bet2 = Prediction(
    id="lesson01.bet2",
    question="Split by time instead of at random: what becomes of A's lead over B in AUC?",
    choices=("gone", "halved", "kept"),
)
bet3 = Prediction(
    id="lesson01.bet3",
    question="Of 100 euros that B's test rows promise, how many arrive?",
    unit="euros",
)

# --- q1: split by time -------------------------------------------------------------------------


def time_split(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (train, test): the latest `share` of payments, and what could be judged before."""
    test_from = np.quantile(paid_day, 1 - share)
    test = paid_day >= test_from
    train = paid_day < test_from - 45
    return train, test


def split_in_row_order(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """The last rows as they lie there."""
    test = np.arange(len(paid_day)) >= len(paid_day) * (1 - share)
    return ~test, test


def split_on_payment_day(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Everything before the test, matured or not."""
    test = paid_day >= np.quantile(paid_day, 1 - share)
    return ~test, test


def split_on_known_day(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Every label that had come in by then."""
    test_from = np.quantile(paid_day, 1 - share)
    return known_day < test_from, paid_day >= test_from


def _days(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (400, 1_000):
        paid = generator.integers(-150, -45, rows)
        fraud = generator.random(rows) < 0.1
        delay = np.where(fraud, np.ceil(14 * np.exp(0.7 * generator.normal(size=rows))), 45)
        yield {"paid_day": paid, "known_day": paid + delay.astype(np.int64)}


_SPLITS = {
    "row order": WrongAnswer(
        split_in_row_order,
        "The rows come in any order, so the last of them are not the latest: this is a random "
        "split in disguise.",
    ),
    "payment day": WrongAnswer(
        split_on_payment_day,
        "On the day the test begins nobody could train on yesterday's payments: whether they were "
        "fraud takes 45 days to settle.",
    ),
    "known day": WrongAnswer(
        split_on_known_day,
        "A report comes within days and a matured zero after 45, so your youngest training rows "
        "are all fraud.",
    ),
}


def _splits_like_service(answer: Any, generator: np.random.Generator) -> str | None:
    for case in _days(generator):
        mine, ours = answer(*case.values()), time_split(*case.values())
        if isinstance(mine, tuple) and any(mask is ... for mask in mine):
            raise NotAttempted("`train` or `test` is still open")
        if not same(mine, ours):
            known = [w.message for w in _SPLITS.values() if same(mine, w.answer(*case.values()))]
            kept = [int(np.sum(mask)) for mask in (*mine, *ours)]
            why = known[0] if known else "Train ends 45 days before the test begins."
            return (
                f"of {len(case['paid_day'])} payments yours trains on {kept[0]} and tests on "
                f"{kept[1]}, where {kept[2]} and {kept[3]} are due. {why}"
            )
    return None


q1 = Question(
    id="lesson01.q1",
    prompt=(
        "Write `time_split`: two masks, `train` and `test`. The test is the latest `share` of "
        "payments (from that quantile of `paid_day` on). Train on what could be judged on the day "
        "the test begins: payments at least 45 days older. `known_day` is when each label came."
    ),
    starter="""
        def time_split(paid_day, known_day, share=0.25):
            test_from = np.quantile(paid_day, 1 - share)
            train = ...
            test = ...
            return train, test
    """,
    hints=(
        "Stand on the first day of the test. Which payments have had their 45 days?",
        "Some rows belong to neither side: those paid less than 45 days before the test begins.",
        "`test = paid_day >= test_from` and `train = paid_day < test_from - 45`.",
    ),
    answer=time_split,
    rule=_splits_like_service,
    wrong_answers=_SPLITS,
    explanation=(
        "A model in service is trained on what has matured and judges what comes next; the split "
        "copies that, gap included. Filtering by `known_day` looks stricter and is worse: it lets "
        "fresh fraud in and keeps fresh genuine payments out."
    ),
)  # fmt: skip

# --- q2: what was known ------------------------------------------------------------------------


def known_reports(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """For each payment, the fraud reports on its card that had been told before it."""
    pairs = payments.merge(reports, on="customer_id")
    known = pairs[pairs["told"] < pairs["event_time"]]
    count = known.groupby("request_id").size()
    return payments["request_id"].map(count).fillna(0).to_numpy()


def all_reports(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """Every report there is."""
    count = reports.groupby("customer_id").size()
    return payments["customer_id"].map(count).fillna(0).to_numpy()


def reports_by_payment_date(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """Reports of frauds that were paid earlier."""
    pairs = payments.merge(reports, on="customer_id")
    count = pairs[pairs["paid"] < pairs["event_time"]].groupby("request_id").size()
    return payments["request_id"].map(count).fillna(0).to_numpy()


def reports_of_the_day(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """Reports up to the end of the day."""
    pairs = payments.merge(reports, on="customer_id")
    same_day = pairs["told"].dt.floor("D") <= pairs["event_time"].dt.floor("D")
    count = pairs[same_day].groupby("request_id").size()
    return payments["request_id"].map(count).fillna(0).to_numpy()


def _cards(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (60, 300):
        when = generator.integers(0, 60 * DAY_MS, rows)
        payments = pd.DataFrame({
            "request_id": generator.permutation(rows) + 1_000,
            "customer_id": generator.integers(0, rows // 6, rows),
            "event_time": (EPOCH + np.sort(when)).astype("datetime64[ms]"),
        })  # fmt: skip
        fraud = payments[generator.random(rows) < 0.3]
        delay = (generator.lognormal(1.5, 1.2, len(fraud)) * DAY_MS).astype("timedelta64[ms]")
        paid = fraud["event_time"].to_numpy()
        card = fraud["customer_id"].to_numpy()
        reports = pd.DataFrame({"customer_id": card, "paid": paid, "told": paid + delay})
        yield {"payments": payments, "reports": reports}


_REPORTS = {
    "no date": WrongAnswer(
        all_reports,
        "You count every report there is, so each fraud counts the report on itself.",
    ),
    "date of the payment": WrongAnswer(
        reports_by_payment_date,
        "The fraud had happened, but nobody had been told: the day of the report decides.",
    ),
    "by calendar day": WrongAnswer(
        reports_of_the_day,
        "A report of the same evening is counted for a payment of the same morning.",
    ),
}


def _counts_what_was_known(answer: Any, generator: np.random.Generator) -> str | None:
    for case in _cards(generator):
        mine, ours = np.asarray(answer(*case.values())), known_reports(*case.values())
        if mine.shape != ours.shape:
            return f"yours gives {describe(mine)} for {len(ours)} payments; return one number each."
        if not same(mine, ours):
            known = [w.message for w in _REPORTS.values() if same(mine, w.answer(*case.values()))]
            why = known[0] if known else "A report counts from the moment it is told, on its card."
            return f"{(mine != ours).sum()} of {len(ours)} payments get another count. {why}"
    return None


q2 = Question(
    id="lesson01.q2",
    prompt=(
        "Write `known_reports`: for each payment (`request_id`, `customer_id`, `event_time`), how "
        "many reports on the same card (`customer_id`, `paid`, `told`) existed at that moment. "
        "Return one number for each payment, in the order of `payments`."
    ),
    starter="""
        def known_reports(payments, reports):
            pairs = payments.merge(reports, on="customer_id")
            known = ...
            return ...
    """,
    hints=(
        "For each pair of payment and report ask: could I have known this then?",
        "Keep the pairs whose `told` lies before `event_time`, count them by `request_id`, and "
        "remember that most payments have none.",
        '`known = pairs[pairs["told"] < pairs["event_time"]]`, then `groupby("request_id")`, its '
        '`size()`, and `payments["request_id"].map(...).fillna(0)`.',
    ),
    answer=known_reports,
    rule=_counts_what_was_known,
    wrong_answers=_REPORTS,
    explanation=(
        "Every fact has two dates, when it happened and when it was known; only the second one "
        "may be compared with the moment of decision. The date of the payment is the more "
        "dangerous of the two mistakes, since it looks like care."
    ),
)  # fmt: skip

# --- q3: a cut by money ------------------------------------------------------------------------


def money_cut(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """The cut that earns most on these rows when everything at or above it is blocked."""
    cents = np.rint(amount * 100).astype(np.int64)
    saved = mls.COSTS.fraud_loss(cents)
    lost = mls.COSTS.margin(cents) + mls.COSTS.friction
    order = np.argsort(-score)
    total = np.cumsum(np.where(label == 1, saved, -lost)[order])
    return score[order][np.argmax(total)]


def f1_cut(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """The cut that the recipe took."""
    return best_f1_cut(score, label)


def youden_cut(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """The cut farthest from the diagonal of the ROC curve."""
    order = np.argsort(-score)
    hits = np.cumsum(label[order]) / label.sum()
    alarms = np.cumsum(1 - label[order]) / (1 - label).sum()
    return score[order][np.argmax(hits - alarms)]


def half(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """More likely than not."""
    return 0.5


def _scored(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (3_000, 8_000):
        label = (generator.random(rows) < 0.02).astype(np.int8)
        logit = generator.normal(-4.2, 1.2, rows) + 3.2 * label
        amount = np.exp(generator.normal(3.2 + 0.9 * label, 0.9)).round(2) + 0.5
        yield {"score": 1 / (1 + np.exp(-logit)), "label": label, "amount": amount}


_CUTS = {
    "best F1": WrongAnswer(
        f1_cut,
        "F1 prices a blocked customer like a missed fraud; here the second costs many times more.",
    ),
    "Youden": WrongAnswer(
        youden_cut,
        "Your cut weighs the rates of both errors alike, and genuine payments are fifty times as "
        "many.",
    ),
    "one half": WrongAnswer(
        half, "One half is the break-even of a world where both errors cost the same."
    ),
}


def _cents(cut: float, case: dict[str, Any]) -> float:
    cents = np.rint(case["amount"] * 100).astype(np.int64)
    fraud, blocked = case["label"] == 1, case["score"] >= cut
    approve = np.where(fraud, -mls.COSTS.fraud_loss(cents), mls.COSTS.margin(cents))
    return float(np.where(blocked, np.where(fraud, 0, -mls.COSTS.friction), approve).sum())


def _earns_most(answer: Any, generator: np.random.Generator) -> str | None:
    for case in _scored(generator):
        cut = float(answer(*case.values()))
        best, mine = _cents(money_cut(*case.values()), case), _cents(cut, case)
        if mine < best - 1:
            known = [w.message for w in _CUTS.values() if np.isclose(w.answer(*case.values()), cut)]
            why = known[0] if known else "Add up what each cut earns, row by row from the top."
            return (
                f"your cut {cut:.3f} earns {mine / 100:,.0f} euros on {len(case['score']):,} "
                f"payments; another earns {best / 100:,.0f}. {why}"
            )
    return None


q3 = Question(
    id="lesson01.q3",
    prompt=(
        "Write `money_cut`: the cut at which blocking everything with `score >= cut` earns most on "
        "these rows. `mls.COSTS.margin(cents)`, `mls.COSTS.fraud_loss(cents)` and "
        "`mls.COSTS.friction` are the prices; `amount` is in euros."
    ),
    starter="""
        def money_cut(score, label, amount):
            cents = np.rint(amount * 100).astype(np.int64)
            saved = mls.COSTS.fraud_loss(cents)
            lost = mls.COSTS.margin(cents) + mls.COSTS.friction
            ...
    """,
    hints=(
        "Block the row with the highest score, then the next. Each one changes the total.",
        "Sort by score, add `saved` for a fraud and subtract `lost` for a genuine payment; the "
        "running total has a top.",
        "`order = np.argsort(-score)`, `gain = np.where(label == 1, saved, -lost)[order]`, and "
        "then `score[order][np.argmax(np.cumsum(gain))]` is the cut.",
    ),
    answer=money_cut,
    rule=_earns_most,
    wrong_answers=_CUTS,
    explanation=(
        "A cut is a price decision: each blocked fraud saves its amount and the fee, each blocked "
        "customer costs a margin and an apology. F1 and Youden know neither."
    ),
)

# --- q4: a decision in service -----------------------------------------------------------------


def block(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Which payments to block: those that are expected to lose more than blocking them."""
    cents = np.rint(amount * 100).astype(np.int64)
    fraud = score * mls.COSTS.fraud_loss(cents)
    genuine = (1 - score) * (mls.COSTS.margin(cents) + mls.COSTS.friction)
    return fraud > genuine


def block_above_half(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """More likely fraud than not."""
    return score >= 0.5


def block_large(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Whatever is expensive."""
    return amount > 200


def block_any_doubt(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Whatever is not surely genuine."""
    return score > 0.001


_BLOCKS = {
    "one half": WrongAnswer(
        block_above_half,
        "You wait until fraud is likely; a payment is a bad bet long before that.",
    ),
    "large amounts": WrongAnswer(
        block_large, "Your decision never looks at the score: large is not the same as fraud."
    ),
    "any doubt": WrongAnswer(
        block_any_doubt,
        "You block so many honest customers that their apologies and their leaving cost more than "
        "the fraud.",
    ),
}
BAR, DAYS, DAILY, FIRST_SEED, WORLDS = 1.05, 60, 1_000, 100, 5


class LearnersDecision(ScoreCut):
    """The naive decision stage with a learner's `block(score, amount)` in place of the cut."""

    def __init__(self, chosen: Callable[..., Any]) -> None:
        super().__init__(cut=0.5)
        self.chosen = chosen

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Ask the learner's function; everything else stays as it was."""
        score = frame["score"].to_numpy()
        said = np.asarray(self.chosen(score, frame["amount"].to_numpy()), dtype=np.float64)
        return super().__call__(frame.assign(score=said)).assign(score=score)


def served(chosen: Callable[..., Any] | None, seed: int, days: int = DAYS) -> mls.Run:
    """Sixty days of the naive system in world `seed`, deciding by `chosen` (None: its F1 cut)."""
    system = mls.naive_system(seed=seed)
    if chosen is not None:
        system.decisions = LearnersDecision(chosen)
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, system, days=days, keep="metrics")


@lru_cache
def _usual_cents(seed: int) -> int:
    return served(None, seed).value


def _fault(chosen: Callable[..., Any]) -> str:
    """What a decision that earns too little has missed, seen from a few made-up payments."""
    score, amount = (grid.ravel() for grid in np.meshgrid(np.logspace(-4, 0, 41), [5.0, 50, 500]))
    said = np.asarray(chosen(score, amount), dtype=bool)
    if said[amount == 50].all() or not said[amount == 50].any():
        return _BLOCKS["large amounts"].message
    lowest = score[said & (amount == 50)].min()
    return _BLOCKS["any doubt" if lowest < 0.01 else "one half"].message


def _beats_the_bar(answer: Any, generator: np.random.Generator) -> str | None:
    seed = FIRST_SEED + int(generator.integers(WORLDS))
    shape: NDArray[np.bool_] = np.asarray(answer(np.array([0.1, 0.9]), np.array([20.0, 80.0])))
    if shape.shape != (2,):
        return f"your `block` gives shape {shape.shape} for two payments; return one flag for each."
    usual, mine = _usual_cents(seed), served(answer, seed).value
    if mine >= BAR * usual:
        return None
    return (
        f"in world {seed} yours earns {mine / 100:,.0f} euros in {DAYS} days; the bar is "
        f"{BAR * usual / 100:,.0f}, five percent above the F1 cut. {_fault(answer)}"
    )


q4 = Question(
    id="lesson01.q4",
    prompt=(
        "Design: write `block(score, amount)`, a flag for each payment. It replaces the F1 cut in "
        "the running system, in three worlds that you have not seen, for sixty days each. The bar: "
        "five percent more money than the F1 cut, every time."
    ),
    starter="""
        def block(score, amount):
            ...
    """,
    hints=(
        "What does a payment of 20 euros cost you if it is a fraud? One of 500?",
        "Compare two expected costs: the score times the fraud's loss, and the rest times what a "
        "wrong block costs.",
        "`score * fraud_loss > (1 - score) * (margin + friction)`, all from `mls.COSTS`, in cents.",
    ),
    answer=block,
    rule=_beats_the_bar,
    wrong_answers=_BLOCKS,
    explanation=(
        "Blocking is right when it is the cheaper of two expected costs (Elkan, 2001). Here a "
        "plain cut at 0.03 does as well or better: this rule takes the score for a probability, "
        "and in service the score is too low. Lessons 03 and 06 say why."
    ),
    seeds=(2, 3, 4),  # three different worlds
)
