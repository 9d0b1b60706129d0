"""Questions and bets of lesson 03: rows that differ, paired gaps, a shadow, an old table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.experiments.training_tables import logged_table
from mlsys_lessons.lessons import Prediction, Question, WrongAnswer, agrees_with
from mlsys_lessons.system.system import System

bet1 = Prediction(
    id="lesson03.bet1",
    question="Which one of these mistakes costs most of what the model earns?",
    choices=(
        "amounts in cents", "30 % unanswered, filled with 0", "a table one day older",
        "a third of the events come twice",
    ),
)  # fmt: skip
bet2 = Prediction(
    id="lesson03.bet2",
    question="Of 100 euros of lift, how many are left when the table is one day older?",
    unit="euros",
)
bet3 = Prediction(
    id="lesson03.bet3",
    question="Of the money lost by the older table, how much comes back if the table stays as old?",
    choices=("hardly any", "about half", "nearly all or more"),
)

# --- q1: rows that differ ------------------------------------------------------------------------


def differs(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """The share of rows on which each column differs between two pipelines."""
    shares = {}
    for name in offline.columns:
        same = np.isclose(offline[name], online[name], rtol=1e-9, atol=0, equal_nan=True)
        shares[name] = 1 - same.mean()
    return pd.Series(shares)


def means_differ(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """How far the means are apart."""
    return (offline.mean() - online.mean()).abs()


def missing_is_different(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """A gap is never equal to a gap."""
    close = np.isclose(offline, online, rtol=1e-9, atol=0)
    return pd.Series(1 - close.mean(axis=0), offline.columns)


def to_the_last_bit(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """Another order of additions is a difference."""
    same = (offline == online) | (offline.isna() & online.isna())
    return 1 - same.mean()


def sorted_columns(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """Compare the distributions, value by sorted value."""
    return differs(*(frame.apply(np.sort) for frame in (offline, online)))


def _two_pipelines(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (8, 300):
        offline = pd.DataFrame(generator.gamma(2.0, 30.0, (rows, 4)), columns=list("abcd"))
        offline["d"] = generator.integers(0, 4, rows).astype(float)
        offline.loc[1, "a"] = np.nan
        online = offline.copy()
        online["b"] *= 1 + 1e-14
        online.loc[:2, "c"] += 1.0
        online["d"] = np.roll(online["d"], 1)
        yield {"offline": offline, "online": online}


_DIFFERENCES = {
    "means": WrongAnswer(
        means_differ,
        "You compare means; two pipelines can disagree on every row and have the same mean.",
    ),
    "gaps": WrongAnswer(
        missing_is_different,
        "A value that is missing in both pipelines is no difference; NaN is just not equal to "
        "itself.",
    ),
    "last bit": WrongAnswer(
        to_the_last_bit,
        "You count the last bit: SQL adds in another order than numpy, and a billionth of a euro "
        "is no skew.",
    ),
    "distributions": WrongAnswer(
        sorted_columns,
        "You compare the distributions, not the rows: the same values on other rows are what skew "
        "looks like.",
    ),
}

q1 = Question(
    id="lesson03.q1",
    prompt=(
        "Write `differs`: for each column of two feature tables of the *same rows in the same "
        "order*, the share of rows on which the two disagree. Two gaps agree; so do two numbers "
        "within a billionth of each other (relative)."
    ),
    starter="""
        def differs(offline, online):
            shares = {}
            for name in offline.columns:
                ...
            return pd.Series(shares)
    """,
    hints=(
        "Skew is a property of pairs of values, not of two histograms.",
        "`np.isclose` has a relative tolerance, an absolute one, and an opinion about NaN.",
        "`np.isclose(offline[name], online[name], rtol=1e-9, atol=0, equal_nan=True)`; the share "
        "is one less its mean.",
    ),
    answer=differs,
    rule=agrees_with(
        differs, _two_pipelines, tempting=_DIFFERENCES,
        otherwise="Compare value with value on the same row, with a billionth of tolerance.",
    ),
    wrong_answers=_DIFFERENCES,
    explanation=(
        "A drift statistic compares two crowds; it cannot see that everybody in the crowd has "
        "changed places. Logging the features that were served makes the comparison possible row "
        "by row, and then it needs no statistics (Breck and others, 2019)."
    ),
)  # fmt: skip

# --- q2: the paired gap --------------------------------------------------------------------------


def placement_gaps(offline: np.ndarray, online: np.ndarray, fraud: np.ndarray) -> np.ndarray:
    """For each fraud, by how much its place among the genuine is better offline than online."""

    def place(scores):
        genuine = np.sort(scores[~fraud])
        below = np.searchsorted(genuine, scores[fraud], side="left")
        upto = np.searchsorted(genuine, scores[fraud], side="right")
        return (below + upto) / (2 * len(genuine))

    return place(offline) - place(online)


def score_gaps(offline: np.ndarray, online: np.ndarray, fraud: np.ndarray) -> np.ndarray:
    """By how much the scores differ."""
    return (offline - online)[fraud]


def among_everybody(offline: np.ndarray, online: np.ndarray, fraud: np.ndarray) -> np.ndarray:
    """Places among all payments."""

    def place(scores):
        everybody = np.sort(scores)
        below = np.searchsorted(everybody, scores[fraud], side="left")
        upto = np.searchsorted(everybody, scores[fraud], side="right")
        return (below + upto) / (2 * len(everybody))

    return place(offline) - place(online)


def ties_lose(offline: np.ndarray, online: np.ndarray, fraud: np.ndarray) -> np.ndarray:
    """A tie counts as lost."""

    def place(scores):
        genuine = np.sort(scores[~fraud])
        return np.searchsorted(genuine, scores[fraud], side="left") / len(genuine)

    return place(offline) - place(online)


def unpaired(offline: np.ndarray, online: np.ndarray, fraud: np.ndarray) -> np.ndarray:
    """Best against best, second against second."""

    def place(scores):
        genuine = np.sort(scores[~fraud])
        below = np.searchsorted(genuine, scores[fraud], side="left")
        upto = np.searchsorted(genuine, scores[fraud], side="right")
        return np.sort((below + upto) / (2 * len(genuine)))

    return place(offline) - place(online)


def _scored_twice(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (12, 400):
        fraud = generator.random(rows) < 0.2
        fraud[:3] = [True, False, True]
        offline = np.round(generator.beta(1, 6, rows) + 0.3 * fraud * generator.random(rows), 1)
        online = np.round(np.clip(offline + generator.normal(0, 0.15, rows), 0, 1), 1)
        yield {"offline": offline, "online": online, "fraud": fraud}


_PLACES = {
    "scores": WrongAnswer(
        score_gaps,
        "You subtract scores; AUC knows only their order, and so must its parts.",
    ),
    "among everybody": WrongAnswer(
        among_everybody,
        "You rank a fraud among all payments, other frauds included; its opponents are the "
        "genuine ones.",
    ),
    "ties": WrongAnswer(
        ties_lose,
        "A tie counts half: a fraud with the same score as a genuine payment has not lost.",
    ),
    "unpaired": WrongAnswer(
        unpaired,
        "You sorted each side for itself, so that other frauds are subtracted from each other: "
        "the pairs are gone.",
    ),
}

q2 = Question(
    id="lesson03.q2",
    prompt=(
        "AUC is an average over the frauds: each one's **place**, the share of genuine payments "
        "with a lower score, ties counted half. Write `placement_gaps`: for each fraud, in the "
        "order of the rows, its place offline less its place online. `fraud` is a mask."
    ),
    starter="""
        def placement_gaps(offline, online, fraud):
            def place(scores):
                genuine = np.sort(scores[~fraud])
                ...

            return place(offline) - place(online)
    """,
    hints=(
        "The mean of the places is AUC, so the mean of the gaps is the difference of two AUCs.",
        "`np.searchsorted` in the sorted genuine scores, once from the left, once from the right.",
        '`below = np.searchsorted(genuine, scores[fraud], side="left")`, `upto` from the right; '
        "`(below + upto) / (2 * len(genuine))`.",
    ),
    answer=placement_gaps,
    rule=agrees_with(
        placement_gaps, _scored_twice, tempting=_PLACES,
        otherwise="One number for each fraud: its place among the genuine, offline less online.",
    ),
    wrong_answers=_PLACES,
    explanation=(
        "Two AUCs with an interval each waste what they share: most frauds are easy, or hopeless, "
        "in both pipelines. Fraud by fraud that cancels (DeLong, DeLong and Clarke-Pearson, "
        "1988). What is left has a narrower interval."
    ),
)  # fmt: skip

# --- q3: what a shadow can tell ------------------------------------------------------------------


def switch_bounds(
    label: np.ndarray, cents: np.ndarray, champion: np.ndarray, challenger: np.ndarray
) -> tuple[int, int]:
    """The least and the most that switching would have earned, in cents."""
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    stopping_genuine = margin + mls.COSTS.friction
    more = challenger & ~champion  # blocked in addition: their labels are known
    freed = champion & ~challenger  # approved in addition: nobody knows
    known = loss[more & (label == 1)].sum() - stopping_genuine[more & (label == 0)].sum()
    return known - loss[freed].sum(), known + stopping_genuine[freed].sum()


def only_what_is_known(
    label: np.ndarray, cents: np.ndarray, champion: np.ndarray, challenger: np.ndarray
) -> tuple[int, int]:
    """Rows without a label are left out."""
    freed = np.zeros_like(champion)
    low, _ = switch_bounds(label, cents, champion & freed, challenger & ~champion)
    return low, low


def champion_was_right(
    label: np.ndarray, cents: np.ndarray, champion: np.ndarray, challenger: np.ndarray
) -> tuple[int, int]:
    """What the champion blocked was fraud."""
    low, _ = switch_bounds(label, cents, champion, challenger)
    return low, low


def no_label_no_fraud(
    label: np.ndarray, cents: np.ndarray, champion: np.ndarray, challenger: np.ndarray
) -> tuple[int, int]:
    """What has no label was genuine."""
    _, high = switch_bounds(label, cents, champion, challenger)
    return high, high


def friction_forgotten(
    label: np.ndarray, cents: np.ndarray, champion: np.ndarray, challenger: np.ndarray
) -> tuple[int, int]:
    """A blocked genuine customer costs the margin alone."""
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    more, freed = challenger & ~champion, champion & ~challenger
    known = loss[more & (label == 1)].sum() - margin[more & (label == 0)].sum()
    return known - loss[freed].sum(), known + margin[freed].sum()


def _shadow_days(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (10, 300):
        champion, challenger = generator.random(rows) < 0.3, generator.random(rows) < 0.3
        champion[:2], challenger[:2] = [True, False], [False, True]
        label = (generator.random(rows) < 0.3).astype(float)
        cents = np.rint(np.exp(generator.normal(8, 1, rows))).astype(np.int64)
        yield {
            "label": np.where(champion, np.nan, label), "cents": cents,
            "champion": champion, "challenger": challenger,
        }  # fmt: skip


_SHADOWS = {
    "known only": WrongAnswer(
        only_what_is_known,
        "You leave the rows without a label out; they are the ones on which the challenger would "
        "let go what the champion stops.",
    ),
    "champion was right": WrongAnswer(
        champion_was_right,
        "You count every block of the champion as a fraud; that is the low end, and a champion "
        "judged so can never be beaten.",
    ),
    "no label, no fraud": WrongAnswer(
        no_label_no_fraud,
        "You count every blocked payment as genuine; that is the high end, and whoever blocks "
        "less looks better.",
    ),
    "friction": WrongAnswer(
        friction_forgotten,
        "A genuine customer who is blocked costs the margin and the friction; yours forgives the "
        "apology.",
    ),
}

q3 = Question(
    id="lesson03.q3",
    prompt=(
        "Write `switch_bounds`: the least and the most cents that the challenger would have "
        "earned beyond the champion on a shadow's rows. `champion` and `challenger` say who would "
        "block; `label` is 1 for fraud, 0 for genuine, NaN where the champion blocked. An "
        "approved genuine payment earns the margin, an approved fraud costs the loss, a blocked "
        "genuine one costs the friction, a blocked fraud nothing."
    ),
    starter="""
        def switch_bounds(label, cents, champion, challenger):
            margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
            stopping_genuine = margin + mls.COSTS.friction
            more = challenger & ~champion  # blocked in addition: their labels are known
            freed = champion & ~challenger  # approved in addition: nobody knows
            known = ...
            return ..., ...
    """,
    hints=(
        "Where both agree nothing changes. That leaves two kinds of rows; one of them has labels.",
        "Blocking a fraud more saves its loss; blocking a genuine one more costs its margin and "
        "the friction.",
        "`known = loss[more & (label == 1)].sum() - stopping_genuine[more & (label == 0)].sum()`; "
        "the freed rows are all fraud, or all genuine.",
    ),
    answer=switch_bounds,
    rule=agrees_with(
        switch_bounds, _shadow_days, tempting=_SHADOWS,
        otherwise="Known rows exactly; freed rows once as all fraud, once as all genuine.",
    ),
    wrong_answers=_SHADOWS,
    explanation=(
        "A shadow costs nothing and answers half of the question. Where the challenger is "
        "stricter, life has told the label. Where it is milder, the champion's own block has "
        "hidden it: only letting some through can tell, which lesson 09 does."
    ),
)  # fmt: skip

# --- q4: earn with the old table -----------------------------------------------------------------


def my_system(seed: int, logged: pd.DataFrame) -> mls.System:
    """A model taught on what the old table told, and prices around it."""
    rows = mls.presets.training_rows(logged)
    model = mls.models.BoostedModel(random_state=seed).fit(rows, rows["label"].to_numpy())
    system = mls.assemble({"model", "decisions"}, seed=seed)
    system.inference.registry.adopt(mls.inference.ModelVersion("taught on the log", model))
    return system


def as_it_is(seed: int, logged: pd.DataFrame) -> mls.System:
    """Ship the notebook again."""
    return mls.naive_system(seed=seed)


def fresher_component(seed: int, logged: pd.DataFrame) -> mls.System:
    """Buy the online feature store, over the same table."""
    return mls.assemble({"model", "features"}, seed=seed)


def prices_alone(seed: int, logged: pd.DataFrame) -> mls.System:
    """Prices around the model as it is."""
    return mls.assemble({"model", "decisions"}, seed=seed)


AGE, DAYS, DAILY, WORLDS = 1, 60, 1_000, (300, 301, 302, 303, 304)

_SYSTEMS = {
    "as it is": WrongAnswer(
        as_it_is,
        "The model is still the one that was taught on exact history; nobody has told it what it "
        "will be told.",
    ),
    "a fresher component": WrongAnswer(
        fresher_component,
        "You bought an online feature store over the same table; what it holds is no younger.",
    ),
    "prices alone": WrongAnswer(
        prices_alone,
        "You price the scores of a model that is still told other things than it was taught; "
        "its probabilities are no probabilities here.",
    ),
}


@lru_cache(maxsize=8)
def _logged(seed: int) -> pd.DataFrame:
    """The training table of a team that has logged what a table one day older told."""
    return logged_table(seed, AGE)


def _earned(system: System, seed: int, *, old: bool) -> float:
    """Cents of sixty days with last midnight's table, or with the one before it."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    stale = [mls.faults.CATALOGUE["stale_features"](start=0, end=DAYS, severity=AGE)]
    faults = stale if old else []
    return mls.simulate(world, system, days=DAYS, faults=faults, keep="metrics").value


@lru_cache(maxsize=8)
def _fresh(seed: int) -> float:
    """The bar: the notebook as shipped, on a table one day fresher."""
    return _earned(mls.naive_system(seed=seed), seed, old=False)


def _missing(system: System, seed: int) -> str:
    taught = len(system.inference.registry.versions) > 1
    if taught:
        return "Its model has learned from the log; look at what turns its scores into actions."
    if "decisions" in system.levels:
        return _SYSTEMS["prices alone"].message
    return _SYSTEMS["a fresher component" if "features" in system.levels else "as it is"].message


def _beats_the_fresh_table(answer: Any, generator: np.random.Generator) -> str | None:
    seed = int(generator.choice(WORLDS))
    system = answer(seed, _logged(seed).copy())
    if not isinstance(system, System):
        kind = type(system).__name__
        return f"yours returns a {kind}; return a system, as `mls.assemble(...)` makes one."
    if isinstance(system.inference.model, type(mls.reference_system().inference.model)):
        return "The true probability is not for sale; build with a model that reads features."
    system.charged = True
    mine, bar = _earned(system, seed, old=True), _fresh(seed)
    if mine >= bar:
        return None
    return (
        f"in world {seed} yours earns {mine / 100:,.0f} euros in {DAYS} days; the notebook's "
        f"system on a table one day fresher earns {bar / 100:,.0f}. {_missing(system, seed)}"
    )


q4 = Question(
    id="lesson03.q4",
    prompt=(
        "Design: all quarter the nightly job will run a day late, and nobody can change that. "
        "`logged` is the training table that your own serving has written: the features as *that* "
        "table told them, with labels. Write `my_system(seed, logged)`. The bar: in worlds that "
        "you have not seen, with the table a day older, earn what the notebook's system earns "
        "with last midnight's."
    ),
    starter="""
        def my_system(seed, logged):
            rows = mls.presets.training_rows(logged)
            model = ...
            system = mls.assemble({"model"}, seed=seed)
            system.inference.registry.adopt(mls.inference.ModelVersion("mine", model))
            return system
    """,
    hints=(
        "What a model is taught and what it is told must come through one pipe. Then ask lesson "
        "02 what else turns a score into money.",
        'Fit `mls.models.BoostedModel(random_state=seed)` on `rows` and `rows["label"]`; a cut '
        "that was chosen for another model is no good beside it.",
        '`mls.assemble({"model", "decisions"}, seed=seed)` around the model fitted on `rows`.',
    ),
    answer=my_system,
    rule=_beats_the_fresh_table,
    wrong_answers=_SYSTEMS,
    explanation=(
        "Taught on what it will be told, the model wins back most of what the older table costs; "
        "prices do the rest. Training on logged features is the one repair that needs no second "
        "pipeline to be kept equal to the first (Zinkevich, rule 29). Prices need probabilities, "
        "so they pay once the scores mean again what they say."
    ),
    seeds=(1,),
)  # fmt: skip
