"""Lesson 02's instruments: what the components around a model do to one request and to the till.

They read finished runs, and put a learner's prices into a system before it runs. No component is
built here; `presets.assemble` makes the systems that are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.decisions import CostDecisions, Policy
from mlsys_lessons.components.decisions.policy import amount_cents
from mlsys_lessons.lessons.wording import Passage
from mlsys_lessons.simulation.compare import compare
from mlsys_lessons.simulation.presets import naive_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.simulation.trace import IncidentLife
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import PaymentsWorld
from mlsys_lessons.worlds.payments.domain import COSTS

Floats = NDArray[np.float64]
Prices = Callable[[Floats, NDArray[np.int64]], tuple[Floats, Floats, Floats]]

SAME_OPINION = 0.02  # two scores this close are one opinion
DOUBT = (0.02, 0.5)  # below: taken for genuine; above: taken for fraud; between: doubt
STANDING = ("upkeep", "on_call", "page", "retraining")  # ledger items that ignore the traffic
SLIP, MINUTES = Policy.reviewer_slip, Policy.review_minutes  # what is expected of reviewers


# --- one request ---------------------------------------------------------------------------------


def rescued_frauds(naive: Run, resilient: Run) -> pd.DataFrame:
    """Frauds that one system paid and the other stopped, with both scores and both cuts.

    A row a request: request_id, the two scores, and the score from which either policy stops the
    payment that was paid; `saved` in cents. Left out are rows that broke the contract and the few
    whose amount differed so much between the runs (a thief who was stopped asks for less) that the
    resilient policy would have let the dearer one pass.
    """
    pair = compare(naive, resilient).requests
    rescues = pair[(pair["item_a"] == "fraud_loss") & (pair["item_b"] == "fraud_blocked")]
    paid, stopped = (_first_answers(run, rescues["request_id"]) for run in (naive, resilient))
    cut = naive.system.decisions.cut  # type: ignore[union-attr]
    cases = pd.DataFrame({
        "request_id": rescues["request_id"].to_numpy(),
        "score_naive": paid["score"].to_numpy(),
        "score_resilient": stopped["score"].to_numpy(),
        "cut_naive": cut,
        "cut_resilient": _cuts(stopped, paid["amount"], _queue_prices(resilient)),
        "saved": rescues["difference"].to_numpy(),
    })  # fmt: skip
    alike = cases["score_resilient"] >= cases["cut_resilient"]
    clean = ~stopped["is_quarantined"].to_numpy()
    return cases[alike & clean].sort_values("saved", ascending=False, ignore_index=True)


def same_opinion(cases: pd.DataFrame) -> int:
    """The dearest rescued request about which both systems had nearly the same score."""
    gap = (cases["score_naive"] - cases["score_resilient"]).abs()
    return int(cases.loc[gap <= max(SAME_OPINION, gap.min()), "request_id"].iloc[0])


def _first_answers(run: Run, ids: pd.Series) -> pd.DataFrame:
    log = run.log[run.log["request_id"].isin(ids)].drop_duplicates("request_id")
    return log.set_index("request_id").loc[ids.to_numpy()]


def _queue_prices(run: Run) -> pd.Series:
    """What a case had to be worth on each day to be held for a reviewer, in cents."""
    reviews = run.log[(run.log["action"] == "review") & (run.log["reason"] == "score")]
    return reviews.groupby(reviews["arrival_time"].dt.floor("D"))["review_value"].min()


def _cuts(rows: pd.DataFrame, amount: pd.Series, prices: pd.Series) -> Floats:
    """The lowest score at which the resilient policy holds or blocks a payment of this amount."""
    cents = np.rint(amount.fillna(0.0).to_numpy() * 100).astype(np.int64)
    price = prices.reindex(rows["arrival_time"].dt.floor("D").to_numpy()).fillna(np.inf)
    by_score = (rows["reason"] == "score").to_numpy()  # a business rule asks for no score
    return np.where(by_score, stopping_cut(cents, price.to_numpy()), 0.0)


def stopping_cut(cents: NDArray[np.int64], price: Floats | float = np.inf) -> Floats:
    """The fraud probability from which a payment is better stopped than approved.

    Blocking and reviewing are both lines in the probability, so each has one crossing with
    approving; the lower one counts. `price` is what a review must be worth in the day's queue.

    >>> stopping_cut(np.array([2_000, 80_000])).round(3).tolist()
    [0.136, 0.025]
    """
    margin, loss = COSTS.margin(cents), COSTS.fraud_loss(cents)
    block = (margin + COSTS.friction) / (margin + COSTS.friction + loss)
    slip = SLIP * (margin + COSTS.friction)  # a genuine customer in front of a wrong reviewer
    expense = MINUTES * COSTS.review_minute + COSTS.delay + price
    review = (expense + slip) / ((1 - SLIP) * loss + slip)
    return np.minimum(block, review)


# --- a whole run ---------------------------------------------------------------------------------


def doubt(run: Run) -> pd.Series:
    """How the money that fraud is after divides by what the model says of it; shares of one."""
    first = run.log.drop_duplicates("request_id").set_index("request_id")
    truth = run.truth().loc[first.index]
    stake = (truth["true_probability"] * truth["true_amount_cents"]).to_numpy()
    place = np.digitize(first["score"].fillna(0.0).to_numpy(), DOUBT)
    shares = np.bincount(place, stake, minlength=3) / stake.sum()
    return pd.Series(shares, ["taken for genuine", "in doubt", "taken for fraud"])


def standing_cost(a: Run, b: Run) -> int:
    """Cents that run b spent beyond run a on items that ignore the traffic."""
    bills = [-run.ledger.loc[run.ledger["item"].isin(STANDING), "cents"].sum() for run in (a, b)]
    return int(bills[1] - bills[0])


def by_traffic(naive: Run, resilient: Run, traffic: list[int]) -> pd.Series:
    """Cents a day that the resilient system adds at other volumes than the one that was run.

    What hangs on payments grows with them; upkeep, on-call, pages and retraining do not.
    """
    gaps = []
    for run in (naive, resilient):
        items = run.ledger.groupby("item", observed=True)["cents"].sum()
        standing = items.reindex(STANDING).fillna(0).sum()
        gaps.append(((items.sum() - standing) / run.days, standing / run.days))
    (moving_a, standing_a), (moving_b, standing_b) = gaps
    scale = np.array(traffic) / naive.world.daily
    return pd.Series((moving_b - moving_a) * scale + standing_b - standing_a, traffic)


# --- the learner's component ---------------------------------------------------------------------


class Priced(CostDecisions):
    """The resilient decision stage with a learner's prices of the three actions."""

    def __init__(self, seed: int, prices: Prices) -> None:
        super().__init__(seed)
        self.prices = prices

    def expected_cents(self, frame: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Ask the learner's function; everything else stays as it was."""
        cents = amount_cents(frame, self.domain, self.policy.typical_genuine)
        approve, block, review = self.prices(frame["score"].to_numpy().copy(), cents)
        return np.asarray(approve), np.asarray(block), np.asarray(review)


def priced(system: System, expected_cents: Prices) -> System:
    """A copy of a system whose decisions go by the given prices; it pays for the component."""
    return system.with_(decisions=Priced(system.seed, expected_cents))


def replay(expected_cents: Prices, naive: Run) -> Passage:
    """The naive run once more, same luck, deciding by the given prices: the difference in money."""
    probe: Any = expected_cents(np.array([0.1, 0.9]), np.array([2_000, 80_000]))
    if probe is None or any(price is ... or price is None for price in probe):
        return Passage(
            "[not attempted] your prices are still open: fill `expected_cents` in above."
        )
    system = priced(naive_system(seed=naive.system.seed), expected_cents)
    run = simulate(naive.world, system, days=naive.days, faults=naive.faults)
    pair = compare(naive, run).requests
    stopped = int(((pair["item_a"] == "fraud_loss") & (pair["item_b"] == "fraud_blocked")).sum())
    wronged = int(((pair["item_a"] == "margin") & (pair["item_b"] == "friction")).sum())
    return Passage(
        f"Your prices, the same model, the same {naive.days} days: "
        f"{(run.value - naive.value) / 100:+,.0f} euros.\n"
        f"{stopped} frauds that were paid before are stopped; {wronged} customers more are wronged."
    )


# --- a picture of claim C4 ------------------------------------------------------------------------


def shares_by_order(table: pd.DataFrame) -> pd.DataFrame:
    """Claim C4's table as bars: the model's part and everything else's, by order of building."""
    ordinary = table[table["incidents"] == 1.0].set_index("component")["share"]
    model = pd.Series({
        "model added first": ordinary["model first"],
        "mean of all orders": ordinary["model"],
        "model added last": ordinary["model last"],
    })  # fmt: skip
    return pd.DataFrame({"model": model, "everything around it": 1 - model})


# --- one incident --------------------------------------------------------------------------------


def life(world: PaymentsWorld, system: System, fault: Fault, days: int = 60) -> IncidentLife:
    """The life of one fault in a system, priced by the same days without it."""
    hit, spared = (
        simulate(world, system, days=days, faults=faults, keep="metrics")
        for faults in ([fault], [])
    )
    return hit.life(0, twin=spared)
