"""Decisions: from a probability to an action, with its price, its reason and its propensity.

Fourth stage: inference -> decisions -> the world. stages.py is the two levels, policy.py the knobs
of the resilient one and the arithmetic of expected cents, cuts.py how a notebook chooses its cut.
"""

from mlsys_lessons.components.decisions.cuts import best_f1_cut
from mlsys_lessons.components.decisions.policy import Policy
from mlsys_lessons.components.decisions.stages import CostDecisions, ScoreCut

__all__ = ["CostDecisions", "Policy", "ScoreCut", "best_f1_cut"]
