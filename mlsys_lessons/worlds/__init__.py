"""Reality: people, traffic, fraudsters. Worlds know the truth; systems never import it."""

from mlsys_lessons.worlds.frames import Day, History
from mlsys_lessons.worlds.knobs import Drift
from mlsys_lessons.worlds.payments import PaymentsWorld, payments_world
from mlsys_lessons.worlds.people import Reviewers
from mlsys_lessons.worlds.state import WorldState

__all__ = [
    "Day",
    "Drift",
    "History",
    "PaymentsWorld",
    "Reviewers",
    "WorldState",
    "payments_world",
]
