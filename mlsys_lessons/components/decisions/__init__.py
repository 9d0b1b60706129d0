"""Decisions: from a probability to an action, with its price, its reason and its propensity.

Fourth stage: inference -> decisions -> the world. stages.py is the two levels, policy.py the knobs
of the resilient one and the arithmetic of expected cents, cuts.py how a notebook chooses its cut,
curves.py what each cut would earn. Against whoever probes: randomised.py, a cut that moves by
request, and rate_limit.py, a limit around any policy.
"""

from mlsys_lessons.components.decisions.curves import (
    best_possible,
    cents_by_cut,
    net_benefit,
    worth_reviewing,
)
from mlsys_lessons.components.decisions.cuts import best_f1_cut
from mlsys_lessons.components.decisions.policy import Policy
from mlsys_lessons.components.decisions.randomised import RandomisedCut
from mlsys_lessons.components.decisions.rate_limit import RateLimit
from mlsys_lessons.components.decisions.stages import CostDecisions, ScoreCut

__all__ = [
    "CostDecisions", "Policy", "RandomisedCut", "RateLimit", "ScoreCut", "best_f1_cut",
    "best_possible", "cents_by_cut", "net_benefit", "worth_reviewing",
]  # fmt: skip
