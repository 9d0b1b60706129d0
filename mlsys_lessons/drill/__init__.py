"""The on-call drill: one incident, a clock, evidence and actions with prices, and a score.

The player is a responder of the course's own system: what it sees and what it may change is what
the course's on-call sees and changes (components/response). Here are the incident as a state
machine (incident.py), what can be looked at (evidence.py), the scenarios as data (scenario.py) and
the faults that only they have (faults.py), the score (score.py), reference policies (policies.py)
and the table of a league (league.py).
"""

from mlsys_lessons.drill.evidence import SHELF, Evidence
from mlsys_lessons.drill.incident import Incident
from mlsys_lessons.drill.observation import Observation
from mlsys_lessons.drill.policies import POLICIES
from mlsys_lessons.drill.scenario import DrillScenario, names, scenario
from mlsys_lessons.drill.score import Score

__all__ = [
    "POLICIES", "SHELF", "DrillScenario", "Evidence", "Incident", "Observation", "Score", "names",
    "scenario",
]  # fmt: skip
