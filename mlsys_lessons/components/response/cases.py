"""A case: one thing that somebody noticed, from there until it is closed; and what people see.

Plain frozen data. Who opens a case is told in noticing.py, who works on it in desk.py, what truly
lies behind it only reality knows (simulation/incidents.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlsys_lessons.components.response.mitigations import Mitigation
from mlsys_lessons.domain import path

ALERT, TILL, CUSTOMERS, CHANCE = WAYS = ("alert", "till", "customers", "chance")
NAMED, SCORES, MONEY = CLARITIES = ("named", "scores", "money")  # what evidence points at
_OF_LAYER = {"inputs": NAMED, "operations": NAMED, "outputs": SCORES, "decisions": SCORES}
_NAMES_A_FEED = ("business.missing_reports",)
FALSE_ALARM = "false alarm"
UNOWNED = "nobody in particular"  # the owner of an alert that has none


def clarity(evidence: str) -> str:
    """What a piece of evidence points at: a field or table by name, scores, or only money.

    >>> clarity("inputs.null_rate.amount"), clarity("outputs.psi_score"), clarity("till")
    ('named', 'scores', 'money')
    """
    layer = evidence.partition(".")[0]
    if evidence in _NAMES_A_FEED:
        return NAMED
    return SCORES if layer == CUSTOMERS else _OF_LAYER.get(layer, MONEY)


@dataclass(frozen=True)
class Alert:
    """One rule that fires today, with the line of the runbook that somebody wrote for it."""

    layer: str
    metric: str
    segment: str
    value: float
    threshold: float
    severity: str
    owner: str
    runbook: tuple[Mitigation, ...] = ()

    @property
    def path(self) -> str:
        """Its metric, as cases and faults name it: "inputs.null_rate.amount"."""
        return path(self.layer, self.metric, self.segment)


@dataclass(frozen=True)
class Case:
    """Something that somebody noticed. Times are days since day 0, at midnights whole ones.

    `evidence` begins with what opened the case; `cause` and `remedies` are what people found.
    """

    number: int
    opened: int
    noticed_by: str
    evidence: tuple[str, ...]
    owner: str
    severity: str = "ticket"
    acknowledged: float | None = None
    diagnosed: float | None = None
    cause: str = ""
    remedies: tuple[Mitigation, ...] = field(default=(), repr=False)
    mitigated: int | None = None
    repaired: float | None = None
    closed: int | None = None
    applied: tuple[Mitigation, ...] = ()

    @property
    def clarity(self) -> str:
        """The best of what the evidence points at."""
        return min((clarity(piece) for piece in self.evidence), key=CLARITIES.index)

    @property
    def is_open(self) -> bool:
        """Whether anybody still works on it."""
        return self.closed is None


@dataclass(frozen=True)
class Observation:
    """What a responder sees at a midnight: plain values, and no way to the truth behind them.

    `cases` are the open ones and those closed tonight, `metrics` today's numbers by path, `alerts`
    the rules that fire today, `in_force` the mitigations that stand.
    """

    tick: int
    alerts: tuple[Alert, ...] = ()
    metrics: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    cases: tuple[Case, ...] = ()
    in_force: tuple[Mitigation, ...] = ()

    def metric(self, path: str) -> float:
        """Today's value of a metric, "inputs.null_rate.amount" say; NaN where there is none."""
        return dict(self.metrics).get(path, float("nan"))
